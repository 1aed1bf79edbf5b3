"""Options become cards: one a role, and nothing is chosen silently."""

from pathlib import Path

import pytest
import torch

from faceage_core.cards.schema import ModelCard, shipped_card
from faceage_core.errors import InvalidCheckpoint
from faceage_core.models.bundles import resolve
from faceage_core.models.checkpoint import save_checkpoint
from faceage_core.models.options import BundleName, ModelOptions
from faceage_core.pipeline.response import models_answer


def saved(directory: Path, task: str) -> ModelCard:
    source = {"age": "dlib-age", "identity": "facenet-vggface2", "gender": "dlib-gender"}[task]
    card = shipped_card(source).model_copy(update={"name": f"trained-{task}", "version": "7"})
    return save_checkpoint(directory, {"x": torch.ones(1)}, card)


def test_the_bundled_models_are_the_default() -> None:
    bundle = resolve(ModelOptions())
    cards = (bundle.detector, bundle.age, bundle.gender, bundle.identity)
    assert [card and card.name for card in cards] == [
        "mtcnn",
        "dlib-age",
        "dlib-gender",
        "dlib-resnet",
    ]
    assert bundle.name == "bundled"
    assert not bundle.age_is_borrowed


def test_facenet_borrows_the_age_model_until_it_is_given_one(tmp_path: Path) -> None:
    bundle = resolve(ModelOptions(bundle="facenet"))
    assert (bundle.identity.name, bundle.age.name) == ("facenet-vggface2", "dlib-age")
    assert bundle.age_is_borrowed
    saved(tmp_path / "best", "age")
    given = resolve(ModelOptions(bundle="facenet", age_checkpoint=tmp_path / "best"))
    assert given.age.name == "trained-age"
    assert not given.age_is_borrowed


@pytest.mark.parametrize("name", ["bundled", "facenet"])
def test_checkpoints_replace_the_bundles_own(tmp_path: Path, name: BundleName) -> None:
    age, identity = saved(tmp_path / "age", "age"), saved(tmp_path / "identity", "identity")
    bundle = resolve(
        ModelOptions(
            bundle=name,
            age_checkpoint=tmp_path / "age",
            identity_checkpoint=tmp_path / "identity",
        )
    )
    assert (bundle.age, bundle.identity) == (age, identity)


@pytest.mark.parametrize(
    ("option", "task", "said"),
    [
        ("age_checkpoint", "identity", "best is a model for identity, not for age"),
        ("identity_checkpoint", "age", "best is a model for age, not for identity"),
        ("identity_checkpoint", "gender", "best is a model for gender, not for identity"),
    ],
)
def test_a_checkpoint_for_another_task_is_refused(
    tmp_path: Path, option: str, task: str, said: str
) -> None:
    saved(tmp_path / "best", task)
    with pytest.raises(InvalidCheckpoint) as caught:
        resolve(ModelOptions.model_validate({option: tmp_path / "best"}))
    assert caught.value.message == said


@pytest.mark.parametrize("name", ["bundled", "facenet"])
def test_crops_are_those_of_the_cards(name: BundleName) -> None:
    bundle = resolve(ModelOptions(bundle=name))
    assert set(bundle.crops) == {"age", "gender", "identity"}
    for role, card in [("age", bundle.age), ("identity", bundle.identity)]:
        assert card.input is not None
        assert bundle.crops[role] == card.input.crop  # type: ignore[index]


def test_the_answer_names_every_model_that_ran() -> None:
    bundle = resolve(ModelOptions(bundle="facenet"))
    compared = models_answer(bundle, compared=True)
    assert compared.bundle == "facenet"
    assert compared.detector.name == "mtcnn"
    assert compared.age.name == "dlib-age"
    assert compared.gender is not None
    assert compared.gender.name == "dlib-gender"
    assert compared.identity is not None
    assert compared.identity.name == "facenet-vggface2"
    assert compared.identity.version == bundle.identity.version
    assert compared.identity.license == bundle.identity.license
    assert models_answer(bundle, compared=False).identity is None
