"""Validation metrics over the images of all workers, each counted once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from faceage_core.age.calibration import tempered
from faceage_core.evaluation.age.metrics import (
    cumulative_score,
    interval_coverage,
    mae_by_decade,
    mean_absolute_error,
    negative_log_likelihood,
)
from trainers.losses import gaussian_targets

_CS_YEARS = 5


@dataclass(frozen=True)
class Predictions:
    """The network's predictions for the whole validation set.

    Attributes:
        probabilities: [N, K] float32 over the ages 0 to K - 1.
        male: [N] float32 probabilities, or None without a gender head.
        age_years: [N] the true ages.
        gender: [N] int64 true genders, -1 if unknown.
    """

    probabilities: NDArray[np.float32]
    male: NDArray[np.float32] | None
    age_years: NDArray[np.float32]
    gender: NDArray[np.int64]

    def mean_years(self, temperature: float) -> NDArray[np.float32]:
        """[N] the expected ages with a temperature applied, as they are served."""
        ages = np.arange(self.probabilities.shape[1], dtype=np.float64)
        return np.asarray(tempered(self.probabilities, temperature) @ ages, dtype=np.float32)


def gather_rows(rows: Tensor, indices: Sequence[int], total: int) -> Tensor:
    """The rows of all workers in the order of the validation set.

    Args:
        rows: [n, C] float32 of this worker.
        indices: [n] of the rows in the validation set; workers have disjoint indices.
        total: N.

    Returns:
        [N, C] float32, the same on every worker.
    """
    everything = torch.zeros(total, rows.shape[1], dtype=torch.float32, device=rows.device)
    everything[torch.as_tensor(list(indices), device=rows.device)] = rows
    if dist.is_initialized() and dist.get_world_size() > 1:
        dist.all_reduce(everything)
    return everything


def validation_metrics(
    predictions: Predictions, sigma_years: float, *, distribution: bool, temperature: float = 1.0
) -> dict[str, Any]:
    """The metrics that every epoch reports.

    Args:
        predictions: of the whole set.
        sigma_years: of the label distribution, for the KL divergence.
        distribution: whether the network predicts a distribution.
        temperature: is applied for the expected age only, not for the distribution's metrics.
    """
    predicted, true = predictions.mean_years(temperature), predictions.age_years
    metrics: dict[str, Any] = {
        "val_mae": mean_absolute_error(predicted, true),
        "val_cs5": cumulative_score(predicted, true, _CS_YEARS),
        "val_mae_by_decade": mae_by_decade(predicted, true),
    }
    if distribution:
        metrics["val_kl"] = _kl_divergence(predictions, sigma_years)
        rows, ages = predictions.probabilities, range(predictions.probabilities.shape[1])
        metrics["val_nll"] = negative_log_likelihood(rows, ages, true)
        metrics["val_coverage_80"] = interval_coverage(rows, ages, true, 0.8)
    known = predictions.gender >= 0
    if predictions.male is not None and known.any():
        is_male = predictions.male[known] >= 0.5
        metrics["val_gender_accuracy"] = float((is_male == (predictions.gender[known] == 1)).mean())
    return metrics


def _kl_divergence(predictions: Predictions, sigma_years: float) -> float:
    """The mean KL(target || prediction), in nats."""
    predicted = torch.from_numpy(predictions.probabilities).double()
    targets = gaussian_targets(
        torch.from_numpy(predictions.age_years), sigma_years, predicted.shape[1]
    ).double()
    terms = torch.xlogy(targets, targets) - targets * predicted.clamp(min=1e-30).log()
    return float(terms.sum(dim=1).mean())
