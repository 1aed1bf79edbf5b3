"""The option `include`: small answers, and the fields that a client asks for."""

from itertools import combinations

import numpy as np
import pytest

from faceage_core.images import decode
from faceage_core.pipeline.schema import CompareAnswer
from faceage_core.render.answer import annotate_comparison
from tests.core.pipeline.photos import NAMES
from tests.deployments.conftest import Client, encoded


def pair(one: bytes, two: bytes) -> dict[str, tuple[str, bytes]]:
    return {"image_1": ("one.jpg", one), "image_2": ("two.jpg", two)}


@pytest.mark.parametrize("names", list(combinations(NAMES, 2)), ids="-".join)
def test_a_plain_answer_is_small(
    client: Client, samples: dict[str, bytes], names: tuple[str, str]
) -> None:
    one, two = ((name, samples[name]) for name in names)
    response = client.post("/v1/compare", files={"image_1": one, "image_2": two})
    assert len(response.content) <= 2500


def test_a_client_includes_the_fields_that_it_needs(
    client: Client, samples: dict[str, bytes]
) -> None:
    files = pair(samples["obama_2009.jpg"], samples["obama_2012.jpg"])
    compared = client.post("/v1/compare?include=photos,landmarks", files=files).json()
    (face,) = compared["photos"]["image_2"]["faces"]
    assert face == compared["face_2"]
    assert len(face["landmarks"]) == 5
    assert face["age_distribution"] is None

    one = {"image": files["image_2"]}
    found = client.post(
        "/v1/faces", files=one, data={"include": ["age_distribution", "landmarks"]}
    ).json()
    (alone,) = found["image"]["faces"]
    assert alone["landmarks"] == face["landmarks"]
    assert sum(alone["age_distribution"]["probabilities"]) == pytest.approx(1, abs=1e-3)
    (plain,) = client.post("/v1/faces", files=one).json()["image"]["faces"]
    assert (plain["landmarks"], plain["age_distribution"]) == (None, None)


def test_the_picture_shows_every_face(client: Client, samples: dict[str, bytes]) -> None:
    two_faces = encoded(np.tile(decode(samples["hopper_1984.jpg"]), (1, 2, 1)))
    accept = {"Accept": "image/jpeg"}

    plain, asked = (
        client.post(f"/v1/compare{query}", files=pair(two_faces, two_faces), headers=accept)
        for query in ("", "?include=landmarks,photos")
    )

    assert plain.content == asked.content
    answer = client.post("/v1/compare", files=pair(two_faces, two_faces)).content
    only_compared = CompareAnswer.model_validate_json(answer)
    assert only_compared.detections.image_1.face_count == 2
    assert plain.content != annotate_comparison(only_compared, two_faces, two_faces)
