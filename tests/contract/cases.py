"""A short notation for entries, clauses and plans, and the cases of ``cases.json`` written in it.

Text: a term a position, several at one position joined by "/", "_" for a position left empty.
Clause: "term"; {"any": [terms]}; {"phrase": [[terms] or null for a gap]}; {"either": [clauses]};
with "in" for another field than the text.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from searchsvc.engine import FORMS, NAMES, TEXT, TITLE, AnyOf, Clause, Either, Entry, Plan, Sequence

FIELDS = {"text": TEXT, "title": TITLE, "forms": FORMS, **{name: name for name in NAMES}}


def entry(
    article_id: str,
    text: str | Mapping[str, tuple[float, tuple[int, ...]]] = "",
    *,
    key: int | None = None,
    title: str = "",
    forms: Iterable[str] | None = None,
    weights: Mapping[str, float] | None = None,
    source: str = "ug.ru",
    categories: Iterable[str] = (),
    tags: Iterable[str] = (),
    date: str | None = None,
    length: int | None = None,
    names: Mapping[str, Iterable[str]] | None = None,
) -> Entry:
    """Return an entry; a term weighs the number of its positions unless *weights* says otherwise,
    its forms are its terms unless given, *date* is an ISO moment in UTC."""
    weights = weights or {}
    postings = (
        {term: (weights.get(term, float(len(at))), at) for term, at in _positions(text).items()}
        if isinstance(text, str)
        else dict(text)
    )
    moment = datetime.fromisoformat(date).replace(tzinfo=UTC) if date else None
    return Entry(
        article_id=article_id,
        key=zlib.crc32(article_id.encode()) >> 1 if key is None else key,
        text=postings,
        title=_positions(title),
        forms=frozenset(postings) if forms is None else frozenset(forms),
        source=source,
        categories=tuple(categories),
        tags=tuple(tags),
        day=moment.toordinal() if moment else None,
        year=moment.year if moment else None,
        stamp=int(moment.timestamp()) if moment else None,
        length=sum(len(at) for _, at in postings.values()) if length is None else length,
        **{name: tuple(some) for name, some in (names or {}).items()},
    )


def _positions(text: str) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for position, terms in enumerate(text.split()):
        for term in terms.split("/") if terms != "_" else ():
            found.setdefault(term, []).append(position)
    return {term: tuple(at) for term, at in found.items()}


def clause(written: Any) -> Clause:
    """Read a clause."""
    if isinstance(written, str):
        return AnyOf((written,))
    field = FIELDS[written.get("in", "text")]
    if "any" in written:
        return AnyOf(tuple(written["any"]), field)
    if "phrase" in written:
        steps = enumerate(written["phrase"])
        return Sequence(tuple((offset, tuple(terms)) for offset, terms in steps if terms is not None), field)
    return Either(tuple(clause(option) for option in written["either"]))


def plan(**written: Any) -> Plan:
    """Read a plan; ``days`` are ISO dates."""
    for name in ("units", "words", "excluded"):
        written[name] = tuple(clause(one) for one in written.get(name, ()))
    written["filters"] = {name: tuple(allowed) for name, allowed in written.get("filters", {}).items()}
    written["facets"] = tuple(written.get("facets", ()))
    if "days" in written:
        first, last = (datetime.fromisoformat(day).toordinal() for day in written["days"])
        written["days"] = (first, last)
    return Plan(**written)


@dataclass(frozen=True, slots=True)
class Case:
    """A search of a small collection and what it must answer; ``expect`` may name any of total,
    full and near (ids in order), near_total, unit_counts, word_counts, facets, units (bits by id)."""

    name: str
    entries: tuple[Entry, ...]
    plan: Plan
    expect: Mapping[str, Any]


def load_cases() -> list[Case]:
    """Read ``cases.json``: collections by name, and cases that search one of them."""
    read = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))
    collections = {
        name: tuple(
            entry(row.pop("id"), row.pop("text", ""), key=number, **row) for number, row in enumerate(rows, 1)
        )
        for name, rows in read["collections"].items()
    }
    return [
        Case(case["name"], collections[case["in"]], plan(**case["plan"]), case["expect"])
        for case in read["cases"]
    ]
