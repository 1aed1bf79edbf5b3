"""`faceage weights`: list, download and verify the models' weights."""

from pathlib import Path
from typing import Annotated

import typer

from faceage_core.cards.catalog import shipped_card, shipped_cards
from faceage_core.cards.model_card import ModelCard
from faceage_core.cards.weights import DownloadFile, PackageFile
from faceage_core.cli.console import show_progress
from faceage_core.cli.tables import print_table
from faceage_core.errors import FaceageError, InvalidArgument, WeightsMismatch, WeightsUnavailable
from faceage_core.models.download import cache_dir, cached, locate, sha256_of, verify
from faceage_core.models.weights import resolve_weights

app = typer.Typer(
    help="List, download and verify the models' weights.\n\nExample: faceage weights list",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="A model's name, as in `faceage weights list`.")]


@app.command("list")
def list_models() -> None:
    """List every model, its licence, and whether its weights are on this machine.

    Example: faceage weights list
    """
    header = ("model", "task", "license", "weights")
    rows = [(card.name, card.task, card.license, _state(card)) for card in shipped_cards()]
    print_table(header, rows, text_columns=range(len(header)))


@app.command()
def pull(name: Name) -> None:
    """Download a model's weights into the cache and verify their sha256.

    Example: faceage weights pull facenet-vggface2
    """
    card = shipped_card(name)
    with show_progress("checking weights") as report:
        paths = resolve_weights(card, progress=report)
    for path in paths:
        typer.echo(f"{card.name}: {path}")


@app.command("verify")
def verify_models(
    name: Annotated[
        str | None, typer.Argument(help="A model's name; without it, every model on this machine.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Verify this file against the card.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Verify weights against the sha256 in the cards.

    Example: faceage weights verify facenet-vggface2 --weights 20180402-114759-vggface2.pt
    """
    if weights is not None:
        if name is None:
            raise InvalidArgument("--weights needs the model's name, which selects the card")
        found = sha256_of(weights)
        if found not in {file.sha256 for file in shipped_card(name).weights}:
            raise WeightsMismatch(
                f"{weights.name} has sha256 {found}, which is not a weights file of {name}"
            )
        typer.echo(f"{weights.name}: ok, a weights file of {name}")
        return
    failed: list[FaceageError] = []
    for card in [shipped_card(name)] if name else shipped_cards():
        try:
            typer.echo(f"{card.name}: {_verified(card, required=name is not None)}")
        except FaceageError as error:
            failed.append(error)
            typer.echo(f"{card.name}: {error.message}")
    if failed:
        raise failed[0]


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
                    f"{card.name} is missing; `faceage weights pull {card.name}` downloads it"
                )
            if path is None:
                return "not downloaded"
            verify(path, file.sha256)
    return "ok"
