"""`faceage tune`: a recipe and a search space become the best configuration."""

from pathlib import Path
from typing import Annotated

import typer

from faceage_core.cli.main import run_command
from trainers.console import Address


def tune(
    recipe: Annotated[
        str,
        typer.Option(help="A recipe's name, or the path of a .yaml file.", show_default=False),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Changes to the recipe, such as epochs=9.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        str, typer.Option(help="A space's name, or the path of a .yaml file.")
    ] = "asha_lr_wd_sigma",
    out: Annotated[
        str | None,
        typer.Option(
            help="The sweep's folder or URI; default: runs/ and the names of space and recipe.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the sweep that is in --out.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the sweep that is in --out.")
    ] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Then train the best configuration in full.")
    ] = False,
    address: Address = None,
) -> None:
    """Sweep a recipe's keys, such as learning rate, weight decay and sigma.

    Which spaces there are and what they may hold is described in docs/tuning.md. A sweep that was
    stopped goes on with --resume.

    Example: faceage tune --recipe utkface_cpu data.sources=prepared/utkface
    """
    from trainers.recipe import load_recipe
    from tune.folder import BEST, REPORT, RESULTS
    from tune.space import load_space

    space, loaded = load_space(config), load_recipe(recipe, overrides or [])
    out = out or str(Path("runs") / f"{space.name}-{loaded.name}")
    from tune import runner as sweeping

    swept = sweeping.sweep(
        space,
        loaded,
        out,
        address=address,
        resume=resume,
        overwrite=overwrite,
        retrain=retrain,
        log=typer.echo,
    )
    values = ", ".join(f"{key}={value}" for key, value in swept.best.values.items())
    typer.echo(f"best: {values}, val MAE {swept.best.mae:.2f}")
    typer.echo(f"all trials: {out}/{RESULTS}, {out}/{REPORT}")
    if swept.retrained is None:
        typer.echo(f"train it: faceage train {out}/{BEST}")
    else:
        typer.echo(f"retrained: val MAE {swept.retrained.best['val_mae']:.2f}")
        typer.echo(f"serve it: faceage serve --age {swept.retrained.out}/best")


def main() -> None:
    """`python -m tune.sweep`."""
    run_command(tune)


if __name__ == "__main__":
    main()
