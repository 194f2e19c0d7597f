"""Records of all documents of a generation, in mapped files beside its store.

    records.places   by key: where the document's rows stand, its day, length, end of its beginning
    records.lemmas   family and lemma of each row, rising within a document: all that a look-up touches
    records.rows     the rest of each row, in the same order

Only rows of a query's words are ever read: a second stage over 200 articles is one binary search
through all of them at once. Files grow at the end only. What lies beyond the rows that the store
names belongs to a change that never came, and is overwritten; what is taken back, outlived or
erased is overwritten with zeros, so that nothing of a destroyed article remains.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from searchsvc.document import BEGINNING, KIN_BITS, PARTS, RECORD, Record, rows_with
from searchsvc.errors import IndexDamagedError
from searchsvc.mapped import mapped

PLACE = np.dtype([("first", "<u8"), ("rows", "<u4"), ("day", "<i4"), ("length", "<u4"), ("beginning", "<u4")])
"""A document's entry: its first row and number of rows, the ordinal of its local day (0: none), its
words, and the position at which its beginning ends."""

ROW = np.dtype([(name, RECORD.fields[name][0]) for name in RECORD.names if name not in {"lemma", "family"}])  # type: ignore[index,union-attr]
_LEMMA = np.dtype("<u8")
"""A lemma behind its family, so that kin stand side by side."""

_KIN_SHIFT = 32 + KIN_BITS

_NAMES = ("records.places", "records.lemmas", "records.rows")
_TYPES = (PLACE, _LEMMA, ROW)
_BUFFER = 2**20
_POSITION_BITS = 24  # more than document.MAX_POSITION
_TOO_SHORT = "файлы записей короче, чем должны быть"

Array = npt.NDArray[Any]
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

    ``sizes`` and ``days`` have a value a document, ``lemmas`` and ``parts`` one a row.
    """

    sizes: Ints
    days: Ints
    lemmas: npt.NDArray[np.uint32]
    parts: npt.NDArray[np.uint8]


