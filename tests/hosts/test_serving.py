"""The service on a cluster of real hosts, under load, while replicas and hosts come and go."""

from collections import Counter
from collections.abc import Callable
from time import sleep

import httpx
import pytest

from faceage_core.pipeline import FacePipeline
from tests.hosts.cluster import Cluster, until
from tests.hosts.load import Comparison, Load, comparison
from tests.hosts.serving import Service, config, proxy

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(600)]

BEFORE_S = 10.0
SCALED, SCALED_WITHIN_S = "Detector", 120.0
BACK_WITHIN_S = 60.0
REPLACED_WITHIN_S = 180.0  # four replicas start on cores that are busy with the load
UPDATED_TIMEOUT_S = 59.0
# Of the throughput before; this machine's other work makes it waver by as much.
BACK = 0.8

Say = Callable[[str], None]


def test_the_sample_pair_is_answered_by_every_host(
    service: Service, cluster: Cluster, pipeline: FacePipeline, samples: dict[str, bytes]
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


@pytest.mark.long
def test_the_service_outlives_a_host(
    service: Service, cluster: Cluster, comparisons: list[Comparison], say: Say
) -> None:
    *left, dying = cluster.workers
    with Load(service.proxies, comparisons) as load:
        sleep(BEFORE_S)
        lost_s = load.now_s
        with dying.lost():
            took_s = back_s(load, lost_s)
            until(lambda: service.complete_on(*left), REPLACED_WITHIN_S)
            whole_s = load.now_s - lost_s
    say(
        f"a host dies after {lost_s:.0f} s\n{load.story()}\n"
        f"throughput back after {took_s:.1f} s, every stage's replicas after {whole_s:.1f} s"
    )
    only_at(load, proxy(dying))
    cluster.await_nodes(len(cluster.hosts))


@pytest.mark.long
def test_a_rolling_update_loses_no_request_and_spreads_the_replicas_again(
    service: Service, cluster: Cluster, comparisons: list[Comparison], say: Say
) -> None:
    with Load(service.proxies, comparisons, clients=2) as load:
        sleep(BEFORE_S / 2)
        began_s = load.now_s
        service.deploy(config(timeout_s=UPDATED_TIMEOUT_S))
        took_s = load.now_s - began_s
        sleep(BEFORE_S / 2)
    say(f"a rolling update after {began_s:.0f} s takes {took_s:.0f} s\n{load.story()}")
    assert load.sent
    assert not load.failed()
    assert service.spread()


@pytest.mark.long
def test_the_service_outlives_a_partition(
    service: Service, cluster: Cluster, comparisons: list[Comparison], say: Say
) -> None:
    *left, cut = cluster.workers
    assert service.spread()  # as the update above leaves it
    with Load(service.proxies, comparisons) as load:
        sleep(BEFORE_S)
        lost_s = load.now_s
        with cut.cut_off():
            took_s = back_s(load, lost_s)
            until(lambda: service.complete_on(*left), REPLACED_WITHIN_S)
            whole_s = load.now_s - lost_s
        plugged_s = load.now_s
        cluster.await_nodes(len(cluster.hosts))
        joined_s = load.now_s - plugged_s
    say(
        f"a host is cut off after {lost_s:.0f} s, until {plugged_s:.0f} s\n{load.story()}\n"
        f"throughput back after {took_s:.1f} s, every stage's replicas after {whole_s:.1f} s; the "
        f"host is back {joined_s:.0f} s after its link"
    )
    only_at(load, proxy(cut))


@pytest.mark.long
def test_load_scales_a_stage_over_the_hosts_and_back(
    service: Service, comparisons: list[Comparison], say: Say
) -> None:
    quick = {"upscale_delay_s": 1.0, "downscale_delay_s": 5.0, "look_back_period_s": 2.0}
    made = config(timeout_s=UPDATED_TIMEOUT_S)  # as above, so that no other stage is replaced
    (detector,) = (one for one in made["applications"][0]["deployments"] if one["name"] == SCALED)
    detector["autoscaling_config"] = {
        "min_replicas": 1,
        "max_replicas": 4,
        "target_ongoing_requests": 1,
        **quick,
    }
    service.deploy(made)
    until(lambda: service.replicas()[SCALED].total() == 1, SCALED_WITHIN_S)
    line: list[tuple[float, Counter[str]]] = []

    def scaled(load: Load, reached: Callable[[Counter[str]], bool]) -> bool:
        places = service.replicas()[SCALED]
        if not line or line[-1][1] != places:
            line.append((load.now_s, places))
        return reached(places)

    with Load(service.proxies, comparisons, clients=8) as load:
        until(lambda: scaled(load, lambda places: places.total() == 4), SCALED_WITHIN_S)
        ends_s = load.now_s
    until(lambda: scaled(load, lambda places: places.total() == 1), SCALED_WITHIN_S)
    say(
        "\n".join(
            [f"{SCALED}, 8 clients until {ends_s:.0f} s"]
            + [f"{at_s:5.0f} s  {dict(sorted(places.items()))}" for at_s, places in line]
            + [load.story()]
        )
    )
    assert load.sent
    assert not load.failed()
    most = max((places for _, places in line), key=Counter.total)
    assert len(most) == len(service.proxies)


def back_s(load: Load, lost_s: float) -> float:
    """How long it takes after a loss until throughput is back, over five seconds."""
    before = load.rate(lost_s - BEFORE_S / 2, lost_s)
    assert before > 0, load.story()
    sleep(5)
    while load.rate(load.now_s - 5, load.now_s) < BACK * before:
        assert load.now_s - lost_s < BACK_WITHIN_S, load.story()
        sleep(0.5)
    return load.now_s - lost_s


def only_at(load: Load, lost: str) -> None:
    """No wrong answer, and no failure but of requests that the lost host's proxy had."""
    failed = load.failed()
    assert all(one.proxy == lost for one in failed), load.story()
    assert all(one.problem != "wrong answer" for one in failed)
