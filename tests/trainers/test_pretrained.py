"""Initial weights: which ones are loaded or rejected, and that random weights are no fallback."""

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision.models
from torch import Tensor

from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import AgeCard, HeadSpec
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import InvalidArgument, WeightsMismatch, WeightsUnavailable
from faceage_core.models.age_network import AgeNetwork
from faceage_core.models.backbones import BACKBONES
from faceage_core.models.checkpoint import save_checkpoint
from trainers.pretrained import initialise

AGE = HeadSpec(task="age", outputs=101)


def network(seed: int, backbone: str = "resnet18", head: HeadSpec = AGE) -> AgeNetwork:
    torch.manual_seed(seed)
    return AgeNetwork(backbone, (head,))


def equal(one: dict[str, Tensor], other: dict[str, Tensor], prefix: str = "") -> bool:
    return all(torch.equal(one[name], other[name]) for name in one if name.startswith(prefix))


def card(head: HeadSpec = AGE) -> AgeCard:
    return AgeCard(
        name="before",
        version="3",
        summary="for tests",
        architecture="resnet18",
        heads=(head,),
        weights=(),
        origin="made here",
        license="CC0-1.0",
        input=InputSpec(crop=training_crop(64, 0), mean=(0, 0, 0), scale=(1, 1, 1)),
        age_bins_years=tuple(float(age) for age in range(101)),
    )


def test_none_keeps_the_random_weights() -> None:
    target = network(0)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    assert initialise(target, "resnet18", "none").name == "none"
    assert equal(before, target.state_dict())


@pytest.mark.parametrize("backbone", ["resnet18", "vgg16"])
def test_a_file_is_loaded_into_the_backbone_without_its_classifier(
    backbone: str, tmp_path: Path
) -> None:
    published = getattr(torchvision.models, backbone)(num_classes=5)
    torch.save(published.state_dict(), tmp_path / "published.pt")
    target = network(1, backbone)
    origin = initialise(target, backbone, str(tmp_path / "published.pt"))
    assert origin.name == "published.pt"
    assert origin.sha256 is not None
    assert equal(target.backbone.state_dict(), published.state_dict())


def test_heads_of_a_checkpoint_are_loaded_if_they_fit(tmp_path: Path) -> None:
    before = network(2)
    save_checkpoint(tmp_path / "best", before.state_dict(), card())
    target = network(3)
    origin = initialise(target, "resnet18", str(tmp_path / "best"))
    assert (origin.name, origin.license) == ("before 3", "CC0-1.0")
    assert equal(before.state_dict(), target.state_dict())

    other = network(3, head=HeadSpec(task="age", outputs=1))
    head = other.heads["age"][1].weight.clone()  # type: ignore[index]
    initialise(other, "resnet18", str(tmp_path / "best"))
    assert equal(before.backbone.state_dict(), other.backbone.state_dict())
    assert torch.equal(other.heads["age"][1].weight, head)  # type: ignore[index]


def test_weights_of_another_network_are_rejected(tmp_path: Path) -> None:
    torch.save(BACKBONES["resnet18"].build().state_dict(), tmp_path / "resnet18.pt")
    with pytest.raises(WeightsMismatch, match=r"resnet18\.pt does not fit"):
        initialise(network(0, "resnet50"), "resnet50", str(tmp_path / "resnet18.pt"))
    (tmp_path / "broken.pt").write_bytes(b"not weights")
    with pytest.raises(WeightsMismatch, match="damaged"):
        initialise(network(0), "resnet18", str(tmp_path / "broken.pt"))


@pytest.mark.parametrize(
    ("backbone", "weights", "message"),
    [
        ("resnet18", "vggface2", "there are no vggface2 weights for resnet18"),
        ("inception_resnet_v1", "imagenet", "no imagenet .* only for .*resnet18"),
        (
            "resnet18",
            "casia-webface",
            "none, vggface2, imagenet or an existing path, got cas",
        ),
    ],
)
def test_unknown_weights_are_rejected(backbone: str, weights: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        initialise(network(0, backbone), backbone, weights)
    assert caught.value.field == "network.weights"


def test_a_failed_download_names_the_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Published:
        url = "https://example.org/resnet18-f37072fd.pth"

        def get_state_dict(self, **_: object) -> dict[str, Tensor]:
            raise URLError("no route")

    monkeypatch.setattr(torchvision.models, "get_weight", lambda name: Published())
    with pytest.raises(
        WeightsUnavailable, match=r"no route.*resnet18-f37072fd\.pth.*path as network\.weights"
    ):
        initialise(network(0), "resnet18", "imagenet")


def test_imagenet_weights_are_hash_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, Tensor] = torchvision.models.resnet18().state_dict()
    options_used: dict[str, object] = {}

    class Published:
        url = "https://example.org/resnet18-f37072fd.pth"

        def get_state_dict(self, **options: object) -> dict[str, Tensor]:
            options_used.update(options)
            return state

    monkeypatch.setattr(torchvision.models, "get_weight", lambda name: Published())
    target = network(0)
    assert initialise(target, "resnet18", "imagenet").name == "imagenet"
    assert options_used["check_hash"] is True
    assert equal(target.backbone.state_dict(), state)
