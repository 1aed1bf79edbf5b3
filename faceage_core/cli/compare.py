"""`faceage compare` and `faceage faces`: run the models in this process, without a server."""

from pathlib import Path
from typing import Annotated

import typer

from faceage_core.cli.console import (
    face_line,
    print_comparison,
    print_error,
    print_warnings,
    show_progress,
)
from faceage_core.cli.options import (
    Bundle,
    Checkpoint,
    Device,
    Engine,
    Precision,
    Weights,
    model_options,
)
from faceage_core.cli.results import write_comparison
from faceage_core.files.names import printable_name
from faceage_core.pipeline.options import (
    CompareOptions,
    FacesOptions,
    RequestOptions,
    parse_options,
)
from faceage_core.types import FaceChoice

Photo = Annotated[Path, typer.Argument(exists=True, dir_okay=False, show_default=False)]


def _describe(option: str, kind: type[RequestOptions] = CompareOptions) -> str | None:
    return kind.model_fields[option].description


def compare(
    img1: Photo,
    img2: Photo,
    out_dir: Annotated[
        Path,
        typer.Argument(help="Directory for the results; created if missing.", file_okay=False),
    ],
    json: Annotated[bool, typer.Option("--json", help="Also write the result as JSON.")] = False,
    include: Annotated[
        list[str] | None, typer.Option(help=_describe("include"), show_default=False)
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help=_describe("threshold"), show_default=False)
    ] = None,
    operating_point: Annotated[
        str | None, typer.Option(help=_describe("operating_point"), show_default=False)
    ] = None,
    faces: Annotated[FaceChoice, typer.Option(help=_describe("faces"))] = "largest",
    bundle: Bundle = "bundled",
    age: Checkpoint = None,
    identity_weights: Weights = None,
    device: Device = "cpu",
    engine: Engine = "auto",
    precision: Precision = "auto",
) -> None:
    """Estimate the age of each face and decide whether both photos show the same person.

    Writes NAME1_vs_NAME2_result.jpg to OUT_DIR: both photos with the faces, their ages and the
    decision. With --json it also writes NAME1_vs_NAME2_data.json.

    Example: faceage compare old.jpg new.jpg out --json
    """
    wanted = parse_options(CompareOptions, {"include": include}).include
    with show_progress("loading models") as report:
        from faceage_core.images import load_image
        from faceage_core.pipeline import Pipeline
        from faceage_core.render.answer import annotate_comparison

        options = model_options(bundle, age, identity_weights, device, engine, precision)
        pipeline = Pipeline(options, progress=report)
    data_1, data_2 = load_image(img1, "image_1"), load_image(img2, "image_2")
    answer = pipeline.compare(
        data_1,
        data_2,
        names=(printable_name(img1.name), printable_name(img2.name)),
        faces=faces,
        threshold=threshold,
        operating_point=operating_point,
        include=wanted | {"photos"},  # the picture shows every face
    )
    data = answer if "photos" in wanted else answer.model_copy(update={"photos": None})
    write_comparison(
        out_dir,
        printable_name(img1.stem),
        printable_name(img2.stem),
        picture=annotate_comparison(answer, data_1, data_2),
        answer=data if json else None,
    )
    print_comparison(answer)
    print_warnings(answer.warnings)


def faces(
    img: Annotated[
        list[Path],
        typer.Argument(help="One or more photos.", exists=True, dir_okay=False, show_default=False),
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document per photo, one per line.")
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(help=_describe("include", FacesOptions), show_default=False),
    ] = None,
    bundle: Bundle = "bundled",
    age: Checkpoint = None,
    device: Device = "cpu",
    engine: Engine = "auto",
    precision: Precision = "auto",
) -> None:
    """Find all faces in each photo: bounding box, estimated age and its 80 % interval.

    Example: faceage faces party.jpg
    """
    from faceage_core.errors import FaceageError

    wanted = parse_options(FacesOptions, {"include": include}).include
    with show_progress("loading models"):
        from faceage_core.pipeline import FacePipeline

        pipeline = FacePipeline(model_options(bundle, age, None, device, engine, precision))
    failed = False
    for path in img:
        name = printable_name(path.name)
        try:
            answer = pipeline.faces(path, name=name, include=wanted)
        except FaceageError as error:
            print_error(f"{name}: {error.message.removeprefix('image: ')}")
            failed = True
            continue
        if json:
            typer.echo(answer.model_dump_json())
            continue
        for face in answer.image.faces:
            typer.echo(face_line(name, face))
        if not answer.image.faces:
            typer.echo(f"{name}  no face found")
        print_warnings(answer.warnings, photo=name)
    if failed:
        raise typer.Exit(1)
