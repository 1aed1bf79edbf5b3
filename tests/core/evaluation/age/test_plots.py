import numpy as np
import pytest

from faceage_core.evaluation.age.plots import confusion_by_decade, plots
from tests.core.evaluation.age.factories import SMALL, predictions, report


def test_confusion_counts_faces_by_decade() -> None:
    counts = confusion_by_decade(SMALL)
    assert counts.shape == (7, 7)
    assert {(int(r), int(c)): int(counts[r, c]) for r, c in np.argwhere(counts)} == {
        (0, 0): 1, (0, 1): 1, (1, 3): 1, (2, 2): 2, (4, 6): 1,
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 200])
def test_plots_of_few_and_many_faces(count: int) -> None:
    random = np.random.default_rng(count)
    true = random.uniform(0, 90, count)
    many = predictions(true.tolist(), np.clip(true + random.normal(0, 6, count), 0, 100).tolist())
    images = plots(many, report(many))
    assert all(content.startswith(b"\x89PNG") for content in images.values())
    assert len({len(content) for content in images.values()}) == 4
