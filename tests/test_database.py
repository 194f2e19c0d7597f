"""Opening, migrating, backing up: the archive's file, whatever happens around it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from corpus import schema
from corpus.archive import Archive
from corpus.article import Article, Paragraph, RawPage, Source
from corpus.errors import ArchiveBusyError, ArchiveError, ArchiveUnavailableError, ArchiveVersionError

NOW = datetime(2024, 9, 1, tzinfo=UTC)
SITE = Source(id="school5.ru", url="https://school5.ru", kind="wordpress")


def article(number: int, text: str = "Первый звонок.") -> Article:
    url = f"https://school5.ru/{number}/"
    return Article("", "school5.ru", url, f"Новость {number}", body=(Paragraph(text),))


def filled(path: Path, number: int = 3) -> Archive:
    archive = Archive.open(path)
    archive.add_source(SITE)
    with archive.batch():
        for each in range(number):
            archive.put(article(each))
    return archive


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def finished(process: subprocess.Popen[str]) -> str:
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return out.strip()


# Opening


def test_a_fresh_archive_is_made_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "новый 100%" / "данные" / "archive.db"
    for address in (path, str(path), f"sqlite:///{path}"):
        with Archive.open(address) as archive:
            assert archive.last_sequence() == 0
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_every_connection_has_its_pragmas(tmp_path: Path) -> None:
    with Archive.open(tmp_path / "archive.db") as archive, archive._database.reading() as connection:
        pragmas = ("foreign_keys", "secure_delete", "busy_timeout")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    assert values == [1, 1, 10_000]


OPEN = """
import sys, time
from corpus.archive import Archive
while time.time() < float(sys.argv[2]): pass
with Archive.open(sys.argv[1]) as archive: print(archive.last_sequence())
"""


def test_processes_that_open_a_fresh_folder_at_once_all_succeed(tmp_path: Path) -> None:
    start = time.time() + 1.5
    processes = [child(OPEN, tmp_path / "new" / "archive.db", start) for _ in range(8)]
    assert [finished(process) for process in processes] == ["0"] * 8


def test_threads_that_open_a_fresh_folder_at_once_all_succeed(tmp_path: Path) -> None:
    done: list[int] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        with Archive.open(tmp_path / "archive.db") as archive:
            done.append(archive.last_sequence())

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [0] * 8


OPEN_AGAIN = """
import sys, time
from corpus.archive import Archive
start = time.perf_counter()
Archive.open(sys.argv[1])
print(time.perf_counter() - start < 0.15, "alembic" in sys.modules)
"""


def test_opening_an_archive_at_head_is_quick_and_loads_no_migrations(tmp_path: Path) -> None:
    filled(tmp_path / "archive.db").close()
    assert finished(child(OPEN_AGAIN, tmp_path / "archive.db")) == "True False"


def test_head_is_the_last_migration_and_makes_exactly_the_tables(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", "corpus:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD
    filled(tmp_path / "archive.db").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'archive.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


def test_the_tables_can_be_made_in_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made = [str(CreateTable(table).compile(dialect=dialect)) for table in schema.metadata.sorted_tables]
    assert any("BIGSERIAL" in table and "sequence" in table for table in made)
    assert any('COLLATE "C"' in table for table in made)


def test_an_interrupted_migration_leaves_nothing_and_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE runs (x)")  # the last table of the migration cannot be made
    connection.commit()
    with pytest.raises(ArchiveUnavailableError):
        Archive.open(path)
    tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("runs",)]
    connection.execute("DROP TABLE runs")
    connection.commit()
    connection.close()
    filled(path).close()


def test_an_archive_of_a_later_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    filled(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE archive_version SET version_num = '9999'")
    with pytest.raises(ArchiveVersionError, match=r"более новой версией.*9999"):
        Archive.open(path)


# What can go wrong


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    path.write_bytes("Это письмо, а не база данных.".encode() * 100)
    with pytest.raises(ArchiveUnavailableError, match="не база данных") as caught:
        Archive.open(path)
    assert caught.value.__cause__ is not None
    assert caught.value.where == str(path)
    assert path.read_bytes().startswith("Это письмо".encode())


def test_a_folder_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(ArchiveUnavailableError, match="это папка"):
        Archive.open(tmp_path)


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ArchiveUnavailableError, match="ошибка файловой системы"):
        Archive.open(tmp_path / "data" / "archive.db")


# Root may write everywhere: the child becomes somebody else, with all modules loaded before.
OPEN_AS_NOBODY = """
import os, sys
from corpus.archive import Archive
from corpus.article import Source
from corpus.errors import ArchiveUnavailableError
site = Source("", "https://a.ru", "feed")
Archive.open(sys.argv[1]).add_source(site)
if os.geteuid() == 0:
    os.setuid(65534)
