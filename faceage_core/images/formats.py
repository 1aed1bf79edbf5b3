"""Detection of a file's format by its signature."""

import re

from faceage_core.errors import UnreadableImage, UnsupportedFormat

SUPPORTED_FORMATS = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "HEIC", "AVIF")

# The first match wins. Unsupported formats are listed so that the error can name them.
_SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WebP": rb"RIFF.{4}WEBP",
    "GIF": rb"GIF8[79]a",
    # Before TIFF: some raw files have its signature, and only their thumbnail would be decoded.
    "camera raw": rb"II\*\0.{4}CR|IIU\0|IIR[OS]\x08\0|MMOR|FUJIFILMCCD-RAW|.{4}ftypcrx ",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    # Both are ISO base media files and differ by their brands; both may have the brand "mif1".
    "AVIF": rb".{4}ftyp(?:.{4}){0,12}?avi[fs]",
    "HEIC": rb".{4}ftyp(?:.{4}){0,12}?(?:hei[cmsx]|hev[cmsx]|mif1|msf1)",
    "MP4 or QuickTime video": rb".{4}(?:ftyp|moov|mdat)",
    "WebM or Matroska video": rb"\x1aE\xdf\xa3",
    "AVI video": rb"RIFF.{4}AVI ",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "PSD": rb"8BPS",
    "ICO": rb"\0\0[\1\2]\0[^\0]",
    "PDF": rb"%PDF-",
    "EPS": rb"%!PS|\xc5\xd0\xd3\xc6",
    "SVG": rb"(?i)(?:\xef\xbb\xbf)?\s*(?=<\?xml|<!doctype svg|<svg)(?!.*<html).*<svg\b",
    "Netpbm": rb"P[1-7]\s+[\d#W]",
    "XCF": rb"gimp xcf",
    "ZIP archive": rb"PK\x03\x04",
    "BMP": rb"BM",
}
_PATTERNS = {name: re.compile(pattern, re.DOTALL) for name, pattern in _SIGNATURES.items()}
_HEAD_BYTES = 1024


def detect_format(data: bytes) -> str:
    """The file's format, one of `SUPPORTED_FORMATS`.

    Raises:
        UnsupportedFormat: the format is known but not supported.
        UnreadableImage: the format is unknown.
    """
    head = data[:_HEAD_BYTES]
    name = next((name for name, pattern in _PATTERNS.items() if pattern.match(head)), None)
    if name is None:
        raise UnreadableImage(f"the file is not an image; {_supported()}")
    if name not in SUPPORTED_FORMATS:
        raise unsupported_format(name)
    return name


def unsupported_format(name: str) -> UnsupportedFormat:
    """The error for a known format that is not supported."""
    return UnsupportedFormat(f"{name} is not supported; {_supported()}")


def _supported() -> str:
    return f"supported formats: {', '.join(SUPPORTED_FORMATS)}"
