from faceage_core.evaluation.age.markdown import markdown
from tests.core.evaluation.age.factories import SMALL, predictions, report


def test_intervals_are_by_subject_where_people_are_named() -> None:
    found = predictions([20, 21, 30, 31], [25, 26, 30, 31], identity=["x", "x", "", ""])
    numbers = found.clusters().tolist()
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 3
    found_report = report(found)
    assert (found_report.bootstrap.unit, found_report.overall.subjects) == ("subject", 3)
    assert found_report.data.identities == "some"
    assert "resamples of people" in markdown(found_report)
    assert "Image-level split" not in markdown(found_report)


def test_an_image_level_split_is_stated() -> None:
    found_report = report(SMALL)
    assert (found_report.bootstrap.unit, found_report.data.identities) == ("picture", "none")
    assert "Image-level split" in markdown(found_report)
    assert "resamples of single images" in markdown(found_report)
