"""The synchronous methods: every kind of photo, batches, threads, event loops, options by name."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from faceage_core.errors import FaceageError, InvalidArgument, NoFace, UnreadableImage
from faceage_core.images import ImageSource
from faceage_core.pipeline import Pipeline
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from tests.conftest import REPOSITORY
from tests.core.pipeline.photos import BLANK, NAMES, QUICK, picture, without_id

PATHS = [REPOSITORY / "samples" / name for name in QUICK]


@pytest.fixture
def photos(samples: dict[str, bytes]) -> list[bytes]:
    return [samples[name] for name in QUICK]


@pytest.fixture
def expected(pipeline: Pipeline, photos: list[bytes]) -> CompareAnswer:
    return without_id(pipeline.compare(*photos))


def test_inside_a_running_event_loop(
    pipeline: Pipeline, photos: list[bytes], expected: CompareAnswer
) -> None:
    async def notebook_cell() -> CompareAnswer:
        return pipeline.compare(*photos)

    assert without_id(asyncio.run(notebook_cell())) == expected


def test_from_several_threads(
    pipeline: Pipeline, photos: list[bytes], expected: CompareAnswer
) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: pipeline.compare(*photos), range(8)))
    assert [without_id(answer) for answer in answers] == [expected] * 8


def test_included_fields_are_in_single_answers_and_in_batches(
    pipeline: Pipeline, photos: list[bytes]
) -> None:
    include = ("age_distribution", "landmarks")
    single = pipeline.faces(photos[0], include=include)
    (batched,) = pipeline.faces_batch([photos[0]], include=include)
    assert without_id(single) == without_id(batched)  # type: ignore[type-var]
    (pair,) = pipeline.compare_batch([(photos[0], photos[1])], include="photos,landmarks")
    assert isinstance(pair, CompareAnswer)
    assert pair.photos is not None
    (face,) = single.image.faces
    (in_pair,) = pair.photos.image_1.faces
    assert face.landmarks == in_pair.landmarks is not None
    assert face.age_distribution is not None
    assert in_pair.age_distribution is None


def test_an_unknown_option_is_named(pipeline: Pipeline) -> None:
    with pytest.raises(InvalidArgument, match="^treshold is not an option") as caught:
        pipeline.compare(b"", b"", treshold=0.5)
    assert caught.value.field == "treshold"


# --- every kind of photo ---


SMALL = np.asarray(Image.open(PATHS[0]).convert("RGB").resize((240, 300)))
SMALL_PNG = picture(SMALL, "PNG")


@pytest.mark.parametrize(
    "source",
    [Image.fromarray(SMALL), Image.open(BytesIO(SMALL_PNG)), SMALL, bytearray(SMALL_PNG)],
    ids=["Pillow", "opened", "array", "bytearray"],
)
def test_the_same_pixels_give_the_same_answer(pipeline: Pipeline, source: ImageSource) -> None:
    expected = pipeline.faces(SMALL_PNG)
    assert len(expected.image.faces) == 1
    assert without_id(pipeline.faces(source)) == without_id(expected)
    compared = pipeline.compare(source, source)
    assert without_id(compared) == without_id(pipeline.compare(SMALL_PNG, SMALL_PNG))
    assert compared.verification.similarity_score == 1


def test_alpha_is_handled_as_in_a_file(pipeline: Pipeline) -> None:
    alpha = np.full(SMALL.shape[:2], 255, np.uint8)
    alpha[:, :120] = 90
    rgba = np.dstack([SMALL, alpha])
    expected = without_id(pipeline.faces(picture(rgba, "PNG")))
    assert without_id(pipeline.faces(rgba)) == expected
    assert without_id(pipeline.faces(Image.fromarray(rgba))) == expected
    assert without_id(pipeline.faces(SMALL)) != expected


def test_paths_are_read_and_name_the_photos(pipeline: Pipeline, expected: CompareAnswer) -> None:
    for paths in (PATHS, [str(path) for path in PATHS]):
        answer = without_id(pipeline.compare(*paths))
        assert (answer.image_1, answer.image_2) == QUICK
        assert (answer.face_1, answer.face_2) == (expected.face_1, expected.face_2)
    assert pipeline.faces(PATHS[0]).image.name == QUICK[0]
    assert pipeline.faces(PATHS[0], name="").image.name == ""


def test_photos_without_a_file_have_the_name_of_their_input(
    pipeline: Pipeline, photos: list[bytes]
) -> None:
    answer = pipeline.compare(photos[0], PATHS[1])
    assert (answer.image_1, answer.image_2) == ("image_1", QUICK[1])
    assert pipeline.faces(SMALL).image.name == "image"


def test_errors_name_the_photo(pipeline: Pipeline, photos: list[bytes], tmp_path: Path) -> None:
    unusable: list[tuple[Any, type[FaceageError]]] = [
        (tmp_path / "missing.jpg", UnreadableImage),
        (tmp_path, UnreadableImage),
        (b"text", UnreadableImage),
        (SMALL / 255, InvalidArgument),
        (None, InvalidArgument),
        ([SMALL], InvalidArgument),
    ]
    for source, kind in unusable:
        for field, images in (("image_1", (source, SMALL)), ("image_2", (SMALL, source))):
            with pytest.raises(kind, match=f"^{field}: ") as caught:
                pipeline.compare(*images)
            assert caught.value.field == field
            assert str(tmp_path.parent) not in caught.value.message
        with pytest.raises(kind, match="^image: "):
            pipeline.faces(source)


# --- batches ---


def record_batches(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The name and the number of requests of each call of a stage, from now on."""
    batches: list[tuple[str, int]] = []

    def recording(name: str, run: Any) -> Any:
        def call(requests: list[Any]) -> Any:
            batches.append((name, len(requests)))
            return run(requests)

        return call

    for name, run in list(pipeline._stages._loaded.items()):
        monkeypatch.setitem(pipeline._stages._loaded, name, recording(name, run))
    return batches


