"""How large a request may be; checked at the edge, and again where a body is read."""

MEGABYTE = 1024 * 1024
MAX_REQUEST_BYTES = 30 * MEGABYTE
TOO_LARGE = (
    f"the request has more than {MAX_REQUEST_BYTES // MEGABYTE} MB, the most that is allowed"
)


def stated_bytes(content_length: str | None) -> int:
    """What a Content-Length header states; 0 where it states nothing."""
    stated = content_length or ""
    return int(stated[:20]) if stated.isascii() and stated.isdigit() else 0
