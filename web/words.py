"""Russian words for numbers, sizes and moments; no imports that take time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from math import floor
from typing import TYPE_CHECKING

from searchsvc.language.text import squeeze

if TYPE_CHECKING:
    from searchsvc.results import Hit

_LOOSE_END = re.compile(r"[\s,;:.!?…–—«„(\[\"-]+$")
_UNITS = ("байт", "КБ", "МБ", "ГБ", "ТБ")


def plural(number: int, one: str, few: str, many: str) -> str:
    """Return the form that goes with *number*: 1 статья, 2 статьи, 5 статей."""
    if number % 100 in range(11, 15):
        return many
    return one if number % 10 == 1 else few if number % 10 in {2, 3, 4} else many


def grouped(number: int) -> str:
    """Return *number* with narrow no-break spaces between thousands (four digits stay together)."""
    return f"{number:,}".replace(",", "\u202f") if number >= 10_000 else str(number)


def counted(number: int, one: str, few: str, many: str) -> str:
    """Return *number* and its noun."""
    return f"{grouped(number)} {plural(number, one, few, many)}"


def articles(number: int) -> str:
    """Return «80 статей»."""
    return counted(number, "статья", "статьи", "статей")


def reprinted(hit: Hit) -> str:
    """Return «ещё 3 источника» of the reprints folded into a hit, «публикации» where a source has several."""
    sources = {reprint.source for reprint in hit.reprints} | {hit.source}
    if len(sources) == hit.reprint_count + 1:
        return f"ещё {counted(hit.reprint_count, 'источник', 'источника', 'источников')}"
    return f"ещё {counted(hit.reprint_count, 'публикация', 'публикации', 'публикаций')}"


def size(number: int) -> str:
    """Return bytes as people read them: «1,4 МБ»."""
    value = float(number)
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            break
        value /= 1000
    shown = f"{value:.0f}" if unit == _UNITS[0] or value >= 100 else f"{value:.1f}".replace(".", ",")
    return f"{shown}\u00a0{unit}"


def decimal(number: float, digits: int = 2) -> str:
    """Return «12,34», with a real minus."""
    return f"{number:.{digits}f}".replace(".", ",").replace("-", "\u2212")


def adding_up(values: Sequence[float], digits: int, total: float | None = None) -> list[float]:
    """Round *values* so that they still add up, to their sum as it is rounded, or to *total*.

    What rounding down loses goes to those that lose most by it (largest remainders).
    """
    unit = 10**digits
    goal = round((sum(values) if total is None else total) * unit)
    whole = [floor(value * unit) for value in values]
    order = sorted(range(len(values)), key=lambda place: whole[place] - values[place] * unit)
    for place in order[: max(0, goal - sum(whole))]:
        whole[place] += 1
    return [number / unit for number in whole]


def milliseconds(number: float) -> str:
    """Return a time as «3,1 мс», from ten on in whole milliseconds."""
    shown = f"{number:.0f}" if number >= 10 else f"{number:.1f}".replace(".", ",")
    return f"{shown}\u00a0мс"


def moment(at: datetime) -> str:
    """Return a moment in this computer's time: «24.11.2024 18:05»."""
    return at.astimezone().strftime("%d.%m.%Y %H:%M")


MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)


def long_date(day: date) -> str:
    """Return a date as «2 августа 2022»."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def cut(text: str, limit: int) -> str:
    """Return *text* in at most *limit* characters, cut at a word and ended by «…».

    Punctuation before the cut goes too; a first word longer than *limit* is cut inside.
    """
    text = squeeze(text)
    if len(text) <= limit:
        return text
    room = limit - 1
    head = text[:room] if text[room].isspace() else text[:room].rpartition(" ")[0]
    return (_LOOSE_END.sub("", head) or text[:room]) + "…"
