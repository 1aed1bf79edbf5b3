"""Saving and loading of checkpoints, published state dicts, and strict loading into a network."""

import os
import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from faceage_core.cards.catalog import CARD_NAME, find_checkpoint
from faceage_core.cards.crops import BoxCrop
from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import AgeCard
from faceage_core.cards.weights import CheckpointFile
from faceage_core.errors import (
    InvalidArgument,
    InvalidCheckpoint,
    WeightsMismatch,
    WeightsUnavailable,
)
from faceage_core.models.checkpoint import (
    WEIGHTS_NAME,
    load_checkpoint,
    load_into,
    load_state_dict,
    save_checkpoint,
)
from faceage_core.models.download import sha256_of


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


def make_card(**changes: object) -> AgeCard:
    fields = {
        "name": "tiny",
        "version": "1",
        "input": InputSpec(crop=BoxCrop(size_px=8, margin_px=0), mean=(0, 0, 0), scale=(1, 1, 1)),
        "age_bins_years": (0.0, 1.0),
        "summary": "for tests",
        "architecture": "tiny",
        "weights": (),
        "origin": "made here",
        "license": "CC0-1.0",
        **changes,
    }
    return AgeCard.model_validate(fields)


def saved(directory: Path) -> AgeCard:
    return save_checkpoint(directory, network().state_dict(), make_card())


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# --- written and read back ---


@pytest.mark.parametrize("name", ["", CARD_NAME, WEIGHTS_NAME])
def test_a_saved_checkpoint_is_loaded(tmp_path: Path, name: str) -> None:
    card = saved(tmp_path / "runs" / "best")
    read, state = load_checkpoint(tmp_path / "runs" / "best" / name)
    assert read == card
    assert find_checkpoint(tmp_path / "runs" / "best" / name)[0] == card
    assert same(state, network().state_dict())


def test_the_card_states_the_digest_of_the_file(tmp_path: Path) -> None:
    card = saved(tmp_path / "best")
    digest = sha256_of(tmp_path / "best" / WEIGHTS_NAME)
    assert card.weights == (CheckpointFile(path=WEIGHTS_NAME, sha256=digest),)
    assert card.model_copy(update={"weights": ()}) == make_card()


def test_saving_leaves_no_other_files(tmp_path: Path) -> None:
    saved(tmp_path / "best")
    saved(tmp_path / "best")
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    assert {path.name for path in (tmp_path / "best").iterdir()} == {CARD_NAME, WEIGHTS_NAME}


def test_shared_and_transposed_tensors_are_saved(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    state = {"a": weight, "tied": weight, "turned": weight.T, "row": weight[1]}
    save_checkpoint(tmp_path / "best", state, make_card())
    assert same(load_checkpoint(tmp_path / "best")[1], state)


def test_an_earlier_checkpoint_is_replaced(tmp_path: Path) -> None:
    saved(tmp_path / "best")
    save_checkpoint(tmp_path / "best", {"x": torch.ones(1)}, make_card(version="2"))
    card, state = load_checkpoint(tmp_path / "best")
    assert (card.version, list(state)) == ("2", ["x"])


def test_an_empty_directory_is_filled(tmp_path: Path) -> None:
    saved(tmp_path)
    assert load_checkpoint(tmp_path)[0].name == "tiny"


def test_a_checkpoint_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "best")
    monkeypatch.chdir(tmp_path / "best")
    for path in (".", CARD_NAME, WEIGHTS_NAME):
        assert load_checkpoint(Path(path))[0].name == "tiny"


def test_a_directory_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"keep")
    with pytest.raises(InvalidArgument, match=r"holds other files \(photo\.jpg\)"):
        saved(tmp_path)
    with pytest.raises(InvalidArgument, match=r"photo\.jpg is a file"):
        saved(tmp_path / "photo.jpg")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"keep"]


