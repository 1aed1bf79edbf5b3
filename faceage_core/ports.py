"""TCP ports of this machine."""

import socket


def free_port() -> int:
    """A TCP port that is not in use on any address of this machine."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
