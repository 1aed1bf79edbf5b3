"""Log lines about a running training, wherever its workers run.

Ray Train calls its callbacks in the controller's process; a queue carries the lines to the process
that started the training.
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

from faceage_core.errors import first_line

LogFn = Callable[[str], None]
"""Called with each line of a log."""

STEP_LOG_INTERVAL_S = 30.0

_END = ""


class StepProgress:
    """Logs the step and the remaining time of an epoch every half minute."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._start_s = self._logged_s = 0.0

    def __call__(self, epoch: int, step: int, steps: int) -> None:
        """Report a finished step.

        Args:
            epoch: from 1.
            step: from 1.
            steps: in the epoch.
        """
        now_s = time.monotonic()
        if step == 1:  # not timed: it also starts the loaders and compiles
            self._start_s = self._logged_s = now_s
        elif now_s - self._logged_s >= STEP_LOG_INTERVAL_S:
            self._logged_s = now_s
            left_s = (now_s - self._start_s) / (step - 1) * (steps - step)
            with suppress(RayActorError):  # the process that started the training is gone
                self._queue.put(f"epoch {epoch}: step {step} of {steps}, {left_s:.0f} s left")


class ProgressCallback(UserCallback):
    """Logs each epoch and each failure of workers.

    Attributes:
        step_progress: for one of the workers.
    """

    def __init__(self, queue: Queue) -> None:
        self.step_progress = StepProgress(queue)
        self._queue = queue
        self._epoch = 0

    def after_report(
        self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Checkpoint | None
    ) -> None:
        """Log an epoch."""
        self._epoch = metrics[0]["epoch"]
        self._queue.put(format_epoch(metrics[0]))

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Log which workers were lost, and where the training continues."""
        lost = ", ".join(
            f"{rank}: {_summary(error)}" for rank, error in sorted(worker_exceptions.items())
        )
        start = f"from the end of epoch {self._epoch}" if self._epoch else "from the beginning"
        self._queue.put(f"lost workers ({lost}); new ones continue {start}")


def format_epoch(metrics: dict[str, Any]) -> str:
    """One line about an epoch.

    Args:
        metrics: as reported by the epoch.
    """
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
        f"{metrics['pictures_per_second']:.0f} images/s in {metrics['arithmetic']}",
        f"{metrics['seconds']:.0f} s",
    ]
    if metrics["best_epoch"] == metrics["epoch"]:
        parts.append("best")
    return ", ".join(parts)


@contextmanager
def progress_callback(log: LogFn) -> Iterator[ProgressCallback]:
    """A callback whose lines are logged in this process until the block ends.

    Args:
        log: called with each line, from another thread.
    """
    this_node = ray.get_runtime_context().get_node_id()
    # The queue must not be on a node that may be lost while the training continues.
    on_this_node = NodeAffinitySchedulingStrategy(this_node, soft=False)
    queue = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": on_this_node})

    def forward() -> None:
        try:
            while (line := queue.get()) != _END:
                log(line)
        except RayActorError:
            return

    thread = Thread(target=forward, daemon=True)
    thread.start()
    try:
        yield ProgressCallback(queue)
    finally:
        queue.put(_END)
        thread.join(timeout=10)
        queue.shutdown(force=True)


def _summary(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    message = shorten(first_line(cause), 80, placeholder="...")
    return f"{type(cause).__name__}: {message}" if message else type(cause).__name__
