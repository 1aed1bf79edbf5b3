"""Autoscaling of a stage over the hosts and back."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.hosts.cluster import wait_until
from tests.hosts.load import Comparison, Load
from tests.hosts.serving import Service

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1800)]

SCALED = "Detector"


def test_load_scales_a_stage_over_the_hosts_and_back(
    service: Service, comparisons: list[Comparison], print_measured: Callable[[str], None]
) -> None:
    quick = {"upscale_delay_s": 1.0, "downscale_delay_s": 5.0, "look_back_period_s": 2.0}
    made = service.config()
    (detector,) = (one for one in made["applications"][0]["deployments"] if one["name"] == SCALED)
    detector["autoscaling_config"] = {
        "min_replicas": 1,
        "max_replicas": 4,
        "target_ongoing_requests": 1,
        **quick,
    }
    service.deploy(made)
    wait_until(lambda: service.replicas()[SCALED].total() == 1)
    line: list[tuple[float, Counter[str]]] = []

    def scaled(load: Load, reached: Callable[[Counter[str]], bool]) -> bool:
        places = service.replicas()[SCALED]
        if not line or line[-1][1] != places:
            line.append((load.now_s, places))
        return reached(places)

    with Load(service.proxies, comparisons, clients=8) as load:
        wait_until(lambda: scaled(load, lambda places: places.total() == 4))
        ends_s = load.now_s
    wait_until(lambda: scaled(load, lambda places: places.total() == 1))
    print_measured(
        "\n".join(
            [f"{SCALED}, 8 clients until {ends_s:.0f} s"]
            + [f"{at_s:5.0f} s  {dict(sorted(places.items()))}" for at_s, places in line]
            + [load.timeline()]
        )
    )
    assert load.requests
    assert not load.failed()
    most = max((places for _, places in line), key=Counter.total)
    assert len(most) == len(service.proxies)
