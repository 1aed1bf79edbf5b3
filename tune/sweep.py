"""`faceage tune`: search for the best configuration of a recipe.

    python -m tune.sweep --config tune/spaces/asha_lr_wd_sigma.yaml \
        --recipe trainers/recipes/utkface_cpu.yaml data.sources=prepared/utkface

The same as `faceage tune --config asha_lr_wd_sigma --recipe utkface_cpu ...`.
"""

from pathlib import Path
from typing import Annotated

import typer

from faceage_core.cli.main import run_command
from trainers.console import Address


def tune(
    recipe: Annotated[
        str,
        typer.Option(help="Name of a recipe, or path of a .yaml file.", show_default=False),
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
        str, typer.Option(help="Name of a search space, or path of a .yaml file.")
    ] = "asha_lr_wd_sigma",
    out: Annotated[
        str | None,
        typer.Option(
            help="Folder or URI of the sweep; default: runs/SPACE-RECIPE.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the sweep in --out.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the sweep in --out.")
    ] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Then train the best configuration for all epochs.")
    ] = False,
    address: Address = None,
) -> None:
    """Search for the best values of a recipe's keys, such as learning rate, weight decay and sigma.

    docs/tuning.md describes the search spaces. A stopped sweep continues with --resume.

    Example: faceage tune --recipe utkface_cpu data.sources=prepared/utkface
    """
    from trainers.recipe import load_recipe
    from tune.space import load_space

    space, base = load_space(config), load_recipe(recipe, overrides or [])
    out = out or str(Path("runs") / f"{space.name}-{base.name}")
    from tune.sweep_folder import BEST, REPORT, RESULTS
    from tune.sweep_runner import run_sweep

    result = run_sweep(
        space,
        base,
        out,
        address=address,
        resume=resume,
        overwrite=overwrite,
        retrain=retrain,
        log=typer.echo,
    )
    values = ", ".join(f"{key}={value}" for key, value in result.best.values.items())
    typer.echo(f"best: {values}, val MAE {result.best.mae:.2f}")
    typer.echo(f"all trials: {out}/{RESULTS}, {out}/{REPORT}")
    if result.retrained is None:
        typer.echo(f"train it: faceage train {out}/{BEST}")
    else:
        typer.echo(f"retrained: val MAE {result.retrained.best['val_mae']:.2f}")
        typer.echo(f"serve it: faceage serve --age {result.retrained.out}/best")


def main() -> None:
    """Run `python -m tune.sweep`."""
    run_command(tune)


if __name__ == "__main__":
    main()
