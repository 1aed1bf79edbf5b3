"""`faceage prepare` compared with a plain loop over the same functions: images/s and peak memory.

    python -m benchmarks.prepare --data DIR --images 2000 20792 166336 --detect-images 20792

DIR holds utkface_trainval.parquet, from which a UTKFace folder is written first. If more images
are requested than it has, every image is written several times, as different files. The command
runs as a user runs it, including the start and end of Ray; the loop runs in one process on one
core, including its imports. Both run with and without detection. They must write the same bytes,
which is checked. Both run at the priority of Ray's workers, because on a busy machine a loop at a
higher priority would gain from it. Memory is the peak of the summed proportional set size (PSS) of
the driver and the workers; the memory of Ray's own processes is a separate column.

With several sizes, each has a row: memory should not grow with the number of images. A line below
the table states the time per image between the smallest and the largest size, and the constant part
of the command's time: the start and end of Ray, and the imports of every worker.

The columns "others" state how many cores other programs kept busy during the loop and during the
command. Above about 0.1, repeat the measurement: other programs slow down a command on two cores
more than a loop on one.
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

from benchmarks.table import table
from benchmarks.timing import machine_cpu_s

_LOOP = """
import sys
from faceage_core.data.prepare.chunks import ChunkProcessor, pending_chunks
from faceage_core.data.prepare.listing import list_source
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.output import publish
from faceage_core.data.prepare.plan import write_plan
from faceage_core.data.storage import Folder
source, target = (Folder.at(path) for path in sys.argv[1:3])
options = PrepareOptions(dataset="utkface", crop=sys.argv[3])
job = write_plan(options, (source,), list_source(options, (source,)), target)
processor = ChunkProcessor(job)
for index in pending_chunks(job):
    processor.process(index)
publish(job, target)
"""
RAY_NICENESS = 15  # the default of Ray's workers
# Reading the memory takes CPU time, which the command lacks on two cores.
SAMPLE_INTERVAL_S = 2.0
HEADER = (
    "images", "loop s", "command s", "loop /s", "command /s", "ratio",
    "loop MB", "command MB", "Ray MB", "others, loop", "others, command",
)  # fmt: skip


@dataclass(frozen=True)
class Memory:
    """Memory in MB, at one moment or at its peak.

    Attributes:
        own_mb: of the main process and its workers.
        ray_mb: of Ray's other processes.
    """

    own_mb: float
    ray_mb: float


@dataclass(frozen=True)
class Run:
    """The measurements of one run.

    Attributes:
        seconds: wall-clock time.
        peak: the peak memory.
        others_cores: the number of cores that other programs kept busy.
    """

    seconds: float
    peak: Memory
    others_cores: float


@dataclass(frozen=True)
class Comparison:
    """The loop and the command on the same images."""

    images: int
    loop: Run
    command: Run


def main() -> None:
    """Print one table for each kind of crop."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.prepare", description="prepare compared with a plain loop"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet file")
    parser.add_argument(
        "--images", type=int, nargs="+", default=[2000], help="without detection; 0 for none"
    )
    parser.add_argument(
        "--detect-images", type=int, nargs="+", default=[1000], help="with detection; 0 for none"
    )
    parser.add_argument("--workdir", type=Path, help="for the written folders; default: temporary")
    args = parser.parse_args()
    for crop, sizes in (("none", args.images), ("detect", args.detect_images)):
        compared = []
        for images in sorted(size for size in sizes if size):
            print(f"--crop {crop}: measuring {images} images", file=sys.stderr, flush=True)
            compared.append(_compare(args.data, args.workdir, crop, images))
        if compared:
            print(f"--crop {crop}\n{table(HEADER, [_row(one) for one in compared])}", flush=True)
        if len(compared) > 1:
            print(_growth(compared[0], compared[-1]), flush=True)


