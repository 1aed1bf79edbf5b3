"""The service on a cluster: deployed by the project's own config, and what Serve says of it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import REPOSITORY
from tests.hosts.cluster import Cluster, until
from tests.hosts.network import Host

STAGES = ("Ingress", "Detector", "AgeEstimator", "Verifier")


# One host's one CPU has to hold all replicas, and as many again during an update.
REPLICA_CPUS = 0.05


def config(**changes: Any) -> dict[str, Any]:
    """deployments/serve.yaml, with replicas small enough for hosts that share two cores.

    Args:
        **changes: in the application's arguments.
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
        """The addresses at which the worker hosts answer."""
        return [proxy(host) for host in self.cluster.workers]

    def deploy(self, config: dict[str, Any]) -> None:
        """`serve deploy`, and wait until all of it runs."""
        self.file.write_text(yaml.safe_dump(config))
        self.cluster.succeeded("serve", "deploy", str(self.file))
        until(self.runs)

    def config(self) -> dict[str, Any]:
        """What was deployed last."""
        return dict(yaml.safe_load(self.file.read_text()))

    def runs(self) -> bool:
        """Whether every deployment has all its replicas, of the newest version."""
        application = self._application()
        return application.get("status") == "RUNNING" and all(
            deployment["status"] == "HEALTHY" for deployment in application["deployments"].values()
        )

    def replicas(self) -> dict[str, Counter[str]]:
        """For each deployment how many replicas run on which host, by its address."""
        deployments = self._application().get("deployments", {})
        return {
            name: Counter(
                replica["node_ip"]
                for replica in deployments[name]["replicas"]
                if replica["state"] == "RUNNING"
            )
            for name in STAGES
        }

    def names(self) -> set[str]:
        """The replicas that run, each by the name that a restart would change."""
        return {
            replica["replica_id"]
            for deployment in self._application().get("deployments", {}).values()
            for replica in deployment["replicas"]
            if replica["state"] == "RUNNING"
        }

    def complete_on(self, *hosts: Host) -> bool:
        """Whether two replicas of every stage run, on these hosts alone."""
        addresses = {host.address for host in hosts}
        return all(
            sum(places.values()) >= 2 and places.keys() <= addresses
            for places in self.replicas().values()
        )

    def spread(self) -> bool:
        """Whether every stage runs on every worker host."""
        workers = {host.address for host in self.cluster.workers}
        return all(places.keys() == workers for places in self.replicas().values())

    def _application(self) -> dict[str, Any]:
        applications = self.cluster.asked("/api/serve/applications/")["applications"]
        return dict(applications.get("faceage", {}))


def proxy(host: Host) -> str:
    """Where the service answers on a host."""
    return f"http://{host.address}:8000"
