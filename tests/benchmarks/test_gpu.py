"""The measurements for a GPU, run on the CPU with small sizes, and the command without a GPU."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import gpu
from benchmarks.gpu import EXIT_WITHOUT_CUDA, PRECISIONS, beyond_limits, difference, main, measure
from benchmarks.networks import (
    FaceNetwork,
    Photos,
    largest_faces,
    load_photos,
    shipped_network,
)
from benchmarks.photos import load_pairs
from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import AgeCard, GenderCard, NetworkCard


@pytest.fixture(scope="module")
def photos() -> Photos:
    """The two smallest samples."""
    return sorted(load_photos(None, 0), key=lambda photo: photo.size)[:2]


@pytest.fixture(scope="module")
def network(photos: Photos) -> FaceNetwork:
    """The age network with two crops."""
    return shipped_network("age", shipped_card("dlib-age", NetworkCard), largest_faces(photos))


# --- the command ---


def test_without_cuda_the_command_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["--out", str(tmp_path / "gpu.json")]) == EXIT_WITHOUT_CUDA == 2
    printed = capsys.readouterr()
    assert printed.err == "error: PyTorch detects no GPU with CUDA on this machine\n"
    assert printed.out == ""
    assert not (tmp_path / "gpu.json").exists()


def test_a_part_that_fails_is_listed_and_the_others_are_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> dict[str, Any]:
        raise RuntimeError("CUDA error:\nout of memory")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpu, "parts", lambda *_: {"speed": broken, "machine": lambda: {"card": 1}})
    assert main(["--out", str(tmp_path / "new" / "gpu.json")]) == 1
    report = json.loads((tmp_path / "new" / "gpu.json").read_text())
    failures = ["speed: RuntimeError: CUDA error: out of memory"]
    assert report == {"machine": {"card": 1}, "failures": failures}


def test_the_machine_states_the_versions() -> None:
    found = gpu.describe_machine("cpu")
    assert found["torch_version"] == torch.__version__
    assert found["card"] is None
    assert {"driver_version", "cuda_version", "faceage_version", "commit"} <= found.keys()


# --- accuracy ---


def test_fp32_equals_the_reference_and_16_bits_are_near_it(network: FaceNetwork) -> None:
    found = gpu.accuracy(network, "cpu")
    assert list(found) == list(PRECISIONS)
    years = {precision: figures["max_difference_years"] for precision, figures in found.items()}
    assert years["fp32"] < 1e-4
    assert all(1e-4 < years[precision] < 5 for precision in ("fp16", "bf16"))
    assert found["fp16"]["faces"] == 2


def test_the_difference_of_each_task() -> None:
    exact = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    found = np.array([[1.0, 0.0], [0.25, 0.75]], dtype=np.float32)
    age = shipped_card("dlib-age", AgeCard).model_copy(update={"age_bins_years": (0.0, 20.0)})
    gender = shipped_card("dlib-gender", GenderCard)
    identity = shipped_card("sface", NetworkCard)
    assert difference(age, found, exact) == {"max_difference_years": 5.0, "faces": 2}
    assert difference(gender, found, exact) == {"max_difference_probability": 0.25, "faces": 2}
    cosine = pytest.approx(3 / 10**0.5)
    assert difference(identity, found, exact) == {"min_cosine": cosine, "faces": 2}
    infinite = np.full_like(found, np.inf)
    assert difference(identity, infinite, exact) == {"min_cosine": None, "faces": 2}


def test_the_detector_finds_the_same_faces_in_fp32(
    photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "PRECISIONS", ("fp32",))
    found = gpu.detector_accuracy(photos[:1], "cpu")
    assert found == {"fp32": {"min_iou": 1.0, "photos_with_other_faces": 0, "photos": 1}}


def test_only_large_differences_in_fp32_are_failures() -> None:
    small = {"fp32": {"min_cosine": 0.99995, "faces": 9}, "fp16": {"min_cosine": 0.5, "faces": 9}}
    large = {"fp32": {"max_difference_years": 0.06, "faces": 9}}
    infinite = {"fp32": {"min_cosine": None, "faces": 9}}
    other = {"fp32": {"min_iou": 0.9, "photos": 3}}
    assert beyond_limits({"a": small, "b": large, "c": infinite, "detector": other}) == [
        "b in fp32: max_difference_years must be <= 0.05, got 0.06",
        "c in fp32: min_cosine must be >= 0.9999, got None",
        "detector in fp32: min_iou must be >= 0.99, got 0.9",
    ]
    assert measure({"accuracy": lambda: {"b": large}})["failures"] == [
        "b in fp32: max_difference_years must be <= 0.05, got 0.06"
    ]


# --- speed ---


def test_the_speed_has_a_figure_for_each_precision_and_batch(network: FaceNetwork) -> None:
    found = gpu.speed(network, "cpu", batches=(1, 3), seconds=0)
    assert list(found) == list(PRECISIONS)
    for figures in found.values():
        assert list(figures) == ["batch_1_pictures_per_s", "batch_3_pictures_per_s"]
        assert all(value > 0 for value in figures.values())


def test_the_detector_has_a_figure_for_each_batch(photos: Photos) -> None:
    found = gpu.detector_speed(photos[:1], "cpu", batches=(1, 2), seconds=0)
    assert list(found) == ["batch_1_photos_per_s", "batch_2_photos_per_s"]


def test_the_calls_after_the_warm_up_are_counted() -> None:
    calls = []
    assert gpu.rate(lambda: calls.append(1), 8, seconds=0) > 0
    assert len(calls) == 2


@pytest.mark.slow
def test_the_service_has_a_figure_for_each_number_of_clients() -> None:
    _, pairs = load_pairs(None, 2, seed=0)
    found = gpu.service_speed("in-process", "cpu", pairs, [1, 2])
    assert list(found) == [
        "pairs",
        "ready_s",
        "concurrency_1_comparisons_per_s",
        "concurrency_2_comparisons_per_s",
    ]
