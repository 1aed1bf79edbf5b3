"""Results of trials for the tests."""

from typing import Any

from tune.results import TrialResult


def epoch(number: int, mae: float) -> dict[str, Any]:
    """The metrics of an epoch."""
    return {
        "epoch": number,
        "best_epoch": number,
        "val_mae": mae,
        "val_cs5": 0.5,
        "val_kl": 1.0,
        "val_nll": 3.5,
        "val_coverage_80": 0.75,
        "seconds": 2.0,
    }


def trial(
    number: int, *maes: float, stage: int = 1, status: Any = "finished", **extra: Any
) -> TrialResult:
    """A trial with one MAE per epoch."""
    values = extra.pop("values", {"optimizer.lr": 10.0**-number, "loss.sigma_years": 1.0 + number})
    history = tuple(epoch(index, mae) for index, mae in enumerate(maes, start=1))
    return TrialResult(f"t{number}", stage, values, status, history, **extra)


TRIALS = [
    trial(1, 9.0, 7.0, 8.0),
    trial(2, 6.0, 5.0, 5.5),
    trial(3, 12.0, status="stopped early"),
    trial(4, status="failed", cause="the loss is NaN or infinite in epoch 1"),
    trial(5, 4.0, status="failed", cause="lost"),
]
