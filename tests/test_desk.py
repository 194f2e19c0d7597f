"""The desk: jobs are queued once, claimed once, and never lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from corpus.archive import Archive
from corpus.errors import ArchiveError, ArchiveUnavailableError, ArchiveVersionError
from indexer import desk as module
from indexer.desk import KEPT_JOBS, MOST_ATTEMPTS, Desk, UnknownJobError

START = datetime(2024, 9, 1, 8, 0, tzinfo=UTC)


class Clock:
    """A minute later every time."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk.open(tmp_path / "desk.db", clock=Clock()) as desk:
        yield desk


# Asking


def test_a_queued_job_is_what_was_asked_for(desk: Desk) -> None:
    number = desk.queue("crawl", {"source": "школа.рф", "full": True})
    job = desk.job(number)
    assert (job.kind, job.arguments, job.state) == ("crawl", {"source": "школа.рф", "full": True}, "queued")
    assert job.created == START + timedelta(minutes=1)
    assert (job.started, job.finished, job.outcome, job.problem, job.worker) == (None, None, None, "", None)
    assert not job.ended


def test_the_same_job_is_not_queued_twice_whatever_the_order_of_its_arguments(desk: Desk) -> None:
    first = desk.queue("crawl", {"source": "a.ru", "full": True})
    assert desk.queue("crawl", {"full": True, "source": "a.ru"}) == first
    others = {desk.queue("crawl", {"source": "a.ru"}), desk.queue("sync"), desk.queue("rebuild")}
    assert len(others | {first}) == 4
    assert desk.waiting() == 4


def test_a_job_like_one_that_is_being_done_is_queued(desk: Desk) -> None:
    first = desk.queue("sync")
    desk.claim(100)
    second = desk.queue("sync")
    assert second != first
    assert desk.ahead(second) == 1
    desk.finish(first, {})
    assert desk.ahead(second) == 0


def test_an_unknown_job_is_named(desk: Desk) -> None:
    with pytest.raises(UnknownJobError, match="№ 7") as caught:
        desk.job(7)
    assert caught.value.number == 7


# Claiming


def test_jobs_are_claimed_in_the_order_they_were_queued(desk: Desk) -> None:
    wanted = [desk.queue("sync"), desk.queue("crawl", {"source": "a.ru"}), desk.queue("rebuild")]
    claimed = []
    while job := desk.claim(100):
        assert (job.state, job.worker, job.attempts) == ("running", 100, 1)
        claimed.append(job.id)
    assert claimed == wanted
    assert desk.waiting() == 0


CLAIM = """
import sys
from indexer.desk import Desk
with Desk.open(sys.argv[1]) as desk:
    print("ready", flush=True)
    sys.stdin.readline()
    while job := desk.claim(1):
        print(job.id, flush=True)
"""


def test_processes_that_claim_at_once_never_get_the_same_job(tmp_path: Path, desk: Desk) -> None:
    wanted = {desk.queue("crawl", {"source": f"{number}.ru"}) for number in range(60)}
    command = [sys.executable, "-c", CLAIM, str(tmp_path / "desk.db")]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    claimed = [int(line) for process in processes for line in process.communicate(timeout=60)[0].split()]
    assert sorted(claimed) == sorted(wanted)


# Working


def test_progress_and_outcome_are_kept(desk: Desk) -> None:
    number = desk.queue("sync")
    desk.claim(100)
    desk.report(number, "Обновление индекса", 5, 10)
    job = desk.job(number)
    assert (job.stage, job.done, job.total) == ("Обновление индекса", 5, 10)
    desk.finish(number, {"replaced": 5, "refused": {"закрыто": 1}})
    job = desk.job(number)
    assert (job.state, job.outcome) == ("done", {"replaced": 5, "refused": {"закрыто": 1}})
    assert job.ended
    assert job.started is not None
    assert job.finished is not None
    assert job.started < job.finished


def test_a_failure_keeps_its_sentence_and_its_exit_code(desk: Desk) -> None:
    number = desk.queue("sync")
    desk.claim(100)
    desk.fail(number, "Индекс занят.", 3)
    job = desk.job(number)
    assert (job.state, job.problem, job.exit_code) == ("failed", "Индекс занят.", 3)
    assert job.ended


def test_an_ended_job_stays_as_it_ended(desk: Desk) -> None:
    number = desk.queue("sync")
    desk.claim(100)
    desk.finish(number, {"replaced": 1})
    desk.report(number, "поздно", 1, 1)
    desk.fail(number, "поздно")
    desk.release(number)
    assert not desk.withdraw(number)
    job = desk.job(number)
    assert (job.state, job.stage, job.problem) == ("done", "", "")


