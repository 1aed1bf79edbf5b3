"""The profile of a comparison: its parts are disjoint, and make up the whole."""

import re
from contextlib import suppress

import pytest

from benchmarks.photos import load_pairs
from benchmarks.profile import OTHER, PARTS, Timer, main, measure


def test_a_part_does_not_contain_the_parts_within_it() -> None:
    now_s = 0.0
    timer = Timer(lambda: now_s)
    inner = timer.timed("inner", lambda: None)
    with timer.part("outer"):
        now_s += 1
        with timer.part("inner"):
            now_s += 10
        now_s += 100
        inner()
    now_s += 1000
    assert timer.seconds == {"outer": 101, "inner": 10}


def test_a_part_ends_with_an_exception() -> None:
    now_s = 0.0
    timer = Timer(lambda: now_s)
    with timer.part("outer"):
        with suppress(ZeroDivisionError), timer.part("inner"):
            now_s += 1
            raise ZeroDivisionError
        now_s += 10
    assert timer.seconds == {"outer": 10, "inner": 1}


def test_the_parts_of_a_comparison_make_up_the_whole() -> None:
    _, pairs = load_pairs(None, 3, seed=0)
    profile = measure(pairs)
    assert profile.comparisons == 3
    assert set(profile.seconds) == set(PARTS)
    assert min(profile.seconds.values()) > 0
    assert sum(profile.seconds.values()) == pytest.approx(profile.total_s, rel=0.01)


def test_the_printed_shares_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pairs", "1"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    mean_ms = float(re.findall(r"[\d.]+ ms", first)[0].removesuffix(" ms"))
    rows = [re.split(r"  +", line) for line in lines[2:]]
    assert [row[0] for row in rows] == [*PARTS]
    assert len(rows) <= 12
    assert sum(float(row[1]) for row in rows) == pytest.approx(mean_ms, abs=0.01 * mean_ms)
    assert sum(float(row[2].removesuffix(" %")) for row in rows) == pytest.approx(100, abs=1)
    assert rows[-1][0] == OTHER
