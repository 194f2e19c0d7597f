"""Postings in memory: taken article by article, given back term by term."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from searchsvc.engines.whoosh import blocks
from searchsvc.engines.whoosh.values import Ints, Values, pickled_positions

_TERM_BYTES = 150
"""What a term takes in memory, about."""

_AT_ONCE = 500_000
"""Postings made into bytes at once."""


@dataclass(frozen=True, slots=True)
class PostingList:
    """A posting list, as ``blocks.make`` wants it."""

    term: bytes
    ids: npt.NDArray[np.integer[Any]]
    weights: blocks.Floats | None
    values: Values | None


class _Terms(dict[str, int]):
    """Numbers of terms in the order they come."""

    def __missing__(self, term: str) -> int:
        term.encode()  # a term that cannot be written is refused before anything is taken of it
        number = self[term] = len(self)
        return number


class Gathered:
    """Postings of one field in arrays, article after article."""

    def __init__(self) -> None:
        self._terms = _Terms()
        self._numbers = array("I")
        self._postings = array("I")  # of each article
        self._weights = array("f")
        self._times = array("I")  # positions of each posting
        self._positions = array("I")

    def add(
        self, terms: Sequence[str], weights: Iterable[float] = (), positions: Sequence[Sequence[int]] = ()
    ) -> int:
        """Take an article's terms; return how many positions they have."""
        before = len(self._positions)
        self._numbers.extend(map(self._terms.__getitem__, terms))
        self._postings.append(len(terms))
        self._weights.extend(weights)
        self._times.extend(map(len, positions))
        self._positions.extend(chain.from_iterable(positions))
        return len(self._positions) - before

    def size(self) -> int:
        """Return about how many bytes it takes."""
        arrays = (self._numbers, self._weights, self._times, self._positions)
        return sum(len(some) * some.itemsize for some in arrays) + _TERM_BYTES * len(self._terms)

    def lists(self) -> Iterator[PostingList]:
        """Yield posting lists in the order of their terms."""
        terms = sorted(self._terms)
        ranks = np.empty(len(terms), np.int64)
        ranks[[self._terms[term] for term in terms]] = np.arange(len(terms))
        keys = ranks[np.frombuffer(self._numbers, np.uint32)]
        ends = np.cumsum(np.bincount(keys, minlength=len(terms)))
        keys = keys << 32 | np.arange(len(keys))
        keys.sort()  # plain numbers: many times faster than argsort
        places = keys & 0xFFFFFFFF
        postings = np.frombuffer(self._postings, np.uint32)
        owners = np.repeat(np.arange(len(postings), dtype=np.int32), postings)
        times = np.frombuffer(self._times, np.uint32)
        begins = np.cumsum(times, dtype=np.int64) - times
        first = 0
        while first < len(terms):
            start = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, start + _AT_ONCE)))
            some = places[start : ends[last - 1]]
            weights = np.frombuffer(self._weights, np.float32)[some] if self._weights else None
            values = self._values(times[some].astype(np.int64), begins[some]) if self._times else None
            yield from _cut(terms[first:last], ends[first:last] - start, owners[some], weights, values)
            first = last

    def _values(self, times: Ints, begins: Ints) -> Values:
        """Return the values of postings, whose positions begin at *begins*."""
        shifts = np.repeat(begins - (np.cumsum(times) - times), times)
        positions = np.frombuffer(self._positions, np.uint32)[shifts + np.arange(len(shifts))]
        return pickled_positions(times, positions.astype(np.int64))


def _cut(
    terms: Sequence[str],
    ends: Ints,
    ids: npt.NDArray[np.int32],
    weights: blocks.Floats | None,
    values: Values | None,
) -> Iterator[PostingList]:
    """Yield the list of each of *terms*; they stand one after another, up to *ends*."""
    start = 0
    for term, end in zip(terms, ends.tolist(), strict=True):
        light = None if weights is None else weights[start:end]
        own = values and Values(values.region, values.bounds[start : end + 1])
        yield PostingList(term.encode(), ids[start:end], light, own)
        start = end
