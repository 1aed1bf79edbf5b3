"""Real photos through all stages, with each bundle and with models that are given."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1
from numpy.typing import NDArray
from PIL import Image

from faceage_core import pipeline as pipeline_module
from faceage_core import zoo
from faceage_core.answer import FacesAnswer
from faceage_core.architectures import AGE_BINS, AgeNetwork
from faceage_core.bundles import Bundle, resolve
from faceage_core.card import DownloadFile, HeadSpec, InputSpec, ModelCard, shipped_card
from faceage_core.checkpoint import save_checkpoint
from faceage_core.detection.crops import cut
from faceage_core.errors import InvalidCheckpoint, NoFace, UnreadableImage, WeightsMismatch
from faceage_core.images import decode
from faceage_core.network import normalise
from faceage_core.options import ModelOptions
from faceage_core.pipeline import FacePipeline, Pipeline
from faceage_core.types import Box, Face

OBAMA = {"obama_2009.jpg", "obama_2010.jpg", "obama_2012.jpg"}
NAMES = sorted(OBAMA | {"biden_2010.jpg", "collins.png", "hopper_1984.jpg"})
QUICK = ("collins.png", "hopper_1984.jpg")  # the smaller photos


def picture(photo: NDArray[np.uint8] | Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image = photo if isinstance(photo, Image.Image) else Image.fromarray(photo)
    image.save(file, kind, **options)
    return file.getvalue()


BLANK = picture(np.full((200, 200, 3), 90, np.uint8), "PNG")


def without_id(answer: FacesAnswer) -> FacesAnswer:
    return answer.model_copy(update={"request_id": ""})


# --- the samples ---


@pytest.mark.parametrize("pair", list(combinations(NAMES, 2)), ids="-".join)
def test_every_pair_of_samples_is_decided_rightly(
    pipeline: Pipeline, samples: dict[str, bytes], pair: tuple[str, str]
) -> None:
    answer = pipeline.compare(samples[pair[0]], samples[pair[1]], names=pair)
    assert answer.verification.is_match == (set(pair) <= OBAMA)
    default = pipeline.bundle.identity.operating_points[0]
    assert answer.verification.threshold_used == default.threshold
    assert answer.verification.operating_point == default.name
    assert (answer.image_1, answer.image_2) == pair


@pytest.mark.parametrize("name", NAMES)
def test_a_photo_is_the_same_person_as_itself(
    pipeline: Pipeline, samples: dict[str, bytes], name: str
) -> None:
    answer = pipeline.compare(samples[name], samples[name])
    assert answer.verification.similarity_score == 1
    assert answer.face_1 == answer.face_2


def test_every_sample_shows_one_adult(pipeline: Pipeline, samples: dict[str, bytes]) -> None:
    for name in NAMES:
        (face,) = pipeline.faces(samples[name], name=name).image.faces
        low, high = face.age_interval_80
        assert 18 < face.age_prediction < 90
        assert low < face.age_prediction < high
        assert sum(face.age_distribution.probabilities) == pytest.approx(1, abs=1e-3)
        assert face.gender is not None
        if name != "hopper_1984.jpg":  # in uniform and cap, which this network takes for a man
            assert face.gender.label == ("female" if name == "collins.png" else "male")


def test_the_other_way_round_gives_the_same(pipeline: Pipeline, samples: dict[str, bytes]) -> None:
    one, other = samples["obama_2009.jpg"], samples["hopper_1984.jpg"]
    forth, back = pipeline.compare(one, other), pipeline.compare(other, one)
    assert (forth.face_1, forth.face_2) == (back.face_2, back.face_1)
    assert forth.verification == back.verification


def test_two_people_in_each_photo_are_told_apart(
    pipeline: Pipeline, samples: dict[str, bytes]
) -> None:
    a, b, c = (
        Image.fromarray(decode(samples[name])).resize((300, 360))
        for name in ("hopper_1984.jpg", "obama_2009.jpg", "obama_2012.jpg")
    )
    first, second = Image.new("RGB", (600, 360)), Image.new("RGB", (600, 360))
    first.paste(a, (0, 0))
    first.paste(b, (300, 0))
    second.paste(c, (0, 0))
    second.paste(a, (300, 0))
    answer = pipeline.compare(picture(first, "PNG"), picture(second, "PNG"), faces="all")
    assert answer.matching is not None
    assert [pair.is_match for pair in answer.matching.assignment] == [True, True]
    assert answer.verification.similarity_score > 0.99
    for pair in answer.matching.assignment:
        left = answer.photos.image_1.faces[pair.face_1].bbox[0] < 300
        assert left != (answer.photos.image_2.faces[pair.face_2].bbox[0] < 300)


# --- what a photo is stored as ---

# What undoes each EXIF orientation: the stored picture is the upright one under its inverse.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture(scope="module")
def upright(samples: dict[str, bytes]) -> Image.Image:
    photo = Image.fromarray(decode(samples["hopper_1984.jpg"]))
    return photo.resize((256, 300), Image.Resampling.LANCZOS)


def turned(upright: Image.Image, orientation: int, kind: str, **options: Any) -> bytes:
    turn = STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright if turn is None else upright.transpose(turn)
    return picture(stored, kind, exif=exif.tobytes(), **options)


@pytest.mark.parametrize("orientation", STORED)
def test_all_eight_orientations_show_the_same_faces(
    pipeline: Pipeline, upright: Image.Image, orientation: int
) -> None:
    expected = without_id(pipeline.faces(picture(upright, "PNG")))
    found = without_id(pipeline.faces(turned(upright, orientation, "PNG")))
    assert len(expected.image.faces) == 1
    assert found == expected


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_turned_jpeg_shows_nearly_the_same_face(
    pipeline: Pipeline, upright: Image.Image, orientation: int
) -> None:
    (expected,) = pipeline.faces(picture(upright, "PNG")).image.faces
    (found,) = pipeline.faces(turned(upright, orientation, "JPEG", quality=95)).image.faces
    np.testing.assert_allclose(found.bbox, expected.bbox, atol=2)
    assert found.age_prediction == pytest.approx(expected.age_prediction, abs=3)


def test_a_photo_that_is_not_turned_upright_is_another(
    pipeline: Pipeline, upright: Image.Image
) -> None:
    (expected,) = pipeline.faces(picture(upright, "PNG")).image.faces
    sideways = pipeline.faces(picture(upright.transpose(Image.Transpose.ROTATE_90), "PNG"))
    assert [face.bbox for face in sideways.image.faces] != [expected.bbox]


def sixteen_bit(photo: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize(
    ("make", "kind", "options"),
    [
        (lambda photo: photo, "PNG", {}),
        (lambda photo: photo, "WEBP", {"quality": 90}),
        (lambda photo: photo, "TIFF", {}),
        (lambda photo: photo.convert("L"), "JPEG", {"quality": 90}),
        (lambda photo: photo.convert("RGBA"), "PNG", {}),
        (lambda photo: photo.convert("P"), "GIF", {}),
        (lambda photo: photo.convert("CMYK"), "JPEG", {"quality": 90}),
        (sixteen_bit, "PNG", {}),
    ],
    ids=["png", "webp", "tiff", "grey", "alpha", "palette", "cmyk", "16 bit"],
)
def test_the_face_is_found_however_the_photo_is_stored(
    pipeline: Pipeline,
    upright: Image.Image,
    make: Callable[[Image.Image], Image.Image],
    kind: str,
    options: dict[str, Any],
) -> None:
    (expected,) = pipeline.faces(picture(upright, "PNG")).image.faces
    (found,) = pipeline.faces(picture(make(upright), kind, **options)).image.faces
    assert overlap(found.bbox, expected.bbox) > 0.75


# --- photos that cannot be compared ---


@pytest.mark.parametrize("field", ["image_1", "image_2"])
@pytest.mark.parametrize(("photo", "error"), [(BLANK, NoFace), (b"text", UnreadableImage)])
def test_the_photo_at_fault_is_named(
    pipeline: Pipeline,
    samples: dict[str, bytes],
    field: str,
    photo: bytes,
    error: type[NoFace] | type[UnreadableImage],
) -> None:
    good = samples["hopper_1984.jpg"]
    photos = (photo, good) if field == "image_1" else (good, photo)
    with pytest.raises(error, match=f"^{field}: ") as caught:
        pipeline.compare(*photos)
    assert caught.value.field == field


def test_a_photo_without_a_face_has_none(pipeline: Pipeline) -> None:
    assert pipeline.faces(BLANK).image.faces == ()


# --- the facenet bundle ---


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def facenet_card(content: bytes, url: str) -> ModelCard:
    """The shipped card, but for the address and digest of the file."""
    card = shipped_card("facenet-vggface2")
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


def crops_of(answer: FacesAnswer, photo: bytes, spec: InputSpec) -> NDArray[np.uint8]:
    image = decode(photo)
    faces = [Face(Box(*face.bbox), face.landmarks, 1) for face in answer.image.faces]
    return np.stack([cut(image, face, spec.crop) for face in faces])


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
    # No age model was given, so the bundled one answers, and the answer says so.
    assert answer.models.age.name == "dlib-age"
    assert "age_model_of_other_bundle" in [warning.code for warning in answer.warnings]

    assert facenet_bundle.identity.input is not None
    network = InceptionResnetV1(classify=False).eval()
    torch.manual_seed(0)
    seeded = InceptionResnetV1(classify=True, num_classes=8631).state_dict()
    network.load_state_dict({k: v for k, v in seeded.items() if not k.startswith("logits.")})
    vectors = []
    for photo in photos:
        crops = crops_of(loaded.faces(photo), photo, facenet_bundle.identity.input)
        with torch.no_grad():
            inputs = normalise(crops, facenet_bundle.identity.input)
            vectors.append(network(torch.from_numpy(inputs))[0].numpy())
    expected = float(vectors[0] @ vectors[1])
    assert answer.verification.similarity_score == pytest.approx(expected, abs=2e-3)

    # The second time the file is there, and nothing is fetched.
    again: list[tuple[int, int | None]] = []
    options = ModelOptions(bundle="facenet")
    zoo.load_embedder(facenet_bundle, options, progress=lambda *step: again.append(step))
    assert again == []


def cached(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache" / "faceage").glob("*.pt"))


def test_a_given_weights_file_is_used_and_nothing_fetched(
    facenet_bundle: Bundle, facenet_bytes: bytes, tmp_path: Path
) -> None:
    (tmp_path / "mine.pt").write_bytes(facenet_bytes)
    options = ModelOptions(bundle="facenet", identity_weights=tmp_path / "mine.pt")
    embedder = zoo.load_embedder(facenet_bundle, options)
    crops = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), np.uint8)
    assert embedder.embed(crops).shape == (2, 512)
    assert cached(tmp_path) == []


def test_a_given_weights_file_of_another_digest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"other weights")
    options = ModelOptions(bundle="facenet", identity_weights=tmp_path / "mine.pt")
    with pytest.raises(WeightsMismatch, match=rf"^mine\.pt has sha256 {digest(b'other weights')}"):
        Pipeline(options)


# --- an age model trained here ---

TO_ONE = (0.0078125,) * 3


HEAD = HeadSpec(task="age", kind="hidden_256", outputs=AGE_BINS, dropout=0.2)


def age_card(**changes: Any) -> ModelCard:
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
    return ModelCard.model_validate(fields)


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
    answer = loaded.faces(photo)
    assert (answer.models.age.name, answer.models.age.version) == ("my-ages", "3")
    assert not loaded.bundle.age_is_borrowed

    assert card.input is not None
    with torch.no_grad():
        inputs = torch.from_numpy(normalise(crops_of(answer, photo, card.input), card.input))
        probabilities = age_network(inputs).age.softmax(dim=1)[0].double().numpy()
    mean = float(probabilities @ np.arange(AGE_BINS))
    (face,) = answer.image.faces
    assert len(face.age_distribution.ages_years) == AGE_BINS
    assert face.age_prediction == pytest.approx(mean, abs=0.05)
    np.testing.assert_allclose(face.age_distribution.probabilities, probabilities, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"age_bins_years": (1.0, 2.0)}, "states 2 bins, but its network has 101 outputs"),
        ({"age_bins_years": None}, "my-ages states no age bins"),
        ({"input": None}, "my-ages states no input"),
        ({"architecture": "other"}, "architecture 'other' is not one of inception_resnet_v1"),
        ({"heads": (HEAD.model_copy(update={"kind": "odd"}),)}, "head 'odd' is not one of linear"),
        ({"heads": (HEAD, HEAD)}, "heads must hold one for age"),
    ],
)
def test_a_checkpoint_whose_card_does_not_fit_is_refused_when_it_is_loaded(
    age_network: AgeNetwork, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    save_checkpoint(tmp_path / "best", age_network.state_dict(), age_card(**changes))
    options = ModelOptions(age_checkpoint=tmp_path / "best")
    with pytest.raises(InvalidCheckpoint, match=said):
        zoo.load_age(resolve(options), options)


def test_a_checkpoint_of_other_layers_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "best", {"x": torch.ones(1)}, age_card())
    options = ModelOptions(age_checkpoint=tmp_path / "best")
    with pytest.raises(WeightsMismatch, match="best does not fit AgeNetwork"):
        zoo.load_age(resolve(options), options)
