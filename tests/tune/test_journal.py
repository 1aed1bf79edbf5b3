"""The journal of a sweep."""

from pathlib import Path

from faceage_core.data.storage import Folder
from tests.tune.factories import epoch
from tune.journal import Journal


def test_a_repeated_epoch_replaces_the_former_entry(tmp_path: Path) -> None:
    journal = Journal(Folder.at(str(tmp_path)))
    assert journal.epochs("a") == []
    assert not journal.is_ended("a")
    for number, mae in ((1, 9.0), (2, 8.0), (2, 7.5), (3, 7.0)):
        journal.add_epoch("a", epoch(number, mae))
    assert [(entry["epoch"], entry["val_mae"]) for entry in journal.epochs("a")] == [
        (1, 9.0), (2, 7.5), (3, 7.0),
    ]  # fmt: skip
    journal.mark_ended("a")
    assert journal.is_ended("a")
    assert len(Journal(Folder.at(str(tmp_path))).epochs("a")) == 3
    assert not journal.is_ended("b")


def test_a_failure_has_its_cause(tmp_path: Path) -> None:
    journal = Journal(Folder.at(str(tmp_path)))
    assert journal.failure_cause("a") == ""
    journal.add_epoch("a", epoch(1, 9.0))
    journal.mark_failed("a", "out of memory")
    assert journal.failure_cause("a") == "out of memory"
    assert (len(journal.epochs("a")), journal.is_ended("a")) == (1, False)
