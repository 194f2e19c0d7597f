"""Connections to the store's SQLite file: kept for many readers, a new one for a writer."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from searchsvc.errors import IndexDamagedError

_BUSY_SECONDS = 10.0

_DAMAGE = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}
"""Errors of writing that speak of the file (not a database, damaged, no such table), not of the disk."""


class _Sealed(sqlite3.Connection):
    """A connection that takes the file as it is, without a log: used once and closed."""


class Connections:
    """Connections to the file at *path*. Safe from many threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._closed = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close what is idle; connections in use close when they are given back."""
        with self._lock:
            self._closed = True
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _require_file(self) -> None:
        if not self._path.is_file():  # SQLite would make one
            raise IndexDamagedError(self._path.parent, "нет файла документов")

    def _connect(self) -> sqlite3.Connection:
        self._require_file()
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            connection.execute(
                "PRAGMA schema_version"
            ).fetchone()  # lays the index of the log beside the file
        except sqlite3.OperationalError:
            connection.close()
            if self._log_has_changes():
                raise
            # No place for it: a copy on a read-only medium, or a full disk. The file alone is the whole.
            address = f"{self._path.absolute().as_uri()}?immutable=1"
            connection = sqlite3.connect(address, uri=True, check_same_thread=False, factory=_Sealed)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA mmap_size = 1073741824")
        return connection

    def _log_has_changes(self) -> bool:
        log = self._path.with_name(f"{self._path.name}-wal")
        return log.exists() and log.stat().st_size > 0

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that cannot write.

        Raises:
            IndexDamagedError: the file is missing, or is not a store.
        """
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = None
        try:
            connection = connection or self._connect()
            yield connection
        except sqlite3.DatabaseError as error:
            raise IndexDamagedError(self._path.parent, str(error)) from error
        finally:
            if connection is not None:
                if self._closed or isinstance(connection, _Sealed):
                    connection.close()
                else:
                    self._idle.put(connection)

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection of its own that may write; transactions are the borrower's.

        Raises:
            IndexDamagedError: as ``reading``. sqlite3.OperationalError: the disk is full or failing.
        """
        self._require_file()
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
                raise IndexDamagedError(self._path.parent, str(error)) from error
            raise
        finally:
            connection.close()
