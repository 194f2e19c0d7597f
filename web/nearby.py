"""Other conditions for a search that found nothing under its own: as links of a page and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from searchsvc.answer.nearby import TIME
from searchsvc.results import Nearby, ResultPage, SearchRequest
from web.links import asking, without


@dataclass(frozen=True, slots=True)
class Way:
    """A search that has hits, and how many articles match it in full."""

    label: str
    asked: SearchRequest
    total: int


@dataclass(frozen=True, slots=True)
class Ways:
    """What a page offers: the nearest ``months`` and ``always``, and the search without other conditions."""

    months: tuple[Way, ...] = ()
    always: Way | None = None
    wider: tuple[Way, ...] = ()


def ways(asked: SearchRequest, page: ResultPage, labels: Mapping[str, str]) -> Ways:
    """Return what a page offers where conditions leave nothing; *labels* says what each asks for."""
    near = page.nearby
    if near is None:
        return Ways()
    undated = replace(without(asked, *TIME), text=near.text)
    months = tuple(
        Way("", replace(undated, since=one.since, until=one.until), one.total) for one in near.periods
    )
    timeless = next((one for one in near.wider if set(one.dropped) <= set(TIME)), None)
    always = Way("", undated, timeless.total) if timeless else None
    wider = tuple(
        Way(
            labels[one.dropped[0]] if len(one.dropped) == 1 else "",
            asking(without(asked, *one.dropped), one.text),
            one.total,
        )
        for one in near.wider
        if one is not timeless
    )
    return Ways(months, always, wider)


def nearby_json(near: Nearby) -> dict[str, Any]:
    """Return what to ask instead: the nearest months with other dates dropped, and searches ``without`` some
    conditions; ``q`` is the query without those that are typed into it."""
    return {
        "periods": [
            {"q": near.text, "from": one.since.isoformat(), "to": one.until.isoformat(), "total": one.total}
            for one in near.periods
        ],
        "wider": [{"q": one.text, "without": list(one.dropped), "total": one.total} for one in near.wider],
    }
