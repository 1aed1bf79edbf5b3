"""The memory of an engine does not grow with the number of different input sizes."""

import subprocess
import sys
from pathlib import Path

import pytest

SIZES = """
import sys
import numpy as np
import psutil
from faceage_core.inference.engine import load_engine
from faceage_core.inference.runtime import Runtime

model = open(sys.argv[1], "rb").read()
network = load_engine(model, name="P-Net", size_px=None, runtime=Runtime(sys.argv[2]))
sides = np.random.default_rng(0).permutation(range(12, 312)).reshape(2, 150)
largest = np.zeros((1, 3, 320, 320), np.float32)
for part in sides:
    for side in part:
        network(largest[:, :, :side, : 324 - side])
    network(largest)
    print(psutil.Process().memory_info().rss)
"""
LIMIT = 40_000_000  # OpenVINO's default settings grow by twice as much


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_new_sizes_need_no_more_memory(engine: str, repository: Path) -> None:
    model = repository / "faceage_core" / "models" / "shipped" / "pnet.onnx"
    done = subprocess.run(
        [sys.executable, "-c", SIZES, str(model), engine],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    before, after = map(int, done.stdout.split())
    assert after - before < LIMIT
