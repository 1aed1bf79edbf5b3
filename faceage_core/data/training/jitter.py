"""Jitter of training pictures: colours by torchvision's formulas, and sharpness; on one float copy.

torchvision goes back to bytes after every step, which takes half the time and rounds down; here
values stay as they are until the last step. Pictures are [3, H, W] float32 RGB in levels of 0-255,
and each function changes the one that it gets.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad
from torchvision.transforms import v2

# Of ITU-R BT.601, as torchvision's rgb_to_grayscale has them.
_LUMA = torch.tensor([0.2989, 0.587, 0.114])


class ColorJitter(v2.ColorJitter):  # type: ignore[misc]  # torchvision has no types
    """torchvision's jitter of [3, H, W] uint8 RGB: the same draws, to five levels of 255."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        image = inpt.to(torch.float32)
        for step in params["fn_idx"].tolist():
            name, adjust = _STEPS[step]
            if (factor := params[f"{name}_factor"]) is not None:
                image = adjust(image, factor)
        return image.add_(0.5).to(torch.uint8)


class SharpnessJitter(v2.Transform):  # type: ignore[misc]
    """Blurs or sharpens [3, H, W] uint8 RGB by a random factor between two.

    With factor 0 a picture becomes the mean of 3 x 3 pixels, with 1 it stays, and with more the
    difference grows. `v2.RandomAdjustSharpness` knows one factor, and blurs two thirds as much at
    most, as its 3 x 3 pixels weigh the middle five times.
    """

    def __init__(self, least: float, most: float) -> None:
        super().__init__()
        self._least, self._most = least, most

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The factor of one picture."""
        return {"factor": float(torch.empty(()).uniform_(self._least, self._most))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        image = inpt.to(torch.float32)
        blurred = avg_pool2d(pad(image[None], (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
        sharpened = torch.lerp(blurred, image, params["factor"])
        return sharpened.add_(0.5).clamp_(0, 255).to(torch.uint8)


def adjust_brightness(image: Tensor, factor: float) -> Tensor:
    """Every value times the factor."""
    return image.mul_(factor).clamp_(0, 255)


def adjust_contrast(image: Tensor, factor: float) -> Tensor:
    """From the picture's mean grey by the factor."""
    mean = float(_LUMA @ image.mean(dim=(1, 2)))
    return image.mul_(factor).add_((1 - factor) * mean).clamp_(0, 255)


def adjust_saturation(image: Tensor, factor: float) -> Tensor:
    """From each pixel's own grey by the factor."""
    grey = (_LUMA @ image.view(3, -1)).view(image.shape[1:])
    return image.mul_(factor).add_(grey, alpha=1 - factor).clamp_(0, 255)


def adjust_hue(image: Tensor, shift: float) -> Tensor:
    """Turn the hue of HSV, in one pass over the three channels.

    With value v, chroma c, and d how far the hue is from red, green or blue, in sixths of the
    circle, that channel is v - c * clamp(d - 1, 0, 1). This is HSV_to_RGB_alternative of
    https://en.wikipedia.org/wiki/HSL_and_HSV in other words.

    Args:
        image: the picture.
        shift: parts of the circle, -0.5 to 0.5.
    """
    red, green, blue = image.unbind(0)
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    per_chroma = chroma.clamp(min=1).reciprocal_()  # with less than a level there is only grey
    hue = torch.where(
        value == red,
        (green - blue) * per_chroma,
        torch.where(value == green, (blue - red) * per_chroma + 2, (red - green) * per_chroma + 4),
    )
    distance = hue - (torch.tensor([0.0, 2.0, 4.0]).view(3, 1, 1) - 6 * shift)
    distance.sub_((distance / 6).round_().mul_(6)).abs_()
    return torch.sub(value, distance.sub_(1).clamp_(0, 1).mul_(chroma))


# In torchvision's order, by which it draws.
_STEPS: tuple[tuple[str, Callable[[Tensor, float], Tensor]], ...] = (
    ("brightness", adjust_brightness),
    ("contrast", adjust_contrast),
    ("saturation", adjust_saturation),
    ("hue", adjust_hue),
)
