"""The service while the head is lost, and after it has restarted with its state in Redis."""

from collections.abc import Callable
from time import sleep

import pytest

from tests.hosts.cluster import Cluster, wait_until
from tests.hosts.load import Comparison, Load
from tests.hosts.serving import Service

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(1800)]

WITHOUT_HEAD_S = 20.0
ANSWERS = 20


def test_the_service_survives_the_loss_of_the_head(
    service: Service,
    cluster: Cluster,
    comparisons: list[Comparison],
    print_measured: Callable[[str], None],
) -> None:
    before = service.replica_ids()
    with Load(service.proxies, comparisons, clients=2) as load:
        wait_until(lambda: load.count_correct(since_s=0) >= ANSWERS)
        lost_s = load.now_s
        with cluster.head.powered_off():
            sleep(WITHOUT_HEAD_S)
            wait_until(lambda: load.count_correct(since_s=lost_s) >= ANSWERS)
        back_s = load.now_s
        cluster.up()
        up_s = load.now_s
        wait_until(lambda: len(cluster.nodes()) == len(cluster.hosts))
        wait_until(service.is_running)
        recovered_s = load.now_s
        wait_until(lambda: load.count_correct(since_s=recovered_s) >= ANSWERS)
    print_measured(
        f"the head dies after {lost_s:.0f} s, boots after {back_s:.0f} s, is up after "
        f"{up_s:.0f} s, every replica runs after {recovered_s:.0f} s\n{load.timeline()}"
    )
    assert not load.failed()
    assert service.replica_ids() == before