class Records:
    """The records of the generation in *folder*, mapped. Safe from many threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._maps: tuple[Array, Array, Array] | None = None

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make empty files in *folder*."""
        for name in _NAMES:
            (folder / name).touch()

    def occurrences(
        self, keys: Sequence[int], families: Iterable[int], once: Iterable[int] = ()
    ) -> Occurrences:
        """Return where lemmas of *families*, and kin of theirs, stand in the documents of *keys*.

        Of the lemmas whose codes (``document.code``) are in *once*, at most one row a document is read: they
        are frequent, and all that is asked is whether they are there.

        Raises:
            IndexDamagedError: a file is missing, too short or full of something else.
        """
        places, all_lemmas, all_rows = self._mapped(keys)
        own = places[np.asarray(keys, np.int64)]
        kin, codes = sorted({family >> KIN_BITS for family in families}), sorted(set(once))
        lows = np.array([first << _KIN_SHIFT for first in kin] + codes, np.uint64)
        lasts = np.array([(first + 1 << _KIN_SHIFT) - 1 for first in kin] + codes, np.uint64)
        firsts = own["first"].astype(np.int64)
        starts, stops = _spans(all_lemmas, firsts, own["rows"].astype(np.int64), lows, lasts)
        stops[:, len(kin) :] = np.minimum(stops[:, len(kin) :], starts[:, len(kin) :] + 1)
        sizes = (stops - starts).ravel()
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        at = np.arange(total) + np.repeat(starts.ravel() - ends + sizes, sizes)
        owner = np.repeat(np.arange(len(sizes)), sizes)
        rows, found = all_rows[at], all_lemmas[at]
        if total and int(rows["part"].max()) >= len(PARTS):
            raise IndexDamagedError(self._folder, "файлы записей испорчены")
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
        places, lemmas, rows = self._mapped([key])
        first, size = int(places[key]["first"]), int(places[key]["rows"])
        found = np.empty(size, RECORD)
        found["lemma"] = lemmas[first : first + size].astype(np.uint32)
        found["family"] = lemmas[first : first + size] >> np.uint64(32)
        for name in ROW.names or ():
            found[name] = rows[name][first : first + size]
        return found[np.lexsort((found["lemma"], found["position"]))]

    def day(self, key: int) -> int:
        """Return the ordinal of a document's local day, 0 where none is known."""
        return int(self._mapped([key])[0][key]["day"])

    def measures(self, keys: Sequence[int]) -> tuple[Ints, Ints]:
        """Return days (0: none known) and lengths in words of *keys*.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        own = self._mapped(keys)[0][np.asarray(keys, np.int64)]
        return own["day"].astype(np.int64), own["length"].astype(np.int64)

    def bulk(self, first: int, last: int) -> Bulk:
        """Return the records of the documents *first* to *last*, of wiped ones empty ones.

        They are read, not mapped: going through all of them takes no more memory than one call.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        try:
            places = _read(self._folder / _NAMES[0], PLACE, first, last + 1 - first)
            starts, sizes = places["first"].astype(np.int64), places["rows"].astype(np.int64)
            start = int(starts[sizes > 0].min(initial=np.iinfo(np.int64).max))
            count = max(0, int((starts + sizes)[sizes > 0].max(initial=0)) - start)
            lemmas = _read(self._folder / _NAMES[1], _LEMMA, start if count else 0, count)
            rows = _read(self._folder / _NAMES[2], ROW, start if count else 0, count)
        except (OSError, ValueError) as error:
            raise IndexDamagedError(self._folder, f"файлы записей не читаются ({error})") from error
        if count != sizes.sum():  # between them lie wiped ones
            mine = np.repeat(starts - start - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
            lemmas, rows = lemmas[mine], rows[mine]
        return Bulk(sizes, places["day"].astype(np.int64), lemmas.astype(np.uint32), rows["part"])

    def _mapped(self, keys: Sequence[int]) -> tuple[Array, Array, Array]:
        """Return the files as arrays, mapped anew if they have grown since to hold *keys*."""
        if not len(keys):
            return np.zeros(0, PLACE), np.zeros(0, _LEMMA), np.zeros(0, ROW)
        maps = self._maps
        if maps is None or not _holds(maps, keys):
            with self._lock:
                maps = self._maps = self._map()
            if not _holds(maps, keys):
                raise IndexDamagedError(self._folder, _TOO_SHORT)
        return maps

    def _map(self) -> tuple[Array, Array, Array]:
        try:
            # In this order: places speak of rows that are on the disk before them.
            places, lemmas, rows = (
                mapped(self._folder / name, kind) for name, kind in zip(_NAMES, _TYPES, strict=True)
            )
        except (OSError, ValueError) as error:
            raise IndexDamagedError(self._folder, f"файлы записей не читаются ({error})") from error
        return places, lemmas, rows


def _read(path: Path, kind: np.dtype[Any], first: int, count: int) -> Array:
    found = np.fromfile(path, kind, count, offset=first * kind.itemsize)
    if len(found) != count:
        raise ValueError(f"{path.name}: {len(found)} != {count}")
    return found


def _holds(maps: tuple[Array, Array, Array], keys: Sequence[int]) -> bool:
    places, lemmas, rows = maps
    if max(keys) >= len(places) or min(keys) < 0:
        return False
    own = places[np.asarray(keys, np.int64)]
    rows_there = min(len(lemmas), len(rows))
    return bool((own["first"] <= rows_there).all() and (own["first"] + own["rows"]).max() <= rows_there)


def _spans(lemmas: Array, firsts: Ints, sizes: Ints, lows: Array, lasts: Array) -> tuple[Ints, Ints]:
    """Return, for each document and range of codes, the first row that is in it and the first beyond.

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
    return low[:, : len(lows)], low[:, len(lows) :]


class RecordWriter:
    """Appends to the files and wipes; one at a time, within a transaction of the store.

    *last_key* is the greatest key that the store has, 0 where it has none.
    """

    def __init__(self, folder: Path, last_key: int) -> None:
        self._folder = folder
        self._reader = Records(folder)
        self._files: list[BinaryIO] = []
        self._end = self._end_of(last_key)

    def append(self, key: int, record: Record, day: int, length: int) -> None:
        """Keep *record*, given in order of position, under *key*."""
        places, lemmas, rows = self._opened()
        codes = record["family"].astype(np.uint64) << np.uint64(32) | record["lemma"]
        order = np.argsort(codes, kind="stable")
        ordered = record[order]
        place = np.zeros(1, PLACE)
        place["first"], place["rows"] = self._end, len(record)
        place["day"], place["length"] = day, length
        if len(record):
            place["beginning"] = record["position"][min(BEGINNING, len(record)) - 1]
        row = np.empty(len(record), ROW)
        for name in ROW.names or ():
            row[name] = ordered[name]
        _put(places, key * PLACE.itemsize, place)
        _put(lemmas, self._end * _LEMMA.itemsize, codes[order])
        _put(rows, self._end * ROW.itemsize, row)
        self._end += len(record)

    def wipe(self, keys: Iterable[int]) -> None:
        """Overwrite the records of *keys* with zeros."""
        for key in keys:
            place = self._place(key)
            if place is None:
                continue
            places, lemmas, rows = self._opened()
            first, size = int(place["first"]), int(place["rows"])
            _put(lemmas, first * _LEMMA.itemsize, np.zeros(size, _LEMMA))
            _put(rows, first * ROW.itemsize, np.zeros(size, ROW))
            _put(places, key * PLACE.itemsize, np.zeros(1, PLACE))

    def record(self, key: int) -> Record:
        """Return a record, one just appended too."""
        self._flush()
        return self._reader.record(key)

    def day(self, key: int) -> int:
        """Return the ordinal of a document's local day, 0 where none is known."""
        self._flush()
        return self._reader.day(key)

    def bulk(self, first: int, last: int) -> Bulk:
        """Return the records of the documents *first* to *last* as ``Records.bulk`` does."""
        self._flush()
        return self._reader.bulk(first, last)

    def finish(self) -> None:
        """Bring everything to the disk, rows before the places that speak of them."""
        self._flush()
        for file in reversed(self._files):
            os.fsync(file.fileno())

    def close(self) -> None:
        """Let go of the files. Where ``finish`` was not reached, the next writer wipes what was appended."""
        for file in self._files:
            with suppress(OSError):  # of a full disk: what could not be written is not wanted any more
                file.close()
        self._files = []

    def _opened(self) -> list[BinaryIO]:
        if not self._files:
            try:
                self._files = [(self._folder / name).open("r+b", buffering=_BUFFER) for name in _NAMES]
            except FileNotFoundError as error:
                raise IndexDamagedError(self._folder, f"нет файла записей ({error})") from error
            for file, kind in zip(self._files[1:], _TYPES[1:], strict=True):
                if file.seek(0, os.SEEK_END) < self._end * kind.itemsize:
                    raise IndexDamagedError(self._folder, _TOO_SHORT)
                _wipe_from(file, self._end * kind.itemsize)  # of a change that never came
        return self._files

    def _flush(self) -> None:
        for file in reversed(self._files):
            file.flush()

    def _place(self, key: int) -> Any:
        self._flush()
        try:
            with (self._folder / _NAMES[0]).open("rb") as file:
                file.seek(key * PLACE.itemsize)
                found = file.read(PLACE.itemsize)
        except FileNotFoundError as error:
            raise IndexDamagedError(self._folder, f"нет файла записей ({error})") from error
        return np.frombuffer(found, PLACE)[0] if len(found) == PLACE.itemsize else None

    def _end_of(self, key: int) -> int:
        place = self._place(key)
        if place is None and key:
            raise IndexDamagedError(self._folder, _TOO_SHORT)
        return int(place["first"]) + int(place["rows"]) if key else 0


def _put(file: BinaryIO, offset: int, array: Array) -> None:
    if file.tell() != offset:
        file.seek(offset)
    file.write(array.tobytes())


def _wipe_from(file: BinaryIO, offset: int) -> None:
    """Write zeros over everything from *offset* on: cutting a mapped file off could end its readers."""
    left = file.seek(0, os.SEEK_END) - offset
    file.seek(offset)
    while left > 0:
        file.write(bytes(min(left, _BUFFER)))
        left -= _BUFFER
