"""The graph: which stages run concurrently, their inputs, and which error is reported."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faceage_core.errors import FaceageError, InvalidArgument, NoFace, UnreadableImage
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.graph import CompareRequest, FacesRequest, Graph, ImageFile
from faceage_core.pipeline.options import CompareOptions
from faceage_core.pipeline.stages import (
    AGE,
    DETECTOR,
    STAGES,
    VERIFIER,
    Crops,
    RunBatch,
    Scaling,
    Stage,
)
from faceage_core.types import AgeEstimate, Attributes, Box, Detection, Face, FaceChoice

PAIR = CompareRequest(ImageFile("a", b"2"), ImageFile("b", b"3"))


def found(count: int) -> Detection:
    box = Box(10, 10, 60, 60)
    face = Face(box, ((20, 20), (50, 20), (35, 35), (25, 50), (45, 50)), 0.99)
    crops = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1).repeat(3, axis=3)
    return Detection(
        width=100,
        height=100,
        faces=(face,) * count,
        crops={"age": crops, "gender": crops, "identity": crops},
    )


class FakeStages:
    """Stages controlled by the photo's bytes: a digit is a number of faces, "!" an error.

    Every pixel of a face's crop has the value of the face's place in its photo; it is the face's
    age, and the axis of its embedding.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.running = 0
        self.most_running = 0
        self.embedded: list[list[int]] = []
        self._answers: dict[str, Callable[[Any], Awaitable[Any]]] = {
            DETECTOR.name: self._detect,
            AGE.name: self._estimate,
            VERIFIER.name: self._embed,
        }

    async def _call(self, name: str, pause_s: float = 0.01) -> None:
        self.calls.append(name)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(pause_s)
        self.running -= 1

    async def run(self, stage: Stage[Any, Any], request: Any) -> Any:
        return await self._answers[stage.name](request)

    async def ready(self) -> bool:
        return True

    async def _detect(self, photo: bytes) -> Detection | FaceageError:
        await self._call("detect", 0.05 if photo == b"!slow" else 0.01)
        if photo.startswith(b"!"):
            return UnreadableImage("damaged")
        return found(int(photo))

    async def _estimate(self, crops: Crops) -> list[Attributes]:
        assert set(crops) == {"age", "gender"}  # the identity crops are not sent to this stage
        await self._call("estimate")
        ages = [float(crop.mean()) for crop in crops["age"]]
        return [Attributes(AgeEstimate(age, 5, (age, age), (30,), (1,)), None) for age in ages]

    async def _embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        await self._call("embed")
        pixels = crops[:, 0, 0, 0]
        self.embedded.append(pixels.tolist())
        return np.eye(128, dtype=np.float32)[pixels]


@pytest.fixture
def stages() -> FakeStages:
    return FakeStages()


@pytest.fixture
def graph(stages: FakeStages, monkeypatch: pytest.MonkeyPatch) -> Graph:
    """The graph over the fake stages only, whichever others the table lists."""
    for name in STAGES.keys() - stages._answers.keys():
        monkeypatch.delitem(STAGES, name)
    return Graph(stages, resolve(ModelOptions()))


def compare(graph: Graph, **changes: Any) -> Any:
    return asyncio.run(graph.compare(replace(PAIR, **changes), "id"))


def test_detections_run_concurrently_then_the_faces_of_both_photos_share_each_call(
    graph: Graph, stages: FakeStages
) -> None:
    answer = compare(graph)

    assert sorted(stages.calls[:2]) == ["detect", "detect"]
    assert sorted(stages.calls[2:]) == ["embed", "estimate"]
    assert stages.most_running == 2
    assert (answer.request_id, answer.image_1, answer.image_2) == ("id", "a", "b")


@pytest.mark.parametrize(("choice", "embedded"), [("largest", [0, 0]), ("all", [0, 1, 0, 1, 2])])
def test_only_the_compared_faces_are_embedded(
    graph: Graph, stages: FakeStages, choice: FaceChoice, embedded: list[int]
) -> None:
    answer = compare(graph, options=CompareOptions(faces=choice))

    assert stages.embedded == [embedded]
    assert answer.detections.image_1.face_count == 2
    assert answer.detections.image_2.face_count == 3


