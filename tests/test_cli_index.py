"""Commands on index and backup; two at once, bad folders, bad files."""

from __future__ import annotations

import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from beds.commands import Run, add_school, command, environment, hits, news, rows, started
from beds.fake_wordpress import FakeWordPress

from corpus.archive import Archive
from corpus.jsonl import import_rows
from corpus.lease import lease
from indexer.desk import Desk
from searchsvc.bootstrap import open_generations
from searchsvc.settings import Settings

pytest_plugins = ["beds.school"]


# The index


def test_rebuild_and_rollback_publish_one_and_the_other(searchsvc: Run, settings: Settings) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    rebuilt = searchsvc("rebuild", "--engine", "whoosh")
    assert rebuilt.out.startswith("Построен индекс g000002: 1 статья")
    back = searchsvc("rollback")
    assert (back.code, back.out) == (
        0,
        "Опубликован предыдущий индекс: g000001. Вернуть: searchsvc rollback\n",
    )
    assert open_generations(settings).pointer().generation == "g000001"


def test_a_switch_of_engines_says_what_changed(searchsvc: Run, settings: Settings) -> None:
    first = searchsvc("import", "-", stdin=rows(*(news(number) for number in range(3))))
    assert "было" not in first.out
    done = searchsvc("rebuild", "--engine", "tantivy")
    assert (done.code, len(done.out.splitlines())) == (0, 3)
    figures = r"3 статьи, [0-9,]+\sКБ, ответ за [0-9,]+\sмс \(медиана пробных запросов\)"
    assert re.search(rf"^  было:  g000001, whoosh, {figures}$", done.out, re.MULTILINE)
    assert re.search(rf"^  стало: g000002, tantivy, {figures}$", done.out, re.MULTILINE)
    assert hits(searchsvc, "сад") == 3
    assert searchsvc("rollback").code == 0
    assert hits(searchsvc, "сад") == 3
    with closing(open_generations(settings).current()) as generation:
        assert generation.manifest.engine == "whoosh"


def test_there_may_be_nothing_to_roll_back_to(searchsvc: Run) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    done = searchsvc("rollback")
    assert (done.code, done.err.startswith("Возвращаться некуда")) == (1, True)


def test_sync_catches_up(searchsvc: Run, settings: Settings) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    with Archive.open(settings.archive_address) as archive:
        import_rows(archive, io.BytesIO(rows(news(2))), on_error="stop")
    assert searchsvc("sync").out == "Индекс обновлён: внесено 1, убрано 0.\n"
    assert searchsvc("sync").out == "Индекс уже в порядке: изменений нет.\n"


def test_an_unknown_engine_is_refused_before_any_work(searchsvc: Run) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    done = searchsvc("rebuild", "--engine", "sphinx")
    assert done.code == 1
    assert "Неизвестный движок «sphinx»" in done.err


def test_purge_leaves_nothing_anywhere(searchsvc: Run, settings: Settings) -> None:
    secret = news(2, title="Заявление Петрова", body="Тайна Петрова.")
    searchsvc("import", "-", stdin=rows(news(1), secret))
    done = searchsvc("purge", "https://school5.ru/2/")
    assert done.code == 0
    assert "уничтожена" in done.out
    assert hits(searchsvc, "тайна") == 0
    files = [path for path in settings.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if "Тайна Петрова".encode() in path.read_bytes()]
    again = searchsvc("purge", "https://school5.ru/2/")
    assert (again.code, "не найдена в архиве" in again.err) == (1, True)


def test_without_an_archive_nothing_is_made_and_the_way_is_shown(searchsvc: Run, settings: Settings) -> None:
    for arguments in (["sync"], ["rebuild"], ["rollback"], ["purge", "x"], ["export"], ["backup", "copy"]):
        done = searchsvc(*arguments)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(f"Архива «{settings.archive_address}» ещё нет.")
    assert not settings.data_dir.exists()


def test_without_an_index_the_remedy_is_named(searchsvc: Run) -> None:
    done = searchsvc("query", "школа")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [done.err.strip()]
    assert "searchsvc rebuild" in done.err


def damaged(settings: Settings) -> None:
    (settings.index_dir / "current.json").write_text("{", encoding="utf-8")


def without_documents(settings: Settings) -> None:
    (settings.index_dir / "g000001" / "store.db").unlink()


def of_another_schema(settings: Settings) -> None:
    manifest = settings.index_dir / "g000001" / "manifest.json"
    values = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(values | {"schema": 99}), encoding="utf-8")


@pytest.mark.parametrize("spoil", [damaged, without_documents, of_another_schema])
def test_a_bad_index_is_named_and_a_rebuild_heals_it(
    searchsvc: Run, settings: Settings, spoil: Callable[[Settings], None]
) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    spoil(settings)
    for arguments in (["query", "сад"], ["sync"]):
        done = searchsvc(*arguments)
        assert (done.code, done.out) == (1, "")
        assert "searchsvc rebuild" in done.err
        assert "Traceback" not in done.err
    assert searchsvc("rebuild").code == 0
    assert hits(searchsvc, "сад") == 1


def test_an_index_of_another_analysis_still_answers_with_a_warning(
    searchsvc: Run, settings: Settings
) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    manifest = settings.index_dir / "g000001" / "manifest.json"
    values = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(values | {"analysis": "0-прежний"}), encoding="utf-8")
    done = searchsvc("query", "сад")
    assert (done.code, "Найдено: 1 статья." in done.out) == (0, True)
    assert done.err.startswith("Внимание: ")
    refused = searchsvc("import", "-", stdin=rows(news(2)))
    assert refused.code == 1
    assert refused.out == "Загружено: новых 1, изменённых 0, без изменений 0.\n"
    assert "Статьи в архиве, но индекс не обновлён." in refused.err
    assert "searchsvc rebuild" in refused.err


