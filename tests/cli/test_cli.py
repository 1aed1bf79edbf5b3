"""The command: exit codes, files, one clear line for each failure, help that teaches."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faceage_core import card as card_module
from faceage_core import pipeline as pipeline_module
from faceage_core.answer import CompareAnswer, FacesAnswer
from faceage_core.card import DownloadFile, shipped_card, shipped_cards
from faceage_core.cli import main as main_module
from faceage_core.cli import weights as weights_module
from faceage_core.pipeline import Pipeline
from faceage_core.weights import locate

SAMPLES = Path(__file__).parents[2] / "samples"
HOPPER, COLLINS = str(SAMPLES / "hopper_1984.jpg"), str(SAMPLES / "collins.png")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process, through the function that the installed script calls."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["faceage", *arguments])
        with pytest.raises(SystemExit) as ended:
            main_module.main()
        written = capsys.readouterr()
        code = ended.value.code
        assert "Traceback" not in written.out + written.err
        return Ended(code if isinstance(code, int) else 0, written.out, written.err)

    return run


@pytest.fixture
def loaded(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands with the default models take those that are loaded already."""
    monkeypatch.setattr(pipeline_module, "Pipeline", lambda *_, **__: pipeline)
    monkeypatch.setattr(pipeline_module, "FacePipeline", lambda *_, **__: pipeline)


@pytest.fixture
def sea(tmp_path: Path) -> str:
    """A photo without a face."""
    path = tmp_path / "sea.png"
    Image.new("RGB", (120, 90), "navy").save(path)
    return str(path)


def process(*arguments: str, cwd: Path | None = None) -> Ended:
    """The installed command in a process of its own."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("faceage")), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=240,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert "Traceback" not in done.stdout + done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def on_one_line(table: str) -> str:
    """A table's text without its lines and breaks."""
    return re.sub(r"[\s│|]+", " ", table)


def assert_one_line(text: str, said: str) -> None:
    """One line that begins with "error:" and says this."""
    assert text.startswith("error: "), text
    assert text.count("\n") == 1, text
    assert re.search(said, text), text


# --- the installed command, in processes of its own ---


def test_compare_writes_the_picture_and_the_answer(tmp_path: Path) -> None:
    ended = process("compare", HOPPER, COLLINS, str(tmp_path / "new" / "out"), "--json")
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


def test_a_failure_ends_with_1_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    ended = process("compare", HOPPER, "notes.txt", "out", cwd=tmp_path)
    assert (ended.code, ended.out) == (1, "")
    assert_one_line(ended.err, "image_2: ")
    assert not (tmp_path / "out").exists()


def test_bad_use_ends_with_2(tmp_path: Path) -> None:
    ended = process("compare", HOPPER, "no_such.jpg", str(tmp_path))
    assert (ended.code, ended.out) == (2, "")
    assert "no_such.jpg" in ended.err


# --- compare ---


