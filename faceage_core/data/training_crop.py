"""The frame in which age networks are trained here, and so the frame in which they are served."""

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.crops import LandmarkCrop
from faceage_core.cards.model_card import AgeCard
from faceage_core.errors import InvalidArgument


def training_crop(size_px: int, margin: float) -> LandmarkCrop:
    """The dlib-age card's crop at another size, widened about its middle.

    A prepared data set records it, and the card of a model trained on that states it or, where the
    training looks at random parts of it, its middle.

    Args:
        size_px: width and height of the crop.
        margin: how much wider, as a fraction: 0.25 shows a quarter more in each direction.

    Raises:
        InvalidArgument: no such crop exists.
    """
    if size_px < 1 or margin <= -1:
        raise InvalidArgument(
            f"a crop's size must be > 0 and its margin > -1, got {size_px} and {margin}"
        )
    crop = shipped_card("dlib-age", AgeCard).input.crop
    assert isinstance(crop, LandmarkCrop)
    return LandmarkCrop(size_px=size_px, template=crop.template).widened(1 + margin)
