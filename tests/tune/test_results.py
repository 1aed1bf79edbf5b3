"""Results of trials: ranking, counts and CSV."""

import csv
import io

import pytest

from faceage_core.errors import TrainingFailed
from tests.tune.factories import TRIALS, trial
from tune.results import best_trial, count_epochs, epochs_by_rung, rank_trials, to_csv


def test_trials_are_ranked_by_their_best_epoch_and_failed_ones_come_last() -> None:
    assert [result.id for result in rank_trials(TRIALS)] == ["t2", "t1", "t3", "t4", "t5"]
    assert [result.mae for result in rank_trials(TRIALS)[:3]] == [5.0, 7.0, 12.0]
    assert TRIALS[1].best["epoch"] == 2


def test_if_all_trials_failed_the_error_has_the_first_cause() -> None:
    assert best_trial(TRIALS).id == "t2"
    with pytest.raises(TrainingFailed, match="all 2 trials failed; the first: the loss is NaN"):
        best_trial(TRIALS[3:])


def test_epochs_are_counted_in_total_and_by_rung() -> None:
    assert count_epochs(TRIALS, 3) == (8, 15)
    assert epochs_by_rung(TRIALS, [1, 3]) == [4, 4]
    assert sum(epochs_by_rung(TRIALS, [1, 2, 3])) == 8


def test_the_csv_has_a_line_per_trial_of_every_stage() -> None:
    later = trial(1, 3.0, stage=2, values={"optimizer.weight_decay": 0.1})
    rows = list(csv.DictReader(io.StringIO(to_csv([later, *TRIALS]))))
    assert [(row["stage"], row["trial"]) for row in rows] == [
        ("1", "t2"), ("1", "t1"), ("1", "t3"), ("1", "t4"), ("1", "t5"), ("2", "t1"),
    ]  # fmt: skip
    assert rows[0]["val_mae"] == "5.0"
    assert rows[0]["optimizer.lr"] == "0.01"
    assert rows[0]["optimizer.weight_decay"] == ""
    assert rows[3]["cause"] == "the loss is NaN or infinite in epoch 1"
    assert rows[5]["optimizer.weight_decay"] == "0.1"
