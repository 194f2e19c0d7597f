"""Phrases and titles of the archive for completion, as files of words beside the lexicon.

    phrases/000001.words     word sequences that titles share, and tags: folded, as written most often,
                             articles
    titles/000001.words      folded titles, each with the key of its document
    sequences/000001.words   words that stand side by side in articles (``searchsvc.sequences``)

A rebuild writes them, and a sync anew when enough articles came. Between two files a table in the store
counts what articles that came or went did to a filed phrase, so that one that no article has any more is
not offered; titles of documents that came later are read from their rows. Titles are checked by their rows,
which know when an article was withdrawn; sequences are asked for when they are offered.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from searchsvc.errors import IndexDamagedError
from searchsvc.lexicon import Entry, Lexicon, WordFiles, Words
from searchsvc.shared_phrases import Row, Spelling, phrases_of, shared_phrases
from searchsvc.wording import key_of

SCHEMA = """
CREATE TABLE phrase_change (
    form TEXT PRIMARY KEY, spelling TEXT NOT NULL, documents INTEGER NOT NULL
) WITHOUT ROWID;
"""

UNFILED_LEAST = 200
UNFILED_SHARE = 50
"""New files are written once 200 articles came, in large archives a fiftieth of them. 100,000 titles take
some seconds; readers take 2,000 titles in with every change that they see, some 40 ms."""

SEQUENCES_SHARE = 10
"""Sequences are counted anew once a tenth of the archive is new: of 100,000 articles it takes some 20 s,
and what is new is offered by its words and titles meanwhile."""

_FILED = "phrases"
_SEQUENCES = "sequences"


class PhraseFiles:
    """The files of a generation's folder; the numbers of those that count are kept in the store."""

    def __init__(self, folder: Path) -> None:
        self.phrases = WordFiles(folder, "phrases")
        self.titles = WordFiles(folder, "titles")
        self.sequences = WordFiles(folder, "sequences")

    def create(self) -> None:
        """Make the place for them."""
        for files in (self.phrases, self.titles, self.sequences):
            files.create()

    def sweep(self, number: int, sequences: int) -> None:
        """Delete all files but those of *number*, and of *sequences*."""
        self.phrases.sweep(number)
        self.titles.sweep(number)
        self.sequences.sweep(sequences)


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases and titles as a reader has them. ``titles`` count no articles, but name a document's key;
    ``sequences`` may be of articles that went since they were filed."""

    phrases: Lexicon
    titles: Lexicon
    sequences: Lexicon


def read_phrases(connection: sqlite3.Connection, files: PhraseFiles) -> Phrases:
    """Return the phrases and titles of a store: those of its files, and what came and went since.

    Raises:
        IndexDamagedError: a file is missing or broken.
    """
    missing: tuple[int, int] | None = None
    while True:
        connection.execute("BEGIN")  # all of one state
        number, last = _filed(connection)
        sequences, _ = _filed(connection, _SEQUENCES)
        try:
            return _read(connection, files, number, last, sequences)
        except FileNotFoundError as error:
            if (number, sequences) == missing:
                raise _damaged(files, error) from error
            missing = number, sequences  # a writer has put others in their place just now
        except (OSError, ValueError) as error:
            raise _damaged(files, error) from error
        finally:
            connection.execute("ROLLBACK")


def _read(
    connection: sqlite3.Connection, files: PhraseFiles, number: int, last: int, sequences: int
) -> Phrases:
    if not number:
        return Phrases(Lexicon.of(()), Lexicon.of(()), Lexicon.of(()))
    filed = files.phrases.open(number)
    new, gone = [], []
    for form, spelling, change in connection.execute("SELECT * FROM phrase_change ORDER BY form"):
        at = filed.find(form)
        if at < 0 and change > 0:
            new.append(Entry(form, spelling, change))
        elif at >= 0 and int(filed.documents[at]) + change <= 0:
            gone.append(form)
    titles = Words.build(_titles(_rows(connection, after=last)))
    return Phrases(
        Lexicon(filed, Words.build(new), gone),
        Lexicon(files.titles.open(number), titles),
        Lexicon(files.sequences.open(sequences) if sequences else Words.build(())),
    )


class PhraseWriter:
    """What changes of documents do to phrases, within one transaction of the store."""

    def __init__(self, connection: sqlite3.Connection, files: PhraseFiles) -> None:
        self._connection = connection
        self._files = files
        self._words: Words | None = None
        self._changes: Counter[tuple[str, str]] = Counter()

    def count(self, title: str, tags: Iterable[str], change: int) -> None:
        """Take in that an article came (1) or went (-1); nothing to do before the first file.

        Raises:
            IndexDamagedError: the file of phrases is missing or not whole.
        """
        number, _ = _filed(self._connection)
        if not number:
            return
        if self._words is None:
            try:
                self._words = self._files.phrases.open(number)
            except (OSError, ValueError) as error:
                raise _damaged(self._files, error) from error
        for (form, spelling), times in phrases_of(title, tags).items():
            if spelling or self._words.find(form) >= 0:
                self._changes[form, spelling] += change * times

    def flush(self) -> None:
        """Write the changes gathered so far."""
        self._connection.executemany(
            "INSERT INTO phrase_change VALUES (?, ?, ?) ON CONFLICT (form) DO UPDATE SET "
            "documents = documents + excluded.documents, "
            "spelling = CASE spelling WHEN '' THEN excluded.spelling ELSE spelling END",
            [(form, spelling, change) for (form, spelling), change in self._changes.items() if change],
        )
        self._connection.execute("DELETE FROM phrase_change WHERE documents = 0")
        self._changes.clear()

    def file(
        self, spelling: Spelling, sequences: Callable[[], Iterable[Entry]], *, always: bool = True
    ) -> None:
        """Write new files; without *always* only those for which enough documents came since the last ones.

        *sequences* counts those of all documents, in order.
        """
        if always or self._is_due(_FILED, UNFILED_SHARE):
            number = _filed(self._connection)[0] + 1
            present = (row for row in _rows(self._connection) if row.present)
            self._files.phrases.write(number, Words.build(shared_phrases(present, spelling)))
            self._files.titles.write(number, Words.build(_titles(_rows(self._connection))))
            self._keep(_FILED, number)
            self._connection.execute("DELETE FROM phrase_change")
            self._changes.clear()
            self._words = None
        if always or self._is_due(_SEQUENCES, SEQUENCES_SHARE):
            number = _filed(self._connection, _SEQUENCES)[0] + 1
            self._files.sequences.write(number, Words.build(sequences()))
            self._keep(_SEQUENCES, number)

    def _is_due(self, name: str, share: int) -> bool:
        number, last = _filed(self._connection, name)
        count = self._connection.execute("SELECT count(*) FROM document").fetchone()[0]
        return not number or self._newest() - last >= max(UNFILED_LEAST, count // share)

    def _keep(self, name: str, number: int) -> None:
        value = f"{number} {self._newest()}".encode()
        self._connection.execute("INSERT OR REPLACE INTO statistic VALUES (?, ?)", (name, value))

    def _newest(self) -> int:
        return int(self._connection.execute("SELECT max(key) FROM document").fetchone()[0] or 0)

    def sweep(self) -> None:
        """Delete files that count no more."""
        self._files.sweep(_filed(self._connection)[0], _filed(self._connection, _SEQUENCES)[0])


def _damaged(files: PhraseFiles, error: Exception) -> IndexDamagedError:
    return IndexDamagedError(files.phrases.generation, f"файл фраз не читается ({error})")


def _filed(connection: sqlite3.Connection, name: str = _FILED) -> tuple[int, int]:
    """Return the number of the files that count, 0 for none, and the last key that is in them."""
    row = connection.execute("SELECT value FROM statistic WHERE name = ?", (name,)).fetchone()
    number, last = map(int, bytes(row[0]).split()) if row else (0, 0)
    return number, last


def _rows(connection: sqlite3.Connection, *, after: int = 0) -> Iterator[Row]:
    """Yield all documents after a key, those that went too: a reader may still be where they are."""
    for key, card, until in connection.execute(
        "SELECT key, card, until FROM document WHERE key > ? ORDER BY key", (after,)
    ):
        values = json.loads(card)
        yield Row(key, values["title"], tuple(values["tags"]), until is None)


def _titles(rows: Iterable[Row]) -> list[Entry]:
    forms = ((key_of(row.title), row.key) for row in rows)
    return sorted(Entry(form, form, key) for form, key in forms if form)
