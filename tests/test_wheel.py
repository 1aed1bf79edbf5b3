"""The wheel in an empty environment, outside the repository: library and commands work there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a new environment with the wheel and what its metadata asks for, by uv."""
    folder = tmp_path_factory.mktemp("installed")
    uv = Path(sys.executable).with_name("uv")
    run(
        folder,
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        str(folder),
        at=REPOSITORY,
    )
    (wheel,) = folder.glob("*.whl")
    run(folder, str(uv), "venv", "--quiet", "--python", sys.executable, str(folder / "env"))
    run(folder, str(uv), "pip", "install", "--quiet", "--python", str(folder / "env"), str(wheel))
    return folder / "env" / "bin"


def run(folder: Path, *command: str, at: Path | None = None) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command, cwd=at or folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_no_pytorch_and_no_ray(installed: Path, tmp_path: Path) -> None:
    program = (
        "from importlib.util import find_spec as f;"
        "print([m for m in ('torch', 'ray', 'pyarrow', 'facenet_pytorch') if f(m)])"
    )
    assert run(tmp_path, str(installed / "python"), "-c", program) == "[]\n"


def test_two_photos_are_compared(installed: Path, tmp_path: Path) -> None:
    for name in ("obama_2009.jpg", "obama_2012.jpg"):
        shutil.copy(REPOSITORY / "samples" / name, tmp_path)
    run(
        tmp_path,
        str(installed / "faceage"),
        "compare",
        "obama_2009.jpg",
        "obama_2012.jpg",
        "out",
        "--json",
    )
    (answer,) = (tmp_path / "out").glob("*.json")
    assert json.loads(answer.read_text())["verification"]["is_match"]


def test_the_demo_has_its_photos(installed: Path, tmp_path: Path) -> None:
    run(tmp_path, str(installed / "faceage"), "demo", "--in-process")
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(("command", "extra"), [("train", "train"), ("serve", "serve")])
def test_a_command_of_an_extra_says_how_to_install_it(
    command: str, extra: str, installed: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [str(installed / "faceage"), command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f"pip install 'faceage[{extra}]'")
    assert len(done.stderr.strip().splitlines()) == 1
