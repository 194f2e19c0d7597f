"""The generation's document store: a SQLite file with what the public face shows, and mapped records.

Documents are keyed (article, revision) by one integer, which is all the engine knows of
them. A row is never changed: it holds from change ``since`` up to, not including, change
``until``, so that a reader with an older snapshot of the engine goes on finding what it
points at. The store is written first, the engine's commit publishes; ``undo_after`` takes
back what a killed writer had stored for a commit that never came. Changes are ``searchsvc.store_writer``'s.
"""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from corpus.address import normal_address
from corpus.article import Article, Source
from corpus.codec import article_from_dict
from searchsvc.errors import IndexDamagedError
from searchsvc.records import Records, RecordWriter
from searchsvc.reprints import Groups, ReprintWriter
from searchsvc.signatures import Signatures
from searchsvc.store_writer import NEIGHBOUR, NEIGHBOURS, StoreWriter

_BUSY_SECONDS = 10.0
_CHUNK = 500

_DAMAGE = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}
"""Errors of writing that speak of the file (not a database, damaged, no such table), not of the disk."""

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
CREATE TABLE form (form TEXT PRIMARY KEY, documents INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE neighbour (key INTEGER PRIMARY KEY, list BLOB NOT NULL);
CREATE TABLE statistic (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Card:
    """What a hit shows of an article, without its text."""

    id: str
    url: str
    title: str
    published: datetime | None
    modified: datetime | None
    source: str
    categories: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as a result page needs it."""

    key: int
    card: Card
    text: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A neighbour; ``shared`` are the terms both have that make them near, the strongest first."""

    article: str
    score: float
    shared: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The neighbours of a document, best first; its key (0: there is none) and text."""

    key: int
    text: str
    neighbours: tuple[Neighbour, ...]


class _Sealed(sqlite3.Connection):
    """A connection that takes the file as it is, without a log: used once and closed."""


class Store:
    """The store of one generation. Reading is safe from many threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.records = Records(path.parent)
        self.reprints = Groups(path.parent)
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._closed = False
        self._sources: dict[str, Source] | None = None
        self._lock = threading.Lock()

    @classmethod
    def create(cls, path: Path) -> Store:
        """Make an empty store at *path*."""
        connection = sqlite3.connect(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        finally:
            connection.close()
        Records.create(path.parent)
        Signatures.create(path.parent)
        Groups.create(path.parent)
        return cls(path)

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
    def _reading(self) -> Iterator[sqlite3.Connection]:
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

    # --- reading ---------------------------------------------------------------------------

    def documents(self, keys: Sequence[int], *, cards: Sequence[int] = ()) -> dict[int, Stored]:
        """Return the documents of *keys*, and those of *cards* without text, in one read; purged ones
        are missing."""
        with self._reading() as connection:
            return {
                row[0]: Stored(row[0], _card(row[1]), row[2])
                for wanted, columns in ((cards, "key, card, ''"), (keys, "key, card, text"))
                for part in _parts(wanted)
                for row in connection.execute(_in(f"SELECT {columns} FROM document", part), part)  # noqa: S608
            }

    def cards(self, article_ids: Sequence[str], sequence: int) -> dict[str, Card]:
        """Return the cards of articles as they are at *sequence*; those gone by then are missing."""
        with self._reading() as connection:
            return {
                card.id: card
                for part in _parts(article_ids)
                for (line,) in connection.execute(
                    f"SELECT card FROM document WHERE article IN ({_marks(part)}) AND since <= ? "  # noqa: S608
                    "AND (until IS NULL OR until > ?)",
                    (*part, sequence, sequence),
                )
                for card in [_card(line)]
            }

    def reprint_cards(self, article_id: str, sequence: int) -> list[Card]:
        """Return the cards of the other articles of a group as they are at *sequence*."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT key FROM document WHERE article = ? AND since <= ? AND (until IS NULL OR until > ?)",
                (article_id, sequence, sequence),
            ).fetchone()
            return [
                _card(line)
                for part in _parts(self.reprints.others(row[0]) if row else ())
                for (line,) in connection.execute(
                    f"SELECT card FROM document WHERE key IN ({_marks(part)}) AND since <= ? "  # noqa: S608
                    "AND (until IS NULL OR until > ?)",
                    (*part, sequence, sequence),
                )
            ]

    def find(self, id_or_url: str, sequence: int) -> int | None:
        """Return the key of the article with this id or address as it is at *sequence*.

        An address that is not written as its source writes it costs a look at every card.
        """
        there = "since <= ? AND (until IS NULL OR until > ?)"
        with self._reading() as connection:
            for named in ("article = ?", "json_extract(card, '$.url') = ?"):
                row = connection.execute(
                    f"SELECT key FROM document WHERE {named} AND {there}",  # noqa: S608
                    (id_or_url, sequence, sequence),
                ).fetchone()
                if row:
                    return int(row[0])
            if "://" not in id_or_url:
                return None
            wanted = normal_address(id_or_url)
            addresses = connection.execute(
                f"SELECT key, json_extract(card, '$.url') FROM document WHERE {there}",  # noqa: S608
                (sequence, sequence),
            )
            return next((int(key) for key, url in addresses if normal_address(url) == wanted), None)

    def article(self, article_id: str, sequence: int) -> Article | None:
        """Return an article as it is at *sequence*."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT body FROM document WHERE article = ? AND since <= ? AND (until IS NULL OR until > ?)",
                (article_id, sequence, sequence),
            ).fetchone()
        return article_from_dict(json.loads(zlib.decompress(row[0]))) if row else None

    def neighbours(self, article_id: str, sequence: int) -> list[tuple[str, float]]:
        """Return ids of neighbours with their scores as they are at *sequence*, best first."""
        return [(one.article, one.score) for one in self.nearest(article_id, sequence).neighbours]

    def nearest(self, article_id: str, sequence: int) -> Nearest:
        """Return an article's neighbours as they are at *sequence*, best first; none of an unknown one."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT key, text, list FROM document LEFT JOIN neighbour USING (key) "
                "WHERE article = ? AND since <= ? AND (until IS NULL OR until > ?)",
                (article_id, sequence, sequence),
            ).fetchone()
            own, text, packed = row or (0, "", b"")
            found = np.frombuffer(packed or b"", NEIGHBOUR).tolist()
            names = dict(
                connection.execute(
                    f"SELECT key, article FROM document WHERE key IN ({_marks(found)}) "  # noqa: S608
                    "AND since <= ? AND (until IS NULL OR until > ?)",
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
            with self._reading() as connection:
                rows = connection.execute("SELECT id, url, title FROM source").fetchall()
            self._sources = {row[0]: Source(row[0], row[1], "", row[2]) for row in rows}
        return self._sources

    def renew(self) -> None:
        """Read the sources again when they are next asked for: a commit may have changed them."""
        self._sources = None

    def form_count(self, form: str) -> int:
        """Return how many documents have a folded surface form."""
        with self._reading() as connection:
            row = connection.execute("SELECT documents FROM form WHERE form = ?", (form,)).fetchone()
        return int(row[0]) if row else 0

    def statistic(self, name: str) -> bytes:
        """Return a statistic, empty where there is none."""
        with self._reading() as connection:
            row = connection.execute("SELECT value FROM statistic WHERE name = ?", (name,)).fetchone()
        return bytes(row[0]) if row else b""

    def contents(self, sequence: int) -> dict[str, int]:
        """Return the revision of every article at *sequence*."""
        with self._reading() as connection:
            return dict(
                connection.execute(
                    "SELECT article, revision FROM document "
                    "WHERE since <= ? AND (until IS NULL OR until > ?)",
                    (sequence, sequence),
                )
            )

    def check(self) -> str:
        """Return "ok" or what is wrong: by SQLite's own check, and whether all records are there."""
        with self._reading() as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            last = _last_key(connection)
        if found == "ok" and last:
            try:
                self.records.day(last)
                self.reprints.check(last)
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
        with self._changing() as connection:
            try:
                connection.execute("PRAGMA secure_delete = ON")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("BEGIN IMMEDIATE")
                last = _last_key(connection)
                with (
                    closing(RecordWriter(self._path.parent, last)) as records,
                    closing(Signatures(self._path.parent)) as signatures,
                    closing(ReprintWriter(self._path.parent, last)) as reprints,
                ):
                    writer = StoreWriter(connection, records, signatures, reprints)
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
        with self._changing() as connection:
            if vacuum:
                connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
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


def _last_key(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT max(key) FROM document").fetchone()
    return int(found[0] or 0)


def _card(line: str) -> Card:
    values: dict[str, Any] = json.loads(line)
    return Card(
        id=values["id"],
        url=values["url"],
        title=values["title"],
        published=_moment(values["published"]),
        modified=_moment(values["modified"]),
        source=values["source"],
        categories=tuple(values["categories"]),
        tags=tuple(values["tags"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _parts(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]


def _marks(part: Sequence[Any]) -> str:
    return ",".join("?" * len(part))


def _in(select: str, part: Sequence[int]) -> str:
    return f"{select} WHERE key IN ({_marks(part)})"
