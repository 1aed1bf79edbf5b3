"""Memory growth of the service under photos of many sizes.

    python -m benchmarks.memory

Sends 2,000 comparisons, four at a time, of the sample photos in 300 sizes with sides of 40 to 2,000
pixels. The resident memory of every replica is read between batches of requests, when none is in
flight. The exit code is 1 if a replica grew by 5 % or more after the first 500 requests.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from benchmarks.load_generator import send_all
from benchmarks.photos import Pair, resized_photos
from benchmarks.serve_processes import PROXY, serve_processes
from benchmarks.table import table
from deployments.app import AppArgs
from deployments.local import running
from faceage_core.ports import free_port

SEED = 0
SIZES = 300
MIN_SIDE_PX, MAX_SIDE_PX = 40, 2000
CONCURRENCY = 4
BATCH_SIZE = 100  # requests between two readings
WARM_UP_SHARE = 0.25  # of all requests: 500 of 2,000
GROWTH_LIMIT = 0.05

_MB = 1e6


@dataclass(frozen=True)
class Readings:
    """The resident memory of the replicas after each batch of requests, and the responses.

    Attributes:
        batches: for each batch, the resident bytes of each replica.
        statuses: the number of responses with each HTTP status.
    """

    batches: list[dict[str, int]]
    statuses: Counter[int]

    def after_warm_up(self, replica: str) -> list[int]:
        """The resident bytes at the end of the warm-up, and after each later batch."""
        first = max(0, round(len(self.batches) * WARM_UP_SHARE) - 1)
        return [batch[replica] for batch in self.batches[first:]]

    def growth(self, replica: str) -> float:
        """The growth from the end of the warm-up to the last batch, as a fraction."""
        readings = self.after_warm_up(replica)
        return readings[-1] / readings[0] - 1


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument(
        "--requests", type=int, default=2000, help="number of requests (default 2000)"
    )
    parser.add_argument(
        "--sizes", type=int, default=SIZES, help="number of photo sizes (default 300)"
    )
    args = parser.parse_args(argv)
    photos = resized_photos(args.sizes, min_side_px=MIN_SIDE_PX, max_side_px=MAX_SIDE_PX, seed=SEED)
    print(f"{args.requests} requests, photos of {len(photos)} sizes", flush=True)
    with running(AppArgs(), port=free_port()) as address:
        readings = measure(address, photos, requests=args.requests)
    print_readings(readings)
    return 0 if all(readings.growth(name) < GROWTH_LIMIT for name in readings.batches[-1]) else 1


def measure(address: str, photos: list[bytes], *, requests: int) -> Readings:
    """Send random pairs of the photos, and read the memory of the replicas after each batch."""
    rng = random.Random(SEED)
    batches, statuses = [], Counter[int]()
    for start in range(0, requests, BATCH_SIZE):
        pairs = [Pair(*rng.choices(photos, k=2)) for _ in range(min(BATCH_SIZE, requests - start))]
        replies = send_all(address, pairs, concurrency=CONCURRENCY)
        statuses.update(reply.status for reply in replies)
        batches.append(resident_bytes())
    return Readings(batches, statuses)


def resident_bytes() -> dict[str, int]:
    """The resident memory of each replica that this process started, by stage and process id."""
    return {
        f"{stage} {process.pid}": process.memory_info().rss
        for stage, process in serve_processes()
        if stage != PROXY
    }


def print_readings(readings: Readings) -> None:
    """Print the table and the responses."""
    warm_up = max(1, round(len(readings.batches) * WARM_UP_SHARE)) * BATCH_SIZE
    header = ("resident MB", f"after {warm_up}", "at the end", "growth", "min-max since")
    print(table(header, [_row(readings, replica) for replica in readings.batches[-1]]))
    counts = ", ".join(
        f"{count} x {status} {HTTPStatus(status).phrase}"
        for status, count in sorted(readings.statuses.items())
    )
    print(f"responses: {counts}; growth limit {GROWTH_LIMIT:.0%}")


def _row(readings: Readings, replica: str) -> tuple[str, ...]:
    megabytes = [size / _MB for size in readings.after_warm_up(replica)]
    return (
        replica,
        f"{megabytes[0]:.0f}",
        f"{megabytes[-1]:.0f}",
        f"{readings.growth(replica):+.1%}",
        f"{min(megabytes):.0f}-{max(megabytes):.0f}",
    )


if __name__ == "__main__":
    sys.exit(main())
