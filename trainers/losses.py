"""What age heads are trained by: one function and one line each.

Every loss takes what the head says, [N, K] logits over the ages 0 to K - 1 or [N, 1] years, with
the true ages, [N] in years, and gives one value a picture, [N] float32. How pictures are weighted,
and that the values are averaged, is the trainer's part.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class LossSettings:
    """The losses' own parameters; each loss reads those that it needs.

    Attributes:
        sigma_years: standard deviation of the Gaussian round the true age.
        expectation_weight: of what "kl_l1" and "mean_variance" say of the expected age.
        variance_weight: of the variance in "mean_variance".
    """

    sigma_years: float = 2.0
    expectation_weight: float = 0.1
    variance_weight: float = 0.05


Loss = Callable[[Tensor, Tensor, LossSettings], Tensor]


def gaussian_targets(age_years: Tensor, sigma_years: float, bins: int) -> Tensor:
    """The label distribution of each age: a Gaussian sampled at whole ages, made to sum to 1.

    Geng et al., "Facial Age Estimation by Learning from Label Distributions", 2013.

    Args:
        age_years: [N]; an age beyond the last bin counts as the last.
        sigma_years: its standard deviation, > 0.
        bins: K, for the ages 0 to K - 1.

    Returns:
        [N, K] float32.
    """
    ages = torch.arange(bins, dtype=torch.float32, device=age_years.device)
    centers = age_years.float().clamp(0, bins - 1)[:, None]
    return functional.softmax(-0.5 * ((ages - centers) / sigma_years) ** 2, dim=1)


def expected_age(output: Tensor) -> Tensor:
    """[N] float32 years: the mean of the distribution, or the age that the head gives."""
    if output.shape[1] == 1:
        return output[:, 0].float()
    ages = torch.arange(output.shape[1], dtype=torch.float32, device=output.device)
    return functional.softmax(output.float(), dim=1) @ ages


def kl_divergence(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """KL(target || prediction) against the Gaussian round the true age, in nats."""
    targets = gaussian_targets(age_years, settings.sigma_years, output.shape[1])
    logs = functional.log_softmax(output.float(), dim=1)
    return functional.kl_div(logs, targets, reduction="none").sum(dim=1)


def kl_l1(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """The divergence, and the error of the expected age, which is what the metric counts.

    Gao et al., "Age Estimation Using Expectation of Label Distribution Learning", 2018.
    """
    error = mae(output, age_years, settings)
    return kl_divergence(output, age_years, settings) + settings.expectation_weight * error


def cross_entropy(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """Each whole age a class of its own."""
    classes = age_years.round().clamp(0, output.shape[1] - 1).long()
    return functional.cross_entropy(output.float(), classes, reduction="none")


def mse(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """The squared error of the (expected) age, in years squared."""
    return (expected_age(output) - age_years) ** 2


def mae(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """The absolute error of the (expected) age, in years."""
    return (expected_age(output) - age_years).abs()


def mean_variance(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """Cross-entropy, the squared error of the mean, and the variance of the distribution.

    Pan et al., "Mean-Variance Loss for Deep Age Estimation from a Face", 2018.
    """
    probabilities = functional.softmax(output.float(), dim=1)
    ages = torch.arange(output.shape[1], dtype=torch.float32, device=output.device)
    mean = probabilities @ ages
    variance = (probabilities * (ages - mean[:, None]) ** 2).sum(dim=1)
    return (
        cross_entropy(output, age_years, settings)
        + settings.expectation_weight * 0.5 * (mean - age_years) ** 2
        + settings.variance_weight * variance
    )


LOSSES: dict[str, Loss] = {
    "kl": kl_divergence,
    "kl_l1": kl_l1,
    "cross_entropy": cross_entropy,
    "mse": mse,
    "mae": mae,
    "mean_variance": mean_variance,
}
DISTRIBUTION_ONLY = frozenset({"kl", "kl_l1", "cross_entropy", "mean_variance"})


def age_weights(age_years: Tensor, *, smoothing_years: float = 2.0) -> Tensor:
    """How much rarer than usual each picture's age is: 1 / density, averaging 1 over the pictures.

    Yang et al., "Delving into Deep Imbalanced Regression", 2021: the density is smoothed over
    neighbouring ages, and its square root is taken so that single pictures do not dominate.

    Args:
        age_years: [N], the ages of the training pictures.
        smoothing_years: standard deviation of the smoothing.

    Returns:
        [N] float32.
    """
    whole = age_years.round().clamp(min=0).long()
    counts = torch.bincount(whole).double()
    reach = math.ceil(4 * smoothing_years)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / smoothing_years) ** 2)
    smooth = functional.conv1d(
        counts[None, None], (kernel / kernel.sum())[None, None], padding=reach
    )[0, 0]
    weights = smooth[whole].rsqrt()
    return (weights / weights.mean()).float()
