"""Addresses of searches, read: strictly for the API, leniently for pages.

Both ways of reading use the same parsers. What they find wrong is a ``Problem``: the API
refuses the request and names them all, a page leaves the value out and says so.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar, cast

from werkzeug.datastructures import MultiDict

from searchsvc.engine import NAMES
from searchsvc.language.text import DIRECTIONS, clean, squeeze
from searchsvc.query.syntax import MAX_LENGTH
from searchsvc.results import ALL_FACETS, FACETS, Correct, SearchRequest, Sort

T = TypeVar("T")
Arguments = MultiDict[str, str]

FILTERS = ("source", "category", "tag", "year", *NAMES)
"""Parameters that may be repeated, in the order of written addresses."""

SORTS = ("relevance", "-date", "date")
CORRECTS = ("auto", "suggest", "off")

PAGE_PARAMETERS = ("q", "from", "to", *FILTERS, "sort", "correct", "page")
API_PARAMETERS = (*PAGE_PARAMETERS, "per_page", "facets", "highlight", "fold", "fields", "explain")

SUGGEST_PARAMETERS = ("q", "limit", "from", "to", *FILTERS)

PAGE_FACETS = ("category", "year", "source", *NAMES)
"""What a result page counts, in its order."""

RESULT_KEYS = (
    *("id", "url", "original", "title", "snippet", "published", "modified"),
    *("source", "categories", "tags", "score", "missing", "reprints", "reprint_count"),
)
"""Keys of one result of the API, in their order; ``fields`` chooses among them."""

MAX_VALUES = 50
"""Most values of one filter: an address of more is a mistake or an attack."""

MAX_VALUE = 200
MAX_PER_PAGE = 100

_SMALL_NUMBER = re.compile("[0-9]{1,9}")
_YEAR = re.compile("[0-9]{4}")
_ISO_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOOSE_DAY = re.compile("([0-9]{4})(?:-([0-9]{1,2}))?(?:-([0-9]{1,2}))?")
_RUSSIAN_DAY = re.compile("(?:([0-9]{1,2})[.])?(?:([0-9]{1,2})[.])?([0-9]{4})")


@dataclass(frozen=True, slots=True)
class Problem:
    """A parameter that cannot be used as given, with the reason in Russian.

    ``meaningless`` tells a value that reads well and makes no sense (422) from one that
    cannot be read (400).
    """

    parameter: str
    reason: str
    value: str = ""
    meaningless: bool = False


class ParameterError(Exception):
    """The API refuses a request; all its problems are told at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.parameter}: {problem.reason}" for problem in self.problems))

    @property
    def status(self) -> int:
        """422 where everything could be read and makes no sense, else 400."""
        return 422 if all(problem.meaningless for problem in self.problems) else 400


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A search of the API: the request and the keys wanted of each result (empty: all)."""

    search: SearchRequest
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A search of a page: the request and what had to be corrected, as sentences for the reader."""

    search: SearchRequest
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reader:
    """Takes parameters out of an address and collects what is wrong with them."""

    args: Arguments
    problems: list[Problem] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """Return the values of *name* that are not empty, cleaned."""
        values = (squeeze(clean(value)) for value in self.args.getlist(name))
        return [value for value in values if value]

    def one(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """Return the only value of *name*; of several the first counts, and that is a problem."""
        values = self.values(name)
        if not values:
            return default
        if len(set(values)) > 1:
            self.problems.append(Problem(name, "указан несколько раз", values[1]))
        try:
            return parse(values[0])
        except ValueError as error:
            self.problems.append(Problem(name, str(error), values[0]))
            return default

    def many(self, name: str, parse: Callable[[str], str]) -> tuple[str, ...]:
        """Return the distinct values of *name* in order, those that can be used."""
        good: set[str] = set()
        for value in self.values(name):
            try:
                good.add(parse(value))
            except ValueError as error:
                self.problems.append(Problem(name, str(error), value))
        if len(good) > MAX_VALUES:
            self.problems.append(Problem(name, f"значений не больше {MAX_VALUES}", str(len(good))))
        return tuple(sorted(good)[:MAX_VALUES])

    def listed(self, name: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of a comma-separated, repeatable list, in the order of *known*."""
        names = {part.strip() for value in self.values(name) for part in value.split(",") if part.strip()}
        for strange in sorted(names - set(known)):
            self.problems.append(Problem(name, f"нет такого: «{strange}»; есть: {', '.join(known)}", strange))
        return tuple(item for item in known if item in names)

    def filters(self) -> dict[str, tuple[str, ...]]:
        """Return every filter that has values."""
        found = {name: self.many(name, year if name == "year" else filter_value) for name in FILTERS}
        return {name: values for name, values in found.items() if values}

    def check_days(self, request: SearchRequest) -> None:
        """Note that a period ends before it begins."""
        if request.since and request.until and request.since > request.until:
            reason = "дата «from» позже даты «to»"
            self.problems.append(Problem("from", reason, request.since.isoformat(), meaningless=True))


def read_api(args: Arguments) -> ApiRequest:
    """Read a search of the API.

    Raises:
        ParameterError: names of parameters are unknown or values are wrong; all are named.
    """
    reader = _Reader(args)
    for name in sorted(set(args) - set(API_PARAMETERS)):
        reader.problems.append(Problem(name, f"нет такого параметра; есть: {', '.join(API_PARAMETERS)}"))
    request = SearchRequest(
        text=reader.one("q", query, ""),
        page=reader.one("page", number, 1),
        per_page=reader.one("per_page", per_page, 10),
        since=reader.one("from", iso_day, None),
        until=reader.one("to", iso_day, None),
        filters=reader.filters(),
        sort=cast(Sort, reader.one("sort", choice(SORTS), "relevance")),
        facets=reader.listed("facets", ALL_FACETS) if "facets" in args else FACETS,
        correct=cast(Correct, reader.one("correct", choice(CORRECTS), "auto")),
        highlight=reader.one("highlight", truth, True),
        fold=reader.one("fold", truth, True),
        explain=reader.one("explain", truth, False),
    )
    fields = reader.listed("fields", RESULT_KEYS)
    reader.check_days(request)
    if reader.problems:
        raise ParameterError(reader.problems)
    return ApiRequest(request, fields)


def read_suggest(args: Arguments, *, default: int, most: int) -> tuple[SearchRequest, int]:
    """Read what is to be completed, what the answers to it are narrowed by, and how many completions are
    wanted.

    Raises:
        ParameterError: as ``read_api``.
    """
    reader = _Reader(args)
    for name in sorted(set(args) - set(SUGGEST_PARAMETERS)):
        reader.problems.append(Problem(name, f"нет такого параметра; есть: {', '.join(SUGGEST_PARAMETERS)}"))
    text = reader.one("q", query, "")
    request = SearchRequest(
        text=text + " " if text and args["q"] != args["q"].rstrip() else text,
        since=reader.one("from", iso_day, None),
        until=reader.one("to", iso_day, None),
        filters=reader.filters(),
    )
    limit = _limit(reader, default=default, most=most)
    reader.check_days(request)
    if reader.problems:
        raise ParameterError(reader.problems)
    return request, limit


def read_limit(args: Arguments, *, default: int, most: int) -> int:
    """Read an address of the API whose only parameter is ``limit``.

    Raises:
        ParameterError: as ``read_api``.
    """
    reader = _Reader(args)
    for name in sorted(set(args) - {"limit"}):
        reader.problems.append(Problem(name, "нет такого параметра; есть: limit"))
    limit = _limit(reader, default=default, most=most)
    if reader.problems:
        raise ParameterError(reader.problems)
    return limit


def _limit(reader: _Reader, *, default: int, most: int) -> int:
    limit = reader.one("limit", number, default)
    if limit > most:
        reader.problems.append(Problem("limit", f"нужно целое число от 1 до {most}", str(limit)))
    return limit


def read_paging(args: Arguments, *, default: int) -> tuple[int, int]:
    """Read which page of a list an address of the API asks for, and how many rows a page has.

    Raises:
        ParameterError: as ``read_api``.
    """
    reader = _Reader(args)
    for name in sorted(set(args) - {"page", "per_page"}):
        reader.problems.append(Problem(name, "нет такого параметра; есть: page, per_page"))
    asked = reader.one("page", number, 1), reader.one("per_page", per_page, default)
    if reader.problems:
        raise ParameterError(reader.problems)
    return asked


def read_number(args: Arguments) -> int:
    """Read the number of a page of a list: the first where it cannot be read."""
    return _Reader(args).one("page", number, 1)


def read_page(args: Arguments) -> PageRequest:
    """Read a search of a page: never fails, says what it left out or put right."""
    reader = _Reader(args)
    text = reader.one("q", undirected, "")
    if len(text) > MAX_LENGTH:
        reader.problems.append(Problem("q", "слишком длинный", str(MAX_LENGTH)))
        text = text[:MAX_LENGTH].rsplit(" ", 1)[0]
    since = reader.one("from", first_day, None)
    until = reader.one("to", last_day, None)
    notes = []
    if since and until and since > until:
        since, until = until, since
        notes.append("Начало периода было позже конца — мы поменяли даты местами.")
    request = SearchRequest(
        text=text,
        page=reader.one("page", number, 1),
        since=since,
        until=until,
        filters=reader.filters(),
        sort=cast(Sort, reader.one("sort", choice(SORTS), "relevance")),
        facets=PAGE_FACETS,
        correct=cast(Correct, reader.one("correct", choice(CORRECTS), "auto")),
    )
    notes.extend(note(problem) for problem in reader.problems)
    return PageRequest(request, tuple(dict.fromkeys(notes)))


_NOTES = {
    "q": "Запрос слишком длинный: искали по первым {value} знакам.",
    "page": "Страницы «{value}» нет — показана первая.",
    "from": "Дату начала «{value}» прочитать не удалось, она не учтена.",
    "to": "Дату конца «{value}» прочитать не удалось, она не учтена.",
    "year": "Год «{value}» прочитать не удалось, он не учтён.",
    "sort": "Такого порядка, «{value}», нет — показаны сначала подходящие.",
}


def note(problem: Problem) -> str:
    """Return what a page tells its reader about *problem*."""
    value = problem.value if len(problem.value) <= 40 else problem.value[:40] + "…"
    if "несколько раз" in problem.reason:
        return f"В адресе несколько значений «{problem.parameter}» — учтено первое."
    return _NOTES.get(problem.parameter, "Условие «{value}» не учтено.").format(value=value)


def query(value: str) -> str:
    """Check the length of a query."""
    if len(value) > MAX_LENGTH:
        raise ValueError(f"запрос длиннее {MAX_LENGTH} знаков")
    return undirected(value)


def undirected(text: str) -> str:
    """Return *text* without the characters that only turn the direction of writing: they part words."""
    return squeeze(DIRECTIONS.sub("", text))


def filter_value(value: str) -> str:
    """Check the length of a filter's value."""
    if len(value) > MAX_VALUE:
        raise ValueError(f"значение длиннее {MAX_VALUE} знаков")
    return value


def year(value: str) -> str:
    """Check a year of four digits."""
    if not _YEAR.fullmatch(value) or value < "1000":
        raise ValueError("нужен год из четырёх цифр, например 2022")
    return value


def number(value: str) -> int:
    """Read a whole number from 1."""
    if not _SMALL_NUMBER.fullmatch(value) or int(value) < 1:
        raise ValueError("нужно целое число от 1")
    return int(value)


def per_page(value: str) -> int:
    """Read how many results a page has."""
    if not _SMALL_NUMBER.fullmatch(value) or not 1 <= int(value) <= MAX_PER_PAGE:
        raise ValueError(f"нужно целое число от 1 до {MAX_PER_PAGE}")
    return int(value)


def truth(value: str) -> bool:
    """Read yes or no."""
    if value.lower() not in {"true", "false", "1", "0"}:
        raise ValueError("нужно true или false")
    return value.lower() in {"true", "1"}


def choice(known: tuple[str, ...]) -> Callable[[str], str]:
    """Return a parser that takes one of *known*."""

    def parse(value: str) -> str:
        if value not in known:
            raise ValueError(f"нет такого значения; есть: {', '.join(known)}")
        return value

    return parse


def iso_day(value: str) -> date:
    """Read a day as ISO 8601 writes it."""
    try:
        if _ISO_DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError("нужна дата вида 2022-08-31")


def first_day(value: str) -> date:
    """Read a day as people write it; of a month or a year the first day."""
    return _loose_day(value, last=False)


def last_day(value: str) -> date:
    """Read a day as people write it; of a month or a year the last day."""
    return _loose_day(value, last=True)


def _loose_day(value: str, *, last: bool) -> date:
    if found := _LOOSE_DAY.fullmatch(value):
        in_year, month, day = found.groups()
    elif found := _RUSSIAN_DAY.fullmatch(value):
        day, month, in_year = found.groups()
        if month is None:
            day, month = None, day
    else:
        raise ValueError("нужна дата")
    in_month = int(month) if month else 12 if last else 1
    if day is None and last and 1 <= in_month <= 12:
        return date(int(in_year), in_month, monthrange(int(in_year), in_month)[1])
    return date(int(in_year), in_month, int(day) if day else 1)
