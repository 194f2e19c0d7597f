"""The log of queries: written behind the answer, read by the desk, never in the way."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from searchsvc.results import ResultPage, SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web import querylog
from web.app import create_app
from web.querylog import Kind, QueryLog, entry

NOON = datetime(2024, 9, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def answer(query: str, *, total: int = 3, near: int = 0, page: int = 1) -> ResultPage:
    return ResultPage(query, query, (), total, near, total + near, page, 10, (), (), (), (), "g1.1.0", 1.5)


def note(log: QueryLog, kind: Kind, page: ResultPage) -> None:
    """Record a search if it counts."""
    if logged := entry(kind, SearchRequest(page.original, page=page.page), page):
        log.record(logged)


def rows(path: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        found = connection.execute(
            "select kind, query, effective, total, near_total, took_ms, at from queries"
        )
        return found.fetchall()


def test_a_search_is_written_with_what_it_found_and_nothing_about_the_reader(tmp_path: Path) -> None:
    log = QueryLog(tmp_path / "data" / "queries.db", clock=Clock())
    note(log, "api", answer("итоги ЕГЭ", total=4, near=2))
    assert log.flush()
    assert rows(tmp_path / "data" / "queries.db") == [
        ("api", "итоги ЕГЭ", "итоги ЕГЭ", 4, 2, 1.5, "2024-09-01T12:00:00.000+00:00")
    ]
    log.close()


def test_only_first_pages_of_searches_with_words_count(tmp_path: Path) -> None:
    log = QueryLog(tmp_path / "queries.db")
    note(log, "page", answer("школа", page=2))
    note(log, "page", answer("  "))
    note(log, "page", answer("школа"))
    assert log.flush()
    assert [row[1] for row in rows(tmp_path / "queries.db")] == ["школа"]
    log.close()


def test_a_search_narrowed_by_dates_or_filters_is_no_new_search(
    sample_service: SearchService, tmp_path: Path
) -> None:
    app = create_app(sample_service, Settings(data_dir=tmp_path))
    client = app.test_client()
    narrowed = ("from=1999-01-01&to=1999-12-31", "from=2022-01-01", "year=1999", "source=nowhere&category=x")
    for path in ("/search", "/api/v1/search"):
        for conditions in narrowed:
            assert client.get(f"{path}?q=экзамен&{conditions}").status_code == 200
        for query in ("экзамен", "экзамен дата:1999", "экзамен&sort=date&year="):
            assert client.get(f"{path}?q={query}").status_code == 200
    app.extensions["query_log"].close()
    typed = ["экзамен", "экзамен дата:1999", "экзамен"]
    assert [(row[0], row[1]) for row in rows(tmp_path / "queries.db")] == [
        (kind, query) for kind in ("page", "api") for query in typed
    ]
    assert [each.query for each in app.extensions["query_log"].without_results(NOON)] == ["экзамен дата:1999"]


def test_the_most_frequent_queries_come_first_whatever_their_case_and_yo(tmp_path: Path) -> None:
    clock = Clock()
    log = QueryLog(tmp_path / "queries.db", clock=clock)
    for query in ("учёба", "Учеба", "каникулы", "УЧЁБА  "):
        clock.now += timedelta(minutes=1)
        note(log, "page", answer(query))
    assert log.flush()
    top = log.top(NOON)
    assert [(count.query, count.count) for count in top] == [("УЧЁБА  ", 3), ("каникулы", 1)]
    assert top[0].last == NOON + timedelta(minutes=4)
    assert [count.query for count in log.top(NOON, limit=1)] == ["УЧЁБА  "]
    assert [count.query for count in log.top(NOON + timedelta(minutes=3))] == ["УЧЁБА  ", "каникулы"]
    log.close()


def test_queries_nothing_answered_are_told_with_what_stood_in(tmp_path: Path) -> None:
    log = QueryLog(tmp_path / "queries.db")
    note(log, "page", answer("школа"))
    note(log, "page", answer("робот наставник", total=0, near=7))
    note(log, "api", answer("абракадабра", total=0))
    note(log, "api", answer("абракадабра", total=0))
    assert log.flush()
    found = [
        (count.query, count.count, count.near_total) for count in log.without_results(NOON - timedelta(9999))
    ]
    assert found == [("абракадабра", 2, 0), ("робот наставник", 1, 7)]
    log.close()


def test_closing_writes_what_waits_and_the_log_can_go_on(tmp_path: Path) -> None:
    log = QueryLog(tmp_path / "queries.db")
    for number in range(250):
        note(log, "page", answer(f"запрос {number}"))
    log.close()
    assert len(rows(tmp_path / "queries.db")) == 250
    note(log, "page", answer("ещё"))
    log.close()
    assert len(rows(tmp_path / "queries.db")) == 251


def test_many_threads_write_at_once_and_lose_nothing(tmp_path: Path) -> None:
    log = QueryLog(tmp_path / "queries.db")
    threads = [
        threading.Thread(target=lambda: [note(log, "page", answer("школа")) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert len(rows(tmp_path / "queries.db")) == 400


def test_a_log_that_cannot_be_written_is_complained_of_once_and_disturbs_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "queries.db").mkdir()
    log = QueryLog(tmp_path / "queries.db")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            note(log, "page", answer("секретный запрос"))
            assert log.flush()
    log.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "секретный" not in caplog.text


def test_a_locked_file_makes_no_request_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(querylog, "QUEUE_LIMIT", 500)
    path = tmp_path / "queries.db"
    log = QueryLog(path)
    note(log, "page", answer("первый"))
    assert log.flush()
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("begin exclusive")
    started = time.perf_counter()
    for number in range(querylog.QUEUE_LIMIT * 2):
        note(log, "page", answer(f"запрос {number}"))
    assert time.perf_counter() - started < 1
    blocker.execute("rollback")
    blocker.close()
    log.close()
    assert 1 < len(rows(path)) <= 1 + 2 * querylog.QUEUE_LIMIT
