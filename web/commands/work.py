"""How a command gets its work done: by the worker if there is one, else here and now."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.errors import SearchServiceError
from web.console import note, progress, say
from web.words import articles, counted, grouped, milliseconds, size

if TYPE_CHECKING:
    from corpus.archive import Archive
    from indexer.desk import Desk, Job, Kind
    from indexer.progress import Progress
    from indexer.worker import Workshop
    from searchsvc.settings import Settings

POLL_SECONDS = 0.2
LOOK_SECONDS = 2.0
"""How often somebody who waits for a job makes sure that there still is a worker."""


class NoArchiveError(SearchServiceError):
    """The data folder has no archive yet."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"Архива «{where}» ещё нет. Добавьте сайт (searchsvc source add АДРЕС), загрузите статьи "
            "(searchsvc import ФАЙЛ.jsonl) или посмотрите пример (searchsvc demo). "
            "Если архив в другой папке, укажите её: --data-dir ПАПКА."
        )
        self.where = where


class JobFailedError(SearchServiceError):
    """The worker could not do a job; the message and the exit code are the work's own."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.problem)
        self.exit_code = job.exit_code or 1


class UnfinishedError(SearchServiceError):
    """Part of the work is done, part is not, or somebody has to look at it."""

    def __init__(self, problem: str, exit_code: int = 1) -> None:
        super().__init__(problem)
        self.exit_code = exit_code


def is_there(address: str | Path) -> bool:
    """Tell whether the database at *address* exists; one on a server is taken to.

    Raises OSError where that cannot be told: a folder one may not read, a file on the way.
    """
    if "://" in str(address):
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            place = make_url(str(address))
        except ArgumentError:
            return True  # opening it says what is wrong
        if place.get_backend_name() != "sqlite" or not place.database:
            return True
        address = place.database
    try:
        Path(address).expanduser().stat()
    except FileNotFoundError:
        return False
    return True


@contextmanager
def archive_of(settings: Settings) -> Iterator[Archive]:
    """Open the archive, which must be there; raises NoArchiveError."""
    from searchsvc.bootstrap import open_archive

    if not is_there(settings.archive_address):
        raise NoArchiveError(str(settings.archive_address))
    with open_archive(settings) as archive:
        yield archive


def workshop_of(settings: Settings, archive: Archive) -> Workshop:
    """Return what work on *archive* needs."""
    from indexer.worker import Workshop
    from searchsvc.bootstrap import open_generations
    from searchsvc.language.analysis import Analyzer

    return Workshop(settings, archive, open_generations(settings), Analyzer())


def carry_out(settings: Settings, kind: Kind, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Have a job done and return its outcome, as ``indexer.worker.perform`` describes it.

    A worker that dies meanwhile loses the job to this process.
    """
    from indexer.worker import perform, worker_is_running

    with archive_of(settings) as archive:
        if worker_is_running(settings):
            outcome = _follow(settings, kind, arguments)
            if outcome is not None:
                return outcome
            note("Исполнитель остановился: команда работает сама.")
        with progress() as shown:
            return perform(workshop_of(settings, archive), kind, arguments, shown)


def in_step(settings: Settings) -> dict[str, Any]:
    """Bring the index in step with the archive, building the first one where there is none."""
    from searchsvc.bootstrap import open_generations
    from searchsvc.errors import NoIndexError

    try:
        open_generations(settings).pointer()
    except NoIndexError:
        return carry_out(settings, "rebuild", {})
    return carry_out(settings, "sync", {})


def _follow(settings: Settings, kind: Kind, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Queue a job and wait for its end; None when the worker is gone and the job is ours now."""
    from indexer.desk import Desk, UnknownJobError

    with Desk.open(settings.desk_address) as desk:
        number = desk.queue(kind, arguments)
        note(f"Работает исполнитель: ему передано задание № {number}.")
        try:
            with progress() as shown:
                return _wait(settings, desk, number, shown)
        except UnknownJobError:  # another command took it back
            return None
        except KeyboardInterrupt:
            note(f"Задание № {number} остаётся у исполнителя. Посмотреть: searchsvc status")
            raise


def _wait(settings: Settings, desk: Desk, number: int, shown: Progress) -> dict[str, Any] | None:
    from indexer.worker import worker_is_running

    looked = time.monotonic()
    while True:
        job = desk.job(number)
        if job.state == "failed":
            raise JobFailedError(job)
        if job.state == "done":
            return job.outcome or {}
        if job.state == "running" and job.stage:
            shown(job.stage, job.done, job.total)
        elif job.state == "queued":
            ahead = desk.ahead(number)
            shown(f"В очереди, впереди заданий: {ahead}" if ahead else "В очереди", 0, None)
        if time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            if not worker_is_running(settings) and _taken_back(settings, desk, number):
                return None
        time.sleep(POLL_SECONDS)


def _taken_back(settings: Settings, desk: Desk, number: int) -> bool:
    """Take a job back from a worker that is gone; not from one that has come meanwhile."""
    from corpus.lease import LeaseHeldError
    from indexer.worker import worker_lease

    try:
        with worker_lease(settings):
            return desk.withdraw(number)
    except LeaseHeldError:
        return False


# What came of it, in words


def tell_index(outcome: Mapping[str, Any]) -> None:
    """Say what became of the index."""
    if "generation" in outcome:
        say(
            f"Построен индекс {outcome['generation']}: {articles(outcome['articles'])}, "
            f"{size(outcome['size'])}."
        )
        if before := outcome.get("before"):
            for word, what in (("было", before), ("стало", outcome)):
                say(f"  {word + ':':<7}{_figures(what)}")
    elif outcome["replaced"] or outcome["removed"]:
        say(f"Индекс обновлён: внесено {outcome['replaced']}, убрано {outcome['removed']}.")
    else:
        say("Индекс уже в порядке: изменений нет.")


def _figures(what: Mapping[str, Any]) -> str:
    """Describe a generation: «g000001, whoosh, 92 статьи, 1,4 МБ, ответ за 3,1 мс»."""
    about = [what["generation"], what["engine"], articles(what["articles"]), size(what["size"])]
    if what["p50_ms"] is not None:
        about.append(f"ответ за {milliseconds(what['p50_ms'])} (медиана пробных запросов)")
    return ", ".join(about)


_COUNTS = {
    "new": "новых",
    "changed": "изменённых",
    "unchanged": "без изменений",
    "removed": "удалённых",
    "held_back": "оставлено под вопросом",
}


def tell_crawl(outcome: Mapping[str, Any], what: str) -> None:
    """Say what a crawl or a reextraction brought and what became of the index.

    Raises UnfinishedError where the outcome has a problem.
    """
    numbers = [
        f"{words} {grouped(outcome[name])}"
        for name, words in _COUNTS.items()
        if outcome.get(name) or name != "held_back"
    ]
    say(f"{what}: {', '.join(numbers)}.")
    for name, words in (("refused", "Не взяты"), ("failed", "С ошибкой")):
        for reason, number in outcome.get(name, {}).items():
            say(f"  {words}: {counted(number, 'статья', 'статьи', 'статей')} — {reason}")
    if "index" in outcome:
        tell_index(outcome["index"])
    if outcome.get("problem"):
        raise UnfinishedError(outcome["problem"], outcome.get("exit_code", 1))
