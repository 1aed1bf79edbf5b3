"""`faceage prepare`: a raw data set becomes training-ready Parquet."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from faceage_core.data.readers import READERS
from trainers.console import Address, progress_bar, run_alone

if TYPE_CHECKING:
    from trainers.preparation import Prepared


def prepare(
    dataset: Annotated[
        str,
        typer.Argument(
            help=f"Which data set the source is: {', '.join(READERS)} (your own).",
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
        str, typer.Option(help="Where the result goes: a new folder or URI.", show_default=False)
    ],
    val_source: Annotated[
        str | None,
        typer.Option(
            help="A second source for validation; all of --source then trains.", show_default=False
        ),
    ] = None,
    crop: Annotated[
        Literal["detect", "none"],
        typer.Option(
            help="detect: find, align and cut the subject's face as serving does. none: only "
            "resize, for pictures that are aligned already."
        ),
    ] = "detect",
    margin: Annotated[
        float,
        typer.Option(
            help="How much wider than the dlib-age card's crop, a fraction; below 0 narrower.",
            min=-0.9,
            max=2,
        ),
    ] = -0.1,
    size: Annotated[
        int,
        typer.Option(
            help="Side of the stored pictures in pixels; 0 with --crop none keeps them as they "
            "are.",
            min=0,
        ),
    ] = 160,
    quality: Annotated[int, typer.Option(help="Of the stored JPEGs.", min=1, max=100)] = 95,
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
        typer.Option(help="So many equal folds instead of a split.", min=2, show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another split.")] = 0,
    near_duplicate_bits: Annotated[
        int,
        typer.Option(
            help="Pictures whose 64-bit perceptual hashes differ in so many bits stay on one side.",
            min=0,
            max=16,
        ),
    ] = 4,
    address: Address = None,
    chunk: Annotated[
        int | None,
        typer.Option(
            help="Pictures a unit of work, lost at most if killed; by default a 128th of all, "
            "32 to 512.",
            min=1,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another prepared data set.")
    ] = False,
) -> None:
    """Turn a raw data set into one Parquet schema, split so that nothing leaks.

    No person, and no picture that looks the same, is in two splits. What cannot be used is listed
    in rejected.parquet with the reason. A killed run goes on where it ended.

    Example: faceage prepare utkface --source UTKFace --out prepared/utkface
    """
    from faceage_core.data.prepare.options import PrepareOptions
    from faceage_core.errors import InvalidArgument

    if dataset not in READERS:
        known = ", ".join(READERS)
        raise InvalidArgument(f"{dataset!r} is no data set; there are {known}", field="dataset")
    options = PrepareOptions(
        dataset=dataset,
        crop=crop,
        margin=margin,
        size_px=size,
        quality=quality,
        split=split,
        folds=folds,
        seed=seed,
        near_duplicate_bits=near_duplicate_bits,
    )
    options.check()
    with progress_bar("listing the pictures", "preparing pictures", "writing the splits") as report:
        from trainers import preparation as preparing

        prepared = preparing.prepare(
            options,
            source,
            out,
            val_source=val_source,
            address=address,
            chunk=chunk,
            overwrite=overwrite,
            report=report,
        )
    _show(prepared, out)


def main() -> None:
    """`python -m trainers.prepare`."""
    run_alone(prepare)


def _show(prepared: "Prepared", out: str) -> None:
    from faceage_core.cli.console import err

    manifest = prepared.manifest
    typer.echo(f"{'already prepared' if prepared.already else 'prepared'}: {out}")
    typer.echo(f"{manifest.read} pictures read, {manifest.kept} kept")
    for split, count in manifest.splits.items():
        typer.echo(f"  {split}: {count} ({count / manifest.kept:.1%})")
    if manifest.rejected:
        typer.echo(f"{sum(manifest.rejected.values())} set aside, listed in rejected.parquet")
        for reason, count in manifest.rejected.items():
            typer.echo(f"  {reason}: {count}")
    if manifest.largest_group > max(1, 0.05 * manifest.kept):
        err.print(
            f"[yellow]warning:[/] {manifest.largest_group} pictures stay together as one group: "
            "one person's, or chained by look; a lower --near-duplicate-bits breaks chains"
        )
    typer.echo(f"licence of the source: {manifest.license}")


if __name__ == "__main__":
    main()
