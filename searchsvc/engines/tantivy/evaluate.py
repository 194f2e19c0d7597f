"""Answering a plan: Tantivy finds, counts and preselects; the order by score is settled here.

Tantivy's score leaves out that deleted articles count no more, knows lengths by one byte and
weights in whole steps. So it picks ``CANDIDATES`` or what was asked for and a margin,
and those are scored anew from exact weights and lengths. Where no more match, the order is that of
the contract to the last bit; where more match, an article could be missed that Tantivy's score
puts far lower than ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import Any, Literal, TypeGuard

import numpy as np
import numpy.typing as npt
import tantivy
from tantivy import FieldType, Query

from searchsvc.engine import BM25_K1, TEXT, AnyOf, Candidate, Clause, Matches, Plan
from searchsvc.engine import Sequence as Phrase
from searchsvc.engines.tantivy.read import Floats, Hits, Keys, Leaf, Reader, boosted, combined, norm

CANDIDATES = 1000
"""At least so many matches are scored exactly."""

MARGIN = 200
"""And so many more than asked for, so that the last of them are the right ones."""

FACET_VALUES = 65_000
"""Tantivy's limit of buckets."""

INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Rows:
    """Preselected articles; ``weights`` has a row a unit, 0 where an article lacks it."""

    keys: Keys
    addresses: list[tantivy.DocAddress]
    weights: Floats
    scores: Floats

    def bits(self) -> npt.NDArray[np.uint64]:
        """Return which units each has."""
        found = np.zeros(len(self.keys), np.uint64)
        for number, row in enumerate(self.weights):
            found |= (row > 0).astype(np.uint64) << np.uint64(number)
        return found


def evaluate(plan: Plan, reader: Reader) -> Matches:
    """Answer *plan*; ties in score or date are broken by article id."""
    return _Evaluation(plan, reader).matches()


