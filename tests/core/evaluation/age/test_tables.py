"""The tables of a report."""

from faceage_core.evaluation.age.analysis import age_gate
from faceage_core.evaluation.age.tables import minors_header, minors_rows
from tests.core.evaluation.age.factories import predictions


def test_a_minor_is_counted_under_the_thresholds_that_its_estimate_reaches() -> None:
    found = predictions([15], [22])  # let through at 18 and 21, challenged at 25
    gates = [age_gate(found.estimated_years, found.true_years, age) for age in (18, 21, 25)]
    assert minors_header(gates)[2:] == ("estimated >= 18", "estimated >= 21", "estimated >= 25")
    assert minors_rows(gates) == [("15", "1", "100.0%", "100.0%", "0.0%")]
