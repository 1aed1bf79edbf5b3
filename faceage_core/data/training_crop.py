"""The crop that age networks of this project are trained and served with."""

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.crops import LandmarkCrop
from faceage_core.cards.model_card import AgeCard
from faceage_core.errors import InvalidArgument


def training_crop(size_px: int, margin: float) -> LandmarkCrop:
    """The crop of the dlib-age card at another size, widened about its center.

    A prepared data set records it. The card of a model trained on that data set states the same
    crop or, if the training used random parts of it, its center part.

    Args:
        size_px: width and height of the crop.
        margin: how much wider, as a fraction: 0.25 shows a quarter more in each direction.

    Raises:
        InvalidArgument: the size or the margin is out of range.
    """
    if size_px < 1 or margin <= -1:
        raise InvalidArgument(
            f"a crop's size must be > 0 and its margin > -1, got {size_px} and {margin}"
        )
    crop = shipped_card("dlib-age", AgeCard).input.crop
    assert isinstance(crop, LandmarkCrop)
    return LandmarkCrop(size_px=size_px, template=crop.template).widened(1 + margin)
