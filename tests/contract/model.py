"""The contract of ``searchsvc.engine`` in sets, counters and sorting: slow, short, easy to believe.

Written from the docstrings of the protocol, not from an engine. Whatever an engine answers
is compared with what this answers; ``cases.json`` keeps this honest in its turn.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from searchsvc.engine import (
    BM25_B,
    BM25_K1,
    FORMS,
    NAMES,
    TEXT,
    TITLE,
    AnyOf,
    Candidate,
    Clause,
    Either,
    Entry,
    Matches,
    Plan,
    Sequence,
)

TOLERANCE = 1e-4
"""Engines may keep weights in four bytes."""

EXACT_SCORES = True
"""Whether scores are compared with the model's; the suite of an engine says it (``Bed.exact_scores``)."""

SETTLED = 200
"""So many of the best have their ties in order in every engine: those that ranking scores anew."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A matching article. Two with the same ``evidence`` have the same score to the last bit, in
    every engine, so that only their ids can order them."""

    article_id: str
    key: int
    score: float
    units: int
    stamp: int | None
    evidence: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a search should answer; ``full`` and ``near`` hold every match, in order, not cut."""

    total: int
    full: tuple[Ranked, ...]
    near: tuple[Ranked, ...]
    unit_counts: tuple[int, ...]
    word_counts: tuple[int, ...]
    documents: int
    average_length: float
    facets: Mapping[str, Mapping[str, int]]


class Model:
    """Articles by id, searched one by one."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = {entry.article_id: entry for entry in entries}

    def copy(self) -> Model:
        """Return a model of the same articles, to be changed apart."""
        return Model(self.entries.values())

    def replace(self, entry: Entry) -> None:
        """Add an article, or put it in the place of the one with its id."""
        self.entries[entry.article_id] = entry

    def delete(self, article_id: str) -> None:
        """Remove an article if it is there."""
        self.entries.pop(article_id, None)

    def frequency(self, terms: tuple[str, ...], field: str = TEXT) -> int:
        """Return how many articles have any of *terms*."""
        return self._count(AnyOf(terms, field))

    def search(self, plan: Plan) -> Expected:
        """Answer *plan* by looking at every article."""
        entries = self.entries.values()
        average = sum(entry.length for entry in entries) / (len(entries) or 1)
        counts = tuple(self._count(unit) for unit in plan.units)
        facets = {name: Counter[str]() for name in plan.facets}
        full: list[Ranked] = []
        near: list[Ranked] = []
        for entry in entries:
            weights = [weight(unit, entry) for unit in plan.units]
            if not self._allowed(plan, entry):
                continue
            whole = None not in weights
            refused = {name for name, some in plan.filters.items() if not set(some) & values(entry, name)}
            for name, buckets in facets.items():
                if whole and not refused - {name}:
                    buckets.update(values(entry, name))
            if refused or not (whole or any(found is not None for found in weights)):
                continue
            score = sum(
                bm25(found, count, len(entries), entry.length / (average or 1.0))
                for found, count in zip(weights, counts, strict=True)
                if found is not None
            )
            bits = sum(1 << number for number, found in enumerate(weights) if found is not None)
            evidence = (*weights, entry.length)
            ranked = Ranked(entry.article_id, entry.key, score, bits, entry.stamp, evidence)
            (full if whole else near).append(ranked)
        return Expected(
            total=len(full),
            full=in_order(full, plan.order),
            near=in_order(near, "relevance") if len(full) < plan.near_below else (),
            unit_counts=counts,
            word_counts=tuple(self._count(word) for word in plan.words),
            documents=len(entries),
            average_length=average,
            facets={
                name: most_frequent(counts, plan.facet_limit, plan.filters.get(name, ()))
                if name in NAMES
                else counts
                for name, counts in facets.items()
            },
        )

    def _count(self, clause: Clause) -> int:
        return sum(weight(clause, entry) is not None for entry in self.entries.values())

    def _allowed(self, plan: Plan, entry: Entry) -> bool:
        if any(weight(clause, entry) is not None for clause in plan.excluded):
            return False
        if plan.days is None:
            return True
        return entry.day is not None and plan.days[0] <= entry.day <= plan.days[1]


def weight(clause: Clause, entry: Entry) -> float | None:
    """Return what *clause* weighs in *entry*, or None where it does not match.

    A term weighs what the entry says (``TEXT``), the number of its positions (``TITLE``) or one
    (``FORMS``); a phrase, how often it occurs; of several, the greatest counts.
    """
    if isinstance(clause, Either):
        found = [weight(option, entry) for option in clause.options]
    elif isinstance(clause, AnyOf):
        found = [_term_weight(term, clause.field, entry) for term in clause.terms]
    else:
        found = [_times(clause, entry)]
    return max((one for one in found if one is not None), default=None)


