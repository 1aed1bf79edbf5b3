"""Speed and accuracy of the engines, on one thread.

    python -m benchmarks.engines [--data DIR] [--photos N]

The first table is the time for one picture in milliseconds, the best of several rounds in which the
engines take turns, and its ratio to PyTorch's in fp32. The second table is the largest difference
from PyTorch in fp32. The accuracy is measured on the faces of the sample photos, or of N photos of
LFW if DIR holds lfw_view2_folds0-2_images.parquet. PyTorch's bf16 shows on every processor what
bf16 does to the results; its speed on a CPU means nothing, so only its accuracy is printed.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.equivalence import compare_faces
from benchmarks.networks import (
    FaceNetwork,
    Floats,
    Photos,
    cosines,
    largest_faces,
    load_photos,
    random_network,
    shipped_network,
)
from benchmarks.table import table
from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import AgeCard, DetectorCard, NetworkCard
from faceage_core.detection.mtcnn import Mtcnn, load_mtcnn
from faceage_core.errors import InvalidArgument
from faceage_core.inference.engine import Engine, load_engine
from faceage_core.inference.runtime import Runtime
from faceage_core.models.weights import resolve_weights

REFERENCE = "torch"
RUNTIMES = {
    "torch": Runtime("torch", precision="fp32"),
    "onnxruntime": Runtime("onnxruntime"),
    "openvino": Runtime("openvino", precision="fp32"),
    "openvino bf16": Runtime("openvino", precision="bf16"),
}
ACCURACY_ONLY = {"torch bf16": Runtime("torch", precision="bf16")}
NETWORKS = {"dlib ResNet": "dlib-resnet", "dlib age": "dlib-age", "SFace": "sface"}
BATCHES = (1, 8)
PHOTO_SIZE = (1600, 1200)
MISSING = "-"


@dataclass(frozen=True)
class Case:
    """A network and what is measured with it.

    Attributes:
        name: the label of its rows.
        engine: loads it with a runtime.
        inputs: what each row runs, by the row's label; the batch is the first axis.
        network: with the crops for the accuracy; None: only the speed is measured.
    """

    name: str
    engine: Callable[[Runtime], Engine]
    inputs: Mapping[str, Sequence[Floats]]
    network: FaceNetwork | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the photos of LFW")
    parser.add_argument("--photos", type=int, default=200, help="photos of LFW (default 200)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of timing (default 7)")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    photos = load_photos(args.data, args.photos)
    faces = largest_faces(photos)
    shipped = [
        shipped_network(name, shipped_card(card, NetworkCard), faces)
        for name, card in NETWORKS.items()
    ]
    cases = [*map(_case, (random_network(faces), *shipped)), _proposal_network()]
    header = ("ms a picture, one thread (ratio)", *RUNTIMES)
    print(table(header, [row for case in cases for row in _times(case, args.rounds)]))
    columns = [name for name in (*RUNTIMES, *ACCURACY_ONLY) if name != REFERENCE]
    rows = [_accuracy_row(case.network, columns) for case in cases if case.network]
    print(f"\nagainst {REFERENCE} in fp32, {len(faces)} faces of {len(photos)} photos")
    print(table(("the worst face", *columns), [*rows, _detector_row(photos, columns)]))
    for name, runtime in RUNTIMES.items():
        try:
            cases[0].engine(runtime)
        except InvalidArgument as error:
            print(f"{name}: {error.message}")
    return 0


# --- the networks ---


def _case(network: FaceNetwork) -> Case:
    inputs = {f"{network.name}, batch {batch}": [network.batch(batch)] for batch in BATCHES}
    return Case(network.name, network.load, inputs, network)


def _proposal_network() -> Case:
    """MTCNN's first network, on all scales of one large photo."""
    path = resolve_weights(shipped_card("mtcnn"))[0]
    model = path.read_bytes()

    def load(runtime: Runtime) -> Engine:
        return load_engine(model, name="P-Net", size_px=None, runtime=runtime)

    photo = np.asarray(Image.fromarray(load_photos(None, 1)[0]).resize(PHOTO_SIZE))
    levels: list[Floats] = []
    detector = _detector(Runtime())
    propose = detector._proposal

    def record(batch: Floats) -> tuple[Floats, ...]:
        levels.append(batch)
        return propose(batch)

    detector._proposal = record
    detector.detect([photo])
    width, height = PHOTO_SIZE
    return Case("P-Net", load, {f"P-Net, all scales of {width} x {height}": levels})


def _detector(runtime: Runtime) -> Mtcnn:
    card = shipped_card("mtcnn", DetectorCard)
    return load_mtcnn(card, resolve_weights(card), runtime)


# --- the rows of the tables ---


def _times(case: Case, rounds: int) -> list[list[str]]:
    engines = {name: _engine(case.engine, runtime) for name, runtime in RUNTIMES.items()}
    rows = []
    for label, inputs in case.inputs.items():
        best = dict.fromkeys(engines, np.inf)
        for _ in range(rounds + 1):  # the first round warms up, and is never the best
            for name, engine in engines.items():
                if engine is not None:
                    start = time.perf_counter()
                    for batch in inputs:
                        engine(batch)
                    best[name] = min(best[name], time.perf_counter() - start)
        pictures = len(inputs[0])
        times = [
            MISSING if np.isinf(s) else f"{1e3 * s / pictures:.1f} ({s / best[REFERENCE]:.2f})"
            for s in best.values()
        ]
        rows.append([label, *times])
    return rows


def _engine(load: Callable[[Runtime], Engine], runtime: Runtime) -> Engine | None:
    """The loaded network; None if the runtime is not available on this machine."""
    try:
        return load(runtime)
    except InvalidArgument:
        return None


def _accuracy_row(network: FaceNetwork, columns: Sequence[str]) -> list[str]:
    exact = _outputs(network, REFERENCE)
    assert exact is not None
    found = [_outputs(network, column) for column in columns]
    if not isinstance(network.card, AgeCard):
        cells = [MISSING if f is None else f"{cosines(f, exact).min():.6f}" for f in found]
        return [f"{network.name}: cosine", *cells]
    bins = np.array(network.card.age_bins_years)
    cells = [MISSING if f is None else f"{np.abs((f - exact) @ bins).max():.4f}" for f in found]
    return [f"{network.name}: difference in years", *cells]


def _outputs(network: FaceNetwork, column: str) -> Floats | None:
    engine = _engine(network.load, (RUNTIMES | ACCURACY_ONLY)[column])
    if engine is None:
        return None
    return np.concatenate([engine(row[None])[0] for row in network.crops])


def _detector_row(photos: Photos, columns: Sequence[str]) -> list[str]:
    """The smallest overlap of the boxes, and the number of photos with other faces."""
    exact = _detector(RUNTIMES[REFERENCE]).detect(photos)
    cells = []
    for column in columns:
        try:
            found = _detector((RUNTIMES | ACCURACY_ONLY)[column]).detect(photos)
        except InvalidArgument:
            cells.append(MISSING)
            continue
        overlap, differing = compare_faces(found, exact)
        cells.append(f"{overlap:.4f} ({differing})")
    return ["MTCNN: IoU (photos with other faces)", *cells]


if __name__ == "__main__":
    raise SystemExit(main())
