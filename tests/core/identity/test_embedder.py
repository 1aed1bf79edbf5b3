"""Embeddings have unit length."""

import numpy as np
import pytest
from numpy.typing import NDArray

from faceage_core.cards.crops import BoxCrop
from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import IdentityCard
from faceage_core.identity.embedder import Embedder
from faceage_core.inference.model import Network

CARD = IdentityCard(
    name="tiny",
    version="1",
    summary="for tests",
    architecture="tiny",
    weights=(),
    origin="made here",
    license="CC0-1.0",
    input=InputSpec(crop=BoxCrop(size_px=2, margin_px=0), mean=(0, 0, 0), scale=(1, 1, 1)),
)


def first_pixel(batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    return (batch[:, :, 0, 0],)


def crops(*colours: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.array(colours, np.uint8).reshape(-1, 1, 1, 3).repeat(2, 1).repeat(2, 2)


def test_rows_are_scaled_to_length_1() -> None:
    vectors = Embedder(Network(CARD, first_pixel)).embed(crops((3, 4, 0), (0, 0, 9), (1, 2, 2)))
    expected = [[0.6, 0.8, 0.0], [0.0, 0.0, 1.0], [1 / 3, 2 / 3, 2 / 3]]
    np.testing.assert_allclose(vectors, expected, 1e-6)
    assert vectors.dtype == np.float32


def test_a_vector_of_length_0_stays_finite() -> None:
    vectors = Embedder(Network(CARD, first_pixel)).embed(crops((0, 0, 0), (5, 0, 0)))
    assert vectors.tolist() == [[0, 0, 0], [1, 0, 0]]


def test_no_face() -> None:
    assert len(Embedder(Network(CARD, first_pixel)).embed(crops())) == 0


def test_brightness_does_not_change_the_embedding() -> None:
    one, other = Embedder(Network(CARD, first_pixel)).embed(crops((20, 40, 60), (40, 80, 120)))
    assert float(one @ other) == pytest.approx(1)
