"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from faceage_core.models.options import BundleName, ModelOptions

Bundle = Annotated[
    BundleName,
    typer.Option(
        help="bundled: all weights come with Python packages. facenet: InceptionResnetV1, whose "
        "weights are downloaded once, or given with --weights."
    ),
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(
        "--age",
        "--ckpt",
        help="Checkpoint directory of an age model trained with this project.",
        exists=True,
        show_default=False,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="File with the facenet weights, to avoid the download.",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option(help="PyTorch device: cpu, cuda, cuda:1, ...")]


def model_options(
    bundle: BundleName, age: Path | None, weights: Path | None, device: str
) -> ModelOptions:
    """Build the model options; paths become absolute, since other processes may read them."""
    return ModelOptions(
        bundle=bundle,
        age_checkpoint=age.resolve() if age else None,
        identity_weights=weights.resolve() if weights else None,
        device=device,
    )
