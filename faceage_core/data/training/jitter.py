"""Random colour and sharpness of training images, computed on one float copy.

torchvision converts to uint8 after every step, which takes half the time and rounds down; here
values stay float until the last step. The `adjust_` functions take [3, H, W] float32 RGB in levels
of 0-255 and change it in place.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad
from torchvision.transforms import v2

# ITU-R BT.601, as in torchvision's rgb_to_grayscale.
_LUMA = torch.tensor([0.2989, 0.587, 0.114])


class ColorJitter(v2.ColorJitter):  # type: ignore[misc]  # torchvision has no types
    """torchvision's jitter of [3, H, W] uint8 RGB: the same draws, equal to five levels of 255."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        image = inpt.to(torch.float32)
        for step in params["fn_idx"].tolist():
            name, adjust = _STEPS[step]
            if (factor := params[f"{name}_factor"]) is not None:
                image = adjust(image, factor)
        return image.add_(0.5).to(torch.uint8)


class SharpnessJitter(v2.Transform):  # type: ignore[misc]
    """Blurs or sharpens [3, H, W] uint8 RGB by a random factor between `least` and `most`.

    Factor 0 gives the mean of 3 x 3 pixels, factor 1 the image itself, and a larger factor
    increases the difference between the two. `v2.RandomAdjustSharpness` has one fixed factor, and
    blurs at most two thirds as much because its 3 x 3 kernel weighs the centre five times.
    """

    def __init__(self, least: float, most: float) -> None:
        super().__init__()
        self._least, self._most = least, most

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the factor of one image."""
        return {"factor": float(torch.empty(()).uniform_(self._least, self._most))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        image = inpt.to(torch.float32)
        blurred = avg_pool2d(pad(image[None], (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
        sharpened = torch.lerp(blurred, image, params["factor"])
        return sharpened.add_(0.5).clamp_(0, 255).to(torch.uint8)


def adjust_brightness(image: Tensor, factor: float) -> Tensor:
    """Multiply every value by the factor."""
    return image.mul_(factor).clamp_(0, 255)


def adjust_contrast(image: Tensor, factor: float) -> Tensor:
    """Scale the difference from the image's mean grey by the factor."""
    mean = float(_LUMA @ image.mean(dim=(1, 2)))
    return image.mul_(factor).add_((1 - factor) * mean).clamp_(0, 255)


def adjust_saturation(image: Tensor, factor: float) -> Tensor:
    """Scale the difference from each pixel's grey by the factor."""
    grey = (_LUMA @ image.view(3, -1)).view(image.shape[1:])
    return image.mul_(factor).add_(grey, alpha=1 - factor).clamp_(0, 255)


def adjust_hue(image: Tensor, shift: float) -> Tensor:
    """Shift the hue of HSV, in one pass over the three channels.

    With value v, chroma c, and d the distance of the hue from red, green or blue in sixths of the
    circle, that channel is v - c * clamp(d - 1, 0, 1). This is the section "HSV to RGB alternative"
    of https://en.wikipedia.org/wiki/HSL_and_HSV, rearranged.

    Args:
        image: changed in place.
        shift: a part of the circle, -0.5 to 0.5.
    """
    red, green, blue = image.unbind(0)
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    per_chroma = chroma.clamp(min=1).reciprocal_()  # below one level the pixel is grey
    hue = torch.where(
        value == red,
        (green - blue) * per_chroma,
        torch.where(value == green, (blue - red) * per_chroma + 2, (red - green) * per_chroma + 4),
    )
    distance = hue - (torch.tensor([0.0, 2.0, 4.0]).view(3, 1, 1) - 6 * shift)
    distance.sub_((distance / 6).round_().mul_(6)).abs_()
    return torch.sub(value, distance.sub_(1).clamp_(0, 1).mul_(chroma))


# In the order of torchvision, whose draws are indices of it.
_STEPS: tuple[tuple[str, Callable[[Tensor, float], Tensor]], ...] = (
    ("brightness", adjust_brightness),
    ("contrast", adjust_contrast),
    ("saturation", adjust_saturation),
    ("hue", adjust_hue),
)
