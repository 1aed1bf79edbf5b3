"""Real hosts on one machine: network namespaces, each with its address, processes and sshd."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

BRIDGE = "faceage0"
ADDRESSES = "10.87.13."
GATEWAY = f"{ADDRESSES}1"  # this machine, as the hosts see it
SSH_DAEMON = "/usr/sbin/sshd"
NEEDED = ("ip", "unshare", "ssh", "ssh-keygen", "rsync", "make", "redis-server", SSH_DAEMON)

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
# The hosts share this machine's cores: each of them offers Ray one, the first, which leads, none.
SetEnv RAY_OVERRIDE_RESOURCES="{{\\"CPU\\":{cpus}}}"
"""
# A host has its own name, its own home and its own folder for Ray; the rest of the disk is shared,
# as it would be over NFS.
_BOOT = """
hostname {name}
mount --bind {users} /etc/passwd
mkdir -p /var/tmp/ray {ray} /run/sshd
mount --bind {ray} /var/tmp/ray
exec {daemon} -D -f {config}
"""


def why_not() -> str | None:
    """What is missing for hosts on this machine; None if nothing is."""
    if os.geteuid() != 0:
        return "hosts need root"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"hosts need {', '.join(missing)}"
    tried = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], check=False)
    return None if tried.returncode == 0 else "namespaces are not allowed here"


def run(*command: str) -> str:
    """What a command prints.

    Raises:
        CalledProcessError: it failed; its stderr is in the message's `stderr`.
    """
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


class Host:
    """One host, on until `kill` or the network's end."""

    def __init__(self, number: int, folder: Path, key: Path) -> None:
        self.number = number
        self.name = f"faceage-{number}"
        self.address = f"{ADDRESSES}{10 + number}"
        self.home = folder / self.name
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
        """Switch it on; its disk is as it was left."""
        self.home.mkdir(exist_ok=True)
        config = self._folder / f"{self.name}.sshd"
        config.write_text(_DAEMON.format(key=self._key, cpus=min(self.number, 1)))
        users = self._folder / f"{self.name}.users"
        users.write_text(_users(self.home))
        script = _BOOT.format(
            name=self.name,
            users=users,
            ray=self._folder / f"{self.name}.ray",
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
        """Power off: every process ends at once, without a word to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Its link is down for as long as the block lasts; its processes stay."""
        run("ip", "link", "set", self._link, "down")
        try:
            yield
        finally:
            run("ip", "link", "set", self._link, "up")

    @contextmanager
    def lost(self) -> Iterator[None]:
        """Off, and its link down, for as long as the block lasts."""
        try:
            with self.cut_off():
                self.kill()
                yield
        finally:
            self.boot()


def _processes(name: str) -> list[int]:
    """What runs in a network namespace; nothing if there is none of this name."""
    try:
        return [int(process) for process in run("ip", "netns", "pids", name).split()]
    except subprocess.CalledProcessError:
        return []


def _users(home: Path) -> str:
    """This machine's users, root with another home."""
    lines = []
    for line in Path("/etc/passwd").read_text().splitlines():
        name, *between, _, shell = line.split(":")
        lines.append(":".join([name, *between, str(home), shell]) if name == "root" else line)
    return "\n".join([*lines, ""])


class Network(ExitStack):
    """Hosts that reach each other and this machine; all of them go when the block ends."""

    def __init__(self, folder: Path, hosts: int) -> None:
        super().__init__()
        self._left_over(hosts)
        self.key = folder / "key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{GATEWAY}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        self.hosts = [Host(number, folder, self.key) for number in range(hosts)]
        self.callback(self._left_over, hosts)
        for host in self.hosts:
            self.callback(host.kill)
            host.boot()

    @staticmethod
    def _left_over(hosts: int) -> None:
        """Remove what this or a killed test run left of so many hosts."""
        for number in range(hosts):
            for process in _processes(f"faceage-{number}"):
                with suppress(ProcessLookupError):  # it went with another
                    os.kill(process, signal.SIGKILL)
        links = [f"{BRIDGE}-{number}" for number in range(hosts)]
        deletions = [("netns", "delete", f"faceage-{number}") for number in range(hosts)]
        for deletion in [*deletions, *(("link", "delete", link) for link in [*links, BRIDGE])]:
            with suppress(subprocess.CalledProcessError):  # it is gone, or never was
                run("ip", *deletion)
