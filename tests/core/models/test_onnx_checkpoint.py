"""`model.onnx` of a checkpoint: written, checked, served without PyTorch, dropped when outdated."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from faceage_core.cards.catalog import find_checkpoint
from faceage_core.cards.model_card import AgeCard
from faceage_core.errors import InvalidCheckpoint
from faceage_core.models import onnx_checkpoint
from faceage_core.models.bundles import resolve
from faceage_core.models.checkpoint import ONNX_NAME, WEIGHTS_NAME
from faceage_core.models.export import export_onnx
from faceage_core.models.onnx_checkpoint import add_onnx
from faceage_core.models.options import ModelOptions
from faceage_core.models.registry import torch_network
from faceage_core.pipeline.loading import load_age_network
from tests.conftest import REPOSITORY
from tests.core.models.factories import SIZE_PX, save_age_checkpoint


def probabilities(checkpoint: Path) -> np.ndarray:
    options = ModelOptions(age_checkpoint=checkpoint)
    crops = np.random.default_rng(1).integers(0, 256, (3, SIZE_PX, SIZE_PX, 3), dtype=np.uint8)
    return load_age_network(resolve(options), options)(crops)


def test_the_exported_file_gives_the_same_numbers(
    checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exported_now = probabilities(checkpoint)
    assert "`faceage export` adds it" in caplog.text
    caplog.clear()
    assert add_onnx(checkpoint) == checkpoint / ONNX_NAME
    np.testing.assert_allclose(probabilities(checkpoint), exported_now, atol=1e-6)
    assert caplog.text == ""


def test_it_is_served_without_pytorch(checkpoint: Path) -> None:
    add_onnx(checkpoint)
    program = f"""
import sys
sys.modules["torch"] = None
from pathlib import Path
from faceage_core import FacePipeline, ModelOptions
pipeline = FacePipeline(ModelOptions(age_checkpoint=Path({str(checkpoint)!r})))
print(pipeline.faces("samples/hopper_1984.jpg").models.age.name)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("tiny\n", 0), done.stderr


def test_without_pytorch_and_without_the_file_it_is_refused(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The modules that import PyTorch must not be in the cache.
    for name in [name for name in sys.modules if name.startswith("faceage_core.models.")]:
        if name.rpartition(".")[2] in ("age_network", "backbones", "checkpoint", "heads"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InvalidCheckpoint, match=r"pip install 'faceage\[torch\]'; or run `faceage"):
        probabilities(checkpoint)


def test_a_damaged_file_is_refused(checkpoint: Path) -> None:
    add_onnx(checkpoint)
    with (checkpoint / ONNX_NAME).open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(InvalidCheckpoint, match="damaged or belong to another card"):
        probabilities(checkpoint)


def test_new_weights_drop_the_file_of_the_old_ones(checkpoint: Path) -> None:
    add_onnx(checkpoint)
    written, _ = find_checkpoint(checkpoint)
    assert isinstance(written, AgeCard)
    assert written.onnx is not None
    assert save_age_checkpoint(checkpoint, written, seed=4).onnx is None
    assert not (checkpoint / ONNX_NAME).exists()


def test_an_export_that_differs_is_refused(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export_changed(network: torch.nn.Module, example: torch.Tensor) -> bytes:
        return export_onnx(torch_network(*saved_again(checkpoint)), example)

    monkeypatch.setattr(onnx_checkpoint, "export_onnx", export_changed)
    with pytest.raises(InvalidCheckpoint, match="the exported network differs from PyTorch's by"):
        add_onnx(checkpoint)
    assert not (checkpoint / ONNX_NAME).exists()


def saved_again(checkpoint: Path) -> tuple[AgeCard, list[Path]]:
    """Another network of the same shape."""
    other = checkpoint.with_name("other")
    written = save_age_checkpoint(other, seed=5)
    return written, [other / WEIGHTS_NAME]
