"""One index generation: an engine and a store beside it, in a folder of their own.

    manifest.json   engine, fingerprint, when it was made
    store.db        documents, counts of words, neighbours
    records.*       what ranking reads of every document
    lexicon/        the words of the archive, for repair
    phrases/        what titles share, for completion; titles/ and sequences/ likewise
    vectors.*       vectors of its sentences, where it was built with the encoder
    neighbours/     signatures, from which the lists are made
    reprints/       which documents are one text
    engine/         the engine's own files

The engine's commit carries the last change of the archive it holds (its mark); that number is
the generation's ``sequence``, and all there is to know about how far it has come.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from corpus.article import Source
from corpus.lease import lease
from searchsvc.document import Document, Record
from searchsvc.engine import Engine, Entry, Snapshot
from searchsvc.engines import open_engine
from searchsvc.errors import FingerprintError, GenerationError, IndexDamagedError
from searchsvc.names import NAMES_VERSION
from searchsvc.reprints import find_groups
from searchsvc.semantic import MODEL, encoder, require_encoder
from searchsvc.similar import forget_lemmas, rebuild_neighbours, update_neighbours
from searchsvc.store import Store
from searchsvc.store_writer import UNFILED
from searchsvc.vectors import Floats

SCHEMA_VERSION = 5
"""Version of everything a generation keeps on disk; another one is refused."""

UNFINISHED = "building"
"""The mark of an engine whose generation is not complete yet."""

COMMIT_WAIT = 15.0
"""Seconds a writer waits for another one's commit before it gives up."""

