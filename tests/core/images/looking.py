"""What is said of decoded pictures and of refusals."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from faceage_core.errors import FaceageError
from faceage_core.images import ImageLimits, decode
from tests.conftest import REPOSITORY


def refused(error: type[FaceageError], data: bytes, limits: ImageLimits | None = None) -> str:
    """The message of the error that must come, checked to be fit for a stranger's eyes."""
    with pytest.raises(FaceageError) as caught:
        decode(data, limits or ImageLimits())
    assert type(caught.value) is error, caught.value
    assert caught.value.field is None
    for leak in ("0x", "BytesIO", "Traceback", "/", "\n"):
        assert leak not in caught.value.message
    return caught.value.message


def assert_photo(array: NDArray[np.uint8], height: int, width: int) -> None:
    assert array.shape == (height, width, 3)
    assert array.dtype == np.uint8
    assert array.flags.c_contiguous
    assert array.flags.writeable  # or torch.from_numpy complains


def assert_solid(array: NDArray[np.uint8], colour: tuple[int, int, int], within: int = 0) -> None:
    assert_photo(array, 3, 4)
    assert np.abs(array.astype(int) - colour).max() <= within, array[0, 0]


def run_apart(script: str, path: Path) -> str:
    """What a script prints in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()