# Backup


def test_a_backup_has_archive_and_desk_and_can_be_restored(
    searchsvc: Run, settings: Settings, tmp_path: Path
) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    with Desk.open(settings.desk_address) as desk:
        number = desk.queue("sync")
    copy = tmp_path / "copies" / "today"
    done = searchsvc("backup", str(copy))
    assert done.code == 0
    assert done.out.startswith(f"Резервная копия: {copy} (archive.db и desk.db, ")
    assert sorted(path.name for path in copy.iterdir()) == ["archive.db", "desk.db"]
    assert [path.name for path in copy.parent.iterdir()] == ["today"]
    assert searchsvc("rebuild", folder=copy).code == 0
    assert hits(searchsvc, "сад", folder=copy) == 1
    with Desk.open(copy / "desk.db") as desk:
        assert desk.job(number).state == "queued"


def test_a_backup_overwrites_nothing(searchsvc: Run, tmp_path: Path) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    taken = tmp_path / "taken"
    taken.mkdir()
    assert searchsvc("backup", str(taken)).code == 0
    done = searchsvc("backup", str(taken))
    assert (done.code, "уже есть" in done.err) == (1, True)
    (tmp_path / "file").write_text("дорого", encoding="utf-8")
    assert searchsvc("backup", str(tmp_path / "file")).code == 1
    assert (tmp_path / "file").read_text(encoding="utf-8") == "дорого"


# Two at once


def test_a_second_rebuild_says_who_is_at_it(searchsvc: Run, settings: Settings) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    with open_generations(settings).building():
        done = command(settings.data_dir, "rebuild")
        assert done.code == 3
        assert f"процесс {os.getpid()} " in done.err
        assert searchsvc("rollback").code == 3
        assert searchsvc("purge", "https://school5.ru/1/").code == 3
    assert searchsvc("rebuild").code == 0


def test_a_second_crawl_of_a_source_says_who_is_at_it(
    searchsvc: Run, settings: Settings, school: FakeWordPress
) -> None:
    add_school(settings, school)
    with started(settings.data_dir, "crawl"):
        pass  # a crawl that was killed leaves the lease free
    assert searchsvc("crawl").code == 0
    for path in (settings.data_dir / "locks").glob("crawl-*.lock"):
        with lease(path, "Обход"):
            done = command(settings.data_dir, "crawl")
            assert done.code == 3
            assert "занято" in done.err


def test_two_imports_at_once_both_go_in(settings: Settings, searchsvc: Run) -> None:
    searchsvc("import", "-", stdin=rows(news(0)))
    files = []
    for part in (1, 2):
        file = settings.data_dir.parent / f"{part}.jsonl"
        file.write_bytes(rows(*(news(1000 * part + number) for number in range(60))))
        files.append(file)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "web.cli", "import", str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(settings.data_dir),
        )
        for file in files
    ]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err.decode()
    assert hits(searchsvc, "сад") == 121


# Bad places


REFUSED = (["status"], ["source", "list"], ["sync"], ["rebuild"], ["export"])
AS_NOBODY = """
import contextlib, io, json, os, sys
from web.cli import run
warm, closed, commands = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with contextlib.redirect_stdout(io.StringIO()):
    run(["--data-dir", warm, "status"])
    run(["--data-dir", warm, "export"])
if os.geteuid() == 0:
    os.setuid(65534)
for command in commands:
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        code = run(["--data-dir", closed, *command])
    print(json.dumps([command, code, err.getvalue()]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no modes")
def test_a_data_folder_one_may_not_read_is_named(searchsvc: Run) -> None:
    unmeasured = {
        name: value for name, value in environment(Path()).items() if not name.startswith("COVERAGE")
    }
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is closed to others anyway
        Path(folder).chmod(0o755)
        warm, closed = Path(folder) / "warm", Path(folder) / "closed"
        for place in (warm, closed):
            searchsvc("import", "-", stdin=rows(news(1)), folder=place)
        closed.chmod(0o000)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(warm), str(closed), json.dumps(REFUSED)],
            capture_output=True,
            encoding="utf-8",
            env=unmeasured,
            check=False,
        )
        closed.chmod(0o755)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [command for command, _, _ in told] == list(REFUSED)
    for _, code, said in told:
        assert (code, len(said.splitlines())) == (1, 1), said
        assert str(closed) in said
        assert "прав" in said


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path, searchsvc: Run) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for arguments in (["import", "-"], ["status"], ["source", "list"], ["sync"], ["source", "add", "a.ru"]):
        done = searchsvc(*arguments, stdin=rows(news(1)), folder=tmp_path / "file")
        assert (done.code, done.out) == (1, "")
        assert str(tmp_path / "file") in done.err


def test_a_file_that_is_no_archive_is_named_and_left_alone(searchsvc: Run, settings: Settings) -> None:
    settings.data_dir.mkdir()
    letter = "Это письмо, а не база данных.".encode() * 100
    (settings.data_dir / "archive.db").write_bytes(letter)
    for arguments in (["status"], ["source", "list"], ["import", "-"], ["sync"], ["crawl"]):
        done = searchsvc(*arguments, stdin=rows(news(1)))
        assert done.code == 1
        assert "это не база данных SQLite" in done.err
    assert (settings.data_dir / "archive.db").read_bytes() == letter


def test_an_archive_of_a_later_release_is_named(searchsvc: Run, settings: Settings) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    connection = sqlite3.connect(settings.data_dir / "archive.db")
    connection.execute("UPDATE archive_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    done = searchsvc("sync")
    assert (done.code, "более новой версией" in done.err) == (1, True)
