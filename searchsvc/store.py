"""The generation's document store: a SQLite file with what the public face shows, and mapped records.

Documents are keyed (article, revision) by one integer, which is all the engine knows of
them. A row is never changed: it holds from change ``since`` up to, not including, change
``until``, so that a reader with an older snapshot of the engine goes on finding what it
points at. The store is written first, the engine's commit publishes; ``undo_after`` takes
back what a killed writer had stored for a commit that never came. Changes are ``searchsvc.store_writer``'s.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from corpus.address import normal_address
from corpus.article import Article, Source
from corpus.codec import article_from_dict
from searchsvc.connections import Connections
from searchsvc.errors import IndexDamagedError
from searchsvc.lexicon import Lexicon, WordFiles
from searchsvc.phrases import SCHEMA as _PHRASES_SCHEMA
from searchsvc.phrases import PhraseFiles, Phrases, read_phrases
from searchsvc.records import Records, RecordWriter
from searchsvc.reprints import Groups, ReprintWriter
from searchsvc.semantic import encode
from searchsvc.signatures import Signatures
from searchsvc.store_words import read_lexicon
from searchsvc.store_writer import NEIGHBOUR, NEIGHBOURS, StoreWriter
from searchsvc.stored import Card, Nearest, Neighbour, Stored, card_of
from searchsvc.vectors import Vectors, VectorWriter

_CHUNK = 500

_HOLDS = "since <= ? AND (until IS NULL OR until > ?)"
"""What a row is at a sequence, given twice."""

_SCHEMA = """
CREATE TABLE document (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    article TEXT NOT NULL, revision INTEGER NOT NULL,
    since INTEGER NOT NULL, until INTEGER, ended REAL,
    card TEXT NOT NULL, text TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX document_article ON document (article);
CREATE INDEX document_until ON document (until) WHERE until IS NOT NULL;
CREATE INDEX document_since ON document (since);
CREATE TABLE spent (key INTEGER PRIMARY KEY);
CREATE TABLE source (id TEXT PRIMARY KEY, url TEXT NOT NULL, title TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE form (
    form TEXT, spelling TEXT, documents INTEGER NOT NULL, PRIMARY KEY (form, spelling)
) WITHOUT ROWID;
CREATE TABLE form_change (form TEXT PRIMARY KEY, present INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE neighbour (key INTEGER PRIMARY KEY, list BLOB NOT NULL);
CREATE TABLE statistic (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class Store:
    """The store of one generation. Reading is safe from many threads.

    ``vectors`` is None in a generation that was built without them.
    """

    def __init__(self, path: Path, *, vectors: bool = False) -> None:
        self._path = path
        self.records = Records(path.parent)
        self.reprints = Groups(path.parent)
        self.vectors = Vectors(path.parent) if vectors else None
        self._connections = Connections(path)
        self.close = self._connections.close
        self._sources: dict[str, Source] | None = None
        self._words = WordFiles(path.parent)
        self._lexicon: Lexicon | None = None
        self._phrase_files = PhraseFiles(path.parent)
        self._phrases: Phrases | None = None
        self._age = 0

    @classmethod
    def create(cls, path: Path, *, vectors: bool = False) -> Store:
        """Make an empty store at *path*."""
        connection = sqlite3.connect(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA + _PHRASES_SCHEMA)
        finally:
            connection.close()
        Records.create(path.parent)
        Signatures.create(path.parent)
        Groups.create(path.parent)
        WordFiles(path.parent).create()
        PhraseFiles(path.parent).create()
        if vectors:
            Vectors.create(path.parent)
        return cls(path, vectors=vectors)

    # --- reading ---------------------------------------------------------------------------

    def documents(self, keys: Sequence[int], *, cards: Sequence[int] = ()) -> dict[int, Stored]:
        """Return the documents of *keys*, and those of *cards* without text, in one read; purged ones
        are missing."""
        with self._connections.reading() as connection:
            return {
                row[0]: Stored(row[0], card_of(row[1]), row[2])
                for wanted, columns in ((cards, "key, card, ''"), (keys, "key, card, text"))
                for part in _parts(wanted)
                for row in connection.execute(_in(f"SELECT {columns} FROM document", part), part)  # noqa: S608
            }

    def cards(self, article_ids: Sequence[str], sequence: int) -> dict[str, Card]:
        """Return the cards of articles as they are at *sequence*; those gone by then are missing."""
        with self._connections.reading() as connection:
            return {
                card.id: card
                for part in _parts(article_ids)
                for (line,) in connection.execute(
                    f"SELECT card FROM document WHERE article IN ({_marks(part)}) AND {_HOLDS}",  # noqa: S608
                    (*part, sequence, sequence),
                )
                for card in [card_of(line)]
            }

    def present(self, keys: Sequence[int], sequence: int) -> dict[int, Card]:
        """Return the cards of those of *keys* that hold at *sequence*."""
        with self._connections.reading() as connection:
            return {
                key: card_of(line)
                for part in _parts(keys)
                for key, line in connection.execute(
                    f"SELECT key, card FROM document WHERE key IN ({_marks(part)}) AND {_HOLDS}",  # noqa: S608
                    (*part, sequence, sequence),
                )
            }

    def reprint_cards(self, article_id: str, sequence: int) -> list[Card]:
        """Return the cards of the other articles of a group as they are at *sequence*."""
        with self._connections.reading() as connection:
            row = connection.execute(
                f"SELECT key FROM document WHERE article = ? AND {_HOLDS}",  # noqa: S608
                (article_id, sequence, sequence),
            ).fetchone()
        return list(self.present(self.reprints.others(row[0]) if row else (), sequence).values())

    def find(self, id_or_url: str, sequence: int) -> int | None:
        """Return the key of the article with this id or address as it is at *sequence*.

        An address that is not written as its source writes it costs a look at every card.
        """
        with self._connections.reading() as connection:
            for named in ("article = ?", "json_extract(card, '$.url') = ?"):
                row = connection.execute(
                    f"SELECT key FROM document WHERE {named} AND {_HOLDS}",  # noqa: S608
                    (id_or_url, sequence, sequence),
                ).fetchone()
                if row:
                    return int(row[0])
            if "://" not in id_or_url:
                return None
            wanted = normal_address(id_or_url)
            addresses = connection.execute(
                f"SELECT key, json_extract(card, '$.url') FROM document WHERE {_HOLDS}",  # noqa: S608
                (sequence, sequence),
            )
            return next((int(key) for key, url in addresses if normal_address(url) == wanted), None)

    def article(self, article_id: str, sequence: int) -> Article | None:
        """Return an article as it is at *sequence*."""
        with self._connections.reading() as connection:
            row = connection.execute(
                f"SELECT body FROM document WHERE article = ? AND {_HOLDS}",  # noqa: S608
                (article_id, sequence, sequence),
            ).fetchone()
        return article_from_dict(json.loads(zlib.decompress(row[0]))) if row else None

    def nearest(self, article_id: str, sequence: int) -> Nearest:
        """Return an article's neighbours as they are at *sequence*, best first; none of an unknown one."""
        with self._connections.reading() as connection:
            row = connection.execute(
                "SELECT key, text, list FROM document LEFT JOIN neighbour USING (key) "  # noqa: S608
                f"WHERE article = ? AND {_HOLDS}",
                (article_id, sequence, sequence),
            ).fetchone()
            own, text, packed = row or (0, "", b"")
            found = np.frombuffer(packed or b"", NEIGHBOUR).tolist()
            names = dict(
                connection.execute(
                    f"SELECT key, article FROM document WHERE key IN ({_marks(found)}) AND {_HOLDS}",  # noqa: S608
                    (*(key for key, *_ in found), sequence, sequence),
                )
            )
        kept = [
            Neighbour(names[key], round(score, 4), tuple(filter(None, shared)))
            for key, score, shared in found
            if key in names
        ]
        return Nearest(own, text, tuple(kept[:NEIGHBOURS]))

    def sources(self) -> Mapping[str, Source]:
        """Return the sources by id, as they were when first asked for, or since ``renew``."""
        if self._sources is None:
            with self._connections.reading() as connection:
                rows = connection.execute("SELECT id, url, title FROM source").fetchall()
            self._sources = {row[0]: Source(row[0], row[1], "", row[2]) for row in rows}
        return self._sources

    def renew(self) -> None:
        """Read sources, words and phrases again when next asked for: a commit may have changed them."""
        self._sources = None
        self._lexicon = None
        self._phrases = None
        self.reprints.renew()
        self._age += 1

    def lexicon(self) -> Lexicon:
        """Return the words of the archive as they were when first asked for, or since ``renew``.

        Raises:
            IndexDamagedError: their file is missing or broken.
        """
        lexicon = self._lexicon
        if lexicon is None:
            age = self._age
            with self._connections.reading() as connection:
                lexicon = read_lexicon(connection, self._words)
            if age == self._age:
                self._lexicon = lexicon
        return lexicon

    def phrases(self) -> Phrases:
        """Return phrases and titles as they were then. Raises like ``lexicon``."""
        phrases = self._phrases
        if phrases is None:
            age = self._age
            with self._connections.reading() as connection:
                phrases = read_phrases(connection, self._phrase_files)
            if age == self._age:
                self._phrases = phrases
        return phrases

    def form_count(self, form: str) -> int:
        """Return how many documents have a folded surface form."""
        with self._connections.reading() as connection:
            row = connection.execute("SELECT total(documents) FROM form WHERE form = ?", (form,)).fetchone()
        return int(row[0])

    def statistic(self, name: str) -> bytes:
        """Return a statistic, empty where there is none."""
        with self._connections.reading() as connection:
            return _statistic(connection, name)

    def contents(self, sequence: int) -> dict[str, int]:
        """Return the revision of every article at *sequence*."""
        with self._connections.reading() as connection:
            return dict(
                connection.execute(
                    f"SELECT article, revision FROM document WHERE {_HOLDS}",  # noqa: S608
                    (sequence, sequence),
                )
            )

    def check(self) -> str:
        """Return "ok" or what is wrong: by SQLite's own check, and whether records and vectors are there."""
        with self._connections.reading() as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            last = _last_key(connection)
        if found == "ok" and last:
            try:
                self.records.day(last)
                self.lexicon()
                self.phrases()
                self.reprints.check(last)
                if self.vectors is not None:
                    self.vectors.require(last)
            except IndexDamagedError as error:
                return str(error)
        return found

    # --- writing ---------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[StoreWriter]:
        """One transaction: everything in the block or nothing.

        Raises:
            IndexDamagedError: the file is not a store, or not whole.
            sqlite3.OperationalError: the disk is full or failing.
        """
        with self._connections.changing() as connection:
            try:
                connection.execute("PRAGMA secure_delete = ON")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("BEGIN IMMEDIATE")
                with ExitStack() as held:
                    folder, last = self._path.parent, _last_key(connection)
                    records = held.enter_context(closing(RecordWriter(folder, last)))
                    signatures = held.enter_context(closing(Signatures(folder)))
                    reprints = held.enter_context(closing(ReprintWriter(folder, last)))
                    vectors = None
                    if self.vectors is not None:
                        vectors = held.enter_context(closing(VectorWriter(folder, last, encode)))
                    writer = StoreWriter(
                        connection,
                        records,
                        signatures,
                        reprints,
                        self._words,
                        self._phrase_files,
                        vectors=vectors,
                    )
                    writer.wipe_spent()
                    yield writer
                    writer.flush()
                    connection.execute("COMMIT")
                    writer.wipe_spent()
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self.renew()

    def settle(self, *, vacuum: bool = False) -> None:
        """Bring everything into the one file, once it is finished or purged. Raises like ``writing``."""
        with self._connections.changing() as connection:
            if vacuum:
                connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _statistic(connection: sqlite3.Connection, name: str) -> bytes:
    row = connection.execute("SELECT value FROM statistic WHERE name = ?", (name,)).fetchone()
    return bytes(row[0]) if row else b""


def _last_key(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT max(key) FROM document").fetchone()
    return int(found[0] or 0)


def _parts(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]


def _marks(part: Sequence[Any]) -> str:
    return ",".join("?" * len(part))


def _in(select: str, part: Sequence[int]) -> str:
    return f"{select} WHERE key IN ({_marks(part)})"
