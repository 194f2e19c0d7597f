"""Periods that a query names in words: «август 2022», «с мая по август 2022», «до 2021 года».

They are offered as a filter, never applied silently: «итоги ЕГЭ 2022» may well mean an article of 2023.
A period is one point in time (``points``), several joined, or all time before or after one. What is not
surely a period is not offered: a wrong one costs more than none (``period_words``). Nor is one of two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import cast

from searchsvc.language.text import fold, squeeze
from searchsvc.query.period_words import Opening, around, is_meant
from searchsvc.query.points import Claim, Days, Grade, Point, point_at
from searchsvc.query.syntax import MAX_LENGTH, QUOTED

FIRST_YEAR = 1990
"""A number below is no year of a news site."""

_MAY_NAME_ONE = re.compile(
    r"\d{4}|\d\.\d\d?\.\d\d|недел|месяц|год|лет|весной|осенью|сегодня|вчера|сутки|дн[яе]|день|квартал",
    re.IGNORECASE,
)
_LEFT_ALONE = re.compile(r"(?:дата|date|год|year):", re.IGNORECASE)
_QUOTED = re.compile(QUOTED)
_STARTS = re.compile(r"(?<![^\s(\[])\w")
_END = re.compile(r"[)\].,;:!?…]*(?:\s|$)")
_OPENING = re.compile(
    r"""(?:(?:за|в)\s+период\s+)?(?:
      (?P<begun>[сc]\s+начала\s+)
    | (?P<since>(?:начиная\s+)?(?:[сc]|со)\s+|не\s+ран(?:ее|ьше)\s+(?:чем\s+[всc]\s+)?)
    | (?P<later>после\s+|позже\s+|позднее\s+)
    | (?P<until>до\s+конца\s+|не\s+поз(?:же|днее)\s+(?:чем\s+в\s+)?)
    | (?P<before>до\s+|ранее\s+|раньше\s+)
    | (?P<by>по\s+)
    | (?P<between>между\s+)
    | (?P<of>от\s+)
    | (?P<in>
        (?:в\s+течение\s+|на\s+протяжении\s+|начало\s+|конец\s+|середина\s+
          |(?:в|во|за|на)\s+(?:(?:начале|конце|середине|начало|конец|середину|период)\s+)?)
        (?:(?:весь|вс(?:его|ей|ем|ю|е))\s+)?
      |(?:весь|вс(?:ю|е|я))\s+)
    )""",
    re.VERBOSE,
)
_TO = r"[-–—]\s*|\s+[-–—]\s+|\s+(?:по|до)\s+"
_JOIN = re.compile(rf"(?P<to>{_TO})|(?:\s*,\s*|\s+и(?:ли)?\s+)(?:(?:в|во|за|на)\s+)?")
_CLOSING = re.compile(r"\s+включительно(?!\w)")
_TO_NOW = re.compile(
    r"(?:\s+(?:по|до)\s+|\s*[-–—]\s*)(?:н\.\s?в\.|наст(?:оящее|\.)\s*вр(?:емя|\.)|настоящего\s+времени"
    r"|сегодняшн\w+\s+д(?:ень|ня)|сегодня|сей\s+день|сих\s+пор|наших\s+дней)(?!\w)"
)
_CLOSINGS: Mapping[Opening, re.Pattern[str]] = {
    "before": _CLOSING,
    "until": _CLOSING,
    "by": _CLOSING,
    "since": _TO_NOW,
    "": _TO_NOW,
}
_UP_TO = re.compile(r"\d{4}(?:-й)?\s+год|(?!\d{4}|\w+[юу]\s).*")

_EDGE = " \t\n,;:–—-"
_HEAD = re.compile(r"\A[.,;:!?…]*(?:\s+[-–—]+(?=\s|\Z)|\s+)*")
_PLAIN = re.compile(r"\w+(?![:\w])")
_PLAIN_END = re.compile(r"(?:\A|\s)[^\s:]+\Z")
_BRACKETS = {"(": ")", "[": "]"}
_WITH_OPENING: Mapping[Claim, Opening] = {"begun": "begun", "lately": "in"}
"""«года» is a period in «с начала года», «неделю» in «за неделю» only."""

_ONE_END: frozenset[Opening] = frozenset({"before", "until", "later", "begun", "of"})

Ends = tuple[date | None, date | None]


@dataclass(frozen=True, slots=True)
class Period:
    """Days that a query names, both inclusive, None for an open end; ``rest`` is the query without them."""

    since: date | None
    until: date | None
    rest: str


@dataclass(frozen=True, slots=True)
class _Reading:
    """What reads like a period: its place, its words, and its days if it has any."""

    start: int
    stop: int
    opening: Opening
    grade: Grade
    claim: Claim
    closed: bool
    ends: Ends | None


def find_period(text: str, today: date) -> Period | None:
    """Return the period that *text* names, None where it names none or is not sure to name one.

    What stands in quotes or is a filter already is left alone, and so are dates of documents.
    """
    if not _MAY_NAME_ONE.search(text) or _LEFT_ALONE.search(text) or len(text) > MAX_LENGTH:
        return None
    folded = re.sub(r"\S+", lambda word: fold(word[0]), text)
    if len(folded) != len(text):  # a place in the one is no place in the other
        return None
    found: Period | None = None
    for reading in _readings(text, folded, today):
        if reading.ends is None or not is_meant(
            around(text, folded, reading.start, reading.stop),
            grade=reading.grade,
            claim=reading.claim,
            opening=reading.opening,
            closed=reading.closed,
        ):
            continue
        if found is not None:
            return None
        found = Period(*reading.ends, _without(text, reading.start, reading.stop))
    return found


def _readings(text: str, folded: str, today: date) -> Iterator[_Reading]:
    """Yield what reads like periods outside quotes, in order, each as long as it goes."""
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    done = 0
    for match in _STARTS.finditer(folded):
        place = match.start()
        if place < done or any(start <= place < stop for start, stop in quoted):
            continue
        reading = _read(folded, place, today)
        if reading is not None:
            done = reading.stop
            yield reading


def _read(text: str, place: int, today: date) -> _Reading | None:
    """Return the longest reading that begins at *place*; one that makes no sense has no days."""
    opened = _OPENING.match(text, place)
    opening = cast(Opening, (opened.lastgroup or "") if opened else "")
    start = opened.end() if opened else place
    points, joins = _points(text, start, today)
    if not points or _WITH_OPENING.get(points[0].claim, opening) != opening:
        return None
    stop = points[-1].stop
    if opening == "by" and not _UP_TO.fullmatch(text, start, stop):  # «по 2022 году»
        opening = "in"
    closing = _CLOSINGS[opening].match(text, stop) if opening in _CLOSINGS else None
    if closing:
        opening = "since" if opening in {"", "since"} else "until"
        stop = closing.end()
    if not _END.match(text, stop):
        return None
    try:
        ends = _ends(opening, points, joins, today)
    except (ValueError, OverflowError):
        ends = None
    several = _are_several(points)
    claim: Claim = "sure" if closing or (several and points[-1].claim == "sure") else points[0].claim
    return _Reading(place, stop, opening, points[0].grade, claim, several, ends)


def _points(text: str, place: int, today: date) -> tuple[list[Point], list[bool]]:
    """Return the points that stand joined at *place*, and of each joint whether it is «по» or a dash."""
    points: list[Point] = []
    joins: list[bool] = []
    while point := point_at(text, place, today):
        if points and point.claim in _WITH_OPENING:
            break
        points.append(point)
        join = _JOIN.match(text, point.stop)
        if join is None:
            break
        joins.append(join["to"] is not None)
        place = join.end()
    return points, joins[: len(points) - 1]


def _are_several(points: Sequence[Point]) -> bool:
    return len(points) > 1 or bool(points[0].joined)


def _ends(opening: Opening, points: Sequence[Point], joins: Sequence[bool], today: date) -> Ends:
    """Return the first and last day of what points make; ValueError where they make no period."""
    several = _are_several(points)
    if opening == "between" and (not several or any(joins)):
        raise ValueError("between what?")
    if several and opening in _ONE_END:
        raise ValueError("one end of several points")
    days = _dated(points)
    if len(points) > 1:
        _check_joined(opening, points, joins, days)
    elif points[0].joined == "gap" and opening != "between":
        raise ValueError("a gap")
    return _opened("in" if several else opening, days[0][0], days[-1][1], today)


def _dated(points: Sequence[Point]) -> list[Days]:
    """Return the days of each point; one without a year has that of its neighbour, or the next beside it."""
    days = [None if point.year is None else point.days(point.year) for point in points]
    for place in reversed(range(len(points) - 1)):
        later = days[place + 1]
        if days[place] is None and later:
            one = points[place].days(later[1].year)
            days[place] = one if one <= later else points[place].days(later[1].year - 1)
    for place in range(1, len(points)):
        earlier = days[place - 1]
        if days[place] is None and earlier:
            one = points[place].days(earlier[1].year)
            days[place] = one if one >= earlier else points[place].days(earlier[1].year + 1)
    if any(one is None for one in days):
        raise ValueError("no year")
    return [one for one in days if one is not None]


def _check_joined(
    opening: Opening, points: Sequence[Point], joins: Sequence[bool], days: Sequence[Days]
) -> None:
    """Raise ValueError unless points are alike and joined by one «по» or dash, or follow on one another."""
    if any(point.joined or point.grade in {"thing", "span"} for point in points):
        raise ValueError("no points to join")
    if len({point.grade for point in points}) > 1:
        whole = all(point.year is not None for point in points)
        if not (whole and opening == "since" and joins == [True]):
            raise ValueError("points that are not alike")
    if any(joins):
        if len(points) > 2:
            raise ValueError("more than one range")
    elif opening != "between" and any(
        one[1] + timedelta(days=1) != other[0] for one, other in pairwise(days)
    ):
        raise ValueError("a gap")


def _opened(opening: Opening, since: date, until: date, today: date) -> Ends:
    """Return a point, or the time before or after it. «до 2021 года» ends before that, «до 15 мая» on it."""
    if opening in {"since", "begun", "later"}:
        first = until + timedelta(days=1) if opening == "later" else since
        ends: Ends = (first, None)
        known = first.year >= FIRST_YEAR and first <= today
    elif opening in {"until", "by", "before"}:
        last = since - timedelta(days=1) if opening == "before" and since != until else until
        ends = (None, last)
        known = last.year >= FIRST_YEAR and last < today
    else:
        ends = (since, until)
        known = since <= until and since.year >= FIRST_YEAR and until.year <= today.year + 1
    if not known:
        raise ValueError("no time of a news site")
    return ends


def _without(text: str, start: int, stop: int) -> str:
    """Return *text* without what stands between the two places, nor the brackets and commas left empty."""
    left, right = text[:start].rstrip(_EDGE), _HEAD.sub("", text[stop:])
    while left and left[-1] in _BRACKETS and right[:1] in {"", _BRACKETS[left[-1]]}:
        left, right = left[:-1].rstrip(_EDGE), _HEAD.sub("", right[1:])
    # No sign is to become a word, no bracket a part of a filter's value.
    opened = left.endswith(tuple(_BRACKETS)) and _PLAIN.match(right)
    closed = right.startswith((")", "]")) and _PLAIN_END.search(left)
    space = "" if opened or closed else " "
    return squeeze(left + space + right)
