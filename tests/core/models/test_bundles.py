"""From options to cards: shipped bundles, bundle files, checkpoints in place of their entries."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from faceage_core.cards.catalog import shipped_bundle, shipped_card
from faceage_core.cards.model_card import AgeCard, BaseCard
from faceage_core.cards.weights import CheckpointFile
from faceage_core.errors import InvalidArgument, InvalidCheckpoint
from faceage_core.models.bundles import resolve
from faceage_core.models.checkpoint import save_checkpoint
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.response import models_answer


def save(directory: Path, task: str) -> BaseCard:
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
        "sface",
    ]
    assert bundle.name == "bundled"
    assert not bundle.age_is_stand_in


def test_the_dlib_bundle_differs_in_its_identity_model_only() -> None:
    default, dlib = resolve(ModelOptions()), resolve(ModelOptions(bundle="dlib"))
    assert (dlib.name, dlib.identity.name) == ("dlib", "dlib-resnet")
    assert (dlib.detector, dlib.age, dlib.gender) == (default.detector, default.age, default.gender)


def test_the_yunet_bundle_differs_in_its_detector_only() -> None:
    default, yunet = resolve(ModelOptions()), resolve(ModelOptions(bundle="yunet"))
    assert (yunet.name, yunet.detector.name) == ("yunet", "yunet")
    assert (yunet.age, yunet.gender, yunet.identity) == (
        default.age,
        default.gender,
        default.identity,
    )


def test_the_age_model_of_facenet_is_a_stand_in_for_a_checkpoint(tmp_path: Path) -> None:
    bundle = resolve(ModelOptions(bundle="facenet"))
    assert (bundle.identity.name, bundle.age.name) == ("facenet-vggface2", "dlib-age")
    assert bundle.age_is_stand_in
    save(tmp_path / "best", "age")
    given = resolve(ModelOptions(bundle="facenet", age_checkpoint=tmp_path / "best"))
    assert given.age.name == "trained-age"
    assert not given.age_is_stand_in


@pytest.mark.parametrize("name", ["bundled", "dlib", "facenet", "yunet"])
def test_checkpoints_replace_the_bundle_s_models(tmp_path: Path, name: str) -> None:
    age, identity = save(tmp_path / "age", "age"), save(tmp_path / "identity", "identity")
    bundle = resolve(
        ModelOptions(
            bundle=name,
            age_checkpoint=tmp_path / "age",
            identity_checkpoint=tmp_path / "identity",
        )
    )
    assert (bundle.age, bundle.identity) == (age, identity)


@pytest.mark.parametrize(
    ("option", "task", "message"),
    [
        ("age_checkpoint", "identity", "best is a model for identity, not for age"),
        ("identity_checkpoint", "age", "best is a model for age, not for identity"),
        ("identity_checkpoint", "gender", "best is a model for gender, not for identity"),
    ],
)
def test_a_checkpoint_for_another_task_is_rejected(
    tmp_path: Path, option: str, task: str, message: str
) -> None:
    save(tmp_path / "best", task)
    with pytest.raises(InvalidCheckpoint) as caught:
        resolve(ModelOptions.model_validate({option: tmp_path / "best"}))
    assert caught.value.message == message


@pytest.mark.parametrize("name", ["bundled", "dlib", "facenet", "yunet"])
def test_crops_are_those_of_the_cards(name: str) -> None:
    bundle = resolve(ModelOptions(bundle=name))
    assert set(bundle.crops) == {"age", "gender", "identity"}
    for role, card in [("age", bundle.age), ("identity", bundle.identity)]:
        assert bundle.crops[role] == card.input.crop  # type: ignore[index]


# --- bundle files ---


def write_bundle(directory: Path, **changes: object) -> str:
    fields = json.loads(shipped_bundle("bundled").model_dump_json()) | {"name": "mine"} | changes
    path = directory / "mine.json"
    path.write_text(json.dumps(fields))
    return str(path)


def test_a_bundle_file_names_shipped_cards(tmp_path: Path) -> None:
    bundle = resolve(ModelOptions(bundle=write_bundle(tmp_path, identity="facenet-vggface2")))
    assert bundle.name == "mine"
    assert bundle.identity is shipped_card("facenet-vggface2")
    assert bundle.age is shipped_card("dlib-age")
    assert bundle.directories == {}


def test_entries_are_paths_relative_to_the_bundle_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundle").mkdir()
    identity = save(tmp_path / "bundle" / "ours", "identity")
    own_file = CheckpointFile(path="gender.onnx", sha256="0" * 64)
    gender = shipped_card("dlib-gender").model_copy(update={"weights": (own_file,)})
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "gender.json").write_text(gender.model_dump_json())
    (tmp_path / "cards" / "gender.onnx").write_bytes(b"")
    name = write_bundle(tmp_path / "bundle", identity="ours", gender="../cards/gender.json")
    monkeypatch.chdir(tmp_path)
    for path in (name, "bundle/mine.json"):
        bundle = resolve(ModelOptions(bundle=path))
        assert (bundle.identity, bundle.gender) == (identity, gender)
        assert bundle.directories["identity"].samefile(tmp_path / "bundle" / "ours")
        assert bundle.directories["gender"].samefile(tmp_path / "cards")


def test_without_a_gender_entry_the_age_model_s_own_output_is_used(tmp_path: Path) -> None:
    plain = resolve(ModelOptions(bundle=write_bundle(tmp_path, gender=None)))
    assert plain.gender is None
    assert set(plain.crops) == {"age", "identity"}
    both = age_and_gender(tmp_path / "both")
    bundle = resolve(ModelOptions(bundle=write_bundle(tmp_path, gender=None, age="both")))
    assert bundle.gender is bundle.age
    assert bundle.age == both
    assert set(bundle.crops) == {"age", "identity"}


def test_a_gender_entry_counts_unless_a_checkpoint_replaces_the_age_model(tmp_path: Path) -> None:
    age_and_gender(tmp_path / "both")
    path = write_bundle(tmp_path, age="both")
    assert resolve(ModelOptions(bundle=path)).gender is shipped_card("dlib-gender")
    given = resolve(ModelOptions(bundle=path, age_checkpoint=tmp_path / "both"))
    assert given.gender is given.age


def age_and_gender(directory: Path) -> AgeCard:
    card = shipped_card("dlib-age", AgeCard)
    card = card.model_copy(update={"gender_bins": ("female", "male")})
    return save_checkpoint(directory, {"x": torch.ones(1)}, card)


def test_an_unknown_bundle_is_rejected() -> None:
    with pytest.raises(InvalidArgument) as caught:
        resolve(ModelOptions(bundle="best"))
    assert caught.value.field == "bundle"
    assert caught.value.message == (
        "bundle must be one of bundled, dlib, facenet, yunet or the path of a bundle file, "
        "got 'best'"
    )


def test_an_unknown_entry_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument) as caught:
        resolve(ModelOptions(bundle=write_bundle(tmp_path, identity="arcface")))
    assert caught.value.field == "bundle"
    assert caught.value.message == (
        "bundle mine: identity must be one of dlib-age, dlib-gender, dlib-resnet, "
        "facenet-vggface2, mtcnn, sface, yunet or a path relative to the bundle file, got 'arcface'"
    )


@pytest.mark.parametrize("role", ["detector", "age", "gender", "identity"])
def test_an_entry_for_another_task_is_rejected(tmp_path: Path, role: str) -> None:
    other = "mtcnn" if role != "detector" else "dlib-age"
    with pytest.raises(InvalidCheckpoint, match=f"^{other} is a model for "):
        resolve(ModelOptions(bundle=write_bundle(tmp_path, **{role: other})))


def test_the_names_of_the_shipped_bundles_are_reserved(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidArgument, match="bundled, dlib, facenet, yunet are reserved"
    ) as caught:
        resolve(ModelOptions(bundle=write_bundle(tmp_path, name="bundled")))
    assert caught.value.field == "bundle"


def test_resolving_a_checkpoint_does_not_import_pytorch(tmp_path: Path) -> None:
    save(tmp_path / "best", "age")
    script = (
        "import sys; from pathlib import Path; from faceage_core.models.bundles import resolve;"
        "from faceage_core.models.options import ModelOptions;"
        "resolve(ModelOptions(age_checkpoint=Path(sys.argv[1])));"
        "import faceage_core.models.weights;"
        "print({'torch', 'onnxruntime', 'openvino'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "best")], capture_output=True, text=True
    )
    assert (ended.stdout, ended.stderr) == ("set()\n", "")


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
