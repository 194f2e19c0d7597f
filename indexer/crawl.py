"""From a source to the archive: crawl, reextract, add a source.

What a reader finds is fetched and extracted outside transactions and written a hundred
articles at a time. The cursor moves only when a reading came to its end, so a crawl may be
killed at any moment: what was written is whole, and the next one goes on from the stamps.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from corpus.archive import Archive, Outcome
from corpus.article import Article, Source
from corpus.errors import ArchiveError, ArchiveUnavailableError, UnknownSourceError
from corpus.lease import lease
from indexer.errors import ExtractionError, FetchError
from indexer.extract import extract
from indexer.fetch import Fetcher
from indexer.progress import Progress, silent
from indexer.sources import Failed, Found, Gone, Item, Reader, Refused, detect, open_reader

_log = logging.getLogger(__name__)

BATCH = 100
"""Articles written in one transaction; others wait for it."""

TOLERATED_LOSS = 20
TOLERATED_SHARE = 10
"""More articles than the first, and more than one in the second, are not believed to be gone at once:
that is what a broken site looks like, too."""


@dataclass(frozen=True, slots=True)
class CrawlReport:
    """What became of one source's articles.

    ``unchanged`` were seen and are as they were. ``refused`` (not for everybody) and
    ``failed`` count by reason; an article that became closed counts as removed, too.
    ``held_back`` are gone from the source but kept for now. ``problem`` is empty when all
    went well, else says in Russian what did not and what to do.
    """

    source: str
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    held_back: int = 0
    problem: str = ""

    def counts(self) -> dict[str, int]:
        """Return the numbers that a run keeps."""
        return {
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "refused": sum(self.refused.values()),
            "failed": sum(self.failed.values()),
            "held_back": self.held_back,
        }


def _now() -> datetime:
    return datetime.now(UTC)


def add_source(
    archive: Archive,
    url: str,
    *,
    fetcher: Fetcher,
    allow_private: bool = False,
    delay: float = 1.0,
    title: str = "",
) -> Source:
    """Find out what site is at *url*, keep it as a source and return it; nothing is crawled yet.

    *fetcher* must be made with *allow_private*. Without a *title* the site's own is taken. A
    known source is brought up to date. Raises NotWordPressError, FetchError.
    """
    found = detect(url, fetcher)
    return archive.add_source(
        Source(
            id=found.id,
            url=found.url,
            kind=found.kind,
            title=title or found.title or found.id,
            allow_private=allow_private,
            delay=delay,
        )
    )


def crawl(
    archive: Archive,
    source: Source,
    fetcher: Fetcher,
    *,
    locks: Path,
    accept_removals: bool = False,
    full: bool = False,
    progress: Progress = silent,
    clock: Callable[[], datetime] = _now,
) -> CrawlReport:
    """Bring the archive in step with *source* and note the run; *locks* is the folder of leases.

    A source that cannot be read gives a report with a ``problem``, and loses nothing. A loss
    of more than TOLERATED_LOSS articles and of one in TOLERATED_SHARE, or of all, is held back
    unless *accept_removals*; what the source itself shows as closed (a password) is not a loss
    and goes at once. *full* fetches everything again.

    Raises:
        LeaseHeldError: the source is being crawled or reextracted.
        UnreadableSourceError, UnknownSourceError, ArchiveUnavailableError: what was written so
            far stays.
    """
    with _lease(locks, source.id):
        known = archive.keys(source.id)
        reader = open_reader(
            source,
            fetcher,
            known={key: stamp for key, (_, stamp) in known.items()},
            cursor=archive.cursor(source.id),
            full=full,
            progress=progress,
        )
        run = archive.start_run(source.id, clock())
        intake = _Intake(archive, source.id, set(known))
        problem = "Обход прерван. Следующий продолжит с того же места: searchsvc crawl."
        try:
            problem = _take_all(intake, reader, accept_removals=accept_removals)
        finally:
            report = intake.report(reader.listed, problem)
            archive.finish_run(run, clock(), report.counts(), report.problem)
    _log.info("crawl source=%s counts=%s problem=%s", source.id, report.counts(), bool(report.problem))
    return report


def reextract(
    archive: Archive, source: str | None = None, *, locks: Path, progress: Progress = silent
) -> CrawlReport:
    """Extract the current articles of *source* (id or address; None: of all) anew from their raw pages.

    No network, no run is noted; articles without a raw page stay. One report for all sources.

    Raises:
        LeaseHeldError: a source is being crawled; those before it are done.
        UnknownSourceError: there is no such source.
    """
    chosen = archive.sources() if source is None else [archive.source(source)]
    total = sum(len(archive.page_keys(each.id)) for each in chosen)
    tally = _Tally()
    done = 0
    for each in chosen:
        with _lease(locks, each.id):
            current = archive.keys(each.id)
            for pages in _batches(archive.pages(each.id)):
                # The page of a removed article is kept, but must not bring it back.
                found = [_Extracted.of(Found(page, ""), tally) for page in pages if page.key in current]
                with archive.batch():
                    for one in found:
                        if archive.page(each.id, one.found.page.key):  # not purged meanwhile
                            _put(archive, one, tally, keep=False)
                done += len(pages)
                progress("Повторное извлечение", done, total)
    unchanged = tally.outcomes[Outcome.UNCHANGED]
    return tally.report(chosen[0].id if source else "", unchanged=unchanged)


def _lease(locks: Path, source: str) -> AbstractContextManager[None]:
    """Return the lease of *source*; its file's name is readable and no other source's."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", source).strip("-.")[:60]
    name = f"crawl-{readable}-{hashlib.sha256(source.encode()).hexdigest()[:8]}.lock"
    return lease(locks / name, f"Обход источника «{source}»")


