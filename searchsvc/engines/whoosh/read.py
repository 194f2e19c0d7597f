"""Reading: a Whoosh segment's columns and posting lists as numpy arrays."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache
from whoosh.filedb.filestore import FileStorage
from whoosh.reading import SegmentReader, TermNotFound

from searchsvc.engines.whoosh.evaluate import POSITION_BITS, Facts, Postings
from searchsvc.errors import IndexDamagedError
from searchsvc.results import FACETS

_NOTHING: Postings = (np.empty(0, np.int32), np.empty(0, np.float32))


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Turn whatever the reading of a damaged file of *folder* raises into IndexDamagedError.

    Whoosh unpickles most of what it reads and raises bare exceptions: rubbish may raise anything.
    """
    try:
        yield
    except Exception as error:
        raise IndexDamagedError(folder, f"{type(error).__name__}: {error}") from error


class PostingCache:
    """Arrays by (segment, field, term), bounded in bytes, shared by threads."""

    def __init__(self, limit: int) -> None:
        self._lock = threading.Lock()
        self._arrays: LRUCache[Any, tuple[npt.NDArray[Any], ...]] = LRUCache(
            limit, getsizeof=lambda arrays: 200 + sum(array.nbytes for array in arrays)
        )

    def get(self, key: Any, load: Callable[[], tuple[npt.NDArray[Any], ...]]) -> tuple[npt.NDArray[Any], ...]:
        """Return the arrays under *key*, loading them if they are not here."""
        with self._lock:
            found = self._arrays.get(key)
        if found is None:
            found = load()
            with self._lock:
                if self._arrays.getsizeof(found) < self._arrays.maxsize:
                    self._arrays[key] = found
        return found


class Segment:
    """One Whoosh segment. Immutable but for deletions, which make a new ``Segment`` that
    shares everything else with the old one."""

    def __init__(self, storage: FileStorage, schema: Any, entry: Any, cache: PostingCache) -> None:
        whole = copy.copy(entry)  # postings serve states with fewer deletions as well
        whole._deleted = None
        self.name = entry.segment_id()
        self._folder = Path(storage.folder)
        self._reader = SegmentReader(storage, schema, whole)
        self._lock = threading.Lock()
        self._cache = cache
        self.facts = _read_facts(self._reader)
        self.alive = _alive(entry)

    @classmethod
    def opened(
        cls, storage: FileStorage, schema: Any, entry: Any, cache: PostingCache, former: Segment | None
    ) -> Segment:
        """Open the segment that *entry* of a table of contents names, reusing *former*."""
        if former is None:
            return cls(storage, schema, entry, cache)
        alive = _alive(entry)
        if np.array_equal(alive, former.alive):
            return former
        later = copy.copy(former)
        later.alive = alive
        return later

    def postings(self, field: str, term: str) -> Postings:
        """Return (document numbers in rising order, weights); deleted documents included."""
        ids, weights = self._cache.get((self.name, field, term), lambda: self._load(field, term))
        return ids, weights

    def positions(self, field: str, term: str) -> npt.NDArray[np.int64]:
        """Return ``document << POSITION_BITS | position``, rising; deleted documents included."""
        return self._cache.get((self.name, field, term, "at"), lambda: self._load_positions(field, term))[0]

    def _matcher(self, field: str, term: str) -> Any:
        try:  # a lone surrogate can be asked for, but is in no term
            return self._reader.postings(field, term.encode(errors="surrogatepass"))
        except (TermNotFound, KeyError):
            return None

    def _load(self, field: str, term: str) -> Postings:
        ids, weights = [], []
        with self._lock, reading(self._folder):  # Whoosh's files keep one place for all threads
            matcher = self._matcher(field, term)
            if matcher is None:
                return _NOTHING
            while matcher.is_active():
                ids.append(matcher.id())
                weights.append(matcher.weight())
                matcher.next()
            return _numbers(ids, len(self.alive)), np.array(weights, np.float32)

    def _load_positions(self, field: str, term: str) -> tuple[npt.NDArray[np.int64]]:
        keys: list[int] = []
        with self._lock, reading(self._folder):
            matcher = self._matcher(field, term)
            while matcher is not None and matcher.is_active():
                base = matcher.id() << POSITION_BITS
                keys.extend(base | position for position in matcher.value_as("positions"))
                matcher.next()
            found = np.array(keys, np.int64)
            _numbers(found >> POSITION_BITS, len(self.alive))
            return (found,)


def _alive(entry: Any) -> npt.NDArray[np.bool_]:
    alive = np.ones(entry.doc_count_all(), np.bool_)
    alive[list(entry.deleted_docs())] = False
    return alive


def _numbers(numbers: npt.ArrayLike, size: int) -> npt.NDArray[np.int32]:
    """Return document numbers of a segment of *size* documents as an array."""
    found = np.asarray(numbers)
    if len(found) and not 0 <= found.min() <= found.max() < size:
        raise ValueError("a posting names a document that is not there")
    return found.astype(np.int32)


def _read_facts(reader: Any) -> Facts:
    size = reader.doc_count_all()

    def column(name: str, dtype: Any) -> npt.NDArray[Any]:
        values = reader.column_reader(name)
        return np.fromiter((values[number] for number in range(size)), dtype, size)

    ids = reader.column_reader("id")
    return Facts(
        ids=np.array([bytes(ids[number].encode()) for number in range(size)], np.bytes_),
        keys=column("key", np.int32),
        days=column("day", np.int32),
        stamps=column("stamp", np.int64),
        lengths=column("length", np.float64),
        facets={name: _read_facet(reader, name) for name in FACETS},
    )


def _read_facet(
    reader: Any, field: str
) -> tuple[tuple[str, ...], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return a facet's values, and pairs (document, number of its value) as two arrays."""
    values: list[str] = []
    documents: list[int] = []
    numbers: list[int] = []
    for term in reader.lexicon(field):
        ids = list(reader.postings(field, bytes(term)).all_ids())
        documents.extend(ids)
        numbers.extend([len(values)] * len(ids))
        values.append(bytes(term).decode())
    return tuple(values), _numbers(documents, reader.doc_count_all()), np.array(numbers, np.int32)
