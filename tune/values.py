"""Values of keys and figures, as a person reads them."""

from typing import Any


def shown(value: Any) -> str:
    """A value for a person: numbers to three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
