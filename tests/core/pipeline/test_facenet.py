"""The facenet bundle, with weights of the published shape."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import IdentityCard
from faceage_core.cards.weights import DownloadFile
from faceage_core.errors import WeightsMismatch
from faceage_core.inference.normalisation import normalise
from faceage_core.models.bundles import Bundle, resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import Pipeline, loading
from faceage_core.pipeline import pipeline as pipeline_module
from tests.core.pipeline.photos import (
    QUICK,
    crops_of,
    digest,
)


def facenet_card(content: bytes, url: str) -> IdentityCard:
    """The shipped card with another URL and sha256."""
    card = shipped_card("facenet-vggface2", IdentityCard)
    return card.model_copy(update={"weights": (DownloadFile(url=url, sha256=digest(content)),)})


@pytest.fixture
def facenet_bundle(
    facenet_bytes: bytes,
    serve_file: Callable[[bytes], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Bundle:
    """The facenet bundle with seeded weights on a local server and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    card = facenet_card(facenet_bytes, serve_file(facenet_bytes))
    bundle = replace(resolve(ModelOptions(bundle="facenet")), identity=card)
    monkeypatch.setattr(pipeline_module, "resolve", lambda options: bundle)
    return bundle


def test_facenet_end_to_end(
    facenet_bundle: Bundle, samples: dict[str, bytes], tmp_path: Path
) -> None:
    steps: list[tuple[int, int | None]] = []
    loaded = Pipeline(
        ModelOptions(bundle="facenet"), progress=lambda done, total: steps.append((done, total))
    )
    photos = [samples[name] for name in QUICK]
    answer = loaded.compare(*photos, threshold=0.6)

    assert steps[-1][0] == steps[-1][1] == sum(f.stat().st_size for f in cached(tmp_path))
    assert answer.models.bundle == "facenet"
    assert answer.models.identity is not None
    assert answer.models.identity.name == "facenet-vggface2"
    # No age model was given, so the bundled one is used, and the answer warns.
    assert answer.models.age.name == "dlib-age"
    assert "age_model_of_other_bundle" in [warning.code for warning in answer.warnings]

    network = InceptionResnetV1(classify=False).eval()
    torch.manual_seed(0)
    seeded = InceptionResnetV1(classify=True, num_classes=8631).state_dict()
    network.load_state_dict({k: v for k, v in seeded.items() if not k.startswith("logits.")})
    vectors = []
    for photo in photos:
        found = loaded.faces(photo, include="landmarks")
        crops = crops_of(found, photo, facenet_bundle.identity.input)
        with torch.no_grad():
            inputs = normalise(crops, facenet_bundle.identity.input)
            vectors.append(network(torch.from_numpy(inputs))[0].numpy())
    expected = float(vectors[0] @ vectors[1])
    assert answer.verification.similarity_score == pytest.approx(expected, abs=2e-3)

    # The second time the file is in the cache, and nothing is downloaded.
    again: list[tuple[int, int | None]] = []
    options = ModelOptions(bundle="facenet")
    loading.load_embedder(facenet_bundle, options, progress=lambda *step: again.append(step))
    assert again == []


def cached(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache" / "faceage").glob("*.pt"))


def test_a_given_weights_file_is_used_without_a_download(
    facenet_bundle: Bundle, facenet_bytes: bytes, tmp_path: Path
) -> None:
    (tmp_path / "mine.pt").write_bytes(facenet_bytes)
    options = ModelOptions(bundle="facenet", identity_weights=tmp_path / "mine.pt")
    embedder = loading.load_embedder(facenet_bundle, options)
    crops = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), np.uint8)
    assert embedder.embed(crops).shape == (2, 512)
    assert cached(tmp_path) == []


def test_a_given_weights_file_with_another_sha256_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"other weights")
    options = ModelOptions(bundle="facenet", identity_weights=tmp_path / "mine.pt")
    with pytest.raises(WeightsMismatch, match=rf"^mine\.pt has sha256 {digest(b'other weights')}"):
        Pipeline(options)
