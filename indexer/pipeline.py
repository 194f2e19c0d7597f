"""From the archive to the index: sync, rebuild, roll back, purge.

The change log is the only link: an index knows the last change it holds and is brought on
from there. All four take leases, so that any two of them may be started at once. A sync holds
the one to write for each commit, not for reading and analysing what it commits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace

from corpus.archive import Archive
from corpus.article import Article, Change, Source
from corpus.errors import UnknownArticleError
from indexer.canaries import compare
from indexer.progress import Progress, silent
from indexer.verify import verify
from searchsvc.engines import open_engine
from searchsvc.errors import (
    EncoderMissingError,
    FingerprintError,
    GenerationError,
    NamesMissingError,
    NoIndexError,
)
from searchsvc.generation.generation import DISK_ERRORS, Generation
from searchsvc.generation.generations import Generations
from searchsvc.language.analysis import Analyzer
from searchsvc.naming.names import NAMES_VERSION, NameFinder, name_finder
from searchsvc.store.document import Document, make_document

log = logging.getLogger(__name__)

BATCH = 500
"""Changes taken in one commit of a sync."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did: articles put in, articles taken out, the change it came to."""

    replaced: int
    removed: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Published:
    """A generation in figures: its name, engine, articles, bytes on disk; the median of its canaries
    in milliseconds, None where they were not asked."""

    generation: str
    engine: str
    articles: int
    size: int
    p50_ms: float | None = None


@dataclass(frozen=True, slots=True)
class RebuildReport(Published):
    """What was published, the change it holds, and what it took the place of."""

    sequence: int = 0
    before: Published | None = None


def sync(
    archive: Archive, generations: Generations, analyzer: Analyzer, *, progress: Progress = silent
) -> SyncReport:
    """Bring the published generation in step with the archive's change log.

    Raises:
        NoIndexError, FingerprintError, LeaseHeldError, GenerationError: nothing was changed,
            or what was committed so far stays.
    """
    replaced = removed = 0
    last = archive.last_sequence()  # not until there are no more: a crawl may write faster than we read
    begin: int | None = None
    with _explained("Обновить индекс", "sync"):
        while True:
            with closing(generations.current()) as generation:
                sequence = _sequence(archive, generation, analyzer)
                batch = _batch(archive, sequence, generation, analyzer) if sequence < last else None
                with generation.writing():
                    if begin is None:
                        generation.tidy()
                    if generations.pointer().generation != generation.name:
                        continue  # a rebuild published meanwhile
                    if generation.sequence() != sequence:
                        continue  # another sync was quicker
                    if batch is None:
                        return SyncReport(replaced, removed, sequence)
                    _commit(archive, generation, batch)
            begin = sequence if begin is None else begin
            replaced += len(batch.documents)
            removed += len(batch.gone)
            progress("Обновление индекса", batch.sequence - begin, max(last, batch.sequence) - begin)
            if batch.sequence >= last:
                return SyncReport(replaced, removed, batch.sequence)


def rebuild(
    archive: Archive,
    generations: Generations,
    analyzer: Analyzer,
    *,
    engine: str,
    names: bool = False,
    accept_loss: bool = False,
    measured: bool = False,
    progress: Progress = silent,
) -> RebuildReport:
    """Build a generation beside the live one, catch up, verify, publish.

    *names* finds people, organisations and places in its articles. *measured* asks canary searches of
    both then, which takes up to three seconds.

    Raises:
        VerificationError: the new generation is not what the archive says; the old one stays.
        LeaseHeldError: another rebuild or roll back is at work.
        GenerationError: the disk is full or failing; the old one stays.
    """
    open_engine(engine, generations.folder)  # an unknown name fails before any work
    with _explained("Построить индекс", "rebuild"), generations.building():
        try:
            report = _build(archive, generations, analyzer, engine, names, accept_loss, progress)
        except BaseException:
            generations.clean()
            raise
        if measured and report.before:  # no progress now: a worker told to stop must not build again
            return _measured(report, report.before, generations, analyzer)
        return report