@pytest.mark.usefixtures("loaded")
def test_without_json_there_is_only_the_picture(run: Run, tmp_path: Path) -> None:
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
def test_a_photo_without_a_face_is_named(run: Run, tmp_path: Path, sea: str) -> None:
    ended = run("compare", sea, HOPPER, str(tmp_path / "out"))
    assert ended.code == 1
    assert_one_line(ended.err, "image_1: no face was found")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--threshold", "1.5"], "threshold must be from -1 to 1, got 1.5"),
        (["--threshold", "nan"], "threshold must be from -1 to 1, got nan"),
        (["--operating-point", "lax"], "operating_point 'lax' is not one of dlib-resnet: "),
        (["--threshold", "0", "--operating-point", "x"], "exclude each other"),
    ],
)
def test_a_bad_value_is_bad_use(run: Run, tmp_path: Path, options: list[str], said: str) -> None:
    ended = run("compare", HOPPER, COLLINS, str(tmp_path), *options)
    assert ended.code == 2
    assert_one_line(ended.err, said)


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
def test_bad_use_is_explained(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Usage: " in ended.err


def test_a_device_that_is_not_here_is_bad_use(run: Run, tmp_path: Path) -> None:
    ended = run("compare", HOPPER, COLLINS, str(tmp_path), "--device", "gpu7")
    assert ended.code == 2
    assert_one_line(ended.err, "device 'gpu7' is not usable here")


def test_a_directory_that_is_no_checkpoint(run: Run, tmp_path: Path) -> None:
    ended = run("compare", HOPPER, COLLINS, str(tmp_path / "out"), "--ckpt", str(tmp_path))
    assert ended.code == 1
    assert_one_line(ended.err, "is no checkpoint: missing card.json")


def test_weights_of_another_digest(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"other")
    ended = run(
        "compare", HOPPER, COLLINS, str(tmp_path / "out"),
        "--bundle", "facenet", "--weights", str(tmp_path / "mine.pt"),
    )  # fmt: skip
    assert ended.code == 1
    assert_one_line(ended.err, "mine.pt has sha256 ")


@pytest.mark.usefixtures("loaded")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hopper_1984_vs_collins_result.jpg").symlink_to("/dev/full")
    ended = run("compare", HOPPER, COLLINS, str(tmp_path))
    assert ended.code == 1
    assert_one_line(ended.err, "No space left on device")


# --- faces ---


@pytest.mark.usefixtures("loaded")
def test_bad_photos_among_good_ones(run: Run, tmp_path: Path, sea: str) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "cut.jpg").write_bytes(Path(HOPPER).read_bytes()[:900])
    ended = run(
        "faces", HOPPER, str(tmp_path / "notes.txt"), sea, str(tmp_path / "cut.jpg"), COLLINS
    )
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0].startswith("hopper_1984.jpg  face 0  ")
    assert lines[1] == "sea.png  no face found"
    assert lines[2].startswith("collins.png  face 0  ")
    assert len(lines) == 3
    complaints = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert [line.split(": ")[1] for line in complaints] == ["notes.txt", "cut.jpg"]


@pytest.mark.usefixtures("loaded")
def test_faces_as_json_are_a_document_a_line(run: Run, sea: str) -> None:
    ended = run("faces", HOPPER, sea, "--json")
    assert ended.code == 0
    first, second = (FacesAnswer.model_validate_json(line) for line in ended.out.splitlines())
    assert (first.image.name, len(first.image.faces)) == ("hopper_1984.jpg", 1)
    assert (second.image.name, second.image.faces) == ("sea.png", ())


@pytest.mark.usefixtures("loaded")
def test_a_line_tells_age_interval_and_place(
    run: Run, pipeline: Pipeline, samples: dict[str, bytes]
) -> None:
    (face,) = pipeline.faces(samples["hopper_1984.jpg"]).image.faces
    low, high = face.age_interval_80
    (line,) = run("faces", HOPPER).out.splitlines()
    assert f"{face.age_prediction:.1f} years (80 %: {low:.0f}-{high:.0f})" in line
    x1, y1, x2, y2 = map(round, face.bbox)
    assert line.endswith(f"at {x1},{y1} to {x2},{y2}")


# --- weights ---


