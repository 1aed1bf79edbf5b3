"""The calibration of age distributions: temperature and blur, and fitting both."""

import numpy as np
import pytest

from faceage_core.age.calibration import LAST_AGE_YEARS, blur, blurred_ages, calibrated, tempered
from faceage_core.cards.age_spread import AgeSpread
from trainers.calibration import fit_spread, fit_temperature


def test_one_bin_becomes_a_gaussian_of_the_stated_width() -> None:
    certain = np.array([[0.0, 1.0]], dtype=np.float32)
    (row,) = blur(certain, (10.0, 50.0), 2.0, 0.1)
    ages = np.array(blurred_ages())
    mean = row @ ages
    assert row.sum() == pytest.approx(1)
    assert mean == pytest.approx(50)
    assert np.sqrt(row @ (ages - mean) ** 2) == pytest.approx(2 + 0.1 * 50, rel=1e-3)


def test_a_mixture_keeps_its_mean() -> None:
    rows = np.array([[0.25, 0.25, 0.5], [0.5, 0.0, 0.5]], dtype=np.float32)
    bins = (2.0, 40.0, 90.0)
    blurred = blur(rows, bins, 1.5, 0.1)
    assert blurred.shape == (2, LAST_AGE_YEARS + 1)
    assert blurred @ np.array(blurred_ages()) == pytest.approx(rows @ np.array(bins), abs=1e-6)


def test_the_mean_is_kept_near_zero() -> None:
    newborn = np.array([[1.0]], dtype=np.float32)
    (row,) = blur(newborn, (0.25,), 1.663, 0.1412)
    assert row @ np.array(blurred_ages()) == pytest.approx(0.25, abs=0.05)
    (row,) = blur(newborn, (1.0,), 1.663, 0.1412)
    assert row @ np.array(blurred_ages()) == pytest.approx(1.0, abs=1e-6)
    assert row[3:].sum() > 0.05  # older ages remain possible


def test_a_tiny_width_changes_nothing() -> None:
    row = np.array([[0.2, 0.3, 0.5]], dtype=np.float32)
    (blurred,) = blur(row, (20.0, 21.0, 22.0), 0.01, 0.0)
    assert blurred[[20, 21, 22]] == pytest.approx(row[0], abs=1e-6)


def test_the_fit_finds_the_true_width() -> None:
    random = np.random.default_rng(0)
    bins = tuple(float(age) for age in range(101))
    centers = random.integers(15, 85, 4000)
    certain = np.eye(101, dtype=np.float32)[centers]
    true = random.normal(centers, 1.0 + 0.1 * centers)
    base_years, per_year = fit_spread(certain, bins, true)
    assert base_years + per_year * 50 == pytest.approx(6.0, rel=0.05)
    assert per_year == pytest.approx(0.1, abs=0.02)


def test_temperature_known_answers() -> None:
    row = np.array([[0.2, 0.8]], dtype=np.float32)
    assert tempered(row, 1.0) == pytest.approx(row)
    assert tempered(row, 0.5) == pytest.approx(np.array([[0.04, 0.64]]) / 0.68)
    assert tempered(row, 2.0) == pytest.approx(np.array([[1, 2]]) / 3)


def test_temperature_divides_the_logits() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (5, 101))
    rows = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    colder = np.exp(logits / 0.6) / np.exp(logits / 0.6).sum(axis=1, keepdims=True)
    assert tempered(rows, 0.6) == pytest.approx(colder)


def test_the_temperature_comes_before_the_blur() -> None:
    row = np.array([[0.25, 0.75]], dtype=np.float32)
    spread = AgeSpread(temperature=0.5, base_years=2.0, per_year=0.05, fitted_on="made")
    expected = blur(np.array([[0.1, 0.9]]), (20.0, 40.0), 2.0, 0.05)
    assert calibrated(row, (20.0, 40.0), spread) == pytest.approx(expected)


def test_the_fit_finds_the_temperature_with_the_least_error() -> None:
    # Each row is a Gaussian around the age, with a tail that raises the mean.
    true = np.random.default_rng(0).integers(10, 60, 500).astype(np.float64)
    ages = np.arange(101.0)
    rows = np.exp(-0.5 * ((ages - true[:, None]) / 3) ** 2)
    rows = 0.8 * rows / rows.sum(axis=1, keepdims=True) + 0.2 * (ages > 60) / 40
    found = fit_temperature(rows.astype(np.float32), ages.tolist(), true)

    def error(temperature: float) -> float:
        return float(np.abs(tempered(rows, temperature) @ ages - true).mean())

    assert error(found) < error(1.0) / 5
    assert error(found) <= min(map(error, np.geomspace(0.25, 4, 40))) + 1e-3
