"""Points in time that words name: «12 мая 2022», «в мае», «2021/22 учебный год», «прошлая неделя».

A point is read at a place of folded text. The year of a day, a month or a part of a year may stand elsewhere
(«с мая по август 2022»), so a point tells its days for a given year. ``periods`` puts points together.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Literal

Days = tuple[date, date]
Unit = Literal["week", "month", "school", "year", "quarter"]
Grade = Literal[Unit, "day", "season", "half", "months", "decade", "thing", "span", "none"]
"""What kind of point it is; "none" looks like one."""

Claim = Literal["sure", "number", "season", "today", "last", "latest", "lately", "begun"]
"""What must speak for a point: nothing ("sure"), or see ``period_words``."""

Joined = Literal["", "to", "and", "gap"]
"""How a point that is several already («12–15 мая») was put together; in "and" one follows on the other."""


@dataclass(frozen=True, slots=True)
class Point:
    """What the text names up to ``stop``; ``days`` tells the days in a year, ValueError where there are none.

    ``year`` is None where the text does not say it here.
    """

    grade: Grade
    stop: int
    days: Callable[[int], Days]
    year: int | None
    claim: Claim = "sure"
    joined: Joined = ""


_MONTHS = (
    r"янв(?:\.|ар[ьяею]м?)?",
    r"фев(?:\.|р\.?|рал[ьяею]м?)?",
    r"мар(?:\.|т[аеу]?|том)?",
    r"апр(?:\.|ел[ьяею]м?)?",
    r"ма[йяею]м?",
    r"июн(?:\.|[ьяею]м?)?",
    r"июл(?:\.|[ьяею]м?)?",
    r"авг(?:\.|уст[аеу]?|устом)?",
    r"сент?(?:\.|ябр[ьяею]м?)?",
    r"окт(?:\.|ябр[ьяею]м?)?",
    r"ноя(?:\.|б\.?|бр[ьяею]м?)?",
    r"дек(?:\.|абр[ьяею]м?)?",
)
_MONTH_STEMS = ("янв", "фев", "мар", "апр", "ма", "июн", "июл", "авг", "сен", "окт", "ноя", "дек")
MONTH = rf"(?:{'|'.join(_MONTHS)})(?!\w)"
_SEASONS = {"зим": 12, "весн": 3, "лет": 6, "осен": 9}
ADVERBS = "зимой|весной|летом|осенью"
SEASON = rf"(?:{ADVERBS}|зим[аыу]|весн[аыу]|лет[оау]|осен[ьи])(?!\w)"
_UNITS: dict[Unit, str] = {
    "week": r"недел(?:я|и|ю|е|ей)",
    "month": r"месяц(?:а|е|у|ем)?",
    "school": r"уч(?:ебн\w+|\.)\s*год(?:а|у|ом|е)?",
    "year": r"год(?:а|у|ом|е)?",
    "quarter": r"квартал(?:а|е|у|ом)?",
}
_UNIT = "(?:" + "|".join(rf"(?P<{unit}>{form})" for unit, form in _UNITS.items()) + r")(?!\w)"
_AGO = {"эт": 0, "тек": 0, "нын": 0, "про": 1, "мин": 1, "поз": 2}
_WHICH = (
    r"(?P<which>эт(?:от|а|у|ого|ой|ом|им|ому)|(?:текущ|нынешн|минувш|прошедш)(?:ий|ая|яя|ую|юю|его|ей|ем|им|ему)"
    r"|(?:поза)?прошл(?:ый|ая|ую|ого|ой|ом|ым|ому))\s+"
)

Y = r"(?:19|20)\d\d(?!\d)"
_YEARS = r"(?:\s*(?:год(?:а|у|ом|е|ы|ов|ах|ами|ам)?|гг?)(?!\w)\.?)"
_YEAR = rf"(?P<said>{Y})(?:-(?:й|го|м|му|ый|ом|ого))?{_YEARS}?"
_IN_YEAR = rf"(?:(?:\s*,)?\s*{_YEAR}|\s+{_WHICH}год(?:а|у|ом|е)?(?!\w))?"
_SCHOOL = r"(?:\s*уч(?:ебн\w+|\.)?\s*г(?:од\w*|\.)?)"
_STUDY = r"уч(?:ебн\w+|\.)\s*(?:год\w*\s+)?"  # «учебный год 2021/22»
_DASH = r"(?:[-–—]\s*|\s+[-–—]\s+)"
_TO_AND = rf"(?:(?P<to>{_DASH}|\s+(?:по|до)\s+)|(?P<and>\s*,\s*|\s+и(?:ли)?\s+))"
_PAIR = rf"(?P<first>{Y})(?:/|{_DASH})(?P<last>\d{{4}}|\d\d)(?!\d)"
_ORDINALS = (
    r"(?:1|i|перв\w{2,3})",
    r"(?:2|ii|втор\w{2,3})",
    r"(?:3|iii|трет\w{2,4})",
    r"(?:4|iv|четв\w{4,5})",
)
_SUFFIX = r"(?:-(?:й|я|е|го|ой|ая|ое|ом))?(?!\w)"
_NTH = "(?:" + "|".join(_ORDINALS) + ")" + _SUFFIX
_HALF = "(?P<nth>" + "|".join(_ORDINALS[:2]) + rf"){_SUFFIX}"
_NUMBERS = {
    "дв": 2, "тр": 3, "четыр": 4, "пят": 5, "шест": 6, "сем": 7, "вос": 8, "девят": 9, "десят": 10,
}  # fmt: skip
_COUNT = (
    r"(?P<count>\d{1,3}|дв(?:а|е|ух)|тр(?:и|ех)|четыр(?:е|ех)"
    r"|(?:пят|шест|сем|девят|десят)[ьи]|вос(?:емь|ьми))\s+"
)
_SPAN = r"(?P<span>дн(?:я|ей)|суток|недел[иь]|месяц(?:а|ев)|года?|лет)(?!\w)"
_ONE = r"(?P<span>день|сутки|неделю|месяц|полгода|полтора\s+года|год|десятилетие)(?!\w)"  # «за последний …»


def point_at(text: str, place: int, today: date) -> Point | None:
    """Return the point that folded *text* names at *place*; None where no name of one stands there."""
    for pattern, read in _FORMS:
        if match := pattern.match(text, place):
            return read(match, today)
    return None


def _month(year: int, month: int) -> Days:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _months(first: int, last: int, year: int) -> Days:
    return date(year, first, 1), _month(year, last)[1]


def _whole(year: int) -> Days:
    return _months(1, 12, year)


def school_year(year: int) -> Days:
    """Return the days of the school year that begins in *year*."""
    return date(year, 9, 1), date(year + 1, 8, 31)


def _none(_: int) -> Days:
    raise ValueError("no date")


def _day_span(first: int, last: int, month: int, year: int) -> Days:
    return date(year, month, first), date(year, month, last)


def _season(month: int, year: int) -> Days:
    """A winter is named by the year in which it ends."""
    if month == 12:
        return date(year - 1, 12, 1), _month(year, 2)[1]
    return _months(month, month + 2, year)


def _stem(word: str) -> int:
    # «марта» begins like «мая» without its last letter: the longer stems first.
    stems = sorted(enumerate(_MONTH_STEMS, 1), key=lambda pair: -len(pair[1]))
    return next(number for number, stem in stems if word.startswith(stem))


def _said(match: re.Match[str], today: date) -> int | None:
    """Return the year that stands beside a day, a month or a season."""
    found = match.groupdict()
    if found.get("which"):
        return today.year - _ago(found["which"])
    return int(found["said"]) if found.get("said") else None


def _ago(which: str) -> int:
    return next(count for stem, count in _AGO.items() if which.startswith(stem))


def _fixed(grade: Grade, match: re.Match[str], days: Days, claim: Claim = "sure") -> Point:
    """Return a point of days that need no year."""
    return Point(grade, match.end(), lambda _: days, days[0].year, claim)


def _bad(match: re.Match[str], _: date | None = None) -> Point:
    """Return what looks like a date and is none, or is more than one."""
    return Point("none", match.end(), _none, 0)


def _joined(match: re.Match[str], first: int, last: int) -> Joined:
    if match["to"]:
        return "to"
    return ("and" if last == first + 1 else "gap") if match["and"] else ""


def _of_words(match: re.Match[str], today: date) -> Point:
    first = int(match["day"])
    last = int(match["last"] or first)
    joined = _joined(match, first, last)
    if last < first:
        return _bad(match)
    days = partial(_day_span, first, last, _stem(match["month"]))
    return Point("day", match.end(), days, _said(match, today), joined=joined)


def _of_numbers(match: re.Match[str], today: date) -> Point:
    """«12.05.2022», «12.05.22», «2022-05-12»; «12.05» is a day beside another only."""
    said = match["year"]
    year = int(said) if said else None
    if said and len(said) == 2:
        year = 2000 + int(said) if 2000 + int(said) <= today.year else 0
    days = partial(_day_span, int(match["day"]), int(match["day"]), int(match["month"]))
    return Point("day", match.end(), days, year)


def _of_month(match: re.Match[str], today: date) -> Point:
    month = match["month"]
    number = int(month) if month.isdigit() else _stem(month)
    return Point("month", match.end(), partial(_months, number, number), _said(match, today))


def _of_school(match: re.Match[str], _: date) -> Point:
    year, after = int(match["first"]), match["last"]
    if str(year + 1)[-len(after) :] != after:
        return _bad(match)
    return Point("school", match.end(), lambda _: school_year(year), year)


def _of_pair(match: re.Match[str], _: date) -> Point:
    """«2021–22» are years, «2022-05» is a month; what may be either («2010-12») is nothing."""
    year, after = int(match["first"]), int(match["last"])
    later = after > year % 100
    if later == (1 <= after <= 12):
        return _bad(match)
    if later:
        last = year - year % 100 + after
        return Point("year", match.end(), lambda _: (date(year, 1, 1), date(last, 12, 31)), year, joined="to")
    return Point("month", match.end(), partial(_months, after, after), year)


def _of_season(match: re.Match[str], today: date) -> Point:
    month = next(number for stem, number in _SEASONS.items() if match["season"].startswith(stem))
    year = _said(match, today)
    if match["first"]:  # «зима 2021/22»
        year, after = int(match["first"]) + 1, match["last"]
        if month != 12 or str(year)[-len(after) :] != after:
            return _bad(match)
    claim: Claim = "sure" if re.fullmatch(ADVERBS, match["season"]) else "season"
    return Point("season", match.end(), partial(_season, month), year, claim)


def _of_this_season(match: re.Match[str], today: date) -> Point:
    """«этим летом» is this year's, once it has begun; a winter has two years."""
    month = next(number for stem, number in _SEASONS.items() if match["season"].startswith(stem))
    if month == 12 or today.month < month:
        return _bad(match)
    return _fixed("season", match, _season(month, today.year))


