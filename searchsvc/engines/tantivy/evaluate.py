"""Answering a plan: Tantivy finds, counts and orders; ties are settled here.

The order by relevance is that of Tantivy's own score: it knows lengths by one byte and weights in
whole steps, which is enough to choose what the second stage of ranking scores anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby, pairwise, repeat
from operator import neg
from typing import Any

import tantivy
from tantivy import FieldType, Occur, Query

from searchsvc.engine import NAMES, Candidate, Matches, Plan, Some
from searchsvc.engines.tantivy.named import FACET_VALUES, NameCounts
from searchsvc.engines.tantivy.read import Hits, Reader, combined

BLOCK = 200
PAGED = 1_000
STEP = 500
"""The best are fetched in blocks that end at these, and at every ``STEP`` more: what is fetched depends on
that alone, so that a longer page begins with the shorter one."""

INT64 = 2**63 - 1
SCORE_BITS = 24
"""A score of four bytes adds up so many powers of two without loss."""

Row = tuple[float, int, int]
"""What orders a match, the beginning of its id, its key."""


def evaluate(plan: Plan, reader: Reader, names: NameCounts) -> Matches:
    """Answer *plan*; ties in score or date are broken by article id."""
    return _Evaluation(plan, reader, names).matches()


def some(plan: Plan, reader: Reader) -> Some:
    """Return articles that match *plan* in full, those that have its words most often."""
    total, hits = reader.hits(_full(plan, reader), plan.depth)
    keys = reader.column("key", [address for _, address in hits]) if hits else []
    return Some(tuple(keys), total <= len(keys))


def answers(plan: Plan, reader: Reader) -> bool:
    """Say whether any article matches *plan* in full; nothing is scored or counted."""
    return bool(reader.hits(Query.const_score_query(_full(plan, reader), 0.0), 1, count=False)[1])


def _full(plan: Plan, reader: Reader) -> Query:
    """Return the query for full matches, with scores that compare with nothing outside."""
    silent = [reader.values(name, allowed) for name, allowed in plan.filters.items()]
    if plan.days is not None:
        silent.append(_days(plan.days, reader))
    if not plan.units:
        silent.append(reader.everything)
    units = [reader.query(unit) for unit in plan.units]
    return combined(units, silent, [reader.query(clause) for clause in plan.excluded])


class _Evaluation:
    def __init__(self, plan: Plan, reader: Reader, names: NameCounts) -> None:
        self._plan = plan
        self._reader = reader
        self._names = names
        # One unit alone needs no idf to be ordered by, so that its articles need not be counted before.
        self._counts = tuple(map(reader.count, plan.units)) if len(plan.units) > 1 else ()
        idfs = map(reader.idf, self._counts) if self._counts else repeat(None)
        self._units = [reader.query(unit, idf) for unit, idf in zip(plan.units, idfs, strict=False)]
        self._excluded = [reader.query(clause) for clause in plan.excluded]
        self._filters = {name: reader.values(name, allowed) for name, allowed in plan.filters.items()}
        self._days: list[Query] = [] if plan.days is None else [_days(plan.days, reader)]

    def matches(self) -> Matches:
        """Return the answer."""
        plan, reader = self._plan, self._reader
        total, full = self._full_matches()
        near_total = 0
        near: tuple[Candidate, ...] = ()
        if total < plan.near_below and plan.near_limit > 0 and len(plan.units) > 1:
            near_total, near = self._near_matches()
        if len(plan.units) == 1:
            if not (self._excluded or self._filters or self._days):
                reader.learn(plan.units[0], total)
            self._counts = (reader.count(plan.units[0]),)
        return Matches(
            total=total,
            full=full,
            near_total=near_total,
            near=near,
            unit_counts=self._counts,
            word_counts=tuple(map(reader.count, plan.words)),
            documents=reader.documents,
            average_length=reader.average,
            facets=self._facets(total),
        )

    def _full_matches(self) -> tuple[int, tuple[Candidate, ...]]:
        """Return how many articles match in full, and the first of them."""
        plan = self._plan
        query = self._full(self._filters.values())
        if plan.depth <= 0:
            return self._reader.count_query(query), ()
        every_unit = repeat((1 << len(plan.units)) - 1)
        if plan.order == "relevance" and plan.units:
            total, rows = self._by_score(query, plan.depth)
            return total, _candidates(rows, every_unit)
        if plan.order == "relevance":
            total, rows = self._by_column(query, "rank", plan.depth, falling=False)
        else:
            total, rows = self._by_column(query, "stamp", plan.depth, falling=plan.order == "-date")
        return total, _candidates([(-0.0, rank, key) for _, rank, key in rows], every_unit)

    def _near_matches(self) -> tuple[int, tuple[Candidate, ...]]:
        """Return how many articles have some of the units, within the limit, and the best of them."""
        limit = self._plan.near_limit
        either = Query.boolean_query([(Occur.Should, unit) for unit in self._units])
        excluded = [*self._excluded, combined(self._units)]
        query = combined([either], [*self._filters.values(), *self._days], excluded)
        total, rows = self._by_score(query, limit)
        bits = self._bits([key for _, _, key in rows])
        return min(total, limit), _candidates(rows, (bits[key] for _, _, key in rows))

    def _bits(self, keys: list[int]) -> dict[int, int]:
        """Return which units some articles have: a score that adds up a power of two for each tells."""
        reader = self._reader
        found = dict.fromkeys(keys, 0)
        if not keys:
            return found
        these = Query.boolean_query([(Occur.Should, reader.article(key)) for key in keys])
        for first in range(0, len(self._units), SCORE_BITS):
            some = self._units[first : first + SCORE_BITS]
            powers = [Query.const_score_query(unit, float(1 << bit)) for bit, unit in enumerate(some)]
            hits = reader.hits(combined((), [these], should=powers), len(keys))[1]
            scored = reader.column("key", [address for _, address in hits])
            for key, (score, _) in zip(scored, hits, strict=True):
                found[key] |= int(score) << first
        return found

    def _full(self, filters: Iterable[Query]) -> Query:
        silent = [*filters, *self._days, *([] if self._units else [self._reader.everything])]
        return combined(self._units, silent, self._excluded)

    def _facets(self, total: int) -> dict[str, dict[str, int]]:
        """Count facets, each without its own filter; those without a filter in one go."""
        plain = [name for name in self._plan.facets if name not in NAMES]
        free = [name for name in plain if name not in self._filters]
        groups = [free] if free else []
        groups += [[name] for name in plain if name in self._filters]
        found = {name: self._named(name, total) for name in self._plan.facets if name in NAMES}
        for names in groups:
            filters = [query for name, query in self._filters.items() if name not in names]
            wanted = {name: {"terms": {"field": name, "size": FACET_VALUES}} for name in names}
            counted: Any = self._reader.searcher.aggregate(self._full(filters), wanted)
            for name in names:
                found[name] = {row["key"]: int(row["doc_count"]) for row in counted[name]["buckets"]}
        return found

    def _named(self, name: str, total: int) -> dict[str, int]:
        query = self._full([query for other, query in self._filters.items() if other != name])
        if name in self._filters:
            total = self._reader.count_query(query)
        plan = self._plan
        return self._names.most_frequent(name, query, total, plan.facet_limit, plan.filters.get(name, ()))

    # --- order -----------------------------------------------------------------------------

    def _by_score(self, query: Query, depth: int) -> tuple[int, list[Row]]:
        """Return how many match *query*, and the first *depth* by score; ties within a block go by id."""
        ends = [0, BLOCK]
        while ends[-1] < depth:
            ends.append(PAGED if ends[-1] == BLOCK else ends[-1] + STEP)
        total, hits = self._reader.hits(query, ends[-1])
        rows: list[Row] = []
        for first, end in pairwise(ends):
            block = hits[first:end]
            rows += self._settled(block, [-score for score, _ in block])
        return total, rows[:depth]

    def _by_column(self, query: Query, field: str, depth: int, *, falling: bool) -> tuple[int, list[Row]]:
        """Return how many match *query*, and the first *depth* by *field*; those without it are last."""
        order = tantivy.Order.Desc if falling else tantivy.Order.Asc
        limit = depth + 1
        while True:  # until all are there that share the last one's value
            total, hits = self._reader.hits(query, limit, order_by_field=field, order=order)
            if len(hits) < limit or hits[depth - 1][0] != hits[-1][0]:
                break
            limit *= 4
        sign = -1 if falling else 1
        return total, self._settled(hits, [INT64 if at is None else sign * at for at, _ in hits])[:depth]

    def _settled(self, hits: Hits, values: list[float]) -> list[Row]:
        """Return *hits* in the order of their *values*, ties by article id."""
        reader = self._reader
        addresses = [address for _, address in hits]
        ranks, keys = reader.column("rank", addresses), reader.column("key", addresses)
        rows = sorted(zip(values, ranks, keys, strict=True))
        if len(set(ranks)) < len(ranks):  # some ids begin alike
            places = dict(zip(keys, addresses, strict=True))
            rows = [
                row
                for _, alike in groupby(rows, key=lambda row: row[:2])
                for row in sorted(alike, key=lambda row: reader.article_id(places[row[2]]))
            ]
        return rows


def _days(days: tuple[int, int], reader: Reader) -> Query:
    first, last = max(days[0], -INT64), min(days[1], INT64)
    if first > last:
        return Query.empty_query()
    return Query.range_query(reader.schema, "day", FieldType.Integer, first, last)


def _candidates(rows: list[Row], units: Iterable[int]) -> tuple[Candidate, ...]:
    """Return candidates with the score that *rows* are ordered by; their own constructor takes three
    times as long."""
    if not rows:
        return ()
    values, _, keys = zip(*rows, strict=True)
    return tuple(map(tuple.__new__, repeat(Candidate), zip(keys, map(neg, values), units, strict=False)))
