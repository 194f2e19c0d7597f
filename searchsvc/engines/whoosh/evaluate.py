"""Evaluating a plan over arrays: match set, BM25, filters, facets, date order. No Whoosh here.

Everything is done segment by segment with whole arrays; only document frequencies, the
average length and the last sorting look across segments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from searchsvc.engine import BM25_B, BM25_K1, NAMES, AnyOf, Candidate, Clause, Matches, Plan, Some
from searchsvc.engine import Sequence as Phrase
from searchsvc.engines.whoosh.facts import POSITION_BITS, Ids, Mask, Postings, SegmentArrays, mask_of
from searchsvc.engines.whoosh.named import Counts, Vocabulary

_SPARSE = 16
"""So many times longer a list is when looking its parts up pays more than marking all of it."""


@dataclass(slots=True)
class _Found:
    """A segment's part of the answer: the living postings of each unit, who matches in full, and who
    may match at all (None: everybody alive)."""

    segment: SegmentArrays
    units: list[Postings]
    full: Ids
    allowed: Mask | None
    bits: npt.NDArray[np.uint64] | None = None


@dataclass(frozen=True, slots=True)
class _Weighing:
    """BM25 of this search: the average length and each unit's idf."""

    average: float
    idfs: tuple[np.float64, ...]


def evaluate(
    plan: Plan, segments: Sequence[SegmentArrays], vocabularies: Mapping[str, Vocabulary]
) -> Matches:
    """Answer *plan*; ties in score or date are broken by article id. *vocabularies* number names."""
    documents = sum(segment.documents for segment in segments)
    average = sum(segment.words for segment in segments) / documents if documents else 1.0
    facets: dict[str, Counter[str]] = {name: Counter() for name in plan.facets}
    names: dict[str, list[Counts]] = {name: [] for name in plan.facets if name in NAMES}
    parts = [_part(plan, segment, facets, names) for segment in segments]
    counts = tuple(sum(len(part.units[number][0]) for part in parts) for number in range(len(plan.units)))
    idfs = tuple(np.log(1 + (documents - count + 0.5) / (count + 0.5)) for count in counts)
    weighing = _Weighing(average or 1.0, idfs)
    total = sum(len(part.full) for part in parts)
    near = [(part, _near(part)) for part in parts] if total < plan.near_below else []
    near_total = min(sum(len(ids) for _, ids in near), plan.near_limit)
    return Matches(
        total=total,
        full=_best([(part, part.full) for part in parts], weighing, plan.order, plan.depth)
        if plan.depth
        else (),
        near_total=near_total,
        near=_best(near, weighing, "relevance", plan.near_limit) if near_total else (),
        unit_counts=counts,
        word_counts=tuple(_count(clause, segments) for clause in plan.words),
        documents=documents,
        average_length=average,
        facets={
            name: vocabularies[name].most_frequent(
                _added(names[name]), plan.facet_limit, plan.filters.get(name, ())
            )
            if name in names
            else counted
            for name, counted in facets.items()
        },
    )


def some(plan: Plan, segments: Sequence[SegmentArrays]) -> Some:
    """Return the best of the largest segments that together have ``depth`` of them."""
    keys: list[int] = []
    total = 0
    rest = _largest_first(segments)
    plan = replace(plan, facets=(), words=(), near_below=0)
    while rest and total < plan.depth:
        found = evaluate(plan, [rest.pop(0)], {})
        total += found.total
        keys += [candidate.key for candidate in found.full]
    return Some(tuple(keys[: plan.depth]), not rest and total <= plan.depth)


def _largest_first(segments: Sequence[SegmentArrays]) -> list[SegmentArrays]:
    return sorted(segments, key=lambda segment: -len(segment.alive))


def answers(plan: Plan, segments: Sequence[SegmentArrays]) -> bool:
    """Say whether any document matches *plan* in full: segment by segment, the largest first, and no further
    than to the first match."""
    return any(_answers(plan, segment) for segment in _largest_first(segments))


def _answers(plan: Plan, segment: SegmentArrays) -> bool:
    left: Ids | None = None
    for clause in plan.units:
        ids = _living(segment, _match(clause, segment))[0]
        left = ids if left is None else _all_of([left, ids], segment)
        if not len(left):
            return False
    if left is None:
        left = _all_of([], segment)
    allowed = _allowed(plan, segment)
    masks = [_filter(segment, name, values) for name, values in plan.filters.items()]
    return len(_narrowed(left, [mask[left] for mask in (allowed, *masks) if mask is not None])) > 0


def count(terms: Sequence[str], field: str, segments: Sequence[SegmentArrays]) -> int:
    """Return how many living documents have any of *terms*."""
    return _count(AnyOf(tuple(terms), field), segments)


