"""Model cards: the union by task, the shipped cards, cards of earlier versions, invalid cards."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from faceage_core.cards.catalog import read_card, shipped_card, shipped_card_names
from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import (
    AgeCard,
    BaseCard,
    DetectorCard,
    GenderCard,
    IdentityCard,
    NetworkCard,
    OperatingPoint,
)
from faceage_core.cards.weights import CheckpointFile, DownloadFile, PackageFile
from faceage_core.errors import InvalidCheckpoint
from faceage_core.models.download import locate, verify

NAMES = ("dlib-age", "dlib-gender", "dlib-resnet", "facenet-vggface2", "mtcnn", "sface", "yunet")
KINDS: dict[str, type[BaseCard]] = {
    "detection": DetectorCard,
    "age": AgeCard,
    "gender": GenderCard,
    "identity": IdentityCard,
}
BEFORE_UNION = Path(__file__).parent / "before_union"  # one class for all tasks wrote these

cards = pytest.mark.parametrize("card", [shipped_card(name) for name in NAMES], ids=NAMES)


def as_json(name: str) -> dict[str, object]:
    fields = json.loads(shipped_card(name).model_dump_json())
    assert isinstance(fields, dict)
    return fields


def write_card(directory: Path, shipped: str = "dlib-age", /, **changes: object) -> Path:
    path = directory / "card.json"
    path.write_text(json.dumps({**as_json(shipped), **changes}))
    return path


# --- the shipped cards ---


def test_the_shipped_cards() -> None:
    assert shipped_card_names() == NAMES


@cards
def test_a_shipped_card_has_the_name_of_its_file_and_is_read_once(card: BaseCard) -> None:
    assert shipped_card(card.name) is card
    assert card.summary
    assert card.origin
    assert card.license
    assert card.limits


@cards
def test_a_shipped_card_has_the_class_of_its_task(card: BaseCard) -> None:
    assert type(card) is KINDS[card.task]


@cards
def test_every_package_file_has_the_sha256_in_its_card(card: BaseCard) -> None:
    assert card.weights
    for file in card.weights:
        if isinstance(file, PackageFile):
            verify(locate(file), file.sha256)
        else:
            assert isinstance(file, DownloadFile)
            assert file.url.startswith("https://")


@cards
def test_a_card_survives_its_json(card: BaseCard, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(card.model_dump_json())
    assert read_card(tmp_path / "card.json") == card


def test_age_bins_ascend() -> None:
    bins = shipped_card("dlib-age", AgeCard).age_bins_years
    assert len(bins) == 81
    assert list(bins) == sorted(set(bins))


@cards
def test_pixels_are_scaled_to_about_1(card: BaseCard) -> None:
    if not isinstance(card, NetworkCard):
        return
    if card.name == "sface":  # its network scales the pixels itself
        assert (card.input.mean, card.input.scale) == ((0, 0, 0), (1, 1, 1))
        return
    for mean, scale in zip(card.input.mean, card.input.scale, strict=True):
        assert -1.1 <= (0 - mean) * scale < 0 < (255 - mean) * scale <= 1.1


def test_the_number_of_output_columns() -> None:
    age = shipped_card("dlib-age", AgeCard)
    assert age.output_columns == 81
    assert age.model_copy(update={"gender_bins": ("female", "male")}).output_columns == 83
    assert shipped_card("dlib-gender", GenderCard).output_columns == 2
    assert shipped_card("dlib-resnet", IdentityCard).output_columns is None


# --- operating points ---


@pytest.mark.parametrize("name", ["dlib-resnet", "facenet-vggface2", "sface"])
def test_operating_points_are_in_range_and_the_strictest_is_last(name: str) -> None:
    points = shipped_card(name, IdentityCard).operating_points
    assert points
    assert len({point.name for point in points}) == len(points)
    thresholds = [point.threshold for point in points]
    assert all(-1 <= threshold <= 1 for threshold in thresholds)
    assert thresholds == sorted(thresholds)
    rates = [point.false_match_rate for point in points if point.false_match_rate is not None]
    assert rates == sorted(rates, reverse=True)
    for point in points:
        assert point.measured_on or point.note
        assert (point.false_match_rate is None) <= (point.true_match_rate is None)


def test_the_first_operating_point_is_the_default() -> None:
    card = shipped_card("facenet-vggface2", IdentityCard)
    first, second = card.operating_points
    assert (first.threshold, second.threshold) == (0.6, 0.7)
    assert card.operating_point() == first
    assert card.operating_point(second.name) == second
    assert card.operating_point("other") is None
    assert card.model_copy(update={"operating_points": ()}).operating_point() is None


@pytest.mark.parametrize("threshold", [-1.01, 1.01, float("nan")])
def test_a_threshold_outside_the_range_of_a_cosine_is_rejected(threshold: float) -> None:
    with pytest.raises(ValidationError, match="threshold"):
        OperatingPoint(name="x", threshold=threshold)


# --- cards of earlier versions ---


@pytest.mark.parametrize("task", KINDS)
def test_a_card_with_the_empty_fields_of_other_tasks_is_read(task: str) -> None:
    path = BEFORE_UNION / f"{task}.json"
    fields = json.loads(path.read_text())
    foreign = fields.keys() - KINDS[task].model_fields.keys()
    assert foreign  # as that version wrote them
    card = read_card(path)
    assert type(card) is KINDS[task]
    kept = json.loads(card.model_dump_json())
    later: dict[str, object] = {"originals": [], "precision": "fp32", "onnx": None}
    assert {name: kept.pop(name) for name in later if name in kept}.items() <= later.items()
    if task == "detection":
        assert kept.pop("settings") == fields["detection"] != {}
    assert kept == {name: fields[name] for name in kept}


def test_a_trained_card_of_an_earlier_version() -> None:
    card = read_card(BEFORE_UNION / "age.json")
    assert isinstance(card, AgeCard)
    assert [head.task for head in card.heads] == ["age", "gender", "race"]
    assert (card.gender_bins, card.race_words) == (("female", "male"), ("one", "two"))
    assert card.weights == (CheckpointFile(sha256="0" * 64),)


def test_a_field_of_another_task_with_a_value_is_rejected(tmp_path: Path) -> None:
    points = [{"name": "x", "threshold": 0.5}]
    with pytest.raises(InvalidCheckpoint, match=r"operating_points: Extra inputs"):
        read_card(write_card(tmp_path, operating_points=points))


# --- invalid cards ---


def test_a_card_is_read(tmp_path: Path) -> None:
    assert read_card(write_card(tmp_path)) == shipped_card("dlib-age")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"licence": "MIT"}, "licence: Extra inputs are not permitted"),
        ({"name": None}, "name: Input should be a valid string"),
        ({"task": "detecting"}, r"task: .*'detecting' .*'detection', 'age', 'gender', 'identity'"),
        ({"weights": [{"kind": "package"}]}, r"weights.0.package.package: Field required"),
        ({"weights": [{"kind": "floppy"}]}, r"weights.0: .*'floppy'"),
        (
            {"weights": [{"kind": "package", "package": "a", "path": "b", "sha256": "F" * 64}]},
            r"weights.0.package.sha256: String should match pattern",
        ),
        ({"input": {"mean": [1, 2, 3]}}, "input.crop: Field required"),
        ({"age_bins_years": None}, "age_bins_years: Input should be a valid array"),
        ({"input": None}, "input: Input should be"),
        ({"age_bins_years": []}, "age_bins_years: .* at least 1 item"),
        ({"age_bins_years": [30, 20, 10]}, "age_bins_years: Value error, ages must ascend"),
        ({"age_bins_years": [-1, 20]}, r"age_bins_years.0: Input should be greater"),
        ({"age_bins_years": [20, 1e9]}, r"age_bins_years.1: Input should be less"),
        ({"age_spread": {"base_years": 1e300, "per_year": 0, "fitted_on": "x"}}, "age_spread.base"),
    ],
)
def test_an_invalid_field_is_named(tmp_path: Path, changes: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidCheckpoint, match=rf"^card\.json: {named}") as caught:
        read_card(write_card(tmp_path, **changes))
    assert str(tmp_path) not in caught.value.message
    assert "\n" not in caught.value.message


def test_an_invalid_operating_point_is_named(tmp_path: Path) -> None:
    points = [{"name": "x", "threshold": 2}]
    with pytest.raises(InvalidCheckpoint, match=r"^card\.json: operating_points\.0\.threshold: "):
        read_card(write_card(tmp_path, "dlib-resnet", operating_points=points))


@pytest.mark.parametrize("path", ["../net.onnx", "/net.onnx", "a/net.onnx", "..", ".", "", "a\\b"])
def test_a_checkpoint_file_is_a_plain_file_name(path: str) -> None:
    with pytest.raises(ValidationError, match="path"):
        CheckpointFile(path=path, sha256="0" * 64)
    assert CheckpointFile(path="net.onnx", sha256="0" * 64).path == "net.onnx"


def test_an_unknown_nested_field_is_rejected() -> None:
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
def test_an_invalid_input_specification_is_rejected(changes: dict[str, object], named: str) -> None:
    fields = as_json("dlib-age")["input"]
    assert isinstance(fields, dict)
    with pytest.raises(ValidationError, match=named):
        InputSpec.model_validate({**fields, **changes})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_an_invalid_document_is_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(InvalidCheckpoint, match=r"^card\.json: the document: "):
        read_card(tmp_path / "card.json")


def test_a_missing_card(tmp_path: Path) -> None:
    (tmp_path / "best").mkdir()
    with pytest.raises(InvalidCheckpoint, match=r"^there is no card\.json in best$"):
        read_card(tmp_path / "best" / "card.json")
    with pytest.raises(InvalidCheckpoint, match=r"^best cannot be read: Is a directory$"):
        read_card(tmp_path / "best")
