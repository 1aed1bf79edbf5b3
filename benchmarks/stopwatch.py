"""Wall time and processor time, and how much of the machine others took meanwhile."""

import time
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Spent:
    """What a stretch of work took.

    Attributes:
        wall_s: by the clock.
        cpu_s: processor time of this process and of all that it started, such as a service.
        others_cpu_s: processor time of everybody else on the machine.
    """

    wall_s: float
    cpu_s: float
    others_cpu_s: float


class Stopwatch:
    """It runs from the moment it is made."""

    def __init__(self) -> None:
        self._wall_s, self._own_s, self._all_s = _now()

    def read(self) -> Spent:
        """What was spent since then."""
        wall_s, own_s, all_s = _now()
        cpu_s = own_s - self._own_s
        return Spent(wall_s - self._wall_s, cpu_s, max(0.0, all_s - self._all_s - cpu_s))


def _now() -> tuple[float, float, float]:
    this = psutil.Process()
    own_s = 0.0
    for process in (this, *this.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it may end between being listed and being asked
            used = process.cpu_times()
            own_s += used.user + used.system
    every = psutil.cpu_times()
    idle_s = every.idle + getattr(every, "iowait", 0.0)
    guest_s = getattr(every, "guest", 0.0) + getattr(every, "guest_nice", 0.0)  # counted twice
    return time.perf_counter(), own_s, sum(every) - idle_s - guest_s