@pytest.fixture
def small_card(
    serve_file: Callable[[bytes], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> bytes:
    """facenet-vggface2 with a small file on a local server, and an empty cache."""
    content = bytes(range(256)) * 64
    entry = DownloadFile(url=serve_file(content), sha256=hashlib.sha256(content).hexdigest())
    changed = shipped_card("facenet-vggface2").model_copy(update={"weights": (entry,)})
    original = shipped_card

    def shipped(name: str) -> Any:
        return changed if name == "facenet-vggface2" else original(name)

    monkeypatch.setattr(card_module, "shipped_card", shipped)
    monkeypatch.setattr(weights_module, "shipped_card", shipped)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return content


def test_weights_are_listed_by_whole_names(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ended = run("weights", "list")
    assert ended.code == 0
    for card in shipped_cards():
        assert re.search(rf"\b{card.name}\b", ended.out), card.name


@pytest.mark.usefixtures("pipeline")
def test_weights_are_pulled_once_verified_and_listed(
    run: Run, small_card: bytes, tmp_path: Path
) -> None:
    listed = on_one_line(run("weights", "list").out)
    missing = run("weights", "verify", "facenet-vggface2")
    assert missing.code == 1
    assert_one_line(missing.err, "`faceage weights pull facenet-vggface2` fetches it")

    pulled = run("weights", "pull", "facenet-vggface2")
    assert pulled.code == 0, pulled.err
    (file,) = (tmp_path / "cache" / "faceage").glob("*.pt")
    assert file.read_bytes() == small_card
    assert pulled.out == f"facenet-vggface2: {file}\n"
    assert run("weights", "verify", "facenet-vggface2").out == "facenet-vggface2: ok\n"
    assert "to be fetched" in listed
    assert "in the cache" in on_one_line(run("weights", "list").out)

    file.write_bytes(small_card[:-1])
    damaged = run("weights", "verify", "facenet-vggface2")
    assert damaged.code == 1
    assert_one_line(damaged.err, "has sha256 ")
    assert run("weights", "pull", "facenet-vggface2").code == 0
    assert file.read_bytes() == small_card


@pytest.mark.usefixtures("small_card")
def test_verify_checks_all_that_is_here(run: Run) -> None:
    ended = run("weights", "verify")
    assert ended.code == 0
    states = dict(line.split(": ") for line in ended.out.splitlines())
    assert states == {
        card.name: "not fetched" if card.name == "facenet-vggface2" else "ok"
        for card in shipped_cards()
    }


def test_verify_a_given_file(run: Run, small_card: bytes, tmp_path: Path) -> None:
    mine = tmp_path / "mine.pt"
    mine.write_bytes(small_card)
    good = run("weights", "verify", "facenet-vggface2", "--weights", str(mine))
    assert (good.code, good.out) == (0, "mine.pt: is facenet-vggface2\n")
    bad = run("weights", "verify", "dlib-resnet", "--weights", str(mine))
    assert bad.code == 1
    assert_one_line(bad.err, "mine.pt has sha256 ")
    unnamed = run("weights", "verify", "--weights", str(mine))
    assert unnamed.code == 2
    assert_one_line(unnamed.err, "needs the model's name")


def test_verify_any_file_of_a_model_with_several(run: Run) -> None:
    for file in shipped_card("mtcnn").weights:
        assert file.kind == "package"
        ended = run("weights", "verify", "mtcnn", "--weights", str(locate(file)))
        assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("command", ["pull", "verify"])
def test_an_unknown_model_is_bad_use(run: Run, command: str) -> None:
    ended = run("weights", command, "vgg")
    assert ended.code == 2
    assert_one_line(ended.err, "'vgg' is not a model; there are dlib-age, ")


@pytest.mark.usefixtures("pipeline")
def test_an_address_that_does_not_answer(
    run: Run, small_card: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert small_card
    entry = DownloadFile(url="http://127.0.0.1:9/face.pt", sha256="0" * 64)
    gone = shipped_card("facenet-vggface2").model_copy(update={"weights": (entry,)})
    monkeypatch.setattr(weights_module, "shipped_card", lambda name: gone)
    ended = run("weights", "pull", "facenet-vggface2")
    assert ended.code == 1
    assert_one_line(ended.err, r"face\.pt could not be fetched: .*--weights FILE")


# --- help ---

COMMANDS = [
    ["compare"],
    ["faces"],
    ["weights"],
    ["weights", "list"],
    ["weights", "pull"],
    ["weights", "verify"],
    ["serve"],
    ["demo"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_commands_help_shows_an_example(run: Run, command: list[str]) -> None:
    ended = run(*command, "--help")
    assert ended.code == 0
    text = re.sub(r"[\s│]+", " ", ended.out)
    assert f"Example: faceage {' '.join(command)}" in text
    options = {option for option in re.findall(r"--[a-z][a-z-]+", text) if option != "--help"}
    if command == ["compare"]:
        assert {
            "--json",
            "--threshold",
            "--bundle",
            "--age",
            "--ckpt",
            "--weights",
            "--faces",
        } <= options


def test_the_help_names_every_command(run: Run) -> None:
    ended = run("--help")
    assert ended.code == 0
    for command in ("compare", "faces", "serve", "demo", "weights"):
        assert re.search(rf"\b{command}\b", ended.out)


def test_without_a_command_it_shows_its_help(run: Run) -> None:
    ended = run()
    assert "compare" in ended.out + ended.err


# --- what cannot be foreseen ---


def test_a_package_that_is_missing_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faceage_core.pipeline", None)
    ended = run("faces", HOPPER)
    assert ended.code == 1
    assert_one_line(ended.err, r"needs the package faceage_core\.pipeline, which is not")


@pytest.mark.usefixtures("loaded")
def test_nothing_of_a_photo_is_written_elsewhere(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    assert run("compare", HOPPER, COLLINS, str(tmp_path / "out")).code == 0
    assert list((tmp_path / "home").iterdir()) == []
    with Image.open(tmp_path / "out" / "hopper_1984_vs_collins_result.jpg") as picture:
        assert not picture.getexif()
