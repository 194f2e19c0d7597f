"""The query language: a string to a syntax tree. Never fails on anything a visitor can type.

    слово            all its forms
    "слова рядом"    side by side in this order, in any form
    !слово           this very form
    -слово           articles without it (also -"фраза", -!слово, -заголовок:слово, -категория:значение)
    а OR б, а ИЛИ б  any of them
    заголовок:слово  only in titles (title:; also with "фраза" and !слово)
    источник: категория: тег: год: дата:   filters (source: category: tag: year: date:)

What cannot be an operator is a word. Every node knows its span of the source string.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

MAX_LENGTH = 1000
"""Characters of a query that are read; nobody types more, programs do."""

MAX_CLAUSES = 32
"""Clauses that are searched for; what follows is left out (``Query.truncated`` says so)."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word in any of its forms, or in the very form given. A compound is one word."""

    text: str
    span: tuple[int, int]
    exact: bool = False
    title: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words side by side, in any form; ``text`` is without the quotes."""

    text: str
    span: tuple[int, int]
    title: bool = False


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Any of several words or phrases."""

    options: tuple[Word | Phrase, ...]
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Filter:
    """A restriction: ``field`` is "source", "category", "tag" or "year"."""

    field: str
    value: str
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A word or phrase that must not occur, or a field's value an article must not have."""

    clause: Word | Phrase | Filter
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class DateFilter:
    """A restriction to days from *since* to *until*, both inclusive."""

    since: date | None
    until: date | None
    span: tuple[int, int]


