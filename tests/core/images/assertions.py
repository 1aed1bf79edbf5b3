"""Assertions on decoded images, on errors, and on time and memory."""

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from faceage_core.errors import FaceageError
from faceage_core.images import ImageLimits, decode
from tests.conftest import REPOSITORY


def assert_rejected(
    error: type[FaceageError], data: bytes, limits: ImageLimits | None = None
) -> str:
    """Check that decoding raises this error and leaks no internals; returns its message."""
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
    assert array.flags.writeable  # torch.from_numpy warns otherwise


def assert_solid(array: NDArray[np.uint8], colour: tuple[int, int, int], within: int = 0) -> None:
    assert_photo(array, 3, 4)
    assert np.abs(array.astype(int) - colour).max() <= within, array[0, 0]


@contextmanager
def assert_cpu_below(counts: float = 150) -> Iterator[None]:
    """Fail if the block takes more processor time than `counts` times counting to a million.

    The ratio is the same on a slow or busy machine; one count takes about 15 ms on a fast one.
    """
    start_s = time.process_time()
    yield
    end_s = time.process_time()
    for _ in range(1_000_000):
        pass
    assert end_s - start_s < counts * (time.process_time() - end_s)


@contextmanager
def assert_memory_below(megabytes: float = 40) -> Iterator[None]:
    """Fail if the block takes more of Python's memory; Pillow's pixels are not counted."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < megabytes * 2**20, peak / 2**20


def run_in_subprocess(script: str, path: Path) -> str:
    """Run a script in a separate process; returns its output."""
    run = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()
