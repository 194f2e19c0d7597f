"""Writing: an ordinary Whoosh index, its posting lists made by whole blocks.

A writer gathers postings in memory (``gather``) and writes them as a segment when they are too many
or when it commits; segments are merged list by list. Columns, term index and table of contents go
through Whoosh's own classes.
"""

from __future__ import annotations

import heapq
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress, groupby, repeat
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh import columns, fields, formats
from whoosh.codec.whoosh3 import W3Codec
from whoosh.index import TOC, clean_files
from whoosh.system import pack_ushort
from whoosh.util.numeric import length_to_byte
from whoosh.writing import IndexingError

from searchsvc.engine import FORMS, TEXT, TITLE, Entry
from searchsvc.engines.whoosh import blocks
from searchsvc.engines.whoosh.gather import Gathered, PostingList
from searchsvc.engines.whoosh.read import (
    NUMBERS,
    TERM,
    Files,
    MappedStorage,
    Whole,
    checksum,
    living,
    reading,
)
from searchsvc.errors import IndexBusyError

INDEX_NAME = "searchsvc"

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


# --- segments -----------------------------------------------------------------------------


def _merged_lists(name: str, parts: Sequence[_Part]) -> Iterator[PostingList]:
    """Yield the posting lists of a field of several segments, deleted articles left out."""
    streams = [zip(part.files.lists(name), repeat(part)) for part in parts]
    ordered = heapq.merge(*streams, key=lambda each: each[0][0])
    for term, holders in groupby(ordered, key=lambda each: each[0][0]):
        ids, weights = [], []
        values: list[blocks.Values] = []
        for (_, whole), part in holders:
            found, some_weights, some_values = part.left(whole)
            ids.append(part.places[found])
            weights.append(some_weights)
            values += [some_values] if some_values else []
        joined = np.concatenate(ids)
        if len(joined):
            kept = blocks.Values.joined(values) if values else None
            yield PostingList(term, joined, np.concatenate(weights), kept)


@dataclass(slots=True)
class _Documents:
    """Columns of articles; ``lengths`` of the scored fields count positions."""

    ids: list[bytes] = field(default_factory=list)
    numbers: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in NUMBERS})
    lengths: dict[str, list[int]] = field(default_factory=lambda: {TEXT: [], TITLE: []})


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment to be merged: who is alive, and at which place each of them will be."""

    files: Files
    alive: npt.NDArray[np.bool_]
    places: blocks.Ints

    @classmethod
    def several(cls, storage: MappedStorage, schema: fields.Schema, entries: Iterable[Any]) -> list[_Part]:
        """Return parts in the order of *entries*."""
        parts, start = [], 0
        for entry in entries:
            alive = living(entry)
            parts.append(cls(Files(storage, schema, entry), alive, np.cumsum(alive) - 1 + start))
            start += int(alive.sum())
        return parts

    def left(self, whole: Whole) -> Whole:
        """Return of a posting list what belongs to those who are alive."""
        ids, weights, values = whole
        keep = self.alive[ids]
        if keep.all():
            return whole
        return ids[keep], weights[keep], values and values.kept(keep)


def _joined(schema: fields.Schema, parts: Iterable[_Part]) -> _Documents:
    """Return the columns of those who are alive."""
    whole = _Documents()
    for part in parts:
        whole.ids += part.files.article_ids()[part.alive].tolist()
        for name, numbers in whole.numbers.items():
            numbers.extend(part.files.numbers(name, schema[name].column_type)[part.alive].tolist())
        for name, lengths in whole.lengths.items():
            lengths.extend(compress(part.files.lengths(name), part.alive.tolist()))
    return whole


def _write_segment(
    storage: MappedStorage,
    schema: fields.Schema,
    documents: _Documents,
    lists: Callable[[str], Iterable[PostingList]],
) -> Any:
    """Write a segment of *documents* with the posting *lists* of each field; return its entry for the
    table of contents."""
    codec = W3Codec()
    entry = codec.new_segment(storage, INDEX_NAME)
    entry.set_doc_count(len(documents.ids))
    columns_writer = codec.per_document_writer(storage, entry)
    _write_columns(columns_writer, schema, documents)
    columns_writer.close()
    terms_writer = codec.field_writer(storage, entry)
    for name in sorted(name for name, kind in schema.items() if kind.indexed):
        lengths = documents.lengths.get(name)
        codes = (
            None if lengths is None else np.array([length_to_byte(length) for length in lengths], np.uint8)
        )
        _write_lists(terms_writer, name, schema[name], lists(name), codes)
    terms_writer.close()
    entry.create_compound_file(storage)
    entry.checksum = checksum(storage, entry)
    return entry


def _write_columns(writer: Any, schema: fields.Schema, documents: _Documents) -> None:
    kinds = [(schema[name].column_type, name, values) for name, values in documents.numbers.items()]
    kinds.append((schema["id"].column_type, "id", documents.ids))  # type: ignore[arg-type]
    for number in range(len(documents.ids)):
        writer.start_doc(number)
        for kind, name, values in kinds:
            writer.add_column_value(name, kind, values[number])
        for name, lengths in documents.lengths.items():
            writer.add_field(name, schema[name], None, lengths[number])
        writer.finish_doc()


def _write_lists(
    writer: Any, name: str, kind: Any, lists: Iterable[PostingList], codes: npt.NDArray[np.uint8] | None
) -> None:
    postings, place, prefix = writer._postfile, writer._postfile.tell(), b""
    for one in lists:
        if not prefix:
            writer.start_field(name, kind)
            prefix = pack_ushort(writer._fieldid)
        made = blocks.make(one.ids, one.weights, one.values, None if codes is None else codes[one.ids])
        said = TERM.pack(
            0,
            made.weight,
            len(one.ids),
            made.shortest,
            made.longest,
            made.greatest,
            int(one.ids[0]),
            int(one.ids[-1]),
            place,
            len(made.blob),
        )
        postings.write(made.blob)
        place += len(made.blob)
        writer._tindex.add(prefix + one.term, said)


# --- the writer ---------------------------------------------------------------------------


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
        self._documents = _Documents()
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
            parts = _Part.several(self._storage, schema, chosen)
            lists = partial(_merged_lists, parts=parts)
            entries = [entry for entry in entries if entry not in chosen]
            entries.append(_write_segment(self._storage, schema, _joined(schema, parts), lists))
        schema.mark = mark
        TOC(schema, entries, self._toc.generation + 1).write(self._storage, INDEX_NAME)
        self._abandon()

    def _flush(self) -> None:
        """Write what has been gathered as a segment."""
        if not self._documents.ids:
            return
        lists = {name: some.lists() for name, some in self._gathered.items()}
        self._entries.append(
            _write_segment(self._storage, self._toc.schema, self._documents, lists.__getitem__)
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