Clause = Word | Phrase | Alternatives | Exclusion | Filter | DateFilter


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed and what it means, clauses in order."""

    text: str
    clauses: tuple[Clause, ...] = ()
    truncated: bool = False

    def positive(self) -> tuple[Word | Phrase | Alternatives, ...]:
        """The clauses an article is to have."""
        return tuple(c for c in self.clauses if isinstance(c, Word | Phrase | Alternatives))

    def filters(self) -> Mapping[str, tuple[str, ...]]:
        """Values by field, in order."""
        found: dict[str, tuple[str, ...]] = {}
        for clause in self.clauses:
            if isinstance(clause, Filter):
                found[clause.field] = (*found.get(clause.field, ()), clause.value)
        return found


_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "title": "title", "заголовок": "title",
        "source": "source", "источник": "source",
        "category": "category", "категория": "category", "раздел": "category",
        "tag": "tag", "тег": "tag", "метка": "tag",
        "year": "year", "год": "year",
        "date": "date", "дата": "date",
    }
)  # fmt: skip

QUOTES = '"«»„“”‟″＂'
QUOTED = rf"[{QUOTES}][^{QUOTES}]*(?:[{QUOTES}]|$)"
_PIECE = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<sign>(?<!\S)[-\u2212\u2013\u2014](?=[^\s\-\u2212\u2013\u2014]))
    | (?P<field>(?:{"|".join(_FIELDS)}):(?=\S))
    | (?P<phrase>{QUOTED})
    | (?P<exact>!(?=[^\s!{QUOTES}]))
    | (?P<number>(?<!\S)\d{{1,3}}(?:[ \u00a0\u202f\u2009]\d{{3}})+(?![-\u2010\u2011\d]))
    | (?P<word>[^\s{QUOTES}]+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
OR = frozenset({"OR", "ИЛИ", "|", "||"})
"""What stands between words of which any is asked for."""

_VALUE = re.compile(rf"[{QUOTES}]([^{QUOTES}]*)(?:[{QUOTES}]|$)|([^\s{QUOTES}]+)")
_HAS_WORD = re.compile(r"\w")
_EDGE = re.compile(r"^[^\w+#@№]+|[^\w+#@]+$")


def is_field(name: str) -> bool:
    """Say whether a colon after *name* makes it the name of a field."""
    return name.lower() in _FIELDS


def parse(text: str) -> Query:
    """Return the tree of *text*; spans refer to *text* itself."""
    shown = text[:MAX_LENGTH]
    clauses: list[Clause] = []
    joined = False
    for piece in _pieces(shown):
        if piece is None:
            joined = bool(clauses)
            continue
        if (
            joined
            and isinstance(piece, Word | Phrase)
            and isinstance(clauses[-1], Word | Phrase | Alternatives)
        ):
            clauses[-1] = _join(clauses[-1], piece)
        else:
            clauses.append(piece)
        joined = False
    return Query(text, tuple(clauses[:MAX_CLAUSES]), len(clauses) > MAX_CLAUSES or len(text) > MAX_LENGTH)


def _join(left: Word | Phrase | Alternatives, right: Word | Phrase) -> Alternatives:
    options = left.options if isinstance(left, Alternatives) else (left,)
    return Alternatives((*options, right), (left.span[0], right.span[1]))


def _pieces(text: str) -> Iterator[Clause | None]:
    """Yield clauses in order, None for each OR."""
    place = 0
    while match := _PIECE.match(text, place):
        place = match.end()
        kind, start = match.lastgroup, match.start()
        if kind == "space":
            continue
        if kind == "word" and match.group() in OR:
            yield None
            continue
        if kind == "sign":
            excluded, place = _excluded(text, place, start)
            if excluded is not None:
                yield Exclusion(excluded, (start, place))
        elif kind == "field":
            clause, place = _fielded(text, match)
            if clause is not None:
                yield clause
        else:
            inner, place = _operand(text, start, start)
            if inner is not None:
                yield inner


def _excluded(text: str, place: int, start: int) -> tuple[Word | Phrase | Filter | None, int]:
    """Read what a minus sign excludes. A period is not among it: nobody types «-дата:2022»."""
    match = _PIECE.match(text, place)
    if match is None or match.lastgroup != "field":
        return _operand(text, place, start)
    clause, stop = _fielded(text, match)
    return (clause if isinstance(clause, Word | Phrase | Filter) else None), stop


def _operand(text: str, place: int, start: int) -> tuple[Word | Phrase | None, int]:
    """Read a word, an exact word or a phrase at *place*; None where there is no letter in it."""
    match = _PIECE.match(text, place)
    if match is None:
        return None, max(place, start) + 1
    kind, stop = match.lastgroup, match.end()
    if kind == "phrase":
        inside = match.group()[1:].rstrip(QUOTES) if len(match.group()) > 1 else ""
        return (Phrase(inside.strip(), (start, stop)) if _HAS_WORD.search(inside) else None), stop
    exact = kind == "exact"
    if exact:
        match = _PIECE.match(text, stop)
        if match is None or match.lastgroup not in {"word", "field"}:
            return None, stop
        stop = match.end()
    if kind == "field" or (exact and match.lastgroup == "field"):  # «-тег:» inside an operand: a plain word
        rest = re.compile(rf"[^\s{QUOTES}]*").match(text, stop)
        stop = rest.end() if rest else stop
    word = text[match.start() : stop]
    if kind == "sign" or not _HAS_WORD.search(word):
        return None, stop
    return Word(_EDGE.sub("", word) or word, (start, stop), exact), stop


def _fielded(text: str, match: re.Match[str]) -> tuple[Clause | None, int]:
    """Read what follows «поле:»; a value that makes no sense leaves a plain word."""
    start, place = match.span()
    name = _FIELDS[match.group()[:-1].lower()]
    if name == "title":
        inner, stop = _operand(text, place, start)
        return (replace(inner, title=True) if inner is not None else None), stop
    value = _VALUE.match(text, place)
    if value is None:  # pragma: no cover - the pattern of a field asks for a character here
        return None, place
    stop = value.end()
    content = (value.group(1) if value.group(1) is not None else value.group(2)).strip()
    if name == "date":
        days = parse_days(content)
        if days is not None:
            return DateFilter(days[0], days[1], (start, stop)), stop
    elif content and (name != "year" or re.fullmatch(r"\d{4}", content)):
        return Filter(name, content, (start, stop)), stop
    return (Word(text[start:stop], (start, stop)) if _HAS_WORD.search(content) else None), stop


_DAY = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?|(\d{1,2})\.(\d{1,2})\.(\d{4})")


def parse_days(text: str) -> tuple[date | None, date | None] | None:
    """Read «2022», «2022-05», «2022-05-09», «09.05.2022» or a range «A..B», «A..», «..B».

    Return the first and the last day, None for an open end; None if *text* is none of these.
    """
    first, dots, last = text.partition("..")
    since = _period(first) if first else None
    until = (_period(last) if last else None) if dots else since
    if (first and since is None) or (last and until is None) or (since is None and until is None):
        return None
    if since and until and since > until:
        since, until = until, since
    return (since[0] if since else None), (until[1] if until else None)


def _period(text: str) -> tuple[date, date] | None:
    match = _DAY.fullmatch(text.strip())
    if match is None:
        return None
    try:
        if match.group(4):
            day = date(int(match.group(6)), int(match.group(5)), int(match.group(4)))
            return day, day
        year, month, number = int(match.group(1)), match.group(2), match.group(3)
        if number:
            day = date(year, int(month), int(number))
            return day, day
        if month:
            return date(year, int(month), 1), date(year, int(month), calendar.monthrange(year, int(month))[1])
        return date(year, 1, 1), date(year, 12, 31)
    except (ValueError, calendar.IllegalMonthError):
        return None
