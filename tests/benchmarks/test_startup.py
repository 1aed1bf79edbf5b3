"""The start-up times as rows of a table."""

from benchmarks.startup import SCRIPT, rows


def test_the_rows_are_medians_with_their_ratio_to_the_script() -> None:
    assert rows({SCRIPT: [2.0, 4.0, 3.0], "service": [9.0, 6.0, 6.0]}) == [
        (SCRIPT, "3.0", "2.0-4.0", "1.00"),
        ("service", "6.0", "6.0-9.0", "2.00"),
    ]
