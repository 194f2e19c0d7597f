"""The log of what readers search for and read: no addresses, no names, and never in a request's way.

Of searches it holds what was typed, not what a reader then narrows the answer to by dates and filters.
Of articles it holds one number a day and article, how often its page was asked for.

Requests put entries into a bounded queue; one background thread writes them in batches.
Whatever fails there is logged once and the entries are dropped: this log may be lost.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import (
    Column,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from searchsvc.language.text import fold, squeeze
from searchsvc.results import ResultPage, SearchRequest

LOG = logging.getLogger(__name__)
Kind = Literal["page", "api"]

QUEUE_LIMIT = 10_000
"""Entries waiting at most, a few megabytes; more are dropped rather than kept in memory."""

PAUSE = 0.5
"""Seconds that entries gather before they are written: one transaction instead of many, and a
thread that sleeps meanwhile does not take turns with those that answer."""

BUSY_SECONDS = 5.0

READING_DAYS = 30
"""Days before today of which readings are kept and counted."""

FEWEST_READINGS = 3
"""An article that was asked for less often in these days is not much read."""

MOST_READ = 20
"""Much-read articles that are named: those withdrawn meanwhile among them."""

_METADATA = MetaData()
_QUERIES = Table(
    "queries",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("query", String, nullable=False),
    Column("folded", String, nullable=False),
    Column("effective", String, nullable=False),
    Column("total", Integer, nullable=False),
    Column("near_total", Integer, nullable=False),
    Column("took_ms", Float, nullable=False),
)
_READINGS = Table(
    "readings",
    _METADATA,
    Column("day", String, primary_key=True),
    Column("article", String, primary_key=True),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True)
class LoggedQuery:
    """One search: what was asked and shown, how much was found and how fast."""

    kind: Kind
    query: str
    effective: str
    total: int
    near_total: int
    took_ms: float


@dataclass(frozen=True, slots=True)
class Reading:
    """An article's page that somebody asked for."""

    article: str


Logged = LoggedQuery | Reading


@dataclass(frozen=True, slots=True)
class QueryCount:
    """How often a query was asked since some day; ``query`` is its latest spelling."""

    query: str
    count: int
    total: int
    near_total: int
    last: datetime


def entry(kind: Kind, asked: SearchRequest, page: ResultPage) -> LoggedQuery | None:
    """Return what the log is to hold of the search *asked*, that has the answer *page*; None where nothing.

    Only first pages of searches with words count. Paging on is no new search, nor is narrowing by the
    request's dates and filters: what these leave out is not missing in the archive. Conditions that are typed
    are words of the query.
    """
    narrowed = asked.since or asked.until or any(asked.filters.values())
    if narrowed or page.page != 1 or not page.original.strip():
        return None
    return LoggedQuery(kind, page.original, page.effective, page.total, page.near_total, page.took_ms)


