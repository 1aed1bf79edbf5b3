"""Content negotiation: JSON or the annotated picture."""


def prefers_jpeg(accept: str | None) -> bool:
    """Whether an Accept header ranks image/jpeg above application/json (RFC 9110, 12.5.1)."""
    if not accept:
        return False
    return _quality(accept, "image/jpeg") > _quality(accept, "application/json")


def _quality(accept: str, media_type: str) -> float:
    """The weight of the most specific range that matches this type; 0 if none matches."""
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    best_rank, best_quality = len(ranges), 0.0
    for entry in accept.lower().split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        if name in ranges and ranges.index(name) < best_rank:
            best_rank, best_quality = ranges.index(name), _weight(parameters)
    return best_quality


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
