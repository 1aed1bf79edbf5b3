"""Where the processor time of one comparison goes, in this process.

    python -m benchmarks.profile [--data DIR] [--pairs N]

The stages of the default bundle run one after another in one thread, each network on one thread, so
that the processor time between the beginning and the end of a part is spent for this part. The time
of a part does not contain the parts within it: the detector's own row is what is left beside its
networks, its resizing, the decoding and the crops. The photos are those of the samples, at up to
640 pixels, or LFW pairs if DIR holds lfw_view2_folds0-2_images.parquet and _pairs.parquet.
"""

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.photos import Pair, load_pairs
from benchmarks.table import table
from faceage_core.detection import detector, mtcnn
from faceage_core.detection.area import AreaResizer
from faceage_core.errors import NoFace
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import graph
from faceage_core.pipeline.graph import CompareRequest, Graph, ImageFile
from faceage_core.pipeline.schema import CompareAnswer
from faceage_core.pipeline.stages import AGE, DETECTOR, STAGES, VERIFIER, RunBatch, Stage
from faceage_core.pipeline.stages.stage import Request, Result

DECODING, CROPS, RESIZING = "decoding", "crops", "detector: resizing"
DETECTION = "detector: candidate boxes"
ANSWER, JSON, OTHER = "building the answer", "writing JSON", "graph and event loop"
# A function or method, and the part that its time belongs to.
FUNCTIONS: tuple[tuple[Any, str, str], ...] = (
    (detector, "decode_photo", DECODING),
    (detector, "cut", CROPS),
    (mtcnn, "reduce_by_integer", RESIZING),
    (AreaResizer, "__init__", RESIZING),
    (AreaResizer, "whole", RESIZING),
    (AreaResizer, "patches", RESIZING),
    (graph, "compare_answer", ANSWER),
)
NETWORKS = {
    "_proposal": "detector: P-Net",
    "_refine": "detector: R-Net",
    "_output": "detector: O-Net",
}
STAGE_PARTS = {DETECTOR.name: DETECTION, AGE.name: "age and gender", VERIFIER.name: "identity"}
PARTS = (
    *(DECODING, RESIZING, *NETWORKS.values(), DETECTION, CROPS),
    *(STAGE_PARTS[AGE.name], STAGE_PARTS[VERIFIER.name], ANSWER, JSON, OTHER),
)


class Timer:
    """Divides time among parts; at any moment the innermost part gets it.

    Attributes:
        seconds: by the name of the part.
    """

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        """Start outside every part.

        Args:
            clock: the time in seconds, by default the processor time of all threads.
        """
        self.seconds: dict[str, float] = defaultdict(float)
        self._clock = clock
        self._parts: list[str] = []
        self._last_s = clock()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Give the time within the block to a part."""
        self._charge()
        self._parts.append(name)
        try:
            yield
        finally:
            self._charge()
            self._parts.pop()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with the time of its calls given to a part."""

        @wraps(function)
        def call(*args: Any, **values: Any) -> Any:
            with self.part(name):
                return function(*args, **values)

        return call

    def _charge(self) -> None:
        now_s = self._clock()
        if self._parts:
            self.seconds[self._parts[-1]] += now_s - self._last_s
        self._last_s = now_s


class SequentialStages:
    """The stages in the thread of the event loop, so that only one runs at a time."""

    def __init__(self, loaded: dict[str, RunBatch[Any, Any]]) -> None:
        self._loaded = loaded

    async def run(self, stage: Stage[Request, Result], request: Request) -> Result:
        run_batch: RunBatch[Request, Result] = self._loaded[stage.name]
        (result,) = run_batch([request])
        return result

    async def ready(self) -> bool:
        return True


@dataclass(frozen=True)
class Profile:
    """The processor time of several comparisons.

    Attributes:
        comparisons: their number.
        total_s: of all of them, measured from outside.
        seconds: by part, of all of them.
    """

    comparisons: int
    total_s: float
    seconds: dict[str, float]

    def rows(self) -> list[tuple[str, str, str]]:
        """For each part its name, milliseconds a comparison, and share."""
        return [
            (
                part,
                f"{1e3 * self.seconds[part] / self.comparisons:.2f}",
                f"{100 * self.seconds[part] / self.total_s:.1f} %",
            )
            for part in PARTS
        ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the pairs of LFW")
    parser.add_argument("--pairs", type=int, default=60, help="number of pairs (default 60)")
    args = parser.parse_args(argv)
    photos, pairs = load_pairs(args.data, args.pairs, seed=0)
    profile = measure(pairs)
    mean_ms = 1e3 * profile.total_s / profile.comparisons
    print(f"{profile.comparisons} {photos}, {mean_ms:.2f} ms of processor time a comparison")
    print(table(("part", "ms", "share"), profile.rows()))
    return 0


def measure(pairs: Sequence[Pair]) -> Profile:
    """Compare each pair of photos; a pair with a photo without a face is left out.

    Raises:
        ValueError: no pair is left.
    """
    options = ModelOptions()
    bundle = resolve(options)
    loaded = {stage.name: stage.load(bundle, options, None) for stage in STAGES.values()}
    plain = Graph(SequentialStages(loaded), bundle)
    usable = [pair for pair in pairs if _compare(plain, pair) is not None]  # warms up as well
    if not usable:
        raise ValueError(f"none of {len(pairs)} pairs shows a face in both photos")
    timer = Timer()
    with _timed_functions(timer, loaded[DETECTOR.name]):
        stages = {name: timer.timed(STAGE_PARTS[name], run) for name, run in loaded.items()}
        timed = Graph(SequentialStages(stages), bundle)
        start_s = time.process_time()
        with timer.part(OTHER):
            for pair in usable:
                answer = _compare(timed, pair)
                with timer.part(JSON):
                    assert answer is not None
                    answer.model_dump_json()
        total_s = time.process_time() - start_s
    return Profile(len(usable), total_s, dict(timer.seconds))


def _compare(comparing: Graph, pair: Pair) -> CompareAnswer | None:
    """The answer; None if a photo shows no face."""
    images = ImageFile("image_1", pair.image_1), ImageFile("image_2", pair.image_2)
    try:
        return asyncio.run(comparing.compare(CompareRequest(*images), request_id="profile"))
    except NoFace:
        return None


@contextmanager
def _timed_functions(timer: Timer, detect: Any) -> Iterator[None]:
    """Time `FUNCTIONS` and the networks of the detector within the block."""
    networks = detect.__self__._detector
    targets = [*FUNCTIONS, *((networks, name, part) for name, part in NETWORKS.items())]
    with ExitStack() as stack:
        for owner, name, part in targets:
            timed = timer.timed(part, getattr(owner, name))
            stack.enter_context(patch.object(owner, name, timed))
        yield


if __name__ == "__main__":
    raise SystemExit(main())
