"""`faceage export`: a checkpoint's network as an ONNX file."""

import shutil
from pathlib import Path
from typing import Annotated

import typer


def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint's directory.", exists=True)],
    file: Annotated[
        Path | None, typer.Argument(help="Write a copy of the ONNX file here, too.")
    ] = None,
) -> None:
    """Add model.onnx to a checkpoint, so that it is served without PyTorch.

    The exported network is checked against PyTorch's. Training does this at its end.

    Example: faceage export runs/first/best
    """
    from faceage_core.models.onnx_checkpoint import add_onnx

    written = add_onnx(checkpoint)
    typer.echo(f"wrote {written}")
    if file is not None:
        shutil.copyfile(written, file)
        typer.echo(f"wrote {file}")
