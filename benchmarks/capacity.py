"""CPU time per comparison of each stage of the service, and the cluster size computed from it.

    python -m benchmarks.capacity

The service runs with one replica per stage. Eight comparisons are in flight at any time, enough to
keep the machine busy. The cost of a stage is the CPU time of its process divided by the number of
comparisons. Unlike the response time, CPU time hardly depends on the load of the machine. The
cluster for a rate of comparisons: enough replicas to be busy 60 % of the time at the peak, at
least two, on nodes of eight CPUs, of which one may be lost.
"""

import argparse
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.load_generator import send_all
from benchmarks.photos import Pair, load_pairs
from benchmarks.serve_processes import PROXY, serve_processes
from benchmarks.table import table
from benchmarks.timing import Stopwatch, TimeSpent
from deployments.app import AppArgs
from deployments.local import running
from faceage_core.ports import free_port

SEED = 0
CONCURRENCY = 8
WARM_UP = 32
UTILISATION = 0.6  # queues grow long above it
MIN_REPLICAS = 2
NODE_CPUS = 8
_MB = 1e6


@dataclass(frozen=True)
class Cost:
    """CPU time that a stage's process used for all comparisons, and its resident memory."""

    cpu_s: float
    resident_bytes: int


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("--pairs", type=int, default=300, help="number of pairs (default 300)")
    parser.add_argument(
        "--rates",
        type=float,
        nargs="+",
        default=[10, 100, 1000],
        help="comparisons per second to size a cluster for",
    )
    args = parser.parse_args(argv)
    description, pairs = load_pairs(None, args.pairs, seed=SEED)
    with running(AppArgs(), port=free_port()) as address:
        costs, spent = measure(address, pairs)
    print(f"{len(pairs)} {description} on {os.cpu_count()} cores, {CONCURRENCY} at a time")
    print_costs(costs, spent, len(pairs))
    print_sizes({stage: cost.cpu_s / len(pairs) for stage, cost in costs.items()}, args.rates)
    return 0


def measure(address: str, pairs: list[Pair]) -> tuple[dict[str, Cost], TimeSpent]:
    """The cost of all pairs for each stage, and the time spent.

    Raises:
        RuntimeError: a stage was scaled during the measurement.
    """
    send_all(address, pairs[:WARM_UP], concurrency=CONCURRENCY)
    before = _process_costs()
    watch = Stopwatch()
    send_all(address, pairs, concurrency=CONCURRENCY)
    spent = watch.read()
    after = _process_costs()
    if after.keys() != before.keys():
        raise RuntimeError("a stage was scaled during the measurement; use fewer --pairs")
    return {
        stage: Cost(cost.cpu_s - before[stage, process].cpu_s, cost.resident_bytes)
        for (stage, process), cost in after.items()
    }, spent


def _process_costs() -> dict[tuple[str, int], Cost]:
    costs = {}
    for stage, process in serve_processes():
        cpu = process.cpu_times()
        cost = Cost(cpu.user + cpu.system, process.memory_info().rss)
        costs[stage, process.pid] = cost
    return costs


def print_costs(costs: dict[str, Cost], spent: TimeSpent, pairs: int) -> None:
    """Print the cost of each stage and of the whole machine."""
    rows = [
        (
            stage,
            f"{cost.cpu_s / pairs * 1000:.1f}",
            f"{pairs / cost.cpu_s:.1f}",
            f"{cost.resident_bytes / _MB:.0f}",
        )
        for stage, cost in sorted(costs.items())
    ]
    print(table(("stage", "CPU ms/comparison", "comparisons/s/core", "resident MB"), rows))
    print(
        f"{pairs / spent.wall_s:.1f} comparisons/s; {spent.cpu_s / pairs * 1000:.0f} CPU ms per "
        f"comparison, including Ray's own processes and the client; other programs used "
        f"{spent.others_cpu_s / spent.wall_s:.2f} cores"
    )


def replicas(cpu_s: float, rate: float) -> int:
    """The number of replicas that a stage needs.

    A replica processes one request at a time on one CPU, so this is the load in CPUs divided by
    the utilisation.

    Args:
        cpu_s: CPU time of the stage per comparison.
        rate: comparisons per second.
    """
    return max(MIN_REPLICAS, math.ceil(rate * cpu_s / UTILISATION))


def nodes(counts: Mapping[str, int]) -> int:
    """The number of nodes for these replicas, one CPU each, one CPU per node for the proxy, and one
    spare node.
    """
    return 1 + math.ceil(sum(counts.values()) / (NODE_CPUS - 1))


def print_sizes(costs: Mapping[str, float], rates: Sequence[float]) -> None:
    """Print the replicas of each stage and the nodes for each rate."""
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
