"""Signatures of all documents of a generation, and who shares terms with whom: files beside its store.

    neighbours/slots           by key: the document's telling terms with their weights
    neighbours/places          by key: its day, and the scores from which another may belong into its list
    neighbours/KEY-KEY.postings   the heaviest terms of these keys inverted: who has a term with what weight

Only the writer of the generation opens them. Slots beyond the last inverted key are few and are inverted
in memory. Slots that nobody points at any more (of a change that never came) are overwritten by the
next document of that key; those of deleted documents are wiped, here and in the postings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from searchsvc.errors import IndexDamagedError
from searchsvc.store.mapped import Column, mapped

TERMS = 128
"""Lemmas in a signature, 1 KB: most articles have fewer. Of 40, 80, 128 and all, the more the better
(docs/quality.md, "Similar articles")."""

SLOT = np.dtype([("term", "<u4", (TERMS,)), ("weight", "<f4", (TERMS,))])
"""A signature: up to ``TERMS`` terms, the heaviest first, the rest of the places with weight 0."""

INVERTED = 40
"""The heaviest terms of a signature are in the postings: they say who is worth a closer look. What all
would cost grows with the square of an archive: at 10,000 articles four times as much, at 100,000 twenty."""

PLACE = np.dtype([("day", "<i4"), ("reach", "<f4"), ("floor", "<f4")])

SEGMENT = 131_072
"""Documents inverted together: sorting them takes some 150 MB."""

TAIL = 4_096
"""Documents left to be inverted in memory, some 10 ms; more are written as a further segment."""

WIDTH = 16
"""Sums of a segment come in a multiple of so many."""

_LOW = 0xFFFF  # terms are hashes: their low bits are as good as others

_FOLDER = "neighbours"
_WHAT = "файлы похожих записей"
_HEAD = np.dtype("<u8")

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Signatures:
    """The signatures of the generation in *folder*, for its one writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _FOLDER
        self._slots = Column(self._folder / "slots", SLOT, _WHAT)
        self._places = Column(self._folder / "places", PLACE, _WHAT)
        self._sealed: list[_Postings] | None = None
        self._tail: _Postings | None = None
        self._seats = np.zeros(_LOW + 1, np.int64)  # all 0 between two uses

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make the files, empty."""
        (folder / _FOLDER).mkdir()
        for name in ("slots", "places"):
            (folder / _FOLDER / name).touch()

    def close(self) -> None:
        """Let go of the files."""
        self._slots.close()
        self._places.close()

    def put(self, first: int, slots: Array, days: Ints) -> None:
        """Keep signatures and days (0: none) of the documents with keys from *first* on."""
        places = np.zeros(len(slots), PLACE)
        places["day"] = days
        self._slots.write(first, slots)
        self._places.write(first, places)

    def slots(self, keys: Ints) -> Array:
        """Return the signatures of *keys*; one that is not there is empty."""
        return self._slots.at(keys)

    def places(self, keys: Ints) -> Array:
        """Return days, reaches and floors of *keys*, zeros for one that is not there."""
        return self._places.at(keys)

    def put_bounds(self, key: int, *, reach: float | None = None, floor: float | None = None) -> None:
        """Keep from which rough score another document is looked at for the list of *key* (reach), and
        from which score it belongs there (floor); None leaves one as it is."""
        place = self._places.at(np.array([key]))
        if reach is not None:
            place["reach"] = reach
        if floor is not None:
            place["floor"] = floor
        self._places.write(key, place)

    @property
    def sealed(self) -> int:
        """The last key whose signature is in postings on the disk, 0 where there is none."""
        postings = self._postings()
        return postings[-1].last if postings else 0

    def seal(self, last: int, dead: Ints) -> None:
        """Write postings of the keys after ``sealed`` to *last*, without *dead* ones."""
        for first in range(self.sealed + 1, last + 1, SEGMENT):
            stop = min(first + SEGMENT, last + 1)
            self._inverted(first, stop, dead).write(self._folder)
        self._sealed = None

    def unseal(self) -> None:
        """Delete all postings, to be called before other signatures are written: wiping goes by these."""
        self._sealed = self._tail = None
        for path in self._folder.glob("*.postings"):
            path.unlink()

    def invert_tail(self, last: int, dead: Ints) -> None:
        """Make the keys after ``sealed`` to *last*, without *dead* ones, known to ``cosines``."""
        self._tail = self._inverted(self.sealed + 1, last + 1, dead)

    def rough_cosines(self, slot: Array) -> Iterator[tuple[int, Floats]]:
        """Yield, segment by segment, its first key and rough cosines of its documents with *slot*: by the
        heaviest terms of both, never above the cosine.

        There are more cosines than documents, a multiple of ``WIDTH``: the rest are 0.
        """
        used = slot["weight"][:INVERTED] > 0
        terms, weights = slot["term"][:INVERTED][used], slot["weight"][:INVERTED][used]
        for postings in (*self._postings(), *([self._tail] if self._tail else [])):
            yield postings.first, postings.cosines(terms, weights)

    def shares(self, slot: Array, keys: Ints) -> tuple[Array, Floats]:
        """Return the terms of *keys* and what each adds to the cosine with *slot*: a row a key, a column a
        term of its signature, 0 for one that *slot* lacks. A row's sum is the cosine."""
        used = slot["weight"] > 0
        terms, weights = slot["term"][used], slot["weight"][used].astype(np.float64)
        if not len(terms):
            terms, weights = np.zeros(1, np.uint32), np.zeros(1)
        theirs = self.slots(keys)
        self._seats[terms & _LOW] = np.arange(len(terms))  # quicker than a binary search for each of theirs
        place = self._seats[theirs["term"] & _LOW]
        shares = np.where(terms[place] == theirs["term"], weights[place] * theirs["weight"], 0.0)
        for number in np.flatnonzero(terms[self._seats[terms & _LOW]] != terms):  # another took its seat
            shares += (theirs["term"] == terms[number]) * weights[number] * theirs["weight"]
        self._seats[terms & _LOW] = 0
        return theirs["term"], shares

    def wipe(self, keys: Ints) -> None:
        """Overwrite all there is of *keys*."""
        for key in keys.tolist():
            slot = self.slots(np.array([key]))[0]
            for postings in self._postings():
                if postings.first <= key <= postings.last:
                    terms = slot["term"][:INVERTED]
                    postings.wipe(self._folder, key, terms[slot["weight"][:INVERTED] > 0])
            if slot["weight"].any():
                self._slots.write(key, np.zeros(1, SLOT))
                self._places.write(key, np.zeros(1, PLACE))

    def _inverted(self, first: int, stop: int, dead: Ints) -> _Postings:
        slots = self.slots(np.arange(first, stop))
        mine = dead[(dead >= first) & (dead < stop)]
        slots["weight"][mine - first] = 0
        return _Postings.of(first, slots)

    def _postings(self) -> list[_Postings]:
        if self._sealed is None:
            try:
                found = [_Postings.open(path) for path in sorted(self._folder.glob("*.postings"))]
            except (OSError, ValueError, IndexError) as error:
                raise IndexDamagedError(self._folder.parent, f"{_WHAT} не читаются ({error})") from error
            last = max((postings.last for postings in found), default=0)
            for column in (self._slots, self._places):
                column.require(last)
            self._sealed = found
        return self._sealed