def assert_close(batched: Any, single: CompareAnswer | FacesAnswer) -> None:
    """Check that two answers are the same, up to the rounding of another batch size."""
    assert type(batched) is type(single)
    one, other = (flat(answer.model_dump(exclude={"request_id"})) for answer in (batched, single))
    assert one.keys() == other.keys()
    for key, value in other.items():
        if isinstance(value, float):
            assert one[key] == pytest.approx(value, abs=0.011), key
        else:
            assert one[key] == value, key


def flat(value: Any, key: str = "") -> dict[str, Any]:
    """The leaves of nested dictionaries and sequences by their path."""
    if isinstance(value, dict | tuple | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for name, part in items for k, v in flat(part, f"{key}.{name}").items()}
    return {key: value}


def test_a_list_of_photos_runs_in_batches(
    pipeline: Pipeline, samples: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [samples[NAMES[i % len(NAMES)]] for i in range(10)]
    singles = [pipeline.faces(photo) for photo in photos]
    batches = record_batches(pipeline, monkeypatch)

    answers = list(pipeline.faces_batch(photos))

    # The detector searches photo by photo; eight photos are in memory at a time.
    assert batches == [
        *[("Detector", 1)] * 8,
        ("AgeEstimator", 8),
        *[("Detector", 1)] * 2,
        ("AgeEstimator", 2),
    ]
    for batched, single in zip(answers, singles, strict=True):
        assert_close(batched, single)


def test_a_list_of_pairs_runs_in_batches(
    pipeline: Pipeline, samples: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = samples[NAMES[0]]
    pairs = [(first, samples[NAMES[i]]) for i in range(5)]
    singles = [pipeline.compare(*pair, faces="all", threshold=0.5) for pair in pairs]
    batches = record_batches(pipeline, monkeypatch)

    answers = list(pipeline.compare_batch(pairs, faces="all", threshold=0.5))

    # A request of the detector is a photo, one of the other stages holds the faces of a pair.
    assert batches[:8] == [("Detector", 1)] * 8
    assert sorted(batches[8:10]) == [("AgeEstimator", 4), ("Verifier", 4)]
    assert batches[10:12] == [("Detector", 1)] * 2
    assert sorted(batches[12:]) == [("AgeEstimator", 1), ("Verifier", 1)]
    for batched, single in zip(answers, singles, strict=True):
        assert_close(batched, single)


def test_a_bad_photo_of_a_batch_does_not_affect_the_others(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    bad: list[Any] = [tmp_path / "missing.jpg", b"text", SMALL / 255, BLANK]
    answers = list(pipeline.faces_batch([SMALL, *bad, PATHS[1]]))
    assert [type(answer) for answer in answers] == [
        FacesAnswer,
        UnreadableImage,
        UnreadableImage,
        InvalidArgument,
        FacesAnswer,
        FacesAnswer,
    ]
    assert_close(answers[0], pipeline.faces(SMALL))
    assert_close(answers[4], pipeline.faces(BLANK))
    assert_close(answers[5], pipeline.faces(PATHS[1]))

    compared = list(pipeline.compare_batch([(SMALL, one) for one in [*bad, PATHS[1]]]))
    assert [getattr(answer, "field", None) for answer in compared] == ["image_2"] * 4 + [None]
    assert isinstance(compared[3], NoFace)
    assert_close(compared[4], pipeline.compare(SMALL, PATHS[1]))


def test_a_batch_reads_photos_when_they_are_due_and_keeps_none(pipeline: Pipeline) -> None:
    alive: set[int] = set()
    most_alive = created = 0

    def photos() -> Iterator[NDArray[np.uint8]]:
        nonlocal most_alive, created
        for i in range(40):
            created += 1
            photo = np.full((20, 20, 3), i, np.uint8)
            # Every second one is refused: an error must not keep its photo either.
            photo = photo if i % 2 else photo.reshape(20, 60, 1)
            alive.add(i)
            weakref.finalize(photo, alive.discard, i)
            most_alive = max(most_alive, len(alive))
            yield photo

    answers = pipeline.faces_batch(photos())
    assert created == 0
    kept = [next(answers)]
    assert created == 8
    kept += answers
    assert len(kept) == created == 40
    assert {type(answer) for answer in kept} == {FacesAnswer, InvalidArgument}
    assert most_alive <= 9  # a batch, and the next photo while its predecessor is still named
    gc.collect()
    assert not alive


def test_a_batch_inside_a_running_event_loop(pipeline: Pipeline) -> None:
    async def notebook_cell() -> list[FacesAnswer | FaceageError]:
        return list(pipeline.faces_batch([SMALL, SMALL]))

    for answer in asyncio.run(notebook_cell()):
        assert_close(answer, pipeline.faces(SMALL))


def test_several_photos_as_one_array(pipeline: Pipeline) -> None:
    answers = list(pipeline.faces_batch(np.stack([SMALL, SMALL[:, ::-1]])))
    assert [type(answer) for answer in answers] == [FacesAnswer, FacesAnswer]
    assert list(pipeline.faces_batch([])) == list(pipeline.compare_batch([])) == []


def test_mistakes_in_the_call_of_a_batch_are_raised_at_once(pipeline: Pipeline) -> None:
    one: list[Any] = [PATHS[0], str(PATHS[0]), SMALL_PNG, SMALL, Image.fromarray(SMALL)]
    for photo in one:
        with pytest.raises(InvalidArgument, match="^images must be several photos") as caught:
            pipeline.faces_batch(photo)
        assert caught.value.field == "images"
    options: list[dict[str, Any]] = [{"threshold": 2}, {"operating_point": "none"}, {"face": 1}]
    for wrong in options:
        with pytest.raises(InvalidArgument) as caught:
            pipeline.compare_batch([(SMALL, SMALL)], **wrong)
        assert caught.value.field == next(iter(wrong))
    pairs: list[Any] = [[SMALL, SMALL], ["ab"], [(SMALL, SMALL, SMALL)]]
    for no_pairs in pairs:
        with pytest.raises(InvalidArgument, match="^pairs: each pair must be") as caught:
            list(pipeline.compare_batch(no_pairs))
