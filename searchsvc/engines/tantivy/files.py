"""Tantivy's files: whether they are whole, and what becomes of errors over them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from searchsvc.errors import IndexDamagedError

FOOTER_MAGIC = (1337).to_bytes(4, "little")
"""Each file ends in its version and checksum as JSON, the length of that, and this number."""


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Turn what Tantivy raises over a damaged file of *folder* into IndexDamagedError.

    It raises ValueError for most, and a panic, which is no ``Exception``, for the rest.
    """
    try:
        yield
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise IndexDamagedError(folder, f"{type(error).__name__}: {error}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise IndexDamagedError(folder, f"сбой Tantivy: {error}") from error


class FileCheck:
    """Compares Tantivy's files with the checksums they end in, each file once.

    Tantivy itself checks them only when asked, and reads what it finds: a broken file could
    bring the whole process down.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, int, int, int]] = set()

    def check(self, folder: Path, meta: bytes) -> None:
        """Check every file of the segments that *meta* names."""
        seen = set()
        for segment in json.loads(meta)["segments"]:
            name = segment["segment_id"].replace("-", "")
            endings = ["idx", "pos", "term", "store", "fast", "fieldnorm"]
            if segment["deletes"]:
                endings.append(f"{segment['deletes']['opstamp']}.del")
            for ending in endings:
                path = folder / f"{name}.{ending}"
                status = path.stat()
                stamp = (path.name, status.st_size, status.st_mtime_ns, status.st_ino)
                if stamp not in self._seen:
                    _check_sum(path)
                seen.add(stamp)
        self._seen = seen


def _check_sum(path: Path) -> None:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 8, 0))
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != FOOTER_MAGIC or length > size - 8:
            raise ValueError(f"файл {path.name} обрезан или испорчен")
        file.seek(size - 8 - length)
        wanted = json.loads(file.read(length))["crc"]
        file.seek(0)
        found, left = 0, size - 8 - length
        while left:
            block = file.read(min(left, 2**20))
            found, left = zlib.crc32(block, found), left - len(block)
        if found != wanted:
            raise ValueError(f"контрольная сумма файла {path.name} не сходится")
