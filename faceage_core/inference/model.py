"""A network with its card: crops in, outputs out, preprocessed as the card says."""

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.schema import InputSpec, ModelCard
from faceage_core.errors import InvalidCheckpoint
from faceage_core.inference.engine import Engine

_MAX_BATCH = 64  # bounds the memory of one call, whatever number of faces a photo shows


class Network:
    """One model, ready to run; safe to call from several threads."""

    def __init__(self, card: ModelCard, engine: Engine) -> None:
        if card.input is None:
            raise InvalidCheckpoint(f"the card of {card.name} states no input")
        self.card = card
        self.input: InputSpec = card.input
        self._engine = engine

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run all crops.

        Args:
            crops: [N, size, size, 3] uint8 RGB, cut as `input.crop` says; N may be 0.

        Returns:
            [N, K] float32: the network's first output.
        """
        chunks = [self._run(crops[i : i + _MAX_BATCH]) for i in range(0, len(crops), _MAX_BATCH)]
        return np.concatenate(chunks) if chunks else np.zeros((0, 0), dtype=np.float32)

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        output = self._engine(normalise(crops, self.input))[0]
        if self.input.average_flip:
            mirrored = self._engine(normalise(crops[:, :, ::-1], self.input))[0]
            output = (output + mirrored) * np.float32(0.5)
        return output


def normalise(crops: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """[N, S, S, 3] uint8 RGB to [N, 3, S, S] float32: (pixel - mean) * scale, for each channel."""
    values = crops.astype(np.float32)
    values -= np.asarray(spec.mean, dtype=np.float32)
    values *= np.asarray(spec.scale, dtype=np.float32)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))
