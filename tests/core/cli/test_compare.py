"""`faceage compare`: result files, exit codes, and one line for each failure."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceage_core.pipeline import Pipeline
from faceage_core.pipeline.schema import CompareAnswer
from tests.core.cli.command import COLLINS, HOPPER, SAMPLES, Run, assert_one_line


@pytest.mark.usefixtures("loaded")
def test_without_json_only_the_picture_is_written(run: Run, tmp_path: Path) -> None:
    ended = run("compare", HOPPER, HOPPER, str(tmp_path / "out"))
    assert ended.code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [
        "hopper_1984_vs_hopper_1984_result.jpg"
    ]
    assert "same person" in ended.out


@pytest.mark.usefixtures("loaded")
def test_the_json_is_the_librarys_answer(
    run: Run, tmp_path: Path, pipeline: Pipeline, samples: dict[str, bytes]
) -> None:
    run("compare", HOPPER, COLLINS, str(tmp_path), "--json", "--faces", "all", "--threshold", "0.1")
    text = (tmp_path / "hopper_1984_vs_collins_data.json").read_text(encoding="utf-8")
    found = CompareAnswer.model_validate_json(text)
    expected = pipeline.compare(
        samples["hopper_1984.jpg"],
        samples["collins.png"],
        names=("hopper_1984.jpg", "collins.png"),
        faces="all",
        threshold=0.1,
    )
    assert found == expected.model_copy(update={"request_id": found.request_id})
    assert found.matching is not None
    assert found.verification.threshold_used == 0.1


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    "include", [[], ["--include", "landmarks,photos"], ["--include=photos", "--include=landmarks"]]
)
def test_the_json_has_the_included_fields_only(
    run: Run, tmp_path: Path, include: list[str]
) -> None:
    run("compare", HOPPER, COLLINS, str(tmp_path), "--json", *include)
    text = (tmp_path / "hopper_1984_vs_collins_data.json").read_text(encoding="utf-8")
    found = CompareAnswer.model_validate_json(text)
    assert (found.photos is not None) == (found.face_1.landmarks is not None) == bool(include)
    assert found.face_1.age_distribution is None


@pytest.mark.usefixtures("loaded")
def test_the_picture_does_not_depend_on_the_json(run: Run, tmp_path: Path) -> None:
    twice = tmp_path / "twice.png"
    Image.fromarray(np.tile(np.asarray(Image.open(HOPPER)), (1, 2, 1))).save(twice)
    pictures = set()
    for number, options in enumerate([[], ["--json"], ["--include", "photos"]]):
        run("compare", str(twice), HOPPER, str(tmp_path / str(number)), *options)
        (picture,) = (tmp_path / str(number)).glob("*.jpg")
        pictures.add(picture.read_bytes())
    assert len(pictures) == 1


@pytest.mark.usefixtures("loaded")
def test_names_with_dots_spaces_and_other_scripts(
    run: Run, tmp_path: Path, samples: dict[str, bytes]
) -> None:
    first, second = tmp_path / "my photo v1.2.JPG", tmp_path / "写真 [b].png"
    first.write_bytes(samples["hopper_1984.jpg"])
    second.write_bytes(samples["collins.png"])
    assert run("compare", str(first), str(second), str(tmp_path / "out"), "--json").code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "my photo v1.2_vs_写真 [b]_result.jpg",
        "my photo v1.2_vs_写真 [b]_data.json",
    }


@pytest.mark.usefixtures("loaded")
def test_a_photo_without_a_face_is_named(run: Run, tmp_path: Path, photo_without_face: str) -> None:
    ended = run("compare", photo_without_face, HOPPER, str(tmp_path / "out"))
    assert ended.code == 1
    assert_one_line(ended.err, "image_1: no face was found")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threshold", "1.5"], "--threshold must be a number from -1 to 1, got 1.5"),
        (["--threshold", "nan"], "--threshold must be a number from -1 to 1, got nan"),
        (["--operating-point", "lax"], "--operating-point must be one of those of sface: "),
        (["--threshold", "0", "--operating-point", "x"], "mutually exclusive"),
        (["--include", "nose"], "--include must be any of age_distribution, landmarks, photos"),
    ],
)
def test_an_invalid_value_exits_with_2(
    run: Run, tmp_path: Path, options: list[str], message: str
) -> None:
    ended = run("compare", HOPPER, COLLINS, str(tmp_path), *options)
    assert ended.code == 2
    assert_one_line(ended.err, message)


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare"],
        ["compare", HOPPER],
        ["compare", HOPPER, str(SAMPLES), "out"],
        ["compare", HOPPER, COLLINS, HOPPER],
        ["compare", HOPPER, COLLINS, "out", "--threshold", "much"],
        ["compare", HOPPER, COLLINS, "out", "--faces", "None"],
        ["compare", HOPPER, COLLINS, "out", "--bundle", "other"],
        ["compare", HOPPER, COLLINS, "out", "--weights", "no_such.pt"],
        ["compare", HOPPER, COLLINS, "out", "--age", "no_such"],
        ["faces"],
        ["faces", "no_such.jpg"],
        ["weights", "pull"],
        ["nonsense"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_prints_the_usage(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Usage: " in ended.err


def test_an_unavailable_device_exits_with_2(run: Run, tmp_path: Path) -> None:
    ended = run("compare", HOPPER, COLLINS, str(tmp_path), "--device", "gpu7")
    assert ended.code == 2
    assert_one_line(ended.err, "device 'gpu7' is unavailable")


def test_a_directory_without_a_checkpoint(run: Run, tmp_path: Path) -> None:
    ended = run("compare", HOPPER, COLLINS, str(tmp_path / "out"), "--ckpt", str(tmp_path))
    assert ended.code == 1
    assert_one_line(ended.err, "is not a checkpoint: missing card.json")


def test_weights_with_another_sha256(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"other")
    ended = run(
        "compare", HOPPER, COLLINS, str(tmp_path / "out"),
        "--bundle", "facenet", "--weights", str(tmp_path / "mine.pt"),
    )  # fmt: skip
    assert ended.code == 1
    assert_one_line(ended.err, "mine.pt has sha256 ")


@pytest.mark.usefixtures("loaded")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hopper_1984_vs_collins_result.jpg").symlink_to("/dev/full")
    ended = run("compare", HOPPER, COLLINS, str(tmp_path))
    assert ended.code == 1
    assert_one_line(ended.err, "No space left on device")
