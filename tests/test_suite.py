"""The suite itself: no test may depend on how fast the machine is."""

import re
from pathlib import Path

from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
# A test that reads a clock usually asserts a duration or sleeps. The files in MEASURING wait for a
# condition, or print a measurement.
CLOCKS = re.compile(r"perf_counter|monotonic\(|max_seconds|deadline=timedelta|deadline=\d")
MEASURING = {"deployments/conftest.py", "hosts/cluster.py", "hosts/load.py", "hosts/test_jobs.py"}


def test_no_example_has_a_deadline() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check


def test_no_test_bounds_wall_clock_time() -> None:
    files = {path.relative_to(TESTS).as_posix(): path for path in TESTS.rglob("*.py")}
    read = {name for name, path in files.items() if CLOCKS.search(path.read_text(encoding="utf-8"))}
    assert read - MEASURING == {"test_suite.py"}
