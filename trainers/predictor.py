"""Predictions during training, computed as the served model computes them."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from faceage_core.cards.input import InputSpec
from faceage_core.inference.normalisation import normalise_batch
from faceage_core.models.age_network import AgeNetwork, Probabilities
from trainers.mixed_dataset import MixedDataset
from trainers.precision import FloatFormat, autocast


@dataclass(frozen=True)
class Predictor:
    """The preprocessing and the inference of a network.

    Attributes:
        spec: the preprocessing, as the card will state it.
        device: of the network.
        float_format: of its arithmetic.
        channels_last: the memory format of its input.
    """

    spec: InputSpec
    device: torch.device
    float_format: FloatFormat
    channels_last: bool

    def network_input(self, images: Tensor) -> Tensor:
        """[N, 3, S, S] float32 on the device, normalised.

        Args:
            images: [N, 3, S, S] uint8 RGB.
        """
        batch = normalise_batch(images.to(self.device, non_blocking=True), self.spec)
        if self.channels_last:
            batch = batch.contiguous(memory_format=torch.channels_last)
        return batch

    def predict(self, network: AgeNetwork, images: Tensor) -> Tensor:
        """[N, K] age probabilities, or [N, K + 2] with a gender head, on the CPU.

        Args:
            network: in evaluation mode afterwards.
            images: [N, 3, S, S] uint8 RGB.
        """
        serving = Probabilities(network).eval()
        with torch.no_grad(), autocast(self.float_format, self.device):
            batch = self.network_input(images)
            output: Tensor = serving(batch).float()
            if self.spec.average_flip:
                output = (output + serving(batch.flip(3)).float()) * 0.5
        return output.cpu()

    def predict_batches(
        self, network: AgeNetwork, dataset: MixedDataset, batches: Iterable[list[int]]
    ) -> list[Tensor]:
        """The predictions of each batch.

        Args:
            network: as for `predict`.
            dataset: with the images.
            batches: indices of the data set.
        """
        return [
            self.predict(network, torch.stack([dataset[index][0] for index in batch]))
            for batch in batches
        ]
