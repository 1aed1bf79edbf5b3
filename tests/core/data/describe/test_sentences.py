"""Sentences about imbalance, leaks and shifted splits."""

import pyarrow as pa
import pytest

from faceage_core.data.describe.description import Description
from faceage_core.data.describe.sentences import imbalance, warnings
from tests.core.data.describe.factories import balanced, words


def test_imbalance_sentences(description: Description) -> None:
    text = " ".join(imbalance(description))
    assert "The largest age band of ten years, 20-29, contains 4 images (67%)" in text
    assert "0-9, contains 1: 4 to 1" in text
    assert "By race the groups range from 4 (White) to 1 (Black), 4.0 to 1." in text
    assert "Images without a stated gender: 1." in text
    assert "loss.balance=weights" in text
    assert "loss.balance=oversample" in text
    assert "oversampling by age density" in text


def test_a_balanced_data_set_is_called_balanced() -> None:
    text = " ".join(imbalance(balanced(160)))
    assert "The age bands of ten years are balanced." in text
    assert "By gender the images are balanced." in text
    assert warnings(balanced(160)) == ()


def test_a_single_group_is_named() -> None:
    text = " ".join(imbalance(balanced(80, gender=words(*["female", None] * 40))))
    assert "Images without a stated gender: 40." in text
    assert "All images with a stated gender are female." in text
    assert "stated gender are" not in " ".join(imbalance(balanced(80, gender=words(*[None] * 80))))


@pytest.mark.parametrize(
    ("ages", "sentence"),
    [
        ([25, 85], "No image is of ages 30-79."),
        ([25, 45, 75], "No image is of ages 30-39 or 50-69."),
        ([5, 25, 45, 65], "No image is of ages 10-19, 30-39 or 50-59."),
        ([25, 25, 45], "No image is of ages 30-39."),
    ],
)
def test_empty_bands_between_others_are_named(ages: list[int], sentence: str) -> None:
    column = pa.chunked_array([pa.array(ages * 40, pa.float32())])
    text = " ".join(imbalance(balanced(len(column), age_years=column)))
    assert sentence in text
    assert "are balanced" not in text.partition(" By ")[0]
    assert ("The largest age band" in text) == (len(set(ages)) < len(ages))


def test_the_trainer_has_no_remedy_for_groups(description: Description) -> None:
    assert "For gender and race the trainer has no remedy" in " ".join(imbalance(description))


def test_warnings_about_leaks(description: Description) -> None:
    assert [text.partition(". Results")[0] for text in warnings(description)] == [
        "Groups of identical files in more than one split: 1",
        "Groups of images that look the same in more than one split: 2",
        "Groups of images of one identity in more than one split: 1",
    ]


def test_warnings_about_different_splits_unless_by_chance() -> None:
    def older_by(years: int) -> pa.ChunkedArray:
        ages = [float(i % 40 + years * (i // 40 % 2)) for i in range(320)]
        return pa.chunked_array([pa.array(ages, pa.float32())])

    assert [text[:40] for text in warnings(balanced(320, age_years=older_by(12)))] == [
        "The ages of train differ from those of t",
        "The ages of val differ from those of the",
    ]
    assert warnings(balanced(320, age_years=older_by(5))) == ()  # 0.125 of 160 each
