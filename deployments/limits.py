"""The largest request. The middleware before Serve's proxy and the application both enforce it."""

from collections.abc import Mapping

MEGABYTE = 1024 * 1024
MAX_REQUEST_BYTES = 30 * MEGABYTE
TOO_LARGE = f"the request has more than the allowed {MAX_REQUEST_BYTES // MEGABYTE} MB"


def content_length(headers: Mapping[str, str]) -> int:
    """The stated length of a body in bytes; 0 if the header is missing or not a number."""
    stated = headers.get("content-length", "")
    return int(stated[:20]) if stated.isascii() and stated.isdigit() else 0
