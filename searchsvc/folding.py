"""Folding: of articles that are one text a result list shows one, the others unfold under it.

The first ``FOLDED`` ranks are folded, whatever page is asked for, so that a row is on one page only
and pages can be counted. Counts of articles and facets know nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from searchsvc.engine import Candidate
from searchsvc.store import Store

FOLDED = 200
"""Ranks that are folded: those that the second stage orders. Beyond, each row is an article."""

COMPLETE = 1.2
"""The longest of a group is shown where it has so many times the words of the earliest: less is
a caption or a line about the source."""

_UNDATED = np.iinfo(np.int64).max

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of results at the rank of ``best``: the article ``shown``, and the keys of its reprints
    that matched too, the earliest first."""

    best: Candidate
    shown: Candidate
    others: tuple[int, ...] = ()


def unfolded(found: Sequence[Candidate]) -> tuple[Row, ...]:
    """Return a row for each candidate."""
    return tuple(Row(candidate, candidate) for candidate in found)


def folded(found: Sequence[Candidate], full: int, store: Store, *, by_date: bool) -> tuple[Row, ...]:
    """Return the rows of candidates in their order, of which the first *full* are full matches.

    A group stands once, at the rank of its best member; a near match folds into a full one. Shown is
    the most complete if it is ``COMPLETE`` times as long as the earliest, else the earliest; of those of a
    day the longer, then the one with the lesser key; a full match before a near one. In an order *by_date*
    the first is shown: another's date would stand where it does not belong.
    """
    head = found[:FOLDED]
    groups = store.reprints.of([candidate.key for candidate in head])
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    if len(first) == len(head):
        return unfolded(found)
    rows = []
    for place in np.sort(first).tolist():
        members = np.flatnonzero(group == group[place]).tolist()
        if len(members) == 1:
            rows.append(Row(head[place], head[place]))
            continue
        order = _earliest_first([head[member].key for member in members], store)
        ranked = [members[number] for number in order.places]
        shown = place if by_date else _shown(ranked, order.lengths, full)
        rows.append(
            Row(head[place], head[shown], tuple(head[other].key for other in ranked if other != shown))
        )
    return (*rows, *unfolded(found[FOLDED:]))


@dataclass(frozen=True, slots=True)
class _Order:
    """Places of documents from the earliest to the latest, and their lengths in that order."""

    places: list[int]
    lengths: list[int]


def _earliest_first(keys: Sequence[int], store: Store) -> _Order:
    days, lengths = store.records.measures(keys)
    order = np.lexsort((np.asarray(keys), -lengths, np.where(days > 0, days, _UNDATED))).tolist()
    return _Order(order, lengths[order].tolist())


def _shown(ranked: Sequence[int], lengths: Sequence[int], full: int) -> int:
    """Return which of the places *ranked*, the earliest first, is shown; those under *full* match in full."""
    sized = [(size, place) for size, place in zip(lengths, ranked, strict=True) if place < full]
    sized = sized or list(zip(lengths, ranked, strict=True))
    longest = max(sized, key=lambda one: one[0])
    return longest[1] if longest[0] >= COMPLETE * sized[0][0] else sized[0][1]
