"""The journal of a sweep: the reports of each trial, written immediately.

Ray Tune writes its own logs and state to the sweep's folder only at intervals; after a crash the
latest entries are missing. The journal is complete.
"""

import json
from typing import Any

from faceage_core.data.storage import Folder


class Journal:
    """The reports of a sweep's trials, in one JSON file per trial."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def epochs(self, trial_id: str) -> list[dict[str, Any]]:
        """Return the metrics of each epoch, from the first; [] if the trial reported none."""
        return list(self._entry(trial_id)["epochs"])

    def is_ended(self, trial_id: str) -> bool:
        """Return whether the trial finished or was stopped early."""
        return bool(self._entry(trial_id)["ended"])

    def failure_cause(self, trial_id: str) -> str:
        """Return why the trial failed; "" if it did not fail, or the cause is unknown."""
        return str(self._entry(trial_id)["cause"])

    def add_epoch(self, trial_id: str, metrics: dict[str, Any]) -> None:
        """Add an epoch; an epoch that a resumed trial repeats replaces the former entry."""
        former = [entry for entry in self.epochs(trial_id) if entry["epoch"] < metrics["epoch"]]
        self._write(trial_id, epochs=[*former, metrics])

    def mark_ended(self, trial_id: str) -> None:
        """Record that the trial finished or was stopped early."""
        self._write(trial_id, ended=True)

    def mark_failed(self, trial_id: str, cause: str) -> None:
        """Record why the trial failed."""
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
