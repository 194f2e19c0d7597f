"""A database of ours: opening, migrating, transactions, backup.

The archive by default; ``Schema`` says what another one (the desk) holds. SQLite unless the address
says otherwise. What only SQLite understands is here and in
``failures``, which makes the archive's own errors of those of a database.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from corpus.errors import ArchiveBusyError, ArchiveError, ArchiveUnavailableError, ArchiveVersionError
from corpus.failures import BUSY_SECONDS, code_of, os_reason, translated
from corpus.schema import HEAD, VERSION_TABLE

logger = logging.getLogger(__name__)

MIGRATION_SECONDS = 120.0
"""How long an opener waits for another process that is migrating."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database holds, and how to get it there.

    ``name`` is what messages call it (masculine); ``migrations`` is Alembic's folder as
    "package:folder", ``head`` the newest of them. ``lock`` is any number of our own, different
    for each: PostgreSQL's advisory lock of the one writer.
    """

    name: str
    migrations: str
    head: str
    version_table: str
    lock: int


ARCHIVE = Schema("Архив", "corpus:migrations", HEAD, VERSION_TABLE, 7_305_101_001)


class Database:
    """An open database; connections are pooled and every thread may use it at once."""

    def __init__(self, address: str | Path, schema: Schema = ARCHIVE) -> None:
        """Open *address* and bring its schema up to date.

        Raises ArchiveError for an address that makes no sense, ArchiveUnavailableError otherwise.
        """
        url = _url(address, schema)
        self.schema = schema
        self.path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
        self.where = str(self.path) if self.path else url.render_as_string(hide_password=True)
        self._local = threading.local()
        if self.path is not None:
            self._make_folder(self.path)
        self._engine = _engine(url, self.where, schema)
        self._writer = self._engine.execution_options(writes=True)
        try:
            with self._translated():
                if not self._ready():
                    self._prepare()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    # Transactions

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one state; inside a batch or ``still``, that one's own."""
        with self._translated():
            held = self._batch or self._held
            if held is not None:
                yield held
                return
            with self._engine.begin() as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a write transaction of its own, or in the batch of this thread."""
        with self._translated():
            batch = self._batch
            if batch is not None:
                yield batch
                return
            with self._writer.begin() as connection:
                self._serialise(connection)
                yield connection

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Make one transaction of all that this thread writes inside; a batch in a batch is a savepoint.

        Errors of the body pass as they are: they may be another database's.
        """
        outer = self._batch
        if outer is not None:
            with outer.begin_nested():
                yield
            return
        with self._translated():
            connection = self._writer.connect()
        try:
            with self._translated():
                transaction = connection.begin()
                self._serialise(connection)
            self._local.batch = connection
            try:
                yield
            except BaseException:
                with self._translated():
                    transaction.rollback()
                raise
            with self._translated():
                transaction.commit()
        finally:
            self._local.batch = None
            connection.close()
        if getattr(self._local, "deleted", False):
            self.forget_deleted()

    @contextmanager
    def still(self) -> Iterator[None]:
        """Let all that this thread reads inside see one state, whatever others write meanwhile.

        Inside a batch it already does. Errors of the body pass as they are.
        """
        if self._batch is not None or self._held is not None:
            yield
            return
        with self._translated():
            connection = self._engine.connect()
        try:
            with self._translated():
                if self.path is None:  # a server's default is a state for each statement
                    connection = connection.execution_options(isolation_level="REPEATABLE READ")
                connection.begin()
            self._local.held = connection
            yield
        finally:
            self._local.held = None
            connection.close()  # which ends the transaction

    @property
    def _held(self) -> Connection | None:
        held: Connection | None = getattr(self._local, "held", None)
        return held

    @property
    def _batch(self) -> Connection | None:
        batch: Connection | None = getattr(self._local, "batch", None)
        return batch

    # Care

    def forget_deleted(self) -> None:
        """Leave no deleted bytes in the write-ahead log; inside a batch, when it is over.

        ``secure_delete`` has overwritten them in the database itself. A reader at work keeps
        the log for as long as it reads: then the next commits overwrite it.
        """
        self._local.deleted = self._batch is not None
        if self.path is None or self._local.deleted:
            return
        with self._translated(), closing(self._engine.raw_connection()) as connection:
            busy = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            logger.warning("purge.log_kept path=%s", self.path)

    def backup(self, target: Path) -> None:
        """Copy the database as it is now into the new file *target*, while others write on.

        Raises ArchiveError when *target* exists or the database is not SQLite.
        """
        if self.path is None:
            raise ArchiveError(
                f"Резервная копия «{self.where}» делается средствами самой базы данных: используйте pg_dump."
            )
        if target.exists():
            raise ArchiveError(f"Файл «{target}» уже есть. Укажите для резервной копии новый файл.")
        self._make_folder(target)
        part = target.with_name(target.name + ".part")
        try:
            part.unlink(missing_ok=True)
            with self._translated(), closing(self._engine.raw_connection()) as connection:
                source = connection.driver_connection
                # One step for all pages: it is one read transaction, which WAL lets others write beside.
                with translated(str(target), self.schema.name), closing(sqlite3.connect(part)) as copy:
                    source.backup(copy)  # type: ignore[union-attr]  # a sqlite3.Connection on this dialect
                    found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise ArchiveUnavailableError(
                    self.where,
                    f"файл базы повреждён ({found}), копия не сделана. Прежние копии сохраните",
                    self.schema.name,
                )
            part.rename(target)
        except OSError as error:
            raise ArchiveUnavailableError(str(target), os_reason(error), self.schema.name) from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    # Opening

    def _ready(self) -> bool:
        """Whether the schema is this program's and the journal is a write-ahead log."""
        with self._engine.begin() as connection:
            if self._version(connection) != self.schema.head:
                return False
            return self.path is None or connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"

    def _prepare(self) -> None:
        if self.path is None:
            self._migrate()
            return
        try:
            with FileLock(f"{self.path}.lock", timeout=MIGRATION_SECONDS):
                if not self._ready():
                    self._use_write_ahead_log()
                    self._migrate()
        except Timeout as error:
            raise ArchiveBusyError(self.where, MIGRATION_SECONDS, self.schema.name) from error
        except OSError as error:
            raise ArchiveUnavailableError(self.where, os_reason(error), self.schema.name) from error

    def _use_write_ahead_log(self) -> None:
        """Switch the journal; the file remembers it. SQLite does not wait here by itself, so we do."""
        deadline = time.monotonic() + BUSY_SECONDS
        with closing(self._engine.raw_connection()) as connection:
            while True:
                try:
                    connection.cursor().execute("PRAGMA journal_mode = WAL")
                except sqlite3.OperationalError as error:
                    if code_of(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)
                else:
                    return

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", self.schema.migrations)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        with self._writer.begin() as connection:
            self._serialise(connection)
            version = self._version(connection)
            if version is not None and version not in known:
                raise ArchiveVersionError(self.where, version, self.schema.name)
            logger.info("database.migrate where=%s from=%s to=%s", self.where, version, self.schema.head)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _make_folder(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArchiveUnavailableError(str(path), os_reason(error), self.schema.name) from error
        if path.is_dir():
            raise ArchiveUnavailableError(str(path), "это папка, а нужен файл", self.schema.name)

    def _serialise(self, connection: Connection) -> None:
        """One writer at a time on PostgreSQL, too: else a reader of the change log could skip a number."""
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(self.schema.lock)))

    def _version(self, connection: Connection) -> str | None:
        table = self.schema.version_table
        if not inspect(connection).has_table(table):
            return None
        version: str | None = connection.execute(text(f"SELECT version_num FROM {table}")).scalar()  # noqa: S608
        return version

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with translated(self.where, self.schema.name):
            yield


