"""The description of a whole data set."""

import pyarrow as pa
import pytest

from faceage_core.data.describe.columns import Columns
from faceage_core.data.describe.description import Description, describe
from faceage_core.data.describe.statistics import Repeats
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.errors import InvalidDataset
from tests.core.data.describe.factories import words
from tests.core.data.factories import manifest_of


def test_a_whole_data_set(description: Description) -> None:
    assert description.ages.count == 6
    assert description.bands.counts.nonzero()[0].tolist() == [0, 5, 12]
    assert description.groups["gender"] == {"male": 3, "female": 2, "not stated": 1}
    assert description.groups["race"] == {"White": 4, "Black": 1, "not stated": 1}
    assert description.joint["gender"].counts.sum(axis=1).tolist() == [3, 2, 1]
    assert description.sizes == {(160, 160): 5, (200, 160): 1}
    assert description.same_file == Repeats(1, 2, 1)
    assert description.same_look == Repeats(2, 4, 2)
    assert description.same_person == Repeats(1, 2, 1)
    assert description.rejected == {"unreadable_image": 2, "age_missing": 1}
    train, val = description.splits
    assert (train.name, train.ages.count, train.identities) == ("train", 4, 2)
    assert train.share == pytest.approx(4 / 6)
    assert train.female == pytest.approx(2 / 3)
    assert val.female == 0
    assert val.distance == train.distance == 0.5


def test_looks_use_the_distance_of_the_splits(columns: Columns) -> None:
    options = PrepareOptions(dataset="generated", near_duplicate_bits=0)
    strict = describe("faces", manifest_of({}, options=options), columns, words())
    assert strict.same_look.groups == 1


@pytest.mark.parametrize("age", [-1.0, float("nan")])
def test_an_invalid_age_is_an_error(columns: Columns, age: float) -> None:
    ages = pa.array([age] * 6, pa.float32())
    broken = Columns(
        columns.table.set_column(0, "age_years", ages),
        columns.split_names,
        columns.split_of,
        columns.parts,
    )
    with pytest.raises(InvalidDataset, match="contains an age that is negative, NaN or infinite"):
        describe("faces", manifest_of({}), broken, words())
