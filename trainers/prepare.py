"""`faceage prepare`: a raw data set becomes Parquet for training."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from faceage_core.cli.main import run_command
from faceage_core.data.readers import READERS
from trainers.console import Address, progress_bar

if TYPE_CHECKING:
    from trainers.preparation import Preparation


def prepare(
    dataset: Annotated[
        str,
        typer.Argument(
            help=f"The data set: {', '.join(READERS)} (your own).",
            show_default=False,
        ),
    ],
    source: Annotated[
        str,
        typer.Option(
            help="The extracted download: a folder, or s3://..., gs://...; for csv also a file.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str, typer.Option(help="A new folder or URI for the result.", show_default=False)
    ],
    val_source: Annotated[
        str | None,
        typer.Option(
            help="A second source for validation; all of --source is then for training.",
            show_default=False,
        ),
    ] = None,
    crop: Annotated[
        Literal["detect", "none"],
        typer.Option(
            help="detect: find, align and crop the subject's face as in serving. none: only "
            "resize, for images that are already aligned."
        ),
    ] = "detect",
    margin: Annotated[
        float,
        typer.Option(
            help="Extra width relative to the dlib-age card's crop; below 0: narrower.",
            min=-0.9,
            max=2,
        ),
    ] = -0.1,
    size_px: Annotated[
        int,
        typer.Option(
            "--size",
            help="Side of the stored images in pixels; 0 with --crop none keeps their size.",
            min=0,
        ),
    ] = 160,
    quality: Annotated[
        int, typer.Option(help="JPEG quality of the stored images.", min=1, max=100)
    ] = 95,
    split: Annotated[
        str | None,
        typer.Option(
            help="Percentages for train/val or train/val/test, such as 70/15/15. Default: the "
            "source's own split where it has one, else 80/20.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="The number of equal folds, instead of a split.", min=2, show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random split.")] = 0,
    near_duplicate_bits: Annotated[
        int,
        typer.Option(
            help="Images whose 64-bit perceptual hashes differ in at most this many bits are kept "
            "in one split.",
            min=0,
            max=16,
        ),
    ] = 4,
    address: Address = None,
    chunk: Annotated[
        int | None,
        typer.Option(
            help="Images per unit of work; by default 1/128 of all, 32 to 512.",
            min=1,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another prepared data set.")
    ] = False,
) -> None:
    """Convert a raw data set to one Parquet schema, with splits that do not leak.

    No person and no near-duplicate image is in two splits. Images that cannot be used are listed in
    rejected.parquet with the reason. The same command continues a killed run.

    Example: faceage prepare utkface --source UTKFace --out prepared/utkface
    """
    from faceage_core.data.prepare.options import PrepareOptions
    from faceage_core.errors import InvalidArgument

    if dataset not in READERS:
        raise InvalidArgument(
            f"dataset must be one of {', '.join(READERS)}, got {dataset!r}", field="dataset"
        )
    options = PrepareOptions(
        dataset=dataset,
        crop=crop,
        margin=margin,
        size_px=size_px,
        quality=quality,
        split=split,
        folds=folds,
        seed=seed,
        near_duplicate_bits=near_duplicate_bits,
    )
    options.check()
    with progress_bar("listing images", "preparing images", "writing the splits") as progress:
        from trainers import preparation

        result = preparation.prepare(
            options,
            source,
            out,
            val_source=val_source,
            address=address,
            chunk=chunk,
            overwrite=overwrite,
            progress=progress,
        )
    _print_result(result, out)


def main() -> None:
    """Run `python -m trainers.prepare`."""
    run_command(prepare)


def _print_result(result: "Preparation", out: str) -> None:
    from faceage_core.cli.console import err

    manifest = result.manifest
    typer.echo(f"{'already prepared' if result.existed else 'prepared'}: {out}")
    typer.echo(f"{manifest.read} images read, {manifest.kept} kept")
    for split, count in manifest.splits.items():
        typer.echo(f"  {split}: {count} ({count / manifest.kept:.1%})")
    if manifest.rejected:
        typer.echo(f"{sum(manifest.rejected.values())} rejected, see rejected.parquet")
        for reason, count in manifest.rejected.items():
            typer.echo(f"  {reason}: {count}")
    if manifest.largest_group > max(1, 0.05 * manifest.kept):
        err.print(
            f"[yellow]warning:[/] {manifest.largest_group} images form one group and stay in one "
            "split: of one person, or linked by similarity, which a lower --near-duplicate-bits "
            "makes less likely"
        )
    typer.echo(f"licence of the source: {manifest.license}")


if __name__ == "__main__":
    main()