def upsert(connection: Connection, table: Table, values: Mapping[str, object]) -> None:
    """Insert *values* or replace the row that has their primary key."""
    insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[connection.dialect.name]
    keys = [column.name for column in table.primary_key]
    rest = {name: value for name, value in values.items() if name not in keys}
    connection.execute(insert(table).values(**values).on_conflict_do_update(index_elements=keys, set_=rest))


def _url(address: str | Path, schema: Schema) -> URL:
    if isinstance(address, Path) or "://" not in address:
        return URL.create("sqlite", database=str(Path(address).expanduser()))
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise ArchiveError(
            f"{schema.name}: адрес не разобран. Ожидается путь к файлу или postgresql://…"
        ) from error
    backend = url.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise ArchiveError(f"База данных «{backend}» не поддерживается: возможны SQLite и PostgreSQL.")
    if backend == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise ArchiveError(f"{schema.name} в памяти невозможен: он не пережил бы команды. Укажите файл.")
    return url


def _engine(url: URL, where: str, schema: Schema) -> Engine:
    try:
        # Parameters are article text: they must not come to logs with an error.
        engine = create_engine(url, hide_parameters=True)
    except (ImportError, NoSuchModuleError) as error:
        raise ArchiveUnavailableError(
            where, f"не установлен драйвер базы данных ({error})", schema.name
        ) from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    # No implicit BEGIN by the driver: _begin says what kind of transaction it is, DDL included.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    cursor.execute("PRAGMA foreign_keys = ON")
    # On every connection, not only when purging: a replaced raw page must not survive in free pages.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A writer asks for the lock at once: a transaction that read first could not wait for it.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
