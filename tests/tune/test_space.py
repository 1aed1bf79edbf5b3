"""Search spaces: shipped ones, invalid ones, and the check against a recipe."""

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
def test_every_shipped_space_is_valid_for_every_shipped_recipe(name: str) -> None:
    loaded = load_space(name)
    assert loaded.name == name
    for recipe in RECIPES.shipped():
        loaded.check(load_recipe(recipe))


def test_the_default_space_varies_lr_weight_decay_and_sigma() -> None:
    (stage,) = load_space("asha_lr_wd_sigma").stages
    assert stage.asha
    domains = param_space(stage, {})
    assert list(domains) == [LR, DECAY, SIGMA]
    assert all(isinstance(domain, Float) for domain in domains.values())
    assert isinstance(domains[LR].sampler, LogUniform)
    assert isinstance(domains[DECAY].sampler, LogUniform)
    assert not isinstance(domains[SIGMA].sampler, LogUniform)


def test_the_space_of_two_steps_searches_lr_and_then_a_grid_around_it() -> None:
    first, second = load_space("lr_then_grid").stages
    assert (first.epochs, second.epochs) == (3, 5)
    assert param_space(first, {}) == {LR: {"grid_search": [0.1, 0.01, 0.001, 0.0001]}}
    assert param_space(second, {LR: 0.01}) == {
        LR: {"grid_search": [0.0033, 0.01, 0.03]},
        DECAY: {"grid_search": [0, 1e-5, 1e-4]},
    }


def test_a_random_search_chooses_among_values() -> None:
    (stage,) = space(search="random", trials=2).stages
    assert isinstance(param_space(stage, {})[LR], Categorical)


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"parameters": {LR: {"uniform": [3, 1]}}}, "uniform must be ascending"),
        ({"parameters": {LR: {"uniform": [1, 1]}}}, "uniform must be ascending"),
        ({"parameters": {LR: {"log_uniform": [0, 1]}}}, "log_uniform must be > 0"),
        ({"parameters": {LR: {"values": []}}}, "at least 1 item"),
        ({"parameters": {LR: {}}}, "exactly one is required of values, uniform"),
        ({"parameters": {LR: {"values": [1], "uniform": [1, 2]}}}, "exactly one is required"),
        ({"parameters": {LR: {"vals": [1]}}}, "unknown key"),
        ({"parameters": {}}, "at least 1 item"),
        ({"search": "grid", "trials": 3}, "trials must be left out for a grid"),
        ({"search": "random"}, "trials is required for search random"),
        ({"search": "best"}, "'grid', 'random' or 'optuna'"),
        ({"search": "grid", "parameters": {LR: {"uniform": [1, 2]}}}, "needs values, not a range"),
    ],
)
def test_an_invalid_stage_is_rejected(stage: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        space(**({"search": "grid"} if "search" not in stage else {}) | stage)
    assert caught.value.field is not None
    assert caught.value.field.startswith("stages.0")


@pytest.mark.parametrize(
    ("parameters", "field", "message"),
    [
        ({"optimizer.lrr": {"values": [1]}}, "optimizer.lrr", "unknown key"),
        ({"rate": {"values": [1]}}, "rate", "unknown key"),
        ({LR: {"values": ["fast"]}}, LR, "valid number"),
        ({SIGMA: {"values": [-1, 2]}}, SIGMA, "greater than 0"),
        ({LR: {"around_best": [1]}}, LR, "requires that the stage before varies this key"),
    ],
)
def test_a_value_that_the_recipe_does_not_accept_is_rejected_before_any_trial(
    parameters: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        space(search="grid", parameters=parameters).check(load_recipe("resnet18_age_gender"))
    assert caught.value.field == field


def test_an_unknown_or_invalid_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"unknown space 'best'; available: asha_lr_wd"):
        load_space("best")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"name": "own", "stages": []}))
    with pytest.raises(InvalidArgument, match="stages: Tuple should have at least 1 item"):
        load_space(tmp_path / "own.yaml")


def test_a_changed_recipe_is_a_new_recipe() -> None:
    recipe = load_recipe("resnet18_age_gender")
    other = changed(recipe, {LR: 0.5, "data.sources": ["a", "b"]})
    assert (other.optimizer.lr, other.data.sources) == (0.5, ("a", "b"))
    assert recipe.optimizer.lr != 0.5


@pytest.mark.parametrize("values", [["fast"], ["1e-2"], [0.1, True]])
def test_around_best_requires_numbers_in_the_stage_before(values: list[Any]) -> None:
    key = "reference.x"  # of a recipe, which accepts any value there
    stages = [
        {"search": "grid", "parameters": {key: {"values": values}}},
        {"search": "grid", "parameters": {key: {"around_best": [1]}}},
    ]
    space = SPACES.validate(Space, {"name": "x", "stages": stages})
    with pytest.raises(InvalidArgument, match="around_best requires numbers") as caught:
        space.check(load_recipe("resnet18_age_gender"))
    assert caught.value.field == key


def test_values_with_an_exponent_are_numbers_in_every_stage(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: own\nstages:\n"
        "  - {search: grid, parameters: {optimizer.lr: {values: [1e-2, 3E-3]}}}\n"
        "  - {search: grid, parameters: {optimizer.lr: {around_best: [1e-1, 1, 3e0]}}}\n"
    )
    loaded = load_space(tmp_path / "own.yaml")
    loaded.check(load_recipe("resnet18_age_gender"))
    first, second = loaded.stages
    rates = param_space(first, {})[LR]["grid_search"]
    assert (rates, {type(rate) for rate in rates}) == ([0.01, 0.003], {float})
    assert param_space(second, {LR: rates[0]}) == {LR: {"grid_search": [0.001, 0.01, 0.03]}}


def test_rungs_are_multiplied_up_to_the_budget() -> None:
    stage = Stage(
        search="random", trials=1, asha=True, parameters=space(search="grid").stages[0].parameters
    )
    assert stage.rungs(9) == [1, 3, 9]
    assert stage.rungs(10) == [1, 3, 9, 10]
    assert stage.rungs(1) == [1]
    assert stage.model_copy(update={"grace_epochs": 2, "reduction": 2}).rungs(8) == [2, 4, 8]


def test_search_algorithms_are_those_of_ray_tune() -> None:
    (stage,) = space(search="random", trials=2).stages
    search = search_algorithm(stage, 0, 3)
    assert isinstance(search, BasicVariantGenerator)
    assert search.max_concurrent == 3
    (stage,) = space(search="optuna", trials=2).stages
    search = search_algorithm(stage, 0, 3)
    assert isinstance(search, ConcurrencyLimiter)
    assert (type(search.searcher).__name__, search.max_concurrent) == ("OptunaSearch", 3)


def test_a_missing_optuna_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    (stage,) = space(search="optuna", trials=2).stages
    with pytest.raises(InvalidArgument, match=r"pip install 'faceage\[optuna\]'"):
        search_algorithm(stage, 0, 1)
