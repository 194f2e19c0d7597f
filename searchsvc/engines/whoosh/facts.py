"""What is known of the documents of a segment, as arrays by document number. No Whoosh here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from searchsvc.engine import Clause
from searchsvc.engines.whoosh.named import Named

POSITION_BITS = 31
"""Far more than a text has positions, so that a phrase that begins before one article's first
position never meets the last of the article before it."""

Ids = npt.NDArray[np.int32]
Postings = tuple[Ids, npt.NDArray[np.float32]]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Facet:
    """Values of documents. ``first`` has the number of a document's first value plus one, 0 where it
    has none; what it has beyond the first stands in pairs (document, number of the value)."""

    values: tuple[str, ...]
    first: npt.NDArray[np.int32]
    documents: Ids
    numbers: npt.NDArray[np.int32]

    @classmethod
    def of(cls, postings: Mapping[str, Ids], size: int) -> Facet:
        """Make one from the documents of each value."""
        first = np.zeros(size, np.int32)
        documents, numbers = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
        for number, ids in enumerate(postings.values()):
            free = first[ids] == 0
            first[ids[free]] = number + 1
            more = ids[~free]
            documents.append(more)
            numbers.append(np.full(len(more), number, np.int32))
        return cls(tuple(postings), first, np.concatenate(documents), np.concatenate(numbers))

    def counts(self, ids: Ids) -> dict[str, int]:
        """Count the values of documents."""
        totals = np.bincount(self.first[ids], minlength=len(self.values) + 1)[1:]
        if len(self.documents):
            more = self.numbers[mask_of(ids, len(self.first))[self.documents]]
            totals = totals + np.bincount(more, minlength=len(self.values))
        return {value: total for value, total in zip(self.values, totals.tolist(), strict=True) if total}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of each document of a segment, by document number. ``days`` are below 1
    where none is known."""

    ids: npt.NDArray[np.bytes_]
    keys: npt.NDArray[np.int32]
    days: npt.NDArray[np.int32]
    stamps: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.float64]
    facets: Mapping[str, Facet]


class SegmentArrays(Protocol):
    """A segment as arrays; postings include deleted documents, ``alive`` tells."""

    facts: Facts
    alive: Mask

    @property
    def documents(self) -> int:
        """How many are alive."""
        ...

    @property
    def words(self) -> float:
        """How many tokens they have."""
        ...

    def postings(self, field: str, term: str) -> Postings:
        """Return document numbers in rising order and weights."""
        ...

    def positions(self, field: str, term: str) -> npt.NDArray[np.int64]:
        """Return ``document << POSITION_BITS | position``, rising."""
        ...

    def named(self, field: str) -> Named:
        """Return the names of its documents."""
        ...

    def kept(self, clause: Clause, match: Callable[[], Postings]) -> Postings:
        """Return what *match* found for *clause*, perhaps a former time."""
        ...


def mask_of(ids: Ids, size: int) -> Mask:
    """Return which of *size* documents are among *ids*."""
    mask = np.zeros(size, np.bool_)
    mask[ids] = True
    return mask
