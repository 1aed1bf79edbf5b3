"""The result files of a comparison."""

from pathlib import Path

import typer

from faceage_core.pipeline.schema import CompareAnswer, readable_json


def write_comparison(
    out_dir: Path, stem_1: str, stem_2: str, *, picture: bytes, answer: CompareAnswer | None
) -> None:
    """Write the annotated picture and, if an answer is given, its JSON.

    Args:
        out_dir: created if missing.
        stem_1: file name of the first photo without its extension.
        stem_2: the same for the second photo.
        picture: JPEG bytes.
        answer: None writes no JSON.

    Raises:
        OSError: a file cannot be written.
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
