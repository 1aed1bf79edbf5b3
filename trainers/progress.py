"""What happens in a training, as lines for a person, wherever the workers are.

Ray Train tells its callbacks in the controller's process; the lines travel through a queue to the
process that was started by hand.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from textwrap import shorten
from threading import Thread
from typing import Any

import ray
from ray.exceptions import RayActorError
from ray.train import Checkpoint, UserCallback
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

Say = Callable[[str], None]

PACE_EVERY_S = 30.0

_END = ""


class Pace:
    """Puts a line into a queue every half minute of an epoch: how far it is, how long it takes."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._began_s = self._told_s = 0.0

    def __call__(self, epoch: int, step: int, steps: int) -> None:
        """A step is done; both are counted from 1."""
        now_s = time.monotonic()
        if step == 1:  # the first one also starts loaders and compiles
            self._began_s = self._told_s = now_s
        elif now_s - self._told_s >= PACE_EVERY_S:
            self._told_s = now_s
            left_s = (now_s - self._began_s) / (step - 1) * (steps - step)
            with suppress(RayActorError):  # nobody listens any more
                self._queue.put(f"epoch {epoch}: step {step} of {steps}, {left_s:.0f} s left")


class Narrator(UserCallback):
    """Puts a line for each epoch, and for each loss of workers, into a queue.

    Attributes:
        pace: for one of the workers.
    """

    def __init__(self, queue: Queue) -> None:
        self.pace = Pace(queue)
        self._queue = queue
        self._epoch = 0

    def after_report(
        self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Checkpoint | None
    ) -> None:
        """One line an epoch."""
        self._epoch = metrics[0]["epoch"]
        self._queue.put(epoch_line(metrics[0]))

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Who was lost, and from where it goes on."""
        lost = ", ".join(f"{rank}: {_said(e)}" for rank, e in sorted(worker_exceptions.items()))
        since = f"from the end of epoch {self._epoch}" if self._epoch else "from the beginning"
        self._queue.put(f"lost workers ({lost}); new ones go on {since}")


def epoch_line(metrics: dict[str, Any]) -> str:
    """An epoch on one line."""
    parts = [
        f"epoch {metrics['epoch']}",
        f"loss {metrics['train_loss']:.4f}",
        f"val MAE {metrics['val_mae']:.2f}",
        f"CS@5 {metrics['val_cs5']:.1%}",
    ]
    if "val_kl" in metrics:
        parts.append(f"KL {metrics['val_kl']:.3f}")
    if "val_gender_accuracy" in metrics:
        parts.append(f"gender {metrics['val_gender_accuracy']:.1%}")
    parts += [
        f"lr {metrics['lr']:.2e}",
        f"{metrics['pictures_per_second']:.0f} pictures/s in {metrics['arithmetic']}",
        f"{metrics['seconds']:.0f} s",
    ]
    if metrics["best_epoch"] == metrics["epoch"]:
        parts.append("best")
    return ", ".join(parts)


@contextmanager
def narrated(say: Say) -> Iterator[Narrator]:
    """A narrator whose lines are said here, for as long as the block lasts."""
    here = ray.get_runtime_context().get_node_id()
    # Another node might be lost, which a run outlives.
    beside = NodeAffinitySchedulingStrategy(here, soft=False)
    queue = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": beside})

    def follow() -> None:
        try:
            while (line := queue.get()) != _END:
                say(line)
        except RayActorError:
            return

    follower = Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield Narrator(queue)
    finally:
        queue.put(_END)
        follower.join(timeout=10)
        queue.shutdown(force=True)


def _said(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    first = shorten(str(cause).strip().partition("\n")[0], 80, placeholder="...")
    return f"{type(cause).__name__}: {first}" if first else type(cause).__name__
