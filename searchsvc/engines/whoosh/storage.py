"""Whoosh's files, mapped without copies; and arrays read from them, kept within bounds."""

from __future__ import annotations

import mmap
import os
import threading
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy.typing as npt
from cachetools import LRUCache
from whoosh.filedb.filestore import FileStorage
from whoosh.filedb.structfile import BufferFile

from searchsvc.errors import IndexDamagedError

_LONGEST_LINE = 1000
_OVERHEAD = 500
_READ_AT_ONCE = 2**18


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Turn whatever the reading of a damaged file of *folder* raises into IndexDamagedError.

    Whoosh unpickles most of what it reads and raises bare exceptions: rubbish may raise anything.
    """
    try:
        yield
    except IndexDamagedError:
        raise
    except Exception as error:
        raise IndexDamagedError(folder, f"{type(error).__name__}: {error}") from error


class _Cursor:
    """A place in a mapped file, for those who read it as a stream."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._place = 0

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> None:
        self._place = (0, self._place, len(self._view))[whence] + offset

    def read(self, size: int = -1) -> bytes:
        found = bytes(self._view[self._place : self._place + size if size >= 0 else None])
        self._place += len(found)
        return found

    def readline(self) -> bytes:
        line = bytes(self._view[self._place : self._place + _LONGEST_LINE])
        return self.read(line.find(b"\n") + 1 or len(line))


class _MappedFile(BufferFile):  # type: ignore[misc]
    """Whoosh's file over a buffer, without the copy of the buffer that Whoosh makes."""

    def __init__(self, view: memoryview, name: str | None = None) -> None:
        self._buf = view
        self._name = name
        self.file = _Cursor(view)
        self.onclose = None
        self.is_real = self.is_closed = False

    def subset(self, position: int, length: int, name: str | None = None) -> _MappedFile:
        return _MappedFile(self._buf[position : position + length], name)


class MappedStorage(FileStorage):  # type: ignore[misc]
    """Opens files mapped; they may be deleted meanwhile."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), supports_mmap=False)  # Whoosh's own way copies what it maps

    def open_file(self, name: str, **_: Any) -> _MappedFile:
        """Map a file into memory."""
        with Path(self._fpath(name)).open("rb") as file:
            if os.fstat(file.fileno()).st_size:
                return _MappedFile(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), name)
        return _MappedFile(memoryview(b""), name)  # what is empty cannot be mapped


class PostingCache:
    """Arrays by segment and what was asked of it, bounded in bytes, shared by threads.

    What is empty is not kept: words that no article has can be asked for without end.
    """

    def __init__(self, limit: int) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[Any, tuple[tuple[npt.NDArray[Any], ...], int]] = LRUCache(
            limit, getsizeof=lambda kept: kept[1]
        )

    def get(self, key: Any, load: Callable[[], tuple[npt.NDArray[Any], ...]]) -> tuple[npt.NDArray[Any], ...]:
        """Return the arrays under *key*, loading them if they are not here."""
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            return kept[0]
        found = load()
        if any(map(len, found)):
            size = _OVERHEAD + sum(array.nbytes for array in found) + 4 * len(str(key))
            with self._lock:
                if size < self._kept.maxsize:
                    self._kept[key] = found, size
        return found

    def keep_only(self, segments: Collection[str]) -> None:
        """Forget what was asked of other segments: they are gone."""
        with self._lock:
            for key in [key for key in self._kept if key[0] not in segments]:
                del self._kept[key]


def checksum(storage: MappedStorage, entry: Any) -> int:
    """Return the CRC-32 of a segment's file, read and not mapped: that would fill the memory with it."""
    found = 0
    buffer = memoryview(bytearray(_READ_AT_ONCE))
    with Path(storage.folder, entry.make_filename(entry.COMPOUND_EXT)).open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            found = zlib.crc32(buffer[:size], found)
    return found


def is_whole(storage: MappedStorage, entry: Any) -> bool:
    """Say whether a segment's file is as it was written, where that is known."""
    known = getattr(entry, "checksum", None) if entry.is_compound() else None
    return known is None or known == checksum(storage, entry)
