"""The crops of model and data set must agree."""

import pytest

from faceage_core.cards.crops import BoxCrop, LandmarkCrop
from faceage_core.cards.input import InputSpec
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import InvalidArgument
from faceage_core.evaluation.age.provenance import center_fraction
from tests.core.evaluation.age.factories import card, manifest


def shifted(crop: LandmarkCrop) -> LandmarkCrop:
    template = [(x, y + 0.01) for x, y in crop.template]
    return LandmarkCrop.model_validate({"size_px": 160, "template": template})


def test_the_center_of_wider_images_is_used() -> None:
    share = center_fraction(card(), manifest(crop=training_crop(160, 0.4)), "faces")
    assert share == pytest.approx(1.25 / 1.4, abs=1e-5)


def test_the_crop_stated_for_training_is_used_if_the_manifest_has_none() -> None:
    data = {
        "split_hash": manifest().split_hash,
        "crop": training_crop(99, 0.4).model_dump(mode="json"),
    }
    trained = card(training={"data": [data]})
    share = center_fraction(trained, manifest(crop=None), "faces")
    assert share == pytest.approx(1.25 / 1.4, abs=1e-5)
    del data["crop"]
    with pytest.raises(InvalidArgument, match="crop none"):
        center_fraction(card(training={"data": [data]}), manifest(crop=None), "faces")


def test_the_crop_of_the_card_fits_at_any_size() -> None:
    assert center_fraction(card(), manifest(), "faces") == 1
    assert center_fraction(card(), manifest(crop=training_crop(96, 0.25)), "faces") == 1


@pytest.mark.parametrize(
    ("crop", "words"),
    [
        (training_crop(160, 0.1), "the margin of"),  # narrower than the model needs
        (shifted(training_crop(160, 0.4)), "the margin of"),
        (None, "crop none"),
    ],
)
def test_another_crop_is_an_error(crop: object, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        center_fraction(card(), manifest(crop=crop), "faces")


def test_another_kind_of_crop_is_an_error() -> None:
    spec = InputSpec(crop=BoxCrop(size_px=160, margin_px=0), mean=(0, 0, 0), scale=(1, 1, 1))
    with pytest.raises(InvalidArgument, match="by box, but faces has crops by landmarks"):
        center_fraction(card(input=spec), manifest(), "faces")
