"""A stage that load stretches over the hosts, and that shrinks again."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.hosts.cluster import until
from tests.hosts.load import Comparison, Load
from tests.hosts.serving import Service

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1800)]

SCALED = "Detector"


def test_load_scales_a_stage_over_the_hosts_and_back(
    service: Service, comparisons: list[Comparison], say: Callable[[str], None]
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
    until(lambda: service.replicas()[SCALED].total() == 1)
    line: list[tuple[float, Counter[str]]] = []

    def scaled(load: Load, reached: Callable[[Counter[str]], bool]) -> bool:
        places = service.replicas()[SCALED]
        if not line or line[-1][1] != places:
            line.append((load.now_s, places))
        return reached(places)

    with Load(service.proxies, comparisons, clients=8) as load:
        until(lambda: scaled(load, lambda places: places.total() == 4))
        ends_s = load.now_s
    until(lambda: scaled(load, lambda places: places.total() == 1))
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
