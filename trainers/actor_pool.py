"""Work items mapped over a pool of Ray actors, for preparation and evaluation."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ray
from ray.data import ActorPoolStrategy
from ray.exceptions import RayError
from ray.util.annotations import RayDeprecationWarning

from faceage_core.errors import FaceageError

ProgressFn = Callable[[int, int], None]
"""Called with the number of finished images and of all images."""


def map_items(
    actor: type, argument: Any, items: Sequence[int], *, gpu: bool = False, retry_hint: str
) -> Iterator[dict[str, Any]]:
    """Map items over one actor per core or GPU; yield one row per item as they finish.

    Args:
        actor: a class that is built once per process with `argument` and called with batches of
            one item, {"item": [1] int64}; it returns a batch of one row.
        argument: must be picklable.
        items: at least one.
        gpu: reserve a GPU for each actor.
        retry_hint: for the message about a lost actor: what the user can do.

    Raises:
        FaceageError: an actor process died.
    """
    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    available = int(resources.get("GPU" if gpu else "CPU", 1))
    with warnings.catch_warnings():
        # Ray 2.64 removes max_restarts; 2.60 has no other limit, and restarts without end by
        # default, so that an actor killed by its input would be restarted for ever.
        warnings.simplefilter("ignore", RayDeprecationWarning)
        rows = ray.data.from_items(list(items), override_num_blocks=len(items)).map_batches(
            actor,
            fn_constructor_args=(argument,),
            batch_size=1,
            compute=ActorPoolStrategy(size=max(1, min(available, len(items)))),
            num_cpus=1,
            num_gpus=1 if gpu else None,
            max_restarts=0,
        )
    try:
        yield from rows.iter_rows()
    except RayError as error:
        raise FaceageError(f"a worker was lost ({type(error).__name__}); {retry_hint}") from None