_STORE = "store.db"
_ERASURE = "e"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation was made with, and when; no two have equal manifests.

    ``names`` is the version of the search for names and ``vectors`` the model of its vectors, "" for none.
    """

    engine: str
    schema: int
    analysis: str
    names: str
    created: str
    vectors: str


class Generation:
    """One generation on disk: engine, store, manifest."""

    def __init__(self, folder: Path, manifest: Manifest, *, semantic: bool = False) -> None:
        self._semantic = semantic
        self.folder = folder
        self.manifest = manifest
        self.engine: Engine = open_engine(manifest.engine, folder / "engine")
        self.store = Store(folder / _STORE, vectors=bool(manifest.vectors))
        self._newest: Snapshot | None = None

    @classmethod
    def create(
        cls, folder: Path, *, engine: str, analysis: str, names: str = "", vectors: str = ""
    ) -> Generation:
        """Make an empty generation in *folder*, with *vectors* of that model."""
        folder.mkdir(parents=True)
        created = datetime.now(UTC).isoformat(timespec="microseconds")
        manifest = Manifest(engine, SCHEMA_VERSION, analysis, names, created, vectors)
        made = cls(folder, manifest)
        made.engine.create()
        Store.create(folder / _STORE, vectors=bool(vectors))
        write_atomically(folder / "manifest.json", json.dumps(asdict(manifest)))
        return made

    @classmethod
    def open(cls, folder: Path, *, semantic: bool = False) -> Generation:
        """Open a finished generation, its vectors to be used if *semantic*.

        Raises:
            FingerprintError: it was made with another version of the schema.
            IndexDamagedError: a file is missing or broken.
        """
        try:
            values = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            schema = values["schema"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexDamagedError(folder, f"нет описания поколения ({error})") from error
        if schema != SCHEMA_VERSION:
            raise FingerprintError(f"схема {schema}, нужна {SCHEMA_VERSION}")
        try:
            manifest = Manifest(**values)
        except TypeError as error:
            raise IndexDamagedError(folder, "описание поколения испорчено") from error
        if not (folder / _STORE).is_file():
            raise IndexDamagedError(folder, "нет файла документов")
        return cls(folder, manifest, semantic=semantic)

    @property
    def name(self) -> str:
        """The generation's name, "g000001"."""
        return self.folder.name.removesuffix(".building")

    def require(self, analysis: str) -> None:
        """Make sure that articles analysed like this, and their vectors, fit to those that are there.

        Raises:
            FingerprintError: they do not. EncoderMissingError: vectors cannot be made.
        """
        if self.manifest.analysis != analysis:
            raise FingerprintError("другой разбор слов")
        if self.manifest.names not in {"", NAMES_VERSION}:
            raise FingerprintError("другой поиск имён")
        if self.manifest.vectors:
            require_encoder()
            if self.manifest.vectors != MODEL:
                raise FingerprintError("другие векторы предложений")

    @property
    def lacks_vectors(self) -> bool:
        """Whether its vectors are to be used, and there are none, or another model's."""
        return self._semantic and self.manifest.vectors != MODEL

    def nearness(self, keys: Sequence[int], text: str) -> Floats | None:
        """Return how near in meaning documents are to *text*; None where that is not to count."""
        vectors = self.store.vectors
        if vectors is None or not self._semantic or self.lacks_vectors:
            return None
        return vectors.nearness(keys, encoder().query(text))

    def close(self) -> None:
        """Let go of open files."""
        self._newest = None
        self.store.close()

    def size(self) -> int:
        """Return the bytes on disk; a writer may be at work."""
        total = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(FileNotFoundError):
                    total += Path(folder, name).stat().st_size
        return total

    def writing(self) -> AbstractContextManager[None]:
        """Hold the lease to change this generation, waiting for another's commit."""
        return lease(self.folder / "writer.lock", f"Запись в индекс {self.name}", wait=COMMIT_WAIT)

    def load(self, documents: Iterable[Document], sequence: int) -> int:
        """Add articles to a generation that is being built and has none of them; return how many.

        *documents* may be a generator: nothing but what the engine gathers is held in memory.
        """
        number = 0
        with self.store.writing() as store, self.engine.writer() as writer:
            for document in documents:
                writer.add(document.entry(store.add(document, sequence)))
                number += 1
            writer.commit(UNFINISHED)
        return number

    def finish(
        self,
        sources: Iterable[Source],
        sequence: int,
        *,
        change: str = "",
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Give a loaded generation its neighbours, words and sequence; *change* as in ``update``.

        *progress* is told how many articles have got their neighbours.
        """
        with self.store.writing() as store:
            store.put_statistic(_change_name(sequence), change.encode())
            store.put_sources(sources)
            find_groups(store, 1)
            rebuild_neighbours(store, progress=progress)
            store.file_words()
            store.file_phrases()
        self._commit((), (), str(sequence))

    def update(
        self,
        documents: Sequence[Document],
        removed: Iterable[str],
        sources: Iterable[Source],
        sequence: int,
        *,
        change: str = "",
    ) -> None:
        """Bring changes in and move to *sequence*: all of it or nothing. Hold ``writing`` meanwhile.

        *change* describes the last change; ``described`` gives it back, so that an archive of
        another history (a restored copy) is told from the one this index was made from.
        """
        gone = list(removed)
        before = self.sequence()
        with self.store.writing() as store:
            store.put_statistic(_change_name(sequence), change.encode())
            store.undo_after(before)
            for article in (*gone, *(document.article.id for document in documents)):
                store.retire(article, sequence)
            entries = [document.entry(store.add(document, sequence)) for document in documents]
            changed: Mapping[int, tuple[int, Record]] = {
                entry.key: (entry.day or 0, document.record)
                for document, entry in zip(documents, entries, strict=True)
            }
            if changed:
                find_groups(store, min(changed))
            update_neighbours(store, changed)
            store.put_sources(sources)
            store.prune(before)
            store.file_words(least=UNFILED)
            store.file_phrases(always=False)
        self._commit(entries, gone, str(sequence))

    def tidy(self) -> None:
        """Delete files that a killed writer left behind; ``update`` undoes its rows. Hold ``writing``."""
        with self.engine.writer():
            pass  # leaving it without a commit does so

    def erase(self, article_ids: Iterable[str]) -> None:
        """Remove articles so that nothing of them is left in any file. Hold ``writing`` meanwhile."""
        gone = list(article_ids)
        self._newest = None  # so that its files can go
        mark = _mark_of_erasure(self.engine.snapshot().mark)
        with self.engine.writer() as writer:
            for article in gone:
                writer.delete(article)
            writer.commit(mark, compact=True)
        with self.store.writing() as store:
            for article in gone:
                forget_lemmas(store, article)
                store.erase(article)
            store.file_words()
            store.file_phrases()
            store.drop_lost_neighbours()
        self.store.settle(vacuum=True)

    def sequence(self, snapshot: Snapshot | None = None) -> int:
        """Return the last change of the archive this generation (or a snapshot of it) holds.

        Raises:
            GenerationError: it was never finished.
        """
        if snapshot is None:  # opening one costs most of a small sync: the last is kept
            snapshot = self._newest = self.engine.snapshot(self._newest)
        mark = snapshot.mark
        number = mark.partition(_ERASURE)[0]
        if not number.isdigit():
            raise GenerationError(
                f"Поколение «{self.folder}» не достроено. Постройте индекс заново: searchsvc rebuild"
            )
        return int(number)

    def described(self, sequence: int) -> str:
        """Return the description of the change this generation has come to, "" if none was given."""
        return self.store.statistic(_change_name(sequence)).decode()

    def _commit(self, entries: Iterable[Entry], gone: Iterable[str], mark: str) -> None:
        with self.engine.writer() as writer:
            for article in gone:
                writer.delete(article)
            for entry in entries:
                writer.replace(entry)
            writer.commit(mark)


def _change_name(sequence: int) -> str:
    return f"change {sequence}"


def _mark_of_erasure(mark: str) -> str:
    """Return another mark for the same change of the archive: «99» gives «99e1», that «99e2».

    An erasure changes answers without a change of the archive, and the version token must tell.
    """
    number, _, erasures = mark.partition(_ERASURE)
    return f"{number}{_ERASURE}{int(erasures or 0) + 1}"


def write_atomically(path: Path, text: str) -> None:
    """Put a file in the place of the one there is, whole or not at all."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


DISK_ERRORS = (OSError, sqlite3.OperationalError)
"""What a full or failing disk raises while a generation is written."""
