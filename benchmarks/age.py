"""Accuracy of apparent age and gender on UTKFace and FG-NET, of the bundled models or a checkpoint.

    python -m benchmarks.age --data DIR [--age CHECKPOINT] [--bundle yunet]

DIR holds utkface_trainval.parquet (its val split is used: an image-level split) and
fgnet_odd_people.parquet. Every photo goes through the whole pipeline: decoding, detection,
alignment, estimation. The subject of a photo is the face nearest the centre. UTKFace's tight crops
are measured twice: centred on a grey canvas of twice their size, and unchanged. Photos without a
detected face are counted, but not included in the errors.
"""

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from faceage_core.models.options import DEFAULT_BUNDLE, ModelOptions
from faceage_core.pipeline import FacePipeline
from faceage_core.pipeline.schema import FaceAnswer

AGE_GROUPS_YEARS = ((0, 4), (4, 13), (13, 18), (18, 30), (30, 45), (45, 60), (60, 75), (75, 120))
GENDERS = ("male", "female")  # UTKFace's codes 0 and 1


def main() -> None:
    """Print all measurements of the age and gender cards."""
    parser = argparse.ArgumentParser(description="age and gender on UTKFace and FG-NET")
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    parser.add_argument("--age", type=Path, help="an age checkpoint instead of the bundled network")
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE, help="default: %(default)s")
    args = parser.parse_args()
    data: Path = args.data
    pipeline = FacePipeline(ModelOptions(bundle=args.bundle, age_checkpoint=args.age))
    utkface = pq.read_table(data / "utkface_trainval.parquet")
    utkface = utkface.filter(pc.equal(utkface["split"], "val"))
    _report("UTKFace val, on a canvas", pipeline, utkface.to_pylist(), canvas=True)
    _report("UTKFace val, unchanged", pipeline, utkface.to_pylist())
    _report("FG-NET", pipeline, pq.read_table(data / "fgnet_odd_people.parquet").to_pylist())


def _report(
    name: str, pipeline: FacePipeline, rows: list[dict[str, object]], *, canvas: bool = False
) -> None:
    found = [(row, face) for row, face in subjects(pipeline, rows, canvas=canvas) if face]
    ages = np.array([row["age"] for row, _ in found], dtype=float)
    errors = np.array([face.age_prediction for _, face in found]) - ages
    covered = np.array(
        [face.age_interval_80[0] <= age <= face.age_interval_80[1]
         for age, (_, face) in zip(ages, found, strict=True)]
    )  # fmt: skip
    print(f"{name}: {len(rows)} photos, {len(rows) - len(found)} without a face")
    print(
        f"  MAE {np.abs(errors).mean():.2f}, median {np.median(np.abs(errors)):.2f}, "
        f"CS@5 {(np.abs(errors) <= 5).mean():.3f}, bias {errors.mean():+.2f}, "
        f"the 80 % interval covers {covered.mean():.3f} (n={len(errors)})"
    )
    for low, high in AGE_GROUPS_YEARS:
        group = (ages >= low) & (ages < high)
        if group.any():
            print(
                f"  {low}-{high - 1} years: MAE {np.abs(errors[group]).mean():.2f}, "
                f"bias {errors[group].mean():+.2f} (n={group.sum()})"
            )
    genders = [
        (GENDERS[int(str(row["gender"]))], face.gender.label)
        for row, face in found
        if face.gender and row.get("gender") in (0, 1)
    ]
    if genders:
        accuracy = np.mean([truth == label for truth, label in genders])
        print(f"  gender accuracy: {accuracy:.3f} (n={len(genders)})")


def subjects(
    pipeline: FacePipeline, rows: list[dict[str, object]], *, canvas: bool
) -> Iterator[tuple[dict[str, object], FaceAnswer | None]]:
    """Each row with the subject of its photo, the face nearest the centre; None without a face."""
    for row in rows:
        photo = row["image"]
        assert isinstance(photo, bytes)
        answer = pipeline.faces(on_canvas(photo) if canvas else photo).image
        centre = answer.width / 2, answer.height / 2
        yield row, min(answer.faces, key=lambda face: _distance(face, centre), default=None)


def _distance(face: FaceAnswer, centre: tuple[float, float]) -> float:
    x1, y1, x2, y2 = face.bbox
    return ((x1 + x2) / 2 - centre[0]) ** 2 + ((y1 + y2) / 2 - centre[1]) ** 2


def on_canvas(photo: bytes) -> bytes:
    """A tight crop, centred on a grey canvas of twice its size, as BMP."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    canvas = Image.new("RGB", (2 * image.width, 2 * image.height), (128, 128, 128))
    canvas.paste(image, (image.width // 2, image.height // 2))
    buffer = io.BytesIO()
    canvas.save(buffer, "BMP")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
