"""Changes to the document store (``searchsvc.store``), all within one transaction."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from corpus.article import Source
from corpus.codec import article_to_dict
from searchsvc.analysis import folded_form
from searchsvc.document import Document, Record
from searchsvc.records import Bulk, RecordWriter
from searchsvc.reprints import ReprintWriter
from searchsvc.signatures import Signatures

KEEP_SECONDS = 600.0
"""Rows of replaced articles outlive their end by this much: no reader holds a snapshot longer."""

FORMS_HELD = 300_000
"""Forms whose counts are gathered in memory, some 40 MB, before they are written."""

NEIGHBOURS = 20
KEPT = 24
"""Neighbours a list holds: the last four stand by for those that are taken out."""

SHARED = 8
"""Terms kept with a neighbour, of which two to four can be shown as words (``searchsvc.reasons``)."""

NEIGHBOUR = np.dtype([("key", "<u4"), ("score", "<f4"), ("shared", "<u4", (SHARED,))])
"""A row of a list of neighbours, best first, with the terms that give most to the score (0: no more of them).
One whose document was replaced or removed counts no more."""


class StoreWriter:
    """Changes to the store within one transaction."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        records: RecordWriter,
        signatures: Signatures,
        reprints: ReprintWriter,
        *,
        forms_held: int = FORMS_HELD,
    ) -> None:
        self._connection = connection
        self._forms_held = forms_held
        self.signatures = signatures
        self.reprints = reprints
        self._records = records
        self._forms: Counter[str] = Counter()

    def undo_after(self, sequence: int) -> None:
        """Take back what was stored beyond *sequence*, the engine's last commit."""
        beyond = self._connection.execute(
            "SELECT key, text FROM document WHERE since > ? AND until IS NULL", (sequence,)
        )
        for key, text in beyond.fetchall():
            self._count(self._forms_of(key, text), -1)
        ended = self._connection.execute(
            "SELECT key, text FROM document WHERE until > ? AND since <= ?", (sequence,) * 2
        )
        for key, text in ended.fetchall():
            self._count(self._forms_of(key, text), 1)
        self._delete("since > ?", sequence)
        self._connection.execute(
            "UPDATE document SET until = NULL, ended = NULL WHERE until > ?", (sequence,)
        )

    def add(self, document: Document, sequence: int) -> int:
        """Keep *document* from *sequence* on and return its key."""
        article = document.article
        card = {
            "id": article.id,
            "url": article.url,
            "title": article.title,
            "published": article.published.isoformat() if article.published else None,
            "modified": article.modified.isoformat() if article.modified else None,
            "source": article.source,
            "categories": article.categories,
            "tags": article.tags,
        }
        body = zlib.compress(json.dumps(article_to_dict(article), ensure_ascii=False).encode(), 6)
        cursor = self._connection.execute(
            "INSERT INTO document (article, revision, since, card, text, body) VALUES (?, ?, ?, ?, ?, ?)",
            (
                article.id,
                document.revision,
                sequence,
                json.dumps(card, ensure_ascii=False),
                document.text,
                body,
            ),
        )
        key = int(cursor.lastrowid or 0)
        day = article.published.toordinal() if article.published else 0
        self._records.append(key, document.record, day, document.length)
        self.reprints.put(key, document.record)
        self._count(document.forms(), 1)
        return key

    def retire(self, article_id: str, sequence: int) -> None:
        """End the present row of an article at *sequence*; nothing happens where there is none."""
        rows = self._connection.execute(
            "SELECT key, text FROM document WHERE article = ? AND until IS NULL", (article_id,)
        )
        for key, text in rows.fetchall():
            self._count(self._forms_of(key, text), -1)
            self._connection.execute(
                "UPDATE document SET until = ?, ended = ? WHERE key = ?", (sequence, time.time(), key)
            )

    def erase(self, article_id: str) -> None:
        """Delete every row of an article, at once and for good."""
        self.retire(article_id, 0)
        self._delete("article = ?", article_id)

    def drop_lost_neighbours(self) -> None:
        """Take documents that are not there any more out of all lists, with the terms they shared."""
        keys = np.array([key for (key,) in self._connection.execute("SELECT key FROM document")], np.uint32)
        changed = []
        for key, packed in self._connection.execute("SELECT key, list FROM neighbour"):
            found = np.frombuffer(packed, NEIGHBOUR)
            there = np.isin(found["key"], keys)
            if not there.all():
                changed.append((key, found[there].tobytes()))
        self.put_lists(changed)

    def prune(self, sequence: int) -> None:
        """Delete rows that ended long enough ago, and descriptions of changes before *sequence*."""
        self._connection.execute(
            "DELETE FROM statistic WHERE name LIKE 'change %' AND CAST(substr(name, 8) AS INTEGER) < ?",
            (sequence,),
        )
        # Saying the first lets an index be used; without, every document would be read.
        self._delete("until IS NOT NULL AND ended < ?", time.time() - KEEP_SECONDS)

    def _delete(self, condition: str, value: object) -> None:
        """Delete rows; their records are wiped once that is certain."""
        self._connection.execute(
            f"INSERT OR IGNORE INTO spent SELECT key FROM document WHERE {condition}",  # noqa: S608
            (value,),
        )
        self._connection.execute("DELETE FROM neighbour WHERE key IN (SELECT key FROM spent)")
        self._connection.execute(f"DELETE FROM document WHERE {condition}", (value,))  # noqa: S608

    def wipe_spent(self) -> None:
        """Wipe the records of rows whose deletion was committed."""
        spent = [key for (key,) in self._connection.execute("SELECT key FROM spent")]
        if spent:
            self._records.wipe(spent)
            self.signatures.wipe(np.array(spent))
            self.reprints.wipe(spent)
            self._records.finish()
            self.reprints.finish()
            self._connection.execute("DELETE FROM spent")

    def put_sources(self, sources: Iterable[Source]) -> None:
        """Replace the list of sources."""
        self._connection.execute("DELETE FROM source")
        self._connection.executemany(
            "INSERT INTO source VALUES (?, ?, ?)", [(s.id, s.url, s.title or s.id) for s in sources]
        )

    def put_lists(self, lists: Iterable[tuple[int, bytes]]) -> None:
        """Keep lists of neighbours, packed, in the place of those that documents had."""
        self._connection.executemany("INSERT OR REPLACE INTO neighbour VALUES (?, ?)", lists)

    def list_of(self, key: int) -> bytes:
        """Return a document's packed list of neighbours, empty where there is none."""
        row = self._connection.execute("SELECT list FROM neighbour WHERE key = ?", (key,)).fetchone()
        return bytes(row[0]) if row else b""

    def put_statistic(self, name: str, value: bytes) -> None:
        """Keep a packed statistic of the whole collection."""
        self._connection.execute("INSERT OR REPLACE INTO statistic VALUES (?, ?)", (name, value))

    def statistic(self, name: str) -> bytes:
        """Return a statistic, empty where there is none."""
        row = self._connection.execute("SELECT value FROM statistic WHERE name = ?", (name,)).fetchone()
        return bytes(row[0]) if row else b""

    def last_key(self) -> int:
        """Return the greatest key there is, 0 where there is none."""
        return int(self._connection.execute("SELECT max(key) FROM document").fetchone()[0] or 0)

    def keys(self, article_id: str) -> list[int]:
        """Return the keys of all rows of an article."""
        rows = self._connection.execute("SELECT key FROM document WHERE article = ?", (article_id,))
        return [key for (key,) in rows]

    def gone(self) -> npt.NDArray[np.int64]:
        """Return the keys of documents that are not present and not wiped yet."""
        rows = self._connection.execute(
            "SELECT key FROM document WHERE until IS NOT NULL UNION SELECT key FROM spent"
        )
        return np.array([key for (key,) in rows], np.int64)

    def bulk(self, first: int, last: int) -> Bulk:
        """Return the records of the documents *first* to *last*, for whoever goes through all of them."""
        return self._records.bulk(first, last)

    def record(self, key: int) -> Record:
        """Return a document's record, in order of position."""
        return self._records.record(key)

    def day(self, key: int) -> int:
        """Return the ordinal of a document's local day, 0 where none is known."""
        return self._records.day(key)

    def flush(self) -> None:
        """Write the counts of forms gathered so far; bring records and reprints to the disk."""
        self._records.finish()
        self.reprints.finish()
        self._write_forms()

    def _write_forms(self) -> None:
        changes = [(form, change) for form, change in self._forms.items() if change]
        self._connection.executemany(
            "INSERT INTO form VALUES (?, ?) "
            "ON CONFLICT (form) DO UPDATE SET documents = documents + excluded.documents",
            changes,
        )
        self._connection.executemany(
            "DELETE FROM form WHERE form = ? AND documents <= 0",
            [(form,) for form, change in changes if change < 0],
        )
        self._forms.clear()

    def _forms_of(self, key: int, text: str) -> set[str]:
        return _forms(text, self._records.record(key))

    def _count(self, forms: Iterable[str], change: int) -> None:
        for form in forms:
            self._forms[form] += change
        if len(self._forms) > self._forms_held:
            self._write_forms()


def _forms(text: str, record: Record) -> set[str]:
    """Return the folded forms of a stored document, as ``Document.forms`` had them."""
    places = {
        (int(start), int(size)) for start, size in zip(record["start"], record["size"], strict=True) if size
    }
    return {folded_form(text[start : start + size]) for start, size in places}