def _build(
    archive: Archive,
    generations: Generations,
    analyzer: Analyzer,
    engine: str,
    names: bool,
    accept_loss: bool,
    progress: Progress,
) -> RebuildReport:
    start = archive.last_sequence()
    version = NAMES_VERSION if names else ""
    with closing(generations.begin(engine=engine, analysis=analyzer.fingerprint, names=version)) as built:
        log.info("rebuild.begin generation=%s engine=%s sequence=%d", built.name, engine, start)
        number = built.load(_documents(archive, built, analyzer, progress), start)
        progress("Поиск похожих записей", 0, number)
        built.finish(
            archive.sources(),
            start,
            change=_described(archive, start),
            progress=lambda done: progress("Поиск похожих записей", done, number),
        )
        _catch_up(archive, built, analyzer)
        with ExitStack() as held:
            live = _live(generations)
            before = None
            if live is not None:
                held.callback(live.close)
                before = _figures(live)
            progress("Проверка", 0, None)
            verify(built, archive, live, analyzer, accept_loss=accept_loss)
            if live is not None:
                # No sync moves the live generation on while the new one takes its place.
                held.enter_context(live.writing())
            progress("Публикация", 0, None)
            _catch_up(archive, built, analyzer)
            published = generations.publish(built)
    with closing(published):
        now = published.engine.snapshot().documents, published.size()
        return RebuildReport(published.name, engine, *now, sequence=published.sequence(), before=before)


def _figures(live: Generation) -> Published | None:
    """Describe the live generation; None where it cannot be read: that is what a rebuild mends."""
    try:
        documents = live.engine.snapshot().documents
    except GenerationError:
        return None
    return Published(live.name, live.manifest.engine, documents, live.size())


def _measured(
    report: RebuildReport, before: Published, generations: Generations, analyzer: Analyzer
) -> RebuildReport:
    """Add the medians of canaries that both generations are asked in alternation."""
    names = (before.generation, report.generation)
    was, now = (found.p50_ms if found else None for found in compare(generations, names, analyzer))
    return replace(report, p50_ms=now, before=replace(before, p50_ms=was))


def rollback(archive: Archive, generations: Generations, analyzer: Analyzer) -> SyncReport:
    """Publish the previous generation, first bringing it in step, so that nothing withdrawn returns.

    Raises:
        GenerationError: there is no previous generation, or it cannot be used.
    """
    with _explained("Вернуться к прежнему индексу", "rollback"), generations.building():
        pointer = generations.pointer()
        if not pointer.previous:
            raise GenerationError(
                "Возвращаться некуда: предыдущего индекса нет "
                "(его ещё не было или он удалён командой purge). Построить индекс заново: searchsvc rebuild"
            )
        previous = generations.open(pointer.previous)
        with ExitStack() as held:
            held.callback(previous.close)
            live = _live(generations)
            if live is not None:
                held.callback(live.close)
                held.enter_context(live.writing())
            held.enter_context(previous.writing())
            report = _catch_up(archive, previous, analyzer)
            generations.point_back()
        return report


def purge(archive: Archive, generations: Generations, analyzer: Analyzer, article: str) -> str:
    """Destroy an article (id or address) in the archive and the index, and drop the previous generation.

    Return its id. Once the archive has destroyed it, its change log says so: should this be
    interrupted, the next sync erases it from the index.

    Raises:
        UnknownArticleError: there is no such article.
        GenerationError: the index cannot be opened; nothing was destroyed.
    """
    with _explained("Уничтожить статью в индексе", "sync"), generations.building():
        article_id = archive.find(article, removed=True)
        try:
            generation = generations.current()
        except NoIndexError:
            generations.clean()
            return archive.purge(article_id)
        with closing(generation), generation.writing():
            generations.drop_previous()
            archive.purge(article_id)
            if _follows(generation, analyzer):
                _catch_up(archive, generation, analyzer)
            else:
                generation.erase([article_id])
        return article_id


@contextmanager
def _explained(what: str, command: str) -> Iterator[None]:
    """Say to an editor what a full or failing disk means, and which *command* goes on."""
    try:
        yield
    except DISK_ERRORS as error:
        raise GenerationError(
            f"{what} не удалось ({error}). Прежний индекс продолжает отвечать. "
            f"Проверьте место на диске и права на папку, затем повторите: searchsvc {command}"
        ) from error


def _live(generations: Generations) -> Generation | None:
    """Open the published generation, or None where none can be opened: a rebuild is the remedy."""
    try:
        return generations.current()
    except GenerationError:
        return None


