"""The sample photos, which are in the public domain."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def sample_photos() -> Path:
    """The folder of the photos: in the installed package, or in the repository beside it."""
    installed = _PACKAGE / "samples"
    return installed if installed.is_dir() else _PACKAGE.parent / "samples"
