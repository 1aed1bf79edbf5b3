"""The training on generated pictures: its recipe, its pictures and a run on the CPU."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.train_command import training_arguments, two_epochs, write_generated
from faceage_core.data.training.dataset import FaceDataset
from trainers.recipe import load_recipe
from trainers.train import recipe_and_overrides


@pytest.mark.parametrize(
    ("device", "on_gpu", "precision"), [("cuda", True, "fp16"), ("cpu", False, "fp32")]
)
def test_the_recipe_of_each_device(
    device: str, on_gpu: bool, precision: str, tmp_path: Path
) -> None:
    name, overrides = recipe_and_overrides(training_arguments(device, tmp_path, 64), None)
    recipe = load_recipe(name, overrides)
    assert (recipe.workers.gpu, recipe.precision, recipe.epochs) == (on_gpu, precision, 2)


def test_the_generated_pictures_are_brighter_for_higher_ages(tmp_path: Path) -> None:
    source = write_generated(tmp_path / "faces", 32)
    images = FaceDataset(str(source), "train", size_px=64, cache=tmp_path / "cache")
    brightness = [float(images[number][0].float().mean()) for number in range(32)]
    assert np.corrcoef(brightness, images.age_years)[0, 1] > 0.9
    assert len(FaceDataset(str(source), "val", size_px=64, cache=tmp_path / "cache")) == 2


@pytest.mark.slow
def test_the_training_has_two_epochs() -> None:
    found = two_epochs("cpu", images=64, batch_size=32)
    assert [epoch["precision"] for epoch in found["epochs"]] == ["fp32", "fp32"]
    assert all(epoch["images_per_s"] > 0 for epoch in found["epochs"])
