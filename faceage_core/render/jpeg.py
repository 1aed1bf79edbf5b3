"""JPEG encoding of a picture."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from faceage_core.errors import InvalidArgument
from faceage_core.render.elements import require_rgb


def encode_jpeg(picture: NDArray[np.uint8], quality: int = 90) -> bytes:
    """Encode a picture as a JPEG without EXIF or other metadata.

    Args:
        picture: [H, W, 3] uint8 RGB.
        quality: 1-100.

    Raises:
        InvalidArgument: the picture has another shape or dtype, or `quality` is out of range.
    """
    require_rgb("picture", picture)
    if not 1 <= quality <= 100:
        raise InvalidArgument(f"quality must be 1-100, got {quality}")
    encoded = io.BytesIO()
    # No chroma subsampling: it blurs the edges of coloured lines and text.
    Image.fromarray(picture).save(
        encoded, format="JPEG", quality=quality, subsampling=0, optimize=True
    )
    return encoded.getvalue()
