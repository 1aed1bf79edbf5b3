"""Adding a model takes one module and one line; each toy model answers through the library."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image
from torch import nn

from faceage_core.cards.catalog import shipped_bundle
from faceage_core.cards.crops import BoxCrop
from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import AgeCard, DetectorCard, HeadSpec, IdentityCard
from faceage_core.cards.weights import CheckpointFile, DownloadFile
from faceage_core.detection.registry import DETECTORS
from faceage_core.errors import InvalidArgument, InvalidCheckpoint, WeightsMismatch
from faceage_core.inference.runtime import Runtime
from faceage_core.models.age_network import build_network
from faceage_core.models.backbones import BACKBONES, backbone
from faceage_core.models.bundles import resolve
from faceage_core.models.checkpoint import save_checkpoint
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import Pipeline, loading
from faceage_core.types import Box, Face

INPUT = InputSpec(crop=BoxCrop(size_px=16, margin_px=0), mean=(0, 0, 0), scale=(1, 1, 1))
PLAIN: dict[str, Any] = {
    "version": "1",
    "summary": "for tests",
    "origin": "made here",
    "license": "CC0-1.0",
    "limits": (),
}


def write_bundle(directory: Path, **entries: str) -> str:
    fields = json.loads(shipped_bundle("bundled").model_dump_json()) | {"name": "toys"} | entries
    path = directory / "toys.json"
    path.write_text(json.dumps(fields))
    return str(path)


# --- a toy backbone: one function, one line ---


def toy_backbone() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.fixture
def toy_age(tmp_path: Path) -> Iterator[Path]:
    """A checkpoint of an age model on the toy backbone."""
    backbone("toy", features=4)(toy_backbone)
    heads = (HeadSpec(task="age", outputs=101), HeadSpec(task="gender", outputs=1))
    torch.manual_seed(0)
    card = AgeCard(
        **PLAIN,
        name="toy-age",
        architecture="toy",
        weights=(),
        heads=heads,
        input=INPUT,
        age_bins_years=tuple(float(age) for age in range(101)),
        gender_bins=("female", "male"),
    )
    save_checkpoint(tmp_path / "age", build_network("toy", heads).state_dict(), card)
    yield tmp_path / "age"
    del BACKBONES["toy"]


def test_a_backbone_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="backbone 'resnet18' is already registered"):
        backbone("resnet18", features=1)(toy_backbone)


# --- a toy identity model: one card, one line of a bundle ---


def toy_onnx() -> bytes:
    """The average colour of each of the four quarters of a 16-pixel crop: [N, 12]."""
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[8, 8], strides=[8, 8]),
            helper.make_node("Flatten", ["y"], ["z"]),
        ],
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", 12])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


MODEL = toy_onnx()


def write_identity(directory: Path, **weights: Any) -> str:
    """The card file, and its ONNX file beside it or under a URL."""
    sha256 = hashlib.sha256(MODEL).hexdigest()
    if "url" in weights:
        file: CheckpointFile | DownloadFile = DownloadFile(sha256=sha256, **weights)
    else:
        file = CheckpointFile(path="toy.onnx", sha256=sha256, **weights)
        (directory / "toy.onnx").write_bytes(MODEL)
    card = IdentityCard(
        **PLAIN,
        name="toy-identity",
        architecture="onnx",
        weights=(file,),
        input=INPUT,
        operating_points=({"name": "toy", "threshold": 0.9},),  # type: ignore[arg-type]
    )
    (directory / "toy-identity.json").write_text(card.model_dump_json())
    return "toy-identity.json"


def crops(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3), np.uint8)


def embedded(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    quarters = images.reshape(len(images), 2, 8, 2, 8, 3).mean(axis=(2, 4))
    vectors = quarters.transpose(0, 3, 1, 2).reshape(len(images), 12)
    scaled: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def test_an_onnx_file_beside_its_card(tmp_path: Path) -> None:
    options = ModelOptions(bundle=write_bundle(tmp_path, identity=write_identity(tmp_path)))
    embedder = loading.load_embedder(resolve(options), options)
    np.testing.assert_allclose(embedder.embed(crops(3)), embedded(crops(3)), atol=1e-5)


def test_an_onnx_checkpoint_directory_replaces_a_bundle_s_identity_model(tmp_path: Path) -> None:
    (tmp_path / write_identity(tmp_path)).rename(tmp_path / "card.json")
    options = ModelOptions(identity_checkpoint=tmp_path)
    bundle = resolve(options)
    assert (bundle.name, bundle.identity.name) == ("bundled", "toy-identity")
    assert loading.load_embedder(bundle, options).embed(crops(3)).shape == (3, 12)


def test_an_onnx_file_is_downloaded_with_progress(
    tmp_path: Path, serve_file: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    entry = write_identity(tmp_path, url=serve_file(MODEL))
    options = ModelOptions(bundle=write_bundle(tmp_path, identity=entry))
    steps: list[tuple[int, int | None]] = []
    embedder = loading.load_embedder(
        resolve(options), options, progress=lambda *step: steps.append(step)
    )
    assert steps[-1] == (len(MODEL), len(MODEL))
    np.testing.assert_allclose(embedder.embed(crops(2)), embedded(crops(2)), atol=1e-5)


def test_a_given_onnx_file_is_checked_and_nothing_downloaded(tmp_path: Path) -> None:
    entry = write_identity(tmp_path, url="http://127.0.0.1:9/toy.onnx")
    given = tmp_path / "given.onnx"
    given.write_bytes(MODEL)
    options = ModelOptions(bundle=write_bundle(tmp_path, identity=entry), identity_weights=given)
    assert loading.load_embedder(resolve(options), options).embed(crops(1)).shape == (1, 12)
    given.write_bytes(MODEL[:-1])
    with pytest.raises(WeightsMismatch, match=r"^given\.onnx has sha256 "):
        loading.load_embedder(resolve(options), options)


def test_an_onnx_file_with_another_sha256_is_rejected(tmp_path: Path) -> None:
    options = ModelOptions(bundle=write_bundle(tmp_path, identity=write_identity(tmp_path)))
    (tmp_path / "toy.onnx").write_bytes(MODEL[:-1])
    with pytest.raises(InvalidCheckpoint, match=r"toy\.onnx has sha256 "):
        loading.load_embedder(resolve(options), options)


def test_an_onnx_model_checks_the_device(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, identity=write_identity(tmp_path))
    options = ModelOptions(bundle=bundle, device="gpu7")
    with pytest.raises(InvalidArgument, match="device 'gpu7' is unavailable"):
        loading.load_embedder(resolve(options), options)


def test_a_shipped_onnx_model_checks_the_device() -> None:
    options = ModelOptions(device="gpu7")
    with pytest.raises(InvalidArgument, match="device 'gpu7' is unavailable"):
        loading.load_age(resolve(options), options)


# --- a toy detector: one module, one line, one card ---


class ToyDetector:
    """Finds one face in the middle of every photo."""

    def __init__(self, share: float) -> None:
        self.share = share

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        return [[self._face(*image.shape[:2])] for image in images]

    def _face(self, height: int, width: int) -> Face:
        x, y, half = width / 2, height / 2, min(height, width) * self.share / 2
        box = Box(x - half, y - half, x + half, y + half)
        points = ((-0.4, -0.4), (0.4, -0.4), (0, 0), (-0.3, 0.4), (0.3, 0.4))
        return Face(box, tuple((x + dx * half, y + dy * half) for dx, dy in points), 0.99)


def load_toy(card: DetectorCard, files: Sequence[Path], runtime: Runtime) -> ToyDetector:
    share = card.settings["share"]
    assert isinstance(share, float)
    return ToyDetector(share)


def write_detector(directory: Path, **changes: Any) -> str:
    fields = {"name": "toy-detector", "architecture": "toy", "weights": (), **PLAIN, **changes}
    card = DetectorCard(**{"settings": {"share": 0.5}, **fields})
    (directory / "toy-detector.json").write_text(card.model_dump_json())
    return "toy-detector.json"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "toy-detector: architecture 'toy' is not one of mtcnn, yunet"),
        (
            {"architecture": "mtcnn", "settings": {"factor": 2}},
            "toy-detector: settings.factor: Input should be less than 1",
        ),
        (
            {"architecture": "mtcnn", "settings": {"speed": 2}},
            "toy-detector: settings.speed: Extra inputs are not permitted",
        ),
        (
            {"architecture": "mtcnn", "settings": {}},
            "toy-detector: mtcnn needs three weights files, the card has 0",
        ),
    ],
)
def test_an_invalid_detector_card_is_rejected(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    entry = write_detector(tmp_path, **changes)
    options = ModelOptions(bundle=write_bundle(tmp_path, detector=entry))
    with pytest.raises(InvalidCheckpoint) as caught:
        loading.load_detector(resolve(options), options)
    assert caught.value.message == message


# --- all toys in one bundle, through the library ---


@pytest.fixture
def toy_bundle(tmp_path: Path, toy_age: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bundle file whose every model is a toy."""
    monkeypatch.setitem(DETECTORS, "toy", load_toy)
    path = write_bundle(
        tmp_path,
        detector=write_detector(tmp_path),
        age=toy_age.name,
        identity=write_identity(tmp_path),
    )
    fields = json.loads(Path(path).read_text()) | {"gender": None}
    Path(path).write_text(json.dumps(fields))
    return path


def test_a_bundle_of_toys_answers(toy_bundle: str) -> None:
    pipeline = Pipeline(ModelOptions(bundle=toy_bundle))
    photo = png(seed=1)
    answer = pipeline.compare(photo, photo, include="age_distribution")
    assert answer.models.bundle == "toys"
    assert answer.models.detector.name == "toy-detector"
    assert answer.models.age.name == "toy-age"
    assert answer.models.gender is not None
    assert answer.models.gender.name == "toy-age"
    assert answer.models.identity is not None
    assert answer.models.identity.name == "toy-identity"
    assert answer.face_1.bbox == (20.0, 15.0, 50.0, 45.0)
    assert answer.face_1.age_distribution is not None
    assert len(answer.face_1.age_distribution.ages_years) == 101
    assert answer.face_1.gender is not None
    assert answer.verification.similarity_score == 1
    assert (answer.verification.threshold_used, answer.verification.is_match) == (0.9, True)
    assert pipeline.compare(photo, png(seed=2)).verification.similarity_score < 1


def png(seed: int) -> bytes:
    """A noise photo of 70 x 60 pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (60, 70, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
