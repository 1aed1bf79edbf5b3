"""The options that several commands share, stated once."""

from pathlib import Path
from typing import Annotated

import typer

from faceage_core.models.options import BundleName, ModelOptions

Bundle = Annotated[
    BundleName,
    typer.Option(
        help="bundled: everything arrives with Python packages. facenet: InceptionResnetV1, whose "
        "weights are fetched once, or given with --weights."
    ),
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(
        "--age",
        "--ckpt",
        help="An age model trained here: its directory.",
        exists=True,
        show_default=False,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="The file of the facenet weights, if you have it already.",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...")]


def model_options(
    bundle: BundleName, age: Path | None, weights: Path | None, device: str
) -> ModelOptions:
    """What the shared options say of the models; paths become absolute, for other processes."""
    return ModelOptions(
        bundle=bundle,
        age_checkpoint=age.resolve() if age else None,
        identity_weights=weights.resolve() if weights else None,
        device=device,
    )
