"""Throughput of the service over HTTP, compared with the baseline script with the same weights.

    python -m benchmarks.service --data DIR [--services ray in-process] [--concurrencies 1 4 16]

Rounds of the script and of each service with each number of clients alternate, so that other
programs affect all of them alike; the last column shows how much. They slow the script down far
more than the service, so the ratios are valid on an idle machine only. The services run on Ray
Serve or in one process, as `faceage serve` starts them. They search faces with the script's
settings.

DIR holds lfw_view2_folds0-2_images.parquet and lfw_view2_folds0-2_pairs.parquet; without --data
the sample photos are compared. The exit code is 1 if an answer differs from the script's.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from benchmarks.baseline import BaselineAnswer, BaselineScript
from benchmarks.equivalence import Equivalence, check_equivalence
from benchmarks.load_generator import Reply, send_all
from benchmarks.photos import Pair, load_pairs
from benchmarks.random_networks import (
    box_crop,
    fit_normalisation,
    save_age,
    save_identity,
    seeded_networks,
)
from benchmarks.serve_command import KINDS, serving
from benchmarks.table import table
from benchmarks.timing import Stopwatch, TimeSpent
from faceage_core.cards.bundle import BundleSpec
from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import DetectorCard
from faceage_core.detection.settings import MtcnnSettings, parse_settings
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions

SEED = 0
CONCURRENCIES = (1, 8)
SERVICES = ("ray",)
FITTING_PAIRS = 16  # one face of each fits the batch normalisation

SCRIPT_ALONE = "baseline script, before the service starts"
SCRIPT = "baseline script"


@dataclass(frozen=True)
class Round:
    """One pass over all pairs.

    Attributes:
        spent: the time of the whole round.
        answers_s: the time of each answer.
    """

    spent: TimeSpent
    answers_s: list[float]


@dataclass(frozen=True)
class Report:
    """The measurements of one run.

    Attributes:
        rounds: the rounds of each variant.
        first_s: for each kind of service, the times of the first eleven requests.
        equivalence: all answers of the service compared with the script's.
    """

    rounds: dict[str, list[Round]]
    first_s: dict[str, list[float]]
    equivalence: Equivalence


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the report."""
    args = _parser().parse_args(argv)
    description, pairs = load_pairs(args.data, args.pairs, seed=SEED)
    print(f"{len(pairs)} {description} per round on {os.cpu_count()} cores", flush=True)
    report = measure(
        pairs,
        rounds=args.rounds,
        services=args.services,
        concurrencies=args.concurrencies,
    )
    print_report(report)
    return 0 if report.equivalence.equal else 1


def measure(
    pairs: list[Pair],
    *,
    rounds: int,
    services: Sequence[str] = SERVICES,
    concurrencies: Sequence[int] = CONCURRENCIES,
) -> Report:
    """Run the script and the services in turns on the same pairs with the same weights.

    Args:
        pairs: of one round.
        rounds: of each variant.
        services: kinds of `KINDS`; all of them run during all rounds.
        concurrencies: the numbers of clients.
    """
    with TemporaryDirectory() as folder, ExitStack() as stack:
        script, bundle = script_and_bundle(pairs, Path(folder))
        alone, expected = _script_round(script, pairs)
        addresses = {
            kind: stack.enter_context(serving("--bundle", str(bundle), *KINDS[kind])).address
            for kind in services
        }
        first = {
            kind: send_all(address, pairs[:1] * 11, concurrency=1)
            for kind, address in addresses.items()
        }
        by_variant = {SCRIPT_ALONE: [alone], SCRIPT: []}
        replies: list[Reply] = []
        for _ in range(rounds):
            by_variant[SCRIPT].append(_script_round(script, pairs)[0])
            for (kind, address), concurrency in product(addresses.items(), concurrencies):
                one, answers = _service_round(address, pairs, concurrency)
                name = f"service ({kind}), {concurrency} at a time"
                by_variant.setdefault(name, []).append(one)
                replies += answers
        detector = resolve(ModelOptions(bundle=str(bundle))).detector
    repeated = expected * (len(replies) // len(pairs))
    min_confidence = parse_settings(detector, MtcnnSettings).confident
    return Report(
        by_variant,
        {kind: [reply.seconds for reply in replies] for kind, replies in first.items()},
        check_equivalence(repeated, replies, min_confidence=min_confidence),
    )


def script_and_bundle(pairs: list[Pair], folder: Path) -> tuple[BaselineScript, Path]:
    """The script, and the file of a bundle with the same networks, which is written to a folder."""
    crop = box_crop()
    identity, age = seeded_networks(SEED)
    script = BaselineScript(identity, age, size_px=crop.size_px, margin_px=crop.margin_px)
    faces = [found[0] for pair in pairs[:FITTING_PAIRS] if (found := script.crop(pair.image_1))]
    for network in (identity, age):
        fit_normalisation(network, torch.cat(faces))
    save_identity(folder / "identity", identity)
    save_age(folder / "age", age)
    # The script's search, not the faster default one: the answers must be equal.
    detector = shipped_card("mtcnn", DetectorCard)
    settings = MtcnnSettings().model_dump(mode="json")
    detector = detector.model_copy(update={"settings": settings})
    (folder / "detector.json").write_text(detector.model_dump_json(), encoding="utf-8")
    spec = BundleSpec(
        name="benchmark",
        summary="The networks of the baseline script",
        detector="detector.json",
        age="age",
        gender="dlib-gender",
        identity="identity",
    )
    (folder / "bundle.json").write_text(spec.model_dump_json(), encoding="utf-8")
    return script, folder / "bundle.json"


def _script_round(
    script: BaselineScript, pairs: list[Pair]
) -> tuple[Round, list[BaselineAnswer | None]]:
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
    """Print the table, the first requests and the equivalence."""
    baseline = median(_rates(report.rounds[SCRIPT]))
    header = ("", "pairs/s", "min-max", "ratio", "p50 ms", "CPU ms/pair", "cores used by others")
    print(table(header, [_row(name, own, baseline) for name, own in report.rounds.items()]))
    print()
    for kind, (first, *following) in report.first_s.items():
        print(
            f"service ({kind}): first request {1000 * first:.0f} ms, median of the next "
            f"{len(following)} {1000 * median(following):.0f} ms"
        )
    print(report.equivalence.summary())


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
    parser.add_argument("--pairs", type=int, default=40, help="pairs per round (default 40)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each variant (default 3)")
    parser.add_argument(
        "--services", nargs="+", choices=KINDS, default=SERVICES, help="default: ray"
    )
    parser.add_argument(
        "--concurrencies", type=int, nargs="+", default=CONCURRENCIES, help="default: 1 8"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
