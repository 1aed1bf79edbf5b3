"""The blur that makes an overconfident age distribution honest."""

import numpy as np
import pytest

from faceage_core.age.calibration import LAST_AGE_YEARS, blur, blurred_ages
from faceage_core.age.spread_fitting import fit_spread


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


def test_the_youngest_stay_young() -> None:
    newborn = np.array([[1.0]], dtype=np.float32)
    (row,) = blur(newborn, (0.25,), 1.663, 0.1412)
    assert row @ np.array(blurred_ages()) == pytest.approx(0.25, abs=0.05)
    (row,) = blur(newborn, (1.0,), 1.663, 0.1412)
    assert row @ np.array(blurred_ages()) == pytest.approx(1.0, abs=1e-6)
    assert row[3:].sum() > 0.05  # and still it may be older


def test_next_to_no_width_changes_nothing() -> None:
    row = np.array([[0.2, 0.3, 0.5]], dtype=np.float32)
    (blurred,) = blur(row, (20.0, 21.0, 22.0), 0.01, 0.0)
    assert blurred[[20, 21, 22]] == pytest.approx(row[0], abs=1e-6)


def test_the_fit_finds_the_width_that_the_ages_have() -> None:
    random = np.random.default_rng(0)
    bins = tuple(float(age) for age in range(101))
    centers = random.integers(15, 85, 4000)
    certain = np.eye(101, dtype=np.float32)[centers]
    true = random.normal(centers, 1.0 + 0.1 * centers)
    base_years, per_year = fit_spread(certain, bins, true)
    assert base_years + per_year * 50 == pytest.approx(6.0, rel=0.05)
    assert per_year == pytest.approx(0.1, abs=0.02)
