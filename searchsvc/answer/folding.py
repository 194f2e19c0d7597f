"""Folding: of articles that are one text a result list shows one, the others unfold under it.

The whole list is folded at once, whatever page is asked for: a row is on one page only, a group is one
row at whatever depth, and pages can be counted. Groups are known from indexing (``reprints``), so this is
a look into one array. Counts of articles and facets know nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from searchsvc.engine import Candidate
from searchsvc.results import MAX_DEPTH
from searchsvc.store.store import Store

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


def first_of_texts(found: Sequence[Candidate], store: Store) -> list[int]:
    """Return the place of the first candidate of each text, in their order."""
    places: list[int] = np.sort(np.unique(store.reprints.of(_keys(found)), return_index=True)[1]).tolist()
    return places


def texts(found: Sequence[Candidate], store: Store) -> int:
    """Return how many texts candidates have: how many rows they make."""
    return len(np.unique(store.reprints.of(_keys(found))))


class Rows:
    """The rows of candidates in their order, of which the first *full* are full matches.

    With *fold* a group stands once, at the rank of its best member, else each article is a row; there are
    ``MAX_DEPTH`` at most. A near match folds into a full one. Shown is the most complete if it is
    ``COMPLETE`` times as long as the earliest, else the earliest; of those of a day the longer, then the
    one with the lesser key; a full match before a near one. In an order *by_date* the first is shown:
    another's date would stand where it does not belong.
    """

    def __init__(
        self, found: Sequence[Candidate], full: int, store: Store, *, by_date: bool = False, fold: bool = True
    ) -> None:
        self._found = found
        self._full = full
        self._store = store
        self._by_date = by_date
        self._row = np.arange(len(found))  # of each candidate
        self._best = self._row  # each row's first candidate
        if fold and found:
            groups = store.reprints.of(_keys(found))
            _, first, group = np.unique(groups, return_index=True, return_inverse=True)
            if len(first) < len(found):
                self._best = np.sort(first)
                self._row = np.searchsorted(self._best, first[group])

    def __len__(self) -> int:
        return min(len(self._best), MAX_DEPTH)

    @property
    def cut(self) -> bool:
        """Whether there would be more."""
        return len(self._best) > MAX_DEPTH

    def part(self, first: int, count: int) -> tuple[Row, ...]:
        """Return at most *count* rows from place *first* on, counted from 0."""
        return tuple(map(self._made, range(first, min(first + count, len(self)))))

    def place(self, key: int) -> int | None:
        """Return the place of the row that an article is in, None where it is in none."""
        place = self._places.get(key)
        row = None if place is None else int(self._row[place])
        return None if row is None or row >= len(self) else row

    @cached_property
    def _places(self) -> dict[int, int]:
        return {candidate.key: place for place, candidate in enumerate(self._found)}

    def _made(self, number: int) -> Row:
        best = self._found[self._best[number]]
        places = np.flatnonzero(self._row == number)
        if len(places) == 1:
            return Row(best, best)
        members = _members(self._found, places, self._store)
        shown = int(self._best[number]) if self._by_date else _shown(members, self._full)
        return Row(best, self._found[shown], tuple(one.key for one in members if one.place != shown))


def _keys(found: Sequence[Candidate]) -> list[int]:
    return list(map(itemgetter(0), found))


class _Member(NamedTuple):
    """One of several of a group, in the order in which it may be shown."""

    day: int
    shortness: int
    key: int
    place: int


def _members(found: Sequence[Candidate], places: Ints, store: Store) -> list[_Member]:
    """Return the members of a group, which stand at *places*, the earliest first."""
    keys = [found[place].key for place in places]
    days, lengths = store.records.measures(keys)
    days = np.where(days > 0, days, _UNDATED)
    return sorted(map(_Member, days.tolist(), (-lengths).tolist(), keys, places.tolist()))


def _shown(members: Sequence[_Member], full: int) -> int:
    """Return the place of the one that is shown; places under *full* match in full."""
    able = [member for member in members if member.place < full] or members
    longest = min(able, key=lambda member: member.shortness)
    return (longest if longest.shortness <= COMPLETE * able[0].shortness else able[0]).place
