"""Segments: written from columns and posting lists, or merged list by list from others.

Columns, term index and the segment's one file go through Whoosh's own classes; the lists are ours
(``blocks``).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress, groupby, repeat
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh import fields
from whoosh.codec.whoosh3 import W3Codec
from whoosh.system import pack_ushort
from whoosh.util.numeric import length_to_byte

from searchsvc.engine import TEXT, TITLE
from searchsvc.engines.whoosh import blocks
from searchsvc.engines.whoosh.gather import PostingList
from searchsvc.engines.whoosh.read import NUMBERS, TERM, Files, Whole, living
from searchsvc.engines.whoosh.storage import MappedStorage, checksum
from searchsvc.engines.whoosh.values import Ints, Values

INDEX_NAME = "searchsvc"


@dataclass(slots=True)
class Documents:
    """Columns of articles; ``lengths`` of the scored fields count positions."""

    ids: list[bytes] = field(default_factory=list)
    numbers: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in NUMBERS})
    lengths: dict[str, list[int]] = field(default_factory=lambda: {TEXT: [], TITLE: []})


def _merged_lists(name: str, parts: Sequence[_Part]) -> Iterator[PostingList]:
    """Yield the posting lists of a field of several segments, deleted articles left out."""
    streams = [zip(part.files.lists(name), repeat(part)) for part in parts]
    ordered = heapq.merge(*streams, key=lambda each: each[0][0])
    for term, holders in groupby(ordered, key=lambda each: each[0][0]):
        ids, weights = [], []
        values: list[Values] = []
        for (_, whole), part in holders:
            found, some_weights, some_values = part.left(whole)
            ids.append(part.places[found])
            weights.append(some_weights)
            values += [some_values] if some_values else []
        joined = np.concatenate(ids)
        if len(joined):
            kept = Values.joined(values) if values else None
            yield PostingList(term, joined, np.concatenate(weights), kept)


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment to be merged: who is alive, and at which place each of them will be."""

    files: Files
    alive: npt.NDArray[np.bool_]
    places: Ints

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


def _joined(schema: fields.Schema, parts: Iterable[_Part]) -> Documents:
    """Return the columns of those who are alive."""
    whole = Documents()
    for part in parts:
        whole.ids += part.files.article_ids()[part.alive].tolist()
        for name, numbers in whole.numbers.items():
            numbers.extend(part.files.numbers(name, schema[name].column_type)[part.alive].tolist())
        for name, lengths in whole.lengths.items():
            lengths.extend(compress(part.files.lengths(name), part.alive.tolist()))
    return whole


def merge(storage: MappedStorage, schema: fields.Schema, entries: Iterable[Any]) -> Any:
    """Write one segment of those who are alive in *entries*; return its entry."""
    parts = _Part.several(storage, schema, entries)
    return write_segment(storage, schema, _joined(schema, parts), partial(_merged_lists, parts=parts))


def write_segment(
    storage: MappedStorage,
    schema: fields.Schema,
    documents: Documents,
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


def _write_columns(writer: Any, schema: fields.Schema, documents: Documents) -> None:
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
