"""The folder of one training run, on this machine or in an object store.

OUT/recipe.yaml      the resolved recipe
OUT/history.json     what each epoch reported
OUT/best/  OUT/last/ checkpoints that serve: model.safetensors and card.json
OUT/tensorboard/     curves and sample faces
OUT/checkpoint_*/    Ray's: what a run is resumed from
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pyarrow.fs as fs

from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument
from trainers.config import dump_yaml, load_yaml
from trainers.outputs import open_output
from trainers.recipe import Recipe

_RECIPE, _HISTORY = "recipe.yaml", "history.json"


@dataclass(frozen=True)
class RunFolder:
    """Where one run keeps everything."""

    folder: Folder

    @classmethod
    def prepare(
        cls, location: str, recipe: Recipe, *, resume: bool, overwrite: bool
    ) -> "RunFolder":
        """A new folder, or with `resume` the one that is there.

        Raises:
            InvalidArgument: there is a run already, or none to resume, or one of another recipe.
        """
        folder, there = open_output(location, _RECIPE, "run", resume=resume, overwrite=overwrite)
        if resume:
            _require_same(recipe, load_yaml(folder.read(_RECIPE)))
        elif there:
            folder.delete()
        text = dump_yaml(recipe.model_dump(mode="json"))
        folder.write(_RECIPE, text.encode())
        return cls(folder)

    @property
    def parent(self) -> str:
        """Of the folder."""
        return self.folder.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Of the folder in its parent."""
        return self.folder.path.rpartition("/")[2]

    def publish(self, name: str, filesystem: fs.FileSystem, path: str) -> None:
        """Copy a checkpoint to best/ or last/; its card comes last."""
        target = self.folder.child(name)
        target.delete("card.json")
        for file in ("model.safetensors", "card.json"):
            with filesystem.open_input_file(f"{path}/{file}") as stream:
                target.write(file, stream.readall())

    def write_history(self, history: list[dict[str, Any]]) -> None:
        """What each epoch reported."""
        self.folder.write(_HISTORY, (json.dumps(history, indent=1) + "\n").encode())


def digest_of(recipe: Recipe) -> str:
    """Of everything that may not change between the parts of one training."""
    return hashlib.sha256(json.dumps(_fixed(recipe), sort_keys=True).encode()).hexdigest()


def _fixed(recipe: Recipe) -> dict[str, Any]:
    free = {"workers", "patience", "sample_faces", "summary", "reference"}
    fixed: dict[str, Any] = recipe.model_dump(mode="json", exclude=free)
    fixed["data"].pop("loaders")
    return fixed


def _require_same(recipe: Recipe, old: dict[str, Any]) -> None:
    before, now = _fixed(Recipe.model_validate(old)), _fixed(recipe)
    for key, value in _flat(now).items():
        if _flat(before).get(key) != value:
            raise InvalidArgument(
                f"the run to resume has {key}={_flat(before).get(key)}, not {value}", field=key
            )


def _flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
