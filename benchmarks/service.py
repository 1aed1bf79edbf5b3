"""The service over HTTP against the plain script, with the same weights, in one run.

    python -m benchmarks.service --data ../shared/data

Rounds of the script, of the service with one client and of the service with eight alternate, so
that all meet the same noise of the machine; the last column tells how much of it there was. The
script suffers from it far more than the service does, so ratios hold for an idle machine only.

`--data` names the folder that holds lfw_view2_folds0-2_images.parquet and
lfw_view2_folds0-2_pairs.parquet; without it the sample photos are compared. The exit code is 1 if
an answer differs from the script's.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from benchmarks.agreement import Agreement, agreement
from benchmarks.load import Reply, free_port, send_all
from benchmarks.networks import (
    box_crop,
    fit_normalisation,
    save_age,
    save_identity,
    seeded_networks,
)
from benchmarks.photos import Pair, pairs_from
from benchmarks.plain import PlainAnswer, PlainScript
from benchmarks.stopwatch import Spent, Stopwatch
from benchmarks.table import table
from deployments.app import AppArgs
from deployments.local import running
from faceage_core.detection.settings import MtcnnSettings, parse_settings
from faceage_core.models.bundles import resolve

SEED = 0
CONCURRENCIES = (1, 8)
FITTED_ON = 16  # pairs; a face of each

SCRIPT_ALONE = "plain script, before the service starts"
SCRIPT = "plain script"


@dataclass(frozen=True)
class Round:
    """All pairs once.

    Attributes:
        spent: on the whole round.
        answers_s: how long each answer took.
    """

    spent: Spent
    answers_s: list[float]


@dataclass(frozen=True)
class Report:
    """What one run measured.

    Attributes:
        rounds: for each contestant its rounds.
        first_s: what each of the first eleven requests took, the very first one included.
        agreement: of all the service's answers with the script's.
    """

    rounds: dict[str, list[Round]]
    first_s: list[float]
    agreement: Agreement


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    args = _parser().parse_args(argv)
    name, pairs = pairs_from(args.data, args.pairs, seed=SEED)
    print(f"{len(pairs)} {name} a round on {os.cpu_count()} cores", flush=True)
    report = measure(pairs, rounds=args.rounds)
    print_report(report)
    return 0 if report.agreement.equal else 1


def measure(pairs: list[Pair], *, rounds: int) -> Report:
    """Run script and service in turn, on the same pairs and with the same weights."""
    with TemporaryDirectory() as folder:
        script, args = both_sides(pairs, Path(folder))
        alone, expected = _script_round(script, pairs)
        with running(args, port=free_port()) as address:
            first = send_all(address, pairs[:1] * 11, concurrency=1)
            found = {SCRIPT_ALONE: [alone], SCRIPT: []}
            replies: list[Reply] = []
            for _ in range(rounds):
                found[SCRIPT].append(_script_round(script, pairs)[0])
                for concurrency in CONCURRENCIES:
                    one, answers = _service_round(address, pairs, concurrency)
                    found.setdefault(f"service, {concurrency} at a time", []).append(one)
                    replies += answers
    repeated = expected * (len(replies) // len(pairs))
    settings = parse_settings(resolve(args).detector, MtcnnSettings)
    return Report(
        found,
        [reply.seconds for reply in first],
        agreement(repeated, replies, confident=settings.confident),
    )


def both_sides(pairs: list[Pair], folder: Path) -> tuple[PlainScript, AppArgs]:
    """The script, and the arguments that give the service the script's networks."""
    crop = box_crop()
    identity, age = seeded_networks(SEED)
    script = PlainScript(identity, age, size_px=crop.size_px, margin_px=crop.margin_px)
    faces = [found[0] for pair in pairs[:FITTED_ON] if (found := script.crop(pair.image_1))]
    for network in (identity, age):
        fit_normalisation(network, torch.cat(faces))
    save_identity(folder / "identity", identity)
    save_age(folder / "age", age)
    return script, AppArgs(
        bundle="facenet", identity_checkpoint=folder / "identity", age_checkpoint=folder / "age"
    )


def _script_round(script: PlainScript, pairs: list[Pair]) -> tuple[Round, list[PlainAnswer | None]]:
    watch = Stopwatch()
    answers, ends = [], [time.perf_counter()]
    for pair in pairs:
        answers.append(script.compare(pair))
        ends.append(time.perf_counter())
    return Round(watch.read(), [end - start for start, end in pairwise(ends)]), answers


def _service_round(address: str, pairs: list[Pair], concurrency: int) -> tuple[Round, list[Reply]]:
    watch = Stopwatch()
    replies = send_all(address, pairs, concurrency=concurrency)
    return Round(watch.read(), [reply.seconds for reply in replies]), replies


def print_report(report: Report) -> None:
    """The table, and below it what it rests on."""
    baseline = median(_rates(report.rounds[SCRIPT]))
    header = ("", "pairs/s", "min-max", "ratio", "p50 ms", "CPU ms a pair", "cores of others")
    print(table(header, [_row(name, own, baseline) for name, own in report.rounds.items()]))
    first, *following = report.first_s
    print(
        f"\nfirst request {1000 * first:.0f} ms, median of the next {len(following)} "
        f"{1000 * median(following):.0f} ms"
    )
    print(report.agreement.summary())


def _row(name: str, rounds: list[Round], baseline: float) -> tuple[str, ...]:
    rates = _rates(rounds)
    return (
        name,
        f"{median(rates):.2f}",
        f"{min(rates):.2f}-{max(rates):.2f}",
        f"{median(rates) / baseline:.2f}",
        f"{1000 * median(s for one in rounds for s in one.answers_s):.0f}",
        f"{1000 * median(one.spent.cpu_s / len(one.answers_s) for one in rounds):.0f}",
        f"{median(one.spent.others_cpu_s / one.spent.wall_s for one in rounds):.2f}",
    )


def _rates(rounds: list[Round]) -> list[float]:
    return [len(one.answers_s) / one.spent.wall_s for one in rounds]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with lfw_view2_folds0-2_*.parquet")
    parser.add_argument("--pairs", type=int, default=40, help="pairs a round (default 40)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each (default 3)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
