"""Commands that fill the archive and empty it; what bad input gets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from beds.commands import Run, add_school, hits, news, rows
from beds.fake_wordpress import FakeWordPress
from beds.site import Reply

from corpus.archive import Archive
from searchsvc.settings import Settings

pytest_plugins = ["beds.school"]


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
