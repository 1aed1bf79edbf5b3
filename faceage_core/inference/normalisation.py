"""The normalisation of every network's input: (pixel - mean) * scale for each channel.

Serving normalises NumPy arrays, training normalises PyTorch tensors; both give the same float32
values.
"""

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.input import InputSpec

if TYPE_CHECKING:
    from torch import Tensor

_Array = TypeVar("_Array", NDArray[np.float32], "Tensor")


def normalise(crops: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """[N, S, S, 3] uint8 RGB crops to [N, 3, S, S] float32."""
    mean, scale = (np.asarray(values, dtype=np.float32) for values in (spec.mean, spec.scale))
    values = _normalise_in_place(crops.astype(np.float32), mean, scale)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def normalise_batch(images: "Tensor", spec: InputSpec) -> "Tensor":
    """[N, 3, S, S] uint8 RGB images to [N, 3, S, S] float32, on the images' device."""
    values = images.float()
    mean, scale = (values.new_tensor(rgb).view(3, 1, 1) for rgb in (spec.mean, spec.scale))
    return _normalise_in_place(values, mean, scale)


def _normalise_in_place(values: _Array, mean: _Array, scale: _Array) -> _Array:
    values -= mean
    values *= scale
    return values
