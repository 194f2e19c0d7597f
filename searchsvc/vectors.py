"""Vectors of the sentences of all documents of a generation, in mapped files beside its store.

    vectors.places   by key: the document's first row and its number of rows
    vectors.rows     a row a sentence: a signed byte for each number of its vector

Only generations that were built with the encoder have them. They are written within the store's
transaction and follow the rules of ``searchsvc.records``: files grow at the end only; what a change that
never came left there is overwritten, what is taken back or erased is overwritten with zeros.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from searchsvc.errors import IndexDamagedError
from searchsvc.mapped import mapped

WIDTH = 512
"""Numbers of a vector."""

PLACE = np.dtype([("first", "<u8"), ("rows", "<u4")])
ROW = np.dtype(("i1", (WIDTH,)))

HIGHEST = 0.2
"""The number that the greatest byte stands for; greater ones are cut, one in millions. A byte a number
costs no quality, half the numbers would (docs/quality.md)."""

GATHERED = 2_000
"""Sentences that are gathered before they are encoded: the more at once, the quicker. So many are encoded in
a thread of their own while the next ones are analysed; numpy lets go of the interpreter's lock meanwhile."""

_NAMES = ("vectors.places", "vectors.rows")
_TYPES = (PLACE, ROW)
_BUFFER = 2**20
_UNIT = HIGHEST / 127

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]


class Vectors:
    """The vectors of the generation in *folder*, mapped. Safe from many threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._maps: tuple[Array, Array] | None = None

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make empty files in *folder*."""
        for name in _NAMES:
            (folder / name).touch()

    def nearness(self, keys: Sequence[int], query: npt.NDArray[np.float32]) -> Floats:
        """Return, for each document of *keys*, the cosine of *query* and its nearest sentence.

        A document without any, as one that was wiped, has 0.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        places, rows = self._mapped(keys)
        own = places[np.asarray(keys, np.int64)]
        sizes = own["rows"].astype(np.int64)
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        at = np.arange(total) + np.repeat(own["first"].astype(np.int64) - ends + sizes, sizes)
        cosines = rows[at].astype(np.float32) @ (query * np.float32(_UNIT))
        best = np.zeros(len(keys))
        some = np.flatnonzero(sizes)
        if len(some):
            best[some] = np.maximum.reduceat(cosines, (ends - sizes)[some])
        return best

    def require(self, key: int) -> None:
        """Make sure that the document of *key* and all before it can be there.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        self._mapped([key])

    def _mapped(self, keys: Sequence[int]) -> tuple[Array, Array]:
        """Return the files as arrays, mapped anew if they have grown since to hold *keys*."""
        if not len(keys):
            return np.zeros(0, PLACE), np.zeros(0, ROW)
        maps = self._maps
        if maps is None or not _holds(maps, keys):
            with self._lock:
                maps = self._maps = self._map()
            if not _holds(maps, keys):
                raise _damaged(self._folder, "короче, чем должны быть")
        return maps

    def _map(self) -> tuple[Array, Array]:
        try:
            # In this order: places speak of rows that are on the disk before them.
            places, rows = (
                mapped(self._folder / name, kind) for name, kind in zip(_NAMES, _TYPES, strict=True)
            )
        except OSError as error:
            raise _damaged(self._folder, f"не читаются ({error})") from error
        return places, rows


@dataclass(frozen=True, slots=True)
class _Batch:
    """Sentences of some documents, so many of each."""

    keys: list[int]
    sizes: list[int]
    sentences: list[str]


