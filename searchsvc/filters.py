"""Filters and facets: what a request narrows an answer by, and what is counted of it.

Values come as readers type them and as the index spells them; here the one becomes the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import cast

from searchsvc.document import tag_term
from searchsvc.engine import NAMES, AnyOf, Matches
from searchsvc.live import View
from searchsvc.names import NameRules
from searchsvc.naming.words import Kind
from searchsvc.planning import Planned
from searchsvc.results import Bucket, Facet, SearchRequest
from searchsvc.text import fold


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


def excluded_values(planned: Planned, view: View, names: NameRules) -> list[AnyOf]:
    """Return what the query excludes by field, as the engine is asked."""
    return [
        AnyOf(_resolved(item.field, (item.value,), view, names), item.field)
        for item in planned.excluded_values
    ]


def merged(
    typed: Mapping[str, tuple[str, ...]], asked: Mapping[str, tuple[str, ...]], view: View, names: NameRules
) -> dict[str, tuple[str, ...]]:
    """Return filters by field with values as the index spells them.

    A field filtered by both the query and the request must satisfy both.
    """
    merged: dict[str, tuple[str, ...]] = {}
    for field in (*typed, *(name for name in asked if name not in typed)):
        sides = [_resolved(field, side[field], view, names) for side in (typed, asked) if side.get(field)]
        if len(sides) == 1:
            merged[field] = sides[0]
        elif sides:
            both = tuple(value for value in sides[0] if value in sides[1])
            merged[field] = both or ("",)
    return merged


def _resolved(field: str, values: Sequence[str], view: View, names: NameRules) -> tuple[str, ...]:
    if field in NAMES:
        kind = cast(Kind, field)
        return tuple(
            value if view.snapshot.frequency((value,), field=field) else names.typed(kind, value)
            for value in values
        )
    if field == "tag":
        return tuple(tag_term(value) for value in values)
    if field == "year":
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


def facets_of(matches: Matches, request: SearchRequest, view: View, names: NameRules) -> tuple[Facet, ...]:
    """Return the facets asked for: years from the last, else most articles first; what is selected is
    there even if nothing has it."""
    found = []
    for field in request.facets:
        counts = matches.facets.get(field, {})
        selected = set(request.filters.get(field, ()))
        # A name may be selected in another form than it is counted in: it stays what the reader typed.
        shown = {value: _resolved(field, (value,), view, names)[0] for value in selected if field in NAMES}
        counts = {value: count for value, count in counts.items() if value not in shown.values()} | {
            value: counts.get(name, 0) for value, name in shown.items()
        }
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
                        view.source_title(value) if field == "source" else shown.get(value, value),
                        values[value],
                        value in selected,
                    )
                    for value in order
                ),
            )
        )
    return tuple(found)
