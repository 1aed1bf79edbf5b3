"""The benchmarks run, and their checks and computations are correct. Speed is not asserted."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.baseline import BaselineAnswer, BaselineFace
from benchmarks.capacity import nodes, replicas
from benchmarks.equivalence import Equivalence, check_equivalence
from benchmarks.load_generator import Reply
from benchmarks.photos import resized_photos
from benchmarks.table import table
from faceage_core.types import Box

BOX = Box(10, 10, 110, 120)
MIN_CONFIDENCE = 0.9
REPOSITORY = Path(__file__).parents[2]


def baseline(confidence: float = 1.0) -> BaselineAnswer:
    face = BaselineFace(BOX, confidence, age=40.0, embedding=None)  # type: ignore[arg-type]
    return BaselineAnswer(face, face, similarity=0.5)


def reply(age: float = 40.0, similarity: float = 0.5, x1: float = 10.0) -> Reply:
    face = {"age_prediction": age, "bbox": [x1, 10, 110, 120]}
    detection = {"width": 200, "height": 200, "face_count": 1}
    body = {
        "face_1": face,
        "face_2": {**face, "age_prediction": 40.0, "bbox": [10, 10, 110, 120]},
        "verification": {"similarity_score": similarity},
        "detections": {"image_1": detection, "image_2": detection},
    }
    return Reply(200, body, 0.1)


def equivalence(script: list[BaselineAnswer | None], service: list[Reply]) -> Equivalence:
    return check_equivalence(script, service, min_confidence=MIN_CONFIDENCE)


def test_equal_answers_are_equal() -> None:
    found = equivalence([baseline()], [reply()])
    assert found.equal
    assert (found.compared, found.min_iou) == (1, 1.0)


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
def test_a_different_answer_is_reported(differing: Reply) -> None:
    found = equivalence([baseline(), baseline()], [reply(), differing])
    assert not found.equal
    assert found.unequal == 1
    assert "NOT EQUAL" in found.summary()


def test_low_confidence_faces_are_not_compared_but_counted() -> None:
    found = equivalence([baseline(), baseline(0.8)], [reply(), reply(age=99)])
    assert (found.equal, found.compared, found.low_confidence) == (True, 1, 1)


def test_no_face_on_both_sides_is_equal() -> None:
    no_face = Reply(422, {"code": "no_face"}, 0.1)
    found = equivalence([baseline(), None], [reply(), no_face])
    assert (found.equal, found.compared, found.without_face) == (True, 1, 1)


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(ValueError, match="none of 1 pairs"):
        equivalence([baseline(0.5)], [reply()])


def test_resized_photos_have_different_sizes() -> None:
    photos = resized_photos(12, min_side_px=40, max_side_px=200, seed=0)
    assert len(set(photos)) == 12
    assert photos == resized_photos(12, min_side_px=40, max_side_px=200, seed=0)


def test_a_table_is_aligned() -> None:
    assert table(("", "n"), [("a", "1"), ("bb", "12")]) == "     n\n--  --\na    1\nbb  12"


def test_a_stage_has_replicas_for_the_peak_and_at_least_two() -> None:
    # 100 comparisons per second at 30 ms each keep 3 CPUs busy, 60 % of 5.
    assert replicas(0.030, rate=100) == 5
    assert replicas(0.001, rate=1) == 2


def test_nodes_hold_the_replicas_and_proxies_with_one_node_to_spare() -> None:
    # 15 replicas and a proxy per node fill three nodes of eight CPUs.
    assert nodes({"Detector": 10, "Verifier": 5}) == 4


@pytest.mark.serve
@pytest.mark.slow
def test_the_service_gives_the_same_answers_as_the_baseline() -> None:
    done = run("benchmarks.service", "--pairs", "5", "--rounds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers equal: 10 compared" in done.stdout
    for row in ("baseline script ", "service (ray), 1 at a time ", "service (ray), 8 at a time "):
        assert f"\n{row}" in done.stdout


@pytest.mark.slow
def test_the_service_in_one_process_gives_the_same_answers_as_the_baseline() -> None:
    options = ["--services", "in-process", "--concurrencies", "2"]
    done = run("benchmarks.service", "--pairs", "2", "--rounds", "1", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers equal: 2 compared" in done.stdout
    assert "\nservice (in-process), 2 at a time " in done.stdout


@pytest.mark.serve
@pytest.mark.slow
def test_memory_of_every_replica_is_measured() -> None:
    done = run("benchmarks.memory", "--requests", "20", "--sizes", "10")  # too few for a verdict
    assert done.returncode in (0, 1), done.stderr
    for replica in ("Detector", "AgeEstimator", "Verifier", "Ingress"):
        assert f"\n{replica} " in done.stdout, done.stdout + done.stderr
    assert "20 requests" in done.stdout


@pytest.mark.slow
def test_the_engines_are_measured() -> None:
    done = run("benchmarks.engines", "--rounds", "1")
    assert done.returncode == 0, done.stderr
    for row in ("InceptionResnetV1", "dlib ResNet", "dlib age", "SFace"):
        assert f"\n{row}, batch 1 " in done.stdout, done.stdout
        assert f"\n{row}: " in done.stdout
    assert "\nP-Net, all scales of 1600 x 1200 " in done.stdout
    same = r"\nMTCNN: IoU \(photos with other faces\) +1\.0000 \(0\) +1\.0000 \(0\) "
    assert re.search(same, done.stdout), done.stdout


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a benchmark in a separate process, which starts its own Ray."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