def _take_all(intake: _Intake, reader: Reader, *, accept_removals: bool) -> str:
    """Take what *reader* yields and return the problem, empty if there is none."""
    try:
        for item in reader.items():
            intake.take(item)
    except FetchError as error:
        intake.flush()
        return f"{error} Собранные раньше статьи сохранены, по неполному обходу ничего не удалено."
    intake.flush()
    problem = intake.remove_gone(accept=accept_removals)
    intake.archive.set_cursor(intake.source, reader.cursor())
    return problem


@dataclass(slots=True)
class _Tally:
    """Counts as the work goes on."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    removed: int = 0
    held_back: int = 0

    def report(self, source: str, *, unchanged: int, problem: str = "") -> CrawlReport:
        return CrawlReport(
            source=source,
            new=self.outcomes[Outcome.NEW],
            changed=self.outcomes[Outcome.CHANGED],
            unchanged=unchanged,
            removed=self.removed,
            refused=dict(self.refused),
            failed=dict(self.failed),
            held_back=self.held_back,
            problem=problem,
        )


@dataclass(frozen=True, slots=True)
class _Extracted:
    """A page with its article, None where there is none to be read."""

    found: Found
    article: Article | None

    @classmethod
    def of(cls, found: Found, tally: _Tally) -> _Extracted:
        try:
            return cls(found, extract(found.page))
        except ExtractionError as error:
            _log.warning("extract_failed source=%s key=%s", found.page.source, found.page.key)
            tally.failed[error.reason] += 1
            return cls(found, None)


class _Intake:
    """Takes a reader's items, writes them in batches and holds removals to the end."""

    def __init__(self, archive: Archive, source: str, known: set[str]) -> None:
        self.archive = archive
        self.source = source
        self._known = known
        self._touched: set[str] = set()
        self._pending: list[_Extracted | Refused] = []
        self._gone: list[Gone] = []
        self._tally = _Tally()

    def take(self, item: Item) -> None:
        match item:
            case Found(page, _):
                self._touched.add(page.key)
                self._pending.append(_Extracted.of(item, self._tally))
            case Refused(key, reason):
                self._touched.add(key)
                self._tally.refused[reason] += 1
                self._pending.append(item)
            case Failed(key, reason):
                self._touched.add(key)
                self._tally.failed[reason] += 1
            case Gone():
                self._gone.append(item)
        if len(self._pending) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is pending, all or nothing."""
        if not self._pending:
            return
        refused = [one for one in self._pending if isinstance(one, Refused)]
        with self.archive.batch():
            for one in self._pending:
                if isinstance(one, _Extracted):
                    _put(self.archive, one, self._tally)
            self._remove([(each.key, each.reason) for each in refused])
            for each in refused:
                self.archive.drop_page(self.source, each.key)
        self._pending.clear()

    def remove_gone(self, *, accept: bool) -> str:
        """Remove what is gone, unless it is suspiciously much; return the problem then."""
        lost = len(self._gone)
        much = lost > TOLERATED_LOSS and lost * TOLERATED_SHARE > len(self._known)
        if lost and not accept and (much or lost == len(self._known)):
            self._tally.held_back = lost
            return (
                f"На сайте «{self.source}» пропало статей: {lost} из {len(self._known)}. Так выглядит "
                "и поломка сайта, поэтому ничего не удалено. Проверьте сайт; если статьи убраны намеренно, "
                f"подтвердите: searchsvc crawl {self.source} --accept-removals"
            )
        for some in _batches(self._gone):
            with self.archive.batch():
                self._remove([(one.key, one.reason) for one in some])
        return ""

    def report(self, listed: Iterable[str], problem: str) -> CrawlReport:
        seen = (set(listed) & self._known) - self._touched
        unchanged = len(seen) + self._tally.outcomes[Outcome.UNCHANGED]
        return self._tally.report(self.source, unchanged=unchanged, problem=problem)

    def _remove(self, gone: Iterable[tuple[str, str]]) -> None:
        known = [(key, reason) for key, reason in gone if key in self._known]
        # Asked for anew: a new post at an old address has taken over the article and its key.
        current = self.archive.keys(self.source) if known else {}
        for key, reason in known:
            if key in current and self.archive.remove(current[key][0], reason):
                self._tally.removed += 1


def _put(archive: Archive, one: _Extracted, tally: _Tally, *, keep: bool = True) -> None:
    """Put the article and keep its page; what the archive does not take is counted and left out."""
    page, article = one.found.page, one.article
    try:
        with archive.batch():
            outcome = None
            if article is not None:
                outcome = archive.put(article, key=page.key, stamp=one.found.stamp).outcome
            if keep:
                archive.keep_page(page)
    except (ArchiveUnavailableError, UnknownSourceError):
        raise
    except ArchiveError as error:
        _log.warning("put_failed source=%s key=%s reason=%s", page.source, page.key, type(error).__name__)
        tally.failed["архив не принял статью"] += 1
    else:
        tally.outcomes.update([outcome] if outcome else [])


_One = TypeVar("_One")


def _batches(items: Iterable[_One]) -> Iterator[list[_One]]:
    rest = iter(items)
    while some := list(islice(rest, BATCH)):
        yield some
