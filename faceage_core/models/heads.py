"""Heads: from a backbone's features to outputs; each is one function and one line of `HEADS`."""

from collections.abc import Callable

from torch import nn

from faceage_core.cards.model_card import HeadSpec


def build_head(spec: HeadSpec, features: int) -> nn.Module:
    """A module from [N, features] to [N, outputs], with fresh weights.

    Raises:
        KeyError: unknown kind of head.
    """
    return HEADS[spec.kind](features, spec.outputs, spec.dropout)


def _linear(features: int, outputs: int, dropout: float) -> nn.Module:
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(features, outputs))


def _hidden(features: int, outputs: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(features, 256),
        nn.ReLU(),
        nn.BatchNorm1d(256),
        nn.Linear(256, outputs),
    )


def _dense(features: int, outputs: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.Linear(features, 256),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(256, 64),
        nn.ReLU(),
        nn.Linear(64, outputs),
    )


HEADS: dict[str, Callable[[int, int, float], nn.Module]] = {
    "linear": _linear,
    "hidden_256": _hidden,
    "dense_256_64": _dense,
}
