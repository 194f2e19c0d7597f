"""Files of numbers as arrays, mapped: read where they are touched, shared by all processes."""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from searchsvc.errors import IndexDamagedError

Array = npt.NDArray[Any]


def mapped(path: Path, kind: np.dtype[Any]) -> Array:
    """Return the whole values of *kind* that the file has now, as an array that cannot be written.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size // kind.itemsize
        if not size:  # what is empty cannot be mapped
            return np.zeros(0, kind)
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), kind, size)


class Column:
    """A file of values of one size, by key, in a folder of a generation's; *what* names it in errors.

    Plain writes: a full disk is an error, not a signal.
    """

    def __init__(self, path: Path, kind: np.dtype[Any], what: str) -> None:
        self._path = path
        self._kind = kind
        self._what = what
        self._map = np.zeros(0, kind)
        self._file: BinaryIO | None = None

    def write(self, first: int, values: Array) -> None:
        """Write *values*, those of keys from *first* on."""
        try:
            self._file = self._file or self._path.open("r+b", buffering=0)
        except FileNotFoundError as error:
            raise self._damaged(error) from error
        self._file.seek(first * self._kind.itemsize)
        data = memoryview(values.tobytes())
        while data:
            data = data[self._file.write(data) :]

    def require(self, last: int) -> None:
        """Refuse a file that ends before the value of *last*: what is wiped is looked up in it."""
        try:
            size = self._path.stat().st_size
        except OSError as error:
            raise self._damaged(error) from error
        if last and size < (last + 1) * self._kind.itemsize:
            raise self._damaged(f"{self._path.name} короче, чем должен быть")

    def at(self, keys: npt.NDArray[np.int64]) -> Array:
        """Return a copy of the values of *keys*, zero where there is none."""
        if len(keys) and int(keys.max()) >= len(self._map):
            self._map = self.all()
        there = keys < len(self._map)
        if there.all():
            return self._map[keys]
        found = np.zeros(len(keys), self._kind)
        found[there] = self._map[keys[there]]
        return found

    def all(self) -> Array:
        """Return the values of all keys the file has now, mapped."""
        try:
            return mapped(self._path, self._kind)
        except OSError as error:
            raise self._damaged(error) from error

    def sync(self) -> None:
        """Bring what was written to the disk."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _damaged(self, error: OSError | str) -> IndexDamagedError:
        return IndexDamagedError(self._path.parent.parent, f"{self._what} не читаются ({error})")
