"""Writing: entries with ready terms go through Whoosh's own writer into an ordinary index."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from whoosh import columns, fields, formats
from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC, clean_files
from whoosh.writing import MERGE_SMALL

from searchsvc.engine import FORMS, TEXT, TITLE, Entry
from searchsvc.engines.whoosh.read import reading
from searchsvc.errors import IndexBusyError

INDEX_NAME = "searchsvc"

NO_DAY = 0
NO_STAMP = -(2**62)
WRITER_MB = 256
"""Postings gathered in memory before Whoosh spills a sorted run to disk."""

Posting = tuple[bytes, int, float, bytes]


class _Ready(fields.FieldType):  # type: ignore[misc]
    """A field whose value comes as finished postings instead of text."""

    analyzer = None
    vector = None
    indexed = True
    stored = False
    unique = False
    scorable = True
    column_type = None

    def __init__(self, posting_format: formats.Format) -> None:
        self.format = posting_format

    def to_bytes(self, value: str | bytes) -> bytes:
        return value if isinstance(value, bytes) else value.encode()

    def from_bytes(self, value: bytes) -> str:
        return bytes(value).decode()


class WeightedPositions(_Ready):
    """Value: term -> (weight, positions)."""

    def __init__(self) -> None:
        super().__init__(formats.Positions())

    def index(self, value: Mapping[str, tuple[float, tuple[int, ...]]], **_: Any) -> Iterator[Posting]:
        """Yield Whoosh's postings."""
        for term, (weight, positions) in value.items():
            yield term.encode(), len(positions), weight, self.format.encode(positions)


class PlainPositions(_Ready):
    """Value: term -> positions."""

    def __init__(self) -> None:
        super().__init__(formats.Positions())

    def index(self, value: Mapping[str, tuple[int, ...]], **_: Any) -> Iterator[Posting]:
        """Yield Whoosh's postings."""
        for term, positions in value.items():
            yield term.encode(), len(positions), float(len(positions)), self.format.encode(positions)


class Values(_Ready):
    """Value: a collection of strings; only whether a document has one is kept."""

    scorable = False

    def __init__(self) -> None:
        super().__init__(formats.Existence())

    def index(self, value: Any, **_: Any) -> Iterator[Posting]:
        """Yield Whoosh's postings."""
        for item in dict.fromkeys(value):
            if item:
                yield item.encode(), 1, 1.0, b""


def empty_schema() -> fields.Schema:
    """Return the schema of a new index, with an empty mark."""
    schema = fields.Schema(
        id=fields.ID(unique=True, sortable=True),
        source=Values(),
        category=Values(),
        tag=Values(),
        year=Values(),
        key=fields.COLUMN(columns.NumericColumn("i", default=0)),
        day=fields.COLUMN(columns.NumericColumn("i", default=NO_DAY)),
        stamp=fields.COLUMN(columns.NumericColumn("q", default=NO_STAMP)),
        length=fields.COLUMN(columns.NumericColumn("i", default=0)),
        **{TEXT: WeightedPositions(), TITLE: PlainPositions(), FORMS: Values()},
    )
    schema.mark = ""
    return schema


class WhooshWriter:
    """Collects changes in a Whoosh writer; cancels it where ``commit`` was not reached."""

    def __init__(self, storage: FileStorage) -> None:
        self._storage = storage
        with reading(Path(storage.folder)):
            index = storage.open_index(indexname=INDEX_NAME)
        # Ours to release: Whoosh forgets its lock where the disk is too full to begin or to cancel.
        self._lock = index.lock("WRITELOCK")
        if not self._lock.acquire():
            raise IndexBusyError("Индекс Whoosh", "в него пишет другой процесс")
        try:
            self._writer = index.writer(limitmb=WRITER_MB, _lk=False)
        except BaseException:
            self._lock.release()
            raise
        self._open = True
        self._fresh: set[str] = set()

    def __enter__(self) -> WhooshWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abandon()

    def add(self, entry: Entry) -> None:
        """Add an article that the index does not have.

        Where that fails, the writer is done for: Whoosh would give the next article what it took
        of this one.
        """
        self._fresh.add(entry.article_id)
        try:
            self._add(entry)
        except BaseException:
            self._abandon()
            raise

    def _add(self, entry: Entry) -> None:
        self._writer.add_document(
            id=entry.article_id,
            source=(entry.source,),
            category=entry.categories,
            tag=entry.tags,
            year=(str(entry.year),) if entry.year is not None else (),
            key=entry.key,
            day=NO_DAY if entry.day is None else entry.day,
            stamp=NO_STAMP if entry.stamp is None else entry.stamp,
            length=entry.length,
            **{TEXT: entry.text, TITLE: entry.title, FORMS: entry.forms},
        )

    def replace(self, entry: Entry) -> None:
        """Add an article, or put it in the place of the one with its id."""
        self.delete(entry.article_id)
        self.add(entry)

    def delete(self, article_id: str) -> None:
        """Remove an article if it is there.

        Whoosh cannot see what this very writer has added; an id comes once a batch.
        """
        if article_id in self._fresh:
            raise ValueError(f"{article_id} was added by this writer; commit first")
        self._writer.delete_by_term("id", article_id)

    def commit(self, mark: str, *, compact: bool = False) -> None:
        """Make all changes visible at once, with *mark*."""
        self._writer.schema.mark = mark
        if compact:
            self._writer.commit(optimize=True)
        else:
            self._writer.commit(mergetype=MERGE_SMALL)
        self._open = False
        self._lock.release()

    def _abandon(self) -> None:
        """Close the writer if it is open, and remove all files but those of the last commit."""
        if not self._open:
            return
        self._open = False
        with suppress(Exception):  # Whoosh raises anything where a full disk left files half closed
            self._writer.cancel()
        try:
            toc = TOC.read(self._storage, INDEX_NAME)
            clean_files(self._storage, INDEX_NAME, toc.generation, toc.segments)
            for name in self._storage.list():
                if name.startswith(f"_{INDEX_NAME}_") and not name.endswith(".toc"):  # of a commit cut short
                    self._storage.delete_file(name)
            shutil.rmtree(self._writer.temp_storage().folder, ignore_errors=True)
        finally:
            self._lock.release()