class VectorWriter:
    """Appends to the files and wipes; one at a time, within a transaction of the store.

    *last_key* is the greatest key that the store has, 0 where it has none. *encode* is called for what is
    appended only: whatever was encoded can be wiped without an encoder.
    """

    def __init__(self, folder: Path, last_key: int, encode: Encode) -> None:
        self._folder = folder
        self._encode = encode
        self._files: list[BinaryIO] = []
        self._end = self._end_of(last_key)
        self._gathered = _Batch([], [], [])
        self._aside = ThreadPoolExecutor(1, "vectors")
        self._begun: tuple[_Batch, Future[npt.NDArray[np.float32]]] | None = None

    def append(self, key: int, sentences: Sequence[str]) -> None:
        """Keep the vectors of *sentences* under *key*."""
        batch = self._gathered
        batch.keys.append(key)
        batch.sizes.append(len(sentences))
        batch.sentences.extend(sentences)
        if len(batch.sentences) >= GATHERED:
            self._end_begun()
            self._begun = batch, self._aside.submit(self._encode, batch.sentences)
            self._gathered = _Batch([], [], [])

    def wipe(self, keys: Iterable[int]) -> None:
        """Overwrite the vectors of *keys*, none of them just appended, with zeros."""
        for key in keys:
            place = self._place(key)
            if place is not None:
                places, rows = self._opened()
                _put(rows, int(place["first"]) * ROW.itemsize, np.zeros(int(place["rows"]), ROW))
                _put(places, key * PLACE.itemsize, np.zeros(1, PLACE))

    def finish(self) -> None:
        """Encode what is gathered and bring everything to the disk, rows before their places."""
        self._end_begun()
        batch, self._gathered = self._gathered, _Batch([], [], [])
        if batch.keys:
            self._write(batch, self._encode(batch.sentences))
        for file in reversed(self._files):
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Let go of the files. Where ``finish`` was not reached, the next writer wipes what was appended."""
        self._aside.shutdown(cancel_futures=True)
        for file in self._files:
            with suppress(OSError):  # of a full disk: what could not be written is not wanted any more
                file.close()
        self._files = []

    def _end_begun(self) -> None:
        """Wait for the batch that is being encoded, and write it."""
        if self._begun is not None:
            batch, encoded = self._begun
            self._begun = None
            self._write(batch, encoded.result())

    def _write(self, batch: _Batch, encoded: npt.NDArray[np.float32]) -> None:
        rows = np.clip(np.rint(encoded / _UNIT), -127, 127).astype(np.int8)
        places_file, rows_file = self._opened()
        _put(rows_file, self._end * ROW.itemsize, rows)
        for key, size in zip(batch.keys, batch.sizes, strict=True):
            _put(places_file, key * PLACE.itemsize, np.array([(self._end, size)], PLACE))
            self._end += size

    def _opened(self) -> list[BinaryIO]:
        if not self._files:
            try:
                self._files = [(self._folder / name).open("r+b", buffering=_BUFFER) for name in _NAMES]
            except FileNotFoundError as error:
                raise _damaged(self._folder, f"не читаются ({error})") from error
            if self._files[1].seek(0, os.SEEK_END) < self._end * ROW.itemsize:
                raise _damaged(self._folder, "короче, чем должны быть")
            _wipe_from(self._files[1], self._end * ROW.itemsize)  # of a change that never came
        return self._files

    def _place(self, key: int) -> Any:
        for file in self._files:
            file.flush()
        try:
            with (self._folder / _NAMES[0]).open("rb") as file:
                file.seek(key * PLACE.itemsize)
                found = file.read(PLACE.itemsize)
        except FileNotFoundError as error:
            raise _damaged(self._folder, f"не читаются ({error})") from error
        return np.frombuffer(found, PLACE)[0] if len(found) == PLACE.itemsize else None

    def _end_of(self, key: int) -> int:
        place = self._place(key)
        if place is None and key:
            raise _damaged(self._folder, "короче, чем должны быть")
        return int(place["first"]) + int(place["rows"]) if key else 0


def _holds(maps: tuple[Array, Array], keys: Sequence[int]) -> bool:
    places, rows = maps
    if max(keys) >= len(places) or min(keys) < 0:
        return False
    own = places[np.asarray(keys, np.int64)]
    return bool((own["first"] + own["rows"]).max() <= len(rows))


def _damaged(folder: Path, what: str) -> IndexDamagedError:
    return IndexDamagedError(folder, f"файлы векторов {what}")


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
