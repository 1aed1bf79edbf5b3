"""Whether the service's memory stays flat under photos of many sizes.

    python -m benchmarks.memory

2,000 comparisons, four at a time, of the sample photos in 300 sizes between 40 and 2,000 pixels a
side. Every replica's resident memory is read between two lots of requests, when none is under way.
The exit code is 1 if a replica grew by 5 % or more after the first 500.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from benchmarks.actors import PROXY, processes
from benchmarks.load import free_port, send_all
from benchmarks.photos import Pair, resized_photos
from benchmarks.table import table
from deployments.app import AppArgs
from deployments.local import running

SEED = 0
SIZES = 300
MIN_SIDE_PX, MAX_SIDE_PX = 40, 2000
CONCURRENCY = 4
LOT = 100  # requests between two readings
SETTLED_AFTER = 0.25  # of all requests: 500 of 2,000
GROWTH_LIMIT = 0.05

_MB = 1e6


@dataclass(frozen=True)
class Readings:
    """Each replica's resident memory in bytes, after each lot of requests, and what was answered.

    Attributes:
        lots: for each lot one reading a replica.
        statuses: how often each HTTP status came.
    """

    lots: list[dict[str, int]]
    statuses: Counter[int]

    def since_settled(self, replica: str) -> list[int]:
        """What it held after the first quarter of the requests, and after each lot since."""
        first = max(0, round(len(self.lots) * SETTLED_AFTER) - 1)
        return [lot[replica] for lot in self.lots[first:]]

    def growth(self, replica: str) -> float:
        """By which part of the settled memory it grew until the end."""
        readings = self.since_settled(replica)
        return readings[-1] / readings[0] - 1


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=2000, help="how many (default 2000)")
    parser.add_argument("--sizes", type=int, default=SIZES, help="different sizes (default 300)")
    args = parser.parse_args(argv)
    photos = resized_photos(args.sizes, min_side_px=MIN_SIDE_PX, max_side_px=MAX_SIDE_PX, seed=SEED)
    print(f"{args.requests} requests, photos of {len(photos)} sizes", flush=True)
    with running(AppArgs(), port=free_port()) as address:
        readings = measure(address, photos, requests=args.requests)
    print_readings(readings)
    return 0 if all(readings.growth(name) < GROWTH_LIMIT for name in readings.lots[-1]) else 1


def measure(address: str, photos: list[bytes], *, requests: int) -> Readings:
    """Send random pairs of the photos, and read the replicas' memory after each lot."""
    draw = random.Random(SEED)
    lots, statuses = [], Counter[int]()
    for start in range(0, requests, LOT):
        pairs = [Pair(*draw.choices(photos, k=2)) for _ in range(min(LOT, requests - start))]
        replies = send_all(address, pairs, concurrency=CONCURRENCY)
        statuses.update(reply.status for reply in replies)
        lots.append(resident_bytes())
    return Readings(lots, statuses)


def resident_bytes() -> dict[str, int]:
    """The resident memory of each replica that this process started, by deployment and process."""
    return {
        f"{stage} {process.pid}": process.memory_info().rss
        for stage, process in processes()
        if stage != PROXY
    }


def print_readings(readings: Readings) -> None:
    """The table."""
    settled = max(1, round(len(readings.lots) * SETTLED_AFTER)) * LOT
    header = ("resident MB", f"after {settled}", "at the end", "growth", "lowest-highest since")
    print(table(header, [_row(readings, replica) for replica in readings.lots[-1]]))
    counts = ", ".join(
        f"{count} times {status} {HTTPStatus(status).phrase}"
        for status, count in sorted(readings.statuses.items())
    )
    print(f"answers: {counts}; the limit of growth is {GROWTH_LIMIT:.0%}")


def _row(readings: Readings, replica: str) -> tuple[str, ...]:
    since = [bytes_ / _MB for bytes_ in readings.since_settled(replica)]
    return (
        replica,
        f"{since[0]:.0f}",
        f"{since[-1]:.0f}",
        f"{readings.growth(replica):+.1%}",
        f"{min(since):.0f}-{max(since):.0f}",
    )


if __name__ == "__main__":
    sys.exit(main())
