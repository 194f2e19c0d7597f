"""The worker of a data folder: takes jobs from the desk, one at a time, and keeps the schedule.

``perform`` does the work of a job; a command that finds no worker calls it itself. There is
one worker a folder: it holds a lease for as long as it lives.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from corpus.archive import Archive, Run
from corpus.article import Source
from corpus.errors import SearchServiceError
from corpus.lease import LeaseHeldError, lease
from indexer.desk import Desk, Job, Kind
from indexer.pipeline import rebuild, sync
from indexer.progress import Progress, silent
from searchsvc.bootstrap import open_archive, open_generations
from searchsvc.errors import GenerationError, NoIndexError
from searchsvc.generation.generations import Generations
from searchsvc.language.analysis import Analyzer
from searchsvc.settings import Settings

if TYPE_CHECKING:
    from indexer.fetch import Fetcher

log = logging.getLogger(__name__)

IMPORTED = "import"
"""The kind of sources that files fill: there is nothing to crawl."""

LEASE_WAIT = 1.0
"""Seconds a worker waits for its lease: ``worker_is_running`` holds it for a moment, too."""

PROBES = 3
IDLE_SECONDS = 0.25
"""How often an idle worker looks for a job."""

REPORT_SECONDS = 0.5
"""Progress is written no more often: each time is a commit."""

SCHEDULE_SECONDS = 30.0
TROUBLE_SECONDS = 5.0
"""How long a worker waits when the desk itself fails (a full disk, a lock)."""


class WorkerRunningError(LeaseHeldError):
    """The data folder has a worker already."""

    def __init__(self, holder: str) -> None:
        SearchServiceError.__init__(
            self,
            f"Исполнитель этой папки данных уже работает: {holder}. "
            "Второй не нужен: команды crawl, sync, rebuild и reextract сами передают ему задания.",
        )
        self.holder = holder


class Stopped(BaseException):
    """The work in hand is to be left at once; no error, so that nothing swallows it."""


@dataclass
class Workshop:
    """What the work of a job needs. ``sleep`` is how a crawl waits; it may raise ``Stopped``."""

    settings: Settings
    archive: Archive
    generations: Generations
    analyzer: Analyzer
    sleep: Callable[[float], None] = field(default=time.sleep)

    def fetcher(self, *, delay: float, allow_private: bool) -> Fetcher:
        """Return what asks a site for pages, in our name."""
        from indexer.fetch import Fetcher

        return Fetcher(
            user_agent=user_agent(self.settings.crawl_contact),
            delay=delay,
            allow_private=allow_private,
            sleep=self.sleep,
        )


def user_agent(contact: str) -> str:
    """Return how we introduce ourselves to sites."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        name = f"searchsvc/{version('searchsvc')}"
    except PackageNotFoundError:
        name = "searchsvc"
    return f"{name} (+{contact})" if contact else name


# The work


def perform(
    workshop: Workshop, kind: Kind, arguments: Mapping[str, Any], progress: Progress = silent
) -> dict[str, Any]:
    """Do the work of a job and return its outcome.

    The outcome has "problem" and "exit_code" where something was done, but not all: a site
    failed, or articles came in and the index could not follow.

    Raises:
        SearchServiceError: nothing was done; the old state answers.
    """
    match kind:
        case "sync":
            done = sync(workshop.archive, workshop.generations, workshop.analyzer, progress=progress)
            return asdict(done)
        case "rebuild":
            return asdict(
                rebuild(
                    workshop.archive,
                    workshop.generations,
                    workshop.analyzer,
                    engine=arguments.get("engine") or workshop.settings.engine,
                    names=workshop.settings.names == "on",
                    accept_loss=bool(arguments.get("accept_loss")),
                    measured=True,
                    progress=progress,
                )
            )
        case "crawl":
            return _followed_by_index(workshop, _crawl(workshop, arguments, progress), progress)
        case "reextract":
            return _followed_by_index(workshop, _reextract(workshop, arguments, progress), progress)


