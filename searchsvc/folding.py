"""Folding: of articles that are one text a result list shows one, the others unfold under it.

The first ``FOLDED`` ranks are folded, whatever page is asked for, so that a row is on one page only
and pages can be counted. Counts of articles and facets know nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) == len(head):
        return unfolded(found)
    members = _members(head, group, np.flatnonzero(sizes[group] > 1), store)
    rows = []
    for place, (candidate, number, size) in enumerate(
        zip(head, group.tolist(), sizes[group].tolist(), strict=True)
    ):
        if size == 1:
            rows.append(Row(candidate, candidate))
        elif number in members:  # else its row was made at a better rank
            mine = members.pop(number)
            shown = place if by_date else _shown(mine, full)
            others = tuple(head[member.place].key for member in mine if member.place != shown)
            rows.append(Row(candidate, head[shown], others))
    return (*rows, *unfolded(found[FOLDED:]))


class _Member(NamedTuple):
    """One of several of a group, in the order in which it may be shown."""

    day: int
    shortness: int
    key: int
    place: int


def _members(head: Sequence[Candidate], group: Ints, places: Ints, store: Store) -> dict[int, list[_Member]]:
    """Return the members of each group at *places*, the earliest first."""
    keys = [head[place].key for place in places.tolist()]
    days, lengths = store.records.measures(keys)
    days = np.where(days > 0, days, _UNDATED)
    found: dict[int, list[_Member]] = {}
    for number, member in zip(
        group[places].tolist(),
        map(_Member, days.tolist(), (-lengths).tolist(), keys, places.tolist()),
        strict=True,
    ):
        found.setdefault(number, []).append(member)
    for mine in found.values():
        mine.sort()
    return found


def _shown(members: Sequence[_Member], full: int) -> int:
    """Return the place of the one that is shown; places under *full* match in full."""
    able = [member for member in members if member.place < full] or members
    longest = min(able, key=lambda member: member.shortness)
    return (longest if longest.shortness <= COMPLETE * able[0].shortness else able[0]).place
