"""The worker: does jobs one by one, survives them, is alone, and is replaced when killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from beds.commands import Gate, add_school, eventually, started
from beds.fake_wordpress import FakeWordPress
from beds.site import Reply

from corpus.article import Source
from corpus.errors import UnknownSourceError
from indexer import worker as module
from indexer.desk import Desk, Job
from indexer.errors import UnreadableSourceError
from indexer.worker import (
    WorkerRunningError,
    Workshop,
    bring_in_step,
    perform,
    run,
    user_agent,
    worker_is_running,
)
from searchsvc.bootstrap import open_archive, open_generations
from searchsvc.errors import NoIndexError
from searchsvc.language.analysis import Analyzer
from searchsvc.settings import Settings

pytest_plugins = ["beds.school"]


@contextmanager
def workshop(settings: Settings, analyzer: Analyzer) -> Iterator[Workshop]:
    with open_archive(settings) as archive:
        yield Workshop(settings, archive, open_generations(settings), analyzer)


@dataclass
class Running:
    """A worker in a thread."""

    stop: threading.Event = field(default_factory=threading.Event)
    lines: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def working(settings: Settings) -> Iterator[Running]:
    worker = Running()
    ready = threading.Event()

    def work() -> None:
        try:
            run(settings, stop=worker.stop, tell=worker.lines.append, ready=ready.set)
        finally:
            worker.ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(20)
        yield worker
    finally:
        worker.stop.set()
        thread.join(20)
        assert not thread.is_alive()


def ended(desk: Desk, number: int) -> Job:
    eventually(lambda: desk.job(number).ended)
    return desk.job(number)


# The work of jobs


def test_a_crawl_brings_articles_and_builds_the_first_index(
    settings: Settings, analyzer: Analyzer, school: FakeWordPress
) -> None:
    add_school(settings, school)
    with workshop(settings, analyzer) as shop:
        first = perform(shop, "crawl", {"source": "school.ru"})
        assert (first["new"], first["index"]["articles"]) == (3, 3)
        school.add(4)
        second = perform(shop, "crawl", {"source": "school.ru"})
        assert (second["new"], second["unchanged"], second["index"]["replaced"]) == (1, 3, 1)
        assert "problem" not in second or second["problem"] == ""
    json.dumps([first, second])  # the desk keeps outcomes as JSON


def test_flags_of_a_crawl_reach_the_crawl(
    settings: Settings, analyzer: Analyzer, school: FakeWordPress
) -> None:
    school.add(*range(4, 41))
    add_school(settings, school)
    with workshop(settings, analyzer) as shop:
        perform(shop, "crawl", {"source": "school.ru"})
        school.remove(range(1, 31))
        held = perform(shop, "crawl", {"source": "school.ru"})
        assert (held["held_back"], held["removed"], held["exit_code"]) == (30, 0, 1)
        assert "--accept-removals" in held["problem"]
        taken = perform(shop, "crawl", {"source": "school.ru", "accept_removals": True})
        assert (taken["removed"], taken["index"]["removed"]) == (30, 30)


def test_a_site_that_is_down_is_a_problem_of_the_outcome_and_loses_nothing(
    settings: Settings, analyzer: Analyzer, school: FakeWordPress
) -> None:
    add_school(settings, school)
    with workshop(settings, analyzer) as shop:
        perform(shop, "crawl", {"source": "school.ru"})
        school.trouble = lambda route, query: Reply(b"", status=403)
        outcome = perform(shop, "crawl", {"source": "school.ru"})
        assert outcome["problem"]
        assert outcome["exit_code"] == 1
        assert shop.archive.count() == 3
        assert outcome["index"]["removed"] == 0


def test_articles_that_the_index_cannot_take_are_not_lost(
    settings: Settings, analyzer: Analyzer, school: FakeWordPress
) -> None:
    add_school(settings, school)
    with workshop(settings, analyzer) as shop:
        perform(shop, "rebuild", {})
    manifest = settings.index_dir / "g000001" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(analyzer.fingerprint, "0-другой"))
    with workshop(settings, analyzer) as shop:
        outcome = perform(shop, "crawl", {"source": "school.ru"})
        assert (outcome["new"], outcome["exit_code"]) == (3, 1)
        assert outcome["problem"].startswith("Статьи в архиве, но индекс не обновлён. ")
        assert "searchsvc rebuild" in outcome["problem"]
        assert shop.archive.count() == 3


def test_reextract_works_without_the_site(
    settings: Settings, analyzer: Analyzer, school: FakeWordPress
) -> None:
    add_school(settings, school)
    with workshop(settings, analyzer) as shop:
        perform(shop, "crawl", {"source": "school.ru"})
        before = len(school.requests)
        outcome = perform(shop, "reextract", {"source": "school.ru"})
        assert (outcome["unchanged"], outcome["changed"]) == (3, 0)
        assert perform(shop, "reextract", {})["unchanged"] == 3
        assert len(school.requests) == before
        with pytest.raises(UnknownSourceError):
            perform(shop, "reextract", {"source": "nobody.ru"})


def test_sync_needs_an_index_and_bringing_in_step_does_not(settings: Settings, analyzer: Analyzer) -> None:
    with workshop(settings, analyzer) as shop:
        with pytest.raises(NoIndexError):
            perform(shop, "sync", {})
        assert bring_in_step(shop)["generation"] == "g000001"
        assert bring_in_step(shop) == {"replaced": 0, "removed": 0, "sequence": 0}


def test_a_source_filled_from_files_cannot_be_crawled(own_sample: Settings, analyzer: Analyzer) -> None:
    with workshop(own_sample, analyzer) as shop:
        source = shop.archive.sources()[0].id
        with pytest.raises(UnreadableSourceError, match="searchsvc import"):
            perform(shop, "crawl", {"source": source})


def test_we_introduce_ourselves_with_a_contact() -> None:
    assert user_agent("mailto:editor@school.ru").endswith(" (+mailto:editor@school.ru)")
    assert user_agent("").startswith("searchsvc")
    assert "(" not in user_agent("")


# The worker


def test_a_worker_does_what_is_queued_in_order(settings: Settings, school: FakeWordPress) -> None:
    add_school(settings, school)
    with Desk.open(settings.desk_address) as desk, working(settings) as worker:
        crawl = desk.queue("crawl", {"source": "school.ru"})
        rebuild = desk.queue("rebuild")
        done = ended(desk, rebuild)
        assert done.outcome is not None
        assert (done.state, done.worker, done.outcome["articles"]) == ("done", os.getpid(), 3)
        first = desk.job(crawl)
        assert first.outcome is not None
        assert first.outcome["new"] == 3
        assert first.finished is not None
        assert done.started is not None
        assert first.finished <= done.started
    assert [line.split(": ")[1].split(".")[0] for line in worker.lines] == ["начато", "готово"] * 2


def test_a_job_that_fails_is_told_in_russian_and_the_worker_goes_on(settings: Settings) -> None:
    with Desk.open(settings.desk_address) as desk, working(settings):
        unknown, broken = desk.queue("crawl", {"source": "nobody.ru"}), desk.queue("crawl", {"no": "source"})
        job = ended(desk, unknown)
        assert (job.state, job.exit_code) == ("failed", 1)
        assert "Источник «nobody.ru» не найден" in job.problem
        job = ended(desk, broken)
        assert (job.state, job.exit_code) == ("failed", 70)
        assert job.problem.startswith("Внутренняя ошибка: KeyError")
        assert ended(desk, desk.queue("rebuild")).state == "done"


def test_progress_is_written_at_most_twice_a_second(settings: Settings) -> None:
    stop = threading.Event()
    with Desk.open(settings.desk_address) as desk:
        number = desk.queue("sync")
        desk.claim(1)
        written: list[int] = []
        report = module._Reporter(_Counted(desk, written), number, stop)
        begin = time.monotonic()
        for done in range(10_000):
            report("Работа", done, 10_000)
        assert len(written) <= 1 + (time.monotonic() - begin) / module.REPORT_SECONDS
        assert desk.job(number).stage == "Работа"


class _Counted(Desk):
    """A desk that counts reports."""

    def __init__(self, desk: Desk, written: list[int]) -> None:
        super().__init__(desk._database, desk._clock)
        self._written = written

    def report(self, number: int, stage: str, done: int, total: int | None) -> None:
        self._written.append(done)
        super().report(number, stage, done, total)


# Only one


def test_a_second_worker_is_told_who_is_at_it(settings: Settings) -> None:
    with working(settings):
        with pytest.raises(WorkerRunningError, match=rf"процесс {os.getpid()} ") as caught:
            run(settings, stop=threading.Event())
        assert caught.value.exit_code == 3
        assert worker_is_running(settings)
    assert not worker_is_running(settings)


def test_asking_for_a_worker_leaves_no_traces(settings: Settings) -> None:
    assert not worker_is_running(settings)
    assert not settings.data_dir.exists()


def test_those_who_ask_for_a_worker_do_not_take_one_another_for_it(settings: Settings) -> None:
    with working(settings):
        pass
    answers: list[bool] = []

    def ask() -> None:
        answers.extend(worker_is_running(settings) for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 200
    assert answers.count(True) <= 4, "a probe may meet another one, three times in a row hardly ever"


def test_a_worker_starts_while_others_ask_for_it(settings: Settings) -> None:
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            worker_is_running(settings)

    with working(settings):
        pass
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(5):
            with working(settings):
                assert worker_is_running(settings)
    finally:
        over.set()
        asking.join()


# Ends of a worker


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_the_job_of_a_killed_worker_is_done_by_the_next(settings: Settings, school: FakeWordPress) -> None:
    add_school(settings, school)
    gate = Gate(school)
    with Desk.open(settings.desk_address) as desk:
        number = desk.queue("crawl", {"source": "school.ru"})
        with started(settings.data_dir, "worker") as process:
            assert gate.reached.wait(30)
            assert worker_is_running(settings)
            assert desk.job(number).worker == process.pid
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        assert not worker_is_running(settings)
        assert desk.job(number).state == "running"
        gate.opened.set()
        with working(settings):
            job = ended(desk, number)
        assert (job.state, job.attempts) == ("done", 2)
        assert job.outcome is not None
        assert job.outcome["index"]["articles"] == 3


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is POSIX")
def test_a_worker_that_is_asked_to_end_leaves_its_job_for_the_next(
    settings: Settings, school: FakeWordPress
) -> None:
    with open_archive(settings) as archive:  # with pauses: that is where the worker is when it is stopped
        source = Source(id="school.ru", url=school.url("/"), kind="wordpress", allow_private=True, delay=30)
        archive.add_source(source)
    with Desk.open(settings.desk_address) as desk:
        number = desk.queue("crawl", {"source": "school.ru"})
        with started(settings.data_dir, "worker") as process:
            eventually(lambda: school.requests)
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=20)
            assert time.monotonic() - begin < 5
        assert (process.returncode, "Traceback" in err) == (0, False)
        assert "прервано" in out
        job = desk.job(number)
        assert (job.state, job.attempts) == ("queued", 0)


def test_a_desk_that_fails_for_a_while_does_not_end_the_worker(settings: Settings) -> None:
    Desk.open(settings.desk_address).close()
    connecting = contextlib.closing(sqlite3.connect(settings.data_dir / "desk.db"))
    with connecting as connection, working(settings) as worker:
        connection.execute("ALTER TABLE jobs RENAME TO hidden")
        eventually(lambda: worker.lines)
        connection.execute("ALTER TABLE hidden RENAME TO jobs")
        assert worker.lines[0].startswith("Исполнитель не может работать. Журнал заданий ")
        with Desk.open(settings.desk_address) as desk:
            assert ended(desk, desk.queue("rebuild")).state == "done"


def test_a_stopped_worker_takes_no_further_job(settings: Settings) -> None:
    with Desk.open(settings.desk_address) as desk:
        with working(settings) as worker:
            worker.stop.set()
            assert worker.ended.wait(20)
        number = desk.queue("rebuild")
        assert desk.job(number).state == "queued"


# The schedule


def test_a_worker_with_a_schedule_crawls_by_itself(settings: Settings, school: FakeWordPress) -> None:
    scheduled = settings.model_copy(update={"crawl_every_hours": 6})
    add_school(scheduled, school)
    with Desk.open(scheduled.desk_address) as desk, working(scheduled):
        eventually(lambda: desk.last_ended() is not None)
        job = desk.last_ended()
        assert job is not None
        assert (job.state, job.kind, job.arguments) == ("done", "crawl", {"source": "school.ru"})
        assert (desk.waiting(), desk.running()) == (0, None)
