"""The model and the data that a report is of."""

import pytest

from faceage_core.cards.crops import BoxCrop, LandmarkCrop
from faceage_core.cards.input import InputSpec
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import InvalidArgument
from faceage_core.evaluation.age.provenance import seen_share
from tests.core.evaluation.age_report.made import card, manifest, predictions


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="'race': 1"):
        predictions([20, 30], [20, 30], race=["a"])


def shifted(crop: LandmarkCrop) -> LandmarkCrop:
    return LandmarkCrop(size_px=160, template=[(x, y + 0.01) for x, y in crop.template])


def test_of_wider_pictures_the_middle_is_seen() -> None:
    share = seen_share(card(), manifest(crop=training_crop(160, 0.4)), "faces")
    assert share == pytest.approx(1.25 / 1.4, abs=1e-5)


def test_a_frame_that_was_stated_for_training_is_known_again() -> None:
    data = {
        "split_hash": manifest().split_hash,
        "crop": training_crop(99, 0.4).model_dump(mode="json"),
    }
    trained = card(training={"data": [data]})
    share = seen_share(trained, manifest(crop=None), "faces")
    assert share == pytest.approx(1.25 / 1.4, abs=1e-5)
    del data["crop"]
    with pytest.raises(InvalidArgument, match="--crop none"):
        seen_share(card(training={"data": [data]}), manifest(crop=None), "faces")


def test_the_crop_of_the_card_fits_at_any_size() -> None:
    assert seen_share(card(), manifest(), "faces") == 1
    assert seen_share(card(), manifest(crop=training_crop(96, 0.25)), "faces") == 1


@pytest.mark.parametrize(
    ("crop", "words"),
    [
        (training_crop(160, 0.1), "--margin"),  # narrower: what is missing cannot be made up
        (shifted(training_crop(160, 0.4)), "--margin"),
        (None, "--crop none"),
    ],
)
def test_another_frame_is_refused(crop: object, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        seen_share(card(), manifest(crop=crop), "faces")


def test_another_kind_of_crop_is_refused() -> None:
    spec = InputSpec(crop=BoxCrop(size_px=160, margin_px=0), mean=(0, 0, 0), scale=(1, 1, 1))
    with pytest.raises(InvalidArgument, match="by box, but faces holds crops by landmarks"):
        seen_share(card(input=spec), manifest(), "faces")
