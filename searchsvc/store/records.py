"""Records of all documents of a generation, in mapped files beside its store.

    records.places   by key: where the document's rows stand, its day, length, end of its beginning
    records.lemmas   family and lemma of each row, rising within a document: all that a look-up touches
    records.rows     the rest of each row, in the same order

Only rows of a query's words are ever read: a second stage over 200 articles is one binary search
through all of them at once. How the files are kept is ``searchsvc.store.rowfiles``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from searchsvc.store.document import BEGINNING, KIN_BITS, PARTS, RECORD, Record, rows_with
from searchsvc.store.mapped import Array
from searchsvc.store.rowfiles import Layout, RowReader, RowWriter

PLACE = np.dtype([("first", "<u8"), ("rows", "<u4"), ("day", "<i4"), ("length", "<u4"), ("beginning", "<u4")])
"""A document's entry: its first row and number of rows, the ordinal of its local day (0: none), its
words, and the position at which its beginning ends."""

ROW = np.dtype([(name, RECORD.fields[name][0]) for name in RECORD.names if name not in {"lemma", "family"}])  # type: ignore[index,union-attr]
_LEMMA = np.dtype("<u8")
"""A lemma behind its family, so that kin stand side by side."""

_KIN_SHIFT = 32 + KIN_BITS

_LAYOUT = Layout(("records.places", "records.lemmas", "records.rows"), (PLACE, _LEMMA, ROW), "файлы записей")
_POSITION_BITS = 24  # more than document.MAX_POSITION

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Rows of some documents in which lemmas of some families or kin of theirs stand, document by document.

    ``document`` numbers them as they were asked for; ``lemma``, ``family`` and ``rows`` (dtype ``ROW``) run
    parallel to it. ``days``, ``lengths`` and ``beginnings`` have a value a document, zero for a missing one.
    """

    document: Ints
    lemma: npt.NDArray[np.uint32]
    family: npt.NDArray[np.uint32]
    rows: Array
    days: Ints
    lengths: Ints
    beginnings: Ints

    def runs(self, steps: Sequence[Iterable[int]]) -> Ints:
        """Return where any lemmas of each of *steps* stand side by side: the rows, a line for each run."""
        places: list[Ints] = []
        rows: list[Ints] = []
        for lemmas in steps:
            at = np.flatnonzero(rows_with(self.lemma, lemmas))
            place = self.document[at] << _POSITION_BITS | self.rows["position"][at]
            place, first = np.unique(place, return_index=True)
            places.append(place)
            rows.append(at[first])
        starts = places[0]
        for number, place in enumerate(places[1:], 1):
            starts = np.intersect1d(starts, place - number, assume_unique=True)
        columns = [
            at[np.searchsorted(place, starts + number)]
            for number, (place, at) in enumerate(zip(places, rows, strict=True))
        ]
        return np.stack(columns, axis=1) if len(starts) else np.empty((0, len(steps)), np.int64)


@dataclass(frozen=True, slots=True)
class Bulk:
    """Rows of documents of neighbouring keys end to end, those of a lemma side by side.

    ``sizes`` and ``days`` have a value a document, ``lemmas`` and ``rows`` (dtype ``ROW``) one a row.
    """

    sizes: Ints
    days: Ints
    lemmas: npt.NDArray[np.uint32]
    rows: Array

    @property
    def parts(self) -> npt.NDArray[np.uint8]:
        """The part each row stands in."""
        return np.asarray(self.rows["part"])