def _term_weight(term: str, field: str, entry: Entry) -> float | None:
    if field == TEXT:
        return entry.text[term][0] if term in entry.text else None
    if field == TITLE:
        return float(len(entry.title[term])) if term in entry.title else None
    if field in NAMES:
        return 1.0 if term in values(entry, field) else None
    assert field == FORMS
    return 1.0 if term in entry.forms else None


def _times(phrase: Sequence, entry: Entry) -> float | None:
    seats = {term: positions for term, (_, positions) in entry.text.items()}
    if phrase.field == TITLE:
        seats = dict(entry.title)
    starts = [
        {position - offset for term in terms for position in seats.get(term, ())}
        for offset, terms in phrase.steps
    ]
    common = set.intersection(*starts) if starts else set()
    return float(len(common)) or None


def bm25(weight: float, count: int, documents: int, relative_length: float) -> float:
    """Return the score of one unit: BM25 with Lucene's idf, as bm25s and Tantivy have it."""
    idf = math.log(1 + (documents - count + 0.5) / (count + 0.5))
    norm = BM25_K1 * (1 - BM25_B + BM25_B * relative_length)
    return idf * weight * (BM25_K1 + 1) / (weight + norm)


def values(entry: Entry, name: str) -> set[str]:
    """Return the values of a filter or facet field; an empty one is none."""
    found = {
        "source": (entry.source,),
        "category": entry.categories,
        "tag": entry.tags,
        "year": () if entry.year is None else (str(entry.year),),
        "person": entry.people,
        "organisation": entry.organisations,
        "place": entry.places,
    }[name]
    return set(found) - {""}


def most_frequent(counts: Mapping[str, int], limit: int, also: Iterable[str]) -> dict[str, int]:
    """Return the values of the greatest counts, of equals the first by code point, and those of *also*."""
    first = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[: max(limit, 0)]
    return dict(first) | {value: counts[value] for value in also if value in counts}


def in_order(found: Iterable[Ranked], order: str) -> tuple[Ranked, ...]:
    """Sort by *order*; the undated come last, ties go by article id."""
    if order == "relevance":
        return tuple(sorted(found, key=lambda one: (-one.score, one.article_id)))
    sign = 1 if order == "date" else -1
    return tuple(sorted(found, key=lambda one: (one.stamp is None, sign * (one.stamp or 0), one.article_id)))


def assert_agrees(found: Matches, expected: Expected, plan: Plan) -> None:
    """Compare an engine's answer with the model's: scores within ``TOLERANCE``, all else exactly.

    Of an engine whose scores are its own it is asked that they order its answer, and ties go by id.
    """
    near_total = min(len(expected.near), plan.near_limit)
    assert (found.total, found.near_total) == (expected.total, near_total), plan
    assert tuple(found.unit_counts) == expected.unit_counts, plan
    assert tuple(found.word_counts) == expected.word_counts, plan
    assert found.documents == expected.documents, plan
    if expected.documents:  # the average of nothing is anything
        assert _close(found.average_length, expected.average_length), plan
    assert {name: dict(counts) for name, counts in found.facets.items()} == expected.facets, plan
    _assert_same_rows(found.full, expected.full[: plan.depth], expected.full, plan, plan.order)
    _assert_same_rows(found.near, expected.near[: plan.near_limit], expected.near, plan, "relevance")


def _assert_same_rows(
    rows: tuple[Candidate, ...],
    wanted: tuple[Ranked, ...],
    matching: tuple[Ranked, ...],
    plan: Plan,
    order: str,
) -> None:
    by_key = {one.key: one for one in matching}
    keys = [row.key for row in rows]
    assert set(keys) <= set(by_key), plan
    known = [by_key[key] for key in keys]
    if order == "relevance" and not EXACT_SCORES:
        assert len(set(keys)) == len(keys) == len(wanted), plan
        assert all(upper.score >= lower.score for upper, lower in itertools.pairwise(rows)), plan
        for first, second in itertools.pairwise(range(min(len(rows), SETTLED))):
            if rows[first].score == rows[second].score:
                assert known[first].article_id < known[second].article_id, plan
    elif order == "relevance":
        # Articles whose scores differ by less than an engine can tell may change places.
        assert len(set(keys)) == len(keys) == len(wanted), plan
        assert all(_close(one.score, two.score) for one, two in zip(known, wanted, strict=True)), plan
        for upper, lower in itertools.pairwise(known):
            if upper.evidence == lower.evidence:
                assert upper.article_id < lower.article_id, plan
    else:
        assert keys == [one.key for one in wanted], plan
    for row, one in zip(rows, known, strict=True):
        assert row.units == one.units, plan
        assert not EXACT_SCORES or _close(row.score, one.score), plan


def _close(one: float, two: float) -> bool:
    return math.isclose(one, two, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
