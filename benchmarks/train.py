"""Throughput of training: Ray Train and plain PyTorch, bf16 and fp32, loaded and synthetic images.

    python -m benchmarks.train --dataset prepared/utkface

On a CPU without bf16 everything is measured in fp32, without the comparison of the two.

The recipe is utkface_cpu at 128 pixels or another size, with two workers of one thread each. Weight
averaging and gradient clipping are turned off, because the plain loop has neither. Synthetic images
are in memory; loaded images are decoded and augmented as in training. Each variant trains for two
epochs, and the second one is measured. The rounds of the variants alternate, and medians are
compared.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import Dataset

from benchmarks.table import table
from faceage_core.cards.model_card import HeadSpec
from faceage_core.data.training.dataset import Targets
from faceage_core.models.age_network import AgeNetwork
from trainers import training_loop, worker
from trainers.fit import fit
from trainers.losses import LossSettings, kl_l1
from trainers.precision import autocast, float_format
from trainers.ray_session import ray_session
from trainers.recipe import Recipe, load_recipe
from trainers.run_folder import RunFolder

WORKERS = 2
PLAIN, SYNTHETIC, LOADED, FP32 = (
    "plain PyTorch, synthetic",
    "Ray Train, synthetic",
    "Ray Train, loaded",
    "Ray Train, synthetic, fp32",
)
MIN_RATIOS = {(SYNTHETIC, PLAIN): 0.95, (SYNTHETIC, FP32): 1.3, (LOADED, SYNTHETIC): 0.9}


def main() -> None:
    """Print the images per second of each variant, and their ratios."""
    parser = argparse.ArgumentParser(description="images per second of training")
    parser.add_argument("--dataset", type=Path, required=True, help="prepared with --size 128")
    parser.add_argument("--images", type=int, default=1536, help="images per epoch")
    parser.add_argument("--size-px", type=int, default=128, help="side of an image in pixels")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each variant")
    args = parser.parse_args()
    variants: dict[str, Callable[[], float]] = {
        PLAIN: lambda: _train_plain(args.images, args.size_px),
        SYNTHETIC: lambda: _train_with_ray(args, "auto", synthetic=True),
        LOADED: lambda: _train_with_ray(args, "auto", synthetic=False),
    }
    precision = float_format("auto", torch.device("cpu"))
    if precision == "bf16":
        variants[FP32] = lambda: _train_with_ray(args, "fp32", synthetic=True)
    rates: dict[str, list[float]] = {name: [] for name in variants}
    with ray_session(None):
        for _ in range(args.rounds):
            for name, measure in variants.items():
                rates[name].append(measure())
                print(f"{name}: {rates[name][-1]:.1f} images/s", flush=True)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(
        f"\n{precision}, {WORKERS} workers, {args.images} images of {args.size_px} px, "
        f"median of {args.rounds} rounds"
    )
    print(table(("", "images/s"), [(name, f"{rate:.1f}") for name, rate in medians.items()]))
    ratios = [
        (f"{one} / {other}", f"{medians[one] / medians[other]:.2f}", f"{minimum}")
        for (one, other), minimum in MIN_RATIOS.items()
        if {one, other} <= medians.keys()
    ]
    print(f"\n{table(('', 'ratio', 'required'), ratios)}")


def _train_with_ray(args: argparse.Namespace, precision: str, *, synthetic: bool) -> float:
    recipe = _recipe(args, precision)
    train = worker.train_loop_per_worker
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder.prepare(f"{name}/run", recipe, resume=False, overwrite=False)
        try:
            if synthetic:
                worker.train_loop_per_worker = _train_on_synthetic
            result = fit(recipe, folder)
        finally:
            worker.train_loop_per_worker = train
    assert result.metrics is not None
    return float(result.metrics["pictures_per_second"])


def _recipe(args: argparse.Namespace, precision: str) -> Recipe:
    return load_recipe(
        "utkface_cpu",
        [
            f"data.sources={args.dataset}",
            f"data.limit={args.images}",
            "epochs=2",
            f"precision={precision}",
            f"workers.count={WORKERS}",
            "input.first_sizes=[]",
            f"input.size_px={args.size_px}",
            "optimizer.ema_decay=null",
            "optimizer.clip_norm=null",
            "network.heads=[{task: age, outputs: 101}]",
            "sample_faces=0",
        ],
    )


class _Synthetic(Dataset[tuple[Tensor, Targets]]):
    """Random images and ages in memory, with the interface of `MixedDataset`."""

    def __init__(self, images: int, side_px: int) -> None:
        generator = torch.Generator().manual_seed(0)
        shape = (min(images, 256), 3, side_px, side_px)
        self._images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        self.age_years = torch.randint(0, 100, (images,), generator=generator).float().numpy()
        self.gender = torch.full((images,), -1).numpy()

    def set_epoch(self, epoch: int) -> None:
        """No effect: the images are the same in every epoch."""

    def __len__(self) -> int:
        return len(self.age_years)

    def __getitem__(self, index: int) -> tuple[Tensor, Targets]:
        unknown = torch.tensor(-1)
        age = torch.tensor(self.age_years[index])
        return self._images[index % len(self._images)], Targets(
            age, unknown, unknown, torch.tensor(index)
        )


def _train_on_synthetic(config: dict[str, Any]) -> None:
    """The training function of a worker, on synthetic images."""
    images, side_px = config["recipe"]["data"]["limit"], config["recipe"]["input"]["size_px"]

    def open_synthetic(*_: Any, train: bool, **__: Any) -> _Synthetic:
        return _Synthetic(images if train else 64, side_px)

    training_loop.open_split = open_synthetic  # type: ignore[assignment, attr-defined]
    worker.train_loop_per_worker(config)


def _train_plain(count: int, side_px: int) -> float:
    """A training loop without this project: two processes, gloo, DDP; returns images per second."""
    context = torch.multiprocessing.get_context("spawn")
    rates = context.SimpleQueue()
    with tempfile.TemporaryDirectory() as name:
        processes = [
            context.Process(
                target=_plain_worker, args=(rank, f"{name}/store", count, side_px, rates)
            )
            for rank in range(WORKERS)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    return float(rates.get())


def _plain_worker(rank: int, store: str, count: int, side_px: int, rates: Any) -> None:
    os.nice(15)  # as Ray does for its workers
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{store}", rank=rank, world_size=WORKERS)
    torch.manual_seed(0)
    recipe = load_recipe("utkface_cpu")
    network = AgeNetwork(recipe.network.backbone, (HeadSpec(task="age", outputs=101),))
    parallel = DistributedDataParallel(network.to(memory_format=torch.channels_last))
    optimizer = torch.optim.AdamW(
        network.parameters(), recipe.optimizer.lr, weight_decay=recipe.optimizer.weight_decay
    )
    dataset = _Synthetic(count, side_px)
    images, ages = dataset._images, torch.from_numpy(dataset.age_years)
    size, device = recipe.batch_size // WORKERS, torch.device("cpu")
    settings = LossSettings()
    for epoch in range(2):
        order = torch.randperm(count)[rank::WORKERS]
        start = time.perf_counter()
        for at in range(0, len(order) - size + 1, size):
            chosen = order[at : at + size]
            batch = (images[chosen % len(images)].float() - 127.5) / 128
            batch = batch.contiguous(memory_format=torch.channels_last)
            with autocast(float_format("auto", device), device):
                output = parallel(batch).age
            kl_l1(output, ages[chosen], settings).mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        seconds = time.perf_counter() - start
        if rank == 0 and epoch == 1:
            rates.put(len(order) // size * size * WORKERS / seconds)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
