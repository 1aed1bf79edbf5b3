"""`faceage tune`: errors name the argument that caused them."""

import pytest

from faceage_core.errors import InvalidArgument
from tune.sweep import tune


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"recipe": "unknown"}, "recipe"),
        ({"recipe": "none.yaml"}, "recipe"),
        ({"recipe": "utkface_cpu", "config": "unknown"}, "config"),
        ({"recipe": "utkface_cpu", "config": "none.yaml"}, "config"),
        ({"recipe": "utkface_cpu", "overrides": ["epochs=many"]}, "epochs"),
    ],
)
def test_an_invalid_argument_is_named(arguments: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        tune(**arguments)  # type: ignore[arg-type]
    assert caught.value.field == field
