"""The training data set: random access, augmentation, several processes, the cache, damage."""

import pickle
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler
from torchvision.transforms.v2 import functional

from faceage_core.data.layout import find_layout
from faceage_core.data.training import arrow_cache
from faceage_core.data.training import dataset as dataset_module
from faceage_core.data.training.dataset import FaceDataset, Targets
from faceage_core.errors import InvalidArgument, InvalidDataset
from faceage_core.images import decode
from tests.core.data.factories import damage_pages, make_image, row, write_part, write_prepared

ROWS = 21
TRAIN = [row(seed) for seed in range(ROWS)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "faces"
    val = [
        row(100, age_years=33.5, gender=None, race=None),
        row(101, gender="male", race="Indian", image=make_image(101, 90, "PNG")),
    ]
    return write_prepared(root, {"train": TRAIN, "val": val}, parts=3)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def opened(prepared: Path, cache: Path) -> Callable[..., FaceDataset]:
    def open_dataset(split: str = "train", **options: Any) -> FaceDataset:
        return FaceDataset(prepared, split, cache=cache, **options)

    return open_dataset


def loaded(dataset: FaceDataset, **options: Any) -> tuple[Tensor, Targets]:
    """All images and labels, through a loader."""
    batches = list(DataLoader(dataset, batch_size=4, **options))
    targets = [batch[1] for batch in batches]
    assert all(isinstance(target, Targets) for target in targets)
    return torch.cat([batch[0] for batch in batches]), Targets(
        *(torch.cat(field) for field in zip(*targets, strict=True))
    )


def test_every_image_is_found_by_its_index(opened: Callable[..., FaceDataset]) -> None:
    dataset = opened()
    assert len(dataset) == ROWS
    for index in (20, 0, 7, 8, 13, 14, 6):  # at the borders of parts and row groups
        image, targets = dataset[index]
        np.testing.assert_array_equal(image.permute(1, 2, 0), decode(TRAIN[index]["image"]))
        assert [float(value) for value in targets] == [
            index,
            index % 2,
            (0, 1, 3)[index % 3],
            index,
        ]


def test_shapes_and_types(opened: Callable[..., FaceDataset]) -> None:
    images, targets = loaded(opened(augmentation="standard", size_px=96))
    assert images.shape == (ROWS, 3, 96, 96)
    assert images.dtype == torch.uint8
    assert targets.age_years.dtype == torch.float32
    assert [t.dtype for t in targets[1:]] == [torch.int64] * 3


def test_unknown_labels_are_minus_one(opened: Callable[..., FaceDataset]) -> None:
    dataset = opened("val")
    image, targets = dataset[0]
    assert [float(value) for value in targets] == [33.5, -1, -1, 0]
    assert dataset.race.tolist() == [-1, 2]
    assert dataset[1][0].shape == (3, 160, 160)  # a PNG of 90 pixels
    assert image.shape == (3, 160, 160)


def test_center_keeps_the_middle_of_the_images(opened: Callable[..., FaceDataset]) -> None:
    whole, part = opened(), opened(center=0.75)
    assert torch.equal(part[4][0], functional.resize(whole[4][0][:, 20:140, 20:140], [160, 160]))


def test_all_splits_have_the_same_race_words(opened: Callable[..., FaceDataset]) -> None:
    assert opened().races == opened("val").races == ("Asian", "Black", "Indian", "White")
    assert opened(races=("White", "Black")).race.tolist()[:3] == [-1, 1, 0]


def test_an_opened_layout_is_not_opened_again(
    prepared: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = find_layout(prepared)
    monkeypatch.setattr(dataset_module, "find_layout", None)
    assert len(FaceDataset(layout, "train", cache=cache)) == ROWS


def test_splits_can_be_joined(prepared: Path, cache: Path) -> None:
    joined = FaceDataset(prepared, ("val", "train"), cache=cache)
    assert len(joined) == ROWS + 2
    assert joined[0][1].age_years == 33.5
    assert torch.equal(joined[5][0], FaceDataset(prepared, "train", cache=cache)[3][0])


def test_an_index_out_of_range_raises(opened: Callable[..., FaceDataset]) -> None:
    for index in (-1, ROWS):
        with pytest.raises(IndexError):
            opened()[index]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_processes_does_not_change_the_result(
    opened: Callable[..., FaceDataset], workers: int
) -> None:
    dataset = opened(augmentation="standard", seed=5)
    dataset.set_epoch(3)
    alone, processes = loaded(dataset), loaded(dataset, num_workers=workers)
    assert torch.equal(alone[0], processes[0])
    assert all(map(torch.equal, alone[1], processes[1]))


def test_spawned_processes_load_the_same_images(
    opened: Callable[..., FaceDataset],
) -> None:
    dataset = opened(augmentation="standard")
    spawned = loaded(dataset, num_workers=1, multiprocessing_context="spawn")
    assert torch.equal(loaded(dataset)[0], spawned[0])


def test_augmentation_depends_on_seed_epoch_and_index_only(
    opened: Callable[..., FaceDataset],
) -> None:
    dataset = opened(augmentation="standard")
    first = [dataset[index][0] for index in range(4)]
    again = [dataset[index][0] for index in (3, 2, 1, 0)][::-1]
    assert all(map(torch.equal, first, again))
    dataset.set_epoch(1)
    assert not any(map(torch.equal, first, (dataset[index][0] for index in range(4))))
    dataset.set_epoch(0)
    assert torch.equal(dataset[2][0], first[2])
    assert not torch.equal(opened(augmentation="standard", seed=1)[2][0], first[2])


def test_persistent_loaders_see_the_next_epoch(
    opened: Callable[..., FaceDataset],
) -> None:
    dataset = opened(augmentation="standard")
    loader = DataLoader(dataset, batch_size=ROWS, num_workers=1, persistent_workers=True)
    epochs = []
    for epoch in range(2):
        dataset.set_epoch(epoch)
        epochs.append(next(iter(loader))[0])
        assert torch.equal(epochs[epoch], loaded(dataset)[0])
    assert not torch.equal(*epochs)


def test_two_ranks_load_every_image_once(opened: Callable[..., FaceDataset]) -> None:
    dataset = opened()
    seen: list[int] = []
    for rank in range(2):
        sampler: DistributedSampler[Any] = DistributedSampler(
            dataset, num_replicas=2, rank=rank, seed=4, drop_last=False
        )
        sampler.set_epoch(1)
        seen += loaded(dataset, sampler=sampler)[1].index.tolist()
    # The samplers repeat one image to reach an even number.
    assert len(seen) == ROWS + 1
    assert set(seen) == set(range(ROWS))


def test_images_are_not_pickled(opened: Callable[..., FaceDataset]) -> None:
    dataset = opened()
    pickled = pickle.dumps(dataset)
    assert len(pickled) < 10_000 < sum(len(r["image"]) for r in TRAIN)
    copy = pickle.loads(pickled)
    assert torch.equal(copy[9][0], dataset[9][0])


def test_images_are_not_loaded_into_memory(opened: Callable[..., FaceDataset]) -> None:
    opened()
    before = pa.total_allocated_bytes()
    dataset = opened()
    for index in range(ROWS):
        assert dataset._images is not None
        dataset._images[index].as_buffer()
    assert pa.total_allocated_bytes() - before < len(TRAIN[0]["image"])


def test_the_cache_is_written_once_and_updated_with_the_data(tmp_path: Path) -> None:
    root = write_prepared(tmp_path / "faces", {"train": [row(1), row(2)]})
    cache = tmp_path / "cache"
    FaceDataset(root, "train", cache=cache)
    (first,) = cache.rglob("*.arrow")
    written = first.stat().st_mtime_ns
    FaceDataset(root, "train", cache=cache)
    assert first.stat().st_mtime_ns == written
    write_part(root / "train" / "part-00001.parquet", [row(3)])
    assert FaceDataset(root, "train", cache=cache)[1][1].age_years == 3
    (second,) = cache.rglob("*.arrow")
    assert second != first


def test_one_of_several_processes_writes_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_prepared(tmp_path / "faces", {"train": [row(1), row(2)]})
    written, write = [], arrow_cache._write

    def write_slowly(*arguments: Any) -> None:
        written.append(arguments)
        time.sleep(0.2)
        write(*arguments)

    monkeypatch.setattr(arrow_cache, "_write", write_slowly)
    with ThreadPoolExecutor(3) as pool:
        opened = [pool.submit(FaceDataset, root, "train", cache=tmp_path) for _ in range(3)]
        assert [len(each.result()) for each in opened] == [2, 2, 2]
    assert len(written) == 1


def test_an_interrupted_copy_is_written_again(tmp_path: Path) -> None:
    root = write_prepared(tmp_path / "faces", {"train": [row(1), row(2)]})
    cache = tmp_path / "cache"
    expected = FaceDataset(root, "train", cache=cache)[1][0]
    (whole,) = cache.rglob("*.arrow")
    whole.rename(f"{whole}.part").write_bytes(b"half")
    assert torch.equal(FaceDataset(root, "train", cache=cache)[1][0], expected)
    assert not list(cache.rglob("*.part"))


def test_an_image_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    broken = row(2, image=make_image(2)[:300])
    root = write_prepared(tmp_path / "faces", {"train": [row(1), broken]})
    dataset = FaceDataset(root, "train", cache=tmp_path)
    dataset[0]
    with pytest.raises(InvalidDataset, match=r"image 1 of train: the JPEG photo is damaged"):
        dataset[1]


def _without_manifest(root: Path) -> None:
    (root / "manifest.json").unlink()


def _manifest_not_json(root: Path) -> None:
    (root / "manifest.json").write_text("{")


def _manifest_a_list(root: Path) -> None:
    (root / "manifest.json").write_text("[]")


def _of_another_version(root: Path) -> None:
    manifest = (root / "manifest.json").read_text()
    newer = manifest.replace('"schema_version": 1', '"schema_version": 2, "news": 1')
    (root / "manifest.json").write_text(newer)


def _without_parts(root: Path) -> None:
    for part in root.rglob("part-*"):
        part.unlink()


def _without_a_part(root: Path) -> None:
    (root / "train" / "part-00001.parquet").unlink()


def _with_another_part(root: Path) -> None:
    write_part(root / "train" / "part-00002.parquet", [row(3)])


def _damaged_inside(root: Path) -> None:
    damage_pages(root / "train" / "part-00001.parquet")


def _cut_short(root: Path) -> None:
    part = root / "train" / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-100])


