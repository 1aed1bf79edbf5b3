"""The networks, the service and the training on a GPU: correctness and speed, as one JSON file.

    python -m benchmarks.gpu [--data DIR] [--out out/gpu.json]

It has not been run on a GPU yet. Its sizes are chosen so that it should take less than five
minutes. Without CUDA it prints one line and ends with exit code 2. The file contains:

| key | content |
|---|---|
| machine | the card, the versions of driver, CUDA, PyTorch and this project, the commit |
| accuracy | for each network of the default bundle and InceptionResnetV1, and for the detector: the largest difference from PyTorch in fp32 on the CPU, in fp32, fp16 and bf16 |
| speed | pictures per second of each network by precision and batch, photos per second of the detector |
| service | comparisons per second of `faceage serve --device cuda`, in one process and on Ray Serve |
| training | two epochs of `faceage train` with NCCL and fp16 on generated pictures |
| failures | of fp32: differences beyond the limits; of all: parts that raised an error |

The photos are the samples, or photos of LFW if DIR holds lfw_view2_folds0-2_images.parquet and
lfw_view2_folds0-2_pairs.parquet. The exit code is 1 if there are failures. The networks run in
every precision here; in the service, the cards decide which of them do.
"""  # noqa: E501  a table's rows

import argparse
import json
import math
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.equivalence import compare_faces
from benchmarks.load_generator import send_all
from benchmarks.machine import commit, machine_name
from benchmarks.networks import (
    FaceNetwork,
    Faces,
    Floats,
    Photos,
    cosines,
    largest_faces,
    load_photos,
    random_network,
    shipped_network,
)
from benchmarks.photos import Pair, load_pairs
from benchmarks.serve_command import KINDS, serving
from benchmarks.train_command import two_epochs
from faceage_core import __version__
from faceage_core.cards.model_card import AgeCard, GenderCard, NetworkCard
from faceage_core.detection.detector import Detector
from faceage_core.detection.registry import load_detector
from faceage_core.inference.runtime import Precision, Runtime
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions

EXIT_WITHOUT_CUDA = 2
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "bf16")
BATCHES = (1, 8, 32, 128)
CONCURRENCIES = (1, 8, 32)
SECONDS = 0.5  # of measuring one network with one batch
SEED = 0
# In fp32 the networks must agree with the CPU; by the name of the figure.
MIN_IN_FP32 = {"min_cosine": 0.9999, "min_iou": 0.99}
MAX_IN_FP32 = {"max_difference_years": 0.05, "max_difference_probability": 0.005}

Figures = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure on the GPU and write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, help="folder with lfw_view2_folds0-2_*.parquet")
    parser.add_argument(
        "--out", type=Path, default=Path("out/gpu.json"), help="default: %(default)s"
    )
    args = parser.parse_args(argv)
    if not torch.cuda.is_available():
        print("error: PyTorch detects no GPU with CUDA on this machine", file=sys.stderr)
        return EXIT_WITHOUT_CUDA
    photos = load_photos(args.data, 64)
    _, pairs = load_pairs(args.data, 64, seed=SEED)
    report = measure(parts("cuda", photos, pairs))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print(f"wrote {args.out}")
    for failure in report["failures"]:
        print(f"failed: {failure}")
    return 1 if report["failures"] else 0


def parts(device: str, photos: Photos, pairs: Sequence[Pair]) -> dict[str, Callable[[], Figures]]:
    """What measures each key of the file."""
    faces = largest_faces(photos)
    networks = bundle_networks(faces)
    return {
        "machine": lambda: describe_machine(device),
        "accuracy": lambda: (
            {network.name: accuracy(network, device) for network in networks}
            | {"detector": detector_accuracy(photos, device)}
        ),
        "speed": lambda: (
            {network.name: speed(network, device, BATCHES, SECONDS) for network in networks}
            | {"detector": detector_speed(photos, device, BATCHES, SECONDS)}
        ),
        "service": lambda: {
            kind: service_speed(kind, device, pairs, CONCURRENCIES) for kind in KINDS
        },
        "training": lambda: two_epochs(device, images=8192, batch_size=256),
    }


def measure(named: Mapping[str, Callable[[], Figures]]) -> Figures:
    """Run all parts; one that raises an error is a failure, and the others still run."""
    report: Figures = {}
    failures: list[str] = []
    for name, run in named.items():
        print(f"measuring {name}", file=sys.stderr, flush=True)
        try:
            report[name] = run()
        except Exception as error:  # whatever fails on a new GPU, the other figures are wanted
            traceback.print_exc()
            failures.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split())}")
    return report | {"failures": failures + beyond_limits(report.get("accuracy", {}))}


def describe_machine(device: str) -> Figures:
    """The card and the versions."""
    on_gpu = torch.device(device).type == "cuda"
    return {
        "card": torch.cuda.get_device_name(device) if on_gpu else None,
        "processor": machine_name(),
        "driver_version": _driver_version() if on_gpu else None,
        "cuda_version": torch.version.cuda,
        "torch_version": torch.__version__,
        "faceage_version": __version__,
        "commit": commit(),
    }


def _driver_version() -> str | None:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return done.stdout.splitlines()[0].strip()


# --- networks and detector ---


