"""The REST interface of a WordPress site: where it is, its lists page by page, its things by id.

Knows addresses, parameters and the shapes of answers, nothing of articles. Every method raises
FetchError's children.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from indexer.errors import (
    RETRIED_STATUSES,
    DisallowedError,
    FetchError,
    HttpStatusError,
    NotJson,
    RestClosedError,
    TooManyRedirectsError,
    UnexpectedAnswerError,
)
from indexer.fetch import Fetched, Fetcher

_log = logging.getLogger(__name__)

PER_PAGE = 100
"""The most that WordPress gives at once: a larger ``per_page`` is answered with 400."""

_MOST_PAGES = 10_000  # a million posts; a list that is longer has no end
_ROUTES = ("wp-json/", "?rest_route=/")
_ROOT_FIELDS = "name,home,gmt_offset,namespaces"
_LIST_STATUSES = frozenset({200, 400})
_CLOSED = (HttpStatusError, NotJson, UnexpectedAnswerError, DisallowedError, TooManyRedirectsError)
_WIDEST_OFFSET = timedelta(hours=14)

Thing = dict[str, Any]
"""A post, a term or a file as REST gives it."""


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What REST says of its site; empty where its root is closed.

    ``name`` and ``home`` are as they come (with entities). ``offset`` is the site's difference
    to UTC now. ``now`` is the time by the site's own clock, in UTC.
    """

    name: str
    home: str
    offset: timedelta | None
    now: datetime

    @property
    def offset_text(self) -> str:
        """The offset as «+03:00», empty where it is unknown."""
        if self.offset is None:
            return ""
        minutes = round(self.offset.total_seconds() / 60)
        return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list. ``total`` is the length of the whole list, None where it is not told."""

    things: tuple[Thing, ...]
    number: int
    total: int | None
    pages: int | None


class Rest:
    """REST of one site; *base* is its root («https://school.ru/wp-json/»)."""

    def __init__(self, fetcher: Fetcher, base: str, site: SiteFacts) -> None:
        self._fetcher = fetcher
        self.base = base
        self.site = site

    def pages(self, route: str, params: Mapping[str, str]) -> Iterator[ListPage]:
        """Yield the pages of a list, PER_PAGE things each, fetched one by one."""
        before: tuple[Thing, ...] = ()
        for number in range(1, _MOST_PAGES + 1):
            wanted = {**params, "per_page": str(PER_PAGE), "page": str(number)}
            answer = self._get(route, wanted, _LIST_STATUSES)
            if answer.status == 400 and number > 1:
                return  # past the end: the list became shorter while we read it
            if answer.status == 400:
                raise HttpStatusError(answer.url, answer.status, answer.text()[:200])
            things = _things(answer)
            if things and things == before:
                raise UnexpectedAnswerError(answer.url, "одна и та же страница списка приходит снова")
            before = things
            pages = _number(answer, "x-wp-totalpages")
            yield ListPage(things, number, _number(answer, "x-wp-total"), pages)
            if not things or number == pages or (pages is None and len(things) < PER_PAGE):
                return
        raise UnexpectedAnswerError(self.base + route, "список не кончается")

    def by_ids(self, route: str, ids: Sequence[int], fields: str) -> list[Thing]:
        """Return those of at most PER_PAGE things that the site shows, in the order of *ids*."""
        params = {"include": ",".join(map(str, ids)), "per_page": str(PER_PAGE), "_fields": fields}
        answer = self._get(route, params, {200})
        found = {thing["id"]: thing for thing in _things(answer)}
        if not found.keys() <= set(ids):
            # Taken for the truth, a cache that does not look at the query would cost articles.
            raise UnexpectedAnswerError(answer.url, "пришли не те записи, о которых спрашивали")
        return [found[number] for number in ids if number in found]

    def _get(self, route: str, params: Mapping[str, str], expect: Iterable[int]) -> Fetched:
        return self._fetcher.get(f"{self.base}wp/v2/{route}", params=params, expect=frozenset(expect))


def bases(home: str) -> list[str]:
    """Return where the REST root of a WordPress at *home* can be, the likeliest first."""
    folder = home if home.endswith("/") else home + "/"
    return [folder + route for route in _ROUTES]


def home_of(base: str) -> str:
    """Return the address of the site whose REST root *base* is."""
    for route in ("index.php/wp-json/", "index.php?rest_route=/", *_ROUTES):
        if base.endswith(route):
            return base.removesuffix(route)
    return base


def connect(fetcher: Fetcher, candidates: Sequence[str]) -> Rest:
    """Return REST at the first of the *candidates* that has one.

    Raises RestClosedError when none has, any other FetchError when the site cannot be reached
    or is out of order.
    """
    findings: dict[str, str] = {}
    for base in candidates:
        try:
            return Rest(fetcher, base, _facts(fetcher, base))
        except _CLOSED as error:
            findings[_shown_route(base)] = finding(error)
        if _lists_posts(fetcher, base):
            # Some close the root only, which announces what the site has.
            return Rest(fetcher, base, SiteFacts("", "", None, datetime.now(UTC)))
    raise RestClosedError(candidates[0], ", ".join(f"{route} — {what}" for route, what in findings.items()))


def finding(error: FetchError) -> str:
    """Return in a few words what was met instead of an answer; raises *error* if it is an outage."""
    match error:
        case HttpStatusError(status=status) if status in RETRIED_STATUSES:
            raise error
        case HttpStatusError(status=status):
            return f"ответ {status}"
        case DisallowedError():
            return "запрещено в robots.txt"
        case NotJson():
            return "страница вместо данных"
        case TooManyRedirectsError():
            return "переадресация по кругу"
        case _:
            return "данные не от WordPress"


def _lists_posts(fetcher: Fetcher, base: str) -> bool:
    try:
        next(
            Rest(fetcher, base, SiteFacts("", "", None, datetime.now(UTC))).pages("posts", {"_fields": "id"})
        )
    except _CLOSED as error:
        finding(error)
        return False
    return True


def _facts(fetcher: Fetcher, base: str) -> SiteFacts:
    answer = fetcher.get(base, params={"_fields": _ROOT_FIELDS})
    root = answer.json()
    if not isinstance(root, dict) or "wp/v2" not in (root.get("namespaces") or ()):
        raise UnexpectedAnswerError(answer.url, "это не корень WordPress REST API")
    name, home = root.get("name"), root.get("home")
    return SiteFacts(
        name if isinstance(name, str) else "",
        home if isinstance(home, str) else "",
        _offset(root.get("gmt_offset")),
        _clock(answer),
    )


def _offset(hours: object) -> timedelta | None:
    try:
        offset = timedelta(minutes=round(float(str(hours)) * 60))
    except (ValueError, OverflowError):
        return None
    return offset if abs(offset) <= _WIDEST_OFFSET else None


def _clock(answer: Fetched) -> datetime:
    try:
        date = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return datetime.now(UTC)
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _things(answer: Fetched) -> tuple[Thing, ...]:
    things = answer.json()
    if not isinstance(things, list):
        raise UnexpectedAnswerError(answer.url, "ожидался список")
    return tuple(thing for thing in things if isinstance(thing, dict) and type(thing.get("id")) is int)


def _number(answer: Fetched, header: str) -> int | None:
    value = answer.headers.get(header, "").strip()
    return int(value) if value.isascii() and value.isdigit() else None


def _shown_route(base: str) -> str:
    parts = urlsplit(base)
    return parts.path + (f"?{parts.query}" if parts.query else "")
