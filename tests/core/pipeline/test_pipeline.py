"""The synchronous methods: from any thread, inside an event loop, and with options by name."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from faceage_core.errors import InvalidArgument
from faceage_core.pipeline import Pipeline
from faceage_core.pipeline.schema import CompareAnswer
from tests.core.pipeline.photos import QUICK, without_id


@pytest.fixture
def photos(samples: dict[str, bytes]) -> list[bytes]:
    return [samples[name] for name in QUICK]


@pytest.fixture
def expected(pipeline: Pipeline, photos: list[bytes]) -> CompareAnswer:
    return without_id(pipeline.compare(*photos))


def test_inside_a_running_event_loop(
    pipeline: Pipeline, photos: list[bytes], expected: CompareAnswer
) -> None:
    async def notebook_cell() -> CompareAnswer:
        return pipeline.compare(*photos)

    assert without_id(asyncio.run(notebook_cell())) == expected


def test_from_several_threads(
    pipeline: Pipeline, photos: list[bytes], expected: CompareAnswer
) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: pipeline.compare(*photos), range(8)))
    assert [without_id(answer) for answer in answers] == [expected] * 8


def test_an_unknown_option_is_named(pipeline: Pipeline) -> None:
    with pytest.raises(InvalidArgument, match="^treshold is not an option") as caught:
        pipeline.compare(b"", b"", treshold=0.5)
    assert caught.value.field == "treshold"
