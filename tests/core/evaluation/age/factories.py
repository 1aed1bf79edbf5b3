"""Predictions, a model card, a manifest, and a report of them."""

from collections.abc import Sequence

import numpy as np

from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import AgeCard
from faceage_core.data.manifest import Manifest
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.training_crop import training_crop
from faceage_core.evaluation.age.analysis import compute_report
from faceage_core.evaluation.age.predictions import AgePredictions
from faceage_core.evaluation.age.provenance import data_facts, model_facts
from faceage_core.evaluation.age.report import AgeReport

BINS = tuple(float(age) for age in range(101))
WEIGHTS = {"kind": "checkpoint", "sha256": "0" * 64}


def predictions(
    true: Sequence[float],
    estimated: Sequence[float],
    *,
    gender: Sequence[str] = (),
    estimated_gender: Sequence[str] = (),
    race: Sequence[str] = (),
    identity: Sequence[str] = (),
) -> AgePredictions:
    """Each distribution is one bin, the one nearest to the estimate."""
    count = len(true)
    rows = np.zeros((count, len(BINS)))
    rows[np.arange(count), np.rint(estimated).astype(int)] = 1

    def words(given: Sequence[str]) -> np.ndarray:
        return np.array(given or [""] * count, dtype=np.str_)

    return AgePredictions(
        true_years=np.array(true, dtype=np.float64),
        estimated_years=np.array(estimated, dtype=np.float64),
        bins_years=BINS,
        probabilities=rows,
        gender=words(gender),
        estimated_gender=words(estimated_gender),
        race=words(race),
        identity=words(identity),
    )


def card(**changes: object) -> AgeCard:
    crop = training_crop(160, 0.25)
    fields = {
        "name": "tiny",
        "version": "3",
        "task": "age",
        "summary": "for tests",
        "architecture": "tiny_net",
        "weights": (WEIGHTS,),
        "origin": "made here",
        "license": "CC0-1.0",
        "input": InputSpec(crop=crop, mean=(0, 0, 0), scale=(1, 1, 1)),
        "age_bins_years": BINS,
        **changes,
    }
    return AgeCard.model_validate(fields)


def manifest(**changes: object) -> Manifest:
    fields = {
        "tool_version": "1",
        "dataset": "utkface",
        "license": "research only",
        "options": PrepareOptions(dataset="utkface"),
        "crop": training_crop(160, 0.25),
        "source_digest": "s",
        "read": 110,
        "kept": 100,
        "rejected": {"age_missing": 4, "no_face": 6},
        "splits": {"train": 80, "val": 20},
        "split_hash": "5317",
        "groups": 90,
        "largest_group": 2,
        **changes,
    }
    return Manifest.model_validate(fields)


def report(found: AgePredictions, **changes: object) -> AgeReport:
    data = data_facts(manifest(**changes), "faces", "val", found)
    return compute_report(
        found, model_facts(card()), data, "faceage evaluate best faces --split val"
    )


SMALL = predictions(
    true=[5, 8, 25, 27, 41, 17],
    estimated=[6, 12, 20, 27, 61, 30],
    gender=["female", "male", "female", "male", "", "male"],
    estimated_gender=["female", "female", "female", "male", "male", "male"],
    race=["a", "a", "b", "b", "b", "a"],
)
