"""Addresses of searches, written: their canonical parameters, and what leads from one search to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote_plus

from searchsvc.query import filters as conditions
from searchsvc.results import FACETS, Correct, PeriodOffer, SearchRequest, Sort
from web.forms import FILTERS, ApiRequest

Pairs = tuple[tuple[str, str], ...]


def page_pairs(request: SearchRequest) -> Pairs:
    """Return the canonical parameters of a search: stable order, nothing empty, no defaults."""
    pairs = [("q", request.text)] if request.text else []
    pairs += [("from", request.since.isoformat())] if request.since else []
    pairs += [("to", request.until.isoformat())] if request.until else []
    pairs += [(name, value) for name in FILTERS for value in sorted(request.filters.get(name, ()))]
    pairs += [("sort", request.sort)] if request.sort != "relevance" else []
    pairs += [("correct", request.correct)] if request.correct != "auto" else []
    pairs += [("page", str(request.page))] if request.page > 1 else []
    return tuple(pairs)


def api_pairs(asked: ApiRequest) -> Pairs:
    """Return the canonical parameters of a search of the API."""
    request = asked.search
    pairs = list(page_pairs(request))
    pairs += [("per_page", str(request.per_page))] if request.per_page != 10 else []
    pairs += [("facets", ",".join(request.facets))] if request.facets != FACETS else []
    pairs += [("highlight", "false")] if not request.highlight else []
    pairs += [("fold", "false")] if not request.fold else []
    pairs += [("fields", ",".join(asked.fields))] if asked.fields else []
    pairs += [("explain", "true")] if request.explain else []
    return tuple(pairs)


def written(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return *path* with *pairs* as its query."""
    tail = "&".join(f"{name}={_quoted(value)}" for name, value in pairs)
    return f"{path}?{tail}" if tail else path


@lru_cache(1024)
def _quoted(value: str) -> str:
    """Quote as Werkzeug does; a page writes the same few values dozens of times."""
    return quote_plus(value, safe="!$'()*,/:;?@")


def toggled(request: SearchRequest, name: str, value: str) -> SearchRequest:
    """Return the search with a filter's *value* taken out if it was in, put in if it was not."""
    values = set(request.filters.get(name, ())) ^ {value}
    filters = {**request.filters, name: tuple(sorted(values))}
    return replace(request, page=1, filters={key: kept for key, kept in filters.items() if kept})


def without(request: SearchRequest, *names: str) -> SearchRequest:
    """Return the first page of the search without the filters of *names* ("dates" for both dates)."""
    return replace(conditions.without(request, names), page=1)


def new_search(text: str = "", **filters: str) -> SearchRequest:
    """Return a first page of a search for *text*, with at most one value of each filter."""
    return SearchRequest(text=text, filters={name: (value,) for name, value in filters.items()})


def asking(request: SearchRequest, text: str, correct: Correct = "auto") -> SearchRequest:
    """Return the search with other words under the same filters."""
    return replace(request, page=1, text=text, correct=correct)


def within(request: SearchRequest, period: PeriodOffer) -> SearchRequest:
    """Return the search for the rest of its words in the days that it names."""
    return replace(request, page=1, text=period.text, since=period.since, until=period.until)


def sorted_by(request: SearchRequest, sort: Sort) -> SearchRequest:
    """Return the search in another order, on the same page."""
    return replace(request, sort=sort)


def on_page(request: SearchRequest, page: int) -> SearchRequest:
    """Return the same search on another page."""
    return replace(request, page=page)
