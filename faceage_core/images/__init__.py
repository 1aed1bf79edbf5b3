"""Decoding of untrusted photos: `decode` and its limits."""

from faceage_core.images.decoding import ImageLimits, check_file_size, decode

__all__ = ["ImageLimits", "check_file_size", "decode"]
