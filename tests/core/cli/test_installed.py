"""The installed command, in a new process."""

from pathlib import Path

from PIL import Image

from faceage_core.pipeline.schema import CompareAnswer
from tests.core.cli.command import COLLINS, HOPPER, assert_one_line, run_installed


def test_compare_writes_the_picture_and_the_answer(tmp_path: Path) -> None:
    ended = run_installed("compare", HOPPER, COLLINS, str(tmp_path / "new" / "out"), "--json")
    assert ended.code == 0, ended.err
    names = {path.name for path in (tmp_path / "new" / "out").iterdir()}
    assert names == {"hopper_1984_vs_collins_result.jpg", "hopper_1984_vs_collins_data.json"}
    data = tmp_path / "new" / "out" / "hopper_1984_vs_collins_data.json"
    answer = CompareAnswer.model_validate_json(data.read_text(encoding="utf-8"))
    assert (answer.image_1, answer.image_2) == ("hopper_1984.jpg", "collins.png")
    assert not answer.verification.is_match
    with Image.open(tmp_path / "new" / "out" / "hopper_1984_vs_collins_result.jpg") as picture:
        assert picture.format == "JPEG"
    assert f"similarity {answer.verification.similarity_score:.4f}" in ended.out
    assert "is_match: false" in ended.out


def test_a_failure_exits_with_1_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    ended = run_installed("compare", HOPPER, "notes.txt", "out", cwd=tmp_path)
    assert (ended.code, ended.out) == (1, "")
    assert_one_line(ended.err, "image_2: ")
    assert not (tmp_path / "out").exists()


def test_wrong_usage_exits_with_2(tmp_path: Path) -> None:
    ended = run_installed("compare", HOPPER, "no_such.jpg", str(tmp_path))
    assert (ended.code, ended.out) == (2, "")
    assert "no_such.jpg" in ended.err
