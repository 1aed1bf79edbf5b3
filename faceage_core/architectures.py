"""The networks that a card can name: one line each."""

from collections.abc import Callable

from facenet_pytorch import InceptionResnetV1
from torch import Tensor, nn

AGE_BINS = 101  # one for each of the ages 0-100


class InceptionAgeNet(nn.Module):
    """InceptionResnetV1 with a head over ages: [N, 3, 160, 160] to [N, 101] logits.

    The head is Dropout 0.2, Linear 512-256, ReLU, BatchNorm1d, Linear 256-101.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = InceptionResnetV1()
        self.head = nn.Sequential(
            nn.Dropout(0.2),
            nn.Linear(512, 256),
            nn.ReLU(),
            nn.BatchNorm1d(256),
            nn.Linear(256, AGE_BINS),
        )

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone(images))
        return logits


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "inception_resnet_v1": InceptionResnetV1,
    "inception_resnet_v1_age": InceptionAgeNet,
}