def _documents(
    archive: Archive, built: Generation, analyzer: Analyzer, progress: Progress
) -> Iterator[Document]:
    names = _finder(built, analyzer)
    total = archive.count()
    for number, (article, revision) in enumerate(archive.articles(), 1):
        yield make_document(article, revision, analyzer, names)
        progress("Разбор и индексация статей", number, total)


def _finder(generation: Generation, analyzer: Analyzer) -> NameFinder | None:
    """Return what finds names where *generation* has them: all of its articles are treated alike."""
    return name_finder(analyzer) if generation.manifest.names else None


@dataclass(frozen=True, slots=True)
class _Batch:
    """Changes up to ``sequence``, analysed: articles to put in, to take out, to destroy."""

    documents: list[Document]
    gone: list[str]
    purged: set[str]
    sources: list[Source]
    sequence: int
    change: str


def _catch_up(archive: Archive, generation: Generation, analyzer: Analyzer) -> SyncReport:
    """Replay the change log, as long as it is now, on *generation*, whose lease the caller holds."""
    generation.tidy()
    sequence = _sequence(archive, generation, analyzer)
    last = archive.last_sequence()
    replaced = removed = 0
    while sequence < last:
        batch = _batch(archive, sequence, generation, analyzer)
        _commit(archive, generation, batch)
        sequence = batch.sequence
        replaced += len(batch.documents)
        removed += len(batch.gone)
    return SyncReport(replaced, removed, sequence)


def _follows(generation: Generation, analyzer: Analyzer) -> bool:
    """Whether articles can be put into *generation* as its others were."""
    try:
        generation.require(analyzer.fingerprint)
        _finder(generation, analyzer)
    except (FingerprintError, EncoderMissingError, NamesMissingError):
        return False
    return True


def _sequence(archive: Archive, generation: Generation, analyzer: Analyzer) -> int:
    """Return the change *generation* has come to, once it is certain that it goes on from there."""
    generation.require(analyzer.fingerprint)
    sequence, last = generation.sequence(), archive.last_sequence()
    if sequence > last:
        raise GenerationError(
            f"Индекс новее архива (изменение {sequence}, в архиве {last}): архив восстановлен из копии "
            "или это другой архив. Перестройте индекс: searchsvc rebuild"
        )
    known, now = generation.described(sequence), _described(archive, sequence)
    if known and now and known != now:
        raise GenerationError(
            f"Архив не тот, по которому построен индекс: изменение {sequence} в нём другое "
            "(восстановлен из копии?). Перестройте индекс: searchsvc rebuild"
        )
    return sequence


def _batch(archive: Archive, sequence: int, generation: Generation, analyzer: Analyzer) -> _Batch:
    """Read, all from one state of the archive, and analyse what changed after *sequence*; there is something.

    Read one by one, articles that a crawl or an import changes together could come to the index by halves.
    """
    present: list[tuple[Article, int]] = []
    gone: list[str] = []
    with archive.still():
        changes = archive.changes(sequence, BATCH)
        for article_id, change in {change.article_id: change for change in changes}.items():
            state = _state(archive, article_id) if change.kind == "replaced" else None
            if state is None:
                gone.append(article_id)
            else:
                present.append(state)
        sources = archive.sources()
    names = _finder(generation, analyzer) if present else None
    return _Batch(
        documents=[make_document(article, revision, analyzer, names) for article, revision in present],
        gone=gone,
        purged={change.article_id for change in changes if change.kind == "purged"},
        sources=sources,
        sequence=changes[-1].sequence,
        change=_description(changes[-1]),
    )


def _commit(archive: Archive, generation: Generation, batch: _Batch) -> None:
    if batch.purged:  # before the commit that says so: one killed in between begins here again
        archive.forget_purged()
        generation.erase(batch.purged)
    generation.update(batch.documents, batch.gone, batch.sources, batch.sequence, change=batch.change)


def _state(archive: Archive, article_id: str) -> tuple[Article, int] | None:
    """Return an article with its revision; None if it was removed since, as a later change says."""
    try:
        return archive.get(article_id), archive.revision_of(article_id)
    except UnknownArticleError:
        return None


def _described(archive: Archive, sequence: int) -> str:
    """Describe the archive's change number *sequence*; "" if a purge took its line away."""
    found = archive.changes(sequence - 1, 1)
    return _description(found[0]) if found and found[0].sequence == sequence else ""


def _description(change: Change) -> str:
    return f"{change.article_id} {change.kind} {change.revision} {change.at.isoformat()}"
