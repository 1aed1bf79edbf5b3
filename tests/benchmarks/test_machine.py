"""Names of machines as file names, and the commit."""

import re
import subprocess
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.machine import commit, machine_name, slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AMD EPYC, 2 cores", "amd-epyc-2-cores"),
        (
            "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz, 8 cores",
            "intel-xeon-platinum-8481c-2-70ghz-8-cores",
        ),
        ("AMD Ryzen 9 7950X 16-Core Processor, 32 cores", "amd-ryzen-9-7950x-16-core-32-cores"),
        ("../Neoverse-N1", "neoverse-n1"),
    ],
)
def test_a_name_becomes_a_file_name(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_a_name_without_letters_and_digits_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"letter or a digit, got '\.\./'"):
        slug("../")


def test_this_machine_has_a_name_and_cores() -> None:
    assert re.fullmatch(r".+, \d+ cores", machine_name())


def test_the_commit_states_whether_files_have_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "REPOSITORY", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit() == "unknown: not a git repository"
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    (tmp_path / "file").write_text("one")
    for words in (("init", "-q"), ("add", "file"), (*author, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    first = commit()
    assert re.fullmatch(r"[0-9a-f]{12}", first)
    (tmp_path / "file").write_text("two")
    assert commit() == f"{first} with changes"