def _compare(data: Path, workdir: Path | None, crop: str, images: int) -> Comparison:
    """Run the loop and the command on this number of images, and check that they agree."""
    with tempfile.TemporaryDirectory(dir=workdir) as name:
        source, loop_out, command_out = (Path(name) / d for d in ("UTKFace", "loop", "command"))
        count = _write_utkface(data, source, images)
        nice = ["nice", "-n", str(RAY_NICENESS)]
        loop = _measure([*nice, sys.executable, "-c", _LOOP, str(source), str(loop_out), crop])
        options = ["--source", str(source), "--out", str(command_out), "--crop", crop]
        command = _measure([sys.executable, "-m", "trainers.prepare", "utkface", *options])
        if _contents(loop_out) != _contents(command_out):
            raise SystemExit("error: the loop and the command wrote different data sets")
    return Comparison(count, loop, command)


def _row(compared: Comparison) -> tuple[str, ...]:
    images, loop, command = compared.images, compared.loop, compared.command
    return (
        f"{images}",
        f"{loop.seconds:.1f}",
        f"{command.seconds:.1f}",
        f"{images / loop.seconds:.1f}",
        f"{images / command.seconds:.1f}",
        f"{loop.seconds / command.seconds:.2f}",
        f"{loop.peak.own_mb:.0f}",
        f"{command.peak.own_mb:.0f}",
        f"{command.peak.ray_mb:.0f}",
        f"{loop.others_cores:.1f}",
        f"{command.others_cores:.1f}",
    )


def _growth(few: Comparison, many: Comparison) -> str:
    """The time per additional image, and the time that does not depend on the number of images."""
    images = many.images - few.images
    loop_s = many.loop.seconds - few.loop.seconds
    command_s = many.command.seconds - few.command.seconds
    if min(images, loop_s, command_s) <= 0:
        return "the sizes are too close to each other to compute the time per image"
    constant_s = few.command.seconds - few.images * command_s / images
    return (
        f"from {few.images} to {many.images}: loop {images / loop_s:.1f}/s, command "
        f"{images / command_s:.1f}/s, ratio {loop_s / command_s:.2f}; constant part of the command "
        f"{constant_s:.1f} s"
    )


def _write_utkface(data: Path, folder: Path, images: int) -> int:
    """Write images from all parts of the data set under their original names; returns how many."""
    file = pq.ParquetFile(data / "utkface_trainval.parquet")
    step = max(1, file.metadata.num_rows // images)
    copies = [folder / f"{number}" for number in range(-(-images // file.metadata.num_rows))]
    for copy in copies:
        copy.mkdir(parents=True)
    seen = written = 0
    for batch in file.iter_batches(512, columns=["file", "image"]):
        for row in batch.to_pylist():
            for number, copy in enumerate(copies if seen % step == 0 else ()):
                if written < images:
                    # Bytes after the end of a JPEG are ignored; they make the copies differ.
                    (copy / row["file"]).write_bytes(row["image"] + bytes(number))
                    written += 1
            seen += 1
    return written


def _measure(command: list[str]) -> Run:
    peak = Memory(0.0, 0.0)
    cpu_s: dict[int, float] = {}  # the last reading of every process, also of ended ones
    start, machine_s = time.perf_counter(), machine_cpu_s()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not _has_ended(process):
        memory = _sample(process.pid, cpu_s)
        peak = Memory(max(peak.own_mb, memory.own_mb), max(peak.ray_mb, memory.ray_mb))
    seconds = time.perf_counter() - start
    others_s = machine_cpu_s() - machine_s - sum(cpu_s.values())
    if process.returncode:
        raise SystemExit(f"error: {command[:3]} failed")
    return Run(seconds, peak, max(0.0, others_s / seconds))


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Wait for the process, at most one sampling interval."""
    try:
        process.wait(SAMPLE_INTERVAL_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _sample(pid: int, cpu_s: dict[int, float]) -> Memory:
    """The current memory of a process and its descendants; updates their CPU times in `cpu_s`."""
    own = ray = 0.0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return Memory(0.0, 0.0)
    for member in family:
        try:
            times = member.cpu_times()
            cpu_s[member.pid] = times.user + times.system
            if member.pid == pid or "MapWorker" in "".join(member.cmdline()):
                own += member.memory_full_info().pss / 1e6
            else:
                ray += member.memory_info().rss / 1e6
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return Memory(own, ray)


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


if __name__ == "__main__":
    main()
