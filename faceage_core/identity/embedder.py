"""Crops of faces in, embeddings out."""

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.model_card import IdentityCard
from faceage_core.inference.model import Network


class Embedder:
    """The identity network; embeddings are scaled to unit length."""

    def __init__(self, network: Network[IdentityCard]) -> None:
        self._network = network

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed every face.

        Args:
            crops: [N, size, size, 3] uint8 RGB, cut as the card says; N may be 0.

        Returns:
            [N, D] float32 rows of length 1; their dot product is the cosine similarity.
        """
        vectors = self._network(crops)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        scaled: NDArray[np.float32] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
        return scaled
