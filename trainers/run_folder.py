"""The folder of one training run, on this machine or in an object store.

OUT/recipe.yaml      the resolved recipe
OUT/history.json     the metrics of each epoch
OUT/best/  OUT/last/ checkpoints to serve: model.safetensors, model.onnx, card.json
OUT/tensorboard/     curves and sample faces
OUT/checkpoint_*/    Ray Train's checkpoints, from which a run is resumed
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceage_core.cards.catalog import CARD_NAME
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument
from faceage_core.models.checkpoint import CHECKPOINT_FILES
from trainers.config import dump_yaml, load_yaml
from trainers.output_folder import open_output_folder
from trainers.recipe import RECIPES, Recipe

_RECIPE, _HISTORY = "recipe.yaml", "history.json"
_MAY_CHANGE = {"workers", "patience", "sample_faces", "summary", "reference"}


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    folder: Folder

    @classmethod
    def prepare(
        cls, location: str, recipe: Recipe, *, resume: bool, overwrite: bool
    ) -> "RunFolder":
        """Create the folder, or with `resume` open the existing one.

        Raises:
            InvalidArgument: the folder contains a run already, none to resume, or one of another
                recipe.
        """
        folder, exists = open_output_folder(
            location, _RECIPE, "run", resume=resume, overwrite=overwrite
        )
        if resume:
            _require_same(recipe, load_yaml(folder.read(_RECIPE)))
        elif exists:
            folder.delete()
        text = dump_yaml(recipe.model_dump(mode="json"))
        folder.write(_RECIPE, text.encode())
        return cls(folder)

    @property
    def parent(self) -> str:
        """The path of the parent folder."""
        return self.folder.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The folder's name in its parent."""
        return self.folder.path.rpartition("/")[2]

    def publish(self, name: str, checkpoint: Path) -> None:
        """Copy a checkpoint to best/ or last/.

        The card is removed first and written last: without a card, the folder is not a checkpoint.

        Args:
            name: "best" or "last".
            checkpoint: the folder of its files on this machine.
        """
        target = self.folder.child(name)
        target.delete(CARD_NAME)
        for file in CHECKPOINT_FILES:
            target.write(file, (checkpoint / file).read_bytes())

    def write_history(self, history: list[dict[str, Any]]) -> None:
        """Write the metrics of each epoch."""
        self.folder.write(_HISTORY, (json.dumps(history, indent=1) + "\n").encode())


def resume_digest(recipe: Recipe) -> str:
    """A digest of all keys that may not change when a run is resumed."""
    return hashlib.sha256(json.dumps(_fixed_keys(recipe), sort_keys=True).encode()).hexdigest()


def _fixed_keys(recipe: Recipe) -> dict[str, Any]:
    fixed: dict[str, Any] = recipe.model_dump(mode="json", exclude=_MAY_CHANGE)
    fixed["data"].pop("loaders")
    return fixed


def _require_same(recipe: Recipe, document: dict[str, Any]) -> None:
    before = _flatten(_fixed_keys(RECIPES.validate(Recipe, document)))
    for key, value in _flatten(_fixed_keys(recipe)).items():
        if before.get(key) != value:
            raise InvalidArgument(
                f"the run to resume has {key}={before.get(key)}, not {value}", field=key
            )


def _flatten(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
