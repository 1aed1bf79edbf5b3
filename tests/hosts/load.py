"""Steady load on the proxies of several hosts, as a load balancer spreads it."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import httpx

from faceage_core.pipeline import Pipeline

# A load balancer's own checks: how often, and how long a proxy may take over one.
CHECK_EVERY_S = 1.0
CHECK_TIMEOUT_S = 4.0  # busy cores answer late, and are no dead host
CHECKS_TO_PASS = 3
SILENT_CHECKS_TO_GIVE_UP = 2
REQUEST_TIMEOUT_S = 70.0  # longer than the service's own


@dataclass(frozen=True)
class Comparison:
    """What is sent, and what has to come back but for the request's id."""

    files: dict[str, tuple[str, bytes]]
    answer: dict[str, Any]


def comparison(pipeline: Pipeline, photos: dict[str, bytes], pair: tuple[str, str]) -> Comparison:
    """Two of these photos, and the library's answer to them."""
    one, two = pair
    answer = pipeline.compare(photos[one], photos[two], names=pair).model_dump(mode="json")
    del answer["request_id"]
    return Comparison({"image_1": (one, photos[one]), "image_2": (two, photos[two])}, answer)


@dataclass(frozen=True)
class Sent:
    """One request: when it ended, in seconds since the load began, where it went, what failed."""

    ended_s: float
    seconds: float
    proxy: str
    problem: str | None


class Load:
    """A number of clients that ask without a pause, for as long as the block lasts.

    A proxy is asked once it has passed a few checks in a row, until it fails a check or a client.
    What is under way there is given up once checks in a row got no answer at all; a proxy that says
    it is not well, as while it is drained, still answers what it has.
    """

    def __init__(
        self, proxies: Sequence[str], comparisons: Sequence[Comparison], *, clients: int = 4
    ) -> None:
        self.sent: list[Sent] = []
        self._comparisons = cycle(comparisons)
        self._under_way: dict[str, set[asyncio.Task[str | None]]] = {one: set() for one in proxies}
        self._passed = dict.fromkeys(proxies, 0)
        self._turns = cycle(proxies)
        self._clients = clients
        self._began_s = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def now_s(self) -> float:
        """Seconds since the load began."""
        return time.monotonic() - self._began_s

    def rate(self, since_s: float, until_s: float) -> float:
        """Right answers a second within a span of time."""
        right = sum(
            one.problem is None and since_s <= one.ended_s < until_s for one in list(self.sent)
        )
        return right / (until_s - since_s)

    def right(self, since_s: float) -> int:
        """How many requests that were sent after a time got the right answer."""
        return sum(
            one.problem is None and one.ended_s - one.seconds >= since_s for one in list(self.sent)
        )

    def failed(self) -> list[Sent]:
        """The requests without the right answer."""
        return [one for one in list(self.sent) if one.problem is not None]

    def story(self, *, step_s: float = 5.0) -> str:
        """The time line: right answers a second, and what failed."""
        lines = []
        for step in range(int(self.now_s / step_s) + 1):
            since_s, until_s = step * step_s, (step + 1) * step_s
            failed = Counter(
                f"{one.problem} at {one.proxy}"
                for one in self.failed()
                if since_s <= one.ended_s < until_s
            )
            problems = ", ".join(f"{times} x {problem}" for problem, times in failed.items())
            rate = self.rate(since_s, until_s)
            lines.append(f"{since_s:5.0f} s  {rate:5.1f} answers/s  {problems}".rstrip())
        slowest = max((one.seconds for one in self.sent if one.problem is None), default=0.0)
        return "\n".join(
            [*lines, f"{len(self.sent)} requests, {len(self.failed())} failed; slowest answer "
             f"{slowest:.1f} s"]
        )  # fmt: skip

    async def _run(self) -> None:
        async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT_S, trust_env=False) as client:
            checks = [self._check(client, proxy) for proxy in self._under_way]
            asks = [self._ask(client) for _ in range(self._clients)]
            await asyncio.gather(*checks, *asks)

    async def _check(self, client: httpx.AsyncClient, proxy: str) -> None:
        silent = 0
        while not self._stop.is_set():
            try:
                answer = await client.get(f"{proxy}/-/healthz", timeout=CHECK_TIMEOUT_S)
                silent, passed = 0, answer.is_success
            except httpx.TransportError:
                silent, passed = silent + 1, False
            self._passed[proxy] = self._passed[proxy] + 1 if passed else 0
            if silent >= SILENT_CHECKS_TO_GIVE_UP:
                for request in self._under_way[proxy]:
                    request.cancel()
            await asyncio.sleep(CHECK_EVERY_S)

    async def _ask(self, client: httpx.AsyncClient) -> None:
        while not self._stop.is_set():
            proxy = next(self._turns)
            if self._passed[proxy] < CHECKS_TO_PASS:
                await asyncio.sleep(0.01)
                continue
            began_s = self.now_s
            request = asyncio.create_task(self._problem(client, proxy, next(self._comparisons)))
            self._under_way[proxy].add(request)
            try:
                problem = await request
            except asyncio.CancelledError:
                problem = "given up"
            self._under_way[proxy].discard(request)
            self.sent.append(Sent(self.now_s, self.now_s - began_s, proxy, problem))

    async def _problem(
        self, client: httpx.AsyncClient, proxy: str, comparison: Comparison
    ) -> str | None:
        try:
            response = await client.post(f"{proxy}/v1/compare", files=comparison.files)
        except httpx.TransportError as error:
            self._passed[proxy] = 0
            return type(error).__name__
        if response.status_code != httpx.codes.OK:
            return f"{response.status_code} {response.json()['code']}"
        answer = {key: value for key, value in response.json().items() if key != "request_id"}
        return None if answer == comparison.answer else "wrong answer"
