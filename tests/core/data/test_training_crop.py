import pytest

from faceage_core.cards.crops import LandmarkCrop
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import InvalidArgument


def test_the_training_crop_is_the_crop_of_the_age_card_widened() -> None:
    tight, wide = training_crop(160, 0), training_crop(160, 0.5)
    assert tight.template[0] == (0.305, 0.2945)
    assert wide.template[0] == pytest.approx((0.37, 0.363), abs=1e-6)
    assert LandmarkCrop.model_validate_json(wide.model_dump_json()) == wide
    with pytest.raises(InvalidArgument):
        training_crop(0, 0.25)
