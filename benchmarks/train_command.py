"""The command `faceage train` on generated pictures, in a process of its own, as users start it."""

import json
import os
import subprocess
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.data_set import Labelled, write_data_set
from benchmarks.serve_command import COMMAND, last_line

SEED = 0
SIZE_PX = 128


def two_epochs(device: str, *, images: int, batch_size: int) -> dict[str, Any]:
    """Train two epochs with one worker.

    Args:
        device: "cuda": in fp16 with NCCL; "cpu": in fp32 with gloo.
        images: generated pictures in an epoch; some of them are also the validation split.
        batch_size: images in a step.

    Returns:
        The figures of each epoch, with their units in the names.

    Raises:
        RuntimeError: the training failed; the message is its last line.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        source = write_generated(folder / "faces", images)
        command = [COMMAND, "train", *training_arguments(device, source, batch_size)]
        done = subprocess.run(
            [*command, "--out", str(folder / "run")],
            env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"faceage train ended: {last_line(done.stderr)}")
        history = json.loads((folder / "run" / "history.json").read_text(encoding="utf-8"))
    return {
        "images": images,
        "batch_size": batch_size,
        "epochs": [
            {
                "precision": epoch["arithmetic"],
                "images_per_s": epoch["pictures_per_second"],
                "train_s": epoch["train_seconds"],
                "train_loss": epoch["train_loss"],
                "val_mae_years": epoch["val_mae"],
            }
            for epoch in history
        ],
    }


def training_arguments(device: str, source: Path, batch_size: int) -> list[str]:
    """The recipe and the overrides: fp16 and NCCL on a GPU, fp32 and gloo on the CPU."""
    on_gpu = torch.device(device).type == "cuda"
    return [
        "utkface_cpu",
        f"data.sources={source}",
        "data.margin=0.25",
        f"workers.gpu={str(on_gpu).lower()}",
        "workers.count=1",
        f"precision={'fp16' if on_gpu else 'fp32'}",
        "epochs=2",
        f"batch_size={batch_size}",
        "network.heads=[{task: age, outputs: 101}]",
        "input.first_sizes=[]",
        "sample_faces=0",
    ]


def write_generated(folder: Path, images: int) -> Path:
    """A data set of coloured noise, which is the brighter the higher the age."""
    draw = np.random.default_rng(SEED)
    labelled = [_picture(draw, age_years=float(number * 7 % 100)) for number in range(images)]
    splits = {"train": labelled, "val": labelled[: max(2, images // 16)]}
    return write_data_set(folder, splits, size_px=SIZE_PX)


def _picture(draw: np.random.Generator, *, age_years: float) -> Labelled:
    values = draw.normal(2 * age_years + 28, 16, (8, 8, 3)).clip(0, 255)
    small = Image.fromarray(values.astype(np.uint8))
    stream = BytesIO()
    small.resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC).save(stream, "JPEG")
    return stream.getvalue(), age_years
