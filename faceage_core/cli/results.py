"""The files that a comparison leaves."""

from pathlib import Path

import typer

from faceage_core.pipeline.schema import CompareAnswer, readable_json


def write_comparison(
    out_dir: Path, stem_1: str, stem_2: str, *, picture: bytes, answer: CompareAnswer | None
) -> None:
    """Write the annotated picture and, if given, the answer's JSON.

    Args:
        out_dir: made if missing.
        stem_1: the first photo's file name without its ending.
        stem_2: likewise.
        picture: the JPEG.
        answer: None writes no JSON.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    stem = f"{stem_1}_vs_{stem_2}"
    result = out_dir / f"{stem}_result.jpg"
    result.write_bytes(picture)
    typer.echo(f"wrote {result}")
    if answer is not None:
        data = out_dir / f"{stem}_data.json"
        data.write_text(readable_json(answer) + "\n", encoding="utf-8")
        typer.echo(f"wrote {data}")
