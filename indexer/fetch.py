"""The only door to the network: robots.txt, pauses, retries, redirects, limits, address checks.

A Fetcher asks for one address at a time and says what came of it: a Fetched, or an error of
``indexer.errors``. What one request may take and whom it may reach is ``exchange``'s part;
here is how often, in what order and how many times we ask.
"""

from __future__ import annotations

import json
import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from indexer import addresses
from indexer.addresses import Target
from indexer.charset import decode
from indexer.errors import (
    RETRIED_STATUSES,
    DisallowedError,
    FetchError,
    HttpStatusError,
    InvalidUserAgentError,
    NotJson,
    RetryTooLateError,
    RobotsUnavailableError,
    TooManyRedirectsError,
)
from indexer.exchange import Answer, Exchange, Limits, Resolve
from indexer.robots import ROBOTS_BYTES, Robots

__all__ = ["Fetched", "Fetcher", "Limits", "Resolve"]

_log = logging.getLogger(__name__)

_OK = frozenset({200})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ANY_ANSWER = frozenset(range(200, 500)) - _REDIRECTS - RETRIED_STATUSES
_DEFAULT_LIMITS = Limits()
_PRODUCT_TOKEN = re.compile(r"[A-Za-z_-]+")  # RFC 9309, 2.2.1
_OUR_HEADERS = frozenset({"host", "user-agent", "accept-encoding", "connection"})
_PRIVATE_HEADERS = frozenset({"authorization", "cookie"})
_BODY_START = 200
# Pauses of 1, 2, 4 ... seconds and up to one more, so that several crawlers do not come back at once.
_backoff = wait_exponential_jitter(initial=1, exp_base=2, max=30, jitter=1)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer with an expected status.

    ``url`` is where it came from in the end, in ASCII; ``requested`` is what was asked for,
    as it was written; ``redirected_from`` are the addresses that led to ``url``, first
    to last. ``headers`` is looked up in any case. ``body`` is decompressed.
    """

    url: str
    requested: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    redirected_from: tuple[str, ...] = ()

    def json(self) -> Any:
        """Return the body read as JSON. Raises NotJson."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise NotJson(self.url, self._content_type) from error

    def text(self) -> str:
        """Return the body as text: by mark, by sense, by header or ``<meta>``, else windows-1251."""
        return decode(self.body, self._content_type)

    @property
    def _content_type(self) -> str:
        return self.headers.get("content-type", "")


