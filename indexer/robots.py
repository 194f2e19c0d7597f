"""robots.txt by RFC 9309: read once a day for each origin, understood by Protego."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from protego import Protego

from indexer.addresses import Target
from indexer.charset import decode
from indexer.errors import (
    AddressRefusedError,
    FetchError,
    RobotsUnavailableError,
    TlsError,
    TooManyRedirectsError,
    UnknownHostError,
)
from indexer.exchange import Answer

_log = logging.getLogger(__name__)

ROBOTS_BYTES = 500 * 1024
"""RFC 9309, 2.5: at least 500 KiB must be read; a longer file is understood as far as it was read."""

_FRESH_SECONDS = 24 * 3600.0
"""RFC 9309, 2.4: not to be used longer than 24 hours."""

_UNAVAILABLE_SECONDS = 600.0
"""How long a failure is remembered: a crawl of thousands of pages must not ask a broken server
for each, and a worker that runs for weeks must not take an hour's outage for a day's."""

_MAX_CRAWL_DELAY = 60.0
"""A longer Crawl-delay would make a crawl of a thousand pages last for days."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a robots.txt says to us; ``crawl_delay`` in seconds, 0 where it says nothing."""

    _parsed: Protego
    _token: str
    crawl_delay: float

    def allow(self, target: Target) -> bool:
        """Tell whether *target* may be fetched; only path and query are looked at."""
        return bool(self._parsed.can_fetch(target.url, self._token))


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    outcome: Rules | RobotsUnavailableError | None = None
    until: float = 0.0


class Robots:
    """The rules of every origin met so far.

    *token* is the product token that robots.txt files address us by, *read* fetches one
    file (with redirects, up to ROBOTS_BYTES of it).
    """

    def __init__(self, *, token: str, read: Callable[[Target], Answer], clock: Callable[[], float]) -> None:
        self._token = token
        self._read = read
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def rules(self, target: Target) -> Rules:
        """Return the rules of *target*'s origin, fetching them where needed.

        Raises RobotsUnavailableError when the whole origin is off limits because nobody
        knows its rules, and, where the page itself could not be fetched for the same
        reason, that reason: AddressRefusedError, TlsError, UnknownHostError.
        """
        with self._lock:
            entry = self._entries.setdefault(target.origin, _Entry())
        with entry.lock:
            if entry.outcome is None or self._clock() >= entry.until:
                entry.outcome = self._load(Target(target.scheme, target.host, target.port, "/robots.txt"))
                failed = isinstance(entry.outcome, RobotsUnavailableError)
                entry.until = self._clock() + (_UNAVAILABLE_SECONDS if failed else _FRESH_SECONDS)
            if isinstance(entry.outcome, Rules):
                return entry.outcome
            raise RobotsUnavailableError(entry.outcome.url, entry.outcome.reason) from entry.outcome.__cause__

    def _load(self, file: Target) -> Rules | RobotsUnavailableError:
        try:
            answer = self._read(file)
        except TooManyRedirectsError:
            # RFC 9309, 2.3.1.2: then it may be taken for one that does not exist.
            return self._parse("")
        except (AddressRefusedError, TlsError, UnknownHostError) as error:
            if error.host == file.host:
                raise
            return self._unavailable(file, error)
        except FetchError as error:
            return self._unavailable(file, error)
        if 200 <= answer.status < 300:
            return self._parse(_text(answer))
        _log.info("robots_absent url=%s status=%d", file.url, answer.status)
        return self._parse("")

    def _unavailable(self, file: Target, error: FetchError) -> RobotsUnavailableError:
        _log.warning("robots_unavailable url=%s reason=%s", file.url, type(error).__name__)
        unavailable = RobotsUnavailableError(file.url, str(error))
        unavailable.__cause__ = error
        return unavailable

    def _parse(self, text: str) -> Rules:
        parsed = Protego.parse(text)
        delay = parsed.crawl_delay(self._token) or 0.0
        return Rules(parsed, self._token, min(delay, _MAX_CRAWL_DELAY))


def _text(answer: Answer) -> str:
    body = answer.body
    if len(body) >= ROBOTS_BYTES:
        # «Disallow: /archive/», cut, would be «Disallow: /».
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
    # The standard says UTF-8, but Russian sites have windows-1251 there too.
    return decode(body, answer.headers.get("content-type", ""))
