"""Metrics of identity decisions: accuracy at a threshold, thresholds at a false match rate."""

import numpy as np
from numpy.typing import NDArray

Similarities = NDArray[np.float64]


def accuracy(similarities: Similarities, same: NDArray[np.bool_], threshold: float) -> float:
    """The share of correct decisions.

    Args:
        similarities: [N]; NaN if no face was found, which counts as a wrong decision.
        same: [N] whether the pair shows one person.
        threshold: pairs at or above it count as the same person.
    """
    decided = np.where(np.isnan(similarities), ~same, similarities >= threshold)
    return float(np.mean(decided == same))


def best_threshold(similarities: Similarities, same: NDArray[np.bool_]) -> float:
    """The threshold with the highest accuracy, half-way between two similarities.

    Args:
        similarities: [N]; NaN is left out.
        same: [N].
    """
    found = ~np.isnan(similarities)
    values, labels = similarities[found], same[found]
    order = np.argsort(values)
    values, labels = values[order], labels[order]
    # If pairs from position k on match: different pairs before k and same pairs from k are correct.
    correct = np.concatenate([[0], np.cumsum(~labels)]) + np.concatenate(
        [np.cumsum(labels[::-1])[::-1], [0]]
    )
    position = int(np.argmax(correct))
    edges = np.concatenate([[values[0]], (values[1:] + values[:-1]) / 2, [values[-1]]])
    return float(edges[position])


def threshold_at(impostors: Similarities, false_match_rate: float) -> float:
    """The lowest threshold at which at most this share of different pairs matches.

    Args:
        impostors: [N] similarities of pairs of different people.
        false_match_rate: 0-1, at least 1 / N.

    Raises:
        ValueError: too few pairs for this rate.
    """
    allowed = int(false_match_rate * len(impostors))
    if allowed < 1:
        raise ValueError(
            f"a false match rate of {false_match_rate} needs at least {1 / false_match_rate:.0f} "
            f"pairs of different people, got {len(impostors)}"
        )
    ordered = np.sort(impostors)[::-1]
    return float(np.nextafter(ordered[allowed], np.inf))


def true_match_rate(genuine: Similarities, threshold: float) -> float:
    """The share of pairs of one person that match; NaN, no face found, counts as no match."""
    return float(np.mean(genuine >= threshold))
