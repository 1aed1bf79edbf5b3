"""A checkpoint of an age model in place of the bundle's age model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import AgeCard, HeadSpec
from faceage_core.errors import InvalidCheckpoint, WeightsMismatch
from faceage_core.inference.normalisation import normalise
from faceage_core.models.age_network import AGE_BINS, AgeNetwork
from faceage_core.models.bundles import resolve
from faceage_core.models.checkpoint import save_checkpoint
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import FacePipeline, loading
from tests.core.pipeline.photos import crops_of

TO_ONE = (0.0078125,) * 3
HEAD = HeadSpec(task="age", kind="hidden_256", outputs=AGE_BINS, dropout=0.2)


def age_card(**changes: Any) -> AgeCard:
    fields = {
        "name": "my-ages",
        "version": "3",
        "task": "age",
        "summary": "for tests",
        "architecture": "inception_resnet_v1",
        "heads": (HEAD,),
        "weights": (),
        "origin": "made here",
        "license": "Apache-2.0",
        "input": InputSpec(
            crop={"kind": "box", "size_px": 160, "margin_px": 14},  # type: ignore[arg-type]
            mean=(127.5, 127.5, 127.5),
            scale=TO_ONE,
        ),
        "age_bins_years": tuple(float(age) for age in range(AGE_BINS)),
        **changes,
    }
    return AgeCard.model_validate(fields)


@pytest.fixture(scope="module")
def age_network() -> AgeNetwork:
    torch.manual_seed(4)
    return AgeNetwork("inception_resnet_v1", (HEAD,)).eval()


def test_an_age_checkpoint_is_used_and_named(
    age_network: AgeNetwork, samples: dict[str, bytes], tmp_path: Path
) -> None:
    card = save_checkpoint(tmp_path / "best", age_network.state_dict(), age_card())
    loaded = FacePipeline(ModelOptions(bundle="facenet", age_checkpoint=tmp_path / "best"))
    photo = samples["hopper_1984.jpg"]
    answer = loaded.faces(photo, include=["age_distribution", "landmarks"])
    assert (answer.models.age.name, answer.models.age.version) == ("my-ages", "3")
    assert not loaded.bundle.age_is_stand_in

    with torch.no_grad():
        inputs = torch.from_numpy(normalise(crops_of(answer, photo, card.input), card.input))
        probabilities = age_network(inputs).age.softmax(dim=1)[0].double().numpy()
    mean = float(probabilities @ np.arange(AGE_BINS))
    (face,) = answer.image.faces
    assert face.age_distribution is not None
    assert len(face.age_distribution.ages_years) == AGE_BINS
    assert face.age_prediction == pytest.approx(mean, abs=0.05)
    np.testing.assert_allclose(face.age_distribution.probabilities, probabilities, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"age_bins_years": (1.0, 2.0)}, "states 2 bins, but its network has 101 outputs"),
        ({"architecture": "other"}, "architecture 'other' is not one of inception_resnet_v1"),
        ({"heads": (HEAD.model_copy(update={"kind": "odd"}),)}, "head 'odd' is not one of linear"),
        ({"heads": (HEAD, HEAD)}, "heads must contain exactly one age head"),
    ],
)
def test_a_checkpoint_with_an_inconsistent_card_is_rejected_on_loading(
    age_network: AgeNetwork, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    save_checkpoint(tmp_path / "best", age_network.state_dict(), age_card(**changes))
    options = ModelOptions(age_checkpoint=tmp_path / "best")
    with pytest.raises(InvalidCheckpoint, match=message):
        loading.load_age(resolve(options), options)


def test_a_checkpoint_with_other_layers_is_rejected(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "best", {"x": torch.ones(1)}, age_card())
    options = ModelOptions(age_checkpoint=tmp_path / "best")
    with pytest.raises(WeightsMismatch, match=r"my-ages \(model\.saf.* does not fit AgeNetwork"):
        loading.load_age(resolve(options), options)


def test_weights_that_give_nan_are_rejected_on_loading(
    age_network: AgeNetwork, tmp_path: Path
) -> None:
    state = dict(age_network.state_dict())
    last = [name for name in state if name.startswith("heads.age") and name.endswith("bias")][-1]
    state[last] = torch.full_like(state[last], float("nan"))
    save_checkpoint(tmp_path / "best", state, age_card())
    options = ModelOptions(bundle="facenet", age_checkpoint=tmp_path / "best")
    with pytest.raises(InvalidCheckpoint, match="the network of my-ages returned NaN or infinity"):
        FacePipeline(options)
