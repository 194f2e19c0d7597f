"""The words, phrases and titles of a generation as its readers have them, read when first asked for."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from searchsvc.errors import IndexDamagedError
from searchsvc.lexicon import Lexicon, WordFiles, Words
from searchsvc.phrases import PhraseFiles, Phrases
from searchsvc.store_writer import FILED, entries_of

T = TypeVar("T")


class Wordbooks:
    """What the store in *folder* has of words; *reading* lends a connection. Safe from many threads."""

    def __init__(
        self, folder: Path, reading: Callable[[], AbstractContextManager[sqlite3.Connection]]
    ) -> None:
        self.words = WordFiles(folder)
        self.phrase_files = PhraseFiles(folder)
        self._folder = folder
        self._reading = reading
        self._lock = threading.Lock()
        self._age = 0
        self._lexicon: Lexicon | None = None
        self._phrases: Phrases | None = None

    def create(self) -> None:
        """Make the place for the files."""
        self.words.create()
        self.phrase_files.create()

    def renew(self) -> None:
        """Read again when next asked: a commit may have changed everything."""
        with self._lock:
            self._lexicon = self._phrases = None
            self._age += 1

    def lexicon(self) -> Lexicon:
        """Return the words of the archive. Raises ``IndexDamagedError`` where their file is not whole."""
        lexicon, age = self._lexicon, self._age
        if lexicon is None:
            lexicon = self._read("слов", lambda connection: _lexicon(connection, self.words))
            with self._lock:
                if age == self._age:
                    self._lexicon = lexicon
        return lexicon

    def phrases(self) -> Phrases:
        """Return phrases and titles. Raises ``IndexDamagedError`` where a file of them is not whole."""
        phrases, age = self._phrases, self._age
        if phrases is None:
            phrases = self._read("фраз", lambda connection: Phrases.read(connection, self.phrase_files))
            with self._lock:
                if age == self._age:
                    self._phrases = phrases
        return phrases

    def _read(self, what: str, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            try:
                return self._in_one_state(read)
            except FileNotFoundError:  # a writer put another one in its place just now
                return self._in_one_state(read)
        except (OSError, ValueError) as error:
            raise IndexDamagedError(self._folder, f"файл {what} не читается ({error})") from error

    def _in_one_state(self, read: Callable[[sqlite3.Connection], T]) -> T:
        with self._reading() as connection:
            connection.execute("BEGIN")
            try:
                return read(connection)
            finally:
                connection.execute("ROLLBACK")


def _lexicon(connection: sqlite3.Connection, files: WordFiles) -> Lexicon:
    row = connection.execute("SELECT value FROM statistic WHERE name = ?", (FILED,)).fetchone()
    gone = [form for (form,) in connection.execute("SELECT form FROM form_change WHERE NOT present")]
    new = connection.execute(
        "SELECT form, spelling, documents FROM form_change JOIN form USING (form) WHERE present ORDER BY form"
    )
    filed = files.open(int(row[0])) if row else Words.build(())
    return Lexicon(filed, Words.build(entries_of(new)), gone)
