"""All measurements of one machine, as one Markdown file.

    python -m benchmarks.all [--data DIR] [--sections service,startup] [--quick] [--machine NAME]

`make bench` runs it. Each section is a benchmark in a process of its own, so that the models of one
do not take memory from the next. A section that fails is reported with its last line, and the
others still run; the exit code is then 1. The file is benchmarks/results/MACHINE.md; by default
MACHINE is the name of the processor and the number of cores.

DIR holds lfw_view2_folds0-2_images.parquet and lfw_view2_folds0-2_pairs.parquet; without it the
sample photos are used. The ratios are valid on an idle machine only.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import REPOSITORY, commit, machine_name, slug
from benchmarks.serve_command import last_line

RESULTS = REPOSITORY / "benchmarks" / "results"


@dataclass(frozen=True)
class Section:
    """One benchmark.

    Attributes:
        title: of the section.
        command: the arguments of Python: "-m", the module, its options.
        quick: more options for a run of few minutes; None: the section is not part of one.
        data: whether it takes --data.
    """

    title: str
    command: tuple[str, ...]
    quick: tuple[str, ...] | None
    data: bool = False

    def arguments(self, data: Path | None, *, quick: bool) -> tuple[str, ...]:
        """The arguments of Python for one run."""
        photos = ("--data", str(data)) if self.data and data else ()
        return (*self.command, *photos, *(self.quick or () if quick else ()))


@dataclass(frozen=True)
class Outcome:
    """The result of a section.

    Attributes:
        section: what was measured.
        command: as a person would type it.
        output: what it printed on stdout.
        failure: the exit code and the last line; None: it succeeded.
    """

    section: Section
    command: str
    output: str
    failure: str | None


SECTIONS = {
    "engines": Section(
        "Engines",
        ("-m", "benchmarks.engines", "--photos", "50"),
        quick=("--photos", "5", "--rounds", "1"),
        data=True,
    ),
    "detection": Section(
        "Detectors",
        ("-m", "benchmarks.detection"),
        quick=("--rounds", "1"),
        data=True,
    ),
    "service": Section(
        "The service and a plain script with equal weights",
        (
            *("-m", "benchmarks.service", "--services", "ray", "in-process"),
            *("--concurrencies", "1", "4", "16"),
        ),
        quick=("--pairs", "4", "--rounds", "1"),
        data=True,
    ),
    "packages": Section(
        "The default models and other packages",
        ("-m", "benchmarks.packages"),
        quick=("--pairs", "2", "--rounds", "1"),
        data=True,
    ),
    "startup": Section("Start-up time", ("-m", "benchmarks.startup"), quick=("--rounds", "1")),
    # Too few requests say nothing about growth.
    "memory": Section("Memory of the service", ("-m", "benchmarks.memory"), quick=None),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sections, print the report and write it."""
    words = sys.argv[1:] if argv is None else list(argv)
    args = _parser().parse_args(words)
    machine = args.machine or machine_name()
    sections = [SECTIONS[name] for name in args.sections]
    report, succeeded = measure(heading(machine, words), sections, args.data, quick=args.quick)
    args.results.mkdir(parents=True, exist_ok=True)
    file = args.results / f"{slug(machine)}.md"
    file.write_text(report, encoding="utf-8")
    print(f"wrote {file}", file=sys.stderr)
    return 0 if succeeded else 1


def measure(
    start: str, sections: Sequence[Section], data: Path | None, *, quick: bool
) -> tuple[str, bool]:
    """Run the sections one after another, and print each part of the report at once.

    Returns:
        The report, and whether every section succeeded.
    """
    print(start, flush=True)
    parts, succeeded = [start], True
    for section in sections:
        if quick and section.quick is None:
            parts.append(f"## {section.title}\n\nNot part of a quick run.\n")
        else:
            outcome = run(section, data, quick=quick)
            succeeded &= outcome.failure is None
            parts.append(describe(outcome))
        print(parts[-1], flush=True)
    return "\n".join(parts), succeeded


def run(section: Section, data: Path | None, *, quick: bool) -> Outcome:
    """Run a section in a new process."""
    arguments = section.arguments(data, quick=quick)
    command = shlex.join(("python", *arguments))
    print(f"running {command}", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    failure = None
    if done.returncode:
        reason = last_line(done.stderr) or last_line(done.stdout)
        failure = f"exit code {done.returncode}: `{reason}`"
    return Outcome(section, command, done.stdout, failure)


def heading(machine: str, arguments: Sequence[str]) -> str:
    """The beginning of the file: machine, date, commit and command."""
    command = shlex.join(("python", "-m", "benchmarks.all", *arguments))
    return f"""# Measurements on {machine}

| | |
|---|---|
| machine | {machine} |
| date | {datetime.now(UTC):%Y-%m-%d %H:%M} UTC |
| commit | {commit()} |
| command | `{command}` |
"""


def describe(outcome: Outcome) -> str:
    """A section in Markdown: its command, its output as it was printed, and its failure if any."""
    parts = [f"## {outcome.section.title}", f"`{outcome.command}`"]
    if outcome.failure is not None:
        parts.append(f"**Failed**, {outcome.failure}")
    if outcome.output.strip():
        parts.append(f"```text\n{outcome.output.rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.all",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, help="folder with lfw_view2_folds0-2_*.parquet")
    parser.add_argument(
        "--sections",
        type=_names,
        default=list(SECTIONS),
        metavar="NAME[,NAME]",
        help=f"of {', '.join(SECTIONS)} (default: all)",
    )
    parser.add_argument("--quick", action="store_true", help="fewer photos and rounds; no memory")
    parser.add_argument(
        "--machine", type=_machine, help="the machine's name, in the file and its name"
    )
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="folder of the file (benchmarks/results)"
    )
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in SECTIONS]:
        raise argparse.ArgumentTypeError(
            f"sections must be of {', '.join(SECTIONS)}, got {', '.join(unknown)}"
        )
    return names


def _machine(name: str) -> str:
    try:
        slug(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name


if __name__ == "__main__":
    sys.exit(main())
