"""Periods that a query names in words: «август 2022», «2021/22 учебный год», «на прошлой неделе».

They are offered as a filter, never applied silently: «итоги ЕГЭ 2022» may well mean an article of 2023.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from searchsvc.query import QUOTED
from searchsvc.text import fold, squeeze

FIRST_YEAR = 1990
"""A number below is no year of a news site."""

_MONTHS = (
    "январ",
    "феврал",
    "март",
    "апрел",
    "ма",
    "июн",
    "июл",
    "август",
    "сентябр",
    "октябр",
    "ноябр",
    "декабр",
)
_ENDINGS = {"март": "а|е|ом", "август": "а|е|ом", "ма": "й|я|е|ем"}
_MONTH = "(?P<month>" + "|".join(
    rf"{stem}(?:{_ENDINGS[stem]}){'' if stem == 'ма' else '?'}" if stem in _ENDINGS else f"{stem}(?:ь|я|е|ем)"
    for stem in _MONTHS
) + ")"  # fmt: skip
_SEASONS = {"зим": 12, "весн": 3, "лет": 6, "осен": 9}
_SEASON = r"(?P<season>зим(?:а|ы|ой|у)|весн(?:а|ы|ой|у)|лето|лета|летом|осен(?:ь|и|ью))"
_Y = r"(?:19|20)\d\d"
_YEAR = rf"(?P<year>{_Y})(?![\d-]|[/.]\d)"
_YEAR_WORD = r"(?:\s*(?:год(?:а|у|ом|ы|ов|ах)?|гг?)\b\.?)?"
_SCHOOL = r"\s*уч(?:ебн\w+|\.)?\s*г(?:од\w*|\.)?"
_DASH = r"\s?[-‐‑–—]\s?"
_NUMBERS = {"два": 2, "две": 2, "три": 3, "четыре": 4, "пять": 5, "шесть": 6, "десять": 10}
_COUNT = rf"(?P<count>\d{{1,3}}|{'|'.join(_NUMBERS)})"

_FORMS = (
    rf"(?:с|от)?\s*(?P<first>{_Y}){_YEAR_WORD}\s*(?:по|до)\s*(?P<last>{_Y}){_YEAR_WORD}",
    rf"(?P<school>{_Y})(?:/|{_DASH})(?P<next>\d\d(?:\d\d)?)(?:{_SCHOOL})",
    rf"(?P<school2>{_Y})/(?P<next2>\d\d(?:\d\d)?)(?!\d)",
    rf"(?P<first2>{_Y}){_DASH}(?P<last2>{_Y}){_YEAR_WORD}",
    rf"(?P<day>\d{{1,2}})\s+{_MONTH}\s+{_YEAR}{_YEAR_WORD}",
    rf"(?P<day2>\d{{1,2}})\.(?P<month2>\d{{1,2}})\.(?P<year2>{_Y})(?!\d)",
    rf"{_MONTH.replace('month', 'month3')}\s+{_YEAR.replace('year', 'year3')}{_YEAR_WORD}",
    rf"{_SEASON}\s+{_YEAR.replace('year', 'year4')}{_YEAR_WORD}",
    r"(?P<thing>позавчера|вчера|сегодня)",
    r"(?P<which>эт\w{1,3}|текущ\w{2,3}|прошл\w{2,3})\s+(?P<unit>недел\w{1,2}|месяц\w{0,2}|уч\w+\s+год\w{0,2}|год\w{0,2})",
    rf"последн\w{{2,3}}\s+(?:{_COUNT}\s+)?(?P<span>дн\w{{1,2}}|день|недел\w{{1,2}}|месяц\w{{0,3}}|год\w{{0,2}}|лет)",
    rf"{_YEAR.replace('year', 'year5')}{_YEAR_WORD}",
)
# «в», «за» and the like go with the period that they stand before.
_PERIODS = tuple(
    re.compile(rf"(?<![\w.,/№-])(?:(?:в|во|за|на|с|от|к)\s+)?(?:{form})(?![\w/])") for form in _FORMS
)
_QUOTED = re.compile(QUOTED)
_LEFT_ALONE = re.compile(r"(?:дата|date|год|year):", re.IGNORECASE)
_NUMBER_BEFORE = re.compile(r"(?:№|\bn|\bприказ\w*|\bфгос|\bот)\s*$")


@dataclass(frozen=True, slots=True)
class Period:
    """Days that a query names, both inclusive; ``rest`` is the query without them."""

    since: date
    until: date
    rest: str


def find_period(text: str, today: date) -> Period | None:
    """Return the period that *text* names, None where it names none.

    What stands in quotes or is a filter already is left alone, and so are dates of documents.
    """
    if _LEFT_ALONE.search(text):
        return None
    folded = fold(text)
    if len(folded) != len(text):  # a place in the one is no place in the other
        return None
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    for pattern in _PERIODS:
        for match in pattern.finditer(folded):
            if any(start < match.end() and match.start() < stop for start, stop in quoted):
                continue
            days = _days({name: value for name, value in match.groupdict().items() if value}, today)
            if days is not None:
                if _NUMBER_BEFORE.search(folded[: match.start()]):
                    return None  # «приказ 2019», «приказ от 12 мая 2019 года» name a document
                rest = squeeze(f"{text[: match.start()]} {text[match.end() :]}").strip(" ,;–—-")
                return Period(*days, rest)
    return None


def _days(found: dict[str, str], today: date) -> tuple[date, date] | None:
    """Return the first and last day of what a pattern found; None where that is no date."""
    named = {name.rstrip("2345"): value for name, value in found.items()}
    for needed, made in _READERS.items():
        if set(needed) <= named.keys():
            try:
                since, until = made(named, today)
            except (ValueError, OverflowError):
                return None
            return (since, until) if FIRST_YEAR <= since.year <= today.year + 1 and since <= until else None
    return None


def _month_number(word: str) -> int:
    if word.isdigit():
        return int(word)
    # «марта» begins like «мая» without its last letter: the longer stems first.
    stems = sorted(enumerate(_MONTHS, 1), key=lambda pair: -len(pair[1]))
    return next(number for number, stem in stems if word.startswith(stem))


def _of_day(found: dict[str, str], _: date) -> tuple[date, date]:
    day = date(int(found["year"]), _month_number(found["month"]), int(found["day"]))
    return day, day


def _of_month(found: dict[str, str], _: date) -> tuple[date, date]:
    return _month(int(found["year"]), _month_number(found["month"]))


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _of_season(found: dict[str, str], _: date) -> tuple[date, date]:
    """A winter is named by the year in which it ends."""
    month = next(number for stem, number in _SEASONS.items() if found["season"].startswith(stem))
    year = int(found["year"])
    if month == 12:
        return date(year - 1, 12, 1), _month(year, 2)[1]
    return date(year, month, 1), _month(year, month + 2)[1]


def _of_school(found: dict[str, str], _: date) -> tuple[date, date]:
    year, after = int(found["school"]), found["next"]
    if str(year + 1)[-len(after) :] != after:
        raise ValueError(after)
    return _school_year(year)


def _school_year(year: int) -> tuple[date, date]:
    return date(year, 9, 1), date(year + 1, 8, 31)


def _of_years(found: dict[str, str], _: date) -> tuple[date, date]:
    return date(int(found["first"]), 1, 1), date(int(found["last"]), 12, 31)


def _of_year(found: dict[str, str], _: date) -> tuple[date, date]:
    return date(int(found["year"]), 1, 1), date(int(found["year"]), 12, 31)


def _of_thing(found: dict[str, str], today: date) -> tuple[date, date]:
    day = today - timedelta(days=("сегодня", "вчера", "позавчера").index(found["thing"]))
    return day, day


def _of_unit(found: dict[str, str], today: date) -> tuple[date, date]:
    past, unit = found["which"].startswith("прошл"), found["unit"]
    if unit.startswith("недел"):
        monday = today - timedelta(days=today.weekday() + 7 * past)
        return monday, monday + timedelta(days=6)
    if unit.startswith("месяц"):
        last = date(today.year, today.month, 1) - timedelta(days=1)
        return _month(last.year, last.month) if past else _month(today.year, today.month)
    if unit.startswith("уч"):
        return _school_year(today.year - (today.month < 9) - past)
    return date(today.year - past, 1, 1), date(today.year - past, 12, 31)


def _of_span(found: dict[str, str], today: date) -> tuple[date, date]:
    word = found.get("count", "1")
    count = _NUMBERS.get(word) or int(word)
    span = found["span"]
    if span.startswith("д"):
        return today - timedelta(days=count), today
    if span.startswith("недел"):
        return today - timedelta(weeks=count), today
    months = count if span.startswith("месяц") else 12 * count
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1])), today


_READERS: dict[tuple[str, ...], Callable[[dict[str, str], date], tuple[date, date]]] = {
    ("day", "month", "year"): _of_day,
    ("month", "year"): _of_month,
    ("season", "year"): _of_season,
    ("school", "next"): _of_school,
    ("first", "last"): _of_years,
    ("thing",): _of_thing,
    ("which", "unit"): _of_unit,
    ("span",): _of_span,
    ("year",): _of_year,
}