@dataclass(frozen=True, slots=True)
class _Postings:
    """The heaviest terms of the documents *first* to *last*, by term. ``owners`` count from *first*."""

    first: int
    last: int
    terms: Array
    bounds: Array
    owners: Array
    weights: Array

    @classmethod
    def of(cls, first: int, slots: Array) -> _Postings:
        terms, weights = slots["term"][:, :INVERTED], slots["weight"][:, :INVERTED]
        used = weights > 0
        flat = terms[used]
        order = np.argsort(flat, kind="stable")
        names, starts = np.unique(flat[order], return_index=True)
        return cls(
            first,
            first + len(slots) - 1,
            names,
            np.append(starts, len(flat)).astype("<u4"),
            np.nonzero(used)[0][order].astype("<u4"),
            weights[used][order],
        )

    @classmethod
    def open(cls, path: Path) -> _Postings:
        data = mapped(path, np.dtype("u1"))
        head = data[: 2 * _HEAD.itemsize].view(_HEAD)
        terms, entries = int(head[0]), int(head[1])
        sizes = (2 * _HEAD.itemsize, 4 * terms, 4 * terms + 4, 4 * entries, 4 * entries)
        ends = np.cumsum(sizes)
        if len(data) != ends[-1]:
            raise ValueError(f"{path.name}: {len(data)} != {ends[-1]}")
        parts = [data[start:stop] for start, stop in pairwise(ends)]
        first, last = path.stem.split("-")
        names, bounds, owners = (part.view("<u4") for part in parts[:3])
        return cls(int(first), int(last), names, bounds, owners, parts[3].view("<f4"))

    def write(self, folder: Path) -> None:
        new = self._path(folder).with_suffix(".new")
        with new.open("wb") as file:
            file.write(np.array([len(self.terms), len(self.owners)], _HEAD).tobytes())
            for part in (self.terms, self.bounds, self.owners, self.weights):
                file.write(part.tobytes())
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path(folder))

    def cosines(self, terms: Array, weights: Array) -> Floats:
        """Return the rough cosine of each document, and zeros up to a multiple of ``WIDTH``."""
        size = -(-(self.last + 1 - self.first) // WIDTH) * WIDTH
        at = np.searchsorted(self.terms, terms)
        known = (
            np.flatnonzero(self.terms[np.minimum(at, len(self.terms) - 1)] == terms)
            if len(self.terms)
            else at[:0]
        )
        starts, stops = self.bounds[at[known]].tolist(), self.bounds[at[known] + 1].tolist()
        if not starts:
            return np.zeros(size)
        spans = [slice(start, stop) for start, stop in zip(starts, stops, strict=True)]
        products = np.concatenate([self.weights[span] for span in spans])
        products *= np.repeat(weights[known], np.subtract(stops, starts))
        owners = np.concatenate([self.owners[span] for span in spans])
        return np.bincount(owners, products, size).astype(np.float64, copy=False)

    def wipe(self, folder: Path, key: int, terms: Array) -> None:
        """Overwrite the entries of a document that has *terms*, and terms that nobody has any more."""
        at = np.searchsorted(self.terms, terms)
        names = 2 * _HEAD.itemsize
        base = names + 4 * len(self.terms) + 4 * len(self.bounds)
        with self._path(folder).open("r+b") as file:
            for number in at[at < len(self.terms)].tolist():
                start, stop = self.bounds[number : number + 2].tolist()
                mine = self.owners[start:stop] == key - self.first
                for row in (start + np.flatnonzero(mine)).tolist():
                    for offset in (4 * row, 4 * (len(self.owners) + row)):
                        file.seek(base + offset)
                        file.write(bytes(4))
                if not (self.weights[start:stop][~mine] > 0).any():
                    self._forget(file, names, number)

    def _forget(self, file: BinaryIO, names: int, number: int) -> None:
        """Write the term before it over a term, so that they still rise, and over its former stand-ins."""
        former = self.terms[number - 1].tobytes() if number else bytes(4)
        same = int(np.searchsorted(self.terms, self.terms[number], side="right"))
        file.seek(names + 4 * number)
        file.write(former * (same - number))
        file.flush()  # the next look at the terms, which are mapped, is to see it

    def _path(self, folder: Path) -> Path:
        return folder / f"{self.first:010}-{self.last:010}.postings"