def _without_a_column(root: Path) -> None:
    part = root / "train" / "part-00000.parquet"
    pq.write_table(pq.read_table(part).drop_columns(["age_years"]), part)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_manifest, "faces has no manifest.json: `faceage prepare` did not"),
        (_manifest_not_json, "faces/manifest.json: the document: Invalid JSON"),
        (_manifest_a_list, "faces/manifest.json: the document: Input should be an object"),
        (_of_another_version, "faces was prepared by another version of faceage"),
        (_without_parts, "train of faces holds 0 images, its manifest says 2: prepare it again"),
        (_without_a_part, "train of faces holds 1 images, its manifest says 2: prepare it again"),
        (_with_another_part, "train of faces holds 3 images, its manifest says 2"),
        (_damaged_inside, "train/part-00001.parquet of faces is damaged: "),
        (_cut_short, "train/part-00001.parquet of faces is not a complete Parquet file"),
        (_without_a_column, "train/part-00000.parquet of faces lacks the columns age_years"),
    ],
)
def test_a_damaged_data_set_is_reported(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    root = write_prepared(tmp_path / "faces", {"train": [row(1), row(2)]})
    damage(root)
    with pytest.raises(InvalidDataset, match=message) as caught:
        FaceDataset(root, "train", cache=tmp_path / "cache")
    assert caught.value.code == "invalid_dataset"


def test_an_empty_split_is_rejected(tmp_path: Path) -> None:
    root = write_prepared(tmp_path / "faces", {"train": [], "val": [row(1)]}, parts=1)
    with pytest.raises(InvalidDataset, match="train of faces: no images"):
        FaceDataset(root, "train", cache=tmp_path / "cache")


def test_an_unknown_split_is_rejected(tmp_path: Path) -> None:
    root = write_prepared(tmp_path / "faces", {"test": [row(1)]})
    with pytest.raises(InvalidDataset, match="data set faces has no split 'train'; it has test"):
        FaceDataset(root, "train", cache=tmp_path / "cache")


def test_a_full_disk_is_not_reported_as_a_damaged_part(tmp_path: Path) -> None:
    layout = find_layout(write_prepared(tmp_path / "faces", {"train": [row(1)]}, parts=1))
    with (
        pytest.raises(OSError, match="No space left"),
        layout.open("train/part-00000.parquet"),
        pa.OSFile("/dev/full", "wb") as sink,
    ):
        sink.write(b"x")


def test_a_missing_data_set_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataset, match="is not a directory; `faceage prepare`"):
        FaceDataset(tmp_path / "nowhere", "train", cache=tmp_path)


def test_an_unknown_augmentation_is_rejected(prepared: Path, cache: Path) -> None:
    with pytest.raises(InvalidArgument, match="got 'strong'"):
        FaceDataset(prepared, "train", augmentation="strong", cache=cache)


@pytest.mark.data
def test_real_images_decode_as_in_serving(data_dir: Path, tmp_path: Path) -> None:
    file = pq.ParquetFile(data_dir / "utkface_trainval.parquet")
    table = next(file.iter_batches(100, columns=["image", "age"]))
    images = table["image"].to_pylist()
    rows = [
        row(seed, image=image, age_years=float(age))
        for seed, (image, age) in enumerate(zip(images, table["age"].to_pylist(), strict=True))
    ]
    root = write_prepared(tmp_path / "utkface", {"train": rows})
    plain = FaceDataset(root, "train", size_px=200, cache=tmp_path)
    for index, image in enumerate(images):
        np.testing.assert_array_equal(plain[index][0].permute(1, 2, 0), decode(image))
    varied = FaceDataset(root, "train", augmentation="standard", cache=tmp_path)
    assert loaded(varied)[0].shape == (100, 3, 160, 160)
    assert varied.age_years.tolist() == [r["age_years"] for r in rows]
