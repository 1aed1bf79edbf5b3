"""The networks that run on faces, each as an ONNX file with the crops of real faces."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from benchmarks.photos import SAMPLES
from benchmarks.random_networks import fit_normalisation, seeded_networks
from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import NetworkCard
from faceage_core.detection.crops import cut
from faceage_core.detection.registry import load_detector
from faceage_core.images import decode
from faceage_core.inference.engine import Engine, load_engine
from faceage_core.inference.normalisation import normalise
from faceage_core.inference.runtime import Runtime
from faceage_core.models.bundles import resolve
from faceage_core.models.export import export_onnx
from faceage_core.models.options import ModelOptions
from faceage_core.models.registry import onnx_model
from faceage_core.models.weights import resolve_weights
from faceage_core.types import Face

Floats = NDArray[np.float32]
Photos = Sequence[NDArray[np.uint8]]
Faces = Sequence[tuple[NDArray[np.uint8], Face]]


@dataclass(frozen=True)
class FaceNetwork:
    """A network and its input.

    Attributes:
        name: in reports.
        card: states the crop and the outputs.
        model: the content of the ONNX file.
        crops: [N, 3, size, size] float32, normalised; one for each face.
    """

    name: str
    card: NetworkCard
    model: bytes
    crops: Floats

    def load(self, runtime: Runtime) -> Engine:
        """Load the network, in the precision of the runtime whatever the card states.

        Raises:
            InvalidArgument: the engine, the device or the precision is unavailable.
        """
        size_px = self.card.input.crop.size_px
        return load_engine(self.model, name=self.name, size_px=size_px, runtime=runtime)

    def batch(self, size: int) -> Floats:
        """The first crops, repeated if there are fewer than `size`."""
        return np.resize(self.crops, (size, *self.crops.shape[1:]))


def load_photos(data: Path | None, count: int) -> list[NDArray[np.uint8]]:
    """The sample photos, or the first `count` photos of LFW if a folder is given."""
    if data is None:
        files = sorted(path for path in SAMPLES.iterdir() if path.suffix != ".md")
        return [decode(path.read_bytes()) for path in files]
    rows = pq.read_table(data / "lfw_view2_folds0-2_images.parquet", columns=["image"])["image"]
    return [decode(photo) for photo in rows.slice(0, count).to_pylist()]


def largest_faces(photos: Photos) -> Faces:
    """The largest face of each photo, with its photo."""
    found = load_detector(resolve(ModelOptions()).detector).detect(photos)
    return [(photo, faces[0]) for photo, faces in zip(photos, found, strict=True) if faces]


def random_network(faces: Faces) -> FaceNetwork:
    """InceptionResnetV1 with random weights and the crop of the shipped FaceNet card."""
    card = shipped_card("facenet-vggface2", NetworkCard)
    crops = _crops(faces, card)
    network, _ = seeded_networks(0)
    fit_normalisation(network, torch.from_numpy(crops[:16]))
    size_px = card.input.crop.size_px
    model = export_onnx(network, torch.zeros(1, 3, size_px, size_px))
    return FaceNetwork("InceptionResnetV1", card, model, crops)


def shipped_network(name: str, card: NetworkCard, faces: Faces) -> FaceNetwork:
    """The network of a shipped card."""
    return FaceNetwork(name, card, onnx_model(card, resolve_weights(card)), _crops(faces, card))


def cosines(one: Floats, other: Floats) -> NDArray[np.float64]:
    """The cosine similarity of each row of two arrays, [N]."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    found: NDArray[np.float64] = np.sum(a * b, axis=1) / lengths
    return found


def _crops(faces: Faces, card: NetworkCard) -> Floats:
    return normalise(np.stack([cut(*face, card.input.crop) for face in faces]), card.input)
