"""The trials of a stage as text tables."""

from tests.tune.factories import TRIALS, trial
from tune.space import load_space
from tune.tables import stage_tables


def test_the_table_has_every_trial_and_the_number_of_epochs() -> None:
    (stage,) = load_space("asha_lr_wd_sigma").stages
    text = stage_tables(stage, 1, TRIALS, 3)
    assert "stage 1: random, 5 trials of up to 3 epochs" in text
    assert "8 epochs trained; without early stopping: 15 (53%)" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["t2", "0.01", "3", "5.00", "50.0%", "3.500", "75.0%", "3", "finished"] in lines
    assert "failed: the loss is NaN or infinite in epoch 1" in text


def test_a_grid_of_two_keys_also_has_a_matrix_of_both() -> None:
    first, second = load_space("lr_then_grid").stages
    trials = [
        trial(number, mae, values={"optimizer.lr": lr, "optimizer.weight_decay": decay})
        for number, (lr, decay, mae) in enumerate(
            [(0.01, 0, 7.0), (0.03, 0, 6.0), (0.01, 1e-5, 5.0), (0.03, 1e-5, 8.0)], start=1
        )
    ]
    lines = [line.split() for line in stage_tables(second, 2, trials, 5).splitlines()]
    assert ["optimizer.lr", "\\", "optimizer.weight_decay", "0", "1e-05"] in lines
    assert ["0.01", "7.00", "5.00"] in lines
    assert ["0.03", "6.00", "8.00"] in lines
    rates = [
        trial(number, 9.0 - number, values={"optimizer.lr": 10.0**-number}) for number in (1, 2)
    ]
    assert "\\" not in stage_tables(first, 1, rates, 3)
