"""The folder of one sweep, on this machine or in an object store.

OUT/sweep.yaml     the space and the recipe
OUT/results.csv    all trials
OUT/report.html    all trials, as tables and plots
OUT/best.yaml      the best configuration: a recipe for `faceage train`
OUT/journal/       the metrics of each epoch of each trial
OUT/trials/        the run folders of unfinished trials and of the best trial
OUT/retrained/     with --retrain: the training run of best.yaml
OUT/stage-1/ ...   Ray Tune's state, from which a sweep is resumed. It contains pickles, which can
                   run code: resume only from a folder that nobody else can write to.
"""

from dataclasses import dataclass

from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument
from trainers.config import dump_yaml
from trainers.output_folder import open_output_folder
from trainers.recipe import Recipe
from tune.journal import Journal
from tune.space import Space

RESULTS, REPORT, BEST = "results.csv", "report.html", "best.yaml"
_SWEEP = "sweep.yaml"


@dataclass(frozen=True)
class SweepFolder:
    """The files and folders of one sweep."""

    folder: Folder

    @classmethod
    def prepare(
        cls, location: str, space: Space, recipe: Recipe, *, resume: bool, overwrite: bool
    ) -> "SweepFolder":
        """Create the folder, or with `resume` open the existing one.

        Raises:
            InvalidArgument: the folder contains a sweep already, or with `resume` none or one of
                another space or recipe.
        """
        folder, exists = open_output_folder(
            location, _SWEEP, "sweep", resume=resume, overwrite=overwrite
        )
        parts = {"space": space.model_dump(mode="json"), "recipe": recipe.model_dump(mode="json")}
        text = dump_yaml(parts)
        if resume and folder.read(_SWEEP).decode() != text:
            raise InvalidArgument(
                f"the sweep in {location} has another space or recipe: see {_SWEEP} there",
                field="resume",
            )
        if exists and not resume:
            folder.delete()
        folder.write(_SWEEP, text.encode())
        return cls(folder)

    @property
    def journal(self) -> Journal:
        """The journal of all trials."""
        return Journal(self.folder.child("journal"))

    @property
    def trials(self) -> Folder:
        """The folder that contains the run folder of each trial."""
        return self.folder.child("trials")

    def stage(self, number: int) -> Folder:
        """The folder of Ray Tune's state for a stage; stages are numbered from 1."""
        return self.folder.child(f"stage-{number}")
