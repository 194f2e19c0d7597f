"""One writer at a time: a kernel lock with a note of who holds it.

The lock is free the moment its holder dies; the note beside it is only read while the
lock is held.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from filelock import FileLock, Timeout

from corpus.errors import SearchServiceError

_VALUED = ("--data-dir", "--config")  # options whose next word is their value


class LeaseHeldError(SearchServiceError):
    """Another process holds the lease; ``holder`` says which and since when."""

    exit_code = 3

    def __init__(self, what: str, holder: str) -> None:
        super().__init__(f"{what}: занято — {holder}. Дождитесь окончания и повторите команду.")
        self.holder = holder


@contextmanager
def lease(path: Path, what: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lease at *path* for the block; *what* names the work for whoever finds it held.

    Raises:
        LeaseHeldError: still held by another after *wait* seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    note = path.with_suffix(".holder")
    lock = FileLock(path, timeout=wait, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise LeaseHeldError(what, _read_note(note)) from error
    try:
        _write_note(note)
        yield
    finally:
        with suppress(OSError):
            note.unlink()
        lock.release()


def _write_note(note: Path) -> None:
    held = {
        "pid": os.getpid(),
        "command": _command(sys.argv),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    with suppress(OSError):  # the lock is what counts: a full disk must not stop those who free it
        note.write_text(json.dumps(held), encoding="utf-8")


def _command(arguments: list[str]) -> str:
    """Return the program and its first word that is no option: «searchsvc rebuild»."""
    words = [
        word for before, word in pairwise(arguments) if not word.startswith("-") and before not in _VALUED
    ]
    return " ".join([Path(arguments[0]).name, *words[:1]])


def _read_note(note: Path) -> str:
    try:
        held = json.loads(note.read_text(encoding="utf-8"))
        since = datetime.fromisoformat(held["since"])
        return f"процесс {held['pid']} ({held['command']}) с {since:%H:%M:%S}"
    except (OSError, ValueError, KeyError, TypeError):
        return "другой процесс"
