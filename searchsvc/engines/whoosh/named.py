"""Facets of many values: numbers that all segments share, counted by whole arrays. No Whoosh here."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]

_SPARSE = 8
"""So many times fewer documents than there are is when gathering their values pays more than marking all."""


class Vocabulary:
    """Numbers of values, the same in every segment; grows only, shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._values: list[str] = []

    def numbered(self, values: Iterable[str]) -> Ids:
        """Return the number of each of *values*."""
        with self._lock:
            for value in (some := list(values)):
                if value not in self._numbers:
                    self._numbers[value] = len(self._values)
                    self._values.append(value)
            return np.array([self._numbers[value] for value in some], np.int32)

    def most_frequent(self, counts: Counts, limit: int, also: Sequence[str] = ()) -> dict[str, int]:
        """Return the values of the greatest counts, of equals the first ones, and those of *also* that are
        there."""
        found: dict[str, int] = {}
        if limit > 0 and len(counts):
            least = np.partition(counts, -limit)[-limit] if limit < len(counts) else 1
            chosen = np.flatnonzero(counts >= max(int(least), 1)).tolist()
            first = sorted((-int(counts[number]), self._values[number]) for number in chosen)[:limit]
            found = {value: -count for count, value in first}
        for value in also:
            number = self._numbers.get(value, len(counts))
            if number < len(counts) and counts[number]:
                found[value] = int(counts[number])
        return found


@dataclass(frozen=True, slots=True)
class Named:
    """Values of a segment's documents: those of document n are ``numbers[starts[n] : starts[n + 1]]``;
    ``owners`` has the document of each."""

    starts: npt.NDArray[np.int64]
    owners: Ids
    numbers: Ids

    @classmethod
    def of(cls, numbers: Ids, lists: Sequence[Ids], size: int) -> Named:
        """Make one from the documents of each value."""
        lengths = [len(ids) for ids in lists]
        documents = np.concatenate([np.empty(0, np.int32), *lists])
        order = np.argsort(documents, kind="stable")
        starts = np.zeros(size + 1, np.int64)
        np.cumsum(np.bincount(documents, minlength=size), out=starts[1:])
        return cls(starts, documents[order], np.repeat(numbers, lengths)[order])

    def counts(self, ids: Ids) -> Counts:
        """Count the values of documents, by their numbers."""
        if _SPARSE * len(ids) < len(self.starts):
            begins = self.starts[ids]
            times = self.starts[ids + 1] - begins
            shifts = np.repeat(begins - (np.cumsum(times) - times), times)
            some = self.numbers[shifts + np.arange(len(shifts))]
        else:
            mask = np.zeros(len(self.starts) - 1, np.bool_)
            mask[ids] = True
            some = self.numbers[mask[self.owners]]
        return np.bincount(some)
