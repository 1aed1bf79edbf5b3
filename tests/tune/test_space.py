"""Search spaces: what they may hold, and what is wrong in them, before any trial runs."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.tune.search import BasicVariantGenerator, ConcurrencyLimiter
from ray.tune.search.sample import Categorical, Float, LogUniform

from faceage_core.errors import InvalidArgument
from trainers.recipe import RECIPES, changed, load_recipe
from tune.search import param_space, search_algorithm
from tune.space import SPACES, Space, Stage, load_space

LR, DECAY, SIGMA = "optimizer.lr", "optimizer.weight_decay", "loss.sigma_years"


def space(**stage: Any) -> Space:
    document = {"name": "x", "stages": [{"parameters": {LR: {"values": [0.1]}}} | stage]}
    return SPACES.validate(Space, document)


@pytest.mark.parametrize("name", SPACES.shipped())
def test_every_shipped_space_fits_every_recipe(name: str) -> None:
    loaded = load_space(name)
    assert loaded.name == name
    for recipe in RECIPES.shipped():
        loaded.check(load_recipe(recipe))


def test_the_default_varies_what_the_mission_does() -> None:
    (stage,) = load_space("asha_lr_wd_sigma").stages
    assert stage.asha
    drawn = param_space(stage, {})
    assert list(drawn) == [LR, DECAY, SIGMA]
    assert all(isinstance(domain, Float) for domain in drawn.values())
    assert isinstance(drawn[LR].sampler, LogUniform)
    assert isinstance(drawn[DECAY].sampler, LogUniform)
    assert not isinstance(drawn[SIGMA].sampler, LogUniform)


def test_the_two_steps_are_the_missions() -> None:
    first, second = load_space("lr_then_grid").stages
    assert (first.epochs, second.epochs) == (3, 5)
    assert param_space(first, {}) == {LR: {"grid_search": [0.1, 0.01, 0.001, 0.0001]}}
    assert param_space(second, {LR: 0.01}) == {
        LR: {"grid_search": [0.0033, 0.01, 0.03]},
        DECAY: {"grid_search": [0, 1e-5, 1e-4]},
    }


def test_values_of_another_search_are_drawn_from() -> None:
    (stage,) = space(search="random", trials=2).stages
    assert isinstance(param_space(stage, {})[LR], Categorical)


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ({"parameters": {LR: {"uniform": [3, 1]}}}, "from the lower to the higher"),
        ({"parameters": {LR: {"uniform": [1, 1]}}}, "from the lower to the higher"),
        ({"parameters": {LR: {"log_uniform": [0, 1]}}}, "must lie above 0"),
        ({"parameters": {LR: {"values": []}}}, "at least 1 item"),
        ({"parameters": {LR: {}}}, "state one of values, uniform"),
        ({"parameters": {LR: {"values": [1], "uniform": [1, 2]}}}, "state one of"),
        ({"parameters": {LR: {"vals": [1]}}}, "unknown key"),
        ({"parameters": {}}, "at least 1 item"),
        ({"search": "grid", "trials": 3}, "leave trials out"),
        ({"search": "random"}, "needs a number of trials"),
        ({"search": "best"}, "'grid', 'random' or 'optuna'"),
        ({"search": "grid", "parameters": {LR: {"uniform": [1, 2]}}}, "needs values, not a range"),
    ],
)
def test_what_is_impossible_is_refused(stage: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said) as caught:
        space(**({"search": "grid"} if "search" not in stage else {}) | stage)
    assert caught.value.field is not None
    assert caught.value.field.startswith("stages.0")


@pytest.mark.parametrize(
    ("parameters", "field", "said"),
    [
        ({"optimizer.lrr": {"values": [1]}}, "optimizer.lrr", "unknown key"),
        ({"rate": {"values": [1]}}, "rate", "unknown key"),
        ({LR: {"values": ["fast"]}}, LR, "valid number"),
        ({SIGMA: {"values": [-1, 2]}}, SIGMA, "greater than 0"),
        ({LR: {"around_best": [1]}}, LR, "no stage before"),
    ],
)
def test_a_recipe_that_cannot_take_a_value_is_found_before_any_trial(
    parameters: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(InvalidArgument, match=said) as caught:
        space(search="grid", parameters=parameters).check(load_recipe("resnet18_age_gender"))
    assert caught.value.field == field


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"unknown space 'best'; available: asha_lr_wd"):
        load_space("best")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"name": "own", "stages": []}))
    with pytest.raises(InvalidArgument, match="stages: Tuple should have at least 1 item"):
        load_space(tmp_path / "own.yaml")


def test_a_recipe_changed_is_a_recipe() -> None:
    recipe = load_recipe("resnet18_age_gender")
    other = changed(recipe, {LR: 0.5, "data.sources": ["a", "b"]})
    assert (other.optimizer.lr, other.data.sources) == (0.5, ("a", "b"))
    assert recipe.optimizer.lr != 0.5


def test_rungs_multiply_up_to_the_budget() -> None:
    stage = Stage(
        search="random", trials=1, asha=True, parameters=space(search="grid").stages[0].parameters
    )
    assert stage.rungs(9) == [1, 3, 9]
    assert stage.rungs(10) == [1, 3, 9, 10]
    assert stage.rungs(1) == [1]
    assert stage.model_copy(update={"grace_epochs": 2, "reduction": 2}).rungs(8) == [2, 4, 8]


def test_searches_are_tunes_own() -> None:
    (stage,) = space(search="random", trials=2).stages
    search = search_algorithm(stage, 0, 3)
    assert isinstance(search, BasicVariantGenerator)
    assert search.max_concurrent == 3
    (stage,) = space(search="optuna", trials=2).stages
    search = search_algorithm(stage, 0, 3)
    assert isinstance(search, ConcurrencyLimiter)
    assert (type(search.searcher).__name__, search.max_concurrent) == ("OptunaSearch", 3)


def test_optuna_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    (stage,) = space(search="optuna", trials=2).stages
    with pytest.raises(InvalidArgument, match=r"pip install 'faceage\[optuna\]'"):
        search_algorithm(stage, 0, 1)
