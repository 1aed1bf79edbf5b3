"""The shipped detector for the tests."""

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import DetectorCard
from faceage_core.detection.mtcnn import Mtcnn, load_mtcnn
from faceage_core.detection.settings import MtcnnSettings
from faceage_core.inference.runtime import Runtime
from faceage_core.models.weights import resolve_weights


def load_shipped(settings: MtcnnSettings = MtcnnSettings(), runtime: Runtime = Runtime()) -> Mtcnn:
    """MTCNN with the shipped weights, and settings of the test instead of the card's."""
    card = shipped_card("mtcnn", DetectorCard)
    changed = card.model_copy(update={"settings": settings.model_dump(mode="json")})
    return load_mtcnn(changed, resolve_weights(card), runtime)
