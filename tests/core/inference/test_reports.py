"""No engine reports to its maker: no file is written and no connection is tried."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

# OpenVINO's reporting package refuses to report in continuous integration, which it recognises by
# variables such as CI; ONNX Runtime's has a variable of its own. Without all of them both report.
SILENCERS = {"ORT_DISABLE_TELEMETRY", "CI", "TF_BUILD", "JENKINS_URL", "GITHUB_ACTIONS"}

RUN = """
import socket, sys
tried = []
def refuse(self, *address):
    tried.append(address)
    raise OSError("no connection in this test")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *address, **_: refuse(None, *address)
socket.create_connection = lambda *address, **_: refuse(None, *address)
{work}
import threading
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join(5)
print(tried)
"""
OURS = """
import numpy as np
from faceage_core.inference.engine import load_engine
from faceage_core.inference.runtime import Runtime
model = open(sys.argv[1], "rb").read()
network = load_engine(model, name="net", size_px=32, runtime=Runtime("{engine}"))
network(np.zeros((1, 3, 32, 32), np.float32))
"""


def run(work: str, tmp_path: Path, model: Path) -> tuple[str, list[str]]:
    """The connections that a process tried, and the files that it wrote."""
    kept = {name: value for name, value in os.environ.items() if name not in SILENCERS}
    homes = dict.fromkeys(("TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), str(tmp_path))
    ended = subprocess.run(
        [sys.executable, "-c", RUN.format(work=work), str(model)],
        env={**kept, **homes},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, [path.name for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_an_engine_writes_no_file_and_tries_no_connection(
    engine: str, tmp_path: Path, repository: Path
) -> None:
    model = repository / "faceage_core" / "models" / "shipped" / "dlib_gender.onnx"
    assert run(OURS.format(engine=engine), tmp_path, model) == ("[]\n", [])


def test_openvino_alone_would_write_a_file(tmp_path: Path, repository: Path) -> None:
    # If this fails, OpenVINO has changed how it reports: the engine's module must follow.
    assert version("openvino-telemetry")
    _, files = run("import openvino", tmp_path, repository)
    assert files
