"""The folder of one sweep, on this machine or in an object store.

OUT/sweep.yaml     the space and the recipe
OUT/results.csv    every trial
OUT/report.html    every trial, in tables and plots
OUT/best.yaml      the best configuration: a recipe for `faceage train`
OUT/journal/       what each trial's epochs reported
OUT/trials/        the training runs of trials that go on, and of the best one
OUT/retrained/     with --retrain: the training of best.yaml
OUT/stage-1/ ...   Ray Tune's: what a sweep is resumed from; it holds pickles, so resume only what
                   nobody else could write to
"""

from dataclasses import dataclass

import yaml

from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument
from trainers.output_folder import open_output_folder
from trainers.recipe import Recipe
from tune.journal import Journal
from tune.space import Space

_SWEEP = "sweep.yaml"
RESULTS, REPORT, BEST = "results.csv", "report.html", "best.yaml"


@dataclass(frozen=True)
class SweepFolder:
    """Where one sweep keeps everything."""

    folder: Folder

    @classmethod
    def prepare(
        cls, location: str, space: Space, recipe: Recipe, *, resume: bool, overwrite: bool
    ) -> "SweepFolder":
        """A new folder, or with `resume` the one that is there.

        Raises:
            InvalidArgument: there is a sweep already, or none to resume, or another one.
        """
        folder, there = open_output_folder(
            location, _SWEEP, "sweep", resume=resume, overwrite=overwrite
        )
        text = _described(space, recipe)
        if resume and folder.read(_SWEEP).decode() != text:
            raise InvalidArgument(
                f"the sweep in {location} is of another space or recipe: see {_SWEEP} there",
                field="resume",
            )
        if there and not resume:
            folder.delete()
        folder.write(_SWEEP, text.encode())
        return cls(folder)

    @property
    def journal(self) -> Journal:
        """Of all its trials."""
        return Journal(self.folder.child("journal"))

    @property
    def trials(self) -> Folder:
        """Where each trial has a run's folder."""
        return self.folder.child("trials")

    def stage(self, number: int) -> Folder:
        """Where Tune keeps a stage, from 1."""
        return self.folder.child(f"stage-{number}")


def _described(space: Space, recipe: Recipe) -> str:
    parts = {"space": space.model_dump(mode="json"), "recipe": recipe.model_dump(mode="json")}
    return yaml.safe_dump(parts, sort_keys=False)
