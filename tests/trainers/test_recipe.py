"""Shipped recipes, overrides and validation."""

from pathlib import Path

import pytest

from faceage_core.errors import InvalidArgument
from trainers.recipe import RECIPES, Recipe, load_recipe

FOLDER = Path(__file__).parents[2] / "trainers" / "recipes"


@pytest.mark.parametrize("name", RECIPES.shipped())
def test_every_shipped_recipe_loads_and_states_its_command(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert load_recipe(FOLDER / f"{name}.yaml") == recipe
    header = (FOLDER / f"{name}.yaml").read_text().partition("\nname:")[0]
    assert f"python -m trainers.train --config trainers/recipes/{name}.yaml" in header
    assert all(line.startswith("#") for line in header.splitlines())


def test_shipped_recipes_have_the_published_hyperparameters() -> None:
    ldl = load_recipe("inception_vggface2_ldl")
    (head,) = ldl.network.heads
    assert (head.kind, head.outputs, head.dropout) == ("hidden_256", 101, 0.2)
    assert (ldl.loss.age, ldl.loss.sigma_years) == ("kl", 2.0)
    assert (ldl.optimizer.name, ldl.optimizer.lr) == ("adam", 1e-4)
    assert (ldl.batch_size, ldl.epochs, ldl.patience, ldl.precision) == (256, 50, 6, "fp16")
    assert ldl.reference["cacd_val_mae"] == 3.64

    sgd = load_recipe("resnet50_sgd")
    assert (sgd.optimizer.name, sgd.optimizer.momentum) == ("sgd", 0.9)
    assert (sgd.optimizer.lr, sgd.optimizer.weight_decay) == (0.003, 1e-4)
    assert (sgd.epochs, sgd.patience, sgd.input.side_px) == (100, 5, 128)
    assert sgd.loss.balance == "oversample"

    both = load_recipe("resnet18_age_gender")
    assert {head.task: head.outputs for head in both.network.heads} == {"age": 1, "gender": 1}
    assert (both.loss.age, both.optimizer.name, both.epochs) == ("mse", "adam", 10)

    vgg = load_recipe("vgg16_age_gender")
    assert vgg.network.freeze_backbone
    assert vgg.optimizer.name == "adamw"
    assert len(vgg.data.sources) == 2


def test_overrides_are_yaml_at_every_level() -> None:
    recipe = load_recipe(
        "utkface_cpu",
        ["optimizer.lr=1e-4", "workers.count=[1, 2]", "data.sources=here", "loss.sigma_years=3"],
    )
    assert recipe.optimizer.lr == 1e-4
    assert recipe.workers.count == (1, 2)
    assert recipe.data.sources == ("here",)
    assert recipe.loss.sigma_years == 3.0


def test_a_dumped_recipe_loads_as_itself() -> None:
    recipe = load_recipe("vgg16_age_gender")
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize(
    ("override", "field", "message"),
    [
        ("optimizer.lrr=1", "optimizer.lrr", "unknown key"),
        ("learning_rate=1", "learning_rate", "unknown key"),
        ("optimizer.lr=fast", "optimizer.lr", "valid number"),
        ("optimizer.lr=-1", "optimizer.lr", "greater than 0"),
        ("loss.sigma_years=0", "loss.sigma_years", "greater than 0"),
        ("loss.age=l7", "loss", "must be one of kl"),
        ("network.backbone=resnet19", "network", "must be one of inception"),
        ("network.heads=[{task: gender, outputs: 1}]", "network", "one for age"),
        ("network.heads=[{task: age, kind: odd, outputs: 1}]", "network", "must be one of linear"),
        ("network.freeze_backbone=true", "network", "needs weights"),
        ("network.heads=[{task: age, outputs: 1}]", "the recipe", "several outputs"),
        ("batch_size=1", "batch_size", "greater than 1"),
        ("optimizer.accumulate=3", "the recipe", "multiple of optimizer.accumulate"),
        ("precision=fp16", "the recipe", "needs workers.gpu"),
        ("input.first_sizes=[[0.5, 64], [0.5, 96]]", "input", "must leave a part of the epochs"),
        ("workers.count=[2, 1]", "workers", "in order"),
        ("workers.count=100", "the recipe", "less than 2 images per pass"),
        ("input.augmentation=wild", "input", "must be one of none"),
        ("epochs.all=3", "epochs.all", "unknown key"),
        ("epochs", "epochs", "key=value"),
        ("epochs=[", "epochs", "not YAML"),
    ],
)
def test_an_invalid_override_is_rejected_by_name(override: str, field: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        load_recipe("utkface_cpu", [override])
    assert caught.value.field == field


def test_an_invalid_file_is_rejected_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"unknown recipe 'utk'; available: inception"):
        load_recipe("utk")
    with pytest.raises(InvalidArgument, match="cannot be read: No such file"):
        load_recipe(tmp_path / "none.yaml")
    for text, message in (
        ("a: [", "is not YAML"),
        ("- 1", "must map keys"),
        ("name: x", "required"),
    ):
        (tmp_path / "x.yaml").write_text(text)
        with pytest.raises(InvalidArgument, match=message):
            load_recipe(tmp_path / "x.yaml")


def test_image_sizes_grow_by_first_sizes() -> None:
    sizes = "input.first_sizes=[[0.4, 32], [0.2, 48]]"
    five = load_recipe("utkface_cpu", [sizes, "epochs=5"])
    assert [five.side_at(epoch) for epoch in range(5)] == [32, 32, 48, 80, 80]
    for epochs in (1, 2, 3):
        brief = load_recipe("utkface_cpu", [sizes, f"epochs={epochs}"])
        assert brief.side_at(epochs - 1) == 80
    whole = load_recipe("utkface_cpu")
    assert [whole.side_at(epoch) for epoch in range(38)] == 12 * [48] + 26 * [80]
