"""The benchmarks run, and what they say beside speed is true. Speed is not asserted here."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.agreement import agreement
from benchmarks.cost import nodes, replicas
from benchmarks.load import Reply
from benchmarks.photos import resized_photos
from benchmarks.plain import PlainAnswer, PlainFace
from benchmarks.table import table
from faceage_core.types import Box

BOX = Box(10, 10, 110, 120)
CONFIDENT = 0.9
REPOSITORY = Path(__file__).parents[2]


def plain(confidence: float = 1.0) -> PlainAnswer:
    face = PlainFace(BOX, confidence, age=40.0, embedding=None)  # type: ignore[arg-type]
    return PlainAnswer(face, face, similarity=0.5)


def reply(age: float = 40.0, similarity: float = 0.5, x1: float = 10.0) -> Reply:
    face = {"age_prediction": age, "bbox": [x1, 10, 110, 120]}
    photo = {"width": 200, "height": 200}
    body = {
        "face_1": face,
        "face_2": {**face, "age_prediction": 40.0, "bbox": [10, 10, 110, 120]},
        "verification": {"similarity_score": similarity},
        "photos": {"image_1": photo, "image_2": photo},
    }
    return Reply(200, body, 0.1)


def test_equal_answers_are_equal() -> None:
    found = agreement([plain()], [reply()], confident=CONFIDENT)
    assert found.equal
    assert (found.answers, found.least_iou) == (1, 1.0)


@pytest.mark.parametrize(
    "differing",
    [
        reply(age=40.2),
        reply(similarity=0.51),
        reply(x1=20),
        Reply(422, {"code": "no_face"}, 0.1),
        Reply(503, {"code": "overloaded"}, 0.1),
    ],
    ids=["age", "similarity", "box", "no face", "overloaded"],
)
def test_a_different_answer_is_told(differing: Reply) -> None:
    found = agreement([plain(), plain()], [reply(), differing], confident=CONFIDENT)
    assert not found.equal
    assert found.unequal == 1
    assert "NOT EQUAL" in found.summary()


def test_doubtful_faces_are_left_out_and_counted() -> None:
    found = agreement([plain(), plain(0.8)], [reply(), reply(age=99)], confident=CONFIDENT)
    assert (found.equal, found.answers, found.doubtful) == (True, 1, 1)


def test_no_face_on_either_side_is_agreement() -> None:
    refused = Reply(422, {"code": "no_face"}, 0.1)
    found = agreement([plain(), None], [reply(), refused], confident=CONFIDENT)
    assert (found.equal, found.answers, found.without_a_face) == (True, 1, 1)


def test_nothing_to_compare_is_no_agreement() -> None:
    with pytest.raises(ValueError, match="none of 1 pairs"):
        agreement([plain(0.5)], [reply()], confident=CONFIDENT)


def test_photos_have_as_many_sizes_as_asked_for() -> None:
    photos = resized_photos(12, min_side_px=40, max_side_px=200, seed=0)
    assert len(set(photos)) == 12
    assert photos == resized_photos(12, min_side_px=40, max_side_px=200, seed=0)


def test_a_table_is_aligned() -> None:
    assert table(("", "n"), [("a", "1"), ("bb", "12")]) == "     n\n--  --\na    1\nbb  12"


def test_a_stage_has_replicas_for_the_peak_and_one_more_than_none() -> None:
    # 100 a second at 30 ms each keep 3 CPUs busy, which is six tenths of 5.
    assert replicas(0.030, rate=100) == 5
    assert replicas(0.001, rate=1) == 2


def test_nodes_hold_the_replicas_a_proxy_each_and_one_may_be_lost() -> None:
    # 15 replicas and the proxies fill three nodes of eight CPUs.
    assert nodes({"Detector": 10, "Verifier": 5}) == 4


@pytest.mark.serve
@pytest.mark.slow
def test_the_service_answers_as_the_plain_script() -> None:
    done = run("benchmarks.service", "--pairs", "5", "--rounds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers equal: 10 compared" in done.stdout
    for row in ("plain script ", "service, 1 at a time ", "service, 8 at a time "):
        assert f"\n{row}" in done.stdout


@pytest.mark.serve
@pytest.mark.slow
def test_memory_is_read_of_every_replica() -> None:
    done = run("benchmarks.memory", "--requests", "20", "--sizes", "10")  # too few to judge by
    assert done.returncode in (0, 1), done.stderr
    for replica in ("Detector", "AgeEstimator", "Verifier", "Ingress"):
        assert f"\n{replica} " in done.stdout, done.stdout + done.stderr
    assert "20 requests" in done.stdout


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, as people run it; it starts a Ray of its own."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
