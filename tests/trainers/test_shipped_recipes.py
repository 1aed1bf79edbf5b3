"""Every shipped recipe learns in this process, and an impossible one is rejected."""

from pathlib import Path

import pytest

from faceage_core.cards.catalog import find_checkpoint
from faceage_core.cards.crops import LandmarkCrop
from faceage_core.cards.model_card import AgeCard
from faceage_core.data.manifest import read_manifest
from faceage_core.data.storage import Folder
from faceage_core.data.training.augmentation import PRESETS
from faceage_core.errors import FaceageError
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import FacePipeline
from tests.trainers.factories import short_recipe, train_here
from trainers.fit import train
from trainers.preflight import check_recipe
from trainers.recipe import RECIPES, Recipe
from trainers.resume_state import MODEL_FOLDER

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.usefixtures("ray_here")]


@pytest.mark.parametrize("name", RECIPES.shipped())
def test_every_recipe_learns_and_its_checkpoint_serves(
    name: str, faces: Path, tmp_path: Path, samples: dict[str, bytes]
) -> None:
    lines: list[str] = []
    alone = ["workers.count=1", "data.limit=96"]
    recipe = short_recipe(name, faces, tmp_path, *alone)
    check_recipe(recipe, lines.append, local=True)
    assert "GFLOPs per image" in lines[0]
    first, second = train_here(recipe, tmp_path / "out")
    assert second["train_loss"] < first["train_loss"]

    checkpoint = tmp_path / "out" / MODEL_FOLDER
    card, _ = find_checkpoint(checkpoint)
    manifest = read_manifest(Folder.at(str(faces)))
    assert manifest.crop is not None
    assert isinstance(card, AgeCard)
    assert isinstance(card.input.crop, LandmarkCrop)
    center = PRESETS[recipe.input.augmentation].center
    assert card.input.crop.share_of(manifest.crop) == pytest.approx(center, abs=1e-4)
    assert card.training is not None
    assert card.training["data"][0]["split_hash"] == manifest.split_hash  # type: ignore[index, call-overload]
    assert Recipe.model_validate(card.training["recipe"]).optimizer == recipe.optimizer
    assert manifest.license in card.license

    pipeline = FacePipeline(ModelOptions(age_checkpoint=checkpoint))
    (face,) = pipeline.faces(samples["hopper_1984.jpg"]).image.faces
    assert 0 <= face.age_prediction <= 120
    assert face.gender is not None
    served_by = pipeline.faces(samples["hopper_1984.jpg"]).models
    assert served_by.age.name == name
    assert served_by.gender is not None
    assert (served_by.gender.name == name) == recipe.network.has("gender")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["data.sources=nowhere"], "nowhere"),
        (["data.train=[fold-1]"], "has no split 'fold-1', only train, val"),
        (["network.weights=nothing.pt"], "or an existing path, got nothing.pt"),
        (["network.weights=imagenet", "network.backbone=inception_resnet_v1"], "only for resnet18"),
        (["network.weights=vggface2"], "there are no vggface2 weights for resnet18"),
        (["workers.count=16"], "16 workers need 16 CPUs"),
        (["network.backbone=inception_resnet_v1", "input.size_px=32"], "are too small for incep"),
        (["batch_size=1000000"], "batch_size 1000000 needs about .* GB for 2 workers"),
        (["workers.gpu=true"], "2 workers need 2 GPUs, but the cluster has 0"),
        (
            ["network.heads=[{task: age, outputs: 101}, {task: race, outputs: 2}]"],
            "the race head has 2 outputs, but the data has 5 values",
        ),
    ],
)
def test_an_impossible_recipe_is_rejected_before_a_worker_starts(
    faces: Path, tmp_path: Path, changes: list[str], message: str
) -> None:
    with pytest.raises(FaceageError, match=message):
        train(short_recipe("utkface_cpu", faces, tmp_path, *changes), str(tmp_path / "run"))