def test_a_released_job_keeps_its_place_and_its_attempts(desk: Desk) -> None:
    first, second = desk.queue("sync"), desk.queue("rebuild")
    desk.claim(100)
    desk.report(first, "Обновление индекса", 5, 10)
    desk.release(first)
    job = desk.job(first)
    assert (job.state, job.worker, job.started, job.stage, job.attempts) == ("queued", None, None, "", 0)
    again = desk.claim(101)
    assert again is not None
    assert again.id == first
    assert desk.job(second).state == "queued"


def test_jobs_of_a_lost_worker_are_queued_again(desk: Desk) -> None:
    lost, waiting = desk.queue("sync"), desk.queue("rebuild")
    desk.claim(100)
    assert desk.requeue_lost() == 1
    assert [desk.job(number).state for number in (lost, waiting)] == ["queued", "queued"]
    again = desk.claim(101)
    assert again is not None
    assert (again.id, again.attempts) == (lost, 2)


def test_a_job_that_takes_its_worker_down_again_and_again_is_given_up(desk: Desk) -> None:
    poison = desk.queue("rebuild")
    for _ in range(MOST_ATTEMPTS):
        assert desk.claim(100) is not None
        desk.requeue_lost()
    job = desk.job(poison)
    assert job.state == "failed"
    assert "обрывалось" in job.problem
    assert job.finished is not None
    assert desk.claim(100) is None


def test_a_job_can_be_withdrawn_until_it_has_ended(desk: Desk) -> None:
    waiting, running = desk.queue("rebuild"), desk.queue("sync")
    desk.claim(100)
    assert desk.withdraw(waiting)
    assert desk.withdraw(running)
    assert not desk.withdraw(running)
    assert desk.waiting() == 0


# Looking


def test_the_running_job_and_the_last_that_ended_can_be_asked_for(desk: Desk) -> None:
    assert (desk.running(), desk.last_ended()) == (None, None)
    first, second = desk.queue("sync"), desk.queue("rebuild")
    desk.claim(100)
    running = desk.running()
    assert running is not None
    assert running.id == first
    desk.finish(first, {})
    desk.claim(100)
    desk.fail(second, "На диске нет места.")
    ended = desk.last_ended()
    assert ended is not None
    assert (ended.id, ended.problem) == (second, "На диске нет места.")
    assert desk.running() is None


def test_ended_jobs_are_forgotten_in_time_and_others_never(desk: Desk) -> None:
    running = desk.queue("rebuild")
    desk.claim(100)
    ended = []
    with desk._database.batch():  # one commit, to be quick
        for _ in range(KEPT_JOBS + 10):
            ended.append(desk.queue("sync"))
            desk.claim(100)
            desk.finish(ended[-1], {})
    for number in ended[:10]:
        with pytest.raises(UnknownJobError):
            desk.job(number)
    for number in (running, *ended[10:]):
        assert desk.job(number).id == number


# The database


def test_head_is_the_last_migration_and_makes_exactly_the_table(tmp_path: Path, desk: Desk) -> None:
    config = Config()
    config.set_main_option("script_location", "indexer:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == module.HEAD
    engine = create_engine(f"sqlite:///{tmp_path / 'desk.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "desk_version"})
        assert compare_metadata(context, module.metadata) == []
    engine.dispose()


def test_the_table_can_be_made_in_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert "BIGSERIAL" in str(CreateTable(module.jobs).compile(dialect=dialect))


def test_archive_and_desk_do_not_mistake_one_another(tmp_path: Path) -> None:
    """They may live in one PostgreSQL database, so their versions and locks are apart."""
    assert module.SCHEMA.version_table != "archive_version"
    with Archive.open(tmp_path / "archive.db") as archive:
        assert archive._database.schema.lock != module.SCHEMA.lock


def test_the_desk_speaks_of_itself_in_its_errors(tmp_path: Path) -> None:
    (tmp_path / "desk.db").write_bytes("Это письмо, а не база данных.".encode() * 100)
    with pytest.raises(ArchiveUnavailableError, match=r"^Журнал заданий .*не база данных"):
        Desk.open(tmp_path / "desk.db")


def test_a_desk_of_a_later_release_is_refused(tmp_path: Path) -> None:
    Desk.open(tmp_path / "desk.db").close()
    connection = sqlite3.connect(tmp_path / "desk.db")
    connection.execute("UPDATE desk_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(ArchiveVersionError, match=r"^Журнал заданий .*более новой версией"):
        Desk.open(tmp_path / "desk.db")


def test_a_backup_has_the_jobs_and_overwrites_nothing(tmp_path: Path, desk: Desk) -> None:
    number = desk.queue("sync")
    desk.backup(tmp_path / "copy.db")
    with Desk.open(tmp_path / "copy.db") as copy:
        assert copy.job(number).kind == "sync"
    with pytest.raises(ArchiveError, match="уже есть"):
        desk.backup(tmp_path / "copy.db")
