"""dlib's network in PyTorch compared with dlib itself, and invalid files."""

import struct
from pathlib import Path

import dlib
import numpy as np
import pytest
from numpy.typing import NDArray

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import IdentityCard
from faceage_core.cards.weights import PackageFile
from faceage_core.detection.crops import cut
from faceage_core.errors import WeightsMismatch
from faceage_core.images import decode
from faceage_core.inference.engine import Engine, load_engine
from faceage_core.inference.normalisation import normalise
from faceage_core.inference.runtime import Runtime
from faceage_core.models.dlib_resnet import load_dlib_resnet
from faceage_core.models.download import locate
from faceage_core.models.registry import onnx_model
from tests.core.detection.shipped import load_shipped

CARD = shipped_card("dlib-resnet", IdentityCard)


@pytest.fixture(scope="module")
def file() -> Path:
    (entry,) = CARD.weights
    assert isinstance(entry, PackageFile)
    return locate(entry)


@pytest.fixture(scope="module", params=["openvino", "onnxruntime", "torch"])
def network(request: pytest.FixtureRequest, file: Path) -> Engine:
    runtime = Runtime(engine=request.param, precision="fp32")
    return load_engine(onnx_model(CARD, [file]), name="dlib", size_px=150, runtime=runtime)


@pytest.fixture(scope="module")
def crops(samples: dict[str, bytes]) -> NDArray[np.uint8]:
    """The faces of the smaller samples, aligned as the card says, and noise."""
    found = []
    mtcnn = load_shipped()
    for name in ("collins.png", "hopper_1984.jpg"):
        photo = decode(samples[name])
        found += [cut(photo, face, CARD.input.crop) for face in mtcnn.detect([photo])[0]]
    assert len(found) >= 2
    return np.stack([*found, np.random.default_rng(0).integers(0, 256, found[0].shape, np.uint8)])


def test_embeddings_equal_dlibs_own(file: Path, network: Engine, crops: NDArray[np.uint8]) -> None:
    model = dlib.face_recognition_model_v1(str(file))
    expected = np.array([model.compute_face_descriptor(crop) for crop in crops])
    (found,) = network(normalise(crops, CARD.input))
    assert found.shape == (len(crops), 128)
    assert np.abs(found - expected).max() < 1e-5
    assert np.abs(expected).max() > 0.1


def test_a_batch_equals_its_crops_one_by_one(network: Engine, crops: NDArray[np.uint8]) -> None:
    inputs = normalise(crops, CARD.input)
    singles = np.concatenate([network(one[None])[0] for one in inputs])
    np.testing.assert_allclose(network(inputs)[0], singles, atol=1e-5)


# --- invalid files ---


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.3, 0.5, 0.77, 0.999, 0.9999])
def test_a_truncated_file_is_rejected(file: Path, share: float) -> None:
    data = file.read_bytes()
    with pytest.raises(WeightsMismatch):
        load_dlib_resnet(data[: int(len(data) * share)])


def test_a_file_cut_anywhere_in_a_header_is_rejected(file: Path) -> None:
    data = file.read_bytes()
    for layer in (b"con_4", b"affine_", b"fc_2"):
        place = data.find(layer)
        assert place > 0
        for cut_at in range(place, place + 24):
            with pytest.raises(WeightsMismatch):
                load_dlib_resnet(data[:cut_at])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"con_4", bytes(4096), b"\x01\x05con_4"])
def test_a_file_of_another_kind_is_rejected(content: bytes) -> None:
    with pytest.raises(WeightsMismatch):
        load_dlib_resnet(content)


def test_another_tensor_version_is_rejected() -> None:
    layer = struct.pack("bb", 1, 5) + b"con_4" + b"\x01\x03"
    with pytest.raises(WeightsMismatch, match="tensor version 3"):
        load_dlib_resnet(layer)


def test_layers_of_other_sizes_are_rejected(file: Path) -> None:
    data = bytearray(file.read_bytes())
    marker = struct.pack("bb", 1, 5) + b"con_4"
    first = data.find(marker) + len(marker)
    # dlib writes version and four sizes as packed integers; the first size becomes 1.
    assert data[first : first + 3] == b"\x01\x02\x01" or data[first : first + 2] == b"\x01\x02"
    sizes = first + 2
    length = data[sizes] & 0x0F
    data[sizes : sizes + 1 + length] = bytes([length]) + (1).to_bytes(length, "little")
    with pytest.raises(WeightsMismatch):
        load_dlib_resnet(bytes(data))
