"""Losses of the age head; a new loss takes one function and one line of `LOSSES`.

Every loss takes the head's output, [N, K] logits over the ages 0 to K - 1 or [N, 1] years, and the
true ages, [N] in years, and returns one value per image, [N] float32. The caller weights and
averages them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class LossSettings:
    """The parameters of all losses; each loss uses those that it needs.

    Attributes:
        sigma_years: standard deviation of the Gaussian around the true age.
        expectation_weight: of the expected age's error in "kl_l1" and "mean_variance".
        variance_weight: of the variance in "mean_variance".
    """

    sigma_years: float = 2.0
    expectation_weight: float = 0.1
    variance_weight: float = 0.05


Loss = Callable[[Tensor, Tensor, LossSettings], Tensor]


def gaussian_targets(age_years: Tensor, sigma_years: float, bins: int) -> Tensor:
    """The label distribution of each age: a Gaussian sampled at whole ages, normalised to sum 1.

    Geng et al., "Facial Age Estimation by Learning from Label Distributions", 2013.

    Args:
        age_years: [N]; an age above the last bin is treated as the last bin.
        sigma_years: standard deviation of the Gaussian, > 0.
        bins: K, for the ages 0 to K - 1.

    Returns:
        [N, K] float32.
    """
    ages = torch.arange(bins, dtype=torch.float32, device=age_years.device)
    centers = age_years.float().clamp(0, bins - 1)[:, None]
    return functional.softmax(-0.5 * ((ages - centers) / sigma_years) ** 2, dim=1)


def expected_age(output: Tensor) -> Tensor:
    """[N] float32 years: the mean of the distribution, or the output of a head for years."""
    if output.shape[1] == 1:
        return output[:, 0].float()
    ages = torch.arange(output.shape[1], dtype=torch.float32, device=output.device)
    return functional.softmax(output.float(), dim=1) @ ages


def kl_divergence(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """KL(target || prediction), with a Gaussian around the true age as target, in nats."""
    targets = gaussian_targets(age_years, settings.sigma_years, output.shape[1])
    logs = functional.log_softmax(output.float(), dim=1)
    return functional.kl_div(logs, targets, reduction="none").sum(dim=1)


def kl_l1(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """The KL divergence plus the absolute error of the expected age, which is the metric.

    Gao et al., "Age Estimation Using Expectation of Label Distribution Learning", 2018.
    """
    error = mae(output, age_years, settings)
    return kl_divergence(output, age_years, settings) + settings.expectation_weight * error


def cross_entropy(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """Cross-entropy with one class for each whole age."""
    classes = age_years.round().clamp(0, output.shape[1] - 1).long()
    return functional.cross_entropy(output.float(), classes, reduction="none")


def mse(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """The squared error of the expected age, in years squared."""
    return (expected_age(output) - age_years) ** 2


def mae(output: Tensor, age_years: Tensor, settings: LossSettings) -> Tensor:
    """The absolute error of the expected age, in years."""
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
    """The weight of each image, higher for rare ages, with mean 1 over the images.

    It is the inverse square root of the density of ages, smoothed over neighbouring ages (Yang et
    al., "Delving into Deep Imbalanced Regression", 2021). The square root keeps single images from
    dominating.

    Args:
        age_years: [N], the ages of the training images.
        smoothing_years: standard deviation of the smoothing.

    Returns:
        [N] float32.
    """
    bins = age_years.round().clamp(min=0).long()
    counts = torch.bincount(bins).double()
    radius = math.ceil(4 * smoothing_years)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / smoothing_years) ** 2)
    density = functional.conv1d(
        counts[None, None], (kernel / kernel.sum())[None, None], padding=radius
    )[0, 0]
    weights = density[bins].rsqrt()
    return (weights / weights.mean()).float()
