"""The age report: hand-worked figures, what is said in words, and the files."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from faceage_core.card import InputSpec, ModelCard
from faceage_core.data.manifest import Manifest
from faceage_core.data.options import PrepareOptions
from faceage_core.detection.crops import BoxCrop
from faceage_core.detection.training_crop import training_crop
from faceage_core.errors import InvalidArgument
from faceage_core.evaluation.age import words as age_words
from faceage_core.evaluation.age.files import write_report
from faceage_core.evaluation.age.markdown import markdown
from faceage_core.evaluation.age.measuring import age_gate, measure
from faceage_core.evaluation.age.plots import confusion_by_decade, plots
from faceage_core.evaluation.age.predictions import AgePredictions
from faceage_core.evaluation.age.provenance import check_crop, data_facts, model_facts
from faceage_core.evaluation.age.report import AgeReport
from faceage_core.evaluation.bootstrap import mean_intervals

BINS = tuple(float(age) for age in range(101))
WEIGHTS = {"kind": "checkpoint", "sha256": "0" * 64}


def predictions(
    true: Sequence[float],
    estimated: Sequence[float],
    *,
    gender: Sequence[str] = (),
    estimated_gender: Sequence[str] = (),
    race: Sequence[str] = (),
    identity: Sequence[str] = (),
) -> AgePredictions:
    """Each distribution is one bin, the one nearest to the estimate."""
    count = len(true)
    rows = np.zeros((count, len(BINS)))
    rows[np.arange(count), np.rint(estimated).astype(int)] = 1

    def words(given: Sequence[str]) -> np.ndarray:
        return np.array(given or [""] * count, dtype=np.str_)

    return AgePredictions(
        true_years=np.array(true, dtype=np.float64),
        estimated_years=np.array(estimated, dtype=np.float64),
        bins_years=BINS,
        probabilities=rows,
        gender=words(gender),
        estimated_gender=words(estimated_gender),
        race=words(race),
        identity=words(identity),
    )


def card(**changes: object) -> ModelCard:
    crop = training_crop(160, 0.25)
    fields = {
        "name": "tiny",
        "version": "3",
        "task": "age",
        "summary": "for tests",
        "architecture": "tiny_net",
        "weights": (WEIGHTS,),
        "origin": "made here",
        "license": "CC0-1.0",
        "input": InputSpec(crop=crop, mean=(0, 0, 0), scale=(1, 1, 1)),
        "age_bins_years": BINS,
        **changes,
    }
    return ModelCard.model_validate(fields)


def manifest(**changes: object) -> Manifest:
    fields = {
        "tool_version": "1",
        "dataset": "utkface",
        "license": "research only",
        "options": PrepareOptions(dataset="utkface"),
        "crop": training_crop(160, 0.25),
        "source_digest": "s",
        "read": 110,
        "kept": 100,
        "rejected": {"age_missing": 4, "no_face": 6},
        "splits": {"train": 80, "val": 20},
        "split_hash": "5317",
        "groups": 90,
        "largest_group": 2,
        **changes,
    }
    return Manifest.model_validate(fields)


def report(found: AgePredictions, **changes: object) -> AgeReport:
    made = manifest(**changes)
    data = data_facts(made, "faces", "val", found)
    return measure(found, model_facts(card()), data, "faceage evaluate best faces --split val")


SMALL = predictions(
    true=[5, 8, 25, 27, 41, 17],
    estimated=[6, 12, 20, 27, 61, 30],
    gender=["female", "male", "female", "male", "", "male"],
    estimated_gender=["female", "female", "female", "male", "male", "male"],
    race=["a", "a", "b", "b", "b", "a"],
)


# --- figures ---


def test_errors_over_all() -> None:
    found = report(SMALL).overall  # 1, 4, -5, 0, 20, 13
    assert (found.n, found.subjects) == (6, 6)
    assert (found.youngest_years, found.oldest_years) == (5, 41)
    assert found.mae.value == pytest.approx(43 / 6)
    assert found.rmse == pytest.approx((611 / 6) ** 0.5)
    assert found.median == 4.5
    assert (found.cs3, found.cs5.value, found.cs10) == (2 / 6, 4 / 6, 4 / 6)
    assert found.bias == pytest.approx(33 / 6)
    assert found.mae.low is not None
    assert found.mae.high is not None
    assert found.mae.low < found.mae.value < found.mae.high


def test_errors_by_decade() -> None:
    found = report(SMALL).by_decade
    assert [(name, one.n) for name, one in found.groups.items()] == [
        ("0-9", 2), ("10-19", 1), ("20-29", 2), ("40-49", 1),
    ]  # fmt: skip
    assert [one.mae.value for one in found.groups.values()] == [2.5, 13, 2.5, 20]
    assert (found.mean_mae, found.mean_cs5) == (38 / 4, 2 / 4)
    assert found.worst == "40-49"
    assert found.worst_among == "all groups, all small"


def test_decades_are_in_the_order_of_age() -> None:
    found = report(predictions([5, 100, 99, 25], [5, 100, 99, 25])).by_decade
    assert list(found.groups) == ["0-9", "20-29", "90-99", "100-109"]


def test_a_small_group_is_not_named_the_worst_beside_large_ones() -> None:
    true = [25.0] * 30 + [45.0] * 30 + [5.0] * 29
    estimated = [26.0] * 30 + [47.0] * 30 + [50.0] * 29
    found = report(predictions(true, estimated)).by_decade
    assert (found.worst, found.worst_among) == ("40-49", "groups of 30 faces or more")


def test_errors_by_stated_group() -> None:
    found = report(SMALL)
    assert found.by_gender is not None
    assert {name: one.mae.value for name, one in found.by_gender.groups.items()} == {
        "female": 3, "male": pytest.approx(17 / 3),
    }  # fmt: skip
    assert found.by_race is not None
    assert {name: one.n for name, one in found.by_race.groups.items()} == {"a": 3, "b": 3}
    assert found.by_race.worst == "b"


def test_what_is_not_stated_is_not_broken_down() -> None:
    found = report(predictions([20, 30], [20, 30]))
    assert (found.by_gender, found.by_race, found.gender) == (None, None, None)
    assert markdown(found).count("The data set does not state it.") == 2


def test_one_face_has_no_interval() -> None:
    mae = report(SMALL).by_decade.groups["10-19"].mae
    assert (mae.value, mae.low, mae.high) == (13, None, None)


def test_gender_is_judged_where_both_say_it() -> None:
    found = report(SMALL).gender
    assert found is not None
    assert (found.all.n, found.all.count, found.all.rate) == (5, 4, 0.8)
    assert found.by_stated["female"].rate == 1
    assert found.by_stated["male"].rate == pytest.approx(2 / 3)


def test_distribution() -> None:
    found = report(SMALL).distribution
    assert found.crps == pytest.approx(43 / 6)  # of one bin it is the distance
    # Only the estimate of 27 holds its true age, in the middle of its bin.
    assert found.coverage == {"50": 1 / 6, "80": 1 / 6, "90": 1 / 6}
    assert found.nll == pytest.approx(5 * -np.log(found.nll_floor) / 6)
    assert [(row.age_years, row.n_at_least) for row in found.at_least] == [
        (18, 3), (21, 3), (25, 3), (30, 1),
    ]  # fmt: skip
    eighteen = found.at_least[0]  # certain of four faces, of which the one of 17 is not that old
    assert eighteen.mean_probability == pytest.approx(4 / 6)
    assert eighteen.calibration_error == pytest.approx(1 / 6)


# --- the age gate ---


def test_the_gate_challenges_who_looks_younger_than_the_threshold() -> None:
    true = np.array([10.0, 17, 17.9, 18, 24, 30, 60])
    estimated = np.array([24.9, 25, 20, 24, 25, 24.99, 60])
    gate = age_gate(estimated, true, 25)
    assert (gate.minors.n, gate.minors.count) == (3, 1)  # only the one of 17 at 25
    assert gate.minors.rate == pytest.approx(1 / 3)
    assert {age: (r.n, r.count) for age, r in gate.minors_by_age.items()} == {
        10: (1, 0),
        17: (2, 1),
    }
    assert (gate.adults.n, gate.adults.count) == (4, 2)  # 18 at 24 and 30 at 24.99
    assert gate.adults.rate == 0.5


def test_a_gate_without_minors_has_no_rate() -> None:
    found = report(predictions([40, 50], [41, 19]))
    gate = found.gates[0]
    assert (gate.threshold_years, gate.minors.rate, gate.minors_by_age) == (18, None, {})
    assert gate.adults.rate == 0
    assert found.gates[1].adults.rate == 0.5
    assert "| 21 years | - | 0 | 50.0% | 2 |" in markdown(found)


@given(
    faces=st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=30),
    steps=st.tuples(st.integers(0, 99), st.integers(1, 20)),
)
def test_a_higher_threshold_lets_fewer_minors_through_and_challenges_more_adults(
    faces: list[tuple[float, float]], steps: tuple[int, int]
) -> None:
    estimated, true = np.array(faces).T
    low, high = (age_gate(estimated, true, age) for age in (steps[0], sum(steps)))
    assert high.minors.count <= low.minors.count
    assert high.adults.count >= low.adults.count
    assert low.minors.n + low.adults.n == len(faces)
    assert sum(rate.count for rate in low.minors_by_age.values()) == low.minors.count
    assert sum(rate.n for rate in low.minors_by_age.values()) == low.minors.n


# --- intervals ---


def test_intervals_of_equal_values_have_no_width() -> None:
    ends = mean_intervals(np.full((1, 10), 3.0), np.arange(10))
    assert ends is not None
    assert ends[0] == pytest.approx([3, 3])


def test_intervals_agree_with_the_standard_error() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    ends = mean_intervals(values[None], np.arange(400))
    assert ends is not None
    reach = 1.96 * values.std() / 20
    assert ends[0] == pytest.approx([values.mean() - reach, values.mean() + reach], abs=0.05)


def test_pictures_of_one_person_are_drawn_together() -> None:
    # Twenty people with five equal pictures each tell no more than twenty pictures.
    people = np.random.default_rng(2).normal(0, 1, 20)
    values, clusters = np.repeat(people, 5)[None], np.repeat(np.arange(20), 5)
    together = mean_intervals(values, clusters)
    alone = mean_intervals(people[None], np.arange(20))
    assert together is not None
    assert alone is not None
    np.testing.assert_allclose(together, alone)
    apart = mean_intervals(values, np.arange(100))
    assert apart is not None
    assert np.diff(together[0]) > 1.5 * np.diff(apart[0])


def test_one_person_says_nothing_of_others() -> None:
    assert mean_intervals(np.array([[1.0, 2.0]]), np.array([7, 7])) is None


def test_intervals_are_by_subject_where_people_are_named() -> None:
    found = predictions([20, 21, 30, 31], [25, 26, 30, 31], identity=["x", "x", "", ""])
    numbers = found.clusters().tolist()
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 3
    made = report(found)
    assert (made.bootstrap.unit, made.overall.subjects) == ("subject", 3)
    assert made.data.identities == "some"
    assert "resamples of people" in markdown(made)
    assert "Image-level split" not in markdown(made)


def test_an_image_level_split_is_named() -> None:
    made = report(SMALL)
    assert (made.bootstrap.unit, made.data.identities) == ("picture", "none")
    assert "Image-level split" in markdown(made)
    assert "resamples of single pictures" in markdown(made)


# --- model and data ---


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="'race': 1"):
        predictions([20, 30], [20, 30], race=["a"])


def test_the_crop_of_the_card_fits_at_any_size() -> None:
    check_crop(card(), manifest(), "faces")
    check_crop(card(), manifest(crop=training_crop(96, 0.25)), "faces")


@pytest.mark.parametrize(
    ("crop", "words"),
    [
        (training_crop(160, 0.4), "--margin"),
        (None, "--crop none"),
    ],
)
def test_another_frame_is_refused(crop: object, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        check_crop(card(), manifest(crop=crop), "faces")


def test_another_kind_of_crop_is_refused() -> None:
    spec = InputSpec(crop=BoxCrop(size_px=160, margin_px=0), mean=(0, 0, 0), scale=(1, 1, 1))
    with pytest.raises(InvalidArgument, match="by box, but faces holds crops by landmarks"):
        check_crop(card(input=spec), manifest(), "faces")


# --- words ---


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


# --- files ---


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    made = report(SMALL)
    write_report(tmp_path / "a" / "out", made, SMALL)
    files = {path.name: path.read_bytes() for path in (tmp_path / "a" / "out").iterdir()}
    assert AgeReport.model_validate_json(files["report.json"]) == made
    page = files["report.md"].decode()
    pictures = {name for name in files if name.endswith(".png")}
    assert len(pictures) == 4
    for name in pictures:
        assert f"]({name})" in page
        with Image.open(io.BytesIO(files[name])) as image:
            assert image.size[0] > 300
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "out"]


def test_equal_input_gives_equal_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(tmp_path / name, report(SMALL), SMALL)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two


def test_a_former_report_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_report(tmp_path / "out", report(SMALL), SMALL)
    other = predictions([30, 40], [31, 42])
    write_report(tmp_path / "out", report(other), other)
    found = AgeReport.model_validate_json((tmp_path / "out" / "report.json").read_bytes())
    assert found.overall.n == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_other_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidArgument, match=r"thesis\.txt"):
        write_report(tmp_path, report(SMALL), SMALL)
    with pytest.raises(InvalidArgument, match="is a file"):
        write_report(tmp_path / "thesis.txt", report(SMALL), SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


# --- plots ---


def test_confusion_counts_faces_by_decade() -> None:
    counts = confusion_by_decade(SMALL)
    assert counts.shape == (7, 7)
    assert {(int(r), int(c)): int(counts[r, c]) for r, c in np.argwhere(counts)} == {
        (0, 0): 1, (0, 1): 1, (1, 3): 1, (2, 2): 2, (4, 6): 1,
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 200])
def test_plots_of_few_and_many_faces(count: int) -> None:
    random = np.random.default_rng(count)
    true = random.uniform(0, 90, count)
    many = predictions(true.tolist(), np.clip(true + random.normal(0, 6, count), 0, 100).tolist())
    made = plots(many, report(many))
    assert all(content.startswith(b"\x89PNG") for content in made.values())
    assert len({len(content) for content in made.values()}) == 4
