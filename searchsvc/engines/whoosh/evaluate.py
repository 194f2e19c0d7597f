"""Evaluating a plan over arrays: match set, BM25, filters, facets, date order. No Whoosh here.

Everything is done segment by segment with whole arrays; only document frequencies, the
average length and the last sorting look across segments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from searchsvc.engine import BM25_B, BM25_K1, AnyOf, Candidate, Clause, Matches, Plan
from searchsvc.engine import Sequence as Phrase

POSITION_BITS = 31
"""Far more than a text has positions, so that a phrase that begins before one article's first
position never meets the last of the article before it."""

Ids = npt.NDArray[np.int32]
Postings = tuple[Ids, npt.NDArray[np.float32]]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of each document of a segment, by document number. ``days`` are below 1
    where none is known. ``facets`` maps a field to its values and two parallel arrays: document,
    number of the value."""

    ids: npt.NDArray[np.bytes_]
    keys: npt.NDArray[np.int32]
    days: npt.NDArray[np.int32]
    stamps: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.float64]
    facets: Mapping[str, tuple[tuple[str, ...], npt.NDArray[np.int32], npt.NDArray[np.int32]]]


class SegmentArrays(Protocol):
    """A segment as arrays; postings include deleted documents, ``alive`` tells."""

    facts: Facts
    alive: Mask

    def postings(self, field: str, term: str) -> Postings:
        """Return document numbers in rising order and weights."""
        ...

    def positions(self, field: str, term: str) -> npt.NDArray[np.int64]:
        """Return ``document << POSITION_BITS | position``, rising."""
        ...


@dataclass(slots=True)
class _Found:
    """A segment's part of the answer."""

    segment: SegmentArrays
    units: list[Postings]
    full: Mask
    near: Mask
    bits: npt.NDArray[np.uint64]
    scores: npt.NDArray[np.float64]


def evaluate(plan: Plan, segments: Sequence[SegmentArrays]) -> Matches:
    """Answer *plan*; ties in score or date are broken by article id."""
    documents = sum(int(segment.alive.sum()) for segment in segments)
    words = sum(float(segment.facts.lengths[segment.alive].sum()) for segment in segments)
    average = words / documents if documents else 1.0
    units = [[_alive(segment, _match(clause, segment)) for clause in plan.units] for segment in segments]
    counts = tuple(sum(len(found[number][0]) for found in units) for number in range(len(plan.units)))
    facets: dict[str, Counter[str]] = {field: Counter() for field in plan.facets}
    parts = []
    for segment, found in zip(segments, units, strict=True):
        part = _part(plan, segment, found)
        _count_facets(plan, part, facets)
        _score(part, counts, documents, average or 1.0)
        parts.append(part)
    total = sum(int(part.full.sum()) for part in parts)
    near_total = sum(int(part.near.sum()) for part in parts) if total < plan.near_below else 0
    return Matches(
        total=total,
        full=_best([(part, part.full) for part in parts], plan.order, plan.depth),
        near_total=min(near_total, plan.near_limit),
        near=_best([(part, part.near) for part in parts], "relevance", plan.near_limit) if near_total else (),
        unit_counts=counts,
        word_counts=tuple(_count(clause, segments) for clause in plan.words),
        documents=documents,
        average_length=average,
        facets=facets,
    )


def count(terms: Sequence[str], field: str, segments: Sequence[SegmentArrays]) -> int:
    """Return how many living documents have any of *terms*."""
    return _count(AnyOf(tuple(terms), field), segments)


def _count(clause: Clause, segments: Sequence[SegmentArrays]) -> int:
    return sum(len(_alive(segment, _match(clause, segment))[0]) for segment in segments)


# --- matching -----------------------------------------------------------------------------


def _match(clause: Clause, segment: SegmentArrays) -> Postings:
    if isinstance(clause, AnyOf):
        return _union([segment.postings(clause.field, term) for term in clause.terms])
    if isinstance(clause, Phrase):
        return _phrase(clause, segment)
    return _union([_match(option, segment) for option in clause.options])


def _union(lists: Sequence[Postings]) -> Postings:
    """Join posting lists; where a document stands in several, its greatest weight counts."""
    lists = [found for found in lists if len(found[0])]
    if len(lists) == 1:
        return lists[0]
    if not lists:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    ids = np.concatenate([found[0] for found in lists])
    weights = np.concatenate([found[1] for found in lists])
    order = np.argsort(ids, kind="stable")
    ids, weights = ids[order], weights[order]
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    return ids[starts], np.maximum.reduceat(weights, starts)


