"""Wall time and CPU time of a piece of work, and the CPU time of other programs meanwhile."""

import time
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class TimeSpent:
    """The time that a piece of work took.

    Attributes:
        wall_s: wall-clock time.
        cpu_s: CPU time of this process and of its running descendants, such as a service.
        others_cpu_s: CPU time of all other processes of the machine.
    """

    wall_s: float
    cpu_s: float
    others_cpu_s: float


class Stopwatch:
    """Measures the time since it was created."""

    def __init__(self) -> None:
        self._wall_s, self._own_s, self._machine_s = _now()

    def read(self) -> TimeSpent:
        """The time spent since the start."""
        wall_s, own_s, machine_s = _now()
        cpu_s = own_s - self._own_s
        others_cpu_s = max(0.0, machine_s - self._machine_s - cpu_s)
        return TimeSpent(wall_s - self._wall_s, cpu_s, others_cpu_s)


def machine_cpu_s() -> float:
    """CPU time that all processes of the machine have used since it started."""
    times = psutil.cpu_times()
    idle_s = times.idle + getattr(times, "iowait", 0.0)
    guest_s = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # in user as well
    return sum(times) - idle_s - guest_s


def _now() -> tuple[float, float, float]:
    this = psutil.Process()
    own_s = 0.0
    for process in (this, *this.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # a child may end after it was listed
            times = process.cpu_times()
            own_s += times.user + times.system
    return time.perf_counter(), own_s, machine_cpu_s()