def _count(clause: Clause, segments: Sequence[SegmentArrays]) -> int:
    return sum(len(_living(segment, _match(clause, segment))[0]) for segment in segments)


# --- matching -----------------------------------------------------------------------------


def _match(clause: Clause, segment: SegmentArrays) -> Postings:
    if isinstance(clause, AnyOf):
        if len(clause.terms) == 1:
            return segment.postings(clause.field, clause.terms[0])
        return segment.kept(
            clause,
            lambda: _union([segment.postings(clause.field, term) for term in clause.terms], segment),
        )
    if isinstance(clause, Phrase):
        return segment.kept(clause, lambda: _phrase(clause, segment))
    return _union([_match(option, segment) for option in clause.options], segment)  # too many to be kept


def _union(lists: Sequence[Postings], segment: SegmentArrays) -> Postings:
    """Join posting lists; where a document stands in several, its greatest weight counts."""
    lists = [found for found in lists if len(found[0])]
    if not lists:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    if len(lists) == 1:
        return lists[0]
    greatest = np.full(len(segment.alive), -np.inf, np.float32)
    for ids, weights in lists:
        greatest[ids] = np.maximum(greatest[ids], weights)
    ids = np.flatnonzero(greatest > -np.inf).astype(np.int32)
    return ids, greatest[ids]


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
    starts = reduce(_common_keys, steps)
    ids, times = np.unique(starts >> POSITION_BITS, return_counts=True)
    return ids.astype(np.int32), times.astype(np.float32)


