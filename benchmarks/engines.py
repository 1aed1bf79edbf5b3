"""Speed and accuracy of the engines, on one thread.

    python -m benchmarks.engines [--data DIR] [--photos N]

The first table is the time for one picture in milliseconds, the best of several rounds in which the
engines take turns. The second table is the largest difference from PyTorch in fp32. The accuracy is
measured on the faces of the sample photos, or of N photos of LFW if DIR holds
lfw_view2_folds0-2_images.parquet. PyTorch's bf16 shows on every processor what bf16 does to the
results; its speed on a CPU means nothing, so only its accuracy is printed.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.equivalence import iou
from benchmarks.photos import SAMPLES
from benchmarks.random_networks import fit_normalisation, seeded_networks
from benchmarks.table import table
from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import AgeCard, DetectorCard, NetworkCard
from faceage_core.detection.crops import cut
from faceage_core.detection.mtcnn import Mtcnn, load_mtcnn
from faceage_core.errors import InvalidArgument
from faceage_core.images import decode
from faceage_core.inference.engine import Engine, load_engine
from faceage_core.inference.normalisation import normalise
from faceage_core.inference.runtime import Runtime
from faceage_core.models.export import export_onnx
from faceage_core.models.registry import onnx_model
from faceage_core.models.weights import resolve_weights
from faceage_core.types import Face

Floats = NDArray[np.float32]
Photos = Sequence[NDArray[np.uint8]]
Faces = Sequence[tuple[NDArray[np.uint8], Face]]

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
        faces: normalised crops for the accuracy; None: the network alone is not measured.
        bins: the age of each output; None: the outputs are an embedding.
    """

    name: str
    engine: Callable[[Runtime], Engine]
    inputs: Mapping[str, Sequence[Floats]]
    faces: Floats | None = None
    bins: tuple[float, ...] | None = None


def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the photos of LFW")
    parser.add_argument("--photos", type=int, default=200, help="photos of LFW (default 200)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of timing (default 7)")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    photos = _photos(args.data, args.photos)
    faces = _faces(photos)
    cases = [_inception(faces), *(_case(*item, faces) for item in NETWORKS.items())]
    cases.append(_proposal_network())
    header = ("ms a picture, one thread", *RUNTIMES)
    print(table(header, [row for case in cases for row in _times(case, args.rounds)]))
    columns = [name for name in (*RUNTIMES, *ACCURACY_ONLY) if name != REFERENCE]
    rows = [_accuracy_row(case, columns) for case in cases if case.faces is not None]
    print(f"\nagainst {REFERENCE} in fp32, {len(faces)} faces of {len(photos)} photos")
    print(table(("the worst face", *columns), [*rows, _detector_row(photos, columns)]))
    for name, runtime in RUNTIMES.items():
        try:
            cases[0].engine(runtime)
        except InvalidArgument as error:
            print(f"{name}: {error.message}")
    return 0


# --- photos and networks ---


def _photos(data: Path | None, count: int) -> list[NDArray[np.uint8]]:
    if data is None:
        files = sorted(path for path in SAMPLES.iterdir() if path.suffix != ".md")
        return [decode(path.read_bytes()) for path in files]
    rows = pq.read_table(data / "lfw_view2_folds0-2_images.parquet", columns=["image"])["image"]
    return [decode(photo) for photo in rows.slice(0, count).to_pylist()]


def _faces(photos: Photos) -> Faces:
    """The largest face of each photo, with its photo."""
    found = _detector(Runtime()).detect(photos)
    return [(photo, faces[0]) for photo, faces in zip(photos, found, strict=True) if faces]


def _crops(faces: Faces, card: NetworkCard) -> Floats:
    return normalise(np.stack([cut(*face, card.input.crop) for face in faces]), card.input)


def _inception(faces: Faces) -> Case:
    card = shipped_card("facenet-vggface2", NetworkCard)
    crops = _crops(faces, card)
    network, _ = seeded_networks(0)
    fit_normalisation(network, torch.from_numpy(crops[:16]))
    size_px = card.input.crop.size_px
    model = export_onnx(network, torch.zeros(1, 3, size_px, size_px))
    return _fixed_size("InceptionResnetV1", model, size_px, crops)


def _case(name: str, card_name: str, faces: Faces) -> Case:
    card = shipped_card(card_name, NetworkCard)
    case = _fixed_size(
        name,
        onnx_model(card, resolve_weights(card)),
        card.input.crop.size_px,
        _crops(faces, card),
    )
    return replace(case, bins=card.age_bins_years) if isinstance(card, AgeCard) else case


def _fixed_size(name: str, model: bytes, size_px: int, crops: Floats) -> Case:
    repeated = np.concatenate([crops] * (1 + max(BATCHES) // len(crops)))
    return Case(
        name,
        lambda runtime: load_engine(model, name=name, size_px=size_px, runtime=runtime),
        {f"{name}, batch {batch}": [repeated[:batch]] for batch in BATCHES},
        faces=crops,
    )


def _proposal_network() -> Case:
    """MTCNN's first network, on all scales of one large photo."""
    path = resolve_weights(shipped_card("mtcnn"))[0]
    model = path.read_bytes()

    def load(runtime: Runtime) -> Engine:
        return load_engine(model, name="P-Net", size_px=None, runtime=runtime)

    photo = np.asarray(Image.fromarray(_photos(None, 1)[0]).resize(PHOTO_SIZE))
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
    engines = {name: _engine(case, runtime) for name, runtime in RUNTIMES.items()}
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
        times = [MISSING if np.isinf(s) else f"{1e3 * s / pictures:.1f}" for s in best.values()]
        rows.append([label, *times])
    return rows


def _engine(case: Case, runtime: Runtime) -> Engine | None:
    """The loaded network; None if the runtime is not available on this machine."""
    try:
        return case.engine(runtime)
    except InvalidArgument:
        return None


def _accuracy_row(case: Case, columns: Sequence[str]) -> list[str]:
    exact = _outputs(case, REFERENCE)
    assert exact is not None
    found = [_outputs(case, column) for column in columns]
    if case.bins is None:
        cells = [MISSING if f is None else f"{_cosines(f, exact).min():.6f}" for f in found]
        return [f"{case.name}: cosine", *cells]
    bins = np.array(case.bins)
    cells = [MISSING if f is None else f"{np.abs((f - exact) @ bins).max():.4f}" for f in found]
    return [f"{case.name}: difference in years", *cells]


def _outputs(case: Case, column: str) -> Floats | None:
    engine = _engine(case, (RUNTIMES | ACCURACY_ONLY)[column])
    if case.faces is None or engine is None:
        return None
    return np.concatenate([engine(row[None])[0] for row in case.faces])


def _cosines(one: Floats, other: Floats) -> NDArray[np.float64]:
    a, b = one.astype(np.float64), other.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines: NDArray[np.float64] = np.sum(a * b, axis=1) / lengths
    return cosines


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
        same = [pair for pair in zip(found, exact, strict=True) if len(pair[0]) == len(pair[1])]
        overlaps = [
            iou(a.box, b.box) for one, other in same for a, b in zip(one, other, strict=True)
        ]
        cells.append(f"{min(overlaps, default=0):.4f} ({len(photos) - len(same)})")
    return ["MTCNN: IoU (photos with other faces)", *cells]


if __name__ == "__main__":
    raise SystemExit(main())
