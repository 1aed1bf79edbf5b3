"""`faceage weights`: what the models are, whether they are here, and whether they are whole."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from faceage_core.cards.schema import (
    DownloadFile,
    ModelCard,
    PackageFile,
    shipped_card,
    shipped_cards,
)
from faceage_core.cli.console import waiting
from faceage_core.errors import FaceageError, InvalidArgument, WeightsMismatch, WeightsUnavailable
from faceage_core.models.download import cache_dir, cached, locate, sha256_of, verify

app = typer.Typer(
    help="List, fetch and check the models' weights.\n\nExample: faceage weights list",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="A model's name, as `faceage weights list` shows it.")]


@app.command("list")
def list_models() -> None:
    """Every model, its licence, and whether its weights are on this machine.

    Example: faceage weights list
    """
    table = Table("model", "task", "license", "weights")
    for card in shipped_cards():
        table.add_row(card.name, card.task, card.license, _state(card))
    Console().print(table)


@app.command()
def pull(name: Name) -> None:
    """Fetch a model's weights into the cache, checked against the digest in its card.

    Example: faceage weights pull facenet-vggface2
    """
    from faceage_core.pipeline.loading import obtain

    card = _card(name)
    with waiting("checking weights") as report:
        paths = obtain(card, progress=report)
    for path in paths:
        typer.echo(f"{card.name}: {path}")


@app.command("verify")
def verify_models(
    name: Annotated[
        str | None, typer.Argument(help="A model's name; without it, every model that is here.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Check this file against the model's card.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Check weights against the digests in the cards.

    Example: faceage weights verify facenet-vggface2 --weights 20180402-114759-vggface2.pt
    """
    if weights is not None:
        if name is None:
            raise InvalidArgument("--weights needs the model's name: which card to check against")
        found = sha256_of(weights)
        if found not in {file.sha256 for file in _card(name).weights}:
            raise WeightsMismatch(f"{weights.name} has sha256 {found}, and {name} has no such file")
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
        raise InvalidArgument(f"{name!r} is not a model; there are {', '.join(names)}")
    return shipped_card(name)


def _state(card: ModelCard) -> str:
    files = card.weights
    if all(isinstance(file, PackageFile) for file in files):
        return "in a package"
    here = [cached(file, cache_dir()) for file in files if isinstance(file, DownloadFile)]
    return "in the cache" if all(here) else "to be fetched"


def _verified(card: ModelCard, *, required: bool) -> str:
    for file in card.weights:
        if isinstance(file, PackageFile):
            verify(locate(file), file.sha256)
        elif isinstance(file, DownloadFile):
            path = cached(file, cache_dir())
            if path is None and required:
                raise WeightsUnavailable(
                    f"{card.name} is not here; `faceage weights pull {card.name}` fetches it"
                )
            if path is None:
                return "not fetched"
            verify(path, file.sha256)
    return "ok"
