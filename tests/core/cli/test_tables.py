"""Tables for the terminal and for logs."""

import pytest

from faceage_core.cli.tables import format_table, print_table

HEADER = ("name", "pictures", "share")
ROWS = [("a [b]", "1,234", "97.0%"), ("[red]", "38", "3.0%")]


def test_numbers_are_aligned_right_and_markup_is_shown_as_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_table(HEADER, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[3:5] == ["│ a [b] │    1,234 │ 97.0% │", "│ [red] │       38 │  3.0% │"]


def test_a_narrow_terminal_wraps_text_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    print_table(HEADER, [("a name of several words", "1,234", "97.0%")])
    out = capsys.readouterr().out
    assert "│    1,234 │ 97.0% │" in out
    assert all(word in out for word in ("name", "several", "words"))


def test_the_text_of_a_table_does_not_depend_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    text = format_table(HEADER, ROWS, title="stage [1]:heart:", text_columns=(2,))
    lines = text.splitlines()
    assert lines[0] == "stage [1]:heart:"
    cells = [line.split() for line in lines if line.strip() and "─" not in line][1:]
    assert cells == [list(HEADER), ["a", "[b]", "1,234", "97.0%"], ["[red]", "38", "3.0%"]]
    assert text.endswith("\n")


def test_a_long_cell_of_a_log_is_wrapped_and_not_truncated() -> None:
    cause = "x" * 300
    text = format_table(("trial", "status"), [("t1", cause)], title="", text_columns=(1,))
    assert "".join(text.split()).count("x") == 300
    assert max(map(len, text.splitlines())) <= 160
