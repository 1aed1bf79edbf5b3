"""Validation metrics, against values computed by hand."""

import numpy as np
import pytest
import torch

from trainers.validation import Predictions, gather_rows, validation_metrics


def one_hot(ages: list[int]) -> np.ndarray:
    rows = np.zeros((len(ages), 101), np.float32)
    rows[np.arange(len(ages)), ages] = 1
    return rows


def test_metrics_match_values_computed_by_hand() -> None:
    predictions = Predictions(
        probabilities=one_hot([10, 20, 36, 70]),
        male=np.array([0.9, 0.2, 0.6, 0.4], np.float32),
        age_years=np.array([10, 25, 30, 60], np.float32),
        gender=np.array([1, 0, 0, -1]),
    )
    metrics = validation_metrics(predictions, 2.0, distribution=False)
    assert metrics["val_mae"] == pytest.approx((0 + 5 + 6 + 10) / 4)
    assert metrics["val_cs5"] == 0.5
    assert metrics["val_mae_by_decade"] == {"10-19": 0.0, "20-29": 5.0, "30-39": 6.0, "60-69": 10.0}
    assert metrics["val_gender_accuracy"] == pytest.approx(2 / 3)
    assert "val_kl" not in metrics


def test_the_kl_divergence_of_the_target_is_zero() -> None:
    from trainers.losses import gaussian_targets

    ages = torch.tensor([30.0, 50.0])
    same = Predictions(
        gaussian_targets(ages, 2.0, 101).numpy(), None, ages.numpy(), np.array([-1, -1])
    )
    assert validation_metrics(same, 2.0, distribution=True)["val_kl"] == pytest.approx(0, abs=1e-5)
    flat = Predictions(np.full((2, 101), 1 / 101, np.float32), None, ages.numpy(), same.gender)
    targets = gaussian_targets(ages, 2.0, 101).double()
    expected = torch.xlogy(targets, targets * 101).sum(dim=1).mean().item()
    assert validation_metrics(flat, 2.0, distribution=True)["val_kl"] == pytest.approx(
        expected, abs=1e-5
    )


def test_rows_are_gathered_in_the_order_of_the_set() -> None:
    rows = torch.arange(8.0).view(4, 2)
    assert gather_rows(rows, [3, 1, 0, 2], 4)[:, 0].tolist() == [4.0, 2.0, 6.0, 0.0]


def test_temperature_changes_only_the_metrics_of_the_mean() -> None:
    rows = np.zeros((1, 101), np.float32)
    rows[0, [20, 40]] = 0.2, 0.8
    predictions = Predictions(rows, None, np.array([38.0], np.float32), np.array([-1]))
    warm = validation_metrics(predictions, 2.0, distribution=True)
    cold = validation_metrics(predictions, 2.0, distribution=True, temperature=0.5)
    assert warm["val_mae"] == pytest.approx(2.0)
    assert cold["val_mae"] == pytest.approx(abs(38 - (20 * 0.04 + 40 * 0.64) / 0.68), abs=1e-4)
    assert [cold[name] for name in ("val_kl", "val_nll")] == [warm["val_kl"], warm["val_nll"]]
