"""The one value that an organisation's name has in facets, however it is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from searchsvc.naming.words import listed
from searchsvc.synonyms import Entry, packaged_entries
from searchsvc.text import fold

KINDS = listed(
    "школа гимназия лицей колледж техникум училище университет институт академия сад ясли интернат",
    "школа-интернат детсад центр дом дворец музей библиотека театр филармония фонд министерство департамент",
    "комитет управление отдел правительство администрация дума совет ассоциация союз общество корпорация",
    "компания издательство больница поликлиника клуб лагерь санаторий технопарк кванториум агентство служба",
    "организация предприятие завод комбинат стадион спорткомплекс бассейн студия ансамбль оркестр хор",
    "галерея планетарий кафедра факультет консерватория семинария прокуратура палата комиссия инспекция",
    "партия движение банк холдинг концерн газета журнал телеканал радиостанция учреждение объединение",
    "кинотеатр мастерская станция корпус собрание",
)

LEGAL = re.compile(
    "(?:М|Г|Ф?Г|К|Ч)?[АБК]?(?:Д?ОУ|ПОУ|УДО|УДПО|УК|ОУДОД|УЗ)|СОШ|ООШ|НОШ|ДЮСШ|СШОР|ДШИ|ДМШ|ДХШ|ДДТ|ЦДТ|"
    "ВО|ДПО|СПО|НПО|ООО|ОАО|ПАО|ЗАО|АО|АНО|НКО"
)
"""Legal forms and short kinds, which nobody declines."""

WHOLE_COUNTRY = " Российской Федерации"

_OF_THE_COUNTRY = re.compile("(?:министерство|мин[а-яё]+|правительство) ", re.IGNORECASE)
_ABBREVIATED_COUNTRY = re.compile(" РФ$", re.IGNORECASE)
_COUNTRY = re.compile(" (?:РФ|России|Российской Федерации)$", re.IGNORECASE)


def canonical(name: str) -> str:
    """Return the one value of an organisation's name: with a capital at its beginning, a ministry of the
    country with its country. Where the packaged list says that an abbreviation is one organisation, it is
    that in full; of a kind of which every region has its own («ИРО») it is the abbreviation, which is never
    wrong while a full form may be."""
    name = name[:1].upper() + name[1:]
    short, space, rest = name.partition(" ")
    entry = _listed(short)
    if entry is not None:
        name = f"{entry.full[0]} {rest}" if space else entry.full[-1]
    name = _abbreviated().get(fold(name), name)
    country = _COUNTRY if _OF_THE_COUNTRY.match(name) else _ABBREVIATED_COUNTRY
    return country.sub(WHOLE_COUNTRY, name)


def merged_organisations(names: Iterable[str]) -> list[str]:
    """Return the names of one article, a ministry without its country («Министерство просвещения») as the
    country's where the article has that, and a short name («Минпросвещения») as it stands where the article
    has that of a territory."""
    names = list(names)
    values = [canonical(name) for name in names]
    for place, name in enumerate(names):
        bare = values[place].removesuffix(WHOLE_COUNTRY)
        of_territory = any(one.startswith(f"{bare} ") and not one.endswith(WHOLE_COUNTRY) for one in values)
        if " " not in name and bare != values[place] and of_territory:
            values[place] = bare
    known = set(values)
    whole = (value + WHOLE_COUNTRY for value in values)
    return [full if full in known else value for full, value in zip(whole, values, strict=True)]


def _listed(short: str) -> Entry | None:
    """Return the entry of the packaged list that says which organisation an abbreviation is."""
    entry = _organisations().get(fold(short))
    return None if entry is None or (entry.capitals_only and not short.isupper()) else entry


@cache
def _organisations() -> Mapping[str, Entry]:
    """Return the entries with a full form that is the name of one institution: it begins with a capital.
    A second one may say that without a territory it is the country's."""
    return {
        short: entry
        for short, entry in packaged_entries().items()
        if entry.full
        and entry.full[0][0].isupper()
        and not KINDS.isdisjoint(fold(entry.full[0]).split())
        and entry.full[1:] in {(), (entry.full[0] + WHOLE_COUNTRY,)}
    }


@cache
def _abbreviated() -> Mapping[str, str]:
    """Return the abbreviations of full forms that name a kind of institution and have no other."""
    shorts: dict[str, list[str]] = {}
    for entry in packaged_entries().values():
        if len(entry.full) == 1 and not KINDS.isdisjoint(fold(entry.full[0]).split()):
            shorts.setdefault(fold(entry.full[0]), []).append(entry.short)
    return {
        full: names[0]
        for full, names in shorts.items()
        if len(names) == 1
        and names[0].isupper()
        and not LEGAL.fullmatch(names[0])
        and _listed(names[0]) is None
    }
