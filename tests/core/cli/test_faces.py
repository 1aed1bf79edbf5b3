"""`faceage faces`: lines, JSON and errors for one or more photos."""

import os
from pathlib import Path

import pytest
from PIL import Image

from faceage_core.pipeline import Pipeline
from faceage_core.pipeline.schema import FacesAnswer
from tests.core.cli.command import COLLINS, HOPPER, Run, assert_one_line, on_one_line


@pytest.mark.usefixtures("loaded")
def test_unreadable_photos_do_not_stop_the_others(
    run: Run, tmp_path: Path, photo_without_face: str
) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "cut.jpg").write_bytes(Path(HOPPER).read_bytes()[:900])
    ended = run(
        "faces",
        HOPPER,
        str(tmp_path / "notes.txt"),
        photo_without_face,
        str(tmp_path / "cut.jpg"),
        COLLINS,
    )
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0].startswith("hopper_1984.jpg  face 0  ")
    assert lines[1] == "sea.png  no face found"
    assert lines[2].startswith("collins.png  face 0  ")
    assert len(lines) == 3
    errors = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert [line.split(": ")[1] for line in errors] == ["notes.txt", "cut.jpg"]


@pytest.mark.usefixtures("loaded")
def test_json_is_one_document_per_line(run: Run, photo_without_face: str) -> None:
    ended = run("faces", HOPPER, photo_without_face, "--json")
    assert ended.code == 0
    first, second = (FacesAnswer.model_validate_json(line) for line in ended.out.splitlines())
    assert (first.image.name, len(first.image.faces)) == ("hopper_1984.jpg", 1)
    assert (second.image.name, second.image.faces) == ("sea.png", ())


@pytest.mark.usefixtures("loaded")
def test_json_has_the_included_fields_only(run: Run) -> None:
    for include, expected in (([], 0), (["--include", "landmarks"], 5)):
        answer = FacesAnswer.model_validate_json(run("faces", HOPPER, "--json", *include).out)
        (face,) = answer.image.faces
        assert len(face.landmarks or ()) == expected
        assert face.age_distribution is None
    ended = run("faces", HOPPER, "--include", "photos")
    assert ended.code == 2
    assert_one_line(ended.err, "--include must be any of age_distribution, landmarks, got 'photos'")


@pytest.mark.usefixtures("loaded")
def test_a_line_has_age_interval_and_bounding_box(
    run: Run, pipeline: Pipeline, samples: dict[str, bytes]
) -> None:
    (face,) = pipeline.faces(samples["hopper_1984.jpg"]).image.faces
    low, high = face.age_interval_80
    (line,) = run("faces", HOPPER).out.splitlines()
    assert f"{face.age_prediction:.1f} years (80 %: {low:.0f}-{high:.0f})" in line
    x1, y1, x2, y2 = map(round, face.bbox)
    assert line.endswith(f"at {x1},{y1} to {x2},{y2}")


@pytest.mark.usefixtures("loaded")
def test_a_name_that_is_not_utf8_and_a_file_that_is_too_large(run: Run, tmp_path: Path) -> None:
    not_utf8 = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    not_utf8.write_bytes(Path(HOPPER).read_bytes())
    with (tmp_path / "huge.jpg").open("wb") as sparse:
        sparse.truncate(60 << 30)
    ended = run("faces", str(tmp_path / "huge.jpg"), str(not_utf8), "--json")
    assert ended.code == 1
    assert_one_line(ended.err, r"huge\.jpg: the photo has .* MB, at most 15")
    assert FacesAnswer.model_validate_json(ended.out).image.name == "caf\\udce9.jpg"


@pytest.mark.usefixtures("loaded")
def test_a_warning_has_the_name_of_its_photo(run: Run, tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    Image.open(HOPPER).resize((60, 75)).save(small)
    ended = run("faces", HOPPER, str(small))
    assert "warning: small.png: " in on_one_line(ended.err)
    assert "hopper" not in ended.err
