"""The Markdown page of a report."""

from pathlib import Path

from faceage_core.data.training_crop import training_crop
from faceage_core.evaluation.age import sentences
from faceage_core.evaluation.age.markdown import markdown
from faceage_core.evaluation.age.report import AgeReport
from tests.core.evaluation.age.factories import SMALL, predictions, report


def test_the_page_contains_the_figures() -> None:
    page = markdown(report(SMALL))
    for expected in (
        "# Age: tiny on faces, val",
        "| model | tiny 3, tiny_net |",
        "| licence of the model | CC0-1.0 |",
        "| split | val, hash 5317 |",
        "| command | `faceage evaluate best faces --split val` |",
        "6 faces aged 5 to 41 years, split hash 5317",
        "Worst group: 40-49, MAE 20.00 years, n = 1",
        "| 18 years | 33.3% | 3 | 0.0% | 3 |",
        "| 17 | 1 | 100.0% | 100.0% | 100.0% | 100.0% |",
        "| mean over groups |  |  | 9.50 |  |  |  | 50.0% |  |  |",
    ):
        assert expected in page, expected


def test_resizing_is_stated() -> None:
    small = report(SMALL, crop=training_crop(96, 0.25))
    assert "| crop | 160 pixels, resized from the stored 96 |" in markdown(small)
    assert "| crop | 160 pixels |" in markdown(report(SMALL))


def test_faces_not_found_are_counted_separately() -> None:
    page = markdown(report(SMALL))
    assert "no face was found in 6 of 110 images (5.5%); rejected for other reasons: 4." in page
    assert "| age missing | 4 |" in page
    none = report(SMALL, rejected={}, read=100).data
    assert none.faces_not_found == 0
    assert "All 100 images" in sentences.rejected_sentence(none)


def test_labels_of_a_data_set_cannot_break_a_table() -> None:
    odd = predictions([20, 30], [20, 30], race=["a|b\nc", "<img>"])
    page = markdown(report(odd))
    assert "| a\\|b c |" in page
    assert "| &lt;img> |" in page
    assert "<img>" not in page


def test_all_rows_of_a_table_have_the_same_number_of_cells() -> None:
    tables = [block for block in markdown(report(SMALL)).split("\n\n") if block.startswith("|")]
    assert len(tables) >= 9
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_the_committed_report_is_current(repository: Path) -> None:
    results = repository / "trainers" / "results" / "utkface_cpu"
    page = markdown(AgeReport.model_validate_json((results / "report.json").read_bytes()))
    without_plots = [block for block in page.split("\n\n") if not block.startswith("![")]
    assert (results / "report.md").read_text(encoding="utf-8") == "\n\n".join(without_plots)
