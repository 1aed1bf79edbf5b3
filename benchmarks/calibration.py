"""Fit the age spread of the bundled age network, the values in its card.

    python -m benchmarks.calibration --data DIR [--photos 3000]

DIR holds utkface_trainval.parquet. Photos of its train split are used; its val split then measures
the coverage of the intervals (`python -m benchmarks.age`). Every photo goes through the whole
pipeline, on a grey canvas as in benchmarks.age.
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.age import on_canvas
from faceage_core.age.calibration import LAST_AGE_YEARS, blur
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import loading
from faceage_core.pipeline.response import candidate_faces
from faceage_core.types import Detection
from trainers.calibration import fit_spread


def main() -> None:
    """Print the fitted spread and its negative log-likelihood."""
    parser = argparse.ArgumentParser(description="fit the spread of the age distribution")
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet file")
    parser.add_argument("--photos", type=int, default=3000, help="number of photos")
    parser.add_argument("--seed", type=int, default=0, help="of the random choice of photos")
    args = parser.parse_args()
    table = pq.read_table(args.data / "utkface_trainval.parquet")
    table = table.filter(pc.equal(table["split"], "train"))
    chosen = np.random.default_rng(args.seed).permutation(len(table))[: args.photos]
    table = table.take(np.sort(chosen))

    options = ModelOptions()
    bundle = resolve(options)
    detector, network = (
        loading.load_detector(bundle, options),
        loading.load_age_network(bundle, options),
    )
    bins = bundle.age.age_bins_years
    assert bins is not None
    rows, ages = [], []
    for photo, age in zip(table["image"].to_pylist(), table["age"].to_pylist(), strict=True):
        (found,) = detector.detect([on_canvas(photo)])
        if isinstance(found, Detection) and found.faces:
            rows.append(network(found.crops["age"][candidate_faces(found, "center")])[0])
            ages.append(min(age, LAST_AGE_YEARS))
    probabilities, truth = np.stack(rows), np.array(ages)

    def loss(base_years: float, per_year: float) -> float:
        blurred = blur(probabilities, bins, base_years, per_year)
        return float(-np.log(blurred[np.arange(len(truth)), truth] + 1e-12).mean())

    base, per_year = fit_spread(probabilities, bins, truth)
    print(
        f"base_years {base:.3f}, per_year {per_year:.4f}: NLL {loss(base, per_year):.3f} "
        f"(with almost no spread {loss(0.3, 1e-6):.3f}; n={len(truth)}, UTKFace train)"
    )


if __name__ == "__main__":
    main()
