"""Photos from bytes that are not to be trusted: `decode`, and the limits that it keeps."""

from faceage_core.images.decoding import ImageLimits, check_bytes, decode

__all__ = ["ImageLimits", "check_bytes", "decode"]
