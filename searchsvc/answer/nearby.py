"""What a search would find without its conditions: the nearest month with articles, and how many there are
without the dates, the section, the source. Also what single words would find under them.

Asked only where nothing matches in full: some further searches of the engine that count and show nothing.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from searchsvc.answer.explain import described
from searchsvc.engine import Plan
from searchsvc.generation.live import View
from searchsvc.language.analysis import Analyzer
from searchsvc.language.text import squeeze
from searchsvc.query.filters import days_of, merged, selection, without
from searchsvc.query.planning import Planned, plan
from searchsvc.query.syntax import Clause, DateFilter, Exclusion, Filter, parse
from searchsvc.results import Nearby, NearPeriod, SearchRequest, Wider, WordCount

TIME = ("dates", "year")
"""Conditions that say when; they are dropped together."""

MOST_NARROWED = 8
"""Words that are counted under the conditions, the others as if these left nothing: each is a search."""

LAST_DAY = date.max.toordinal()
_YEAR = re.compile("[1-9][0-9]{3}")  # whatever else is asked for as a year is none


@dataclass(frozen=True, slots=True)
class _Wider:
    """A search with some conditions dropped, in the engine's terms."""

    text: str
    plan: Plan


def find_nearby(
    request: SearchRequest, text: str, planned: Planned, view: View, analyzer: Analyzer
) -> Nearby | None:
    """Return what dropping conditions of *request* and of its query *text* would find, None if nothing.

    Each kind of condition is dropped alone; all of them together where that alone does not help.
    """
    groups = _groups(request, planned)
    if not groups:
        return None

    def wider(dropped: tuple[str, ...]) -> _Wider:
        left = without(request, dropped)
        kept = _cut(text, dropped)
        again = plan(parse(kept), analyzer, view.synonyms)
        return _Wider(kept, selection(left, again, view))

    def total(plan: Plan) -> int:
        # Without any condition left a search is no search: it would find the whole archive.
        return view.snapshot.search(plan).total if plan.units or plan.filters or plan.days else 0

    found: list[Wider] = []
    periods: tuple[NearPeriod, ...] = ()
    undated = text
    for dropped in groups:
        one = wider(dropped)
        if count := total(one.plan):
            found.append(Wider(dropped, one.text, count))
            if dropped[0] in TIME:
                undated = one.text
                periods = tuple(_periods(_window(request, planned, view), one.plan, view))
    if not found and len(groups) > 1:
        every = tuple(name for dropped in groups for name in dropped)
        one = wider(every)
        if count := total(one.plan):
            found.append(Wider(every, one.text, count))
    return Nearby(undated, periods, tuple(found)) if found else None


def word_counts(planned: Planned, counts: Sequence[int]) -> tuple[WordCount, ...]:
    """Return each unit with its number of articles, and the parts of units if they were counted, too."""
    parts = [(part, unit.text) for unit in planned.units for part in unit.parts]
    named = [*((unit, "") for unit in planned.units), *parts]
    return tuple(
        WordCount(described(unit), unit.query, count, whole)
        for (unit, whole), count in zip(named, counts, strict=False)
    )


def recounted(words: Sequence[WordCount], view: View, analyzer: Analyzer) -> tuple[WordCount, ...]:
    """Return *words* with what each finds in the whole archive, with its synonyms: each is a search."""
    return tuple(
        replace(word, count=view.snapshot.search(selection(SearchRequest(word.query), asked, view)).total)
        for word in words
        for asked in [plan(parse(word.query), analyzer, view.synonyms)]
    )


def narrowed(
    words: Sequence[WordCount], request: SearchRequest, text: str, view: View, analyzer: Analyzer
) -> tuple[WordCount, ...]:
    """Return *words* with what each finds under the conditions of *request* and of its query *text*."""
    conditions = (
        clause for clause in parse(text).clauses if isinstance(clause, DateFilter | Exclusion | Filter)
    )
    typed = " ".join(text[slice(*clause.span)] for clause in conditions)
    if not (typed or request.filters or request.since or request.until):
        return tuple(words)

    def counted(word: WordCount) -> WordCount:
        if not word.count:
            return replace(word, total=0)
        query = f"{word.query} {typed}".strip()
        asked = plan(parse(query), analyzer, view.synonyms)
        total = view.snapshot.search(selection(request, asked, view)).total
        return replace(word, query=query if total else word.query, total=total)

    first, others = words[:MOST_NARROWED], words[MOST_NARROWED:]
    return (*map(counted, first), *(replace(word, total=0) for word in others))


def _groups(request: SearchRequest, planned: Planned) -> list[tuple[str, ...]]:
    """Return the conditions in force, the request's and those typed into the query, as they are dropped."""
    names = [*(("dates",) if request.since or request.until or planned.days else ())]
    names += dict.fromkeys((*request.filters, *planned.filters))
    time = tuple(name for name in TIME if name in names)
    return [*((time,) if time else ()), *((name,) for name in names if name not in TIME)]


def _cut(text: str, dropped: tuple[str, ...]) -> str:
    """Return a query without the conditions of *dropped* that are typed into it."""
    for clause in reversed(parse(text).clauses):
        if _condition(clause) in dropped:
            start, stop = clause.span
            text = f"{text[:start]} {text[stop:]}"
    return squeeze(text)


def _condition(clause: Clause) -> str:
    if isinstance(clause, DateFilter):
        return "dates"
    return clause.field if isinstance(clause, Filter) else ""


def _window(request: SearchRequest, planned: Planned, view: View) -> tuple[int, int]:
    """Return the first and last day that the conditions allow. Where they allow none the first is the later
    one, and each side then reaches beyond the other."""
    first, last = days_of(request, planned) or (1, LAST_DAY)
    found = merged(planned.filters, request.filters, view).get("year", ())
    years = sorted(int(value) for value in found if _YEAR.fullmatch(value))
    if years:
        first = max(first, date(years[0], 1, 1).toordinal())
        last = min(last, date(years[-1], 12, 31).toordinal())
    return first, last


def _periods(window: tuple[int, int], everything: Plan, view: View) -> Iterator[NearPeriod]:
    """Yield the months with articles next before and after *window*, each once."""
    first, last = window
    sides = ((1, first - 1), "-date"), ((last + 1, LAST_DAY), "date")
    known: set[date] = set()
    for days, order in sides:
        if days[0] > days[1]:
            continue
        nearest = replace(everything, days=days, order="date" if order == "date" else "-date", depth=1)
        for candidate in view.snapshot.search(nearest).full:
            stored = view.generation.store.documents((), cards=[candidate.key]).get(candidate.key)
            if stored is None or stored.card.published is None:  # purged just now
                continue
            day = stored.card.published.date()
            since = day.replace(day=1)
            until = day.replace(day=monthrange(day.year, day.month)[1])
            if since not in known:
                known.add(since)
                month = replace(everything, days=(since.toordinal(), until.toordinal()))
                yield NearPeriod(since, until, view.snapshot.search(month).total)
