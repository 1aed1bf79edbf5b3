"""`faceage compare` and `faceage faces`: photos on this machine, without a server."""

from pathlib import Path
from typing import Annotated

import typer

from faceage_core.cli.console import face_line, fail, show_comparison, show_warnings, waiting
from faceage_core.cli.options import Bundle, Checkpoint, Device, Weights, model_options
from faceage_core.cli.photos import read_photo
from faceage_core.cli.results import write_comparison
from faceage_core.reporting.file_names import shown
from faceage_core.types import FaceChoice

Photo = Annotated[Path, typer.Argument(exists=True, dir_okay=False, show_default=False)]


def compare(
    img1: Photo,
    img2: Photo,
    out_dir: Annotated[
        Path,
        typer.Argument(help="Where to write the results; made if missing.", file_okay=False),
    ],
    json: Annotated[bool, typer.Option("--json", help="Write the whole answer as JSON.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Decide by this cosine similarity, -1 to 1, and not by the model's own.",
            show_default=False,
        ),
    ] = None,
    operating_point: Annotated[
        str | None,
        typer.Option(help="Decide by a named threshold of the model's card.", show_default=False),
    ] = None,
    faces: Annotated[
        FaceChoice, typer.Option(help="Which face of each photo is meant.")
    ] = "largest",
    bundle: Bundle = "bundled",
    age: Checkpoint = None,
    weights: Weights = None,
    device: Device = "cpu",
) -> None:
    """How old does each face look, and do both photos show the same person?

    Writes NAME1_vs_NAME2_result.jpg into OUT_DIR: both photos, their faces with ages, and the
    verdict. With --json also NAME1_vs_NAME2_data.json.

    Example: faceage compare old.jpg new.jpg out --json
    """
    with waiting("loading models") as report:
        from faceage_core.pipeline import Pipeline
        from faceage_core.render.answer import annotate_comparison

        pipeline = Pipeline(model_options(bundle, age, weights, device), progress=report)
    data_1, data_2 = read_photo(img1, "image_1"), read_photo(img2, "image_2")
    answer = pipeline.compare(
        data_1,
        data_2,
        names=(shown(img1.name), shown(img2.name)),
        faces=faces,
        threshold=threshold,
        operating_point=operating_point,
    )
    write_comparison(
        out_dir,
        shown(img1.stem),
        shown(img2.stem),
        picture=annotate_comparison(answer, data_1, data_2),
        answer=answer if json else None,
    )
    show_comparison(answer)
    show_warnings(answer.warnings)


def faces(
    img: Annotated[
        list[Path],
        typer.Argument(
            help="One photo or several.", exists=True, dir_okay=False, show_default=False
        ),
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document a photo, a line each.")
    ] = False,
    bundle: Bundle = "bundled",
    age: Checkpoint = None,
    device: Device = "cpu",
) -> None:
    """All faces of each photo: where they are, how old they look, how sure that is.

    Example: faceage faces party.jpg
    """
    from faceage_core.errors import FaceageError

    with waiting("loading models"):
        from faceage_core.pipeline import FacePipeline

        pipeline = FacePipeline(model_options(bundle, age, None, device))
    failed = False
    for path in img:
        name = shown(path.name)
        try:
            answer = pipeline.faces(read_photo(path, name), name=name)
        except FaceageError as error:
            fail((error if error.field else error.with_field(name)).message)
            failed = True
            continue
        if json:
            typer.echo(answer.model_dump_json())
            continue
        for face in answer.image.faces:
            typer.echo(face_line(name, face))
        if not answer.image.faces:
            typer.echo(f"{name}  no face found")
        show_warnings(answer.warnings, photo=name)
    if failed:
        raise typer.Exit(1)
