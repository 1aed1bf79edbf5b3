"""The whole comparison picture: both photos with captions and faces, and the verdict."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from faceage_core.render.elements import Panel, Verdict
from faceage_core.render.faces import draw_faces
from faceage_core.render.layout import Rect, compute_layout, rect_size
from faceage_core.render.shapes import BACKGROUND, DARK, WHITE, fill_rectangle
from faceage_core.render.text import font, printable, truncate_middle
from faceage_core.render.verdict_bar import draw_verdict_bar

_CAPTION_SIZE = 20
# Above this magnification, interpolation looks like a blurred photo; squares show the real pixels.
_MAX_INTERPOLATED_SCALE = 12.0


def render_comparison(left: Panel, right: Panel, verdict: Verdict) -> NDArray[np.uint8]:
    """Draw both photos side by side with their faces, and the verdict below.

    Args:
        left: the first photo; it is not modified.
        right: the second photo; it is not modified.
        verdict: the result of comparing the chosen faces.

    Returns:
        [H, W, 3] uint8 RGB, at most 1600 wide and 1056 high for photos of any size.
    """
    layout = compute_layout(left.size, right.size)
    canvas = Image.new("RGB", layout.size, WHITE)
    for i, panel in enumerate((left, right)):
        fill_rectangle(canvas, layout.panels[i], BACKGROUND)
        canvas.paste(_scaled(panel.image, layout.photos[i]), layout.photos[i])
        draw_faces(canvas, panel, layout.panels[i], layout.photos[i])
        _draw_caption(canvas, panel.caption, layout.captions[i])
    draw_verdict_bar(canvas, verdict, layout.verdict)
    return np.array(canvas)


def _scaled(image: NDArray[np.uint8], photo: Rect) -> Image.Image:
    size = rect_size(photo)
    if max(size[0] / image.shape[1], size[1] / image.shape[0]) > _MAX_INTERPOLATED_SCALE:
        return Image.fromarray(image).resize(size, Image.Resampling.NEAREST)
    return Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _draw_caption(canvas: Image.Image, caption: str, area: Rect) -> None:
    text = truncate_middle(printable(caption), _CAPTION_SIZE, area[2] - area[0])
    position = area[0], (area[1] + area[3]) / 2
    ImageDraw.Draw(canvas).text(position, text, DARK, font(_CAPTION_SIZE), anchor="lm")