try:
    Archive.open(sys.argv[2]).add_source(site)
except ArchiveUnavailableError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no read-only mode")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent.db", "нет папки или прав на неё"),
        ("deeper/archive.db", "нет прав на папку"),
        ("full.db", "доступны только для чтения"),
    ],
)
def test_a_folder_one_may_not_write_to_is_named(name: str, reason: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is closed to others
        Path(folder).chmod(0o755)
        sealed = Path(folder) / "sealed"
        filled(sealed / "full.db").close()
        (sealed / "full.db").chmod(0o444)
        sealed.chmod(0o555)
        said = finished(child(OPEN_AS_NOBODY, Path(folder) / "warm" / "up.db", sealed / name))
        sealed.chmod(0o755)
    assert f"Архив «{sealed / name}» недоступен: " in said
    assert reason in said


def test_a_full_disk_is_named_and_loses_nothing(tmp_path: Path) -> None:
    with filled(tmp_path / "archive.db") as archive:
        with archive._database.reading() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 40")  # of this pooled connection
        with pytest.raises(ArchiveUnavailableError, match="на диске нет места"):
            put_in_batch(archive, "Слово " * 100_000)
        assert archive.count() == 3
        assert archive.put(article(4)).revision == 1


def put_in_batch(archive: Archive, text: str) -> None:
    with archive.batch():
        archive.put(article(3))
        archive.put(article(5, text))


def test_a_writer_that_waits_too_long_says_that_the_archive_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    with filled(path) as archive:
        with archive._database.reading() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 50")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ArchiveBusyError, match="занят") as caught:
            archive.put(article(3))
        assert caught.value.__cause__ is not None
        assert archive.count() == 3
        other.execute("ROLLBACK")
        other.close()
        archive.put(article(3))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    filled(path, 200).close()
    damaged = bytearray(path.read_bytes())
    damaged[4096 * 2 :] = b"\xff" * (len(damaged) - 4096 * 2)
    path.write_bytes(damaged)
    with pytest.raises(ArchiveUnavailableError, match="повреждён"), Archive.open(path) as archive:
        list(archive.articles())


@pytest.mark.parametrize(
    "address", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "nonsense://", "://"]
)
def test_an_address_that_makes_no_archive_is_refused(address: str) -> None:
    with pytest.raises(ArchiveError):
        Archive.open(address)


def test_a_password_of_the_address_is_not_shown() -> None:
    with pytest.raises(ArchiveUnavailableError) as caught:
        Archive.open("postgresql+nodriver://me:secret@localhost/archive")
    assert "secret" not in str(caught.value)


def test_errors_of_a_batch_that_are_not_the_archives_pass_as_they_are(tmp_path: Path) -> None:
    with filled(tmp_path / "archive.db") as archive:
        with pytest.raises(sqlite3.OperationalError):
            fail_in_batch(archive)
        assert archive.count() == 3


def fail_in_batch(archive: Archive) -> None:
    with archive.batch():
        archive.put(article(9))
        raise sqlite3.OperationalError("another database's")


# Purging


