"""From features to answers: heads, one function and one line each."""

from collections.abc import Callable

from torch import nn

from faceage_core.cards.schema import HeadSpec


def build_head(spec: HeadSpec, features: int) -> nn.Module:
    """The module from [N, features] to [N, outputs], with fresh weights.

    Raises:
        KeyError: there is no such kind.
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
