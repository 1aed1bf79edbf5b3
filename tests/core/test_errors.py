"""Errors keep their code, message and field wherever they travel."""

import pickle

import pytest

from faceage_core import errors
from faceage_core.errors import FaceageError, NoFace, Overloaded

EVERY = [FaceageError, *FaceageError.__subclasses__()]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in EVERY]
    assert len(set(codes)) == len(codes)
    assert {error.__module__ for error in EVERY} == {errors.__name__}


@pytest.mark.parametrize("kind", EVERY)
def test_an_error_can_be_told_what_it_is_about(kind: type[FaceageError]) -> None:
    error = kind("it is cut short").about("image_2")
    assert type(error) is kind
    assert (error.message, error.field) == ("image_2: it is cut short", "image_2")


@pytest.mark.parametrize("kind", EVERY)
def test_an_error_survives_the_way_to_another_process(kind: type[FaceageError]) -> None:
    error = kind("it is cut short", field="image_1")
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is kind
    assert (arrived.message, arrived.field) == ("it is cut short", "image_1")


def test_an_error_need_not_be_about_one_field() -> None:
    assert NoFace("nobody").field is None
    assert Overloaded().message == "the service is busy; try again soon"