def bundle_networks(faces: Faces) -> list[FaceNetwork]:
    """The networks of the default bundle that run on faces, and InceptionResnetV1."""
    bundle = resolve(ModelOptions())
    cards: list[NetworkCard] = [bundle.age, bundle.identity]
    if isinstance(bundle.gender, GenderCard):
        cards.append(bundle.gender)
    return [*(shipped_network(card.name, card, faces) for card in cards), random_network(faces)]


def accuracy(network: FaceNetwork, device: str) -> Figures:
    """For each precision, the largest difference from PyTorch in fp32 on the CPU."""
    (exact, *_) = network.load(Runtime("torch", precision="fp32"))(network.crops)
    figures: Figures = {}
    for precision in PRECISIONS:
        engine = network.load(Runtime("torch", device, precision=precision))
        figures[precision] = difference(network.card, engine(network.crops)[0], exact)
    return figures


def difference(card: NetworkCard, found: Floats, exact: Floats) -> Figures:
    """The largest difference of outputs, [N, K]; None if an output is NaN or infinite."""
    if isinstance(card, AgeCard):
        name, compute = "max_difference_years", _difference_years(card)
    elif isinstance(card, GenderCard):
        name, compute = "max_difference_probability", lambda a, b: np.abs(a - b).max()
    else:
        name, compute = "min_cosine", lambda a, b: cosines(a, b).min()
    finite = bool(np.isfinite(found).all())
    return {name: float(compute(found, exact)) if finite else None, "faces": len(found)}


def _difference_years(card: AgeCard) -> Callable[[Floats, Floats], float]:
    bins = np.array(card.age_bins_years)
    return lambda a, b: np.abs((a - b)[:, : len(bins)] @ bins).max()


def detector_accuracy(photos: Photos, device: str) -> Figures:
    """For each precision, the overlap with the boxes of PyTorch in fp32 on the CPU."""
    exact = _detector("cpu", "fp32").detect(photos)
    figures: Figures = {}
    for precision in PRECISIONS:
        overlap, differing = compare_faces(_detector(device, precision).detect(photos), exact)
        figures[precision] = {
            "min_iou": overlap,
            "photos_with_other_faces": differing,
            "photos": len(photos),
        }
    return figures


def beyond_limits(figures: Figures) -> list[str]:
    """The differences of fp32 that are too large, one line each."""
    lines = []
    for network, by_precision in figures.items():
        for name, value in by_precision["fp32"].items():
            low, high = MIN_IN_FP32.get(name, -math.inf), MAX_IN_FP32.get(name, math.inf)
            if value is None or not low <= value <= high:
                limit = f">= {low}" if name in MIN_IN_FP32 else f"<= {high}"
                lines.append(f"{network} in fp32: {name} must be {limit}, got {value}")
    return lines


def speed(network: FaceNetwork, device: str, batches: Sequence[int], seconds: float) -> Figures:
    """Pictures per second for each precision and batch, with the copies to and from the device."""
    figures: Figures = {}
    for precision in PRECISIONS:
        engine = network.load(Runtime("torch", device, precision=precision))
        figures[precision] = {
            f"batch_{size}_pictures_per_s": rate(
                partial(engine, network.batch(size)), size, seconds
            )
            for size in batches
        }
    return figures


def detector_speed(photos: Photos, device: str, batches: Sequence[int], seconds: float) -> Figures:
    """Photos per second for each batch, in the precision that the card states."""
    detector = load_detector(resolve(ModelOptions()).detector, runtime=Runtime("torch", device))
    figures: Figures = {}
    for size in batches:
        batch = [photos[number % len(photos)] for number in range(size)]
        figures[f"batch_{size}_photos_per_s"] = rate(partial(detector.detect, batch), size, seconds)
    return figures


def rate(run: Callable[[], object], pictures: int, seconds: float) -> float:
    """Pictures per second of repeated calls after one warm-up; at least one call is measured."""
    run()
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < seconds:
        run()
        calls += 1
    return pictures * calls / (time.perf_counter() - start)


def _detector(device: str, precision: Precision) -> Detector:
    """The default detector, in this precision whatever its card states."""
    card = resolve(ModelOptions()).detector.model_copy(update={"precision": "auto"})
    return load_detector(card, runtime=Runtime("torch", device, precision=precision))


# --- the service ---


def service_speed(
    kind: str, device: str, pairs: Sequence[Pair], concurrencies: Sequence[int]
) -> Figures:
    """Comparisons per second of `faceage serve` for each number of clients.

    Raises:
        RuntimeError: the service did not start, or a request failed.
    """
    figures: Figures = {"pairs": len(pairs)}
    with serving(*KINDS[kind], "--device", device) as served:
        figures["ready_s"] = served.ready_s
        send_all(served.address, pairs, concurrency=max(concurrencies))  # warms up
        for concurrency in concurrencies:
            start = time.perf_counter()
            replies = send_all(served.address, pairs, concurrency=concurrency)
            seconds = time.perf_counter() - start
            if failed := [reply for reply in replies if reply.status >= 500]:
                raise RuntimeError(f"the service answered {failed[0].status}: {failed[0].body}")
            name = f"concurrency_{concurrency}_comparisons_per_s"
            figures[name] = len(pairs) / seconds
    return figures


if __name__ == "__main__":
    sys.exit(main())
