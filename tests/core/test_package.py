"""The names of the package `faceage_core`, which are imported when they are first used."""

import subprocess
import sys

import pytest

import faceage_core
import faceage_core.pipeline

HEAVY = {"torch", "onnxruntime", "numpy", "PIL", "pydantic", "scipy"}
SCRIPT = """
import sys
import faceage_core
from faceage_core import FaceageError
loaded = {heavy!r} & set(sys.modules)
assert not loaded, loaded
from faceage_core import FacePipeline
import faceage_core.pipeline
assert FacePipeline is faceage_core.FacePipeline is faceage_core.pipeline.FacePipeline
assert "torch" not in sys.modules  # PyTorch is imported when models are loaded
"""


def test_names_are_imported_on_their_first_use() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(heavy=HEAVY)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_public_name_exists_and_is_listed() -> None:
    for name in set(faceage_core.__all__) - {"__version__"}:
        assert getattr(faceage_core, name).__name__ == name
    assert set(faceage_core.__all__) <= set(dir(faceage_core))
    assert faceage_core.Pipeline is faceage_core.pipeline.Pipeline


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'faceage_core' has no attribute 'Pipelines'"):
        faceage_core.Pipelines  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(faceage_core, "FacesAnswers")