def test_a_save_that_fails_keeps_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "best")

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path / "best", {"x": torch.ones(1)}, make_card())
    assert same(load_checkpoint(tmp_path / "best")[1], network().state_dict())
    assert len(list(tmp_path.iterdir())) == 1


def test_between_the_two_renames_the_earlier_checkpoint_still_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "best")
    rename = Path.rename

    def fail_at_the_second(path: Path, target: Path) -> Path:
        if target.name == "best":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path / "best", {"x": torch.ones(1)}, make_card())
    (kept,) = tmp_path.iterdir()
    assert same(load_checkpoint(kept)[1], network().state_dict())


def test_a_card_that_json_cannot_represent_is_rejected(tmp_path: Path) -> None:
    card = make_card().model_copy(update={"version": None})  # model_copy does not validate
    with pytest.raises(InvalidCheckpoint, match="version"):
        save_checkpoint(tmp_path / "best", {}, card)
    assert list(tmp_path.iterdir()) == []


# --- broken checkpoints ---


@pytest.mark.parametrize(
    ("removed", "named"),
    [
        ((CARD_NAME,), "missing card.json"),
        ((WEIGHTS_NAME,), "missing model.safetensors"),
        ((CARD_NAME, WEIGHTS_NAME), "missing card.json"),
    ],
)
def test_a_missing_part_is_named(tmp_path: Path, removed: tuple[str, ...], named: str) -> None:
    saved(tmp_path / "best")
    for name in removed:
        (tmp_path / "best" / name).unlink()
    with pytest.raises(InvalidCheckpoint) as caught:
        load_checkpoint(tmp_path / "best")
    assert caught.value.message == f"best is not a checkpoint: {named}"


def test_a_directory_without_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidCheckpoint, match=r"^none is not a checkpoint"):
        load_checkpoint(tmp_path / "none")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InvalidCheckpoint, match=r"^here is not a checkpoint"):
        load_checkpoint(Path())


def test_the_card_of_other_weights_is_rejected(tmp_path: Path) -> None:
    saved(tmp_path / "one")
    save_checkpoint(tmp_path / "two", network(seed=1).state_dict(), make_card())
    (tmp_path / "one" / CARD_NAME).replace(tmp_path / "two" / CARD_NAME)
    with pytest.raises(InvalidCheckpoint, match=sha256_of(tmp_path / "two" / WEIGHTS_NAME)):
        load_checkpoint(tmp_path / "two")


@pytest.mark.parametrize("content", [b"", struct.pack("<Q", 1 << 40), b"\x80\x04}."])
def test_damaged_weights_are_rejected_even_with_their_digest(
    tmp_path: Path, content: bytes
) -> None:
    card = saved(tmp_path / "best")
    weights = tmp_path / "best" / WEIGHTS_NAME
    weights.write_bytes(content)
    entry = CheckpointFile(sha256=sha256_of(weights))
    final = card.model_copy(update={"weights": (entry,)})
    (tmp_path / "best" / CARD_NAME).write_text(final.model_dump_json())
    with pytest.raises(InvalidCheckpoint, match="damaged") as caught:
        load_checkpoint(tmp_path / "best")
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [{"kind": "checkpoint", "path": "card.json", "sha256": "0" * 64}],
        [{"kind": "download", "url": "http://localhost/net.pt", "sha256": "0" * 64}],
        [{"kind": "checkpoint", "sha256": "0" * 64}] * 2,
    ],
)
def test_other_weights_entries_are_rejected(tmp_path: Path, entries: list[object]) -> None:
    saved(tmp_path / "best")
    foreign = make_card(weights=entries)
    (tmp_path / "best" / CARD_NAME).write_text(foreign.model_dump_json())
    with pytest.raises(InvalidCheckpoint, match="weights must be one checkpoint file"):
        load_checkpoint(tmp_path / "best")


# --- published state dicts ---


