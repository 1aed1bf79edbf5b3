"""`faceage export`."""

from pathlib import Path

from faceage_core.models.checkpoint import ONNX_NAME
from tests.core.cli.command import Run, assert_one_line


def test_the_file_is_written_beside_the_weights_and_copied(
    run: Run, checkpoint: Path, tmp_path: Path
) -> None:
    ended = run("export", str(checkpoint), str(tmp_path / "age.onnx"))
    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"wrote {checkpoint / ONNX_NAME}", f"wrote {tmp_path / 'age.onnx'}"
    ]  # fmt: skip
    assert (tmp_path / "age.onnx").read_bytes() == (checkpoint / ONNX_NAME).read_bytes()


def test_a_folder_without_a_checkpoint_is_refused(run: Run, tmp_path: Path) -> None:
    ended = run("export", str(tmp_path))
    assert ended.code == 1
    assert_one_line(ended.err, "is not a checkpoint: missing card.json")
