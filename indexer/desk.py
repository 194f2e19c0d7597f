"""The desk: what people asked the worker to do, how far it is, and what came of it.

A database of its own beside the archive: jobs are no articles and cannot be made again from them. Commands
put jobs in, the one worker of a data folder takes them out in order, whoever waits reads how far a job has
come.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from corpus.codec import canonical_json, moment_from_text
from corpus.database import Database, Schema
from corpus.errors import SearchServiceError

Kind = Literal["crawl", "sync", "rebuild", "reextract"]
State = Literal["queued", "running", "done", "failed"]

HEAD = "0001"
"""The newest migration; a change of the table needs one in ``migrations/versions``."""

SCHEMA = Schema("Журнал заданий", "indexer:migrations", HEAD, "desk_version", 7_305_101_002)

MOST_ATTEMPTS = 3
"""A job that took its worker down this often (out of memory, perhaps) is not tried again."""

KEPT_JOBS = 1000
"""Ended jobs that are remembered."""

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)

# Moments are ISO 8601 strings in UTC; "arguments" and "outcome" are canonical JSON.
jobs = Table(
    "jobs",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created", Text, nullable=False),
    Column("started", Text),
    Column("finished", Text),
    Column("stage", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer),
    Column("outcome", Text),
    Column("problem", Text, nullable=False),
    Column("exit_code", Integer, nullable=False),
    Column("worker", Integer),
    Column("attempts", Integer, nullable=False),
    Index(None, "state", "id"),
    sqlite_autoincrement=True,
)


class UnknownJobError(SearchServiceError):
    """The desk has no such job."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Задания № {number} нет: оно давно закончено или отозвано.")
        self.number = number


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the desk has it.

    ``stage``, ``done`` and ``total`` are the last progress reported (``Progress`` says what
    they mean). ``outcome`` is what a done job came to; ``problem`` (Russian) and
    ``exit_code`` say how a failed one ended. ``worker`` is the process id of who took it.
    """

    id: int
    kind: Kind
    arguments: dict[str, Any]
    state: State
    created: datetime
    started: datetime | None
    finished: datetime | None
    stage: str
    done: int
    total: int | None
    outcome: dict[str, Any] | None
    problem: str
    exit_code: int
    worker: int | None
    attempts: int

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in {"done", "failed"}


def _now() -> datetime:
    return datetime.now(UTC)


class Desk:
    """An open desk; a context manager. Every thread may use it at once.

    Raises ArchiveUnavailableError or ArchiveBusyError where the database fails.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, address: str | Path, *, clock: Callable[[], datetime] = _now) -> Self:
        """Open the desk at *address* (a file's path or a database URL), making it where there is none."""
        return cls(Database(address, SCHEMA), clock)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Those who ask

    def queue(self, kind: Kind, arguments: Mapping[str, Any] | None = None) -> int:
        """Ask for a job and return its id: that of the same job if it is waiting already."""
        given = canonical_json(dict(arguments or {}))
        same = select(jobs.c.id).where(
            jobs.c.state == "queued", jobs.c.kind == kind, jobs.c.arguments == given
        )
        with self._database.writing() as connection:
            waiting: int | None = connection.execute(same.order_by(jobs.c.id)).scalar()
            if waiting is not None:
                return waiting
            values = {
                "kind": kind,
                "arguments": given,
                "state": "queued",
                "created": self._stamp(),
                "stage": "",
                "done": 0,
                "problem": "",
                "exit_code": 0,
                "attempts": 0,
            }
            number: int = connection.execute(insert(jobs).values(**values).returning(jobs.c.id)).scalar_one()
            return number

    def job(self, number: int) -> Job:
        """Return a job; raises UnknownJobError."""
        with self._database.reading() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == number)).one_or_none()
        if row is None:
            raise UnknownJobError(number)
        return _job(row)

    def ahead(self, number: int) -> int:
        """Return how many jobs the worker has to end before it comes to this one."""
        query = select(func.count()).where(jobs.c.state.in_(("queued", "running")), jobs.c.id < number)
        with self._database.reading() as connection:
            count: int = connection.execute(query).scalar_one()
        return count

    def withdraw(self, number: int) -> bool:
        """Take a job back that has not ended; False if it has. Hold the worker's lease."""
        with self._database.writing() as connection:
            open_still = jobs.c.state.in_(("queued", "running"))
            return connection.execute(delete(jobs).where(jobs.c.id == number, open_still)).rowcount > 0

    # The worker

    def claim(self, worker: int) -> Job | None:
        """Give the oldest waiting job to *worker* (a process id), None where there is none.

        Two that claim at once never get the same job.
        """
        with self._database.writing() as connection:
            oldest = select(jobs).where(jobs.c.state == "queued").order_by(jobs.c.id).limit(1)
            row = connection.execute(oldest).one_or_none()
            if row is None:
                return None
            values = {
                "state": "running",
                "started": self._stamp(),
                "worker": worker,
                "attempts": row.attempts + 1,
                "stage": "",
                "done": 0,
                "total": None,
            }
            connection.execute(update(jobs).where(jobs.c.id == row.id).values(**values))
            return _job(connection.execute(select(jobs).where(jobs.c.id == row.id)).one())

    def report(self, number: int, stage: str, done: int, total: int | None) -> None:
        """Note how far a running job is."""
        self._change(number, {"stage": stage, "done": done, "total": total})

    def finish(self, number: int, outcome: Mapping[str, Any]) -> None:
        """Note that a running job is done and what came of it."""
        self._end(number, {"state": "done", "outcome": canonical_json(dict(outcome))})

    def fail(self, number: int, problem: str, exit_code: int = 1) -> None:
        """Note that a running job failed, and why (a sentence for editors)."""
        self._end(number, {"state": "failed", "problem": problem, "exit_code": exit_code})

    def release(self, number: int) -> None:
        """Put a running job back in its place of the queue: its worker stops before it is done."""
        self._change(number, _AGAIN | {"attempts": jobs.c.attempts - 1})

    def requeue_lost(self) -> int:
        """Queue the running jobs again and return how many; call it holding the worker's lease.

        Whoever holds the lease knows that the workers of these jobs are gone. A job that was
        lost ``MOST_ATTEMPTS`` times fails instead.
        """
        running = jobs.c.state == "running"
        problem = (
            f"Задание {MOST_ATTEMPTS} раза обрывалось вместе с исполнителем (не хватает памяти?). "
            "Выполните команду без исполнителя, чтобы увидеть причину."
        )
        lost = {"state": "failed", "finished": self._stamp(), "problem": problem, "exit_code": 1}
        with self._database.writing() as connection:
            connection.execute(update(jobs).where(running, jobs.c.attempts >= MOST_ATTEMPTS).values(**lost))
            return connection.execute(update(jobs).where(running).values(**_AGAIN)).rowcount

    # Looking

    def waiting(self) -> int:
        """Return how many jobs wait for the worker."""
        with self._database.reading() as connection:
            query = select(func.count()).where(jobs.c.state == "queued")
            count: int = connection.execute(query).scalar_one()
        return count

    def running(self) -> Job | None:
        """Return the job that is being done, None where there is none."""
        return self._first(select(jobs).where(jobs.c.state == "running").order_by(jobs.c.id))

    def last_ended(self) -> Job | None:
        """Return the job that ended last, None where there is none."""
        ended = select(jobs).where(jobs.c.state.in_(("done", "failed")))
        return self._first(ended.order_by(jobs.c.finished.desc(), jobs.c.id.desc()))

    def _first(self, query: Select[Any]) -> Job | None:
        with self._database.reading() as connection:
            row = connection.execute(query.limit(1)).one_or_none()
        return None if row is None else _job(row)

    def backup(self, path: Path) -> None:
        """Copy the desk as it is now into the new file *path*; as ``Archive.backup``."""
        self._database.backup(path)

    def _change(self, number: int, values: Mapping[str, object]) -> None:
        with self._database.writing() as connection:
            connection.execute(
                update(jobs).where(jobs.c.id == number, jobs.c.state == "running").values(**values)
            )

    def _end(self, number: int, values: Mapping[str, object]) -> None:
        ended = {"finished": self._stamp(), **values}
        with self._database.writing() as connection:
            connection.execute(
                update(jobs).where(jobs.c.id == number, jobs.c.state == "running").values(**ended)
            )
            _forget_old(connection, number)

    def _stamp(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds")


_AGAIN = {
    "state": "queued",
    "started": None,
    "worker": None,
    "stage": "",
    "done": 0,
    "total": None,
}


def _forget_old(connection: Connection, newest: int) -> None:
    old = jobs.c.id <= newest - KEPT_JOBS
    connection.execute(delete(jobs).where(old, jobs.c.state.in_(("done", "failed"))))


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=cast(Kind, row.kind),
        arguments=json.loads(row.arguments),
        state=cast(State, row.state),
        created=datetime.fromisoformat(row.created),
        started=moment_from_text(row.started),
        finished=moment_from_text(row.finished),
        stage=row.stage,
        done=row.done,
        total=row.total,
        outcome=json.loads(row.outcome) if row.outcome else None,
        problem=row.problem,
        exit_code=row.exit_code,
        worker=row.worker,
        attempts=row.attempts,
    )
