"""Errors keep their code, message and field in every process."""

import pickle

import pytest

from faceage_core import errors
from faceage_core.errors import FaceageError, NoFace, Overloaded

ERROR_CLASSES: list[type[FaceageError]] = [FaceageError, *FaceageError.__subclasses__()]


def test_every_error_has_its_own_code() -> None:
    codes = [error.code for error in ERROR_CLASSES]
    assert len(set(codes)) == len(codes)
    assert {error.__module__ for error in ERROR_CLASSES} == {errors.__name__}


@pytest.mark.parametrize("error_class", ERROR_CLASSES)
def test_with_field_names_the_input(error_class: type[FaceageError]) -> None:
    error = error_class("it is truncated").with_field("image_2")
    assert type(error) is error_class
    assert (error.message, error.field) == ("image_2: it is truncated", "image_2")


@pytest.mark.parametrize("error_class", ERROR_CLASSES)
def test_an_error_survives_pickling(error_class: type[FaceageError]) -> None:
    error = error_class("it is truncated", field="image_1")
    unpickled = pickle.loads(pickle.dumps(error))
    assert type(unpickled) is error_class
    assert (unpickled.message, unpickled.field) == ("it is truncated", "image_1")


def test_the_field_is_optional() -> None:
    assert NoFace("no face").field is None
    assert Overloaded().message == "the service is busy; try again soon"
