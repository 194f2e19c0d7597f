"""Commands that fill, keep and empty archive and index; what bad input gets."""

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
from pathlib import Path
from typing import Any

import pytest
from beds.commands import Done, add_school, command, environment, row, started
from beds.fake_wordpress import FakeWordPress
from beds.site import Reply

from corpus.archive import Archive
from corpus.jsonl import import_rows
from corpus.lease import lease
from indexer.desk import Desk
from searchsvc.bootstrap import open_generations
from searchsvc.settings import Settings, load_settings
from web.cli import run

pytest_plugins = ["beds.school"]

Run = Callable[..., Done]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


@pytest.fixture
def searchsvc(settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process, on the data folder of ``settings`` or another."""

    def searchsvc(*arguments: str, folder: Path | None = None, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capsys.readouterr()
        code = run(["--data-dir", str(folder or settings.data_dir), *arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return searchsvc


def news(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "url": f"https://school5.ru/{number}/",
        "title": f"Новость номер {number}",
        "body": "Ученики посадили сад.\n\nДиректор доволен.",
        "source": "https://school5.ru/",
    } | fields


def rows(*items: dict[str, Any]) -> bytes:
    return b"".join(row(item) for item in items)


def hits(searchsvc: Run, text: str, folder: Path | None = None) -> int:
    return int(json.loads(searchsvc("query", text, "--json", folder=folder).out)["total"])


# Sources and crawls


def test_a_site_is_added_crawled_and_found(searchsvc: Run, school: FakeWordPress, settings: Settings) -> None:
    added = searchsvc("source", "add", school.url("/"), "--allow-private", "--delay", "0")
    name = re.sub("^https?://|/$", "", school.url("/"))
    assert added.code == 0
    assert added.out == (
        f"Источник добавлен: {name} — «Школа & сад» (WordPress).\nСобрать статьи: searchsvc crawl {name}\n"
    )
    crawled = searchsvc("crawl")
    assert crawled.code == 0
    first, second = crawled.out.splitlines()
    assert first == f"{name}: новых 3, изменённых 0, без изменений 0, удалённых 0."
    assert second.startswith("Построен индекс g000001: 3 статьи, ")
    assert hits(searchsvc, "запись") == 3
    assert f"{name}\n  Школа & сад — WordPress, 3 статьи\n" in searchsvc("source", "list").out
    (listed,) = json.loads(searchsvc("source", "list", "--json").out)
    assert (listed["id"], listed["articles"], listed["allow_private"], listed["delay"]) == (
        name,
        3,
        True,
        0.0,
    )


def test_the_setting_gives_the_pause_where_none_is_asked_for(
    searchsvc: Run, school: FakeWordPress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEARCHSVC_CRAWL_DELAY", "0.125")
    searchsvc("source", "add", school.url("/"), "--allow-private", "--title", "Наша школа")
    (listed,) = json.loads(searchsvc("source", "list", "--json").out)
    assert (listed["title"], listed["delay"]) == ("Наша школа", 0.125)


def test_an_inner_address_is_refused_unless_allowed(searchsvc: Run, school: FakeWordPress) -> None:
    done = searchsvc("source", "add", school.url("/"))
    assert (done.code, done.out) == (1, "")
    assert "--allow-private" in done.err
    assert searchsvc("source", "list").out.startswith(
        "Источников ещё нет. Добавьте сайт: searchsvc source add"
    )


def test_what_is_no_wordpress_is_said_and_not_added(searchsvc: Run, school: FakeWordPress) -> None:
    school.trouble = lambda route, query: Reply(b"", status=404)
    done = searchsvc("source", "add", school.url("/"), "--allow-private", "--delay", "0")
    assert done.code != 0
    assert "WordPress" in done.err
    assert json.loads(searchsvc("source", "list", "--json").out) == []


def test_one_source_that_fails_does_not_stop_the_others(
    searchsvc: Run, school: FakeWordPress, settings: Settings
) -> None:
    with FakeWordPress(2) as broken:
        add_school(settings, broken, "a-broken.ru")
        add_school(settings, school, "b-school.ru")
        broken.trouble = lambda route, query: Reply(b"", status=403)
        done, alone = searchsvc("crawl"), searchsvc("crawl", "a-broken.ru")
    assert done.code == 1
    assert "b-school.ru: новых 3" in done.out
    assert done.err.splitlines()[-1] == "Не всё удалось: 1 источник из 2 — сообщения выше."
    assert "a-broken.ru: " in done.err
    assert searchsvc("crawl", "b-school.ru").code == 0
    assert (alone.code, len(alone.err.splitlines())) == (1, 1)


def test_a_sudden_loss_is_held_back_until_accepted(
    searchsvc: Run, school: FakeWordPress, settings: Settings
) -> None:
    school.add(*range(4, 41))
    add_school(settings, school)
    assert searchsvc("crawl").code == 0
    school.remove(range(1, 31))
    held = searchsvc("crawl")
    assert held.code == 1
    assert "searchsvc crawl school.ru --accept-removals" in held.err
    assert "оставлено под вопросом 30" in held.out
    assert hits(searchsvc, "запись") == 40
    accepted = searchsvc("crawl", "school.ru", "--accept-removals")
    assert accepted.code == 0
    assert "удалённых 30" in accepted.out
    assert hits(searchsvc, "запись") == 10


def test_crawling_nothing_says_what_to_do(searchsvc: Run, settings: Settings) -> None:
    assert "Архива" in searchsvc("crawl").err
    assert not settings.data_dir.exists()
    searchsvc("import", "-", stdin=rows(news(1)))
    done = searchsvc("crawl")
    assert done.code == 1
    assert done.err.startswith("Обходить нечего.")
    files = searchsvc("crawl", "school5.ru")
    assert files.code == 1
    assert "searchsvc import" in files.err


@pytest.mark.parametrize(
    "arguments", [["crawl", "a.ru"], ["reextract", "a.ru"], ["source", "remove", "a.ru"]]
)
def test_an_unknown_source_is_named(searchsvc: Run, arguments: list[str]) -> None:
    searchsvc("import", "-", stdin=rows(news(1)))
    done = searchsvc(*arguments)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Источник «a.ru» не найден. Список источников: searchsvc source list")


def test_reextract_reports_like_a_crawl(searchsvc: Run, school: FakeWordPress, settings: Settings) -> None:
    add_school(settings, school)
    searchsvc("crawl")
    done = searchsvc("reextract")
    assert done.code == 0
    assert done.out.startswith("Все источники: новых 0, изменённых 0, без изменений 3")


def test_a_removed_source_is_gone_from_the_search(searchsvc: Run) -> None:
    other = news(2, url="https://other.ru/2", source="https://other.ru/")
    searchsvc("import", "-", stdin=rows(news(1), other))
    assert hits(searchsvc, "сад") == 2
    done = searchsvc("source", "remove", "other.ru")
    assert (done.code, done.out.splitlines()[0]) == (0, "Источник other.ru убран, с ним 1 статья.")
    assert hits(searchsvc, "сад") == 1


# Import and export


def test_import_builds_the_first_index_and_then_keeps_it_in_step(searchsvc: Run, tmp_path: Path) -> None:
    first = searchsvc("import", "-", stdin=rows(news(1), news(2)))
    assert first.code == 0
    assert first.out.startswith(
        "Загружено: новых 2, изменённых 0, без изменений 0.\nПостроен индекс g000001: 2 статьи"
    )
    file = tmp_path / "новости.jsonl"
    file.write_bytes(rows(news(1), news(2, body="Ученики построили дом."), news(3)))
    second = searchsvc("import", str(file))
    assert second.out == (
        "Загружено: новых 1, изменённых 1, без изменений 1.\nИндекс обновлён: внесено 2, убрано 0.\n"
    )
    assert (hits(searchsvc, "сад"), hits(searchsvc, "дом")) == (2, 1)
    third = searchsvc("import", str(file))
    assert third.out.endswith("Индекс уже в порядке: изменений нет.\n")


def test_a_broken_row_stops_the_import_and_nothing_goes_in(searchsvc: Run, settings: Settings) -> None:
    broken = rows(news(1)) + b"{oops\n" + rows({"url": "https://school5.ru/2/"}) + rows(news(3))
    done = searchsvc("import", "-", stdin=broken)
    assert (done.code, done.out) == (1, "")
    assert "Строка 2: " in done.err
    assert "Строка 3: " in done.err
    assert "ничего не загружено" in done.err
    assert "--on-error skip" in done.err
    with Archive.open(settings.archive_address) as archive:
        assert archive.count() == 0


def test_broken_rows_can_be_skipped_and_are_still_told(searchsvc: Run) -> None:
    broken = rows(news(1)) + b"{oops\n" * 30 + rows(news(3))
    done = searchsvc("import", "-", "--on-error", "skip", stdin=broken)
    assert done.code == 1
    assert done.out.startswith("Загружено: новых 2")
    assert len(re.findall("^Строка [0-9]+: ", done.err, re.MULTILINE)) == 20
    assert "… и ещё 10." in done.err
    assert done.err.endswith("Пропущены строки с ошибками: 30.\n")
    assert hits(searchsvc, "сад") == 2


def test_a_file_that_is_not_there_is_named(searchsvc: Run, tmp_path: Path) -> None:
    done = searchsvc("import", str(tmp_path / "нет.jsonl"))
    assert done.code == 1
    assert done.err.startswith(f"«{tmp_path / 'нет.jsonl'}»: нет такого файла или папки.")
    assert "это папка, а нужен файл" in searchsvc("import", str(tmp_path)).err


def test_what_is_exported_comes_back_the_same(searchsvc: Run, tmp_path: Path) -> None:
    searchsvc("import", "-", stdin=rows(news(1, tags=["ЕГЭ"]), news(2, published="2024-09-01")))
    out = searchsvc("export")
    assert (out.code, out.err.splitlines()[-1]) == (0, "Выгружено: 2 статьи.")
    exported = [json.loads(line) for line in out.out.splitlines()]
    assert {"id", "aliases", "tags"} <= exported[0].keys()
    file = tmp_path / "copy.jsonl"
    file.write_text("прежнее", encoding="utf-8")
    assert searchsvc("export", str(file)).out == ""
    assert file.read_text(encoding="utf-8") == out.out
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []
    assert searchsvc("import", str(file), folder=tmp_path / "other").code == 0
    assert searchsvc("export", folder=tmp_path / "other").out == out.out


def test_a_full_export_carries_revisions_and_pages(
    searchsvc: Run, school: FakeWordPress, settings: Settings, tmp_path: Path
) -> None:
    add_school(settings, school)
    searchsvc("crawl")
    full = searchsvc("export", "--full").out
    assert {"source", "revision", "page"} <= {json.loads(line).get("kind") for line in full.splitlines()}
    searchsvc("import", "-", stdin=full.encode(), folder=tmp_path / "other")
    assert searchsvc("export", "--full", folder=tmp_path / "other").out == full


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
        assert command(settings.data_dir, "rollback").code == 3
        assert command(settings.data_dir, "purge", "https://school5.ru/1/").code == 3
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


AS_NOBODY = """
import os, sys
from web.cli import run
run(["--data-dir", sys.argv[1], "status"])
run(["--data-dir", sys.argv[1], "export"])
print("=====", flush=True)
if os.geteuid() == 0:
    os.setuid(65534)
sys.exit(run(["--data-dir", sys.argv[2], *sys.argv[3:]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no modes")
@pytest.mark.parametrize("arguments", [["status"], ["source", "list"], ["sync"], ["rebuild"], ["export"]])
def test_a_data_folder_one_may_not_read_is_named(arguments: list[str], searchsvc: Run) -> None:
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is closed to others anyway
        Path(folder).chmod(0o755)
        warm, closed = Path(folder) / "warm", Path(folder) / "closed"
        for place in (warm, closed):
            searchsvc("import", "-", stdin=rows(news(1)), folder=place)
        closed.chmod(0o000)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(warm), str(closed), *arguments],
            capture_output=True,
            encoding="utf-8",
            env=environment(closed),
            check=False,
        )
        closed.chmod(0o755)
    said = done.stderr.splitlines()[-1]
    assert done.returncode == 1, done.stderr
    assert str(closed) in said
    assert "прав" in said
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path, searchsvc: Run) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = searchsvc("import", "-", stdin=rows(news(1)), folder=tmp_path / "file")
    assert done.code == 1
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
