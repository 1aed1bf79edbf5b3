"""Errors of Ray are translated and arguments validated; no service is started."""

import pytest
from pydantic import ValidationError

pytestmark = pytest.mark.filterwarnings(
    # Ray's own modules, as they are imported
    "ignore:Using extra keyword arguments on `Field`:DeprecationWarning"
)


def raised_for(error: Exception) -> type[BaseException]:
    """The type that the stages raise if a handle raises this error."""
    from deployments.stages import translated_errors

    with pytest.raises(Exception) as caught, translated_errors():  # noqa: PT011
        raise error
    assert caught.value.__cause__ is None
    return caught.type


def test_ray_errors_become_faceage_errors() -> None:
    from ray import exceptions
    from ray.serve.exceptions import BackPressureError

    from faceage_core.errors import Overloaded, Unavailable

    assert raised_for(BackPressureError(3, 2)) is Overloaded
    assert raised_for(exceptions.RayActorError()) is Unavailable
    assert raised_for(exceptions.ActorUnavailableError("x", None)) is Unavailable
    assert raised_for(exceptions.ObjectStoreFullError()) is Unavailable


def test_errors_of_the_code_are_not_translated() -> None:
    from ray.exceptions import RayTaskError

    error = RayTaskError("detect", "traceback", ValueError("x"))  # type: ignore[no-untyped-call]
    wrapped = error.as_instanceof_cause()  # type: ignore[no-untyped-call]
    assert raised_for(wrapped) is type(wrapped)
    assert raised_for(KeyError("x")) is KeyError


def test_unknown_and_invalid_arguments_are_rejected() -> None:
    from deployments.app import AppArgs

    with pytest.raises(ValidationError, match="timeout"):
        AppArgs.model_validate({"timeout": 3})
    with pytest.raises(ValidationError, match="bundle"):
        AppArgs.model_validate({"bundle": ["bundled"]})