def bring_in_step(workshop: Workshop, progress: Progress = silent) -> dict[str, Any]:
    """Sync the index with the archive, building the first one where there is none.

    Return the report as a dictionary; a rebuild's has "generation".
    """
    try:
        return perform(workshop, "sync", {}, progress)
    except NoIndexError:
        return perform(workshop, "rebuild", {}, progress)


def crawlable(sources: Iterable[Source]) -> list[Source]:
    """Return the sources that can be crawled."""
    return [source for source in sources if source.kind != IMPORTED]


def _crawl(workshop: Workshop, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    from indexer.crawl import crawl

    source = workshop.archive.source(arguments["source"])
    with workshop.fetcher(delay=source.delay, allow_private=source.allow_private) as fetcher:
        report = crawl(
            workshop.archive,
            source,
            fetcher,
            locks=lease_folder(workshop.settings),
            accept_removals=bool(arguments.get("accept_removals")),
            full=bool(arguments.get("full")),
            progress=progress,
        )
    return asdict(report)


def _reextract(workshop: Workshop, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    from indexer.crawl import reextract

    source = arguments.get("source")
    known = workshop.archive.source(source).id if source else None
    locks = lease_folder(workshop.settings)
    return asdict(reextract(workshop.archive, known, locks=locks, progress=progress))


def _followed_by_index(workshop: Workshop, outcome: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Bring the index in step after articles came in; that this failed does not undo them."""
    if outcome.get("problem"):
        outcome["exit_code"] = 1
    try:
        outcome["index"] = bring_in_step(workshop, progress)
    except (GenerationError, LeaseHeldError) as error:
        said = f"Статьи в архиве, но индекс не обновлён. {error}"
        outcome["problem"] = " ".join(filter(None, [outcome.get("problem"), said]))
        outcome["exit_code"] = error.exit_code
    return outcome


# The worker


def worker_is_running(settings: Settings) -> bool:
    """Tell whether a worker holds the folder's lease at this moment."""
    path = _lease_path(settings)
    if not path.exists():
        return False
    for _ in range(PROBES):  # another one who only asks may hold it for a moment
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            time.sleep(0.02)
        except OSError:
            return False  # a folder we may not write to: there is no worker for us
        else:
            lock.release()
            return False
    return True


def worker_lease(settings: Settings, *, wait: float = 0.0) -> AbstractContextManager[None]:
    """Hold the lease of the folder's one worker for a block; raises LeaseHeldError."""
    return lease(_lease_path(settings), "Исполнитель заданий", wait=wait)


def run(
    settings: Settings,
    *,
    stop: threading.Event,
    tell: Callable[[str], None] = log.info,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Work until *stop* is set; what is in hand then is left and queued again.

    *ready* is called when the lease is held, *tell* with a line (Russian) at every step.

    Raises:
        WorkerRunningError: another worker is at it.
    """
    try:
        with worker_lease(settings, wait=LEASE_WAIT), Desk.open(settings.desk_address) as desk:
            ready()
            _Worker(settings, desk, stop, tell).work()
    except LeaseHeldError as error:
        raise WorkerRunningError(error.holder) from error


class _Worker:
    def __init__(
        self, settings: Settings, desk: Desk, stop: threading.Event, tell: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._stop = stop
        self._tell = tell
        self._analyzer = Analyzer()
        self._schedule = Schedule(timedelta(hours=settings.crawl_every_hours))

    def work(self) -> None:
        lost = True  # at the start there may be jobs of a worker that was killed
        while not self._stop.is_set():
            try:
                if lost:
                    self._desk.requeue_lost()
                    lost = False
                self._keep_schedule()
                job = self._desk.claim(os.getpid()) if self._desk.waiting() else None
                if job is None:
                    self._stop.wait(IDLE_SECONDS)
                    continue
                self._do(job)
            except Exception as error:
                lost = True
                log.exception("worker.trouble")
                self._tell(f"Исполнитель не может работать. {error}")
                self._stop.wait(TROUBLE_SECONDS)

    def _do(self, job: Job) -> None:
        log.info("job.begin id=%d kind=%s attempt=%d", job.id, job.kind, job.attempts)
        self._tell(f"Задание № {job.id} ({named(job)}): начато")
        report = _Reporter(self._desk, job.id, self._stop)
        try:
            with open_archive(self._settings) as archive:
                workshop = Workshop(
                    self._settings, archive, open_generations(self._settings), self._analyzer, self._sleep
                )
                outcome = perform(workshop, job.kind, job.arguments, report)
        except Stopped:
            self._desk.release(job.id)
            self._tell(f"Задание № {job.id}: прервано, будет продолжено после запуска")
        except SearchServiceError as error:
            self._desk.fail(job.id, str(error), error.exit_code)
            self._tell(f"Задание № {job.id}: не выполнено. {error}")
        except Exception as error:
            log.exception("job.broken id=%d kind=%s", job.id, job.kind)
            problem = f"Внутренняя ошибка: {type(error).__name__}: {error}"
            self._desk.fail(job.id, f"{problem}. Подробности — в журнале исполнителя.", 70)
            self._tell(f"Задание № {job.id}: не выполнено. {problem}")
        else:
            self._desk.finish(job.id, outcome)
            self._tell(f"Задание № {job.id}: готово. {outcome.get('problem', '')}".rstrip())
        log.info("job.end id=%d", job.id)

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped

    def _keep_schedule(self) -> None:
        if not self._schedule.is_time():
            return
        with open_archive(self._settings) as archive:
            due = self._schedule.due(archive.sources(), archive.last_runs(), datetime.now(UTC))
        for source in due:
            log.info("schedule.crawl source=%s", source)
            self._desk.queue("crawl", {"source": source})


def named(job: Job) -> str:
    """Return a job as its command: «crawl school5.ru»."""
    return f"{job.kind} {job.arguments.get('source') or ''}".rstrip()


class Schedule:
    """When sources are to be crawled again; *every* of nothing means never."""

    def __init__(self, every: timedelta, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._looked = float("-inf")
        self._asked: dict[str, datetime] = {}

    def is_time(self) -> bool:
        """Tell whether it is time to look; not so soon again after a yes."""
        if not self._every or self._clock() < self._looked + SCHEDULE_SECONDS:
            return False
        self._looked = self._clock()
        return True

    def due(self, sources: Iterable[Source], runs: Mapping[str, Run], now: datetime) -> list[str]:
        """Return the sources whose last run began longer ago than *every*.

        A source is not named again within that time, even if its run left no trace.
        """
        found = []
        for source in crawlable(sources):
            run = runs.get(source.id)
            times = [time for time in (run and run.started, self._asked.get(source.id)) if time]
            if all(now - time >= self._every for time in times):
                self._asked[source.id] = now
                found.append(source.id)
        return found


class _Reporter:
    """A job's progress: to the desk at most twice a second; the place where a stop is noticed."""

    def __init__(self, desk: Desk, job: int, stop: threading.Event) -> None:
        self._desk = desk
        self._job = job
        self._stop = stop
        self._written = float("-inf")

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if self._stop.is_set():
            raise Stopped
        now = time.monotonic()
        if now - self._written < REPORT_SECONDS:
            return
        self._written = now
        try:
            self._desk.report(self._job, stage, done, total)
        except SearchServiceError as error:  # the work is worth more than the news of it
            log.warning("job.unreported id=%d reason=%s", self._job, error)


def lease_folder(settings: Settings) -> Path:
    """Return the folder of the leases of the worker and of crawls."""
    return settings.data_dir / "locks"


def _lease_path(settings: Settings) -> Path:
    return lease_folder(settings) / "worker.lock"
