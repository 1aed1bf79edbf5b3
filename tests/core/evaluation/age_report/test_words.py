"""What a report says."""

from faceage_core.data.training_crop import training_crop
from faceage_core.evaluation.age import words as age_words
from faceage_core.evaluation.age.markdown import markdown
from tests.core.evaluation.age_report.made import SMALL, predictions, report


def test_the_page_says_what_was_measured() -> None:
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


def test_resized_pictures_are_said_to_be() -> None:
    small = report(SMALL, crop=training_crop(96, 0.25))
    assert "| crop | 160 pixels, resized from the stored 96 |" in markdown(small)
    assert "| crop | 160 pixels |" in markdown(report(SMALL))


def test_faces_not_found_are_counted_by_themselves() -> None:
    page = markdown(report(SMALL))
    assert "no face was found in 6 of 110 pictures (5.5%); set aside for other reasons: 4." in page
    assert "| age missing | 4 |" in page
    none = report(SMALL, rejected={}, read=100).data
    assert none.faces_not_found == 0
    assert "All 100 pictures" in age_words.set_aside_sentence(none)


def test_a_data_sets_words_cannot_break_a_table() -> None:
    odd = predictions([20, 30], [20, 30], race=["a|b\nc", "<img>"])
    page = markdown(report(odd))
    assert "| a\\|b c |" in page
    assert "| &lt;img> |" in page
    assert "<img>" not in page


def test_every_table_has_as_many_cells_in_each_row() -> None:
    tables = [block for block in markdown(report(SMALL)).split("\n\n") if block.startswith("|")]
    assert len(tables) >= 9
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table
