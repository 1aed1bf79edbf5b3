"""Similarities and assignments: known answers, and comparison with an exhaustive search."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from faceage_core.identity.matching import Pair, best_assignment, similarity_matrix


def test_similarities_worked_out_by_hand() -> None:
    first = np.array([[1, 0], [0.6, 0.8]], np.float32)
    second = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    matrix = similarity_matrix(first, second)
    assert matrix.tolist() == [[1, 0, -1], [0.6, 0.8, -0.6]]
    assert matrix.dtype == np.float64


def test_similarities_stay_within_1_and_have_six_digits() -> None:
    vector = np.full((1, 3), 0.5774, np.float32)  # a little longer than 1
    assert similarity_matrix(vector, vector).tolist() == [[1.0]]
    assert similarity_matrix(vector, -vector).tolist() == [[-1.0]]
    one, other = np.array([[1 / 3, 0]], np.float32), np.array([[1, 0]], np.float32)
    assert similarity_matrix(one, other).tolist() == [[0.333333]]


def test_an_assignment_worked_out_by_hand() -> None:
    # Taking the greatest first (0.9) would leave 0.1 and a total of 1.0; 0.8 + 0.7 is more.
    matrix = np.array([[0.9, 0.8], [0.7, 0.1]])
    assert best_assignment(matrix) == [Pair(0, 1, 0.8), Pair(1, 0, 0.7)]


@pytest.mark.parametrize(
    ("matrix", "pairs"),
    [
        ([[0.1, 0.9, 0.3]], [Pair(0, 1, 0.9)]),
        ([[0.1], [0.2], [0.9], [0.3]], [Pair(2, 0, 0.9)]),
        ([[0.2, 0.1, 0.0], [0.3, 0.9, 0.4]], [Pair(1, 1, 0.9), Pair(0, 0, 0.2)]),
        ([[-0.5]], [Pair(0, 0, -0.5)]),
    ],
)
def test_unequal_numbers_of_faces(matrix: list[list[float]], pairs: list[Pair]) -> None:
    assert best_assignment(np.array(matrix)) == pairs


matrices = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    elements=st.integers(-1000, 1000).map(lambda value: value / 1000),
)


@given(matrices)
def test_no_assignment_has_a_higher_total(matrix: NDArray[np.float64]) -> None:
    pairs = best_assignment(matrix)
    assert len(pairs) == min(matrix.shape)
    assert (
        len({pair.face_1 for pair in pairs}) == len({pair.face_2 for pair in pairs}) == len(pairs)
    )
    assert all(matrix[pair.face_1, pair.face_2] == pair.similarity for pair in pairs)
    similarities = [pair.similarity for pair in pairs]
    assert similarities == sorted(similarities, reverse=True)
    assert sum(similarities) == pytest.approx(greatest_total(matrix))


def greatest_total(matrix: NDArray[np.float64]) -> float:
    short = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    rows = range(short.shape[0])
    orders = permutations(range(short.shape[1]), short.shape[0])
    return max(float(sum(short[i, order[i]] for i in rows)) for order in orders)
