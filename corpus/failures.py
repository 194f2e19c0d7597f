"""What goes wrong in a database, told in the archive's own errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from corpus.errors import ArchiveBusyError, ArchiveUnavailableError

BUSY_SECONDS = 10.0
"""How long a writer waits for another one; a batch of 100 articles takes well under a second."""

_REASONS = {
    sqlite3.SQLITE_PERM: "нет прав на файл базы",
    sqlite3.SQLITE_READONLY: "файл или папка доступны только для чтения",
    sqlite3.SQLITE_IOERR: "ошибка чтения или записи на диске",
    sqlite3.SQLITE_CORRUPT: "файл базы повреждён; восстановите его из резервной копии",
    sqlite3.SQLITE_FULL: "на диске нет места",
    sqlite3.SQLITE_NOTADB: "это не база данных SQLite (или файл повреждён)",
}


@contextmanager
def translated(where: str, name: str) -> Iterator[None]:
    """Turn an error of the database at *where*, called *name*, into one of the archive's own."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, sqlite3.Error) and code_of(cause) in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
        ):
            raise ArchiveBusyError(where, BUSY_SECONDS, name) from error
        raise ArchiveUnavailableError(where, _reason(cause, where), name) from error


def code_of(error: sqlite3.Error) -> int:
    """Return the primary result code; an extended one has it in its low byte."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _reason(cause: BaseException | None, where: str) -> str:
    if isinstance(cause, sqlite3.Error):
        code = code_of(cause)
        if code == sqlite3.SQLITE_CANTOPEN:
            return f"файл в папке «{Path(where).parent}» не открыть и не создать: нет папки или прав на неё"
        if code in _REASONS:
            return _REASONS[code]
    first_line = str(cause).strip().split("\n", 1)[0]
    return f"ошибка базы данных: {first_line}"


def os_reason(error: OSError) -> str:
    """Return in Russian why a file or folder could not be used."""
    if isinstance(error, PermissionError):
        return f"нет прав на папку «{Path(error.filename or '').parent}»"
    return f"ошибка файловой системы: {error.strerror or error}"
