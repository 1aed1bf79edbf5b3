"""Which kind of file some bytes are, by how they begin."""

import re

from faceage_core.errors import UnreadableImage, UnsupportedFormat

READ = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "HEIC", "AVIF")

# How files begin; the first match wins. What READ lacks is here only to be refused by name.
_SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WebP": rb"RIFF.{4}WEBP",
    "GIF": rb"GIF8[79]a",
    # Before TIFF, whose signature some of them share: it would find a thumbnail in them.
    "camera raw": rb"II\*\0.{4}CR|IIU\0|IIR[OS]\x08\0|MMOR|FUJIFILMCCD-RAW|.{4}ftypcrx ",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    # Containers of the same make: their brands tell them apart, and "mif1" alone leaves it open.
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
_PATTERNS = {kind: re.compile(pattern, re.DOTALL) for kind, pattern in _SIGNATURES.items()}
_HEAD_BYTES = 1024


def kind_of(data: bytes) -> str:
    """The name of a format that is read here, by the file's signature.

    Raises:
        UnsupportedFormat: it is a known kind of file, but none of `READ`.
        UnreadableImage: it is no kind of picture that is known.
    """
    head = data[:_HEAD_BYTES]
    kind = next((kind for kind, pattern in _PATTERNS.items() if pattern.match(head)), None)
    if kind is None:
        raise UnreadableImage(f"the file is not a picture; the formats read are {', '.join(READ)}")
    if kind not in READ:
        raise unsupported(kind)
    return kind


def unsupported(kind: str) -> UnsupportedFormat:
    """The error for a kind of file that is known and not read."""
    return UnsupportedFormat(f"{kind} is not read; the formats read are {', '.join(READ)}")
