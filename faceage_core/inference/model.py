"""A network with its card: crops in, outputs out, preprocessed as the card says."""

from typing import Generic

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.model_card import NetworkCardT
from faceage_core.inference.batching import batches
from faceage_core.inference.engine import Engine
from faceage_core.inference.normalisation import normalise

# Limits the memory of one call, however many faces a photo shows; engines keep the largest buffers.
_MAX_BATCH = 16


class Network(Generic[NetworkCardT]):
    """One loaded model; safe to call from several threads."""

    def __init__(self, card: NetworkCardT, engine: Engine) -> None:
        self.card = card
        self._engine = engine

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run all crops.

        Args:
            crops: [N, size, size, 3] uint8 RGB, cut as the card's `input.crop` says; N may be 0.

        Returns:
            [N, K] float32: the network's first output.
        """
        chunks = [self._run(crops[batch]) for batch in batches(len(crops), max_batch=_MAX_BATCH)]
        return np.concatenate(chunks) if chunks else np.zeros((0, 0), dtype=np.float32)

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        spec = self.card.input
        output = self._engine(normalise(crops, spec))[0]
        if spec.average_flip:
            mirrored = self._engine(normalise(crops[:, :, ::-1], spec))[0]
            output = (output + mirrored) * np.float32(0.5)
        return output
