"""Changes to the document store (``searchsvc.store.store``), all within one transaction."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from corpus.article import Source
from corpus.codec import article_to_dict
from searchsvc.semantic import sentences_of
from searchsvc.store.document import Document, Record
from searchsvc.store.groups import GroupWriter
from searchsvc.store.lexicon import Entry, WordFiles, Words
from searchsvc.store.phrases import PhraseFiles, PhraseWriter
from searchsvc.store.records import Bulk, RecordWriter
from searchsvc.store.sequences import shared_sequences
from searchsvc.store.signatures import Signatures
from searchsvc.store.store_words import FILED, entries_of, spelt
from searchsvc.store.stored import card_line
from searchsvc.store.vectors import VectorWriter

KEEP_SECONDS = 600.0
"""Rows of replaced articles outlive their end by this much: no reader holds a snapshot longer."""

FORMS_HELD = 300_000
"""Forms whose counts are gathered in memory, some 40 MB, before they are written."""

UNFILED = 2_000
"""Words that come and go before a new file is written, which takes a second for 150,000 words. Readers take
these in with every change that they see, some 10 ms for so many."""

NEIGHBOURS = 20
KEPT = 24
"""Neighbours a list holds: the last four stand by for those that are taken out."""

SHARED = 8
"""Terms kept with a neighbour, of which two to four can be shown as words (``searchsvc.answer.reasons``)."""

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
        reprints: GroupWriter,
        words: WordFiles,
        phrases: PhraseFiles,
        *,
        vectors: VectorWriter | None = None,
        forms_held: int = FORMS_HELD,
    ) -> None:
        self._connection = connection
        self._forms_held = forms_held
        self.signatures = signatures
        self.reprints = reprints
        self._records = records
        self._words = words
        self._phrases = PhraseWriter(connection, phrases)
        self._vectors = vectors
        self._forms: Counter[tuple[str, str]] = Counter()

    def undo_after(self, sequence: int) -> None:
        """Take back what was stored beyond *sequence*, the engine's last commit."""
        beyond = self._connection.execute(
            "SELECT key, text, card FROM document WHERE since > ? AND until IS NULL", (sequence,)
        )
        for key, text, card in beyond.fetchall():
            self._count_row(key, text, card, -1)
        ended = self._connection.execute(
            "SELECT key, text, card FROM document WHERE until > ? AND since <= ?", (sequence,) * 2
        )
        for key, text, card in ended.fetchall():
            self._count_row(key, text, card, 1)
        self._delete("since > ?", sequence)
        self._connection.execute(
            "UPDATE document SET until = NULL, ended = NULL WHERE until > ?", (sequence,)
        )

    def add(self, document: Document, sequence: int) -> int:
        """Keep *document* from *sequence* on and return its key."""
        article = document.article
        body = zlib.compress(json.dumps(article_to_dict(article), ensure_ascii=False).encode(), 6)
        cursor = self._connection.execute(
            "INSERT INTO document (article, revision, since, card, text, body) VALUES (?, ?, ?, ?, ?, ?)",
            (
                article.id,
                document.revision,
                sequence,
                card_line(article),
                document.text,
                body,
            ),
        )
        key = int(cursor.lastrowid or 0)
        day = article.published.toordinal() if article.published else 0
        self._records.append(key, document.record, day, document.length)
        self.reprints.put(key, document.record)
        if self._vectors is not None:
            self._vectors.append(key, sentences_of(article))
        self._count(spelt(token.form for token in document.tokens if token.form), 1)
        self._phrases.count(article.title, article.tags, 1)
        return key

    def retire(self, article_id: str, sequence: int) -> None:
        """End the present row of an article at *sequence*; nothing happens where there is none."""
        rows = self._connection.execute(
            "SELECT key, text, card FROM document WHERE article = ? AND until IS NULL", (article_id,)
        )
        for key, text, card in rows.fetchall():
            self._count_row(key, text, card, -1)
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
        """Wipe the records of rows whose deletion was committed, and files of words that count no more."""
        self._words.sweep(self._filed())
        self._phrases.sweep()
        spent = [key for (key,) in self._connection.execute("SELECT key FROM spent")]
        if spent:
            self._records.wipe(spent)
            if self._vectors is not None:
                self._vectors.wipe(spent)
                self._vectors.finish()
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

    def present(self) -> npt.NDArray[np.int64]:
        """Return the keys of documents that are present, in order."""
        rows = self._connection.execute("SELECT key FROM document WHERE until IS NULL ORDER BY key")
        return np.array([key for (key,) in rows], np.int64)

    def present_count(self) -> int:
        """Return how many documents are present, told by indexes alone."""
        rows = self._connection.execute(
            "SELECT (SELECT count(*) FROM document) - (SELECT count(*) FROM document WHERE until IS NOT NULL)"
        )
        return int(rows.fetchone()[0])

    def bulk(self, first: int, last: int) -> Bulk:
        """Return the records of the documents *first* to *last*, for whoever goes through all of them."""
        return self._records.bulk(first, last)

    def record(self, key: int) -> Record:
        """Return a document's record, in order of position."""
        return self._records.record(key)

    def text(self, key: int) -> str:
        """Return a document's text, which its record points into."""
        row = self._connection.execute("SELECT text FROM document WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def day(self, key: int) -> int:
        """Return the ordinal of a document's local day, 0 where none is known."""
        return self._records.day(key)

    def flush(self) -> None:
        """Write the counts of forms gathered so far; bring records, reprints and vectors to the disk."""
        self._records.finish()
        self.reprints.finish()
        if self._vectors is not None:
            self._vectors.finish()
        self._write_forms()
        self._phrases.flush()

    def file_words(self, *, least: int = 0) -> None:
        """Write a file of all words, if at least so many came or went since the last one."""
        self._write_forms()
        changed = self._connection.execute("SELECT count(*) FROM form_change").fetchone()[0]
        if self._filed() and changed < least:
            return
        rows = self._connection.execute("SELECT form, spelling, documents FROM form ORDER BY form")
        number = self._filed() + 1
        self._words.write(number, Words.build(entries_of(rows)))
        self.put_statistic(FILED, str(number).encode())
        self._connection.execute("DELETE FROM form_change")

    def file_phrases(self, *, always: bool = True) -> None:
        """Write files of all phrases, titles and sequences; without *always* only if enough articles came."""
        self._write_forms()
        self._phrases.file(self._spelling_of, self._sequences, always=always)

    def _sequences(self) -> list[Entry]:
        def forms() -> Iterator[str]:
            return (form for (form,) in self._connection.execute("SELECT DISTINCT form FROM form"))

        return shared_sequences(self, forms)

    def _spelling_of(self, form: str) -> str:
        rows = self._connection.execute("SELECT form, spelling, documents FROM form WHERE form = ?", (form,))
        return next((entry.spelling for entry in entries_of(rows)), form)

    def _filed(self) -> int:
        return int(self.statistic(FILED) or 0)

    def _write_forms(self) -> None:
        changes = [(*form, change) for form, change in self._forms.items() if change]
        by_form: defaultdict[str, int] = defaultdict(int)
        for form, _, change in changes:
            by_form[form] += change
        if self._filed():
            self._note(by_form)
        self._connection.executemany(
            "INSERT INTO form VALUES (?, ?, ?) "
            "ON CONFLICT (form, spelling) DO UPDATE SET documents = documents + excluded.documents",
            changes,
        )
        self._connection.executemany(
            "DELETE FROM form WHERE form = ? AND spelling = ? AND documents <= 0",
            [(form, spelling) for form, spelling, change in changes if change < 0],
        )
        self._forms.clear()

    def _note(self, changes: dict[str, int]) -> None:
        """Note which forms come and go with *changes*, which are about to be written."""
        for form, change in changes.items():
            row = self._connection.execute("SELECT total(documents) FROM form WHERE form = ?", (form,))
            before = int(row.fetchone()[0])
            present = before + change > 0
            if present != (before > 0):
                undone = self._connection.execute(
                    "DELETE FROM form_change WHERE form = ? AND present != ?", (form, present)
                )
                if not undone.rowcount:
                    self._connection.execute("INSERT INTO form_change VALUES (?, ?)", (form, present))

    def _forms_of(self, key: int, text: str) -> dict[str, str]:
        record = self._records.record(key)
        places = {
            (int(start), int(size))
            for start, size in zip(record["start"], record["size"], strict=True)
            if size
        }
        return spelt(text[start : start + size] for start, size in places)

    def _count_row(self, key: int, text: str, card: str, change: int) -> None:
        self._count(self._forms_of(key, text), change)
        values = json.loads(card)
        self._phrases.count(values["title"], values["tags"], change)

    def _count(self, forms: dict[str, str], change: int) -> None:
        for form in forms.items():
            self._forms[form] += change
        if len(self._forms) > self._forms_held:
            self._write_forms()
