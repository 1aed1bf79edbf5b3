"""Label distributions and age losses, against values computed by hand."""

import math

import pytest
import torch
from torch import Tensor

from trainers.losses import (
    DISTRIBUTION_ONLY,
    LOSSES,
    LossSettings,
    age_weights,
    cross_entropy,
    expected_age,
    gaussian_targets,
    kl_divergence,
    kl_l1,
    mae,
    mean_variance,
    mse,
)

SETTINGS = LossSettings(sigma_years=2.0, expectation_weight=0.1, variance_weight=0.05)


def logits_of(probabilities: list[list[float]]) -> Tensor:
    return torch.tensor(probabilities).clamp(min=1e-30).log()


def test_targets_match_the_formula_and_sum_to_one() -> None:
    targets = gaussian_targets(torch.tensor([0.0, 30.0, 30.5, 100.0]), 2.0, 101)
    assert targets.shape == (4, 101)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(4))
    weights = [math.exp(-((age - 30.5) ** 2) / (2 * 2.0**2)) for age in range(101)]
    expected = torch.tensor([weight / sum(weights) for weight in weights])
    torch.testing.assert_close(targets[2], expected)
    assert targets.argmax(dim=1).tolist()[:2] == [0, 30]
    assert targets[3].argmax() == 100


def test_ages_above_the_last_bin_are_treated_as_the_last() -> None:
    beyond, last = gaussian_targets(torch.tensor([116.0, 100.0]), 2.0, 101)
    torch.testing.assert_close(beyond, last)


def test_kl_is_zero_for_equal_distributions_and_matches_the_formula() -> None:
    ages = torch.tensor([25.0, 60.0])
    targets = gaussian_targets(ages, 2.0, 101)
    logits = -0.5 * ((torch.arange(101.0) - ages[:, None]) / 2.0) ** 2
    same = kl_divergence(logits, ages, SETTINGS)
    torch.testing.assert_close(same, torch.zeros(2), atol=1e-5, rtol=0)
    flat = kl_divergence(torch.zeros(2, 101), ages, SETTINGS)
    expected = (targets * (targets * 101).log()).nansum(dim=1)
    torch.testing.assert_close(flat, expected, atol=1e-4, rtol=1e-4)


def test_expected_age_of_a_distribution_and_of_a_head_for_years() -> None:
    torch.testing.assert_close(
        expected_age(logits_of([[0.5, 0.0, 0.5, 0.0], [0.1, 0.2, 0.3, 0.4]])),
        torch.tensor([1.0, 2.0]),
    )
    torch.testing.assert_close(expected_age(torch.tensor([[41.5]])), torch.tensor([41.5]))


def test_errors_of_the_expectation() -> None:
    output, ages = logits_of([[0.5, 0.0, 0.5]]), torch.tensor([3.0])
    torch.testing.assert_close(mae(output, ages, SETTINGS), torch.tensor([2.0]))
    torch.testing.assert_close(mse(output, ages, SETTINGS), torch.tensor([4.0]))
    years = torch.tensor([[33.0]])
    torch.testing.assert_close(mae(years, torch.tensor([40.0]), SETTINGS), torch.tensor([7.0]))


def test_cross_entropy_and_mean_variance() -> None:
    output, ages = logits_of([[0.25, 0.5, 0.25]]), torch.tensor([1.0])
    torch.testing.assert_close(cross_entropy(output, ages, SETTINGS), torch.tensor([math.log(2)]))
    # The mean is right; the variance is 0.5.
    expected = math.log(2) + 0.05 * 0.5
    torch.testing.assert_close(mean_variance(output, ages, SETTINGS), torch.tensor([expected]))


def test_kl_l1_adds_the_error_of_the_mean() -> None:
    output, ages = torch.zeros(1, 101), torch.tensor([20.0])
    difference = kl_l1(output, ages, SETTINGS) - kl_divergence(output, ages, SETTINGS)
    torch.testing.assert_close(difference, torch.tensor([0.1 * 30.0]))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_returns_one_value_per_image_and_decreases_along_its_gradient(name: str) -> None:
    torch.manual_seed(0)
    ages = torch.tensor([5.0, 44.0, 80.0])
    outputs = 1 if name not in DISTRIBUTION_ONLY else 101
    output = torch.randn(3, outputs, requires_grad=True)
    before = LOSSES[name](output, ages, SETTINGS)
    assert before.shape == (3,)
    before.sum().backward()  # type: ignore[no-untyped-call]  # torch gives it no types
    assert output.grad is not None
    step = 1e-3 * output.grad / output.grad.norm()
    after = LOSSES[name](output.detach() - step, ages, SETTINGS)
    assert after.sum() < before.sum()


def test_rare_ages_have_larger_weights_with_mean_one() -> None:
    ages = torch.tensor([30.0] * 90 + [70.0] * 10)
    weights = age_weights(ages)
    assert weights.mean().item() == pytest.approx(1.0, abs=1e-6)
    assert (weights[-1] / weights[0]).item() == pytest.approx(3.0, abs=1e-6)  # sqrt(90 / 10)
