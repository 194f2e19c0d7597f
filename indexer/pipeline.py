"""From the archive to the index: sync, rebuild, roll back, purge.

The change log is the only link: an index knows the last change it holds and is brought on
from there. All four take leases, so that any two of them may be started at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from corpus.archive import Archive
from corpus.article import Article, Change, Source
from corpus.errors import UnknownArticleError
from indexer.progress import Progress, silent
from indexer.verify import verify
from searchsvc.analysis import Analyzer
from searchsvc.document import Document, make_document
from searchsvc.engines import open_engine
from searchsvc.errors import FingerprintError, GenerationError, NoIndexError
from searchsvc.generation import DISK_ERRORS, Generation, Generations

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
class RebuildReport:
    """What was published: its name, articles, bytes on disk, the change it holds."""

    generation: str
    articles: int
    size: int
    sequence: int


@dataclass(frozen=True, slots=True)
class _Batch:
    """Changes for one commit: articles with their revisions as they are now, ids of those that are gone."""

    changes: list[Change]
    present: list[tuple[Article, int]]
    gone: list[str]
    sources: list[Source]


def sync(
    archive: Archive, generations: Generations, analyzer: Analyzer, *, progress: Progress = silent
) -> SyncReport:
    """Bring the published generation in step with the archive's change log.

    Raises:
        NoIndexError, FingerprintError, LeaseHeldError, GenerationError: nothing was changed,
            or what was committed so far stays.
    """
    with _explained("Обновить индекс", "sync"):
        while True:
            with closing(generations.current()) as generation, generation.writing():
                if generations.pointer().generation != generation.name:
                    continue  # a rebuild published while we waited
                return _catch_up(archive, generation, analyzer, progress)


def rebuild(
    archive: Archive,
    generations: Generations,
    analyzer: Analyzer,
    *,
    engine: str,
    accept_loss: bool = False,
    progress: Progress = silent,
) -> RebuildReport:
    """Build a generation beside the live one, catch up, verify, publish.

    Raises:
        VerificationError: the new generation is not what the archive says; the old one stays.
        LeaseHeldError: another rebuild or roll back is at work.
        GenerationError: the disk is full or failing; the old one stays.
    """
    open_engine(engine, generations.folder)  # an unknown name fails before any work
    with _explained("Построить индекс", "rebuild"), generations.building():
        try:
            return _build(archive, generations, analyzer, engine, accept_loss, progress)
        except BaseException:
            generations.clean()
            raise


def _build(
    archive: Archive,
    generations: Generations,
    analyzer: Analyzer,
    engine: str,
    accept_loss: bool,
    progress: Progress,
) -> RebuildReport:
    start = archive.last_sequence()
    with closing(generations.begin(engine=engine, analysis=analyzer.fingerprint)) as built:
        log.info("rebuild.begin generation=%s engine=%s sequence=%d", built.name, engine, start)
        number = built.load(_documents(archive, analyzer, progress), start)
        progress("Поиск похожих записей", 0, number)
        built.finish(archive.sources(), start, change=_described(archive, start))
        _catch_up(archive, built, analyzer, silent)
        with ExitStack() as held:
            live = _live(generations)
            if live is not None:
                held.callback(live.close)
                # No sync moves the live generation on while the new one takes its place.
                held.enter_context(live.writing())
            _catch_up(archive, built, analyzer, silent)
            progress("Проверка", 0, None)
            verify(built, archive, live, analyzer, accept_loss=accept_loss)
            published = generations.publish(built)
    with closing(published):
        return RebuildReport(
            published.name, published.engine.snapshot().documents, published.size(), published.sequence()
        )


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
            report = _catch_up(archive, previous, analyzer, silent)
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
            if generation.manifest.analysis == analyzer.fingerprint:
                _catch_up(archive, generation, analyzer, silent)
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


def _documents(archive: Archive, analyzer: Analyzer, progress: Progress) -> Iterator[Document]:
    total = archive.count()
    for number, (article, revision) in enumerate(archive.articles(), 1):
        yield make_document(article, revision, analyzer)
        progress("Разбор и индексация статей", number, total)


def _catch_up(archive: Archive, generation: Generation, analyzer: Analyzer, progress: Progress) -> SyncReport:
    """Replay the change log, as long as it is now, on *generation*, whose lease the caller holds."""
    if generation.manifest.analysis != analyzer.fingerprint:
        raise FingerprintError("другой разбор слов")
    generation.tidy()
    sequence = generation.sequence()
    last = archive.last_sequence()
    if sequence > last:
        raise GenerationError(
            f"Индекс новее архива (изменение {sequence}, в архиве {last}): архив восстановлен из копии "
            "или это другой архив. Перестройте индекс: searchsvc rebuild"
        )
    known, now = generation.last_change(), _described(archive, sequence)
    if known and now and known != now:
        raise GenerationError(
            f"Архив не тот, по которому построен индекс: изменение {sequence} в нём другое "
            "(восстановлен из копии?). Перестройте индекс: searchsvc rebuild"
        )
    replaced = removed = 0
    begin = sequence
    while sequence < last:  # not until there are no more: a crawl may write faster than we read
        batch = _next(archive, sequence)
        sequence = batch.changes[-1].sequence
        documents = [make_document(article, revision, analyzer) for article, revision in batch.present]
        purged = {change.article_id for change in batch.changes if change.kind == "purged"}
        if purged:  # before the commit that says so: one killed in between begins here again
            archive.forget_purged()
            generation.erase(purged)
        last_one = _description(batch.changes[-1])
        generation.update(documents, batch.gone, batch.sources, sequence, change=last_one)
        replaced += len(documents)
        removed += len(batch.gone)
        progress("Обновление индекса", sequence - begin, max(last - begin, sequence - begin))
    return SyncReport(replaced, removed, sequence)


def _next(archive: Archive, sequence: int) -> _Batch:
    """Read the changes after *sequence* and what they led to, all from one state of the archive.

    Read one by one, articles that a crawl or an import changes together could come to the index by halves.
    """
    with archive.still():
        changes = archive.changes(sequence, BATCH)
        present: list[tuple[Article, int]] = []
        gone: list[str] = []
        for article_id, change in {change.article_id: change for change in changes}.items():
            state = _state(archive, article_id) if change.kind == "replaced" else None
            if state is None:
                gone.append(article_id)
            else:
                present.append(state)
        return _Batch(changes, present, gone, archive.sources())


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