@pytest.mark.parametrize("zipped", [True, False])
def test_a_state_dict_is_read(tmp_path: Path, zipped: bool) -> None:
    state = OrderedDict(network().state_dict())
    torch.save(state, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    assert same(load_state_dict(tmp_path / "net.pt"), state)


class RunsCommand:
    """Unpickling it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_malicious_pickle_is_rejected_and_does_not_run(tmp_path: Path, zipped: bool) -> None:
    trace = tmp_path / "trace"
    state = {"weight": torch.ones(1), "trap": RunsCommand(f"touch '{trace}'")}
    torch.save(state, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsMismatch, match=r"^net\.pt is damaged, or holds more") as caught:
        load_state_dict(tmp_path / "net.pt")
    assert not trace.exists()
    assert "weights_only" not in caught.value.message
    # The pickle works: an unrestricted reader does run the command.
    torch.load(tmp_path / "net.pt", weights_only=False)
    assert trace.exists()


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"PK\x03\x04 half a zip", pickle.dumps(["weight"])]
)
def test_invalid_bytes_are_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.pt").write_bytes(content)
    with pytest.raises(WeightsMismatch, match=r"^net\.pt is damaged"):
        load_state_dict(tmp_path / "net.pt")


@pytest.mark.parametrize(
    "held", [torch.ones(1), [torch.ones(1)], {"state": {"a": torch.ones(1)}}, {1: torch.ones(1)}]
)
def test_anything_except_tensors_by_name_is_rejected(tmp_path: Path, held: object) -> None:
    torch.save(held, tmp_path / "net.pt")
    with pytest.raises(WeightsMismatch, match="more than tensors by name"):
        load_state_dict(tmp_path / "net.pt")


def test_a_missing_state_dict(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable, match=r"^net\.pt cannot be read: No such file"):
        load_state_dict(tmp_path / "net.pt")


# --- into a network ---


def test_every_value_is_loaded(tmp_path: Path) -> None:
    target, state = network(seed=1), network().state_dict()
    assert not same(target.state_dict(), state)
    load_into(target, {**state, "logits.weight": torch.ones(1)}, source="x", ignore=("logits.",))
    assert same(target.state_dict(), state)


def test_half_precision_is_widened() -> None:
    target, state = network(seed=1), network().half().state_dict()
    load_into(target, state, source="x")
    assert {value.dtype for value in target.parameters()} == {torch.float32}
    assert same(target.half().state_dict(), state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"2.bias": None}, "2.bias missing"),
        ({"3.bias": torch.ones(1)}, "3.bias unexpected"),
        ({"0.bias": torch.ones(4)}, "0.bias (float [4] for float [3]) with another shape or dtype"),
        (
            {"0.bias": torch.ones(3, dtype=torch.int64)},
            "0.bias (int64 [3] for float [3]) with another shape or dtype",
        ),
        ({"2.bias": None, "3.bias": torch.ones(1)}, "2.bias missing; 3.bias unexpected"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(
    changes: dict[str, Tensor | None], message: str
) -> None:
    target = network(seed=1)
    merged = {**network().state_dict(), **changes}
    state = {name: value for name, value in merged.items() if value is not None}
    with pytest.raises(WeightsMismatch) as caught:
        load_into(target, state, source="best")
    assert caught.value.message == f"best does not fit Sequential: {message}"
    assert same(target.state_dict(), network(seed=1).state_dict())


def test_a_long_list_of_names_is_shortened() -> None:
    with pytest.raises(WeightsMismatch) as caught:
        load_into(network(), {}, source="best")
    assert "0.weight, 0.bias, 1.weight and 6 more missing" in caught.value.message
    assert "\n" not in caught.value.message


def test_ignoring_a_needed_parameter_is_a_mismatch() -> None:
    with pytest.raises(WeightsMismatch, match=r"2\.weight, 2\.bias missing"):
        load_into(network(), network().state_dict(), source="best", ignore=("2.",))
