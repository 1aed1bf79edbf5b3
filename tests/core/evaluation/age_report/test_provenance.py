"""The model and the data that a report is of."""

import pytest

from faceage_core.card import InputSpec
from faceage_core.detection.crops import BoxCrop
from faceage_core.detection.training_crop import training_crop
from faceage_core.errors import InvalidArgument
from faceage_core.evaluation.age.provenance import check_crop
from tests.core.evaluation.age_report.made import card, manifest, predictions


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="'race': 1"):
        predictions([20, 30], [20, 30], race=["a"])


def test_the_crop_of_the_card_fits_at_any_size() -> None:
    check_crop(card(), manifest(), "faces")
    check_crop(card(), manifest(crop=training_crop(96, 0.25)), "faces")


@pytest.mark.parametrize(
    ("crop", "words"),
    [
        (training_crop(160, 0.4), "--margin"),
        (None, "--crop none"),
    ],
)
def test_another_frame_is_refused(crop: object, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        check_crop(card(), manifest(crop=crop), "faces")


def test_another_kind_of_crop_is_refused() -> None:
    spec = InputSpec(crop=BoxCrop(size_px=160, margin_px=0), mean=(0, 0, 0), scale=(1, 1, 1))
    with pytest.raises(InvalidArgument, match="by box, but faces holds crops by landmarks"):
        check_crop(card(input=spec), manifest(), "faces")
