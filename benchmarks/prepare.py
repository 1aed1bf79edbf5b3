"""`faceage prepare` against a plain loop over the same functions: pictures a second, peak memory.

    python -m benchmarks.prepare --data DIR --pictures 2000

DIR holds utkface_trainval.parquet, from which a UTKFace folder is written first. Then, with and
without detection, the command is run as a person runs it, Ray's start and end included, and the
loop as a script would, in one process on one core, its imports included. Both write the same bytes,
which is checked, and both run at the priority that Ray gives its workers: on a busy machine a loop
at a higher one would be measured against that and not against one core. Memory is the largest sum
over a run's own processes, the driver and the workers, of their proportional share (PSS); what Ray
runs beside them is given apart.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq

_LOOP = """
import sys
from faceage_core.data.options import PrepareOptions
from faceage_core.data.plan import list_source, write_plan
from faceage_core.data.preparation import ChunkMaker, pending
from faceage_core.data.publishing import publish
from faceage_core.data.storage import Folder
source, target = (Folder.at(path) for path in sys.argv[1:3])
options = PrepareOptions(dataset="utkface", crop=sys.argv[3])
job = write_plan(options, (source,), list_source(options, (source,)), target, 128)
maker = ChunkMaker(job)
for index in pending(job):
    maker.make(index)
publish(job, target)
"""
RAY_NICENESS = 15  # of Ray's workers, by its default


@dataclass(frozen=True)
class Run:
    """How one run went."""

    seconds: float
    own_mb: float
    beside_mb: float


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description="prepare against a plain loop")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=2000, help="without detection")
    parser.add_argument("--detect-pictures", type=int, default=1000, help="with detection")
    parser.add_argument("--workdir", type=Path, help="for the folders written; default: temporary")
    args = parser.parse_args()
    print(
        f"{'crop':8}{'pictures':>9}{'loop /s':>9}{'command /s':>12}{'ratio':>7}"
        f"{'loop MB':>9}{'command MB':>12}{'beside MB':>12}"
    )
    for crop, pictures in (("none", args.pictures), ("detect", args.detect_pictures)):
        if pictures:
            with tempfile.TemporaryDirectory(dir=args.workdir) as folder:
                _compare(args.data, Path(folder), crop, pictures)


def _compare(data: Path, folder: Path, crop: str, pictures: int) -> None:
    source, one, two = folder / "UTKFace", folder / "loop", folder / "command"
    count = _write_utkface(data, source, pictures)
    loop = _measured(
        ["nice", "-n", str(RAY_NICENESS), sys.executable, "-c", _LOOP, str(source), str(one), crop]
    )
    where = ["--source", str(source), "--out", str(two), "--crop", crop]
    command = _measured([sys.executable, "-m", "trainers.prepare", "utkface", *where])
    if _contents(one) != _contents(two):
        raise SystemExit("the loop and the command wrote different data sets")
    print(
        f"{crop:8}{count:9}{count / loop.seconds:9.1f}{count / command.seconds:12.1f}"
        f"{loop.seconds / command.seconds:7.2f}{loop.own_mb:9.0f}{command.own_mb:12.0f}"
        f"{command.beside_mb:12.0f}",
        flush=True,
    )


def _write_utkface(data: Path, folder: Path, pictures: int) -> int:
    """Pictures from all over the data set, named as they were; how many."""
    folder.mkdir()
    file = pq.ParquetFile(data / "utkface_trainval.parquet")
    step = max(1, file.metadata.num_rows // pictures)
    seen = written = 0
    for batch in file.iter_batches(512, columns=["file", "image"]):
        for row in batch.to_pylist():
            if seen % step == 0 and written < pictures:
                (folder / row["file"]).write_bytes(row["image"])
                written += 1
            seen += 1
    return written


def _measured(command: list[str]) -> Run:
    own_peak = beside_peak = 0.0
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        own, beside = _memory_mb(process.pid)
        own_peak, beside_peak = max(own_peak, own), max(beside_peak, beside)
        time.sleep(1)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed")
    return Run(seconds, own_peak, beside_peak)


def _memory_mb(pid: int) -> tuple[float, float]:
    """Memory of a process and its workers, and of what Ray runs beside them."""
    own = beside = 0.0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    for member in family:
        try:
            if member.pid == pid or "MapWorker" in "".join(member.cmdline()):
                own += member.memory_full_info().pss / 1e6
            else:
                beside += member.memory_info().rss / 1e6
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return own, beside


def _contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


if __name__ == "__main__":
    main()