@dataclass(slots=True)
class _Pace:
    """When a host may be asked again, by the fetcher's clock; ``lock`` lets one request in at a time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: float = float("-inf")
    not_before: float = float("-inf")
    crawl_delay: float = 0.0


class Fetcher:
    """Fetches pages politely and safely. Threads may share one; a crawl usually has its own.

    *delay* is the pause in seconds between two requests to one host (a longer Crawl-delay
    wins). *allow_private* opens addresses that are not on the public Internet and changes
    nothing else. *clock* (monotonic seconds) and *sleep* rule pauses and retries; limits of
    time always run by the real clock. *tls* replaces the system's trusted certificates.
    Raises InvalidUserAgentError.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        delay: float,
        allow_private: bool,
        limits: Limits = _DEFAULT_LIMITS,
        resolve: Resolve = addresses.resolve,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        token = _PRODUCT_TOKEN.match(user_agent)
        if token is None or not (user_agent.isascii() and user_agent.isprintable()):
            raise InvalidUserAgentError(user_agent)
        self._user_agent = user_agent
        self._delay = delay
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._exchange = Exchange(allow_private=allow_private, limits=limits, resolve=resolve, tls=tls)
        self._robots = Robots(token=token[0], read=self._read_robots, clock=clock)
        self._paces: dict[str, _Pace] = {}
        self._lock = threading.Lock()

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Container[int] = _OK,
    ) -> Fetched:
        """Fetch *url* with *params* added to its query, following redirects.

        A status in *expect* is returned at once, even a redirect or a 503. Raises
        HttpStatusError for any other, and FetchError's other children; those that may pass
        have been tried ``limits.attempts`` times.
        """
        target = addresses.parse(url, params)
        answer, final, passed = self._follow(
            target, headers or {}, allow=self._require_allowed, expect=expect, most=self._limits.bytes
        )
        if answer.status not in expect:
            raise HttpStatusError(final.url, answer.status, _start(answer))
        return Fetched(final.url, url, answer.status, answer.headers, answer.body, passed)

    def allowed(self, url: str) -> bool:
        """Tell whether robots.txt lets us fetch *url*; no, while it cannot be read.

        May fetch robots.txt. Raises InvalidUrlError, and AddressRefusedError, TlsError and
        UnknownHostError where the site as such is out of reach.
        """
        target = addresses.parse(url)
        try:
            return self._robots.rules(target).allow(target)
        except RobotsUnavailableError:
            return False

    def close(self) -> None:
        """Close the connections that were kept open."""
        self._exchange.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _require_allowed(self, target: Target) -> None:
        rules = self._robots.rules(target)
        pace = self._pace(target.host)
        pace.crawl_delay = max(pace.crawl_delay, rules.crawl_delay)
        if not rules.allow(target):
            raise DisallowedError(target.url)

    def _read_robots(self, target: Target) -> Answer:
        """Fetch a robots.txt, which needs no permission; any 4xx but 429 is an answer.

        A site that answers 429 asks for less, not for a crawl without rules.
        """
        answer, final, _ = self._follow(
            target, {}, allow=lambda _: None, expect=_ANY_ANSWER, most=ROBOTS_BYTES, cut=True
        )
        if answer.status not in _ANY_ANSWER and answer.status not in _REDIRECTS:
            raise HttpStatusError(final.url, answer.status, _start(answer))
        return answer

    def _follow(
        self,
        target: Target,
        headers: Mapping[str, str],
        *,
        allow: Callable[[Target], None],
        expect: Container[int],
        most: int,
        cut: bool = False,
    ) -> tuple[Answer, Target, tuple[str, ...]]:
        """Return the first answer that leads no further, where it came from, and the way there."""
        passed: list[str] = []
        sent = {name: value for name, value in headers.items() if name.lower() not in _OUR_HEADERS}
        while True:
            allow(target)
            answer = self._ask(target, sent, expect=expect, most=most, cut=cut)
            location = answer.headers.get("location")
            if answer.status in expect or answer.status not in _REDIRECTS or not location:
                return answer, target, tuple(passed)
            passed.append(target.url)
            if len(passed) > self._limits.redirects:
                raise TooManyRedirectsError(passed[0], self._limits.redirects)
            following = target.join(location)
            _log.info("redirect url=%s to=%s status=%d", target.url, following.url, answer.status)
            if following.origin != target.origin:
                sent = {name: value for name, value in sent.items() if name.lower() not in _PRIVATE_HEADERS}
            target = following

    def _ask(
        self, target: Target, headers: Mapping[str, str], *, expect: Container[int], most: int, cut: bool
    ) -> Answer:
        """Send one request, again where that may help, and return the answer, whatever its status."""
        retrying = Retrying(
            stop=stop_after_attempt(self._limits.attempts),
            retry=retry_if_exception(lambda error: isinstance(error, FetchError) and error.retryable),
            wait=_pause,
            sleep=self._sleep,
            before_sleep=_log_retry,
            reraise=True,
        )
        return retrying(self._attempt, target, headers, expect, most, cut)

    def _attempt(
        self, target: Target, headers: Mapping[str, str], expect: Container[int], most: int, cut: bool
    ) -> Answer:
        ours = {"User-Agent": self._user_agent, "Accept-Encoding": "gzip, deflate"}
        accept = {} if any(name.lower() == "accept" for name in headers) else {"Accept": "*/*"}
        with self._turn(target.host) as pace:
            started = time.monotonic()
            answer = self._exchange.send(
                target, {**ours, **accept, **headers}, full=expect, most=most, cut=cut
            )
            _log.info(
                "fetch url=%s status=%d bytes=%d seconds=%.2f",
                target.url,
                answer.status,
                len(answer.body),
                time.monotonic() - started,
            )
            if answer.status in expect or answer.status not in RETRIED_STATUSES:
                return answer
            seconds = _retry_after(answer.headers)
            limit = self._limits.max_retry_after
            if seconds is not None and seconds > limit:
                raise RetryTooLateError(
                    target.url, answer.status, _start(answer), retry_after=seconds, limit=limit
                )
            # Other threads, too, leave the host alone for as long as it asks.
            pace.not_before = self._clock() + (seconds or 0.0)
            raise HttpStatusError(target.url, answer.status, _start(answer), retry_after=seconds)

    def _pace(self, host: str) -> _Pace:
        with self._lock:
            return self._paces.setdefault(host, _Pace())

    @contextmanager
    def _turn(self, host: str) -> Iterator[_Pace]:
        """Wait until *host* may be asked, and keep everybody else from asking it meanwhile."""
        pace = self._pace(host)
        with pace.lock:
            start = max(pace.ended + max(self._delay, pace.crawl_delay), pace.not_before)
            wait = start - self._clock()
            if wait > 0:
                self._sleep(wait)
            try:
                yield pace
            finally:
                pace.ended = self._clock()


def _start(answer: Answer) -> str:
    return decode(answer.body, answer.headers.get("content-type", ""))[:_BODY_START]


def _pause(state: RetryCallState) -> float:
    """Return the seconds before the next attempt: the growing pause, or longer if the site asks."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, HttpStatusError) else None
    return max(_backoff(state), asked or 0.0)


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.info(
        "retry url=%s attempt=%d wait=%.1f reason=%s status=%s",
        getattr(error, "url", ""),
        state.attempt_number,
        state.upcoming_sleep,
        type(error).__name__,
        getattr(error, "status", "-"),
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header, None where it is missing or makes no sense.

    A date is counted from the answer's own Date, since the site's clock may be wrong.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    then = _http_date(value)
    if then is None:
        return None
    now = _http_date(headers.get("date", "")) or datetime.now(UTC)
    return max((then - now).total_seconds(), 0.0)


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