def _phrase(clause: Phrase, segment: SegmentArrays) -> Postings:
    """Find starts from which every step stands in its place; the weight is their number."""
    if not clause.steps or not all(terms for _, terms in clause.steps):
        return np.empty(0, np.int32), np.empty(0, np.float32)
    first = min(offset for offset, _ in clause.steps)
    steps = []
    for offset, terms in clause.steps:
        keys = [segment.positions(clause.field, term) for term in terms]
        steps.append((np.unique(np.concatenate(keys)) if len(keys) > 1 else keys[0]) - (offset - first))
    steps.sort(key=len)
    starts = reduce(lambda left, right: np.intersect1d(left, right, assume_unique=True), steps)
    ids, times = np.unique(starts >> POSITION_BITS, return_counts=True)
    return ids.astype(np.int32), times.astype(np.float32)


def _alive(segment: SegmentArrays, found: Postings) -> Postings:
    keep = segment.alive[found[0]]
    return (found[0], found[1]) if keep.all() else (found[0][keep], found[1][keep])


def _part(plan: Plan, segment: SegmentArrays, units: list[Postings]) -> _Found:
    size = len(segment.alive)
    bits = np.zeros(size, np.uint64)
    for number, (ids, _) in enumerate(units):
        bits[ids] |= np.uint64(1 << number)
    allowed = segment.alive.copy()
    for clause in plan.excluded:
        allowed[_match(clause, segment)[0]] = False
    if plan.days is not None:
        days = segment.facts.days
        allowed &= (days >= max(plan.days[0], 1)) & (days <= plan.days[1])
    matched = allowed & (bits == np.uint64((1 << len(units)) - 1))
    touched = allowed & (bits != 0)
    return _Found(segment, units, matched, touched & ~matched, bits, np.zeros(size))


def _filter(segment: SegmentArrays, field: str, values: Sequence[str]) -> Mask:
    mask = np.zeros(len(segment.alive), np.bool_)
    for value in values:
        mask[segment.postings(field, value)[0]] = True
    return mask


def _count_facets(plan: Plan, part: _Found, facets: Mapping[str, Counter[str]]) -> None:
    """Count facets, each without its own filter, then narrow the match set by the filters."""
    segment = part.segment
    masks = {field: _filter(segment, field, values) for field, values in plan.filters.items()}
    for field, counts in facets.items():
        others = [mask for name, mask in masks.items() if name != field]
        mask = reduce(np.logical_and, others, part.full)
        values, documents, numbers = segment.facts.facets[field]
        totals = np.bincount(numbers[mask[documents]], minlength=len(values))
        counts.update({value: int(total) for value, total in zip(values, totals, strict=True) if total})
    for mask in masks.values():
        part.full &= mask
        part.near &= mask


# --- order --------------------------------------------------------------------------------


def _score(part: _Found, counts: Sequence[int], documents: int, average: float) -> None:
    norm = BM25_K1 * (1 - BM25_B + BM25_B * part.segment.facts.lengths / average)
    for (ids, weights), frequency in zip(part.units, counts, strict=True):
        idf = np.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
        part.scores[ids] += idf * weights * (BM25_K1 + 1) / (weights + norm[ids])


def _best(parts: Sequence[tuple[_Found, Mask]], order: str, limit: int) -> tuple[Candidate, ...]:
    """Return the first *limit* documents of the masks in *order*."""
    ranks: list[npt.NDArray[Any]] = []
    rows: list[tuple[npt.NDArray[Any], ...]] = []
    for part, mask in parts:
        numbers = np.flatnonzero(mask)
        facts = part.segment.facts
        if order == "relevance":
            rank = -part.scores[numbers]
        else:
            stamps = facts.stamps[numbers]
            undated = stamps == np.iinfo(np.int64).min // 2
            rank = np.where(undated, np.iinfo(np.int64).max, stamps if order == "date" else -stamps)
        ranks.append(rank)
        rows.append((facts.ids[numbers], facts.keys[numbers], part.scores[numbers], part.bits[numbers]))
    if not ranks:
        return ()
    rank = np.concatenate(ranks)
    ids, keys, scores, bits = (np.concatenate(column) for column in zip(*rows, strict=True))
    if len(rank) > limit > 0:  # keep every tie at the border, sort only what can be among the first
        border = np.partition(rank, limit - 1)[limit - 1]
        kept = np.flatnonzero(rank <= border)
        rank, ids, keys, scores, bits = rank[kept], ids[kept], keys[kept], scores[kept], bits[kept]
    chosen = np.lexsort((ids, rank))[:limit]
    return tuple(Candidate(int(keys[row]), float(scores[row]), int(bits[row])) for row in chosen)
