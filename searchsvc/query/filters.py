"""Filters and facets: what a request narrows an answer by, and what is counted of it.

Values come as readers type them and as the index spells them; here the one becomes the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from searchsvc.engine import NAMES, AnyOf, Matches, Plan
from searchsvc.generation.live import View
from searchsvc.language.text import fold
from searchsvc.naming.names import KINDS, NameRules
from searchsvc.naming.words import Kind
from searchsvc.query.planning import Planned
from searchsvc.results import ALL_FACETS, FACETS, Bucket, Facet, SearchRequest
from searchsvc.store.document import tag_term


def selection(request: SearchRequest, planned: Planned, view: View) -> Plan:
    """Return the plan of what matches in full, of which nothing but the number is wanted."""
    return Plan(
        units=tuple(unit.clause for unit in planned.units),
        excluded=(*planned.excluded, *excluded_values(planned, view)),
        filters=merged(planned.filters, request.filters, view),
        days=days_of(request, planned),
        depth=0,
        near_below=0,
    )


def without(request: SearchRequest, names: Collection[str]) -> SearchRequest:
    """Return the search without the filters of *names* ("dates" for both dates)."""
    filters = {name: values for name, values in request.filters.items() if name not in names}
    if "dates" in names:
        request = replace(request, since=None, until=None)
    return replace(request, filters=filters)


def days_of(request: SearchRequest, planned: Planned) -> tuple[int, int] | None:
    """Return the days that the request and the query both allow."""
    asked = planned.days or (None, None)
    starts = [
        day for day in (request.since.toordinal() if request.since else None, asked[0]) if day is not None
    ]
    ends = [
        day for day in (request.until.toordinal() if request.until else None, asked[1]) if day is not None
    ]
    if not starts and not ends:
        return None
    return max(starts, default=1), min(ends, default=date.max.toordinal())


def excluded_values(planned: Planned, view: View) -> list[AnyOf]:
    """Return what the query excludes by field, as the engine is asked."""
    return [AnyOf(_resolved(item.field, (item.value,), view), item.field) for item in planned.excluded_values]


def merged(
    typed: Mapping[str, tuple[str, ...]], asked: Mapping[str, tuple[str, ...]], view: View
) -> dict[str, tuple[str, ...]]:
    """Return filters by field with values as the index spells them.

    A field filtered by both the query and the request must satisfy both.
    """
    merged: dict[str, tuple[str, ...]] = {}
    for field in (*typed, *(name for name in asked if name not in typed)):
        sides = [_resolved(field, side[field], view) for side in (typed, asked) if side.get(field)]
        if len(sides) == 1:
            merged[field] = sides[0]
        elif sides:
            both = tuple(value for value in sides[0] if value in sides[1])
            merged[field] = both or ("",)
    return merged


def _resolved(field: str, values: Sequence[str], view: View) -> tuple[str, ...]:
    if field == "tag":
        return tuple(tag_term(value) for value in values)
    if field == "year" or field in NAMES:  # of names ``with_names`` has made what the index spells
        return tuple(values)
    spelled: dict[str, list[str]] = {}
    known = view.values(field)
    for value in known:
        spelled.setdefault(fold(value), []).append(value)
        if field == "source":
            spelled.setdefault(fold(view.source_title(value)), []).append(value)
    return tuple(
        name
        for value in values
        for name in ([value] if value in known else spelled.get(fold(value), [value]))
    )


def countable(request: SearchRequest, *, names: bool) -> tuple[str, ...]:
    """Return the facets asked for that can be counted; *names* too, if they are wanted and there."""
    known = ALL_FACETS if names else FACETS
    return tuple(name for name in request.facets if name in known)


def with_names(
    request: SearchRequest, view: View, rules: NameRules
) -> tuple[SearchRequest, Mapping[tuple[str, str], str]]:
    """Return *request* with names as the index spells them, and what was typed by field and name."""
    typed: dict[tuple[str, str], str] = {}
    filters = dict(request.filters)
    for field in KINDS:
        for value in filters.get(field, ()):
            for name in _spelled(field, value, view, rules):
                typed[field, name] = value
        if field in filters:
            filters[field] = tuple(name for kind, name in typed if kind == field)
    return replace(request, filters=filters), typed


def _spelled(field: Kind, value: str, view: View, rules: NameRules) -> tuple[str, ...]:
    """Return a name that somebody typed as the index spells it, else as it would: as it stands, in the
    nominative, and either in other letters, capital or small («мгу»)."""
    normal = rules.typed(field, value)
    for name in (value, normal):
        if view.snapshot.frequency((name,), field=field):
            return (name,)
    return view.alike(field, normal) or view.alike(field, value) or (normal,)


def as_typed(facets: Sequence[Facet], typed: Mapping[tuple[str, str], str]) -> tuple[Facet, ...]:
    """Return *facets* with names under the value that the request has, so that a page can take it out."""
    return tuple(
        replace(
            facet,
            buckets=tuple(
                replace(bucket, value=typed.get((facet.field, bucket.value), bucket.value))
                for bucket in facet.buckets
            ),
        )
        for facet in facets
    )


def facets_of(matches: Matches, request: SearchRequest, view: View) -> tuple[Facet, ...]:
    """Return the facets asked for: years from the last, else most articles first; what is selected is
    there even if nothing has it."""
    found = []
    for field in request.facets:
        counts = matches.facets.get(field, {})
        selected = set(request.filters.get(field, ()))
        values = {**dict.fromkeys(selected, 0), **counts}
        if field == "year":
            order = sorted(values, reverse=True)
        else:
            order = sorted(values, key=lambda value: (-values[value], value))
        found.append(
            Facet(
                field,
                tuple(
                    Bucket(
                        value,
                        view.source_title(value) if field == "source" else value,
                        values[value],
                        value in selected,
                    )
                    for value in order
                ),
            )
        )
    return tuple(found)
