"""A client that sends pairs to a running service, several at a time."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.photos import Pair

_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Reply:
    """The response to one request.

    Attributes:
        status: the HTTP status.
        body: the decoded JSON.
        seconds: from sending the request to the complete response.
    """

    status: int
    body: Any
    seconds: float


def send_all(address: str, pairs: Iterable[Pair], *, concurrency: int) -> list[Reply]:
    """Compare all pairs over HTTP with `concurrency` requests in flight.

    Args:
        address: "http://host:port".
        pairs: sent in this order.
        concurrency: the number of clients; each waits for its reply before the next request.

    Returns:
        One reply per pair, in the order of the pairs.
    """
    return asyncio.run(_send_all(address, pairs, concurrency))


async def _send_all(address: str, pairs: Iterable[Pair], concurrency: int) -> list[Reply]:
    queue = enumerate(pairs)
    replies: dict[int, Reply] = {}
    async with httpx.AsyncClient(base_url=address, timeout=_TIMEOUT_S, trust_env=False) as client:
        clients = (_send_from_queue(client, queue, replies) for _ in range(concurrency))
        await asyncio.gather(*clients)
    return [replies[index] for index in sorted(replies)]


async def _send_from_queue(
    client: httpx.AsyncClient, queue: Iterator[tuple[int, Pair]], replies: dict[int, Reply]
) -> None:
    for index, pair in queue:
        started = time.perf_counter()
        response = await client.post(
            "/v1/compare",
            files={"image_1": ("1.jpg", pair.image_1), "image_2": ("2.jpg", pair.image_2)},
        )
        seconds = time.perf_counter() - started
        replies[index] = Reply(response.status_code, response.json(), seconds)
