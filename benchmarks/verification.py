"""Accuracy of a bundle's identity model on LFW and FG-NET.

    python -m benchmarks.verification --data DIR [--bundle dlib]

DIR holds lfw_view2_folds0-2_images.parquet, lfw_view2_folds0-2_pairs.parquet and
fgnet_odd_people.parquet (columns: file, identity or person, age, image). The subject of a photo is
the face nearest its centre, detected and cropped as by the service with faces=center. A photo
without a detected face counts as a wrong decision.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from faceage_core.errors import FaceageError
from faceage_core.evaluation.verification.metrics import (
    accuracy,
    best_threshold,
    threshold_at,
    true_match_rate,
)
from faceage_core.models.bundles import resolve
from faceage_core.models.options import DEFAULT_BUNDLE, ModelOptions
from faceage_core.pipeline import loading
from faceage_core.pipeline.response import candidate_faces

FALSE_MATCH_RATES = (1e-2, 1e-3)
AGE_GAPS_YEARS = ((0, 5), (5, 10), (10, 20), (20, 100))
ADULT_YEARS = 18


def main() -> None:
    """Print all measurements of the identity card."""
    parser = argparse.ArgumentParser(description="identity on LFW and FG-NET")
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE, help="default: %(default)s")
    args = parser.parse_args()
    options = ModelOptions(bundle=args.bundle)
    thresholds = _lfw(args.data, options)
    _fgnet(args.data, options, thresholds)


def _lfw(data: Path, options: ModelOptions) -> dict[float, float]:
    images = pq.read_table(data / "lfw_view2_folds0-2_images.parquet")
    pairs = pq.read_table(data / "lfw_view2_folds0-2_pairs.parquet")
    embeddings = _embed(images["image"].to_pylist(), options)
    row_of = {name: i for i, name in enumerate(images["file"].to_pylist())}
    first = [row_of[name] for name in pairs["a"].to_pylist()]
    second = [row_of[name] for name in pairs["b"].to_pylist()]
    similarities = np.sum(embeddings[first] * embeddings[second], axis=1)
    same = np.array(pairs["same"].to_pylist(), dtype=bool)
    folds = np.array(pairs["fold"].to_pylist())
    missed = int(np.isnan(embeddings[:, 0]).sum())
    print(
        f"LFW view 2, folds 0-2: {len(same)} pairs of {len(embeddings)} photos, "
        f"{missed} without a face"
    )
    for fold in np.unique(folds):
        held_out = folds == fold
        threshold = best_threshold(similarities[~held_out], same[~held_out])
        value = accuracy(similarities[held_out], same[held_out], threshold)
        print(
            f"  fold {fold}: accuracy {value:.4f} (n={held_out.sum()}, threshold {threshold:.4f})"
        )
    impostors = _impostor_similarities(embeddings, np.array(images["identity"].to_pylist()))
    thresholds: dict[float, float] = {}
    for rate in FALSE_MATCH_RATES:
        # Rounded up to the four decimals of the card.
        threshold = math.ceil(threshold_at(impostors, rate) * 1e4) / 1e4
        print(
            f"  threshold {threshold:.4f}: FMR {true_match_rate(impostors, threshold):.6f} "
            f"(n={len(impostors)} pairs), "
            f"TMR {true_match_rate(similarities[same], threshold):.4f} (n={same.sum()})"
        )
        thresholds[rate] = threshold
    return thresholds


def _fgnet(data: Path, options: ModelOptions, thresholds: dict[float, float]) -> None:
    table = pq.read_table(data / "fgnet_odd_people.parquet")
    embeddings = _embed(table["image"].to_pylist(), options)
    people = np.array(table["person"].to_pylist())
    ages = np.array(table["age"].to_pylist(), dtype=float)
    first, second = np.triu_indices(len(people), 1)
    similarities = np.sum(embeddings[first] * embeddings[second], axis=1)
    same = people[first] == people[second]
    gaps = np.abs(ages[first] - ages[second])
    adults = (ages[first] >= ADULT_YEARS) & (ages[second] >= ADULT_YEARS)
    missed = int(np.isnan(embeddings[:, 0]).sum())
    print(f"FG-NET: {len(people)} photos of {len(set(people))} people, {missed} without a face")
    groups = {
        "all": np.ones_like(adults),
        "adults": adults,
        "with a child": ~adults,
        **{f"gap {low}-{high} y": (gaps >= low) & (gaps < high) for low, high in AGE_GAPS_YEARS},
    }
    for rate, threshold in thresholds.items():
        for name, members in groups.items():
            genuine, impostors = members & same, members & ~same
            print(
                f"  at LFW's threshold for FMR {rate:g}, {name}: "
                f"TMR {true_match_rate(similarities[genuine], threshold):.3f} (n={genuine.sum()}), "
                f"FMR {true_match_rate(similarities[impostors], threshold):.4f} "
                f"(n={impostors.sum()})"
            )


def _embed(photos: list[bytes], options: ModelOptions) -> NDArray[np.float64]:
    """[N, D] float64: the embedding of the central face of each photo; NaN without a face."""
    bundle = resolve(options)
    detector, embedder = (
        loading.load_detector(bundle, options),
        loading.load_embedder(bundle, options),
    )
    rows = []
    for photo in photos:
        (found,) = detector.detect([photo])
        if isinstance(found, FaceageError) or not found.faces:
            rows.append(np.full(128, np.nan))
            continue
        face = candidate_faces(found, "center")
        rows.append(embedder.embed(found.crops["identity"][face])[0].astype(np.float64))
    return np.stack(rows)


def _impostor_similarities(
    embeddings: NDArray[np.float64], identities: NDArray[np.str_]
) -> NDArray[np.float64]:
    """Similarities of all pairs of photos of different people."""
    first, second = np.triu_indices(len(embeddings), 1)
    different = identities[first] != identities[second]
    similarities = np.sum(embeddings[first[different]] * embeddings[second[different]], axis=1)
    valid: NDArray[np.float64] = similarities[~np.isnan(similarities)]
    return valid


if __name__ == "__main__":
    main()
