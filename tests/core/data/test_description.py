"""The description of a data set: figures with known answers, and what they mean in words."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from faceage_core.data.describe.columns import Columns, read_columns
from faceage_core.data.describe.description import Description, describe
from faceage_core.data.describe.samples import choose_rows, read_samples
from faceage_core.data.describe.statistics import (
    Repeats,
    age_bands,
    joint_bands,
    ks_distance,
    repeats,
    same_looks,
    same_words,
    summarise_ages,
    word_counts,
)
from faceage_core.data.describe.sentences import imbalance, warnings
from faceage_core.data.layout import Layout, find_layout
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.errors import InvalidDataset
from tests.core.data.described import FAR, NEAR, even, words
from tests.core.data.generated import manifest_of, picture, row, write_prepared


def test_ages_known_answers() -> None:
    ages = summarise_ages(np.array([10.0, 20, 30, 40, 100]))
    assert (ages.count, ages.mean, ages.minimum, ages.maximum) == (5, 40, 10, 100)
    assert ages.quartiles == (20, 30, 40)
    assert ages.std == pytest.approx(np.sqrt(1000))


def test_bands_hold_their_lower_edge() -> None:
    bands = age_bands(np.array([0, 4.9, 5, 9.99, 10, 22.0]), 5)
    assert bands.edges.tolist() == [0, 5, 10, 15, 20, 25]
    assert bands.counts.tolist() == [2, 2, 1, 0, 1]
    assert bands.label(1) == "5-9"
    assert bands.peak == 0


def test_words_are_counted_with_what_is_missing() -> None:
    assert list(word_counts(words("b", "a", None, "b", "a", "b")).items()) == [
        ("b", 3),
        ("a", 2),
        ("not stated", 1),
    ]
    assert word_counts(words()) == {}


def test_a_word_that_reads_like_what_is_missing_is_counted_with_it() -> None:
    assert word_counts(words("not stated", None, "a", None)) == {"not stated": 3, "a": 1}


def test_ages_by_group() -> None:
    joint = joint_bands(
        np.array([1.0, 12, 13, 1]), words("f", "f", None, "m"), ("f", "m", "not stated"), 10
    )
    assert joint.counts.tolist() == [[1, 1], [1, 0], [0, 1]]
    assert joint.edges.tolist() == [0, 10, 20]


def test_kolmogorov_smirnov_known_answers() -> None:
    low, high = np.array([1.0, 2, 3, 4]), np.array([5.0, 6])
    assert ks_distance(low, high) == 1
    assert ks_distance(low, low[::-1]) == 0
    assert ks_distance(low, np.array([3.0, 4])) == 0.5


def test_kolmogorov_smirnov_is_scipys() -> None:
    from scipy.stats import ks_2samp

    draw = np.random.default_rng(0)
    first = draw.integers(0, 90, 300).astype(np.float64)
    second = draw.integers(10, 70, 200).astype(np.float64)
    assert ks_distance(first, second) == pytest.approx(ks_2samp(first, second).statistic)


def test_repeats_known_answers() -> None:
    found = repeats(np.array([0, 0, 1, 2, 2, 2, -1, -1]), np.array([0, 1, 0, 1, 1, 1, 0, 1]))
    assert found == Repeats(groups=2, pictures=5, groups_across_splits=1)
    assert repeats(np.array([-1, -1]), np.array([0, 1])) == Repeats(0, 0, 0)


def test_same_words_and_looks() -> None:
    assert same_words(words("x", None, "y", "x")).tolist() == [0, -1, 1, 0]
    looks = same_looks(words(FAR[0], FAR[1], NEAR, FAR[0]), 4)
    assert looks[0] == looks[2] == looks[3] != looks[1]
    exact = same_looks(words(FAR[0], FAR[1], NEAR, FAR[0]), 0)
    assert exact[0] == exact[3] != exact[2]


def test_a_whole_data_set(described: Description) -> None:
    assert described.ages.count == 6
    assert described.bands.counts.nonzero()[0].tolist() == [0, 5, 12]
    assert described.groups["gender"] == {"male": 3, "female": 2, "not stated": 1}
    assert described.groups["race"] == {"White": 4, "Black": 1, "not stated": 1}
    assert described.joint["gender"].counts.sum(axis=1).tolist() == [3, 2, 1]
    assert described.sizes == {(160, 160): 5, (200, 160): 1}
    assert described.same_file == Repeats(1, 2, 1)
    assert described.same_look == Repeats(2, 4, 2)
    assert described.same_person == Repeats(1, 2, 1)
    assert described.rejected == {"unreadable_image": 2, "age_missing": 1}
    train, val = described.splits
    assert (train.name, train.ages.count, train.identities) == ("train", 4, 2)
    assert train.share == pytest.approx(4 / 6)
    assert train.female == pytest.approx(2 / 3)
    assert val.female == 0
    assert val.distance == train.distance == 0.5


def test_looks_are_judged_as_the_splits_were_made(columns: Columns) -> None:
    options = PrepareOptions(dataset="generated", near_duplicate_bits=0)
    strict = describe("faces", manifest_of({}, options=options), columns, words())
    assert strict.same_look.groups == 1


@pytest.mark.parametrize("age", [-1.0, float("nan")])
def test_an_age_that_is_none_is_refused(columns: Columns, age: float) -> None:
    ages = pa.array([age] * 6, pa.float32())
    broken = Columns(
        columns.table.set_column(0, "age_years", ages),
        columns.split_names,
        columns.split_of,
        columns.parts,
    )
    with pytest.raises(InvalidDataset, match="holds an age that is negative or no number"):
        describe("faces", {}, broken, words())


def test_pictures_are_not_read_for_the_figures(layout: Layout, columns: Columns) -> None:
    assert "image" not in columns.table.column_names
    assert columns.table.nbytes < 400 * len(columns.ages)
    assert columns.parts == (
        ("train/part-00000.parquet", 2),
        ("train/part-00001.parquet", 2),
        ("val/part-00000.parquet", 1),
        ("val/part-00001.parquet", 1),
    )


def test_imbalance_in_words(described: Description) -> None:
    text = " ".join(imbalance(described))
    assert "The fullest age band of ten years, 20-29, holds 4 pictures (67%)" in text
    assert "0-9, holds 1: 4 to 1" in text
    assert "By race they range from 4 (White) to 1 (Black), 4.0 to 1." in text
    assert "Pictures without a stated gender: 1." in text
    assert "loss.balance=weights" in text
    assert "loss.balance=oversample" in text
    assert "oversampling by age density" in text


def test_an_even_data_set_is_called_even() -> None:
    text = " ".join(imbalance(even(160)))
    assert "The age bands of ten years are about evenly filled." in text
    assert "By gender the pictures are about even." in text
    assert warnings(even(160)) == ()


def test_a_group_that_is_alone_is_named() -> None:
    text = " ".join(imbalance(even(80, gender=words(*["female", None] * 40))))
    assert "Pictures without a stated gender: 40." in text
    assert "All pictures with a stated gender are female." in text
    assert "stated gender are" not in " ".join(imbalance(even(80, gender=words(*[None] * 80))))


@pytest.mark.parametrize(
    ("ages", "sentence"),
    [
        ([25, 85], "No picture shows ages 30-79."),
        ([25, 45, 75], "No picture shows ages 30-39 or 50-69."),
        ([5, 25, 45, 65], "No picture shows ages 10-19, 30-39 or 50-59."),
        ([25, 25, 45], "No picture shows ages 30-39."),
    ],
)
def test_bands_that_are_empty_between_others_are_named(ages: list[int], sentence: str) -> None:
    column = pa.chunked_array([pa.array(ages * 40, pa.float32())])
    text = " ".join(imbalance(even(len(column), age_years=column)))
    assert sentence in text
    assert "evenly filled" not in text
    assert ("The fullest age band" in text) == (len(set(ages)) < len(ages))


def test_the_trainer_is_said_to_have_no_remedy_for_groups(described: Description) -> None:
    assert "For gender and race the trainer has no remedy" in " ".join(imbalance(described))


def test_leaks_are_warned_of(described: Description) -> None:
    assert [text.partition(". Results")[0] for text in warnings(described)] == [
        "Groups of identical files that lie in more than one split: 1",
        "Groups of pictures that look the same that lie in more than one split: 2",
        "Groups of pictures of one identity that lie in more than one split: 1",
    ]


def test_unlike_splits_are_warned_of_unless_it_may_be_chance() -> None:
    def older_by(years: int) -> pa.ChunkedArray:
        ages = [float(i % 40 + years * (i // 40 % 2)) for i in range(320)]
        return pa.chunked_array([pa.array(ages, pa.float32())])

    assert [text[:40] for text in warnings(even(320, age_years=older_by(12)))] == [
        "The ages of train are unlike those of th",
        "The ages of val are unlike those of the ",
    ]
    assert warnings(even(320, age_years=older_by(5))) == ()  # 0.125 of 160 each


def test_samples_cover_every_band_and_stay_the_same(columns: Columns) -> None:
    assert choose_rows(columns, 10, per_band=1) == choose_rows(columns, 10, per_band=1)
    ages = [columns.ages[index] for index in choose_rows(columns, 10, per_band=2)]
    assert [int(age // 10) for age in ages] == [0, 2, 2, 6]
    assert ages == sorted(ages)
    digests = columns.table["sha256"].to_pylist()
    twenties = sorted((1, 2, 3, 4), key=lambda index: digests[index])
    assert choose_rows(columns, 10, per_band=1)[1] == twenties[0]


def test_samples_are_the_rows_asked_for(layout: Layout, columns: Columns) -> None:
    samples = read_samples(layout, columns, [3, 0, 4])
    assert [(s.age_years, s.gender, s.split) for s in samples] == [
        (pytest.approx(29.9), "male", "train"),
        (4.5, "female", "train"),
        (25, "male", "val"),
    ]
    for sample, seed in zip(samples, (4, 1, 5), strict=True):
        assert sample.jpeg is not None
        with (
            Image.open(BytesIO(picture(seed))) as original,
            Image.open(BytesIO(sample.jpeg)) as got,
        ):
            assert got.size == (96, 96)
            expected = np.asarray(original.resize((96, 96))).astype(int)
            assert np.abs(np.asarray(got) - expected).mean() < 6


def test_a_sample_that_cannot_be_read_is_a_value(tmp_path: Path) -> None:
    root = write_prepared(tmp_path / "faces", {"train": [row(1, image=b"none"), row(2)]}, parts=1)
    layout = find_layout(root)
    broken, whole = read_samples(layout, read_columns(layout), [0, 1])
    assert broken.jpeg is None
    assert whole.jpeg is not None
