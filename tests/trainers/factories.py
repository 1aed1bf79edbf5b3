"""Recipes that take seconds on two cores, and training without Ray's processes."""

from pathlib import Path
from typing import Any

import torch
from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer

from faceage_core.models.backbones import BACKBONES
from trainers.recipe import Recipe, load_recipe
from trainers.samplers import WorkerRank
from trainers.training_loop import TrainingLoop

# Makes each recipe small enough for two cores, without changing how it learns.
SMALL = [
    "workers.count=2", "workers.gpu=false", "workers.cpus=1", "data.loaders=0", "epochs=2",
    "sample_faces=0",
]  # fmt: skip
SHORTENED: dict[str, list[str]] = {
    "inception_vggface2_ldl": ["precision=auto", "batch_size=32", "input.size_px=96"],
    "resnet50_sgd": ["precision=auto", "batch_size=32", "input.size_px=64"],
    "resnet18_age_gender": ["precision=fp32", "batch_size=32", "input.size_px=64"],
    "vgg16_age_gender": ["precision=auto", "batch_size=8", "input.size_px=64"],
    "utkface_cpu": ["batch_size=32", "input.size_px=48", "input.first_sizes=[[0.5, 32]]"],
}


def published_weights(folder: Path, backbone: str) -> Path:
    """A file of seeded weights with the shapes of the published ones, including the classifier."""
    torch.manual_seed(7)
    state = BACKBONES[backbone].build().state_dict()
    state[f"{BACKBONES[backbone].classifier[0]}weight"] = torch.zeros(10, 4)
    torch.save(state, folder / f"{backbone}.pt")
    return folder / f"{backbone}.pt"


def short_recipe(name: str, faces: Path, folder: Path, *changes: str) -> Recipe:
    weights = load_recipe(name).network.weights
    overrides = []
    if weights != "none":
        file = published_weights(folder, load_recipe(name).network.backbone)
        overrides = [f"network.weights={file}"]
    return load_recipe(
        name, [f"data.sources={faces}", *SMALL, *SHORTENED[name], *overrides, *changes]
    )


def train_here(
    recipe: Recipe, out: Path, worker: WorkerRank = WorkerRank(0, 1)
) -> list[dict[str, Any]]:
    """Train in this process; the first worker writes the checkpoint. Returns the history."""
    history: list[dict[str, Any]] = []

    def loop() -> None:
        torch.set_num_threads(1)
        training = TrainingLoop(recipe, "", worker, torch.device("cpu"))
        while not training.done:
            history.append(training.run_epoch())
        if worker.rank == 0:
            training.save(out, history[-1])

    TorchTrainer(loop, scaling_config=ScalingConfig(num_workers=0)).fit()
    return history
