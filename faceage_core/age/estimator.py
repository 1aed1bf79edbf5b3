"""Crops of faces in, apparent ages and genders out."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from faceage_core.age.calibration import blurred_ages, calibrated
from faceage_core.age.distribution import summarise
from faceage_core.cards.model_card import AgeCard, GenderCard
from faceage_core.inference.model import Network
from faceage_core.types import AgeEstimate, Attributes, Gender, GenderEstimate, Role


class AgeEstimator:
    """The age network and, if that does not estimate gender, a gender network."""

    def __init__(self, age: Network[AgeCard], gender: Network[GenderCard] | None) -> None:
        """Combine two networks.

        Args:
            age: its output is one column for each age bin, then one for each gender bin.
            gender: replaces the age network's own gender columns, if any.
        """
        self._age = age
        self._gender = gender

    def estimate(self, crops: Mapping[Role, NDArray[np.uint8]]) -> list[Attributes]:
        """Estimate every face.

        Args:
            crops: under "age" and, with a gender network, "gender": [N, size, size, 3] uint8 RGB,
                one crop for each face, in the same order.

        Returns:
            One entry for each face.
        """
        if len(crops["age"]) == 0:
            return []
        card = self._age.card
        output = self._age(crops["age"])
        probabilities, rest = np.split(output, [len(card.age_bins_years)], axis=1)
        ages = _ages(probabilities, card)
        genders: Sequence[GenderEstimate | None] = [None] * len(ages)
        if self._gender is not None:
            genders = _genders(self._gender(crops["gender"]), self._gender.card.gender_bins)
        elif card.gender_bins is not None:
            genders = _genders(rest, card.gender_bins)
        return [Attributes(age, gender) for age, gender in zip(ages, genders, strict=True)]


def _ages(probabilities: NDArray[np.float32], card: AgeCard) -> list[AgeEstimate]:
    if card.age_spread is None:
        return summarise(probabilities, card.age_bins_years)
    return summarise(
        calibrated(probabilities, card.age_bins_years, card.age_spread), blurred_ages()
    )


def _genders(probabilities: NDArray[np.float32], labels: Sequence[Gender]) -> list[GenderEstimate]:
    return [GenderEstimate(labels[int(row.argmax())], float(row.max())) for row in probabilities]
