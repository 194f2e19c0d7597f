"""Writing: an ordinary Whoosh index, its posting lists made by whole blocks.

A writer gathers postings in memory (``gather``) and writes them as a segment when they are too many
or when it commits (``segments``). The table of contents is Whoosh's own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from whoosh import columns, fields, formats
from whoosh.index import TOC, clean_files
from whoosh.writing import IndexingError

from searchsvc.engine import FORMS, NAMES, TEXT, TITLE, Entry
from searchsvc.engines.whoosh.gather import Gathered
from searchsvc.engines.whoosh.read import NUMBERS, Files
from searchsvc.engines.whoosh.segments import INDEX_NAME, Documents, merge, write_segment
from searchsvc.engines.whoosh.storage import MappedStorage, reading
from searchsvc.errors import IndexBusyError

NO_DAY = 0
NO_STAMP = -(2**62)

GATHERED_BYTES = 160 * 2**20
"""Postings in memory before they are written as a segment; writing takes as much again."""

LARGE = 10_000
"""Living articles of a segment that only ``compact`` merges."""

MOST_SEGMENTS = 8
"""Smaller segments that a commit leaves; every one makes each search a little longer."""


Posting = tuple[bytes, int, float, bytes]


class _Ready(fields.FieldType):  # type: ignore[misc]
    """A field whose value comes as finished postings instead of text.

    Our writer gathers postings itself; ``index`` is what Whoosh's own asks, so that it can write here too.
    """

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
        **{name: Values() for name in NAMES},
        **{TEXT: WeightedPositions(), TITLE: PlainPositions(), FORMS: Values()},
    )
    schema.mark = ""
    return schema


class WhooshWriter:
    """Collects changes in memory and in segments that no table of contents names yet."""

    def __init__(self, folder: Path) -> None:
        self._storage = MappedStorage(folder)
        with reading(folder):
            TOC.read(self._storage, INDEX_NAME)
        self._lock = self._storage.lock(f"{INDEX_NAME}_WRITELOCK")
        if not self._lock.acquire():
            raise IndexBusyError("Индекс Whoosh", "в него пишет другой процесс")
        try:
            with reading(folder):
                self._toc = TOC.read(self._storage, INDEX_NAME)
            self._clean()
        except BaseException:
            self._lock.release()
            raise
        self._open = True
        self._files: dict[str, Files] = {}
        self._entries = list(self._toc.segments)
        self._former = len(self._entries)
        self._fresh: set[str] = set()
        self._begin()

    def __enter__(self) -> WhooshWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abandon()

    def _begin(self) -> None:
        """Begin to gather anew."""
        self._documents = Documents()
        indexed = (name for name, kind in self._toc.schema.items() if kind.indexed)
        self._gathered = {name: Gathered() for name in indexed}

    def add(self, entry: Entry) -> None:
        """Add an article that the index does not have.

        Where that fails, the writer is done for: part of the article may have been taken.
        """
        self._check()
        self._fresh.add(entry.article_id)
        try:
            self._add(entry)
            if sum(some.size() for some in self._gathered.values()) > GATHERED_BYTES:
                self._flush()
        except BaseException:
            self._abandon()
            raise

    def _add(self, entry: Entry) -> None:
        values: dict[str, Iterable[str]] = {
            "id": (entry.article_id,),
            "source": (entry.source,),
            "category": entry.categories,
            "tag": entry.tags,
            "year": (str(entry.year),) if entry.year is not None else (),
            FORMS: entry.forms,
            **entry.names(),
        }
        for name, some in values.items():
            self._gathered[name].add([value for value in dict.fromkeys(some) if value])
        weights, positions = zip(*entry.text.values(), strict=True) if entry.text else ((), ())
        places = list(entry.title.values())
        documents = self._documents
        documents.lengths[TEXT].append(self._gathered[TEXT].add(list(entry.text), weights, positions))
        documents.lengths[TITLE].append(
            self._gathered[TITLE].add(list(entry.title), map(len, places), places)
        )
        documents.ids.append(entry.article_id.encode())
        numbers = (
            entry.key,
            NO_DAY if entry.day is None else entry.day,
            NO_STAMP if entry.stamp is None else entry.stamp,
            entry.length,
        )
        for name, number in zip(NUMBERS, numbers, strict=True):
            documents.numbers[name].append(number)

    def replace(self, entry: Entry) -> None:
        """Add an article, or put it in the place of the one with its id."""
        self.delete(entry.article_id)
        self.add(entry)

    def delete(self, article_id: str) -> None:
        """Remove an article if it is there; an id comes once a batch."""
        self._check()
        if article_id in self._fresh:
            raise ValueError(f"{article_id} was added by this writer; commit first")
        for entry in self._entries[: self._former]:
            name = entry.segment_id()
            if name not in self._files:
                self._files[name] = Files(self._storage, self._toc.schema, entry, check=False)
            for number in self._files[name].postings("id", article_id.encode(errors="surrogatepass"))[0]:
                entry.delete_document(int(number))

    def commit(self, mark: str, *, compact: bool = False) -> None:
        """Make all changes visible at once, with *mark*."""
        self._check()
        self._flush()
        schema = self._toc.schema
        entries = [entry for entry in self._entries if entry.doc_count()]
        chosen = _to_merge(entries, compact=compact)
        if chosen:
            entries = [entry for entry in entries if entry not in chosen]
            entries.append(merge(self._storage, schema, chosen))
        schema.mark = mark
        TOC(schema, entries, self._toc.generation + 1).write(self._storage, INDEX_NAME)
        self._abandon()

    def _flush(self) -> None:
        """Write what has been gathered as a segment."""
        if not self._documents.ids:
            return
        lists = {name: some.lists() for name, some in self._gathered.items()}
        self._entries.append(
            write_segment(self._storage, self._toc.schema, self._documents, lists.__getitem__)
        )
        self._begin()

    def _check(self) -> None:
        if not self._open:
            raise IndexingError("This writer is closed")

    def _abandon(self) -> None:
        """Close the writer if it is open."""
        if not self._open:
            return
        self._open = False
        try:
            self._clean()
        finally:
            self._lock.release()

    def _clean(self) -> None:
        """Remove all files but those of the last commit."""
        toc = TOC.read(self._storage, INDEX_NAME)
        clean_files(self._storage, INDEX_NAME, toc.generation, toc.segments)
        for name in self._storage.list():
            if name.startswith(f"_{INDEX_NAME}_") and not name.endswith(".toc"):  # of a commit cut short
                self._storage.delete_file(name)
        shutil.rmtree(Path(self._storage.folder, f"{INDEX_NAME}.tmp"), ignore_errors=True)


def _to_merge(entries: Sequence[Any], *, compact: bool) -> list[Any]:
    """Return the segments that a commit makes into one: with *compact* all, else the smallest of
    those that are not large, where there are many of these."""
    if compact:
        return list(entries) if len(entries) > 1 or any(entry.has_deletions() for entry in entries) else []
    small = sorted((one for one in entries if one.doc_count() < LARGE), key=lambda one: one.doc_count())
    if len(small) <= MOST_SEGMENTS:
        return []
    number = total = 0
    while number < len(small):
        size = small[number].doc_count()
        if len(small) - number < MOST_SEGMENTS // 2 and size > total:
            break
        total += size
        number += 1
    return small[:number]
