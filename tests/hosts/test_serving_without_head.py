"""The service while its cluster has no head, and after the head is back; the state is in Redis."""

from collections.abc import Callable
from time import sleep

import pytest

from tests.hosts.cluster import Cluster, until
from tests.hosts.load import Comparison, Load
from tests.hosts.serving import Service

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(600)]

WITHOUT_HEAD_S = 20.0
REJOINED_WITHIN_S = 120.0


def test_the_service_outlives_the_head(
    service: Service,
    cluster: Cluster,
    comparisons: list[Comparison],
    say: Callable[[str], None],
) -> None:
    before = service.names()
    with Load(service.proxies, comparisons, clients=2) as load:
        sleep(10)
        lost_s = load.now_s
        with cluster.head.lost():
            sleep(WITHOUT_HEAD_S)
        back_s = load.now_s
        cluster.up()
        up_s = load.now_s
        until(lambda: len(cluster.nodes()) == len(cluster.hosts), REJOINED_WITHIN_S)
        until(service.runs, REJOINED_WITHIN_S)
        whole_s = load.now_s
        sleep(10)
    say(
        f"the head dies after {lost_s:.0f} s, is switched on after {back_s:.0f} s, is up after "
        f"{up_s:.0f} s, all is well after {whole_s:.0f} s\n{load.story()}"
    )
    assert not load.failed()
    assert load.rate(lost_s + 5, back_s) >= 0.8 * load.rate(lost_s - 5, lost_s), load.story()
    assert service.names() == before
