"""The service on a cluster: deployed with the project's config, observed through Serve's API."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import REPOSITORY
from tests.hosts.cluster import Cluster, wait_until
from tests.hosts.network import Host

STAGES = ("Ingress", "Detector", "AgeEstimator", "Verifier")

# All replicas must fit on the one CPU of a single host, and twice as many during an update.
REPLICA_CPUS = 0.05


def config(**changes: Any) -> dict[str, Any]:
    """deployments/serve.yaml, with replicas small enough for hosts that share two cores.

    Args:
        **changes: changes to the arguments of the application.
    """
    made: dict[str, Any] = yaml.safe_load((REPOSITORY / "deployments/serve.yaml").read_text())
    (application,) = made["applications"]
    application["args"] |= changes
    for deployment in application["deployments"]:
        deployment["ray_actor_options"]["num_cpus"] = REPLICA_CPUS
    return made


@dataclass(frozen=True)
class Service:
    """The service on the hosts of a cluster."""

    cluster: Cluster
    file: Path

    @property
    def proxies(self) -> list[str]:
        """The addresses of the proxies on the worker hosts."""
        return [proxy(host) for host in self.cluster.workers]

    def deploy(self, config: dict[str, Any]) -> None:
        """Run `serve deploy`, and wait until every replica runs."""
        self.file.write_text(yaml.safe_dump(config))
        self.cluster.check_output("serve", "deploy", str(self.file))
        wait_until(self.is_running)

    def config(self) -> dict[str, Any]:
        """The config that was deployed last."""
        return dict(yaml.safe_load(self.file.read_text()))

    def is_running(self) -> bool:
        """Whether every deployment has all its replicas, of the newest version."""
        application = self._application()
        return application.get("status") == "RUNNING" and all(
            deployment["status"] == "HEALTHY" for deployment in application["deployments"].values()
        )

    def replicas(self) -> dict[str, Counter[str]]:
        """For each deployment, the number of running replicas by the address of the host."""
        deployments = self._application().get("deployments", {})
        return {
            name: Counter(
                replica["node_ip"]
                for replica in deployments[name]["replicas"]
                if replica["state"] == "RUNNING"
            )
            for name in STAGES
        }

    def replica_ids(self) -> set[str]:
        """The ids of the running replicas; a restarted replica has another id."""
        return {
            replica["replica_id"]
            for deployment in self._application().get("deployments", {}).values()
            for replica in deployment["replicas"]
            if replica["state"] == "RUNNING"
        }

    def is_complete_on(self, *hosts: Host) -> bool:
        """Whether at least two replicas of every stage run, all of them on these hosts."""
        addresses = {host.address for host in hosts}
        return all(
            sum(places.values()) >= 2 and places.keys() <= addresses
            for places in self.replicas().values()
        )

    def is_spread(self) -> bool:
        """Whether every stage runs on every worker host."""
        workers = {host.address for host in self.cluster.workers}
        return all(places.keys() == workers for places in self.replicas().values())

    def _application(self) -> dict[str, Any]:
        applications = self.cluster.get_json("/api/serve/applications/")["applications"]
        return dict(applications.get("faceage", {}))


def proxy(host: Host) -> str:
    """The address of the proxy on a host."""
    return f"http://{host.address}:8000"
