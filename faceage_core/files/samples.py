"""The sample photos, which are in the public domain."""

from pathlib import Path


def sample_photos() -> Path:
    """The folder of the photos."""
    return Path(__file__).parents[1] / "samples"
