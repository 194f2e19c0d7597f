"""Whoosh, the embedded default: an ordinary Whoosh index, read into arrays.

``write`` gathers ready terms (``gather``) and makes segments of them (``segments``), whose posting lists
are written and read by whole ``blocks`` (``values``, ``pickles``); ``read`` takes lists and columns out of
mapped files (``storage``) as arrays (``facts``), ``evaluate`` answers a plan over them and knows nothing of
Whoosh. The mark of a commit rides in the pickled schema, so that Whoosh's own table of contents publishes
index and mark in one rename.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC, EmptyIndexError

from searchsvc.engine import NAMES, TEXT, Matches, Plan, Some
from searchsvc.engine import Snapshot as EngineSnapshot
from searchsvc.engines.whoosh.evaluate import answers, count, evaluate, some
from searchsvc.engines.whoosh.named import Vocabulary
from searchsvc.engines.whoosh.read import Segment
from searchsvc.engines.whoosh.segments import INDEX_NAME
from searchsvc.engines.whoosh.storage import MappedStorage, PostingCache, reading
from searchsvc.engines.whoosh.write import WhooshWriter, empty_schema
from searchsvc.errors import IndexDamagedError

CACHE_BYTES = 64 * 2**20
"""Posting arrays kept in memory; half of it held the lists of 250 queries at 100,000 articles."""

_OPEN_ATTEMPTS = 20


class WhooshSnapshot:
    """One commit of a Whoosh index, held open."""

    def __init__(
        self,
        folder: Path,
        mark: str,
        toc: int,
        segments: tuple[Segment, ...],
        vocabularies: Mapping[str, Vocabulary],
    ) -> None:
        self._mark = mark
        self._vocabularies = vocabularies
        self.folder = folder
        self.toc = toc
        self.segments = segments

    @property
    def mark(self) -> str:
        """What the writer said at that commit."""
        return self._mark

    @property
    def documents(self) -> int:
        """How many articles there are."""
        return sum(segment.documents for segment in self.segments)

    def search(self, plan: Plan) -> Matches:
        """Answer one search."""
        with reading(self.folder):
            return evaluate(plan, self.segments, self._vocabularies)

    def some(self, plan: Plan) -> Some:
        """Return up to ``depth`` articles that match in full, good ones but perhaps not the best; quicker
        than to look at all that match."""
        with reading(self.folder):
            return some(plan, self.segments)

    def answers(self, plan: Plan) -> bool:
        """Say whether any article matches in full; quicker than to count them."""
        with reading(self.folder):
            return answers(plan, self.segments)

    def frequency(self, terms: tuple[str, ...], *, field: str = TEXT) -> int:
        """Return how many articles have any of *terms*."""
        with reading(self.folder):
            return count(terms, field, self.segments)


class WhooshEngine:
    """A Whoosh index in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cache = PostingCache(CACHE_BYTES)
        self._vocabularies = {name: Vocabulary() for name in NAMES}

    def create(self) -> None:
        """Make an empty index in the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        FileStorage(str(self._folder)).create_index(empty_schema(), indexname=INDEX_NAME)

    def writer(self) -> WhooshWriter:
        """Return the only writer; Whoosh's own lock keeps a second one out.

        Raises:
            IndexBusyError: another one is open.
            IndexDamagedError: the folder holds no index that can be read.
        """
        return WhooshWriter(self._folder)

    def snapshot(self, former: EngineSnapshot | None = None) -> WhooshSnapshot:
        """Return the last committed state; *former* itself if it still is that state.

        A commit deletes the files of the one before it, so that a state can vanish between
        reading its table of contents and opening its files: then the newer one is taken.

        Raises:
            IndexDamagedError: the folder holds no index that can be read.
        """
        old = former if isinstance(former, WhooshSnapshot) and former.folder == self._folder else None
        storage = MappedStorage(self._folder)
        for attempt in range(_OPEN_ATTEMPTS):
            number = TOC._latest_generation(storage, INDEX_NAME)
            if old is not None and number == old.toc:
                return old
            try:
                with reading(self._folder):
                    return self._open(storage, number, old)
            except IndexDamagedError:
                moved = number != TOC._latest_generation(storage, INDEX_NAME)
                if not moved or attempt == _OPEN_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")  # pragma: no cover

    def _open(self, storage: MappedStorage, number: int, old: WhooshSnapshot | None) -> WhooshSnapshot:
        if number < 0:
            raise EmptyIndexError("в папке нет индекса Whoosh")
        toc = TOC.read(storage, INDEX_NAME, gen=number)
        known = {segment.name: segment for segment in old.segments} if old else {}
        segments = tuple(
            Segment.opened(
                storage, toc.schema, entry, self._cache, self._vocabularies, known.get(entry.segment_id())
            )
            for entry in toc.segments
        )
        self._cache.keep_only({segment.name for segment in segments})
        mark = getattr(toc.schema, "mark", "")
        return WhooshSnapshot(self._folder, mark, number, segments, self._vocabularies)
