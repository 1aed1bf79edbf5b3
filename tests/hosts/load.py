"""Steady load on the proxies of several hosts, distributed as by a load balancer."""

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
from tests.answers import same_answer

# The health checks of a load balancer.
CHECK_EVERY_S = 1.0
CHECK_TIMEOUT_S = 4.0  # a host with busy cores responds late, but is alive
CHECKS_TO_PASS = 3
SILENT_CHECKS_TO_CANCEL = 2
REQUEST_TIMEOUT_S = 70.0  # longer than the timeout of the service


@dataclass(frozen=True)
class Comparison:
    """The files of one request, and the expected answer."""

    files: dict[str, tuple[str, bytes]]
    answer: dict[str, Any]


def comparison(pipeline: Pipeline, photos: dict[str, bytes], pair: tuple[str, str]) -> Comparison:
    """The comparison of two of these photos; the library gives the expected answer."""
    one, two = pair
    answer = pipeline.compare(photos[one], photos[two], names=pair).model_dump(mode="json")
    return Comparison({"image_1": (one, photos[one]), "image_2": (two, photos[two])}, answer)


@dataclass(frozen=True)
class Request:
    """One finished request.

    Attributes:
        ended_s: when it ended, in seconds since the load began.
        seconds: its duration.
        proxy: the address that it was sent to.
        error: why there is no correct answer; None if there is one.
    """

    ended_s: float
    seconds: float
    proxy: str
    error: str | None


class Load:
    """Several clients that send requests without a pause until the block ends.

    A proxy gets requests after it has passed several consecutive health checks, and until a check
    or a request fails. Its requests in flight are cancelled if several consecutive checks get no
    response. If a check gets an error response, as from a proxy that is being drained, they are
    not cancelled: such a proxy still answers them.
    """

    def __init__(
        self, proxies: Sequence[str], comparisons: Sequence[Comparison], *, clients: int = 4
    ) -> None:
        self.requests: list[Request] = []
        self._comparisons = cycle(comparisons)
        self._in_flight: dict[str, set[asyncio.Task[str | None]]] = {one: set() for one in proxies}
        self._passed = dict.fromkeys(proxies, 0)
        self._next_proxy = cycle(proxies)
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
        """Correct answers per second in a period."""
        correct = sum(
            one.error is None and since_s <= one.ended_s < until_s for one in list(self.requests)
        )
        return correct / (until_s - since_s)

    def count_correct(self, since_s: float) -> int:
        """The number of requests that were sent after a time and got the correct answer."""
        return sum(
            one.error is None and one.ended_s - one.seconds >= since_s
            for one in list(self.requests)
        )

    def failed(self) -> list[Request]:
        """The requests without the correct answer."""
        return [one for one in list(self.requests) if one.error is not None]

    def timeline(self, *, step_s: float = 5.0) -> str:
        """Correct answers per second and errors, one line per time step."""
        lines = []
        for step in range(int(self.now_s / step_s) + 1):
            since_s, until_s = step * step_s, (step + 1) * step_s
            failed = Counter(
                f"{one.error} at {one.proxy}"
                for one in self.failed()
                if since_s <= one.ended_s < until_s
            )
            errors = ", ".join(f"{times} x {error}" for error, times in failed.items())
            rate = self.rate(since_s, until_s)
            lines.append(f"{since_s:5.0f} s  {rate:5.1f} answers/s  {errors}".rstrip())
        slowest = max((one.seconds for one in self.requests if one.error is None), default=0.0)
        return "\n".join(
            [*lines, f"{len(self.requests)} requests, {len(self.failed())} failed; slowest answer "
             f"{slowest:.1f} s"]
        )  # fmt: skip

    async def _run(self) -> None:
        async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT_S, trust_env=False) as client:
            checks = [self._check(client, proxy) for proxy in self._in_flight]
            clients = [self._send_requests(client) for _ in range(self._clients)]
            await asyncio.gather(*checks, *clients)

    async def _check(self, client: httpx.AsyncClient, proxy: str) -> None:
        silent = 0
        while not self._stop.is_set():
            try:
                answer = await client.get(f"{proxy}/-/healthz", timeout=CHECK_TIMEOUT_S)
                silent, passed = 0, answer.is_success
            except httpx.TransportError:
                silent, passed = silent + 1, False
            self._passed[proxy] = self._passed[proxy] + 1 if passed else 0
            if silent >= SILENT_CHECKS_TO_CANCEL:
                for request in self._in_flight[proxy]:
                    request.cancel()
            await asyncio.sleep(CHECK_EVERY_S)

    async def _send_requests(self, client: httpx.AsyncClient) -> None:
        while not self._stop.is_set():
            proxy = next(self._next_proxy)
            if self._passed[proxy] < CHECKS_TO_PASS:
                await asyncio.sleep(0.01)
                continue
            began_s = self.now_s
            request = asyncio.create_task(self._send(client, proxy, next(self._comparisons)))
            self._in_flight[proxy].add(request)
            try:
                error = await request
            except asyncio.CancelledError:
                error = "cancelled"
            self._in_flight[proxy].discard(request)
            self.requests.append(Request(self.now_s, self.now_s - began_s, proxy, error))

    async def _send(
        self, client: httpx.AsyncClient, proxy: str, comparison: Comparison
    ) -> str | None:
        try:
            response = await client.post(f"{proxy}/v1/compare", files=comparison.files)
        except httpx.TransportError as error:
            self._passed[proxy] = 0
            return type(error).__name__
        if response.status_code != httpx.codes.OK:
            return f"{response.status_code} {response.json()['code']}"
        return None if same_answer(response.json(), comparison.answer) else "wrong answer"
