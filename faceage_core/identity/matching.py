"""Similarity of embeddings, and the assignment of the faces of two photos to each other."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pair:
    """A face of the first photo and a face of the second, by their indices."""

    face_1: int
    face_2: int
    similarity: float


def similarity_matrix(
    embeddings_1: NDArray[np.float32], embeddings_2: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Cosine similarity of every face of one photo with every face of the other.

    Args:
        embeddings_1: [N, D] rows of length 1.
        embeddings_2: [M, D] rows of length 1.

    Returns:
        [N, M] float64 in -1..1, rounded to six digits: decisions use the reported value.
    """
    products = embeddings_1.astype(np.float64) @ embeddings_2.astype(np.float64).T
    return np.asarray(np.round(np.clip(products, -1.0, 1.0), 6), dtype=np.float64)


def best_assignment(similarities: NDArray[np.float64]) -> list[Pair]:
    """The one-to-one assignment with the highest total similarity, the most similar pair first.

    Args:
        similarities: [N, M].

    Returns:
        min(N, M) pairs; the caller applies the threshold.
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(similarities, maximize=True)
    pairs = [
        Pair(int(i), int(j), float(similarities[i, j])) for i, j in zip(rows, columns, strict=True)
    ]
    return sorted(pairs, key=lambda pair: -pair.similarity)