def test_the_results_of_a_shared_call_go_to_their_own_photos(graph: Graph) -> None:
    answer = compare(graph, options=CompareOptions(faces="all", include=frozenset({"photos"})))

    photos = answer.photos.image_1, answer.photos.image_2
    ages = [[face.age_prediction for face in photo.faces] for photo in photos]
    assert ages == [[0, 1], [0, 1, 2]]
    assert answer.matching.similarity_matrix == ((1, 0, 0), (0, 1, 0))


def test_every_face_of_one_photo_is_in_the_answer(graph: Graph) -> None:
    answer = asyncio.run(graph.faces(FacesRequest(ImageFile("a", b"4")), "id"))
    assert (answer.request_id, answer.image.name, len(answer.image.faces)) == ("id", "a", 4)


def test_a_photo_without_a_face_gives_an_empty_list(graph: Graph) -> None:
    assert asyncio.run(graph.faces(FacesRequest(ImageFile("a", b"0")), "id")).image.faces == ()


@pytest.mark.parametrize(
    ("photos", "error", "field"),
    [
        ((b"!", b"1"), UnreadableImage, "image_1"),
        ((b"1", b"!"), UnreadableImage, "image_2"),
        ((b"!slow", b"!"), UnreadableImage, "image_1"),
        ((b"!", b"!slow"), UnreadableImage, "image_1"),
        ((b"0", b"1"), NoFace, "image_1"),
        ((b"1", b"0"), NoFace, "image_2"),
        ((b"0", b"0"), NoFace, "image_1"),
        ((b"0", b"!"), UnreadableImage, "image_2"),
    ],
)
def test_the_reported_error_does_not_depend_on_timing(
    graph: Graph,
    stages: FakeStages,
    photos: tuple[bytes, bytes],
    error: type[FaceageError],
    field: str,
) -> None:
    with pytest.raises(error) as caught:
        compare(graph, image_1=ImageFile("a", photos[0]), image_2=ImageFile("b", photos[1]))

    assert caught.value.field == field
    assert caught.value.message.startswith(f"{field}: ")
    assert stages.calls == ["detect", "detect"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"operating_point": "no such"}, "operating_point"),
        ({"operating_point": "é\n"}, "operating_point"),
    ],
)
def test_an_invalid_option_is_rejected_before_any_stage_runs(
    graph: Graph, stages: FakeStages, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        compare(graph, options=CompareOptions(**changes))

    assert caught.value.field == field
    caught.value.message.encode()
    assert stages.calls == []


def test_a_registered_stage_adds_its_field_to_each_face(
    graph: Graph, stages: FakeStages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> RunBatch[Crops, list[int]]:
        raise AssertionError("the scripted stages answer")

    brightness = Stage("Brightness", load, Scaling(1, 1), face_field="brightness")
    monkeypatch.setitem(STAGES, "Brightness", brightness)

    calls: list[int] = []

    async def answer(crops: Crops) -> list[int]:
        calls.append(len(crops["age"]))
        return [int(crop.mean()) for crop in crops["age"]]

    stages._answers["Brightness"] = answer

    faces = asyncio.run(graph.faces(FacesRequest(ImageFile("a", b"3")), "id")).image.faces
    compared = compare(graph, options=CompareOptions(include=frozenset({"photos"})))

    both = [*compared.photos.image_1.faces, *compared.photos.image_2.faces]
    assert [face.model_dump()["brightness"] for face in faces] == [0, 1, 2]
    assert [face.model_dump()["brightness"] for face in both] == [0, 1, 0, 1, 2]
    assert calls == [3, 5]


def test_a_stage_that_returns_another_number_of_rows_is_an_error(
    graph: Graph, stages: FakeStages
) -> None:
    async def answer(crops: Crops) -> list[Attributes]:
        return []

    stages._answers[AGE.name] = answer
    with pytest.raises(ValueError, match="must return 5 rows, got 0"):
        compare(graph)