def _of_quarter(match: re.Match[str], today: date) -> Point:
    first = _ordinal(match["nth"])
    last = _ordinal(match["last"]) if match["last"] else first
    if last < first:
        return _bad(match)
    days = partial(_months, 3 * first - 2, 3 * last)
    return Point("quarter", match.end(), days, _said(match, today), joined=_joined(match, first, last))


def _ordinal(word: str) -> int:
    return next(
        number
        for number, form in enumerate(_ORDINALS, 1)
        if re.fullmatch(form + _SUFFIX.replace(r"(?!\w)", ""), word)
    )


def _of_half(match: re.Match[str], today: date) -> Point:
    """The halves of a school year meet at New Year."""
    second = _ordinal(match["nth"]) == 2
    if match["first"]:
        school = _of_school(match, today)
        if school.grade == "none":
            return school
        since, until = school.days(0)
        new_year = date(until.year, 1, 1)
        return _fixed("half", match, (new_year, until) if second else (since, new_year - timedelta(days=1)))
    return Point(
        "half",
        match.end(),
        partial(_months, 7, 12) if second else partial(_months, 1, 6),
        _said(match, today),
    )


def _of_first_months(match: re.Match[str], today: date) -> Point:
    """«9 месяцев 2022 года», as reports have it."""
    return Point("months", match.end(), partial(_months, 1, _number(match["count"])), _said(match, today))


