"""The published generation as readers see it: held open, renewed in the background."""

from __future__ import annotations

import logging
import threading
import zlib
from dataclasses import dataclass, field, replace

from searchsvc.engine import NAMES, Plan, Snapshot
from searchsvc.errors import GenerationError
from searchsvc.generation.generation import Generation
from searchsvc.generation.generations import Generations
from searchsvc.language.synonyms import SynonymBook, Synonyms

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.25
"""How often the watcher looks for a newer state; a look costs a file's status and a folder's list."""

MOST_VALUES = 60_000
"""Names of a kind that are known at once; Tantivy answers 65,000 values at most."""


@dataclass(frozen=True, slots=True)
class View:
    """One consistent state: everything an answer needs, until the answer is given.

    ``synonyms`` is the editors' curation that is in force, None for no synonyms at all.
    """

    generation: Generation
    snapshot: Snapshot
    sequence: int
    synonyms: Synonyms | None = None
    _values: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    _alike: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict, compare=False)

    @property
    def version(self) -> str:
        """The version token; it changes with every commit that changes an answer.

        A generation's birth is in it: after an index was deleted its names and marks come again.
        """
        birth = zlib.crc32(self.generation.manifest.created.encode())
        curation = self.synonyms.revision if self.synonyms else "0"
        return f"{self.generation.name}-{birth:08x}.{self.snapshot.mark}.{curation}"

    def source_title(self, source: str) -> str:
        """Return a source's title, its id where it has none."""
        known = self.generation.store.sources().get(source)
        return known.title if known else source

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values that a facet's field has in this state, of names the most frequent
        ``MOST_VALUES``; asked of the engine once."""
        if name not in self._values:
            matches = self.snapshot.search(
                Plan(depth=0, facets=(name,), facet_limit=MOST_VALUES, near_below=0)
            )
            self._values[name] = tuple(matches.facets[name])
        return self._values[name]

    def alike(self, name: str, value: str) -> tuple[str, ...]:
        """Return the values of a field that are *value* but for capitals and ё. A table of them is made
        when first asked for: ``fold`` would take a second for 50,000."""
        if name not in self._alike:
            found: dict[str, tuple[str, ...]] = {}
            for one in self.values(name):
                found[_caseless(one)] = (*found.get(_caseless(one), ()), one)
            self._alike[name] = found
        return self._alike[name].get(_caseless(value), ())


def _caseless(value: str) -> str:
    return value.casefold().replace("ё", "е")


class Pinned:
    """Gives one state of an index again and again, for a page made of several answers."""

    def __init__(self, live: LiveIndex) -> None:
        self._live = live
        self._view: View | None = None

    def view(self) -> View:
        """Return the state that was given first. Raises like ``LiveIndex.view``."""
        if self._view is None:
            self._view = self._live.view()
        return self._view

    def renewed(self) -> View:
        """Look for a newer state now, and stay with that."""
        self._view = self._live.renewed()
        return self._view

    @property
    def problem(self) -> str:
        """Why a newer state could not be opened, "" if all is well."""
        return self._live.problem


class LiveIndex:
    """Gives the newest state of the published generation and of the list of synonyms.

    With ``watch`` a thread looks for a newer one several times a second and swaps it in;
    without, every ``view`` looks itself.
    """

    def __init__(
        self, generations: Generations, *, synonyms: SynonymBook | None = None, watch: bool = False
    ) -> None:
        self._generations = generations
        self._book = synonyms
        self._lock = threading.Lock()
        self._view: View | None = None
        self._problem = ""
        self._stop = threading.Event()
        self._watcher = (
            threading.Thread(target=self._watch, name="index-watch", daemon=True) if watch else None
        )
        if self._watcher is not None:
            self._watcher.start()

    def view(self) -> View:
        """Return the present state.

        Raises:
            NoIndexError: nothing is published. IndexDamagedError, FingerprintError: it
            cannot be opened and no earlier state is held.
        """
        view = self._view
        if view is None or self._watcher is None:
            view = self._renew()
        return view

    def renewed(self) -> View:
        """Return the newest state, looking for it now."""
        return self._renew()

    @property
    def problem(self) -> str:
        """Why a newer state could not be opened, "" if all is well."""
        return self._problem or (self._book.problem if self._book else "")

    def close(self) -> None:
        """Stop watching and let go of files."""
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join()
        if self._view is not None:
            self._view.generation.close()

    def _renew(self) -> View:
        with self._lock:
            old = self._view
            try:
                view = self._newest(old)
            except GenerationError as error:
                if old is None:
                    self._problem = str(error)
                    raise
                if str(error) != self._problem:  # answers go on from the state held
                    log.error("index.unreadable reason=%s", type(error).__name__)
                self._problem = str(error)
                return old
            self._problem = ""
            self._view = view
            if old is not None and old.generation is not view.generation:
                old.generation.close()
            return view

    def _newest(self, old: View | None) -> View:
        generation = self._generations.current()
        synonyms = self._book.current() if self._book else None
        # By the manifest, not by name: after an index was deleted its names are given again.
        if old is not None and old.generation.manifest == generation.manifest:
            snapshot = old.generation.engine.snapshot(old.snapshot)
            if snapshot is old.snapshot:
                return old if synonyms is old.synonyms else replace(old, synonyms=synonyms)
            old.generation.store.renew()
            self._warm(old.generation, snapshot)
            return View(old.generation, snapshot, old.generation.sequence(snapshot), synonyms)
        try:
            snapshot = generation.engine.snapshot()
            generation.store.sources()
            self._warm(generation, snapshot)
            return View(generation, snapshot, generation.sequence(snapshot), synonyms)
        except GenerationError:
            generation.close()
            raise

    def _warm(self, generation: Generation, snapshot: Snapshot) -> None:
        """Have names and copies counted once before readers come: the first time takes longest."""
        if self._watcher is None:
            return
        generation.store.reprints.spread()
        if generation.manifest.names:
            snapshot.search(Plan(depth=0, facets=NAMES, facet_limit=1, near_below=0))

    def _watch(self) -> None:
        while not self._stop.wait(WATCH_SECONDS):
            if self._view is not None:
                try:
                    self._renew()
                except Exception:  # a watcher that dies would freeze the site at its state
                    log.exception("index.watch failed")
