"""Reading: a Whoosh segment's columns and posting lists as numpy arrays.

``Files`` takes them out of the mapped files, ``Segment`` adds what a search needs of a state: who
is alive, and the cache. Whoosh's own classes find a term and a column; the bytes are decoded
whole (``blocks``). A list of another form than this codec's goes through Whoosh's matcher.
"""

from __future__ import annotations

import copy
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh.codec.whoosh3 import W3Codec
from whoosh.columns import NumericColumn, VarBytesColumn
from whoosh.formats import Positions
from whoosh.reading import SegmentReader, TermNotFound

from searchsvc.engine import Clause
from searchsvc.engines.whoosh import blocks
from searchsvc.engines.whoosh.facts import POSITION_BITS, Facet, Facts, Postings
from searchsvc.engines.whoosh.named import Named, Vocabulary
from searchsvc.engines.whoosh.storage import MappedStorage, PostingCache, is_whole, reading
from searchsvc.engines.whoosh.values import Ints, Values
from searchsvc.errors import IndexDamagedError
from searchsvc.results import FACETS

NUMBERS = ("key", "day", "stamp", "length")
"""The numeric columns of an article."""

Whole = tuple[npt.NDArray[np.int32], blocks.Floats, Values | None]
"""Document numbers, weights, values (None where the field keeps none)."""

_NOTHING: Postings = (np.empty(0, np.int32), np.empty(0, np.float32))
TERM = struct.Struct("!BfIBBfIIqi")
"""What the term index says of a term whose list is in the postings file; ends in place and length."""


