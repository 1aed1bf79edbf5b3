"""Hosts on one machine: network namespaces, each with an address, processes and an sshd."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

BRIDGE = "faceage0"
ADDRESSES = "10.87.13."
GATEWAY = f"{ADDRESSES}1"  # the address of this machine for the hosts
SSH_DAEMON = "/usr/sbin/sshd"
REQUIRED_PROGRAMS = (
    "ip", "unshare", "ssh", "ssh-keygen", "rsync", "make", "redis-server", SSH_DAEMON,
)  # fmt: skip

_DAEMON = """
Port 22
HostKey {key}
AuthorizedKeysFile {key}.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
MaxStartups 100
# The hosts share this machine's cores: each worker offers one CPU to Ray, and the head none.
SetEnv RAY_OVERRIDE_RESOURCES="{{\\"CPU\\":{cpus}}}"
"""
# A host has its own name, home and Ray folder; the rest of the disk is shared, as with NFS.
_BOOT = """
hostname {name}
mount --bind {users} /etc/passwd
mkdir -p /var/tmp/ray {ray} /run/sshd
mount --bind {ray} /var/tmp/ray
exec {daemon} -D -f {config}
"""


def missing_requirement() -> str | None:
    """Why this machine cannot run hosts; None if it can."""
    if os.geteuid() != 0:
        return "hosts need root"
    missing = [name for name in REQUIRED_PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"hosts need {', '.join(missing)}"
    attempt = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "true"], check=False
    )
    return None if attempt.returncode == 0 else "namespaces are not allowed here"


def run(*command: str) -> str:
    """Run a command that must succeed, and return its output.

    Raises:
        CalledProcessError: it failed; the error has its stderr.
    """
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


class Host:
    """One host; it runs until `kill` or until the network is removed."""

    def __init__(self, number: int, folder: Path, key: Path) -> None:
        self.number = number
        self.name = f"faceage-{number}"
        self.address = f"{ADDRESSES}{10 + number}"
        self.home = folder / self.name
        self.ray = folder / f"{self.name}.ray"
        self._folder, self._key = folder, key
        self._link = f"{BRIDGE}-{number}"
        self._process: subprocess.Popen[bytes] | None = None
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self._link, "type", "veth", "peer", "eth0", "netns", self.name)
        run("ip", "link", "set", self._link, "master", BRIDGE, "up")
        inside = ("ip", "-n", self.name)
        run(*inside, "address", "add", f"{self.address}/24", "dev", "eth0")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "route", "add", "default", "via", GATEWAY)

    def boot(self) -> None:
        """Start the host; its files are those of the previous boot."""
        self.home.mkdir(exist_ok=True)
        config = self._folder / f"{self.name}.sshd"
        config.write_text(_DAEMON.format(key=self._key, cpus=min(self.number, 1)))
        users = self._folder / f"{self.name}.users"
        users.write_text(_users(self.home))
        script = _BOOT.format(
            name=self.name,
            users=users,
            ray=self.ray,
            daemon=SSH_DAEMON,
            config=config,
        )
        spaces = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, *spaces, "sh", "-ec", script],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """Kill every process of the host at once, as a power failure does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def disconnected(self) -> Iterator[None]:
        """Disable the network link until the block ends; the processes continue."""
        run("ip", "link", "set", self._link, "down")
        try:
            yield
        finally:
            run("ip", "link", "set", self._link, "up")

    @contextmanager
    def powered_off(self) -> Iterator[None]:
        """Kill the host and disable its link; start it again when the block ends."""
        try:
            with self.disconnected():
                self.kill()
                yield
        finally:
            self.boot()


def _processes(name: str) -> list[int]:
    """The processes of a network namespace; none if it does not exist."""
    try:
        return [int(process) for process in run("ip", "netns", "pids", name).split()]
    except subprocess.CalledProcessError:
        return []


def _users(home: Path) -> str:
    """The content of /etc/passwd with another home for root."""
    lines = []
    for line in Path("/etc/passwd").read_text().splitlines():
        name, *between, _, shell = line.split(":")
        lines.append(":".join([name, *between, str(home), shell]) if name == "root" else line)
    return "\n".join([*lines, ""])


class Network(ExitStack):
    """Hosts that reach each other and this machine; they are removed when the block ends."""

    def __init__(self, folder: Path, hosts: int) -> None:
        super().__init__()
        self._remove_leftovers(hosts)
        self.key = folder / "key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{GATEWAY}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        self.hosts = [Host(number, folder, self.key) for number in range(hosts)]
        self.callback(self._remove_leftovers, hosts)
        for host in self.hosts:
            self.callback(host.kill)
            host.boot()

    @staticmethod
    def _remove_leftovers(hosts: int) -> None:
        """Remove the processes, namespaces and links of this or of a killed test run."""
        for number in range(hosts):
            for process in _processes(f"faceage-{number}"):
                with suppress(ProcessLookupError):  # it ended with another one
                    os.kill(process, signal.SIGKILL)
        links = [f"{BRIDGE}-{number}" for number in range(hosts)]
        deletions = [("netns", "delete", f"faceage-{number}") for number in range(hosts)]
        for deletion in [*deletions, *(("link", "delete", link) for link in [*links, BRIDGE])]:
            with suppress(subprocess.CalledProcessError):  # it does not exist
                run("ip", *deletion)
