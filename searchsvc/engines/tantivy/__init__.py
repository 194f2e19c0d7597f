"""Tantivy, for archives or traffic that outgrow Whoosh: an index in Rust, in the same process.

``fields`` says what is kept, ``write`` puts it into Tantivy's own writer, ``read`` turns clauses into
queries, ``evaluate`` answers a plan, ``files`` tells damage. The mark of a commit is a document that no
search sees, so that it appears with the commit or not at all.
"""

from __future__ import annotations

import json
from pathlib import Path

import tantivy

from searchsvc.engine import TEXT, AnyOf, Matches, Plan, Some
from searchsvc.engine import Snapshot as EngineSnapshot
from searchsvc.engines.tantivy.evaluate import answers, evaluate, some
from searchsvc.engines.tantivy.fields import make_schema, mark_document, register
from searchsvc.engines.tantivy.files import FileCheck, reading
from searchsvc.engines.tantivy.named import NameCounts
from searchsvc.engines.tantivy.read import Reader
from searchsvc.engines.tantivy.write import THREADS, TantivyWriter
from searchsvc.errors import IndexDamagedError

_OPEN_ATTEMPTS = 20
_META = "meta.json"
_CREATING_BYTES = 15_000_000


class TantivySnapshot:
    """One commit of a Tantivy index, held open: its files are mapped."""

    def __init__(self, folder: Path, meta: bytes, reader: Reader) -> None:
        self.folder = folder
        self.meta = meta
        self._reader = reader
        self._names = NameCounts(reader)
        self._mark = reader.mark()

    @property
    def mark(self) -> str:
        """What the writer said at that commit."""
        return self._mark

    @property
    def documents(self) -> int:
        """How many articles there are."""
        return self._reader.documents

    def search(self, plan: Plan) -> Matches:
        """Answer one search."""
        with reading(self.folder):
            return evaluate(plan, self._reader, self._names)

    def some(self, plan: Plan) -> Some:
        """Return up to ``depth`` articles that match in full, good ones but perhaps not the best; quicker
        than to look at all that match."""
        with reading(self.folder):
            return some(plan, self._reader)

    def answers(self, plan: Plan) -> bool:
        """Say whether any article matches in full; quicker than to count them."""
        with reading(self.folder):
            return answers(plan, self._reader)

    def frequency(self, terms: tuple[str, ...], *, field: str = TEXT) -> int:
        """Return how many articles have any of *terms*."""
        with reading(self.folder):
            return self._reader.count(AnyOf(terms, field))


class TantivyEngine:
    """A Tantivy index in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = FileCheck()

    def create(self) -> None:
        """Make an empty index in the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        index = register(tantivy.Index(make_schema(), path=str(self._folder), reuse=False))
        writer = index.writer(_CREATING_BYTES, THREADS)
        writer.add_document(mark_document(""))
        writer.commit()
        writer.wait_merging_threads()

    def writer(self) -> TantivyWriter:
        """Return the only writer; Tantivy's own lock, free when its holder dies, keeps a second one out.

        Raises:
            IndexBusyError: another one is open.
            IndexDamagedError: the folder holds no index that can be read.
        """
        return TantivyWriter(self._folder)

    def snapshot(self, former: EngineSnapshot | None = None) -> TantivySnapshot:
        """Return the last committed state; *former* itself if it still is that state.

        A commit or a merge can delete files between the reading of their list and their opening:
        then the newer list is taken.

        Raises:
            IndexDamagedError: the folder holds no index that can be read.
        """
        old = former if isinstance(former, TantivySnapshot) and former.folder == self._folder else None
        for attempt in range(_OPEN_ATTEMPTS):
            with reading(self._folder):
                meta = self._meta()
            if old is not None and old.meta == meta:
                return old
            try:
                with reading(self._folder):
                    snapshot = self._open(meta)
                if self._meta() == meta:
                    return snapshot
            except IndexDamagedError:
                with reading(self._folder):
                    moved = self._meta() != meta
                if not moved or attempt == _OPEN_ATTEMPTS - 1:
                    raise
        raise IndexDamagedError(self._folder, "индекс меняется быстрее, чем читается")

    def _open(self, meta: bytes) -> TantivySnapshot:
        self._files.check(self._folder, meta)
        index = register(tantivy.Index.open(str(self._folder)))
        index.config_reader("manual")
        index.reload()
        size = sum(int(segment["max_doc"]) for segment in json.loads(meta)["segments"])
        return TantivySnapshot(self._folder, meta, Reader(index, size))

    def _meta(self) -> bytes:
        return (self._folder / _META).read_bytes()
