"""Start-up time of the service, compared with a script that loads the same models.

    python -m benchmarks.startup

Each time is that of a new process: of `faceage serve` until /readyz answers, which is after all
models are loaded and warm, and of a script that imports the library and loads the default models.
Rounds of the variants alternate. The files are in the system's cache after the first round, which
is not counted.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

from benchmarks.serve_command import KINDS, serving
from benchmarks.table import table

SCRIPT = "script that loads the models"
_LOAD = "from faceage_core import Pipeline; Pipeline()"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each variant (default 5)")
    parser.add_argument(
        "--services", nargs="+", choices=KINDS, default=list(KINDS), help="default: all"
    )
    args = parser.parse_args(argv)
    times_s = measure(args.services, rounds=args.rounds)
    print(f"seconds until ready, median of {args.rounds} rounds")
    print(table(("", "s", "min-max", "ratio"), rows(times_s)))
    return 0


def measure(services: Sequence[str], *, rounds: int) -> dict[str, list[float]]:
    """The times in seconds of each variant, in turns."""
    variants: dict[str, Callable[[], float]] = {SCRIPT: _script_s}
    variants |= {_name(kind): partial(_service_s, kind) for kind in services}
    times_s: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, run in variants.items():
            seconds = run()
            if number > 0:
                times_s[name].append(seconds)
    return times_s


def rows(times_s: dict[str, list[float]]) -> list[tuple[str, ...]]:
    """The table's rows: median, range and the ratio to the script."""
    baseline = median(times_s[SCRIPT])
    return [
        (name, f"{median(s):.1f}", f"{min(s):.1f}-{max(s):.1f}", f"{median(s) / baseline:.2f}")
        for name, s in times_s.items()
    ]


def _name(kind: str) -> str:
    return " ".join(("faceage serve", *KINDS[kind]))


def _script_s() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", _LOAD], check=True)
    return time.perf_counter() - start


def _service_s(kind: str) -> float:
    with serving(*KINDS[kind]) as served:
        return served.ready_s


if __name__ == "__main__":
    sys.exit(main())