def _common_keys(few: npt.NDArray[np.int64], many: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the keys that stand in both; both rise."""
    if len(many) < _SPARSE * len(few):
        both: npt.NDArray[np.int64] = np.intersect1d(few, many, assume_unique=True)
        return both
    return few[_looked_up(many, few)]


def _living(segment: SegmentArrays, found: Postings) -> Postings:
    if segment.documents == len(segment.alive):
        return found
    keep = segment.alive[found[0]]
    return found[0][keep], found[1][keep]


def _added(counts: Sequence[Counts]) -> Counts:
    """Add up counts; a later segment may know of more values."""
    total = np.zeros(max(map(len, counts), default=0), np.int64)
    for some in counts:
        total[: len(some)] += some
    return total


def _part(
    plan: Plan,
    segment: SegmentArrays,
    facets: Mapping[str, Counter[str]],
    names: Mapping[str, list[Counts]],
) -> _Found:
    """Match the plan in one segment and count facets, each without its own filter."""
    units = [_living(segment, _match(clause, segment)) for clause in plan.units]
    allowed = _allowed(plan, segment)
    matched = _all_of([ids for ids, _ in units], segment)
    if allowed is not None:
        matched = matched[allowed[matched]]
    masks = {name: _filter(segment, name, values) for name, values in plan.filters.items()}
    kept = {name: mask[matched] for name, mask in masks.items()}
    for name, counts in facets.items():
        others = [keep for other, keep in kept.items() if other != name]
        counted = _narrowed(matched, others)
        if name in names:
            names[name].append(segment.named(name).counts(counted))
        else:
            counts.update(segment.facts.facets[name].counts(counted))
    everybody = [mask for mask in (allowed, *masks.values()) if mask is not None]
    return _Found(
        segment,
        units,
        _narrowed(matched, list(kept.values())),
        reduce(np.logical_and, everybody) if everybody else None,
    )


def _allowed(plan: Plan, segment: SegmentArrays) -> Mask | None:
    """Return whom exclusions and dates let through, None if everybody."""
    if not plan.excluded and plan.days is None:
        return None
    allowed = np.ones(len(segment.alive), np.bool_)
    for clause in plan.excluded:
        allowed[_match(clause, segment)[0]] = False
    if plan.days is not None:
        days = segment.facts.days
        allowed &= (days >= max(plan.days[0], 1)) & (days <= plan.days[1])
    return allowed


def _all_of(lists: Sequence[Ids], segment: SegmentArrays) -> Ids:
    """Return who stands in all lists; everybody alive where there are none."""
    if not lists:
        return np.flatnonzero(segment.alive).astype(np.int32)
    few, *rest = sorted(lists, key=len)
    for many in rest:
        if len(many) > _SPARSE * len(few):
            few = few[_looked_up(many, few)]
        else:
            few = few[mask_of(many, len(segment.alive))[few]]
    return few


def _looked_up(many: npt.NDArray[Any], few: npt.NDArray[Any]) -> Mask:
    """Return which of *few* stand in *many*, the longer; both rise."""
    places = np.searchsorted(many, few)
    places[places == len(many)] = 0
    found: Mask = many[places] == few
    return found


def _filter(segment: SegmentArrays, field: str, values: Sequence[str]) -> Mask:
    mask = np.zeros(len(segment.alive), np.bool_)
    for value in values:
        mask[segment.postings(field, value)[0]] = True
    return mask


def _narrowed(ids: Ids, keeps: Sequence[Mask]) -> Ids:
    return ids[reduce(np.logical_and, keeps)] if keeps else ids


def _near(part: _Found) -> Ids:
    """Return who has some units, but not all; note in ``part.bits`` which."""
    bits = np.zeros(len(part.segment.alive), np.uint64)
    for number, (ids, _) in enumerate(part.units):
        bits[ids] |= np.uint64(1 << number)
    part.bits = bits
    some = np.flatnonzero((bits != 0) & (bits != np.uint64((1 << len(part.units)) - 1)))
    return (some if part.allowed is None else some[part.allowed[some]]).astype(np.int32)


# --- order --------------------------------------------------------------------------------


def _scores(part: _Found, ids: Ids, weighing: _Weighing) -> npt.NDArray[np.float64]:
    norm = BM25_K1 * (1 - BM25_B + BM25_B * part.segment.facts.lengths[ids] / weighing.average)
    scores = np.zeros(len(ids))
    for (found, weights), idf in zip(part.units, weighing.idfs, strict=True):
        some = weights if found is ids else _weights_of(ids, found, weights, len(part.segment.alive))
        scores += idf * some * (BM25_K1 + 1) / (some + norm)
    return scores


def _weights_of(ids: Ids, found: Ids, weights: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """Return the weight of each of *ids*, 0 where it is not found."""
    if len(found) > _SPARSE * len(ids):
        places = np.searchsorted(found, ids)
        places[places == len(found)] = 0
        return np.where(found[places] == ids, weights[places], np.float32(0))
    spread = np.zeros(size, np.float32)
    spread[found] = weights
    return spread[ids]


def _best(
    parts: Sequence[tuple[_Found, Ids]], weighing: _Weighing, order: str, limit: int
) -> tuple[Candidate, ...]:
    """Return the first *limit* of the documents of each part in *order*."""
    ranks = [_ranks(part, ids, weighing, order) for part, ids in parts]
    border = _border(np.concatenate(ranks), limit) if ranks else None
    rows: list[tuple[npt.NDArray[Any], ...]] = []
    for (part, ids), rank in zip(parts, ranks, strict=True):
        kept = slice(None) if border is None else np.flatnonzero(rank <= border)
        rows.append((rank[kept], *_row(part, ids[kept], -rank[kept], weighing, order)))
    if not rows:
        return ()
    rank, names, keys, scores, bits = (np.concatenate(column) for column in zip(*rows, strict=True))
    chosen = np.argsort(rank)
    if (rank[chosen[1:]] == rank[chosen[:-1]]).any():
        chosen = np.lexsort((names, rank))
    chosen = chosen[:limit]
    values = (column[chosen].tolist() for column in (keys, scores, bits))
    # A thousand are made a search: their own constructor takes three times as long.
    return tuple(map(tuple.__new__, repeat(Candidate), zip(*values, strict=True)))


def _row(
    part: _Found, ids: Ids, scores: npt.NDArray[Any], weighing: _Weighing, order: str
) -> tuple[npt.NDArray[Any], ...]:
    """Return ids, keys, scores and units of documents; *scores* are right where they give the order."""
    facts = part.segment.facts
    if order != "relevance":
        scores = _scores(part, ids, weighing)
    bits = np.full(len(ids), (1 << len(part.units)) - 1, np.uint64) if part.bits is None else part.bits[ids]
    return facts.ids[ids], facts.keys[ids], scores, bits


def _ranks(part: _Found, ids: Ids, weighing: _Weighing, order: str) -> npt.NDArray[Any]:
    """Return numbers that rise from the best document to the last."""
    if order == "relevance":
        return -_scores(part, ids, weighing)
    stamps = part.segment.facts.stamps[ids]
    undated = stamps == np.iinfo(np.int64).min // 2
    return np.where(undated, np.iinfo(np.int64).max, stamps if order == "date" else -stamps)


def _border(rank: npt.NDArray[Any], limit: int) -> Any:
    """Return a rank that *limit* documents at least and not many more are not beyond, None if all of
    them may stay: every tie at the border does."""
    if not 0 < limit < len(rank):
        return None
    step = len(rank) // (_SPARSE * limit)
    if step > 1:  # a guess from a part, since looking for the border takes longer than all else
        sample = rank[::step]
        guess = np.partition(sample, 2 * limit // step + 8)[2 * limit // step + 8]
        near = rank[rank <= guess]
        if len(near) >= limit:
            rank = near
    return np.partition(rank, limit - 1)[limit - 1]
