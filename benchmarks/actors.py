"""The service's processes on this machine, told apart by the titles that Ray gives them."""

import re

import psutil

PROXY = "Proxy"
_TITLES = re.compile(r"ray::(?:ServeReplica:(?:\w+:)?(?P<stage>\w+)|ProxyActor)")


def processes() -> list[tuple[str, psutil.Process]]:
    """The proxies and the replicas that this process started, each by the name of its stage."""
    return [
        (title["stage"] or PROXY, process)
        for process in psutil.Process().children(recursive=True)
        if (title := _TITLES.match(" ".join(process.cmdline())))
    ]
