"""The service on a cluster under load, while replicas and hosts start and stop."""

from collections.abc import Callable
from time import sleep

import httpx
import pytest

from faceage_core.pipeline import Pipeline
from tests.answers import same_answer
from tests.hosts.cluster import Cluster, wait_until
from tests.hosts.load import Comparison, Load, comparison
from tests.hosts.serving import Service, config, proxy

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1800)]

BEFORE_S = 10.0
ANSWERS = 20
UPDATED_TIMEOUT_S = 59.0
# Of the throughput before the loss; other programs on this machine change it by as much.
RECOVERED_SHARE = 0.8

PrintFn = Callable[[str], None]


@pytest.mark.ci
def test_every_host_answers_a_comparison(
    service: Service, cluster: Cluster, pipeline: Pipeline, samples: dict[str, bytes]
) -> None:
    assert "RUNNING" in cluster.check_output("serve", "status")
    assert service.is_spread()
    pair = comparison(pipeline, samples, ("obama_2009.jpg", "obama_2012.jpg"))
    for address in service.proxies:
        response = httpx.post(
            f"{address}/v1/compare", files=pair.files, timeout=60, trust_env=False
        )
        assert same_answer(response.json(), pair.answer)
        assert response.json()["verification"]["is_match"]


@pytest.mark.ci
def test_the_service_survives_the_loss_of_a_host(
    service: Service, cluster: Cluster, comparisons: list[Comparison], print_measured: PrintFn
) -> None:
    *left, dying = cluster.workers
    with Load(service.proxies, comparisons) as load:
        wait_until(lambda: load.count_correct(since_s=0) >= ANSWERS)
        sleep(BEFORE_S)
        lost_s = load.now_s
        with dying.powered_off():
            wait_until(lambda: load.count_correct(since_s=lost_s) >= ANSWERS)
            wait_until(lambda: service.is_complete_on(*left))
            recovered_s = load.now_s - lost_s
    print_measured(
        f"a host dies after {lost_s:.0f} s\n{load.timeline()}\n"
        f"{recovery_time(load, lost_s)}, every stage's replicas after {recovered_s:.1f} s"
    )
    assert_failures_only_at(load, proxy(dying))
    cluster.wait_for_nodes(len(cluster.hosts))


def test_a_rolling_update_loses_no_request_and_uses_every_host(
    service: Service, cluster: Cluster, comparisons: list[Comparison], print_measured: PrintFn
) -> None:
    with Load(service.proxies, comparisons, clients=2) as load:
        wait_until(lambda: load.count_correct(since_s=0) >= ANSWERS)
        began_s = load.now_s
        service.deploy(config(timeout_s=UPDATED_TIMEOUT_S))
        took_s = load.now_s - began_s
        ended_s = load.now_s
        wait_until(lambda: load.count_correct(since_s=ended_s) >= ANSWERS)
    print_measured(
        f"a rolling update after {began_s:.0f} s takes {took_s:.0f} s\n{load.timeline()}"
    )
    assert load.requests
    assert not load.failed()
    assert service.is_spread()


def test_the_service_survives_a_network_partition(
    service: Service, cluster: Cluster, comparisons: list[Comparison], print_measured: PrintFn
) -> None:
    *left, cut = cluster.workers
    assert service.is_spread()  # after the rolling update above
    with Load(service.proxies, comparisons) as load:
        wait_until(lambda: load.count_correct(since_s=0) >= ANSWERS)
        sleep(BEFORE_S)
        lost_s = load.now_s
        with cut.disconnected():
            wait_until(lambda: load.count_correct(since_s=lost_s) >= ANSWERS)
            wait_until(lambda: service.is_complete_on(*left))
            recovered_s = load.now_s - lost_s
        reconnected_s = load.now_s
        cluster.wait_for_nodes(len(cluster.hosts))
        joined_s = load.now_s - reconnected_s
    print_measured(
        f"a host is cut off after {lost_s:.0f} s, until {reconnected_s:.0f} s\n{load.timeline()}\n"
        f"{recovery_time(load, lost_s)}, every stage's replicas after {recovered_s:.1f} s; the "
        f"host is back {joined_s:.0f} s after its link"
    )
    assert_failures_only_at(load, proxy(cut))


def recovery_time(load: Load, lost_s: float) -> str:
    """When the throughput over five seconds had recovered, as text; it is not asserted."""
    before = load.rate(lost_s - BEFORE_S / 2, lost_s)
    for since_s in range(int(lost_s) + 1, int(load.now_s) - 4):
        if load.rate(since_s, since_s + 5) >= RECOVERED_SHARE * before:
            return f"throughput recovered after {since_s + 5 - lost_s:.0f} s"
    return "throughput not recovered before the load ended"


def assert_failures_only_at(load: Load, lost: str) -> None:
    """Assert that only requests to the lost host failed, and that no answer was wrong."""
    failed = load.failed()
    assert all(one.proxy == lost for one in failed), load.timeline()
    assert all(one.error != "wrong answer" for one in failed)
