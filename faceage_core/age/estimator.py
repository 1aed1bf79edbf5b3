"""Faces' crops in, apparent ages and genders out."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from faceage_core.age.calibration import blurred_ages, calibrated
from faceage_core.age.distribution import summarise
from faceage_core.errors import InvalidCheckpoint
from faceage_core.inference.model import Network
from faceage_core.types import AgeEstimate, Attributes, Gender, GenderEstimate, Role


class AgeEstimator:
    """The age network and, where it does not tell gender itself, a gender network."""

    def __init__(self, age: Network, gender: Network | None) -> None:
        """With a gender network, or None where the age network tells gender itself or nobody does.

        Raises:
            InvalidCheckpoint: the age network's card states no bins.
        """
        if age.card.age_bins_years is None:
            raise InvalidCheckpoint(f"the card of {age.card.name} states no age bins")
        self._bins = age.card.age_bins_years
        self._age = age
        self._gender = gender

    def estimate(self, crops: Mapping[Role, NDArray[np.uint8]]) -> list[Attributes]:
        """Estimate every face.

        Args:
            crops: under "age" and, with a gender network, "gender": [N, size, size, 3] uint8 RGB,
                one a face and in the same order.

        Returns:
            One entry a face.
        """
        if len(crops["age"]) == 0:
            return []
        output = self._age(crops["age"])
        ages = self._ages(output[:, : len(self._bins)])
        if self._gender:
            genders = _genders(self._gender(crops["gender"]), self._gender.card.gender_bins)
        else:
            genders = _genders(output[:, len(self._bins) :], self._age.card.gender_bins)
        return [Attributes(age, gender) for age, gender in zip(ages, genders, strict=True)]

    def _ages(self, probabilities: NDArray[np.float32]) -> list[AgeEstimate]:
        spread = self._age.card.age_spread
        if spread is None:
            return summarise(probabilities, self._bins)
        return summarise(calibrated(probabilities, self._bins, spread), blurred_ages())


def _genders(
    probabilities: NDArray[np.float32], labels: tuple[Gender, ...] | None
) -> list[GenderEstimate | None]:
    if labels is None:
        return [None] * len(probabilities)
    return [GenderEstimate(labels[int(row.argmax())], float(row.max())) for row in probabilities]
