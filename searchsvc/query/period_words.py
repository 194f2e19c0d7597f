"""What the words around a period say of it: a number of a school or of an order is no year.

A year alone, without «год», is taken for one where

- it is from ``periods.FIRST_YEAR`` to next year,
- it does not stand after what has a number («школа 2010», «приказ 2019») or after «более», «почти», and
- nothing follows that it could count («2000 рублей», «2010 учеников»), nor a number but that of a class.

Days of documents («приказ … от 12 мая 2022 года») are dates of these, not of articles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from searchsvc.query.points import MONTH, SEASON, Claim, Grade
from searchsvc.query.syntax import QUOTED, QUOTES

Opening = Literal["", "begun", "since", "later", "until", "before", "by", "between", "of", "in"]
"""The kind of word before a period («до», «в», …)."""

_Bound = Opening | Literal["range"]  # a period with two ends needs no word before

_WORD = re.compile(r"№|\w+(?:-\w+)*")  # «ГИА-9» is no number
_QUOTED = re.compile(QUOTED)
_OR_BEFORE = re.compile(rf"(?:^|\s)(?:OR|ИЛИ|\|\|?)[^\w|{QUOTES}]*$")
_OR_AFTER = re.compile(rf"[^\w|{QUOTES}]*(?:OR|ИЛИ|\|\|?)(?:\s|$)")

_SIGN = re.compile("№|n|no|номер(?:а|у|ом|е)?")
_DOCUMENT = re.compile(
    r"приказ\w{0,3}|письм\w{1,3}|закон(?:а|у|ом|е|ы|ов)?|постановлени\w{1,2}|распоряжени\w{1,2}"
    r"|указ(?:а|у|ом|е|ы)?|протокол\w{0,2}|договор\w{0,2}|(?:\d+-)?фз|фгос|фоп|гост\w?|санпин\w{0,2}"
)
_NEWS = re.compile(
    r"новост(?:и|ей|ь)|событи[яей]|публикаци[ияей]{1,2}|стать[ияю]|статей|материал(?:ы|ов)?|запис[ией]{1,2}"
    r"|заметк[иау]|заметок|главное|обзор|дайджест|выпуск"
)
_NUMBERED = re.compile(
    r"школ[аыеу]|школой|гимнази[яию]|гимназией|лице[йяю]|лицеем|лицее|сад(?:а|у|ик|ика)?|доу|мбоу|гбоу|сош"
    r"|интернат[ау]?|колледж[ау]?|кабинет[ау]?|аудитори[яию]|отряд[ау]?|дом[ау]?|код[ау]?|форм[аыу]|стать[яюе]"
    r"|пункт[ау]?|телефон[ау]?|тел|индекс[ау]?|windows|office|word|excel|powerpoint|outlook|access|server"
)
_ABOUT = re.compile(r"более|больше|менее|меньше|свыше|около|примерно|почти|всего|ровно|лишь|только")
_NOT = re.compile(
    r"не|ни|без|кроме|вместо|исключая|перед|накануне|чем|старше|младше|моложе|нов(?:ый|ого|ому|ым|ом)"
)
_DANGLING = re.compile(
    r"и|или|а|но|да|в|во|на|за|до|после|с|c|со|по|от|из|из-за|к|ко|у|о|об|при|про|для|между|через|под|над"
)
_PLAN = re.compile(
    r"стратеги\w+|программ\w+|концепци\w+|проект\w*|нацпроект\w*|план\w{0,3}|прогноз\w*|карт\w+"
)
_BORDER = re.compile(
    rf"{MONTH}|{SEASON}|\d+(?:-\d+)?|квартал\w*|кв|полугоди\w+|половин\w+|месяц\w*"
    r"|декад\w+|числ\w+|начал[оаеу]|началом|кон(?:ец|ца|цу|цом|це)|середин\w+|последн\w{2,3}|век\w{0,2}|тысячелети\w+"
)
_WEEK = re.compile(r"недел[яиюе]|неделей")  # «первая неделя мая 2022», but «Предметная неделя 2022»
_AFTER = re.compile(
    rf"{MONTH}|{SEASON}|рождения|р|постройки|основания|издания|выпуска|обучения|век|века"
    r"|квартал\w*|полугоди\w+"
)
_COUNTED = re.compile(  # after a number, so in the genitive or the singular, or after «с», «по»
    r"\w+(?:ов|ев|ей|ами|ями|ам|ям)|руб\w*|р|тыс\w*|млн|млрд|процента?|человека?|чел|балла?|часа?|минут[аы]?|секунд[аы]?|мест"
    r"|раза?|работ|заявок|заявлени[йяе]|книг|школ|организаций|учреждений|семей|шт\w*|страниц|слов[оа]?|символа?|знака?"
    r"|(?:ученик|участник|школьник|выпускник|студент|педагог)а?|(?:победител|учител)[ья]|\w+(?:щихся|вших)"
    r"|ребен(?:ок|ка)|к?м|к?г|лет|единиц\w?"
)
_AND = frozenset({"и", "или"})
_OTHER_END = re.compile("до|после|со?|раньше|ранее|позже|позднее")
_CLASS = re.compile(r"\d+\s*(?:-?\w{1,2}\s+)?кл(?:асс\w*)?\b")
_ADJECTIVE = re.compile(r"\w+(?:ая|яя|ую|юю|ой|ей|ое|ее|ого|его)")


@dataclass(frozen=True, slots=True)
class Around:
    """The words of a query before and after a period, folded, without what stands in quotes."""

    before: list[str]
    after: list[str]
    right: str
    cut: bool

    @property
    def last(self) -> str:
        """The word before, "" where there is none."""
        return self.before[-1] if self.before else ""

    @property
    def next(self) -> str:
        """The word after, "" where there is none."""
        return self.after[0] if self.after else ""

    @property
    def third(self) -> str:
        """The word after that."""
        return self.after[1] if len(self.after) > 1 else ""


def around(text: str, folded: str, start: int, stop: int) -> Around:
    """Return what stands around ``text[start:stop]``; ``cut`` says that an OR stands beside it."""
    left, right = _words(folded[:start]), _words(folded[stop:])
    beside = _OR_BEFORE.search(text[:start]) or _OR_AFTER.match(text, stop)
    return Around(left, right, folded[stop:], beside is not None)


def _words(text: str) -> list[str]:
    if any(quote in text for quote in QUOTES):
        text = _QUOTED.sub(" _ ", text)
    return _WORD.findall(text)


def is_meant(near: Around, *, grade: Grade, claim: Claim, opening: Opening, closed: bool) -> bool:
    """Say whether what reads as a period is surely one.

    *closed* says that it has two ends.
    """
    if near.cut or not _is_free(near, opening):
        return False
    if opening == "of" and not _NEWS.fullmatch(near.last):
        return False
    if not opening and (_is_part(near, grade) or _is_of_document(near, grade, closed)):
        return False
    if opening == "before" and any(map(_PLAN.fullmatch, near.before)):
        return False
    return _CLAIMS[claim](near, opening or ("range" if closed else ""))


def _is_free(near: Around, opening: Opening) -> bool:
    """Say whether no word beside makes it part of something else: «и 2022», «№ 2022», «не в 2022 году»."""
    if _DANGLING.fullmatch(near.last) or _SIGN.fullmatch(near.last) or _SIGN.fullmatch(near.next):
        return False
    if (
        _NOT.fullmatch(near.last)
        or (not opening and _ABOUT.fullmatch(near.last))
        or _AFTER.fullmatch(near.next)
    ):
        return False
    return not (near.next in _AND and _OTHER_END.fullmatch(near.third))


def _is_part(near: Around, grade: Grade) -> bool:
    """Say whether the word before makes it a part of another date that is not read."""
    return bool(_BORDER.fullmatch(near.last) or (grade == "month" and _WEEK.fullmatch(near.last)))


def _is_of_document(near: Around, grade: Grade, closed: bool) -> bool:
    if grade == "day":
        return any(map(_DOCUMENT.fullmatch, (*near.before, *near.after)))
    return grade == "year" and not closed and any(map(_DOCUMENT.fullmatch, near.before))


def _is_year(near: Around, opening: _Bound) -> bool:
    if not opening and _NUMBERED.fullmatch(near.last):
        return False
    if near.next.isdigit():
        return _CLASS.match(near.right.lstrip(" ,;:)]")) is not None
    if near.next in _AND and near.third.isdigit():
        return False
    return not (near.right[:1].isspace() and _COUNTED.fullmatch(near.next))


def _is_news(near: Around) -> bool:
    return _NEWS.fullmatch(near.last) is not None


def _always(_near: Around, _opening: _Bound) -> bool:
    return True


_CLAIMS: Mapping[Claim, Callable[[Around, _Bound], bool]] = {
    "sure": _always,
    "number": _is_year,
    # «Студенческая весна» is the name of a contest.
    "season": lambda near, opening: not _ADJECTIVE.fullmatch(near.last),
    # «школа сегодня» is of our time.
    "today": lambda near, opening: opening == "in" or _is_news(near) or not (near.before or near.after),
    # «последние 3 дня приёма», «последний день приёма»
    "last": lambda near, opening: opening == "in" or not near.after,
    "latest": lambda near, opening: opening == "in",
    # «выучить за неделю»
    "lately": lambda near, opening: _is_news(near),
    "begun": _always,
}
