"""`faceage weights`: list, download and verify the weights of the models."""

from pathlib import Path
from typing import Annotated

import typer

from faceage_core.cards.schema import (
    DownloadFile,
    ModelCard,
    PackageFile,
    shipped_card,
    shipped_cards,
)
from faceage_core.cli.console import show_progress
from faceage_core.cli.tables import print_table
from faceage_core.errors import FaceageError, InvalidArgument, WeightsMismatch, WeightsUnavailable
from faceage_core.models.download import cache_dir, cached, locate, sha256_of, verify

app = typer.Typer(
    help="List, download and verify the weights of the models.\n\nExample: faceage weights list",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="Name of a model, as shown by `faceage weights list`.")]


@app.command("list")
def list_models() -> None:
    """List every model with its licence and where its weights are.

    Example: faceage weights list
    """
    header = ("model", "task", "license", "weights")
    rows = [(card.name, card.task, card.license, _state(card)) for card in shipped_cards()]
    print_table(header, rows, text_columns=range(len(header)))


@app.command()
def pull(name: Name) -> None:
    """Download the weights of a model to the cache and verify their sha256.

    Example: faceage weights pull facenet-vggface2
    """
    from faceage_core.pipeline.loading import obtain

    card = _card(name)
    with show_progress("checking weights") as report:
        paths = obtain(card, progress=report)
    for path in paths:
        typer.echo(f"{card.name}: {path}")


@app.command("verify")
def verify_models(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of a model; default: all models whose weights are here."),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Verify this file against the card of the model.", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """Verify the sha256 of weights against the model cards.

    Example: faceage weights verify facenet-vggface2 --weights 20180402-114759-vggface2.pt
    """
    if weights is not None:
        if name is None:
            raise InvalidArgument(
                "--weights needs the model's name, to choose the card to verify against"
            )
        found = sha256_of(weights)
        if found not in {file.sha256 for file in _card(name).weights}:
            raise WeightsMismatch(
                f"{weights.name} has sha256 {found}, and the card of {name} lists no such file"
            )
        typer.echo(f"{weights.name}: is {name}")
        return
    failed: list[FaceageError] = []
    for card in [_card(name)] if name else shipped_cards():
        try:
            typer.echo(f"{card.name}: {_verified(card, required=name is not None)}")
        except FaceageError as error:
            failed.append(error)
            typer.echo(f"{card.name}: {error.message}")
    if failed:
        raise failed[0]


def _card(name: str) -> ModelCard:
    names = [card.name for card in shipped_cards()]
    if name not in names:
        raise InvalidArgument(f"unknown model {name!r}; available: {', '.join(names)}")
    return shipped_card(name)


def _state(card: ModelCard) -> str:
    files = card.weights
    if all(isinstance(file, PackageFile) for file in files):
        return "in a package"
    here = [cached(file, cache_dir()) for file in files if isinstance(file, DownloadFile)]
    return "in the cache" if all(here) else "not downloaded"


def _verified(card: ModelCard, *, required: bool) -> str:
    for file in card.weights:
        if isinstance(file, PackageFile):
            verify(locate(file), file.sha256)
        elif isinstance(file, DownloadFile):
            path = cached(file, cache_dir())
            if path is None and required:
                raise WeightsUnavailable(
                    f"the weights of {card.name} are not on this machine; "
                    f"download them with `faceage weights pull {card.name}`"
                )
            if path is None:
                return "not downloaded"
            verify(path, file.sha256)
    return "ok"
