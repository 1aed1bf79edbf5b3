"""A client that sends pairs to a running service, so many at a time."""

import asyncio
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.photos import Pair

_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Reply:
    """One answer, and how long it took."""

    status: int
    body: Any
    seconds: float


def send_all(address: str, pairs: Iterable[Pair], *, concurrency: int) -> list[Reply]:
    """Compare all pairs over HTTP, `concurrency` requests under way at any time.

    Args:
        address: "http://host:port".
        pairs: in the order in which they are sent.
        concurrency: how many clients; each waits for its answer before it sends again.

    Returns:
        One reply a pair, in the order of the pairs.
    """
    return asyncio.run(_send_all(address, pairs, concurrency))


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _send_all(address: str, pairs: Iterable[Pair], concurrency: int) -> list[Reply]:
    waiting = enumerate(pairs)
    replies: dict[int, Reply] = {}
    async with httpx.AsyncClient(base_url=address, timeout=_TIMEOUT_S, trust_env=False) as client:
        clients = (_send_in_turn(client, waiting, replies) for _ in range(concurrency))
        await asyncio.gather(*clients)
    return [replies[place] for place in sorted(replies)]


async def _send_in_turn(
    client: httpx.AsyncClient, waiting: Iterator[tuple[int, Pair]], replies: dict[int, Reply]
) -> None:
    for place, pair in waiting:
        started = time.perf_counter()
        response = await client.post(
            "/v1/compare",
            files={"image_1": ("1.jpg", pair.image_1), "image_2": ("2.jpg", pair.image_2)},
        )
        seconds = time.perf_counter() - started
        replies[place] = Reply(response.status_code, response.json(), seconds)
