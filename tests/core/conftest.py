"""Fixtures of several tests of the library."""

import pytest
import torch
from facenet_pytorch import InceptionResnetV1


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
