"""Steady load on the proxies of several hosts, as a load balancer spreads it."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from faceage_core.pipeline import FacePipeline

# A load balancer's own checks: how often, and how long a proxy may take over one.
CHECK_EVERY_S = 1.0
CHECK_TIMEOUT_S = 2.0
REQUEST_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Comparison:
    """What is sent, and what has to come back but for the request's id."""

    files: dict[str, tuple[str, bytes]]
    answer: dict[str, Any]


def comparison(
    pipeline: FacePipeline, photos: dict[str, bytes], pair: tuple[str, str]
) -> Comparison:
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

    A proxy is asked once it has passed a check, until it fails a check or a client.
    """

    def __init__(
        self, proxies: Sequence[str], comparisons: Sequence[Comparison], *, clients: int = 4
    ) -> None:
        self.sent: list[Sent] = []
        self._proxies = list(proxies)
        self._comparisons = comparisons
        self._healthy: set[str] = set()
        self._numbers = count()
        self._began_s = time.monotonic()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._check)]
        self._threads += [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self) -> "Load":
        self._check_all()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

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

    def _ask(self) -> None:
        with httpx.Client(timeout=REQUEST_TIMEOUT_S, trust_env=False) as client:
            while not self._stop.is_set():
                number = next(self._numbers)
                healthy = [proxy for proxy in self._proxies if proxy in self._healthy]
                if not healthy:
                    time.sleep(0.1)
                    continue
                proxy = healthy[number % len(healthy)]
                comparison = self._comparisons[number % len(self._comparisons)]
                began_s = self.now_s
                problem = self._problem(client, proxy, comparison)
                self.sent.append(Sent(self.now_s, self.now_s - began_s, proxy, problem))

    def _problem(self, client: httpx.Client, proxy: str, comparison: Comparison) -> str | None:
        try:
            response = client.post(f"{proxy}/v1/compare", files=comparison.files)
        except httpx.TransportError as error:
            self._healthy.discard(proxy)
            return type(error).__name__
        if response.status_code != httpx.codes.OK:
            return f"{response.status_code} {response.json()['code']}"
        answer = {key: value for key, value in response.json().items() if key != "request_id"}
        return None if answer == comparison.answer else "wrong answer"

    def _check(self) -> None:
        while not self._stop.wait(CHECK_EVERY_S):
            self._check_all()

    def _check_all(self) -> None:
        for proxy in self._proxies:
            (self._healthy.add if passes(proxy) else self._healthy.discard)(proxy)


def passes(proxy: str) -> bool:
    """Whether a proxy answers a load balancer's check."""
    try:
        response = httpx.get(f"{proxy}/-/healthz", timeout=CHECK_TIMEOUT_S, trust_env=False)
    except httpx.TransportError:
        return False
    return response.is_success
