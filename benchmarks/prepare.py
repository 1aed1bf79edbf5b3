"""`faceage prepare` against a plain loop over the same functions: pictures a second, peak memory.

    python -m benchmarks.prepare --data DIR --pictures 2000 20792 166336 --detect-pictures 20792

DIR holds utkface_trainval.parquet, from which a UTKFace folder is written first; for more pictures
than it has, all of them several times, as files of their own. Then, with and
without detection, the command is run as a person runs it, Ray's start and end included, and the
loop as a script would, in one process on one core, its imports included. Both write the same bytes,
which is checked, and both run at the priority that Ray gives its workers: on a busy machine a loop
at a higher one would be measured against that and not against one core. Memory is the largest sum
over a run's own processes, the driver and the workers, of their proportional share (PSS); what Ray
runs beside them is given apart.

Of several sizes each has a row: memory should stay as it is from one to the next. A line below says
what a picture costs between the smallest size and the largest, and which part of the command's time
does not grow: Ray's start and end, and what every worker imports.

The column "others" says how many cores the rest of the machine kept busy during the loop and during
the command. Above 0.1 or so, run it again: whoever shares two cores with a command that uses both
takes more from it than from a loop on one.
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
RAY_NICENESS = 15  # of Ray's workers, by its default
# How often memory is looked at, which takes time of a core, and the command has none to spare.
SAMPLED_EVERY_S = 2.0


@dataclass(frozen=True)
class Run:
    """How one run went.

    Attributes:
        seconds: by the clock.
        own_mb: the most memory of the process and its workers.
        beside_mb: likewise of what Ray runs beside them.
        others_cores: how many cores everybody else kept busy.
    """

    seconds: float
    own_mb: float
    beside_mb: float
    others_cores: float


@dataclass(frozen=True)
class Memory:
    """Of one moment, or the most of all; as in Run."""

    own_mb: float
    beside_mb: float


@dataclass(frozen=True)
class Comparison:
    """The loop and the command on the same pictures."""

    pictures: int
    loop: Run
    command: Run


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description="prepare against a plain loop")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--pictures", type=int, nargs="+", default=[2000], help="without detection; 0 for none"
    )
    parser.add_argument(
        "--detect-pictures", type=int, nargs="+", default=[1000], help="with detection; 0 for none"
    )
    parser.add_argument("--workdir", type=Path, help="for the folders written; default: temporary")
    args = parser.parse_args()
    print(
        f"{'crop':8}{'pictures':>9}{'loop s':>8}{'command s':>11}{'loop /s':>9}{'command /s':>12}"
        f"{'ratio':>7}{'loop MB':>9}{'command MB':>12}{'beside MB':>11}{'others':>12}"
    )
    for crop, sizes in (("none", args.pictures), ("detect", args.detect_pictures)):
        compared = [
            _compare(args.data, args.workdir, crop, pictures)
            for pictures in sorted(sizes)
            if pictures
        ]
        if len(compared) > 1:
            print(f"{crop:8}{_growth(compared[0], compared[-1])}", flush=True)


def _compare(data: Path, workdir: Path | None, crop: str, pictures: int) -> Comparison:
    """Run both on so many pictures, and print their row."""
    with tempfile.TemporaryDirectory(dir=workdir) as name:
        source, one, two = (Path(name) / part for part in ("UTKFace", "loop", "command"))
        count = _write_utkface(data, source, pictures)
        nice = ["nice", "-n", str(RAY_NICENESS)]
        loop = _measured([*nice, sys.executable, "-c", _LOOP, str(source), str(one), crop])
        where = ["--source", str(source), "--out", str(two), "--crop", crop]
        command = _measured([sys.executable, "-m", "trainers.prepare", "utkface", *where])
        if _contents(one) != _contents(two):
            raise SystemExit("the loop and the command wrote different data sets")
    others = f"{loop.others_cores:.1f}, {command.others_cores:.1f}"
    print(
        f"{crop:8}{count:9}{loop.seconds:8.1f}{command.seconds:11.1f}{count / loop.seconds:9.1f}"
        f"{count / command.seconds:12.1f}{loop.seconds / command.seconds:7.2f}{loop.own_mb:9.0f}"
        f"{command.own_mb:12.0f}{command.beside_mb:11.0f}{others:>12}",
        flush=True,
    )
    return Comparison(count, loop, command)


def _growth(few: Comparison, many: Comparison) -> str:
    """What a picture costs from one size to a larger one, and what does not depend on the size."""
    pictures = many.pictures - few.pictures
    loop_s = many.loop.seconds - few.loop.seconds
    command_s = many.command.seconds - few.command.seconds
    if min(pictures, loop_s, command_s) <= 0:
        return "the sizes are too near each other to tell what a picture costs"
    constant_s = few.command.seconds - few.pictures * command_s / pictures
    return (
        f"from {few.pictures} to {many.pictures}: loop {pictures / loop_s:.1f}/s, command "
        f"{pictures / command_s:.1f}/s, ratio {loop_s / command_s:.2f}; {constant_s:.1f} s of the "
        "command do not grow"
    )


def _write_utkface(data: Path, folder: Path, pictures: int) -> int:
    """Pictures from all over the data set, named as they were; how many."""
    file = pq.ParquetFile(data / "utkface_trainval.parquet")
    step = max(1, file.metadata.num_rows // pictures)
    copies = [folder / f"{number}" for number in range(-(-pictures // file.metadata.num_rows))]
    for copy in copies:
        copy.mkdir(parents=True)
    seen = written = 0
    for batch in file.iter_batches(512, columns=["file", "image"]):
        for row in batch.to_pylist():
            for number, copy in enumerate(copies if seen % step == 0 else ()):
                if written < pictures:
                    # What follows a JPEG's end is not looked at; it makes another file of it.
                    (copy / row["file"]).write_bytes(row["image"] + bytes(number))
                    written += 1
            seen += 1
    return written


def _measured(command: list[str]) -> Run:
    peak = Memory(0.0, 0.0)
    cpu_s: dict[int, float] = {}  # of every process that was seen, as it was seen last
    start, busy_s = time.perf_counter(), _busy_s()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not _ended(process):
        memory = _sample(process.pid, cpu_s)
        peak = Memory(max(peak.own_mb, memory.own_mb), max(peak.beside_mb, memory.beside_mb))
    seconds = time.perf_counter() - start
    others_s = _busy_s() - busy_s - sum(cpu_s.values())
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed")
    return Run(seconds, peak.own_mb, peak.beside_mb, max(0.0, others_s / seconds))


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it is over, or will be before the next look."""
    try:
        process.wait(SAMPLED_EVERY_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _sample(pid: int, cpu_s: dict[int, float]) -> Memory:
    """The memory of a process and of its descendants now; their processor time goes to cpu_s."""
    own = beside = 0.0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return Memory(0.0, 0.0)
    for member in family:
        try:
            used = member.cpu_times()
            cpu_s[member.pid] = used.user + used.system
            if member.pid == pid or "MapWorker" in "".join(member.cmdline()):
                own += member.memory_full_info().pss / 1e6
            else:
                beside += member.memory_info().rss / 1e6
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return Memory(own, beside)


def _busy_s() -> float:
    """The processor time that the whole machine has spent."""
    spent = psutil.cpu_times()
    return float(spent.user + spent.nice + spent.system)


def _contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


if __name__ == "__main__":
    main()
