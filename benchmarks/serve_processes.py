"""The Ray Serve processes of this machine, identified by the process titles that Ray sets."""

import re

import psutil

PROXY = "Proxy"
_TITLES = re.compile(r"ray::(?:ServeReplica:(?:\w+:)?(?P<stage>\w+)|ProxyActor)")


def serve_processes() -> list[tuple[str, psutil.Process]]:
    """The replicas and proxies started by this process, each with its stage or `PROXY`."""
    return [
        (title["stage"] or PROXY, process)
        for process in psutil.Process().children(recursive=True)
        if (title := _TITLES.match(" ".join(process.cmdline())))
    ]
