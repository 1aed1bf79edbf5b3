"""The shipped ONNX files give the same numbers as the published files that they were made from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from numpy.typing import NDArray
from torch import nn

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import NetworkCard
from faceage_core.detection.crops import cut
from faceage_core.images import decode
from faceage_core.inference.engine import load_engine
from faceage_core.inference.normalisation import normalise
from faceage_core.inference.runtime import EngineName, Runtime
from faceage_core.models.checkpoint import load_into, load_state_dict
from faceage_core.models.weights import resolve_weights
from scripts.make_models import MAKERS, SHIPPED, originals
from tests.core.detection.shipped import load_shipped

REFERENCE = Runtime("onnxruntime")


def noise(count: int, height: int, width: int) -> NDArray[np.float32]:
    values = np.random.default_rng(3).uniform(-1, 1, (count, 3, height, width))
    return values.astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "name", "size_px", "shape"),
    [
        (PNet, "pnet.onnx", None, (61, 83)),
        (RNet, "rnet.onnx", 24, (24, 24)),
        (ONet, "onet.onnx", 48, (48, 48)),
    ],
)
def test_mtcnn(
    kind: type[nn.Module], name: str, size_px: int | None, shape: tuple[int, int]
) -> None:
    network = kind(pretrained=False).eval()
    original = originals("mtcnn")[name]
    load_into(network, load_state_dict(original), source=name)
    values = noise(3, *shape)
    with torch.no_grad():
        expected = network(torch.from_numpy(values))
    engine = load_engine(
        (SHIPPED / name).read_bytes(), name=name, size_px=size_px, runtime=REFERENCE
    )
    for found, wanted in zip(engine(values), expected, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("card", "name"), [("dlib-age", "dlib_age.onnx"), ("dlib-gender", "dlib_gender.onnx")]
)
def test_ages_and_genders(card: str, name: str) -> None:
    assert originals(card)[name].read_bytes() == (SHIPPED / name).read_bytes()


def test_every_shipped_file_is_a_card_s_and_has_a_maker() -> None:
    cards = [shipped_card(name) for name in ("mtcnn", "dlib-age", "dlib-gender")]
    made = {path.name for card in cards for path in resolve_weights(card)}
    assert made <= MAKERS.keys()
    assert made <= {path.name for path in SHIPPED.glob("*.onnx")}


@pytest.fixture(scope="module")
def age_crops(samples: dict[str, bytes]) -> NDArray[np.uint8]:
    """Real faces, as the age network sees them."""
    spec = shipped_card("dlib-age", NetworkCard).input.crop
    detector = load_shipped()
    found = []
    for name in ("collins.png", "hopper_1984.jpg"):
        photo = decode(samples[name])
        found += [cut(photo, face, spec) for face in detector.detect([photo])[0]]
    return np.stack(found)


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_every_engine_gives_the_same_ages(engine: EngineName, age_crops: NDArray[np.uint8]) -> None:
    card = shipped_card("dlib-age", NetworkCard)
    model = Path(resolve_weights(card)[0]).read_bytes()
    values = normalise(age_crops, card.input)
    exact, other = (
        load_engine(model, name="age", size_px=64, runtime=runtime)(values)
        for runtime in (REFERENCE, Runtime(engine, precision="fp32"))
    )
    np.testing.assert_allclose(other[0], exact[0], atol=1e-5)
    assert exact[0].max() > 0.05
