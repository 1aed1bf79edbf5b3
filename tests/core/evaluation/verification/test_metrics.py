"""Metrics of identity decisions: hand-computed answers."""

import numpy as np
import pytest

from faceage_core.evaluation.verification.metrics import (
    accuracy,
    best_threshold,
    threshold_at,
    true_match_rate,
)

SIMILARITIES = np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1])
SAME = np.array([True, True, False, True, False, False])


@pytest.mark.parametrize(
    ("threshold", "right"), [(0.0, 3), (0.15, 4), (0.5, 5), (0.6, 5), (0.75, 5), (0.85, 4), (1, 3)]
)
def test_accuracy_counts_right_decisions(threshold: float, right: int) -> None:
    assert accuracy(SIMILARITIES, SAME, threshold) == right / 6


def test_a_face_not_found_is_a_wrong_decision_for_any_pair() -> None:
    lost = np.array([np.nan, np.nan])
    assert accuracy(lost, np.array([True, False]), 0.5) == 0


def test_the_best_threshold_lies_in_the_middle_of_a_gap() -> None:
    clear = np.array([0.9, 0.8, 0.3, 0.1])
    same = np.array([True, True, False, False])
    assert best_threshold(clear, same) == pytest.approx(0.55)
    shuffled = [2, 0, 3, 1]
    assert best_threshold(clear[shuffled], same[shuffled]) == pytest.approx(0.55)


def test_no_threshold_is_better_than_the_best() -> None:
    random = np.random.default_rng(0)
    same = random.random(200) < 0.5
    similarities = random.normal(same.astype(float), 1.0)
    best = accuracy(similarities, same, best_threshold(similarities, same))
    assert best == max(accuracy(similarities, same, t) for t in [*similarities, np.inf])


def test_faces_not_found_do_not_move_the_best_threshold() -> None:
    similarities = np.array([0.9, np.nan, 0.3])
    assert best_threshold(similarities, np.array([True, True, False])) == pytest.approx(0.6)


def test_a_false_match_rate_is_met() -> None:
    impostors = np.arange(100) / 100
    threshold = threshold_at(impostors, 0.05)
    assert np.sum(impostors >= threshold) == 5
    assert np.sum(impostors >= np.nextafter(threshold, 0)) == 6


def test_too_few_pairs_for_a_rate_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1000 pairs"):
        threshold_at(np.arange(100) / 100, 0.001)


def test_a_face_not_found_is_not_a_true_match() -> None:
    assert true_match_rate(np.array([0.9, np.nan, 0.1, 0.5]), 0.5) == 0.5
