"""Faces' crops in, apparent ages and genders out."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from faceage_core.age.calibration import blur, blurred_ages
from faceage_core.age.distribution import summarise
from faceage_core.errors import InvalidCheckpoint
from faceage_core.network import Network
from faceage_core.types import AgeEstimate, Attributes, GenderEstimate, Role


class AgeEstimator:
    """The age network and, where the bundle has one, the gender network."""

    def __init__(self, age: Network, gender: Network | None) -> None:
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
        ages = self._ages(crops["age"])
        genders = self._genders(crops) if self._gender else [None] * len(ages)
        return [Attributes(age, gender) for age, gender in zip(ages, genders, strict=True)]

    def _ages(self, crops: NDArray[np.uint8]) -> list[AgeEstimate]:
        probabilities, spread = self._age(crops), self._age.card.age_spread
        if spread is None:
            return summarise(probabilities, self._bins)
        blurred = blur(probabilities, self._bins, spread.base_years, spread.per_year)
        return summarise(blurred, blurred_ages())

    def _genders(self, crops: Mapping[Role, NDArray[np.uint8]]) -> list[GenderEstimate | None]:
        assert self._gender is not None
        labels = self._gender.card.gender_bins
        assert labels is not None
        return [
            GenderEstimate(labels[int(row.argmax())], float(row.max()))
            for row in self._gender(crops["gender"])
        ]