class Records:
    """The records of the generation in *folder*, mapped. Safe from many threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows = RowReader(folder, _LAYOUT)

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make empty files in *folder*."""
        _LAYOUT.create(folder)

    def occurrences(
        self, keys: Sequence[int], families: Iterable[int], once: Iterable[int] = ()
    ) -> Occurrences:
        """Return where lemmas of *families*, and kin of theirs, stand in the documents of *keys*.

        Of the lemmas whose codes (``document.code``) are in *once*, at most one row a document is read: they
        are frequent, and all that is asked is whether they are there.

        Raises:
            IndexDamagedError: a file is missing, too short or full of something else.
        """
        places, all_lemmas, all_rows = self._rows.of(keys)
        own = places[np.asarray(keys, np.int64)]
        kin, codes = sorted({family >> KIN_BITS for family in families}), sorted(set(once))
        lows = np.array([first << _KIN_SHIFT for first in kin] + codes, np.uint64)
        lasts = np.array([(first + 1 << _KIN_SHIFT) - 1 for first in kin], np.uint64)
        firsts = own["first"].astype(np.int64)
        starts, stops = _spans(all_lemmas, firsts, own["rows"].astype(np.int64), lows, lasts)
        sizes = (stops - starts).ravel()
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        at = np.arange(total) + np.repeat(starts.ravel() - ends + sizes, sizes)
        owner = np.repeat(np.arange(len(sizes)), sizes)
        rows, found = all_rows[at], all_lemmas[at]
        if total and int(rows["part"].max()) >= len(PARTS):
            raise _LAYOUT.damaged(self._folder, "испорчены")
        return Occurrences(
            document=owner // max(len(lows), 1),
            lemma=found.astype(np.uint32),
            family=(found >> np.uint64(32)).astype(np.uint32),
            rows=rows,
            days=own["day"].astype(np.int64),
            lengths=own["length"].astype(np.int64),
            beginnings=own["beginning"].astype(np.int64),
        )

    def record(self, key: int) -> Record:
        """Return a whole record, in order of position; empty where there is none.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        places, lemmas, rows = self._rows.of([key])
        first, size = int(places[key]["first"]), int(places[key]["rows"])
        found = np.empty(size, RECORD)
        found["lemma"] = lemmas[first : first + size].astype(np.uint32)
        found["family"] = lemmas[first : first + size] >> np.uint64(32)
        for name in ROW.names or ():
            found[name] = rows[name][first : first + size]
        return found[np.lexsort((found["lemma"], found["position"]))]

    def day(self, key: int) -> int:
        """Return the ordinal of a document's local day, 0 where none is known."""
        return int(self._rows.of([key])[0][key]["day"])

    def measures(self, keys: Sequence[int]) -> tuple[Ints, Ints]:
        """Return days (0: none known) and lengths in words of *keys*.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        own = self._rows.of(keys)[0][np.asarray(keys, np.int64)]
        return own["day"].astype(np.int64), own["length"].astype(np.int64)

    def bulk(self, first: int, last: int) -> Bulk:
        """Return the records of the documents *first* to *last*, of wiped ones empty ones.

        They are read, not mapped: going through all of them takes no more memory than one call.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        try:
            places = _read(self._folder / _LAYOUT.names[0], PLACE, first, last + 1 - first)
            starts, sizes = places["first"].astype(np.int64), places["rows"].astype(np.int64)
            start = int(starts[sizes > 0].min(initial=np.iinfo(np.int64).max))
            count = max(0, int((starts + sizes)[sizes > 0].max(initial=0)) - start)
            lemmas = _read(self._folder / _LAYOUT.names[1], _LEMMA, start if count else 0, count)
            rows = _read(self._folder / _LAYOUT.names[2], ROW, start if count else 0, count)
        except (OSError, ValueError) as error:
            raise _LAYOUT.damaged(self._folder, f"не читаются ({error})") from error
        if count != sizes.sum():  # between them lie wiped ones
            mine = np.repeat(starts - start - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
            lemmas, rows = lemmas[mine], rows[mine]
        return Bulk(sizes, places["day"].astype(np.int64), lemmas.astype(np.uint32), rows)


def _read(path: Path, kind: np.dtype[Any], first: int, count: int) -> Array:
    found = np.fromfile(path, kind, count, offset=first * kind.itemsize)
    if len(found) != count:
        raise ValueError(f"{path.name}: {len(found)} != {count}")
    return found


def _spans(lemmas: Array, firsts: Ints, sizes: Ints, lows: Array, lasts: Array) -> tuple[Ints, Ints]:
    """Return, for each document and range of codes, the first row that is in it and the first beyond; where
    *lasts* ends, of a single code, its first row alone.

    One binary search for all of them at once: a step looks at one row of each.
    """
    bounds = np.concatenate([lows, lasts])
    beyond = np.arange(len(bounds)) >= len(lows)
    low = np.repeat(firsts[:, None], len(bounds), axis=1)
    high = low + sizes[:, None]
    if lemmas.size and low.size:
        for _ in range(int(sizes.max()).bit_length()):
            middle = (low + high) >> 1
            here = low < high
            codes = lemmas[np.where(here, middle, 0)]
            below = here & ((codes < bounds) | beyond & (codes == bounds))
            low = np.where(below, middle + 1, low)
            high = np.where(here & ~below, middle, high)
    starts, stops = low[:, : len(lows)], low[:, len(lows) :]
    single = starts[:, len(lasts) :]
    there = single < (firsts + sizes)[:, None]
    if lemmas.size and single.size:
        there &= lemmas[np.where(there, single, 0)] == lows[len(lasts) :]
    return starts, np.concatenate([stops, single + there], axis=1)


class RecordWriter:
    """Appends records and wipes them; one at a time, within a transaction of the store.

    *last_key* is the greatest key that the store has, 0 where it has none.
    """

    def __init__(self, folder: Path, last_key: int) -> None:
        self._reader = Records(folder)
        self._rows = RowWriter(folder, _LAYOUT, last_key)
        self.wipe = self._rows.wipe
        self.finish = self._rows.finish
        self.close = self._rows.close

    def append(self, key: int, record: Record, day: int, length: int) -> None:
        """Keep *record*, given in order of position, under *key*."""
        codes = record["family"].astype(np.uint64) << np.uint64(32) | record["lemma"]
        order = np.argsort(codes, kind="stable")
        ordered = record[order]
        place = np.zeros(1, PLACE)
        place["day"], place["length"] = day, length
        if len(record):
            place["beginning"] = record["position"][min(BEGINNING, len(record)) - 1]
        rows = np.empty(len(record), ROW)
        for name in ROW.names or ():
            rows[name] = ordered[name]
        self._rows.append(key, place, codes[order], rows)

    def record(self, key: int) -> Record:
        """Return a record, one just appended too."""
        self._rows.flush()
        return self._reader.record(key)

    def day(self, key: int) -> int:
        """Return the ordinal of a document's local day, 0 where none is known."""
        self._rows.flush()
        return self._reader.day(key)

    def bulk(self, first: int, last: int) -> Bulk:
        """Return the records of the documents *first* to *last* as ``Records.bulk`` does."""
        self._rows.flush()
        return self._reader.bulk(first, last)
