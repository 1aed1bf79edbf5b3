"""The lock of a result."""

from pathlib import Path

import pytest

from faceage_core.data.prepare.output_lock import lock_output
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument, StorageError


def test_only_one_run_can_lock_a_result(tmp_path: Path) -> None:
    out = Folder.at(str(tmp_path / "sets" / "out"))
    with lock_output(out), pytest.raises(InvalidArgument, match="working on out"), lock_output(out):
        pass
    with lock_output(out):
        pass
    assert not list((tmp_path / "sets").iterdir())


def test_a_result_that_cannot_be_created_names_its_field(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    out = Folder.at(str(tmp_path / "file" / "out"))
    with pytest.raises(StorageError, match="^out cannot be created in file") as caught:
        lock_output(out).__enter__()
    assert caught.value.field == "out"