class Files:
    """The files of one segment, deleted documents included; safe for many threads.

    With ``check`` they are compared with the checksum in the segment's entry; one that plain Whoosh wrote
    has none.
    """

    def __init__(self, storage: MappedStorage, schema: Any, entry: Any, *, check: bool = True) -> None:
        if check and not is_whole(storage, entry):
            raise IndexDamagedError(Path(storage.folder), "контрольная сумма сегмента не сходится")
        whole = copy.copy(entry)  # serves states with fewer deletions as well
        whole._deleted = None
        self.name: str = entry.segment_id()
        self.size: int = entry.doc_count_all()
        self._folder = Path(storage.folder)
        self._lock = threading.Lock()  # Whoosh's files keep one place for all threads
        with reading(self._folder):
            self._reader = SegmentReader(storage, schema, whole)
        self._known = type(self._reader.codec()) is W3Codec

    def postings(self, field: str, term: bytes) -> Postings:
        """Return document numbers in rising order and weights."""
        with reading(self._folder):
            try:
                blob = self._blob(self._said(field, term))
                ids, weights = blocks.read_postings(blob) if blob else _NOTHING
            except blocks.UnknownFormError:
                ids, weights, _ = self._walk(field, term)
            return self._bounded(ids), weights

    def lists(self, field: str) -> Iterator[tuple[bytes, Whole]]:
        """Yield the terms of *field* in rising order and all that stands in the list of each."""
        with reading(self._folder):
            terms = self._reader._terms
            if not self._known:
                for term in self.terms(field):
                    yield term, self._whole(field, term, None)
                return
            prefix = terms._keycoder(field, b"")
            for key, said in terms._tindex.items_from(prefix):
                if not key.startswith(prefix):
                    return
                term = key[len(prefix) :]
                yield term, self._whole(field, term, said)

    def positions(self, field: str, term: bytes) -> npt.NDArray[np.int64]:
        """Return ``document << POSITION_BITS | position``, rising."""
        with reading(self._folder):
            if type(self._reader.schema[field].format) is not Positions:
                return self._walk_positions(field, term)
            try:
                blob = self._blob(self._said(field, term))
                if blob is None:
                    return np.empty(0, np.int64)
                ids, times, found = blocks.read_positions(blob)
            except blocks.UnknownFormError:
                return self._walk_positions(field, term)
            return np.repeat(self._bounded(ids).astype(np.int64) << POSITION_BITS, times) | found

    def terms(self, field: str) -> Iterator[bytes]:
        """Yield the terms of *field* in rising order; one thread at a time."""
        with reading(self._folder):
            for name, term in self._reader._terms.terms_from(field, b""):
                if name != field:
                    return
                yield term

    def numbers(self, name: str, column: NumericColumn) -> npt.NDArray[Any]:
        """Return a numeric column."""
        with self._lock, reading(self._folder):
            code = np.dtype(column._typecode)
            whole = np.full(self.size, column.default_value(), code)
            if not self._known:
                return np.fromiter(self._reader.column_reader(name), code, self.size)
            if self._reader._perdoc.has_column(name):
                file, start, length = self._reader._perdoc._get_column_file(name)
                stored = np.frombuffer(file.get(start, length), code.newbyteorder(">"))
                whole[: len(stored)] = stored  # those at the end that are as the default are left out
            return whole

    def lengths(self, field: str) -> list[int]:
        """Return how many positions *field* has in each document, as exactly as Whoosh keeps it."""
        with self._lock, reading(self._folder):
            return [self._reader.doc_field_length(number, field) or 0 for number in range(self.size)]

    def article_ids(self) -> npt.NDArray[np.bytes_]:
        """Return the articles' ids."""
        with self._lock, reading(self._folder):
            column = self._reader.column_reader("id", translate=False)
            if type(column) is not VarBytesColumn.Reader:
                return np.array([bytes(value) for value in column], np.bytes_)
            sizes = np.array(column._lengths, np.int64)
            letters = np.frombuffer(column._dbfile.get(column._basepos, int(sizes.sum())), np.uint8)
            if len(letters) != sizes.sum():
                raise ValueError("ids that are not there")
            width = int(sizes.max(initial=1))
            table = np.zeros((self.size, width), np.uint8)
            table[np.arange(width) < sizes[:, None]] = letters
            return table.view(f"S{width}").ravel()

    def _said(self, field: str, term: bytes) -> bytes | None:
        """Return what the term index says of a term, None where there is no such term."""
        if not self._known:
            return None
        terms = self._reader._terms
        said: bytes | None = terms._tindex.get(terms._keycoder(field, term))
        return said

    def _blob(self, said: bytes | None) -> bytes | None:
        """Return the bytes of a list."""
        if not self._known:
            raise blocks.UnknownFormError("another codec")
        if said is None:
            return None
        if said[0]:
            raise blocks.UnknownFormError("postings inside the term index")
        *_, place, length = TERM.unpack(said)
        return bytes(self._reader._terms._postfile.get(place, length))

    def _whole(self, field: str, term: bytes, said: bytes | None) -> Whole:
        try:
            blob = self._blob(said)
            ids, weights, values = blocks.read_whole(blob) if blob else (*_NOTHING, None)
        except blocks.UnknownFormError:
            ids, weights, values = self._walk(field, term)
        return self._bounded(ids), weights, values

    def _walk(self, field: str, term: bytes) -> tuple[Ints, blocks.Floats, Values | None]:
        """Go through a list with Whoosh's own matcher."""
        ids, weights, values = [], [], []
        for matcher in self._matched(field, term):
            ids.append(matcher.id())
            weights.append(matcher.weight())
            values.append(matcher.value())
        kept = Values.of(values) if all(values) else None  # None for each where none are stored
        return np.array(ids, np.int64), np.array(weights, np.float32), kept

    def _walk_positions(self, field: str, term: bytes) -> npt.NDArray[np.int64]:
        keys = [
            matcher.id() << POSITION_BITS | position
            for matcher in self._matched(field, term)
            for position in matcher.value_as("positions")
        ]
        found = np.array(keys, np.int64)
        self._bounded(found >> POSITION_BITS)
        return found

    def _matched(self, field: str, term: bytes) -> Iterator[Any]:
        with self._lock:
            try:
                matcher = self._reader.postings(field, term)
            except (TermNotFound, KeyError):
                return
            while matcher.is_active():
                yield matcher
                matcher.next()

    def _bounded(self, numbers: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        if (numbers.astype(np.uint64) >= self.size).any():  # below 0 is far above
            raise ValueError("a posting names a document that is not there")
        return numbers.astype(np.int32)


class SegmentNames:
    """The names of a segment's documents, read when they are first counted: it takes a while."""

    def __init__(self, files: Files, vocabularies: Mapping[str, Vocabulary]) -> None:
        self._files = files
        self._vocabularies = vocabularies
        self._lock = threading.Lock()
        self._read: dict[str, Named] = {}

    def of(self, field: str) -> Named:
        """Return the names of one kind."""
        with self._lock:
            if field not in self._read:
                lists = {term.decode(): whole[0] for term, whole in self._files.lists(field)}
                numbers = self._vocabularies[field].numbered(lists)
                self._read[field] = Named.of(numbers, list(lists.values()), self._files.size)
            return self._read[field]


class Segment:
    """A segment in one state of the index. Deletions make a new ``Segment`` that shares
    everything else with the old one."""

    def __init__(
        self,
        files: Files,
        facts: Facts,
        alive: npt.NDArray[np.bool_],
        cache: PostingCache,
        names: SegmentNames,
    ) -> None:
        self.name = files.name
        self.facts = facts
        self.alive = alive
        self._files = files
        self._cache = cache
        self._names = names

    @classmethod
    def opened(
        cls,
        storage: MappedStorage,
        schema: Any,
        entry: Any,
        cache: PostingCache,
        vocabularies: Mapping[str, Vocabulary],
        former: Segment | None,
    ) -> Segment:
        """Open the segment that *entry* of a table of contents names, reusing *former*."""
        alive = living(entry)
        if former is None:
            files = Files(storage, schema, entry)
            return cls(files, _facts(files, schema), alive, cache, SegmentNames(files, vocabularies))
        if np.array_equal(alive, former.alive):
            return former
        return cls(former._files, former.facts, alive, cache, former._names)

    @cached_property
    def documents(self) -> int:
        """How many are alive."""
        return int(self.alive.sum())

    @cached_property
    def words(self) -> float:
        """How many tokens they have."""
        return float(self.facts.lengths[self.alive].sum())

    def postings(self, field: str, term: str) -> Postings:
        """Return (document numbers in rising order, weights); deleted documents included."""
        ids, weights = self._cache.get(
            (self.name, field, term), lambda: self._files.postings(field, _bytes(term))
        )
        return ids, weights

    def positions(self, field: str, term: str) -> npt.NDArray[np.int64]:
        """Return ``document << POSITION_BITS | position``, rising; deleted documents included."""
        return self._files.positions(field, _bytes(term))  # large, and what they are good for is kept

    def named(self, field: str) -> Named:
        """Return the names of its documents."""
        return self._names.of(field)

    def kept(self, clause: Clause, match: Callable[[], Postings]) -> Postings:
        """Return what *match* found for *clause*, perhaps a former time."""
        ids, weights = self._cache.get((self.name, clause), match)
        return ids, weights


def living(entry: Any) -> npt.NDArray[np.bool_]:
    """Return which documents of a segment of a table of contents are not deleted."""
    alive = np.ones(entry.doc_count_all(), np.bool_)
    alive[list(entry.deleted_docs())] = False
    return alive


def _bytes(term: str) -> bytes:
    return term.encode(errors="surrogatepass")  # can be asked for, but is in no term


def _facts(files: Files, schema: Any) -> Facts:
    key, day, stamp, length = (files.numbers(name, schema[name].column_type) for name in NUMBERS)
    return Facts(
        ids=files.article_ids(),
        keys=key,
        days=day,
        stamps=stamp,
        lengths=length.astype(np.float64),
        facets={name: _facet(files, name) for name in FACETS},
    )


def _facet(files: Files, field: str) -> Facet:
    return Facet.of(
        {term.decode(): files.postings(field, term)[0] for term in files.terms(field)}, files.size
    )
