"""What tests that fetch share: a clock that nobody waits for, and the shape of their fetchers."""

from __future__ import annotations

from collections.abc import Callable

from indexer.fetch import Fetcher

AGENT = "searchsvc/1.0 (+mailto:editor@example.ru)"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


Open = Callable[..., Fetcher]


def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]
