"""What every trial reported, epoch by epoch, written as it happens.

Tune's own logs and state reach the sweep's folder only now and then; after a crash the last of them
are missing. What stands here is not.
"""

import json
from typing import Any

from faceage_core.data.storage import Folder


class Journal:
    """The reports of a sweep's trials: a file each."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def epochs(self, trial_id: str) -> list[dict[str, Any]]:
        """What its epochs reported, from the first; [] if none has."""
        return list(self._entry(trial_id)["epochs"])

    def ended(self, trial_id: str) -> bool:
        """Whether it ran to its end or was stopped for good."""
        return bool(self._entry(trial_id)["ended"])

    def cause(self, trial_id: str) -> str:
        """Of its failure; "" if it did not fail, or nobody could say why."""
        return str(self._entry(trial_id)["cause"])

    def add(self, trial_id: str, metrics: dict[str, Any]) -> None:
        """One more epoch; after a crash it may be one that is known."""
        known = [entry for entry in self.epochs(trial_id) if entry["epoch"] < metrics["epoch"]]
        self._write(trial_id, epochs=[*known, metrics])

    def end(self, trial_id: str) -> None:
        """It will not go on."""
        self._write(trial_id, ended=True)

    def fail(self, trial_id: str, cause: str) -> None:
        """It cannot go on."""
        self._write(trial_id, cause=cause)

    def _entry(self, trial_id: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"epochs": [], "ended": False, "cause": ""}
        name = f"{trial_id}.json"
        if self._folder.exists(name):
            entry |= json.loads(self._folder.read(name))
        return entry

    def _write(self, trial_id: str, **changes: Any) -> None:
        entry = self._entry(trial_id) | changes
        self._folder.write(f"{trial_id}.json", json.dumps(entry).encode())
