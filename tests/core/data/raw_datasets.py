"""Raw data sets in their publishers' layout, with generated images or empty files."""

import hashlib
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

Content = Callable[[str], bytes]


def nothing(name: str) -> bytes:
    """An empty file: readers list images and do not open them."""
    return b""


def blobs(name: str, size: int = 96) -> bytes:
    """A JPEG of smooth random blobs that depends on the name alone."""
    seed = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def write(folder: Path, names: list[str], content: Content = nothing) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name))
    return folder


def cacd(folder: Path, content: Content = nothing) -> Path:
    people = ("Robin_Williams", "Zooey_Deschanel", "Jean-Luc_O'Neil", "Robert_Downey_Jr.")
    names = [f"{14 + 7 * i}_{p}_{i:04d}.jpg" for p in people for i in range(1, 6)]
    return write(folder / "CACD2000", [*names, "Robin_Williams_0001.jpg"], content).parent


def agedb(folder: Path, content: Content = nothing) -> Path:
    people = (("MariaCallas", "f"), ("SeanConnery", "m"), ("Cher", "f"), ("Jean-PaulSartre", "m"))
    names = [
        f"{5 * n + i}_{who}_{1 + 20 * i + n}_{gender}.jpg"
        for n, (who, gender) in enumerate(people)
        for i in range(5)
    ]
    return write(folder / "AgeDB", [*names, "99_Nobody_x_m.jpg"], content)


def imdb_clean(folder: Path, content: Content = nothing, *, resized: bool = True) -> Path:
    """Three splits of two people each; in each split the image of one row is missing."""
    images = folder / "data" / ("imdb-clean-1024" if resized else "imdb")
    ending = "_1024" if resized else ""
    header = "filename,age,gender,x_min,y_min,x_max,y_max,head_roll,head_yaw,head_pitch"
    for number, split in enumerate(("train", "valid", "test")):
        lines = [header]
        for person in range(2):
            for i in range(3):
                born, taken = 1950 + 10 * number, 1980 + 10 * i
                who = f"nm{number:06d}{person}"
                name = f"0{number}/{who}_rm{i}00_{born}-1-6_{taken}.jpg"
                lines.append(f"{name},{taken - born},{'MF'[person]},20,20,70.5,70,1.5,-2.5,0.25")
                write(images, [name], content)
                write(folder / "data/imdb-clean-1024-visualisation", [name])
        lines.append(f"0{number}/nm0000000_rm1_1950-1-6_1980.jpg,30,M,1,1,9,9,0,0,0")
        table = folder / "csvs" / f"imdb_{split}_new{ending}.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("\n".join(lines) + "\n")
    return folder


def imdb_wiki(folder: Path, part: str, content: Content = nothing, *, cropped: bool = True) -> Path:
    """A MATLAB file with one row for each kind of error in the published file."""
    place = folder / (f"{part}_crop" if cropped else part)
    good = [_photo(part, n) for n in range(8)]
    rows = [
        *good,
        _photo(part, 20) | {"face_score": -np.inf},
        _photo(part, 21) | {"face_score": 0.5},
        _photo(part, 22) | {"second_face_score": 1.5},
        _photo(part, 23) | {"dob": np.nan},
        _photo(part, 24) | {"photo_taken": 2500.0},
        _photo(part, 25) | {"gender": np.nan},
        _photo(part, 26) | {"name": np.array([], dtype="U")},
    ]
    write(place, [str(row["full_path"]) for row in rows], content)
    rows.append(_photo(part, 27))  # no such file
    struct: dict[str, np.ndarray] = {}
    for field in rows[0]:
        values = [row[field] for row in rows]
        if field in ("full_path", "name", "face_location"):
            cell = np.empty((1, len(rows)), dtype=object)
            cell[0, :] = [v if isinstance(v, np.ndarray) else np.array([v]) for v in values]
            struct[field] = cell
        else:
            struct[field] = np.array([values], dtype=np.float64)
    savemat(place / f"{part}.mat", {part: struct}, do_compression=True)
    return folder


def _photo(part: str, number: int) -> dict[str, object]:
    location = np.empty((1, 4))
    location[:] = [11.0, 21.0, 61.0, 81.0]
    return {
        "dob": float(date(1960, 1, 1 + number).toordinal() + 366),
        "photo_taken": 1980.0 + number,
        "full_path": f"{number % 3:02d}/{number}_{part}.jpg",
        "gender": float(number % 2),
        "name": f"Person {number // 2}",
        "face_location": location,
        "face_score": 3.5,
        "second_face_score": np.nan,
    }
