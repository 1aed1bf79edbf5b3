"""The command `faceage serve` in a process of its own, as users start it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import httpx

from faceage_core.ports import free_port

COMMAND = str(Path(sys.executable).with_name("faceage"))
IN_PROCESS = "--in-process"
# By the name in reports: the options that choose where the stages run.
KINDS: dict[str, tuple[str, ...]] = {"ray": (), "in-process": (IN_PROCESS,)}
_READY = "serving on "  # the line that the command prints
_READY_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Served:
    """A running service.

    Attributes:
        address: "http://host:port".
        ready_s: the time from the start of the process until /readyz answered.
    """

    address: str
    ready_s: float


@contextmanager
def serving(*options: str) -> Iterator[Served]:
    """Run `faceage serve` with these options on a free port inside a `with` block.

    Raises:
        RuntimeError: the command ended before it was ready; the message is its last line.
    """
    port = free_port()
    start = time.perf_counter()
    with (
        TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            [COMMAND, "serve", "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            if not any(line.startswith(_READY) for line in process.stdout):
                errors.seek(0)
                raise RuntimeError(f"faceage serve ended: {last_line(errors.read())}")
            address = f"http://127.0.0.1:{port}"
            ready = httpx.get(f"{address}/readyz", timeout=_READY_TIMEOUT_S, trust_env=False)
            ready.raise_for_status()
            yield Served(address, time.perf_counter() - start)
        finally:
            _stop(process)


def last_line(text: str) -> str:
    """The last line that is not blank; "" if there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