class _Evaluation:
    def __init__(self, plan: Plan, reader: Reader) -> None:
        self._plan = plan
        self._reader = reader
        self._counts = tuple(reader.count(unit) for unit in plan.units)
        documents = reader.documents
        self._idf = [float(np.log(1 + (documents - count + 0.5) / (count + 0.5))) for count in self._counts]
        self._units = [
            boosted(reader.query(unit), idf) for unit, idf in zip(plan.units, self._idf, strict=True)
        ]
        self._excluded = [reader.query(clause) for clause in plan.excluded]
        self._filters = {name: reader.values(name, allowed) for name, allowed in plan.filters.items()}
        self._days: list[Query] = [] if plan.days is None else [self._range(*plan.days)]

    def matches(self) -> Matches:
        """Return the answer."""
        plan, reader = self._plan, self._reader
        query = self._full(self._filters.values())
        total, full = self._found(query, plan.order, plan.depth, full=True)
        near_total = 0
        near: tuple[Candidate, ...] = ()
        if total < plan.near_below and plan.near_limit > 0 and len(plan.units) > 1:
            either = Query.boolean_query([(tantivy.Occur.Should, unit) for unit in self._units])
            excluded = [*self._excluded, combined(self._units, (), ())]
            some = combined([either], [*self._filters.values(), *self._days], excluded)
            near_total, near = self._found(some, "relevance", plan.near_limit, full=False)
        return Matches(
            total=total,
            full=full,
            near_total=min(near_total, plan.near_limit),
            near=near,
            unit_counts=self._counts,
            word_counts=tuple(reader.count(word) for word in plan.words),
            documents=reader.documents,
            average_length=reader.average,
            facets=self._facets(),
        )

    def _full(self, filters: Any) -> Query:
        return combined(
            self._units,
            [*filters, *self._days, *([] if self._units else [self._reader.everything()])],
            self._excluded,
        )

    def _range(self, first: int, last: int) -> Query:
        first, last = max(first, -INT64), min(last, INT64)
        if first > last:
            return Query.empty_query()
        return Query.range_query(self._reader.schema, "day", FieldType.Integer, first, last)

    def _facets(self) -> dict[str, dict[str, int]]:
        """Count facets, each without its own filter; those without a filter in one go."""
        free = [name for name in self._plan.facets if name not in self._filters]
        groups = [free] if free else []
        groups += [[name] for name in self._plan.facets if name in self._filters]
        found: dict[str, dict[str, int]] = {}
        for names in groups:
            filters = [query for name, query in self._filters.items() if name not in names]
            wanted = {name: {"terms": {"field": name, "size": FACET_VALUES}} for name in names}
            counted: Any = self._reader.searcher.aggregate(self._full(filters), wanted)
            for name in names:
                found[name] = {row["key"]: int(row["doc_count"]) for row in counted[name]["buckets"]}
        return found

    # --- order -----------------------------------------------------------------------------

    def _found(
        self, query: Query, order: Literal["relevance", "-date", "date"], depth: int, *, full: bool
    ) -> tuple[int, tuple[Candidate, ...]]:
        """Return how many match *query*, and the first *depth* in *order*."""
        if depth <= 0:
            return self._reader.hits(query, 0)[0], ()
        if order != "relevance":
            total, hits = self._in_order(query, "stamp", depth, falling=order == "-date")
        elif not self._units:
            total, hits = self._in_order(query, "rank", depth, falling=False)
        else:
            total, hits = self._reader.hits(query, max(depth, CANDIDATES) + MARGIN)
        rows = self._rows(query, total, hits, full=full, scored=order == "relevance")
        ranks: npt.NDArray[Any] = -rows.scores
        if order != "relevance":
            last = INT64
            sign = 1 if order == "date" else -1
            ranks = np.array([last if stamp is None else sign * stamp for stamp, _ in hits], np.int64)
        chosen = self._sorted(rows, ranks, depth)
        bits = rows.bits()
        keys, scores, units = (column[chosen].tolist() for column in (rows.keys, rows.scores, bits))
        made = map(tuple.__new__, repeat(Candidate), zip(keys, scores, units, strict=True))
        return total, tuple(made)

    def _in_order(self, query: Query, field: str, depth: int, *, falling: bool) -> tuple[int, Hits]:
        """Return the first by *field*, with all that share the last one's value."""
        order = tantivy.Order.Desc if falling else tantivy.Order.Asc
        limit = depth + 1
        while True:
            total, hits = self._reader.hits(query, limit, order_by_field=field, order=order)
            if len(hits) < limit or hits[depth - 1][0] != hits[-1][0]:
                return total, hits
            limit *= 4

    def _rows(self, query: Query, total: int, hits: Hits, *, full: bool, scored: bool) -> _Rows:
        plan, reader = self._plan, self._reader
        addresses = [address for _, address in hits]
        keys = reader.column("key", addresses)
        unit = plan.units[0] if len(plan.units) == 1 else None
        if unit is not None and scored and _simple(unit):  # the score tells it all
            given = [(score / self._idf[0], address) for score, address in hits]
            weights = reader.corrected(unit, reader.frequencies(unit, given), keys)[None]
        else:
            narrow = total <= len(hits)
            found = [reader.weights(one, keys, query, narrow=narrow) for one in plan.units]
            weights = np.array(found) if found else np.zeros((0, len(keys)))
        scores = np.zeros(len(keys))
        if plan.units:
            lengths = reader.column("length", addresses).astype(np.float64)
            saturation = norm(lengths, reader.average or 1.0)
            for idf, row in zip(self._idf, weights, strict=True):
                scores += idf * row * (BM25_K1 + 1) / (row + saturation)
        return _Rows(keys, addresses, weights, scores)

    def _sorted(self, rows: _Rows, ranks: npt.NDArray[Any], depth: int) -> npt.NDArray[np.intp]:
        """Return the places of the first *depth* by rank, then id."""
        if len(ranks) > depth:
            border = np.partition(ranks, depth - 1)[depth - 1]
            kept = np.flatnonzero(ranks <= border)
        else:
            kept = np.arange(len(ranks))
        order = kept[np.argsort(ranks[kept], kind="stable")]
        same = ranks[order][1:] == ranks[order][:-1]
        if same.any():
            tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
            order[tied] = self._by_id(rows, ranks, order[tied])
        return order[:depth]

    def _by_id(
        self, rows: _Rows, ranks: npt.NDArray[Any], order: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.intp]:
        """Return *order* with ties in *ranks* put into the order of article ids."""
        starts = self._reader.id_ranks([rows.addresses[place] for place in order])
        by_start = np.lexsort((starts, ranks[order]))
        order, starts = order[by_start], starts[by_start]
        ranked = ranks[order]
        same = (ranked[1:] == ranked[:-1]) & (starts[1:] == starts[:-1])
        if not same.any():
            return order
        alike = np.append(same, False) | np.append(False, same)
        groups = np.append(0, np.cumsum(~same)).tolist()
        ids = [
            self._reader.article_id(rows.addresses[place]) if tied else ""
            for place, tied in zip(order, alike, strict=True)
        ]
        return order[sorted(range(len(order)), key=lambda place: (groups[place], ids[place]))]


def _simple(unit: Clause) -> TypeGuard[Leaf]:
    """Tell whether the frequency of *unit* as a whole is all its weight comes from."""
    if isinstance(unit, AnyOf):
        return len(unit.terms) == 1 or unit.field != TEXT
    return isinstance(unit, Phrase)
