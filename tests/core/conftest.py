"""Fixtures of several tests of the library."""

from pathlib import Path

import pytest
import torch
from facenet_pytorch import InceptionResnetV1

from tests.core.models.factories import save_age_checkpoint


@pytest.fixture(scope="session")
def facenet_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Weights like the published file: the same names and shapes, in PyTorch's old format."""
    torch.manual_seed(0)
    state = InceptionResnetV1(classify=True, num_classes=8631).state_dict()
    path = tmp_path_factory.mktemp("published") / "vggface2.pt"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    path.unlink()
    return content


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A small age checkpoint without an ONNX file, as earlier versions wrote it."""
    save_age_checkpoint(tmp_path / "age")
    return tmp_path / "age"
