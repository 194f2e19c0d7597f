"""The one place that wires archive, index, analyzer and service by the settings."""

from __future__ import annotations

from pathlib import Path

from corpus.archive import Archive
from searchsvc.analysis import Analyzer
from searchsvc.generations import Generations
from searchsvc.live import LiveIndex
from searchsvc.search import SearchService
from searchsvc.semantic import encoder, require_encoder
from searchsvc.settings import Settings
from searchsvc.synonyms import SynonymBook


def open_archive(settings: Settings) -> Archive:
    """Open the archive, making it where there is none.

    Raises:
        ArchiveUnavailableError: it cannot be opened.
    """
    return Archive.open(settings.archive_address)


def open_generations(settings: Settings) -> Generations:
    """Return the index generations of the data folder.

    Raises:
        EncoderMissingError: the settings want vectors, and the package for them is missing.
    """
    return Generations(settings.index_dir, semantic=_semantic(settings))


def open_service(
    settings: Settings, analyzer: Analyzer, *, watch: bool = False
) -> tuple[SearchService, LiveIndex]:
    """Return the service over the published generation, and its index to close in the end.

    ``watch`` renews it in the background, for a server; what is slow to load is loaded now then.

    Raises:
        EncoderMissingError: as ``open_generations``.
    """
    book = open_synonyms(settings, analyzer)
    generations = open_generations(settings)
    if generations.semantic and watch:
        encoder()
    live = LiveIndex(generations, synonyms=book, watch=watch)
    return SearchService(live, analyzer, names=settings.names == "on"), live


def open_synonyms(settings: Settings, analyzer: Analyzer) -> SynonymBook:
    """Return the packaged list of synonyms with the editors' own file over it."""
    return SynonymBook(analyzer, Path(settings.synonyms).expanduser() if settings.synonyms else None)


def _semantic(settings: Settings) -> bool:
    if settings.semantic == "on":
        require_encoder()
    return settings.semantic == "on"
