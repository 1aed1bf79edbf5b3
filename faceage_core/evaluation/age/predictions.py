"""The age predictions of a model for the faces of a split, with their labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOT_STATED = ""


@dataclass(frozen=True)
class AgePredictions:
    """Predictions and labels of N faces. Texts are "" if the data set or the model states none.

    Attributes:
        true_years: [N] float64.
        estimated_years: [N] float64, the mean of each distribution.
        bins_years: [K] the age of each bin, ascending.
        probabilities: [N, K] float64; rows sum to 1.
        gender: [N] str, "female" or "male".
        estimated_gender: [N] str, likewise; all "" if the model estimates none.
        race: [N] str, the source's own labels.
        identity: [N] str.
    """

    true_years: NDArray[np.float64]
    estimated_years: NDArray[np.float64]
    bins_years: tuple[float, ...]
    probabilities: NDArray[np.float64]
    gender: NDArray[np.str_]
    estimated_gender: NDArray[np.str_]
    race: NDArray[np.str_]
    identity: NDArray[np.str_]

    def __post_init__(self) -> None:
        count = len(self.true_years)
        lengths = {
            name: len(getattr(self, name))
            for name in (
                "estimated_years", "probabilities", "gender", "estimated_gender", "race", "identity"
            )
        }  # fmt: skip
        if wrong := {name: length for name, length in lengths.items() if length != count}:
            raise ValueError(f"all fields must have {count} faces, as true_years; got {wrong}")
        if self.probabilities.shape[1:] != (len(self.bins_years),):
            raise ValueError(
                f"probabilities must be [N, {len(self.bins_years)}], "
                f"got {list(self.probabilities.shape)}"
            )

    @property
    def has_identities(self) -> bool:
        """Whether the data set states the identity in any image."""
        return bool((self.identity != NOT_STATED).any())

    def clusters(self) -> NDArray[np.int64]:
        """[N] equal numbers for images of one person; an image without identity is a cluster."""
        names, number = np.unique(self.identity, return_inverse=True)
        numbers = number.astype(np.int64)
        unnamed = self.identity == NOT_STATED
        numbers[unnamed] = len(names) + np.arange(int(unnamed.sum()))
        return numbers
