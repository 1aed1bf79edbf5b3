"""Networks: the card's preprocessing, averaging over the mirror image, batches of any size."""

import numpy as np
import pytest
from numpy.typing import NDArray

from faceage_core.cards.crops import BoxCrop
from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import IdentityCard
from faceage_core.inference.model import Network
from faceage_core.inference.normalisation import normalise


def spec(**changes: object) -> InputSpec:
    fields = {
        "crop": BoxCrop(size_px=2, margin_px=0),
        "mean": (100, 50, 0),
        "scale": (0.5, 2, 1),
        **changes,
    }
    return InputSpec.model_validate(fields)


def card(**changes: object) -> IdentityCard:
    return IdentityCard(
        name="tiny",
        version="1",
        summary="for tests",
        architecture="tiny",
        weights=(),
        origin="made here",
        license="CC0-1.0",
        input=spec(**changes),
    )


def noise(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, 2, 2, 3), dtype=np.uint8)


class WeightedSum:
    """Sums the values of a crop weighted by their index; records the batch sizes."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        self.batches.append(len(batch))
        flat = batch.reshape(len(batch), -1)
        places = np.arange(flat.shape[1], dtype=np.float32)
        return np.stack([flat @ places, flat.sum(axis=1)], axis=1), flat


def test_the_first_output_of_normalised_crops() -> None:
    crops = noise(3)
    expected = WeightedSum()(normalise(crops, spec()))[0]
    np.testing.assert_array_equal(Network(card(), WeightedSum())(crops), expected)


def test_average_flip_averages_over_the_mirror_image() -> None:
    crops = noise(5)
    plain, flipping = (
        Network(card(), WeightedSum()),
        Network(card(average_flip=True), WeightedSum()),
    )
    mirrored = np.ascontiguousarray(crops[:, :, ::-1])
    np.testing.assert_allclose(flipping(crops), (plain(crops) + plain(mirrored)) / 2, rtol=1e-6)
    np.testing.assert_allclose(flipping(crops), flipping(mirrored), rtol=1e-6)
    assert np.abs(plain(crops) - plain(mirrored)).max() > 1


@pytest.mark.parametrize("count", [1, 63, 64, 65, 150])
def test_many_crops_equal_one_by_one_in_bounded_batches(count: int) -> None:
    engine = WeightedSum()
    network = Network(card(average_flip=True), engine)
    crops = noise(count)
    together = network(crops)
    assert max(engine.batches) <= 64
    assert sum(engine.batches) == 2 * count
    singles = np.concatenate([network(one[None]) for one in crops])
    np.testing.assert_allclose(together, singles, rtol=1e-5)


def test_no_crop_runs_nothing() -> None:
    engine = WeightedSum()
    output = Network(card(), engine)(noise(0))
    assert (len(output), output.ndim) == (0, 2)
    assert output.dtype == np.float32
    assert engine.batches == []
