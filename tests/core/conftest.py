"""What several tests of the library share."""

import pytest
import torch
from facenet_pytorch import InceptionResnetV1


@pytest.fixture(scope="session")
def facenet_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file like the published one: its names and shapes, and its old format that is no zip."""
    torch.manual_seed(0)
    state = InceptionResnetV1(classify=True, num_classes=8631).state_dict()
    path = tmp_path_factory.mktemp("published") / "vggface2.pt"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    path.unlink()
    return content
