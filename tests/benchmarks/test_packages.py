"""The comparison with other packages: what is skipped and why, and the rows."""

import pytest

from benchmarks.packages import FACEAGE, Compare, Skipped, Variant, build, measure, rows
from benchmarks.photos import Pair
from faceage_core.errors import WeightsUnavailable

PAIRS = [Pair(b"1", b"2"), Pair(b"3", b"4")]


def failing(error: Exception) -> Compare:
    raise error


def test_a_variant_whose_package_or_weights_are_missing_is_skipped() -> None:
    available, skipped = build(
        {
            FACEAGE: lambda: lambda pair: True,
            "package": lambda: failing(ModuleNotFoundError(name="deepface")),
            "library": lambda: failing(ImportError("libGL.so.1: cannot open")),
            "weights": lambda: failing(WeightsUnavailable("package x is not installed")),
            "download": lambda: failing(Skipped("the weights cannot be downloaded")),
        }
    )
    assert list(available) == [FACEAGE]
    assert skipped == {
        "package": "deepface is not installed",
        "library": "libGL.so.1: cannot open",
        "weights": "package x is not installed",
        "download": "the weights cannot be downloaded",
    }


def test_any_other_error_while_loading_is_not_hidden() -> None:
    with pytest.raises(ValueError, match="a bug"):
        build({"package": lambda: failing(ValueError("a bug"))})


def test_the_variants_take_turns_after_one_pair_each() -> None:
    seen: list[tuple[str, Pair]] = []

    def variant(name: str, *, answers: bool) -> Compare:
        def compare(pair: Pair) -> bool:
            seen.append((name, pair))
            return answers or pair == PAIRS[0]

        return compare

    variants = {"a": variant("a", answers=True), "b": variant("b", answers=False)}
    measured = measure(variants, PAIRS, rounds=2)
    a, b = ([(name, pair) for pair in PAIRS] for name in "ab")
    assert seen == [a[0], b[0], *a, *b, *a, *b]
    assert (measured["a"].answered, measured["b"].answered) == (1.0, 0.5)
    assert len(measured["a"].rates) == 2


def test_each_row_has_a_ratio_or_a_reason() -> None:
    measured = {FACEAGE: Variant([4.0, 2.0, 3.0], 1.0), "other": Variant([1.5], 0.5)}
    assert rows(measured, {"third": "x is not installed"}) == [
        (FACEAGE, "3.00", "2.00-4.00", "1.00", "100%"),
        ("other", "1.50", "1.50-1.50", "0.50", "50%"),
        ("third: skipped: x is not installed", "", "", "", ""),
    ]