class QueryLog:
    """Writes and reads one SQLite file. Safe to use from any thread.

    Writing starts a daemon thread with the first entry; ``close`` writes what waits and ends it.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._clock = clock
        self._waiting: queue.Queue[tuple[datetime, Logged] | None] = queue.Queue(QUEUE_LIMIT)
        self._ending = threading.Event()
        self._start = threading.Lock()
        self._opening = threading.Lock()
        self._writer: threading.Thread | None = None
        self._engine: Engine | None = None
        self._complained = False
        self._swept: date | None = None
        self._read: tuple[date, tuple[str, ...]] | None = None

    def record(self, entry: Logged) -> None:
        """Note what somebody searched for or read just now; returns at once and never raises."""
        try:
            self._ensure_writer()
            self._waiting.put_nowait((self._clock(), entry))
        except (queue.Full, RuntimeError) as error:
            self._complain(error)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until everything recorded so far is written or dropped; False if it took too long."""
        with self._waiting.all_tasks_done:
            return self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, timeout)

    def close(self) -> None:
        """Write what waits and end the thread. The log can be used again afterwards."""
        with self._start:
            if self._writer is not None and self._writer.is_alive():
                self._ending.set()
                self._waiting.put(None)
                self._writer.join(timeout=10)
                self._ending.clear()
            self._writer = None

    def top(self, since: datetime, limit: int = 20) -> tuple[QueryCount, ...]:
        """Return the most frequent queries since *since*, the most frequent first."""
        return self._counts(since, limit, only_empty=False)

    def without_results(self, since: datetime, limit: int = 20) -> tuple[QueryCount, ...]:
        """Return the most frequent queries that no article answered in full."""
        return self._counts(since, limit, only_empty=True)

    def most_read(self) -> tuple[str, ...]:
        """Return the ids of the articles most read in the days before today, the most read first.

        Today does not count: so the answer stays the same from midnight to midnight, as the pages do that
        are kept with it. Never raises: what cannot be read is as if nobody had read anything.
        """
        today = self._today()
        if self._read is None or self._read[0] != today:
            columns = _READINGS.c
            times = func.sum(columns["count"])
            rows = (
                select(columns.article)
                .where(columns.day >= _first_day(today), columns.day < today.isoformat())
                .group_by(columns.article)
                .having(times >= FEWEST_READINGS)
                .order_by(times.desc(), columns.article)
                .limit(MOST_READ)
            )
            try:
                with self._open().connect() as connection:
                    self._read = today, tuple(connection.execute(rows).scalars())
            except (SQLAlchemyError, OSError) as error:
                self._complain(error)
                self._read = today, ()  # nobody waits for it a second time
        return self._read[1]

    def _today(self) -> date:
        return self._clock().astimezone().date()

    def _counts(self, since: datetime, limit: int, *, only_empty: bool) -> tuple[QueryCount, ...]:
        columns = _QUERIES.c
        times = func.count().label("times")
        latest = func.max(columns.id).label("latest")
        group = select(times, latest).where(columns.at >= _stamp(since)).group_by(columns.folded)
        if only_empty:
            group = group.where(columns.total == 0)
        counted = group.order_by(times.desc(), latest.desc()).limit(limit).subquery()
        rows = (
            select(columns.query, counted.c.times, columns.total, columns.near_total, columns.at)
            .join(counted, columns.id == counted.c.latest)
            .order_by(counted.c.times.desc(), counted.c.latest.desc())
        )
        with self._open().connect() as connection:
            return tuple(
                QueryCount(query, count, total, near, datetime.fromisoformat(at))
                for query, count, total, near, at in connection.execute(rows)
            )

    def _open(self) -> Engine:
        with self._opening:
            if self._engine is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                engine = create_engine(
                    f"sqlite:///{self._path}", poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS}
                )
                event.listen(engine, "connect", _set_pragmas)
                _METADATA.create_all(engine)
                self._engine = engine
            return self._engine

    def _ensure_writer(self) -> None:
        with self._start:
            if self._writer is None or not self._writer.is_alive():
                self._writer = threading.Thread(target=self._run, name="query-log", daemon=True)
                self._writer.start()

    def _run(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._gather()
            try:
                if entries := [waiting for waiting in batch if waiting is not None]:
                    with self._open().begin() as connection:
                        self._write(connection, entries)
            except (SQLAlchemyError, OSError, ValueError) as error:
                self._complain(error)
            finally:
                for _ in batch:
                    self._waiting.task_done()

    def _write(self, connection: Connection, entries: Iterable[tuple[datetime, Logged]]) -> None:
        queries = []
        readings: Counter[tuple[str, str]] = Counter()
        for at, entry in entries:
            if isinstance(entry, Reading):
                readings[at.astimezone().date().isoformat(), entry.article] += 1
            else:
                queries.append(_row(at, entry))
        if queries:
            connection.execute(insert(_QUERIES), queries)
        if readings:
            added = sqlite.insert(_READINGS)
            total = _READINGS.c["count"] + added.excluded["count"]
            connection.execute(
                added.on_conflict_do_update(index_elements=["day", "article"], set_={"count": total}),
                [{"day": day, "article": article, "count": n} for (day, article), n in readings.items()],
            )
            if self._swept != (today := self._today()):
                connection.execute(delete(_READINGS).where(_READINGS.c.day < _first_day(today)))
                self._swept = today

    def _gather(self) -> tuple[list[tuple[datetime, Logged] | None], bool]:
        """Wait for an entry, then take what has come after ``PAUSE``; True: end after it."""
        batch = [self._waiting.get()]
        self._ending.wait(PAUSE)
        with suppress(queue.Empty):
            while batch[-1] is not None:
                batch.append(self._waiting.get_nowait())
        return batch, batch[-1] is None

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            LOG.warning("query_log_dropped path=%s error=%s", self._path, type(error).__name__)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _first_day(today: date) -> str:
    return (today - timedelta(days=READING_DAYS)).isoformat()


def _row(at: datetime, entry: LoggedQuery) -> dict[str, object]:
    return {
        "at": _stamp(at),
        "kind": entry.kind,
        "query": entry.query,
        "folded": " ".join(fold(word) for word in squeeze(entry.query).split(" ")),
        "effective": entry.effective,
        "total": entry.total,
        "near_total": entry.near_total,
        "took_ms": entry.took_ms,
    }


def _set_pragmas(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
