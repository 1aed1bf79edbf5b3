"""What trials come to: ranking, tables, files and the page, by hand-made trials."""

import csv
import io
from typing import Any

import pytest

from faceage_core.data.storage import Folder
from faceage_core.errors import TrainingFailed
from trainers.recipe import load_recipe
from tune.journal import Journal
from tune.report import html
from tune.results import Trial, as_csv, best_of, epochs_by_rung, epochs_spent, ranked
from tune.space import load_space
from tune.tables import stage_tables


def epoch(number: int, mae: float) -> dict[str, Any]:
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
) -> Trial:
    values = extra.pop("values", {"optimizer.lr": 10.0**-number, "loss.sigma_years": 1.0 + number})
    history = tuple(epoch(place, mae) for place, mae in enumerate(maes, start=1))
    return Trial(f"t{number}", stage, values, status, history, **extra)


TRIALS = [
    trial(1, 9.0, 7.0, 8.0),
    trial(2, 6.0, 5.0, 5.5),
    trial(3, 12.0, status="stopped early"),
    trial(4, status="failed", cause="the loss is no number in epoch 1"),
    trial(5, 4.0, status="failed", cause="lost"),
]


def test_trials_are_ranked_by_their_best_epoch_and_failed_ones_come_last() -> None:
    assert [made.id for made in ranked(TRIALS)] == ["t2", "t1", "t3", "t4", "t5"]
    assert [made.mae for made in ranked(TRIALS)[:3]] == [5.0, 7.0, 12.0]
    assert TRIALS[1].best["epoch"] == 2


def test_where_every_trial_failed_the_first_cause_is_told() -> None:
    assert best_of(TRIALS).id == "t2"
    with pytest.raises(TrainingFailed, match="all 2 trials failed; the first: the loss is no num"):
        best_of(TRIALS[3:])


def test_the_epochs_spent_are_counted() -> None:
    assert epochs_spent(TRIALS, 3) == (8, 15)
    assert epochs_by_rung(TRIALS, [1, 3]) == [4, 4]
    assert sum(epochs_by_rung(TRIALS, [1, 2, 3])) == 8


def test_the_file_has_a_line_a_trial_of_every_stage() -> None:
    later = trial(1, 3.0, stage=2, values={"optimizer.weight_decay": 0.1})
    rows = list(csv.DictReader(io.StringIO(as_csv([later, *TRIALS]))))
    assert [(row["stage"], row["trial"]) for row in rows] == [
        ("1", "t2"), ("1", "t1"), ("1", "t3"), ("1", "t4"), ("1", "t5"), ("2", "t1"),
    ]  # fmt: skip
    assert rows[0]["val_mae"] == "5.0"
    assert rows[0]["optimizer.lr"] == "0.01"
    assert rows[0]["optimizer.weight_decay"] == ""
    assert rows[3]["cause"] == "the loss is no number in epoch 1"
    assert rows[5]["optimizer.weight_decay"] == "0.1"


def test_the_terminals_table_names_every_trial_and_the_epochs() -> None:
    (stage,) = load_space("asha_lr_wd_sigma").stages
    text = stage_tables(stage, 1, TRIALS, 3)
    assert "stage 1: random, 5 trials of up to 3 epochs" in text
    assert "8 epochs trained; all trials to their end: 15 (53%)" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["t2", "0.01", "3", "5.00", "50.0%", "3.500", "75.0%", "3", "finished"] in lines
    assert "failed: the loss is no number in epoch 1" in text


def test_a_grid_of_two_keys_is_a_table_of_both() -> None:
    first, second = load_space("lr_then_grid").stages
    made = [
        trial(place, mae, values={"optimizer.lr": lr, "optimizer.weight_decay": decay})
        for place, (lr, decay, mae) in enumerate(
            [(0.01, 0, 7.0), (0.03, 0, 6.0), (0.01, 1e-5, 5.0), (0.03, 1e-5, 8.0)], start=1
        )
    ]
    lines = [line.split() for line in stage_tables(second, 2, made, 5).splitlines()]
    assert ["optimizer.lr", "\\", "optimizer.weight_decay", "0", "1e-05"] in lines
    assert ["0.01", "7.00", "5.00"] in lines
    assert ["0.03", "6.00", "8.00"] in lines
    rates = [trial(place, 9.0 - place, values={"optimizer.lr": 10.0**-place}) for place in (1, 2)]
    assert "\\" not in stage_tables(first, 1, rates, 3)


def test_the_page_holds_everything_and_loads_nothing() -> None:
    page = html(load_space("asha_lr_wd_sigma"), load_recipe("resnet18_age_gender"), TRIALS)
    assert "MAE 5.00" in page
    for alt in ("each trial&#x27;s values", "MAE against optimizer.lr", "interval coverage",
                "the MAE of each trial by epoch", "epochs trained between rungs"):  # fmt: skip
        assert alt in page
    assert page.count("data:image/png;base64,") == 6
    assert "http" not in page.replace("http-equiv", "")
    assert page == html(load_space("asha_lr_wd_sigma"), load_recipe("resnet18_age_gender"), TRIALS)


def test_the_journal_keeps_each_epoch_once(tmp_path: Any) -> None:
    journal = Journal(Folder.at(str(tmp_path)))
    assert journal.epochs("a") == []
    assert not journal.ended("a")
    for number, mae in ((1, 9.0), (2, 8.0), (2, 7.5), (3, 7.0)):
        journal.add("a", epoch(number, mae))
    assert [(made["epoch"], made["val_mae"]) for made in journal.epochs("a")] == [
        (1, 9.0), (2, 7.5), (3, 7.0),
    ]  # fmt: skip
    journal.end("a")
    assert journal.ended("a")
    assert len(Journal(Folder.at(str(tmp_path))).epochs("a")) == 3
    assert not journal.ended("b")
