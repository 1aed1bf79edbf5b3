"""The limits of the service: the size of a request, and the number of requests at once."""

from collections.abc import Mapping

MEGABYTE = 1024 * 1024
# The middleware before the application and the application both enforce it.
MAX_REQUEST_BYTES = 30 * MEGABYTE
TOO_LARGE = f"the request has more than the allowed {MAX_REQUEST_BYTES // MEGABYTE} MB"
# Of one ingress: the requests in progress, which may hold `MAX_REQUEST_BYTES` each, and those that
# wait. The rest are refused.
MAX_ONGOING_REQUESTS = 64
MAX_QUEUED_REQUESTS = 128


def content_length(headers: Mapping[str, str]) -> int:
    """The stated length of a body in bytes; 0 if the header is missing or not a number."""
    stated = headers.get("content-length", "")
    return int(stated[:20]) if stated.isascii() and stated.isdigit() else 0
