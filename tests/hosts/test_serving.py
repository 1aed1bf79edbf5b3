"""The service on a cluster of real hosts, under load, while replicas and hosts come and go."""

from collections.abc import Callable
from time import sleep

import httpx
import pytest

from faceage_core.pipeline import Pipeline
from tests.hosts.cluster import Cluster, until
from tests.hosts.load import Comparison, Load, comparison
from tests.hosts.serving import Service, config, proxy

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1800)]

BEFORE_S = 10.0
ANSWERS = 20
UPDATED_TIMEOUT_S = 59.0
# Of the throughput before; this machine's other work makes it waver by as much.
BACK = 0.8

Say = Callable[[str], None]


@pytest.mark.ci
def test_the_sample_pair_is_answered_by_every_host(
    service: Service, cluster: Cluster, pipeline: Pipeline, samples: dict[str, bytes]
) -> None:
    assert "RUNNING" in cluster.succeeded("serve", "status")
    assert service.spread()
    pair = comparison(pipeline, samples, ("obama_2009.jpg", "obama_2012.jpg"))
    for address in service.proxies:
        response = httpx.post(
            f"{address}/v1/compare", files=pair.files, timeout=60, trust_env=False
        )
        answer = response.json()
        del answer["request_id"]
        assert answer == pair.answer
        assert answer["verification"]["is_match"]


@pytest.mark.ci
def test_the_service_outlives_a_host(
    service: Service, cluster: Cluster, comparisons: list[Comparison], say: Say
) -> None:
    *left, dying = cluster.workers
    with Load(service.proxies, comparisons) as load:
        until(lambda: load.right(since_s=0) >= ANSWERS)
        sleep(BEFORE_S)
        lost_s = load.now_s
        with dying.lost():
            until(lambda: load.right(since_s=lost_s) >= ANSWERS)
            until(lambda: service.complete_on(*left))
            whole_s = load.now_s - lost_s
    say(
        f"a host dies after {lost_s:.0f} s\n{load.story()}\n"
        f"{throughput_back(load, lost_s)}, every stage's replicas after {whole_s:.1f} s"
    )
    only_at(load, proxy(dying))
    cluster.await_nodes(len(cluster.hosts))


def test_a_rolling_update_loses_no_request_and_spreads_the_replicas_again(
    service: Service, cluster: Cluster, comparisons: list[Comparison], say: Say
) -> None:
    with Load(service.proxies, comparisons, clients=2) as load:
        until(lambda: load.right(since_s=0) >= ANSWERS)
        began_s = load.now_s
        service.deploy(config(timeout_s=UPDATED_TIMEOUT_S))
        took_s = load.now_s - began_s
        ended_s = load.now_s
        until(lambda: load.right(since_s=ended_s) >= ANSWERS)
    say(f"a rolling update after {began_s:.0f} s takes {took_s:.0f} s\n{load.story()}")
    assert load.sent
    assert not load.failed()
    assert service.spread()


def test_the_service_outlives_a_partition(
    service: Service, cluster: Cluster, comparisons: list[Comparison], say: Say
) -> None:
    *left, cut = cluster.workers
    assert service.spread()  # as the update above leaves it
    with Load(service.proxies, comparisons) as load:
        until(lambda: load.right(since_s=0) >= ANSWERS)
        sleep(BEFORE_S)
        lost_s = load.now_s
        with cut.cut_off():
            until(lambda: load.right(since_s=lost_s) >= ANSWERS)
            until(lambda: service.complete_on(*left))
            whole_s = load.now_s - lost_s
        plugged_s = load.now_s
        cluster.await_nodes(len(cluster.hosts))
        joined_s = load.now_s - plugged_s
    say(
        f"a host is cut off after {lost_s:.0f} s, until {plugged_s:.0f} s\n{load.story()}\n"
        f"{throughput_back(load, lost_s)}, every stage's replicas after {whole_s:.1f} s; the "
        f"host is back {joined_s:.0f} s after its link"
    )
    only_at(load, proxy(cut))


def throughput_back(load: Load, lost_s: float) -> str:
    """When throughput was back after a loss, over five seconds; a figure and no condition."""
    before = load.rate(lost_s - BEFORE_S / 2, lost_s)
    for since_s in range(int(lost_s) + 1, int(load.now_s) - 4):
        if load.rate(since_s, since_s + 5) >= BACK * before:
            return f"throughput back after {since_s + 5 - lost_s:.0f} s"
    return "throughput not back while the load lasted"


def only_at(load: Load, lost: str) -> None:
    """No wrong answer, and no failure but of requests that the lost host's proxy had."""
    failed = load.failed()
    assert all(one.proxy == lost for one in failed), load.story()
    assert all(one.problem != "wrong answer" for one in failed)
