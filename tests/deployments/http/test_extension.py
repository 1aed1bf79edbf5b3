"""Toy models and a toy stage answer over HTTP as they do through the library."""

import pytest

from deployments.http.app import create_app
from faceage_core.models.bundles import Bundle
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import Pipeline
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.pipeline.stages import STAGES, Crops, RunBatch, Scaling, Stage
from tests.core.models.test_extension import png, toy_age, toy_bundle
from tests.deployments.conftest import Client

__all__ = ["toy_age", "toy_bundle"]  # fixtures

Brightness = dict[str, float]


def brightness(requests: list[Crops]) -> list[list[Brightness]]:
    """The mean and the maximum of each face's crop, 0-255."""
    return [
        [{"mean": round(float(crop.mean()), 2), "max": int(crop.max())} for crop in crops["age"]]
        for crops in requests
    ]


def load(
    bundle: Bundle, options: ModelOptions, progress: Progress | None
) -> RunBatch[Crops, list[Brightness]]:
    return brightness


BRIGHTNESS: Stage[Crops, list[Brightness]] = Stage(
    name="Brightness",
    load=load,
    scaling=Scaling(max_batch_size=16, target_ongoing_requests=16),
    face_field="brightness",
)


@pytest.fixture
def toys(toy_bundle: str, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The library with the toy models and the toy stage."""
    monkeypatch.setitem(STAGES, BRIGHTNESS.name, BRIGHTNESS)
    return Pipeline(ModelOptions(bundle=toy_bundle))


@pytest.fixture
def toys_client(toys: Pipeline) -> Client:
    """The same over HTTP."""
    return Client(create_app(toys._graph))


def test_a_comparison_with_toys_answers_as_the_library(toys: Pipeline, toys_client: Client) -> None:
    one, two = png(seed=1), png(seed=2)
    response = toys_client.post(
        "/v1/compare?include=photos",
        files={"image_1": ("one.png", one), "image_2": ("two.png", two)},
        headers={"X-Request-ID": "mine"},
    )

    assert response.status_code == 200
    expected = toys.compare(one, two, names=("one.png", "two.png"), include="photos")
    assert CompareAnswer.model_validate_json(response.content) == expected.model_copy(
        update={"request_id": "mine"}
    )
    answer = response.json()
    models = answer["models"]
    assert models.pop("bundle") == "toys"
    assert {role: model["name"] for role, model in models.items()} == {
        "detector": "toy-detector",
        "age": "toy-age",
        "gender": "toy-age",
        "identity": "toy-identity",
    }
    values = [answer[face]["brightness"] for face in ("face_1", "face_2")]
    photos = [answer["photos"][image] for image in ("image_1", "image_2")]
    assert values == [photo["faces"][0]["brightness"] for photo in photos]
    assert values[0] != values[1]
    assert all(0 < value["mean"] < value["max"] <= 255 for value in values)


def test_the_faces_of_a_photo_carry_the_stage_s_field(toys: Pipeline, toys_client: Client) -> None:
    photo = png(seed=3)
    response = toys_client.post("/v1/faces", files={"image": ("three.png", photo)})

    expected = toys.faces(photo, name="three.png")
    answer = FacesAnswer.model_validate_json(response.content)
    assert answer == expected.model_copy(update={"request_id": answer.request_id})
    (face,) = response.json()["image"]["faces"]
    assert face["brightness"].keys() == {"mean", "max"}


def test_the_service_states_the_cards_of_the_toys(toys_client: Client) -> None:
    cards = toys_client.get("/v1/models").json()
    assert cards.pop("bundle") == "toys"
    architectures = {role: card["architecture"] for role, card in cards.items()}
    assert architectures == {"detector": "toy", "age": "toy", "gender": "toy", "identity": "onnx"}
    assert toys_client.get("/readyz").json() == {"status": "ready"}