@pytest.mark.parametrize("in_batch", [False, True])
def test_purge_leaves_no_bytes_of_the_article(tmp_path: Path, in_batch: bool) -> None:
    secret = "Иванова Мария Петровна, 8-й «Б»"
    markup = f"<p>{secret}</p>".encode() * 3
    with filled(tmp_path / "archive.db", 50) as archive:
        kept = replace(article(77, f"{secret}. " * 2000), url="https://school5.ru/secret-page/")
        for title in ("Первая", "Вторая"):
            stored = archive.put(replace(kept, title=f"{title} {secret}"), key="post:77")
            page = RawPage("school5.ru", "post:77", kept.url, NOW, "text/html", markup + title.encode())
            archive.keep_page(page)
        archive.remove(stored.article.id, "404")
        needles = [secret.encode(), b"secret-page", zlib.compress(page.body), zlib.compress(markup)[:60]]
        assert [needle in everything(tmp_path) for needle in needles[:3]] == [True] * 3
        if in_batch:
            with archive.batch():
                archive.purge(stored.article.id)
        else:
            archive.purge(stored.article.id)
        assert [needle in everything(tmp_path) for needle in needles] == [False] * 4
        assert archive.count() == 50
    assert [needle in everything(tmp_path) for needle in needles] == [False] * 4


def test_purge_beside_a_reader_says_that_the_log_still_has_the_article(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with filled(tmp_path / "archive.db") as archive:
        reader = sqlite3.connect(tmp_path / "archive.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM articles").fetchone()
        with archive._database.reading() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 50")
        archive.purge("https://school5.ru/1/")
        reader.close()
        assert archive.count() == 2
    assert [record.getMessage().split()[0] for record in caplog.records] == ["purge.log_kept"]


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


# Backup

WRITE = """
import sys
from corpus.archive import Archive
from corpus.article import Article, Paragraph
with Archive.open(sys.argv[1]) as archive:
    for number in range(10_000):
        with archive.batch():
            for part in "ab":
                url = f"https://school5.ru/{number}{part}/"
                archive.put(Article("", "school5.ru", url, "Новость", body=(Paragraph("Текст " * 200),)))
        print(number, flush=True)
"""


def test_a_backup_made_while_another_process_writes_is_consistent(tmp_path: Path) -> None:
    with filled(tmp_path / "archive.db", 2000) as archive:
        writer = child(WRITE, tmp_path / "archive.db")
        assert writer.stdout is not None
        assert writer.stdout.readline() == "0\n"
        archive.backup(tmp_path / "copies" / "backup.db")
        assert writer.poll() is None, "the writer was to be at work all the while"
        writer.kill()
        writer.communicate()
        whole = archive.count()
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["backup.db"]
    connection = sqlite3.connect(tmp_path / "copies" / "backup.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    with Archive.open(tmp_path / "copies" / "backup.db") as copy:
        assert 2002 <= copy.count() <= whole
        assert copy.count() % 2 == 0, "no half of a batch"
        assert copy.last_sequence() == copy.count()


def test_a_backup_never_overwrites_a_file(tmp_path: Path) -> None:
    (tmp_path / "backup.db").write_text("дорого")
    with filled(tmp_path / "archive.db") as archive, pytest.raises(ArchiveError, match="уже есть"):
        archive.backup(tmp_path / "backup.db")
    assert (tmp_path / "backup.db").read_text() == "дорого"


def test_a_backup_that_cannot_be_written_leaves_nothing_half_done(tmp_path: Path) -> None:
    (tmp_path / "taken.db.part").mkdir()
    with filled(tmp_path / "archive.db") as archive:
        with pytest.raises(ArchiveUnavailableError, match="taken"):
            archive.backup(tmp_path / "taken.db")
        (tmp_path / "file").write_text("")
        with pytest.raises(ArchiveUnavailableError, match="backup"):
            archive.backup(tmp_path / "file" / "backup.db")
    assert not (tmp_path / "taken.db").exists()
