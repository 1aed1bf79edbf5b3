"""Shipped cards and bundles by name, and card and bundle files by path."""

import json
from pathlib import Path

import pytest

from faceage_core.cards.catalog import (
    find_checkpoint,
    read_bundle,
    shipped_bundle,
    shipped_bundle_names,
    shipped_card,
    shipped_card_names,
    shipped_cards,
)
from faceage_core.cards.model_card import AgeCard, GenderCard
from faceage_core.cards.weights import CheckpointFile
from faceage_core.errors import InvalidArgument, InvalidCheckpoint


def test_a_shipped_card_is_found_by_name() -> None:
    assert [card.name for card in shipped_cards()] == list(shipped_card_names())
    assert shipped_card("dlib-age", AgeCard) is shipped_card("dlib-age")


def test_an_unknown_card_name_is_rejected() -> None:
    with pytest.raises(InvalidArgument, match="unknown model 'vgg'; known models: dlib-age, "):
        shipped_card("vgg")


def test_a_card_of_another_task_is_rejected() -> None:
    with pytest.raises(InvalidCheckpoint, match="^dlib-age is a model for age, not for gender$"):
        shipped_card("dlib-age", GenderCard)


def test_shipped_bundles_name_themselves_and_shipped_cards() -> None:
    assert shipped_bundle_names() == ("bundled", "dlib", "facenet", "yunet")
    for name in shipped_bundle_names():
        spec = shipped_bundle(name)
        assert spec.name == name
        assert spec.summary
        assert {spec.detector, spec.age, spec.gender, spec.identity} <= set(shipped_card_names())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"age": None}, "age: Input should be a valid string"),
        ({"ages": "dlib-age"}, "ages: Extra inputs are not permitted"),
        ({"name": ""}, "name: String should have at least 1 character"),
    ],
)
def test_an_invalid_bundle_file_is_rejected(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    fields = json.loads(shipped_bundle("bundled").model_dump_json()) | changes
    (tmp_path / "mine.json").write_text(json.dumps(fields))
    with pytest.raises(InvalidArgument, match=rf"^bundle: mine\.json: {message}") as caught:
        read_bundle(tmp_path / "mine.json")
    assert caught.value.field == "bundle"


def write_checkpoint(directory: Path, card_name: str) -> Path:
    directory.mkdir()
    card = shipped_card("dlib-age", AgeCard).model_copy(
        update={"name": "mine", "weights": (CheckpointFile(path="net.onnx", sha256="0" * 64),)}
    )
    (directory / card_name).write_text(card.model_dump_json())
    (directory / "net.onnx").write_bytes(b"")
    return directory


@pytest.mark.parametrize("path", ["best", "best/card.json", "best/net.onnx"])
def test_a_checkpoint_is_found_by_its_directory_and_by_its_files(tmp_path: Path, path: str) -> None:
    directory = write_checkpoint(tmp_path / "best", "card.json")
    card, found = find_checkpoint(tmp_path / path)
    assert (card.name, found) == ("mine", directory)


def test_a_card_file_may_have_any_name(tmp_path: Path) -> None:
    directory = write_checkpoint(tmp_path / "best", "mine.json")
    assert find_checkpoint(directory / "mine.json")[1] == directory


@pytest.mark.parametrize("missing", ["card.json", "net.onnx"])
def test_a_missing_part_is_named(tmp_path: Path, missing: str) -> None:
    directory = write_checkpoint(tmp_path / "best", "card.json")
    (directory / missing).unlink()
    with pytest.raises(InvalidCheckpoint) as caught:
        find_checkpoint(directory)
    assert caught.value.message == f"best is not a checkpoint: missing {missing}"
