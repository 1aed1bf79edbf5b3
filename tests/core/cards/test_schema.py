"""The shipped cards tell the truth about their files, and a wrong card is refused by name."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from faceage_core.cards.schema import (
    DownloadFile,
    InputSpec,
    ModelCard,
    OperatingPoint,
    PackageFile,
    read_card,
    shipped_card,
    shipped_cards,
)
from faceage_core.errors import InvalidCheckpoint
from faceage_core.models.backbones import BACKBONES
from faceage_core.models.download import locate, verify

NAMES = ("dlib-age", "dlib-gender", "dlib-resnet", "facenet-vggface2", "mtcnn")

cards = pytest.mark.parametrize("card", [shipped_card(name) for name in NAMES], ids=NAMES)


def as_json(name: str) -> dict[str, object]:
    fields = json.loads(shipped_card(name).model_dump_json())
    assert isinstance(fields, dict)
    return fields


def written(directory: Path, **changes: object) -> Path:
    path = directory / "card.json"
    path.write_text(json.dumps({**as_json("dlib-age"), **changes}))
    return path


# --- the shipped cards ---


def test_all_cards_are_known_here() -> None:
    assert tuple(card.name for card in shipped_cards()) == NAMES


@cards
def test_a_card_bears_its_files_name(card: ModelCard) -> None:
    assert shipped_card(card.name) is card
    assert card.summary
    assert card.origin
    assert card.license
    assert card.limits


@cards
def test_every_package_file_is_the_one_that_its_card_names(card: ModelCard) -> None:
    assert card.weights
    for file in card.weights:
        if isinstance(file, PackageFile):
            verify(locate(file), file.sha256)
        else:
            assert isinstance(file, DownloadFile)
            assert file.url.startswith("https://")


@cards
def test_operating_points_are_in_range_and_the_strictest_is_last(card: ModelCard) -> None:
    points = card.operating_points
    assert bool(points) == (card.task == "identity")
    assert len({point.name for point in points}) == len(points)
    thresholds = [point.threshold for point in points]
    assert all(-1 <= threshold <= 1 for threshold in thresholds)
    assert thresholds == sorted(thresholds)
    rates = [point.false_match_rate for point in points if point.false_match_rate is not None]
    assert rates == sorted(rates, reverse=True)
    for point in points:
        assert point.measured_on or point.note
        assert (point.false_match_rate is None) <= (point.true_match_rate is None)


@cards
def test_a_card_has_what_its_task_needs(card: ModelCard) -> None:
    assert (card.detection is not None) == (card.task == "detection")
    assert (card.input is not None) == (card.task != "detection")
    assert (card.age_bins_years is not None) == (card.task == "age")
    assert (card.gender_bins is not None) == (card.task == "gender")
    assert card.architecture in {*BACKBONES, "onnx", "dlib_resnet", "mtcnn"}


@cards
def test_a_card_survives_its_json(card: ModelCard) -> None:
    assert ModelCard.model_validate_json(card.model_dump_json()) == card


def test_age_bins_ascend() -> None:
    bins = shipped_card("dlib-age").age_bins_years
    assert bins is not None
    assert len(bins) == 81
    assert list(bins) == sorted(set(bins))


@cards
def test_pixels_are_scaled_to_about_1(card: ModelCard) -> None:
    if card.input is None:
        return
    for mean, scale in zip(card.input.mean, card.input.scale, strict=True):
        assert -1.1 <= (0 - mean) * scale < 0 < (255 - mean) * scale <= 1.1


# --- operating points ---


def test_the_first_operating_point_is_the_default() -> None:
    card = shipped_card("facenet-vggface2")
    first, second = card.operating_points
    assert (first.threshold, second.threshold) == (0.6, 0.7)
    assert card.operating_point() == first
    assert card.operating_point(second.name) == second
    assert card.operating_point("other") is None
    assert shipped_card("mtcnn").operating_point() is None


@pytest.mark.parametrize("threshold", [-1.01, 1.01, float("nan")])
def test_a_threshold_that_is_no_cosine_is_refused(threshold: float) -> None:
    with pytest.raises(ValidationError, match="threshold"):
        OperatingPoint(name="x", threshold=threshold)


# --- cards that are refused ---


def test_a_card_is_read(tmp_path: Path) -> None:
    assert read_card(written(tmp_path)) == shipped_card("dlib-age")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"licence": "MIT"}, "licence: Extra inputs are not permitted"),
        ({"name": None}, "name: Input should be a valid string"),
        ({"task": "detecting"}, "task: Input should be 'detection', 'age', 'gender' or 'identity'"),
        ({"weights": [{"kind": "package"}]}, r"weights.0.package.package: Field required"),
        ({"weights": [{"kind": "floppy"}]}, r"weights.0: .*'floppy'"),
        (
            {"weights": [{"kind": "package", "package": "a", "path": "b", "sha256": "F" * 64}]},
            r"weights.0.package.sha256: String should match pattern",
        ),
        ({"input": {"mean": [1, 2, 3]}}, "input.crop: Field required"),
        ({"operating_points": [{"name": "x", "threshold": 2}]}, "operating_points.0.threshold"),
        ({"age_bins_years": []}, "age_bins_years: .* at least 1 item"),
        ({"age_bins_years": [30, 20, 10]}, "age_bins_years: Value error, ages must ascend"),
        ({"age_bins_years": [-1, 20]}, r"age_bins_years.0: Input should be greater"),
        ({"age_bins_years": [20, 1e9]}, r"age_bins_years.1: Input should be less"),
        ({"age_spread": {"base_years": 1e300, "per_year": 0, "fitted_on": "x"}}, "age_spread.base"),
    ],
)
def test_a_wrong_card_is_refused_by_the_name_of_its_field(
    tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    with pytest.raises(InvalidCheckpoint, match=rf"^card\.json: {named}") as caught:
        read_card(written(tmp_path, **changes))
    assert str(tmp_path) not in caught.value.message
    assert "\n" not in caught.value.message


def test_an_unknown_key_deep_inside_is_refused() -> None:
    fields = as_json("dlib-age")["input"]
    assert isinstance(fields, dict)
    with pytest.raises(ValidationError, match="averageflip"):
        InputSpec.model_validate({**fields, "averageflip": True})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"mean": [1, 2, float("nan")]}, "mean.2"),
        ({"scale": [1, float("inf"), 1]}, "scale.1"),
        (
            {"crop": {"kind": "box", "size_px": 160, "margin_px": 160}},
            "margin_px must be < size_px",
        ),
        ({"crop": {"kind": "box", "size_px": 100_000, "margin_px": 0}}, "size_px"),
        ({"crop": {"kind": "landmarks", "size_px": 64, "template": [[0.5, 0.5]] * 5}}, "span 0 of"),
        (
            {"crop": {"kind": "landmarks", "size_px": 64, "template": [[0.5, float("nan")]] * 5}},
            "template",
        ),
    ],
)
def test_an_input_that_would_fail_on_every_face_is_refused(
    changes: dict[str, object], named: str
) -> None:
    fields = as_json("dlib-age")["input"]
    assert isinstance(fields, dict)
    with pytest.raises(ValidationError, match=named):
        InputSpec.model_validate({**fields, **changes})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_what_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(InvalidCheckpoint, match=r"^card\.json: the document: "):
        read_card(tmp_path / "card.json")


def test_a_missing_card(tmp_path: Path) -> None:
    (tmp_path / "best").mkdir()
    with pytest.raises(InvalidCheckpoint, match=r"^there is no card\.json in best$"):
        read_card(tmp_path / "best" / "card.json")
    with pytest.raises(InvalidCheckpoint, match=r"^best cannot be read: Is a directory$"):
        read_card(tmp_path / "best")
