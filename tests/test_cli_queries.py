"""``searchsvc queries``: what editors see of what readers look for."""

from __future__ import annotations

import json

import pytest
from beds.commands import Run

from searchsvc.results import ResultPage, SearchRequest
from searchsvc.settings import Settings
from web.querylog import QueryLog, entry

pytest_plugins = ["beds.school"]


def asked(settings: Settings, *searches: tuple[str, int, int]) -> None:
    """Log searches: what was typed, how many full and near matches."""
    log = QueryLog(settings.query_log_path)
    for text, total, near in searches:
        page = ResultPage(text, text, (), total, near, total + near, 1, 10, (), (), (), (), "g1.1.0", 1.5)
        logged = entry("page", SearchRequest(text), page)
        assert logged
        log.record(logged)
    assert log.flush()
    log.close()


def test_an_editor_sees_what_is_looked_for_and_what_is_not_found(searchsvc: Run, settings: Settings) -> None:
    asked(settings, ("ЕГЭ", 12, 0), ("егэ", 12, 0), ("кванторианка", 0, 0), ("робот наставник", 0, 7))
    told = searchsvc("queries")
    assert told.code == 0
    top, missed = told.out.split("Не находят:")
    assert top.splitlines()[1].split() == ["2", "егэ", "12", "статей"]
    assert "кванторианка" in top
    assert [" ".join(line.split()) for line in missed.strip().splitlines()] == [
        "1 робот наставник целиком ничего, похожего: 7",
        "1 кванторианка ничего",
    ]


def test_json_has_the_same(searchsvc: Run, settings: Settings) -> None:
    asked(settings, ("ЕГЭ", 12, 0), ("кванторианка", 0, 0))
    read = json.loads(searchsvc("queries", "--json", "--days", "7", "--limit", "1").out)
    assert read["days"] == 7
    assert [each["query"] for each in read["top"]] == ["кванторианка"]
    assert [(each["query"], each["total"]) for each in read["missed"]] == [("кванторианка", 0)]


def test_nothing_logged_and_a_log_switched_off_are_said(
    searchsvc: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "За последние 30 дней запросов в журнале нет." in searchsvc("queries").out
    assert not settings.query_log_path.exists()
    monkeypatch.setenv("SEARCHSVC_QUERY_LOG", "false")
    assert "SEARCHSVC_QUERY_LOG=true" in searchsvc("queries").out
    monkeypatch.delenv("SEARCHSVC_QUERY_LOG")
    asked(settings, ("ЕГЭ", 12, 0))
    assert "На все запросы есть статьи." in searchsvc("queries", "--days", "1").out


def test_what_visitors_typed_cannot_command_the_terminal(searchsvc: Run, settings: Settings) -> None:
    asked(settings, ("\x1b[2Jшкола\u202e\n" + "о" * 300, 0, 0))
    shown = searchsvc("queries").out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert max(map(len, shown.splitlines())) < 100


def test_a_log_that_cannot_be_read_is_a_clear_error(searchsvc: Run, settings: Settings) -> None:
    settings.query_log_path.parent.mkdir(parents=True, exist_ok=True)
    settings.query_log_path.write_bytes(b"no database" * 100)
    failed = searchsvc("queries")
    assert failed.code == 1
    assert "не читается" in failed.err