def _number(word: str) -> int:
    if word.isdigit():
        return int(word)
    return next(number for stem, number in _NUMBERS.items() if word.startswith(stem))


def _of_unit(match: re.Match[str], today: date) -> Point:
    unit = next(unit for unit in _UNITS if match[unit])
    return _fixed(unit, match, _current(unit, today, _ago(match["which"])))


def _begun(match: re.Match[str], today: date) -> Point:
    unit = next(unit for unit in _UNITS if match[unit])
    return _fixed(unit, match, _current(unit, today, 0), "begun")


def _current(unit: Unit, today: date, ago: int) -> Days:
    """Return the week, month, quarter, year or school year of *today*, or one that many before it."""
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7 * ago)
        return monday, monday + timedelta(days=6)
    if unit == "school":
        return school_year(today.year - (today.month < 9) - ago)
    if unit == "year":
        return _whole(today.year - ago)
    size = 3 if unit == "quarter" else 1
    year, number = divmod(today.year * (12 // size) + (today.month - 1) // size - ago, 12 // size)
    return _months(number * size + 1, number * size + size, year)


def _of_thing(match: re.Match[str], today: date) -> Point:
    ago = {"сегодня": 0, "вчера": 1, "позавчера": 2}.get(match["thing"])
    if ago is None:
        return _bad(match)
    day = today - timedelta(days=ago)
    return _fixed("thing", match, (day, day), "sure" if ago else "today")


def _of_span(match: re.Match[str], today: date, *, claim: Claim) -> Point:
    """The days up to today. Their number may be too great for a calendar, so that it is looked at later."""
    count = _number(match["count"]) if "count" in match.groupdict() else 1
    span = match["span"]
    return Point("span", match.end(), lambda _: (_before(today, count, span), today), 0, claim)


def _before(today: date, count: int, span: str) -> date:
    if span.startswith(("д", "с")) and not span.startswith("десят"):
        return today - timedelta(days=count)
    if span.startswith("недел"):
        return today - timedelta(weeks=count)
    months = {"месяц": 1, "полго": 6, "полто": 18, "десят": 120}.get(span[:5], 12)
    year, month = divmod(today.year * 12 + today.month - 1 - months * count, 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))


def _of_year(match: re.Match[str], _: date) -> Point:
    claim: Claim = "sure" if "г" in match[0] else "number"  # «2022 год», «2022-го», «2022 г.»
    return Point("year", match.end(), _whole, int(match["said"]), claim)


def _of_decade(match: re.Match[str], _: date) -> Point:
    year = int(match["decade"])
    return _fixed("decade", match, (date(year, 1, 1), date(year + 9, 12, 31)))


_Reader = Callable[[re.Match[str], date], Point]
_FORMS: tuple[tuple[re.Pattern[str], _Reader], ...] = tuple(
    (re.compile(form), read)
    for form, read in (
        (rf"(?P<decade>(?:19|20)\d0)-(?:е|х|ые|ых)(?!\w){_YEARS}?", _of_decade),
        (r"(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)", _of_numbers),
        (rf"(?:{_STUDY})?{_PAIR}{_SCHOOL}", _of_school),
        (rf"(?:{_STUDY})?(?P<first>{Y})/(?P<last>\d{{4}}|\d\d)(?!\d){_YEARS}?", _of_school),
        (rf"{_STUDY}{_PAIR}", _of_school),
        (rf"{_STUDY}{Y}|{Y}{_SCHOOL}", _bad),  # which of the two years?
        (rf"(?P<first>{Y}){_DASH}(?P<last>\d\d)(?![\d.]){_YEARS}?", _of_pair),
        (
            r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>(?:19|20)\d\d|\d\d)(?!\d)" + _YEARS + "?",
            _of_numbers,
        ),
        (rf"(?P<month>(?:0\d|1[0-2]))\.{_YEAR}", _of_month),
        (r"(?P<day>\d{1,2})\.(?P<month>\d{2})(?P<year>)(?![.\d])", _of_numbers),
        (
            rf"(?P<day>\d{{1,2}})(?:-(?:го|ое|е))?(?:{_TO_AND}(?P<last>\d{{1,2}})(?:-(?:го|ое|е))?)?"
            rf"\s+(?P<month>{MONTH}){_IN_YEAR}",
            _of_words,
        ),
        (rf"(?P<month>{MONTH}){_IN_YEAR}", _of_month),
        (rf"эт(?:им|ой)\s+(?P<season>{ADVERBS})(?!\w)", _of_this_season),
        (rf"(?P<season>{SEASON})(?:\s+{_PAIR}|{_IN_YEAR})", _of_season),
        (rf"(?P<nth>{_NTH})(?:{_TO_AND}(?P<last>{_NTH}))?\s+кв(?:артал\w*|\.)?(?!\w){_IN_YEAR}", _of_quarter),
        (rf"{_HALF}\s+(?:полугоди\w+|половин\w+)(?:\s+{_PAIR}{_SCHOOL}?|{_IN_YEAR})", _of_half),
        (rf"(?:перв\w+\s+)?{_COUNT}месяц(?:а|ев)(?!\w){_IN_YEAR}", _of_first_months),
        (rf"{_WHICH}{_UNIT}", _of_unit),
        (r"(?P<thing>(?:поза)?вчера|сегодня|(?:после)?завтра)(?!\w)", _of_thing),
        (rf"последн\w{{2,3}}\s+{_COUNT}{_SPAN}", partial(_of_span, claim="last")),
        (rf"{_COUNT}последн\w{{2,3}}\s+{_SPAN}", partial(_of_span, claim="last")),
        (rf"последн(?:ий|юю|ее|ие)\s+{_ONE}", partial(_of_span, claim="latest")),
        (rf"(?:год|году|годом)\s+{_YEAR}", _of_year),
        (_YEAR, _of_year),
        (r"(?P<span>неделю|месяц|полгода|год|сутки)(?!\w)", partial(_of_span, claim="lately")),
        (_UNIT, _begun),
    )
)
