from pathlib import Path

import pytest

from faceage_core.files.replace import replace_directory, replace_file, swap_directory


def write_half(path: Path) -> None:
    path.write_text("half")
    raise KeyboardInterrupt


def test_a_file_gets_its_name_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "new" / "report.html"
    with replace_file(target) as partial:
        partial.write_text("one")
        assert not target.exists()
    with replace_file(target) as partial:
        partial.write_text("two")
        assert target.read_text() == "one"
    assert target.read_text() == "two"
    assert list(target.parent.iterdir()) == [target]


def test_a_failed_file_keeps_its_predecessor_and_leaves_no_part(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), replace_file(target) as partial:
        write_half(partial)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_is_replaced_with_all_its_files(tmp_path: Path) -> None:
    target = tmp_path / "new" / "report"
    for name in ("one", "two"):
        with replace_directory(target) as fresh:
            (fresh / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["two"]
    assert list(target.parent.iterdir()) == [target]


def test_a_failed_directory_keeps_its_predecessor(tmp_path: Path) -> None:
    target = tmp_path / "report"
    target.mkdir()
    with pytest.raises(KeyboardInterrupt), replace_directory(target) as fresh:
        write_half(fresh / "half")
    assert list(tmp_path.rglob("*")) == [target]


def test_a_failed_swap_puts_the_predecessor_back(tmp_path: Path) -> None:
    target, old = tmp_path / "report", tmp_path / "old"
    target.mkdir()
    with pytest.raises(FileNotFoundError):
        swap_directory(tmp_path / "missing", target, old)
    assert list(tmp_path.iterdir()) == [target]
