"""Links, files, modules, make targets, commands and options named in the documentation exist."""

import ast
import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.conftest import REPOSITORY

PAGES = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").glob("*.md"),
        REPOSITORY / "samples" / "README.md",
        REPOSITORY / "trainers" / "results" / "README.md",
    ]
)
FOLDERS = ("faceage_core", "deployments", "trainers", "tune", "benchmarks", "tests", "docs")
WRAPPERS = {"submit"}  # the first argument of these commands is another command

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))


# --- reading a page ---


def code_blocks(text: str, *languages: str) -> Iterator[str]:
    """The contents of the fenced blocks in these languages."""
    for language, body in re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        if language in languages:
            yield body


def without_blocks(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def inline_code(text: str) -> list[str]:
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", without_blocks(text))]


def commands(text: str) -> Iterator[list[str]]:
    """The words of every command line, in shell blocks and in inline code."""
    for block in code_blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            yield shlex.split(line, comments=True)
    for code in inline_code(text):
        if re.match(r"(\S*/)?(faceage|make|python) \S", code):
            yield shlex.split(code.replace("...", ""))


def program(words: list[str]) -> str:
    return words[0].rpartition("/")[2] if words else ""


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


# --- what exists ---


@cache
def make_targets() -> set[str]:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))


@cache
def entry_points() -> dict[str, str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(project["project"]["entry-points"]["faceage.commands"])


@cache
def command(name: str) -> Any:
    """The click command `faceage NAME`."""
    module, _, attribute = entry_points()[name].partition(":")
    loaded = getattr(importlib.import_module(module), attribute)
    if not isinstance(loaded, typer.Typer):
        app = typer.Typer()
        app.command(name)(loaded)
        loaded = app
    return typer.main.get_command(loaded)


def options(found: Any) -> set[str]:
    return {
        "--help",
        *(name for param in found.params for name in param.opts + param.secondary_opts),
    }


def unknown_options(words: list[str]) -> list[str]:
    """The commands and options among the words after `faceage` that do not exist."""
    if words[0].startswith("-"):
        return []
    name, rest = words[0], words[1:]
    if name not in entry_points():
        return [name]
    if name in WRAPPERS and rest:
        return unknown_options(rest)
    found = command(name)
    if hasattr(found, "commands") and rest:
        if rest[0] not in found.commands:
            return [rest[0]]
        found = found.commands[rest[0]]
    given = [word.partition("=")[0] for word in rest if word.startswith("--")]
    return [option for option in given if option not in options(found)]


def module_exists(name: str) -> bool:
    path = REPOSITORY / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or path.is_dir()


# --- the tests ---


@pages
def test_relative_links_have_a_target(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, fragment = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if fragment:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert fragment in map(anchor, headings), link


@pages
def test_make_targets_exist(page: Path) -> None:
    for words in commands(page.read_text(encoding="utf-8")):
        if program(words) == "make":
            targets = [word for word in words[1:] if "=" not in word]
            assert set(targets) <= make_targets(), words


@pages
def test_commands_and_their_options_exist(page: Path) -> None:
    for words in commands(page.read_text(encoding="utf-8")):
        if program(words) == "faceage" and len(words) > 1:
            assert not unknown_options(words[1:]), words


@pages
def test_modules_that_are_run_exist(page: Path) -> None:
    for words in commands(page.read_text(encoding="utf-8")):
        if program(words).startswith("python") and words[1:2] == ["-m"]:
            assert module_exists(words[2]), words


@pages
def test_examples_import_names_that_exist(page: Path) -> None:
    for block in code_blocks(page.read_text(encoding="utf-8"), "python"):
        for statement in ast.walk(ast.parse(block)):
            if isinstance(statement, ast.ImportFrom) and str(statement.module).startswith(FOLDERS):
                module = importlib.import_module(str(statement.module))
                assert all(hasattr(module, name.name) for name in statement.names), statement.module


@pages
def test_named_files_exist(page: Path) -> None:
    for code in inline_code(page.read_text(encoding="utf-8")):
        named = re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*", code)
        if named:
            assert (REPOSITORY / code).exists(), code


def test_the_readme_shows_the_two_first_commands_at_its_top() -> None:
    first = next(code_blocks((REPOSITORY / "README.md").read_text(encoding="utf-8"), "sh"))
    assert [program(words) for words in map(shlex.split, first.splitlines())] == ["make", "make"]
    assert ("make demo" in first, "make test" in first) == (True, True)


# --- the checks find mistakes ---


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("compare a.jpg b.jpg out --json", []),
        ("compare a.jpg b.jpg out --jsonn", ["--jsonn"]),
        ("compares a.jpg", ["compares"]),
        ("weights push x", ["push"]),
        ("submit train utkface_cpu --outt x", ["--outt"]),
        ("--help", []),
    ],
)
def test_a_mistake_would_be_found(line: str, unknown: list[str]) -> None:
    assert unknown_options(line.split()) == unknown
    assert not module_exists("faceage_core.card")
    assert anchor("Add a data set") == "add-a-data-set"
