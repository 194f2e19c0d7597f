"""Why an article is not among the rows of an answer: the engine is asked condition by condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from searchsvc.answer.explain import lacking
from searchsvc.engine import MAX_UNITS, Candidate, Clause, Matches, Plan
from searchsvc.generation.live import View
from searchsvc.language.analysis import Analyzer
from searchsvc.query import syntax as query
from searchsvc.query.filters import days_of, excluded_values, merged
from searchsvc.query.planning import Planned, plan
from searchsvc.results import MAX_DEPTH, Obstacle, SearchRequest
from searchsvc.store.stored import Stored

_FIELDS = {"source": "источник", "category": "раздел", "tag": "метка", "year": "год"}
_FIELDS |= {"person": "человек", "organisation": "организация", "place": "место"}
_PLURALS = {"source": "источник", "category": "разделы", "tag": "метки", "year": "год"}


@dataclass(frozen=True, slots=True)
class Search:
    """A search whose answer lacks an article: what was asked, in which words, how it was planned, what
    was found. Near matches follow where fewer than ``near_below`` articles have all the words."""

    request: SearchRequest
    tree: query.Query
    planned: Planned
    matches: Matches
    near_below: int


def obstacles_to(
    stored: Stored, search: Search, view: View, analyzer: Analyzer
) -> tuple[tuple[str, ...], tuple[Obstacle, ...]]:
    """Return the units that an article lacks, and everything that keeps it from being shown."""
    article = _Article(stored, view)
    planned = search.planned
    filters = merged(planned.filters, search.request.filters, view)
    days = days_of(search.request, planned)
    if not planned.units and not filters and not days:
        return (), (Obstacle("empty", "В запросе нет ни слов, ни условий, по которым можно искать."),)
    near = () if search.matches.total else planned.parts
    units = tuple(unit.clause for unit in (*planned.units, *near))[:MAX_UNITS]
    found = article.found(units=units) if units else None
    missing = lacking(planned, found.units if found else 0)
    obstacles = [Obstacle("words", _lacking(missing, found is None))] if missing else []
    obstacles += article.excluded(search.tree, analyzer)
    obstacles += article.filtered(filters, search)
    if days and not days[0] <= article.day <= days[1]:
        obstacles.append(Obstacle("dates", _not_then(article.day, days)))
    if missing and found is not None and len(obstacles) == 1:
        obstacles.append(Obstacle("enough", _enough(search)))
    if not obstacles:
        text = f"Статья подходит, но стоит дальше первых {MAX_DEPTH} мест: так глубоко поиск не показывает."
        obstacles.append(Obstacle("depth", text))
    return missing, tuple(obstacles)


class _Article:
    """Asks the engine about one article."""

    def __init__(self, stored: Stored, view: View) -> None:
        self._card = stored.card
        self._key = stored.key
        self._view = view
        self.day = view.generation.store.records.day(stored.key)

    def found(self, **conditions: Any) -> Candidate | None:
        """Return the article as a candidate of a search by these conditions, near ones included."""
        everything = max(self._view.snapshot.documents, 1)
        # Of its own day, so that an engine need not look at the whole index.
        near_it = {"days": (self.day, self.day)} if self.day else {}
        matches = self._view.snapshot.search(
            Plan(
                **conditions,
                **near_it,  # type: ignore[arg-type]
                order="date",
                depth=everything,
                near_below=everything + 1,
                near_limit=everything,
            )
        )
        both = (*matches.full, *matches.near)
        return next((candidate for candidate in both if candidate.key == self._key), None)

    def excluded(self, tree: query.Query, analyzer: Analyzer) -> Iterator[Obstacle]:
        """Yield the exclusions of the query that hit the article."""
        for item in tree.clauses:
            if isinstance(item, query.Exclusion):
                alone = plan(query.Query(tree.text, (item,)), analyzer)
                clauses: tuple[Clause, ...] = (*alone.excluded, *excluded_values(alone, self._view))
                if clauses and self.found(excluded=clauses) is None:
                    typed = tree.text[slice(*item.span)]
                    yield Obstacle("excluded", f"Исключена условием «{typed}».")

    def filtered(self, filters: Mapping[str, tuple[str, ...]], search: Search) -> Iterator[Obstacle]:
        """Yield the filters that the article does not pass."""
        for field, values in filters.items():
            if self.found(filters={field: values}) is None:
                asked = (*search.planned.filters.get(field, ()), *search.request.filters.get(field, ()))
                wanted = ", ".join(f"«{value}»" for value in dict.fromkeys(asked))
                own = ", ".join(f"«{value}»" for value in self._values(field))
                yield Obstacle(
                    "filter",
                    f"Не подходит по условию: {_FIELDS[field]} {wanted}. "
                    + (f"У статьи {_PLURALS[field]}: {own}." if own else "У статьи этого нет."),
                )

    def _values(self, field: str) -> tuple[str, ...]:
        card = self._card
        if field == "source":
            return (self._view.source_title(card.source),)
        if field == "year":
            return (str(card.published.year),) if card.published else ()
        return {"category": card.categories, "tag": card.tags}.get(field, ())  # names are not kept


def _lacking(missing: tuple[str, ...], everything: bool) -> str:
    names = ", ".join(missing)
    if everything and len(missing) > 1:
        return f"В статье нет ни одного слова запроса: {names}."
    return f"В статье нет: {names}."


def _enough(search: Search) -> str:
    if search.matches.total >= search.near_below:
        return (
            f"Статей, где есть всё, набралось {search.matches.total}; похожие, где есть не всё, "
            f"показываются, только если таких статей меньше {search.near_below}."
        )
    return f"Похожих, где есть не всё, больше {search.matches.near_total}; показаны лучшие."


def _not_then(day: int, days: tuple[int, int]) -> str:
    since, until = (date.fromordinal(max(1, min(one, date.max.toordinal()))) for one in days)
    if since > until:
        return "Условия о датах противоречат друг другу: таких дней нет."
    asked = f"с {since:%d.%m.%Y}" if days[0] > 1 else ""
    if days[1] < date.max.toordinal():
        asked = f"{asked} по {until:%d.%m.%Y}".strip()
    when = f"опубликована {date.fromordinal(day):%d.%m.%Y}" if day else "без даты"
    return f"Не подходит по дате: статья {when}, а искали {asked}."
