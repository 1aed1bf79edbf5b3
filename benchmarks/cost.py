"""What one comparison costs each stage of the service, for the sizing of a cluster.

    python -m benchmarks.cost

The service runs with one replica a stage. Comparisons are sent eight at a time, enough to keep this
machine busy; the processor time that every stage's process spends meanwhile, divided by the
comparisons, is what one comparison costs it. Processor time hardly depends on how
busy the machine is, unlike the time an answer takes. From it follows what a cluster needs for so
many comparisons a second: replicas that are busy six tenths of the time at the peak, two at least,
on nodes of eight CPUs, one of which may be lost.
"""

import argparse
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.actors import PROXY, processes
from benchmarks.load import free_port, send_all
from benchmarks.photos import Pair, pairs_from
from benchmarks.stopwatch import Spent, Stopwatch
from benchmarks.table import table
from deployments.app import AppArgs
from deployments.local import running

SEED = 0
CONCURRENCY = 8
WARM_UP = 32
BUSY = 0.6  # a queue grows long where servers are busier
MIN_REPLICAS = 2
NODE_CPUS = 8
_MB = 1e6


@dataclass(frozen=True)
class Cost:
    """What a stage's process spent on all comparisons, and what it holds."""

    cpu_s: float
    resident_bytes: int


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("--pairs", type=int, default=300, help="how many (default 300)")
    parser.add_argument(
        "--rates", type=float, nargs="+", default=[10, 100, 1000], help="comparisons/s to size for"
    )
    args = parser.parse_args(argv)
    name, pairs = pairs_from(None, args.pairs, seed=SEED)
    with running(AppArgs(), port=free_port()) as address:
        costs, spent = measure(address, pairs)
    print(f"{len(pairs)} {name} on {os.cpu_count()} cores, {CONCURRENCY} at a time")
    print_costs(costs, spent, len(pairs))
    print_sizes({stage: cost.cpu_s / len(pairs) for stage, cost in costs.items()}, args.rates)
    return 0


def measure(address: str, pairs: list[Pair]) -> tuple[dict[str, Cost], Spent]:
    """Each stage's cost of all pairs, and what the whole took.

    Raises:
        RuntimeError: a stage was given another replica meanwhile.
    """
    send_all(address, pairs[:WARM_UP], concurrency=CONCURRENCY)
    before = _used()
    watch = Stopwatch()
    send_all(address, pairs, concurrency=CONCURRENCY)
    spent = watch.read()
    after = _used()
    if after.keys() != before.keys():
        raise RuntimeError("a stage was scaled meanwhile; take fewer --pairs")
    return {
        stage: Cost(cost.cpu_s - before[stage, process].cpu_s, cost.resident_bytes)
        for (stage, process), cost in after.items()
    }, spent


def _used() -> dict[tuple[str, int], Cost]:
    used = {}
    for stage, process in processes():
        cpu = process.cpu_times()
        cost = Cost(cpu.user + cpu.system, process.memory_info().rss)
        used[stage, process.pid] = cost
    return used


def print_costs(costs: dict[str, Cost], spent: Spent, pairs: int) -> None:
    """The table, and what the machine as a whole did."""
    rows = [
        (
            stage,
            f"{cost.cpu_s / pairs * 1000:.1f}",
            f"{pairs / cost.cpu_s:.1f}",
            f"{cost.resident_bytes / _MB:.0f}",
        )
        for stage, cost in sorted(costs.items())
    ]
    print(table(("stage", "CPU ms a comparison", "comparisons/s a core", "resident MB"), rows))
    print(
        f"{pairs / spent.wall_s:.1f} comparisons/s; {spent.cpu_s / pairs * 1000:.0f} CPU ms each "
        f"in all, Ray's own processes and the client included; others took "
        f"{spent.others_cpu_s / spent.wall_s:.2f} cores"
    )


def replicas(cpu_s: float, rate: float) -> int:
    """How many replicas a stage needs that spends so much on each of so many comparisons a second.

    A replica does one thing at a time on one CPU, so that this is the load in CPUs over what part
    of the time each may be busy.
    """
    return max(MIN_REPLICAS, math.ceil(rate * cpu_s / BUSY))


def nodes(counts: Mapping[str, int]) -> int:
    """How many nodes hold these replicas, a CPU each, and a proxy each, with one node lost."""
    return 1 + math.ceil(sum(counts.values()) / (NODE_CPUS - 1))


def print_sizes(costs: Mapping[str, float], rates: Sequence[float]) -> None:
    """For each rate the replicas of each stage, and the nodes."""
    stages = sorted(costs.keys() - {PROXY})
    rows = []
    for rate in rates:
        counts = {stage: replicas(costs[stage], rate) for stage in stages}
        per_proxy = rate / nodes(counts)
        rows.append(
            (
                f"{rate:g}",
                *(str(counts[stage]) for stage in stages),
                str(nodes(counts)),
                f"{per_proxy * costs[PROXY]:.0%}",
            )
        )
    print()
    print(table(("comparisons/s", *stages, f"nodes of {NODE_CPUS} CPUs", "proxy busy"), rows))


if __name__ == "__main__":
    sys.exit(main())
