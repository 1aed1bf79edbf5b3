"""Apparent age and gender on UTKFace and FG-NET, of the bundled models or of a checkpoint.

    python -m benchmarks.age --data DIR [--age CHECKPOINT]

DIR holds utkface_trainval.parquet (its val split is used: an image-level split) and
fgnet_odd_people.parquet. Every photo goes through the whole path: decoding, detection, alignment,
estimation; the subject is the face nearest the centre. UTKFace's tight crops go through it twice:
in the middle of a grey canvas of twice their size, and as they are. A face that is not found is
counted and left out of the errors.
"""

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import FacePipeline
from faceage_core.pipeline.schema import FaceAnswer

AGE_GROUPS_YEARS = ((0, 4), (4, 13), (13, 18), (18, 30), (30, 45), (45, 60), (60, 75), (75, 120))
GENDERS = ("male", "female")  # UTKFace's codes 0 and 1


def main() -> None:
    """Print every figure that the age and gender cards state."""
    parser = argparse.ArgumentParser(description="age and gender on UTKFace and FG-NET")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--age", type=Path, help="a checkpoint, in place of the bundled network")
    args = parser.parse_args()
    data: Path = args.data
    pipeline = FacePipeline(ModelOptions(age_checkpoint=args.age))
    utkface = pq.read_table(data / "utkface_trainval.parquet")
    utkface = utkface.filter(pc.equal(utkface["split"], "val"))
    _report("UTKFace val, on a canvas", pipeline, utkface.to_pylist(), canvas=True)
    _report("UTKFace val, as it is", pipeline, utkface.to_pylist())
    _report("FG-NET", pipeline, pq.read_table(data / "fgnet_odd_people.parquet").to_pylist())


def _report(
    name: str, pipeline: FacePipeline, rows: list[dict[str, object]], *, canvas: bool = False
) -> None:
    found = [(row, face) for row, face in subjects(pipeline, rows, canvas=canvas) if face]
    ages = np.array([row["age"] for row, _ in found], dtype=float)
    errors = np.array([face.age_prediction for _, face in found]) - ages
    inside = np.array(
        [face.age_interval_80[0] <= age <= face.age_interval_80[1]
         for age, (_, face) in zip(ages, found, strict=True)]
    )  # fmt: skip
    print(f"{name}: {len(rows)} photos, {len(rows) - len(found)} without a face")
    print(
        f"  MAE {np.abs(errors).mean():.2f}, median {np.median(np.abs(errors)):.2f}, "
        f"CS@5 {(np.abs(errors) <= 5).mean():.3f}, bias {errors.mean():+.2f}, "
        f"the 80 % interval holds {inside.mean():.3f} (n={len(errors)})"
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
        right = np.mean([truth == label for truth, label in genders])
        print(f"  gender: {right:.3f} (n={len(genders)})")


def subjects(
    pipeline: FacePipeline, rows: list[dict[str, object]], *, canvas: bool
) -> Iterator[tuple[dict[str, object], FaceAnswer | None]]:
    """Each row with its photo's subject, the face nearest the middle, or None."""
    for row in rows:
        photo = row["image"]
        assert isinstance(photo, bytes)
        answer = pipeline.faces(on_canvas(photo) if canvas else photo).image
        middle = answer.width / 2, answer.height / 2
        yield row, min(answer.faces, key=lambda face: _distance(face, middle), default=None)


def _distance(face: FaceAnswer, middle: tuple[float, float]) -> float:
    x1, y1, x2, y2 = face.bbox
    return ((x1 + x2) / 2 - middle[0]) ** 2 + ((y1 + y2) / 2 - middle[1]) ** 2


def on_canvas(photo: bytes) -> bytes:
    """A tight crop in the middle of a grey picture twice its size, as BMP."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    canvas = Image.new("RGB", (2 * image.width, 2 * image.height), (128, 128, 128))
    canvas.paste(image, (image.width // 2, image.height // 2))
    buffer = io.BytesIO()
    canvas.save(buffer, "BMP")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
