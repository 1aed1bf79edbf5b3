"""The service while its cluster has no head, and after the head is back; the state is in Redis."""

from collections.abc import Callable
from time import sleep

import pytest

from tests.hosts.cluster import Cluster, until
from tests.hosts.load import Comparison, Load
from tests.hosts.serving import Service

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1800)]

WITHOUT_HEAD_S = 20.0
ANSWERS = 20


def test_the_service_outlives_the_head(
    service: Service,
    cluster: Cluster,
    comparisons: list[Comparison],
    say: Callable[[str], None],
) -> None:
    before = service.names()
    with Load(service.proxies, comparisons, clients=2) as load:
        until(lambda: load.right(since_s=0) >= ANSWERS)
        lost_s = load.now_s
        with cluster.head.lost():
            sleep(WITHOUT_HEAD_S)
            until(lambda: load.right(since_s=lost_s) >= ANSWERS)
        back_s = load.now_s
        cluster.up()
        up_s = load.now_s
        until(lambda: len(cluster.nodes()) == len(cluster.hosts))
        until(service.runs)
        whole_s = load.now_s
        until(lambda: load.right(since_s=whole_s) >= ANSWERS)
    say(
        f"the head dies after {lost_s:.0f} s, is switched on after {back_s:.0f} s, is up after "
        f"{up_s:.0f} s, all is well after {whole_s:.0f} s\n{load.story()}"
    )
    assert not load.failed()
    assert service.names() == before
