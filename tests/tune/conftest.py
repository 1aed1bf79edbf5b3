"""Fixtures of the sweep tests: Ray, and a recipe that takes seconds on two cores."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from trainers.ray_session import ray_session
from trainers.recipe import Recipe, load_recipe


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start Ray once per module, with the options that a sweep uses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with ray_session(None, dashboard=True):
            yield


@pytest.fixture(scope="module")
def small(faces: Path) -> Recipe:
    """ResNet-18 at 32 px on a few hundred faces, one worker per trial."""
    return load_recipe(
        "resnet18_age_gender",
        [
            "name=small",
            f"data.sources={faces}",
            "network.weights=none",
            "network.heads=[{task: age, outputs: 101}]",
            "loss.age=kl",
            "optimizer.name=adamw",
            "input.size_px=32",
            "workers={count: 1, cpus: 1}",
            "data.loaders=0",
            "batch_size=32",
            "epochs=6",
            "precision=fp32",
            "sample_faces=0",
        ],
    )
