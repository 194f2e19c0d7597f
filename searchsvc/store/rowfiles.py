"""Files of rows that belong to documents, mapped: one says by key where a document's rows stand.

    places    by key: first row, number of rows, and whatever else is known of the document
    columns   one or more files of rows, all in the same order

Files grow at the end only. What lies beyond the rows that the store names belongs to a change that never
came, and is overwritten; what is taken back, outlived or erased is overwritten with zeros, so that
nothing of a destroyed article remains.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from searchsvc.errors import IndexDamagedError
from searchsvc.store.mapped import Array, mapped

_BUFFER = 2**20


@dataclass(frozen=True, slots=True)
class Layout:
    """Names and types of the files, that of the places first; it has the fields "first" and "rows".

    *what* names the files in messages.
    """

    names: tuple[str, ...]
    types: tuple[np.dtype[Any], ...]
    what: str

    def create(self, folder: Path) -> None:
        """Make empty files in *folder*."""
        for name in self.names:
            (folder / name).touch()

    def damaged(self, folder: Path, reason: str) -> IndexDamagedError:
        """Return the error that says what is wrong with the files in *folder*."""
        return IndexDamagedError(folder, f"{self.what} {reason}")


TOO_SHORT = "короче, чем должны быть"


class RowReader:
    """The files of *layout* in *folder*, mapped. Safe from many threads."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self._folder = folder
        self._layout = layout
        self._lock = threading.Lock()
        self._maps: tuple[Array, ...] | None = None

    def of(self, keys: Sequence[int]) -> tuple[Array, ...]:
        """Return the files as arrays, mapped anew if they have grown since to hold *keys*.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        if not len(keys):
            return tuple(np.zeros(0, kind) for kind in self._layout.types)
        maps = self._maps
        if maps is None or not _holds(maps, keys):
            with self._lock:
                maps = self._maps = self._map()
            if not _holds(maps, keys):
                raise self._layout.damaged(self._folder, TOO_SHORT)
        return maps

    def _map(self) -> tuple[Array, ...]:
        try:
            # In this order: places speak of rows that are on the disk before them.
            return tuple(
                mapped(self._folder / name, kind)
                for name, kind in zip(self._layout.names, self._layout.types, strict=True)
            )
        except (OSError, ValueError) as error:
            raise self._layout.damaged(self._folder, f"не читаются ({error})") from error


def _holds(maps: tuple[Array, ...], keys: Sequence[int]) -> bool:
    places, *columns = maps
    if max(keys) >= len(places) or min(keys) < 0:
        return False
    own = places[np.asarray(keys, np.int64)]
    there = min(map(len, columns))
    return bool((own["first"] <= there).all() and (own["first"] + own["rows"]).max() <= there)


class RowWriter:
    """Appends to the files and wipes; one at a time, within a transaction of the store.

    *last_key* is the greatest key that the store has, 0 where it has none.
    """

    def __init__(self, folder: Path, layout: Layout, last_key: int) -> None:
        self._folder = folder
        self._layout = layout
        self._files: list[BinaryIO] = []
        self._end = self._end_of(last_key)

    def append(self, key: int, place: Array, *columns: Array) -> None:
        """Keep rows under *key*; "first" and "rows" of *place*, an array of one, are filled in."""
        place["first"], place["rows"] = self._end, len(columns[0])
        files = self._opened()
        for file, kind, rows in zip(files[1:], self._layout.types[1:], columns, strict=True):
            _put(file, self._end * kind.itemsize, rows)
        _put(files[0], key * self._layout.types[0].itemsize, place)
        self._end += len(columns[0])

    def wipe(self, keys: Iterable[int]) -> None:
        """Overwrite the rows of *keys* with zeros."""
        for key in keys:
            place = self._place(key)
            if place is None:
                continue
            files = self._opened()
            for file, kind in zip(files[1:], self._layout.types[1:], strict=True):
                _put(file, int(place["first"]) * kind.itemsize, np.zeros(int(place["rows"]), kind))
            _put(files[0], key * self._layout.types[0].itemsize, np.zeros(1, self._layout.types[0]))

    def flush(self) -> None:
        """Let readers see what was written, rows before the places that speak of them."""
        for file in reversed(self._files):
            file.flush()

    def finish(self) -> None:
        """Bring everything to the disk, in the same order."""
        for file in reversed(self._files):
            file.flush()
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
                self._files = list(self._open_all())
            except FileNotFoundError as error:
                raise self._layout.damaged(self._folder, f"не читаются ({error})") from error
            for file, kind in zip(self._files[1:], self._layout.types[1:], strict=True):
                if file.seek(0, os.SEEK_END) < self._end * kind.itemsize:
                    raise self._layout.damaged(self._folder, TOO_SHORT)
                _wipe_from(file, self._end * kind.itemsize)  # of a change that never came
        return self._files

    def _open_all(self) -> Iterator[BinaryIO]:
        for name in self._layout.names:
            yield (self._folder / name).open("r+b", buffering=_BUFFER)

    def _place(self, key: int) -> Any:
        """Return the entry of *key*, one just appended too; None where the file ends before it."""
        self.flush()
        kind = self._layout.types[0]
        try:
            with (self._folder / self._layout.names[0]).open("rb") as file:
                file.seek(key * kind.itemsize)
                found = file.read(kind.itemsize)
        except FileNotFoundError as error:
            raise self._layout.damaged(self._folder, f"не читаются ({error})") from error
        return np.frombuffer(found, kind)[0] if len(found) == kind.itemsize else None

    def _end_of(self, key: int) -> int:
        place = self._place(key)
        if place is None and key:
            raise self._layout.damaged(self._folder, TOO_SHORT)
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
