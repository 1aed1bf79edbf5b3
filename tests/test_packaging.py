"""The wheel contains only the four packages; the lock pins everything and names no index."""

import re
import subprocess
import sys
import tomllib
from email.parser import Parser
from hashlib import sha256
from importlib.util import find_spec
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

import pytest

from faceage_core.cards.catalog import shipped_card_names, shipped_cards
from faceage_core.cards.weights import PackageFile

REPOSITORY = Path(__file__).parents[1]
PACKAGES = {"faceage_core", "deployments", "trainers", "tune"}
LOCK = REPOSITORY / "requirements.lock"
SERVE_LOCK = REPOSITORY / "requirements-serve.lock"
LOCKS = pytest.mark.parametrize("lock", [LOCK, SERVE_LOCK], ids=lambda path: path.name)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """The wheel, built without the network."""
    target = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = target.iterdir()
    assert re.fullmatch(r"faceage-[\d.]+-py3-none-any\.whl", path.name)
    return ZipFile(path)


def sources() -> set[str]:
    """Every file of the four packages, without bytecode."""
    files = [file for package in PACKAGES for file in (REPOSITORY / package).rglob("*")]
    files += (
        REPOSITORY / "faceage_core" / "samples"
    ).iterdir()  # a link, which rglob may not follow
    return {
        file.relative_to(REPOSITORY).as_posix()
        for file in files
        if file.is_file() and "__pycache__" not in file.parts
    }


def info(wheel: ZipFile, name: str) -> str:
    (path,) = (entry for entry in wheel.namelist() if entry.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


# --- the wheel ---


def test_the_wheel_contains_the_four_packages_and_nothing_else(wheel: ZipFile) -> None:
    top_level = {PurePosixPath(name).parts[0] for name in wheel.namelist()}
    assert {name for name in top_level if not name.endswith(".dist-info")} == PACKAGES
    assert len(top_level) == len(PACKAGES) + 1
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert inside == sources()


def test_the_wheel_contains_the_data_files(wheel: ZipFile) -> None:
    names = set(wheel.namelist())
    for card in shipped_card_names():
        assert f"faceage_core/cards/shipped/{card}.json" in names


def test_the_wheel_contains_the_font_and_its_licence(wheel: ZipFile) -> None:
    fonts = "faceage_core/render/fonts"
    assert wheel.read(f"{fonts}/DejaVuSans.ttf").startswith(b"\0\1\0\0")  # a TrueType font
    assert b"Bitstream Vera Fonts Copyright" in wheel.read(f"{fonts}/LICENSE_DEJAVU")


def test_the_wheel_contains_the_weights_of_the_shipped_models(wheel: ZipFile) -> None:
    paths = {entry.filename: entry.file_size for entry in wheel.infolist()}
    models = {path for path in paths if path.endswith(".onnx")}
    files = [file for card in shipped_cards() for file in card.weights]
    own = [
        file for file in files if isinstance(file, PackageFile) and file.package == "faceage_core"
    ]
    assert models == {f"{file.package}/{file.path}" for file in own}
    for file in own:
        assert sha256(wheel.read(f"{file.package}/{file.path}")).hexdigest() == file.sha256
    assert sum(paths[model] for model in models) < 40_000_000
    licences = {path for path in paths if path.startswith("faceage_core/models/shipped/licenses/")}
    assert all(paths[path] > 500 for path in licences)
    assert len(licences) >= 4


def test_the_wheel_contains_no_other_weights_and_no_other_photos(wheel: ZipFile) -> None:
    endings = {PurePosixPath(name).suffix for name in wheel.namelist()}
    assert not endings & {".pt", ".dat", ".safetensors", ".parquet"}
    photos = {name for name in wheel.namelist() if name.endswith((".jpg", ".png"))}
    assert {PurePosixPath(name).parent.as_posix() for name in photos} == {"faceage_core/samples"}


def test_the_wheel_has_the_entry_points(wheel: ZipFile, project: dict[str, Any]) -> None:
    text = info(wheel, "entry_points.txt")
    assert "faceage = faceage_core.cli.main:main" in text
    assert set(re.findall(r"^(\w+) = .+:\w+$", text, re.MULTILINE)) == {
        "faceage",
        *project["project"]["entry-points"]["faceage.commands"],
    }
    for place in re.findall(r" = ([\w.]+):", text):
        assert f"{place.replace('.', '/')}.py" in wheel.namelist()


def test_the_wheel_states_its_licence_and_dependencies(
    wheel: ZipFile, project: dict[str, Any]
) -> None:
    metadata = Parser().parsestr(info(wheel, "METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    needs = metadata.get_all("Requires-Dist") or []
    extras = [
        need
        for some in project["project"]["optional-dependencies"].values()
        for need in some
        if not need.startswith("faceage[")  # resolved when the wheel is built
    ]
    assert {name_of(need) for need in needs} == {
        name_of(need) for need in [*project["project"]["dependencies"], *extras]
    }
    assert {name_of(need) for need in needs if "extra ==" in need} == set(map(name_of, extras))


# --- the names of the packages ---


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_the_packages_are_those_of_this_repository(package: str) -> None:
    # The package index has other packages with some of these names.
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).parent == REPOSITORY / package


# --- the lock ---


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def entries(lock: Path = LOCK) -> list[str]:
    """The lock's requirements, each on one line."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line.split(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


@LOCKS
def test_every_requirement_is_pinned_with_hashes(lock: Path) -> None:
    assert len(entries(lock)) > 50
    form = re.compile(
        r"[\w.-]+(\[[\w,.-]+\])?==[\w.!+-]+( ;[^;#]*?)?(\s+--hash=sha256:[0-9a-f]{64})+"
    )
    for entry in entries(lock):
        assert form.fullmatch(entry), entry[:120]


@LOCKS
def test_the_lock_names_no_index(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert set(re.findall(r"--[\w-]+", text)) == {"--hash"}
    assert not (REPOSITORY / "uv.lock").exists()


def test_the_lock_covers_every_dependency(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    base = project["project"]["dependencies"]
    needs = [*base, *chain(*extras.values()), *project["dependency-groups"]["dev"]]
    assert {name_of(need) for need in needs} - {"faceage"} <= set(map(name_of, entries()))
    serving = {name_of(need) for need in [*base, *extras["serve"]]}
    assert serving <= set(map(name_of, entries(SERVE_LOCK)))


def test_serving_needs_no_pytorch() -> None:
    names = set(map(name_of, entries(SERVE_LOCK)))
    assert not names & {"torch", "torchvision", "facenet-pytorch", "pyarrow", "triton"}
    assert not any(name.startswith("nvidia") for name in names)


def test_both_locks_pin_the_same_versions() -> None:
    pins = {entry.partition(" --hash")[0] for entry in entries()}
    assert {entry.partition(" --hash")[0] for entry in entries(SERVE_LOCK)} <= pins


def test_exact_versions_agree_with_the_lock(project: dict[str, Any]) -> None:
    pins = dict(re.match(r"([\w.-]+)(?:\[.*?\])?==(\S+)", e).groups() for e in entries())  # type: ignore[union-attr, misc]
    extras = chain(*project["project"]["optional-dependencies"].values())
    exact = [need for need in extras if "==" in need]
    assert exact
    for need in exact:
        assert pins[name_of(need)] == need.split("==")[1], need
