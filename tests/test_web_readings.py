"""What is much read: counted a day and article, nothing about readers, shown where it is enough."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from beds.index import Bed
from bs4 import BeautifulSoup
from flask import Flask

from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.app import create_app
from web.querylog import FEWEST_READINGS, MOST_READ, READING_DAYS, QueryLog, Reading

NOON = datetime(2024, 9, 1, 12, tzinfo=UTC)
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def rows(folder: Path) -> list[tuple[str, str, int]]:
    with closing(sqlite3.connect(folder / "queries.db")) as connection:
        return connection.execute("select day, article, count from readings order by 1, 2").fetchall()


def read(log: QueryLog, *articles: str, times: int = FEWEST_READINGS) -> None:
    for article in articles:
        for _ in range(times):
            log.record(Reading(article))
    assert log.flush()


# --- the log -------------------------------------------------------------------------------


def test_readings_are_one_number_a_day_and_article(tmp_path: Path) -> None:
    clock = Clock()
    log = QueryLog(tmp_path / "queries.db", clock=clock)
    read(log, "a", "b", times=2)
    read(log, "a")
    clock.now += timedelta(days=1)
    read(log, "a", times=1)
    log.close()
    assert rows(tmp_path) == [("2024-09-01", "a", 5), ("2024-09-01", "b", 2), ("2024-09-02", "a", 1)]


def test_the_most_read_of_thirty_days_come_first_and_today_does_not_count(tmp_path: Path) -> None:
    clock = Clock()
    log = QueryLog(tmp_path / "queries.db", clock=clock)
    read(log, "old")
    clock.now += timedelta(days=1)
    read(log, "b", "a")
    clock.now += timedelta(days=READING_DAYS - 1)
    read(log, "seldom", times=FEWEST_READINGS - 1)
    read(log, "b", times=1)
    assert log.most_read() == ("a", "b", "old")
    clock.now += timedelta(days=1)
    assert log.most_read() == ("b", "a")
    read(log, "new", times=9)
    assert log.most_read() == ("b", "a")
    clock.now += timedelta(days=1)
    assert log.most_read()[0] == "new"
    log.close()


def test_readings_are_kept_for_thirty_days_and_named_up_to_a_number(tmp_path: Path) -> None:
    clock = Clock()
    log = QueryLog(tmp_path / "queries.db", clock=clock)
    read(log, *(f"a{number:02}" for number in range(MOST_READ + 5)))
    clock.now += timedelta(days=1)
    assert log.most_read() == tuple(f"a{number:02}" for number in range(MOST_READ))
    clock.now += timedelta(days=READING_DAYS)
    read(log, "b", times=1)
    log.close()
    assert [article for _, article, _ in rows(tmp_path)] == ["b"]


def test_a_log_that_cannot_be_read_has_nothing_much_read(tmp_path: Path) -> None:
    (tmp_path / "queries.db").mkdir()
    log = QueryLog(tmp_path / "queries.db")
    assert log.most_read() == ()
    assert log.most_read() == ()


def test_two_processes_add_to_the_same_numbers(tmp_path: Path) -> None:
    logs = [QueryLog(tmp_path / "queries.db", clock=Clock()) for _ in range(2)]
    for log in logs:
        read(log, "a", times=50)
        log.close()
    assert rows(tmp_path) == [("2024-09-01", "a", 100)]


# --- the site ------------------------------------------------------------------------------


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Bed:
    made = Bed.open(tmp_path / "bed", analyzer)
    made.put(range(8))
    made.rebuild()
    return made


@pytest.fixture
def app(bed: Bed) -> Iterator[Flask]:
    """A site whose log of yesterday names six articles and one that is not there."""
    log = QueryLog(bed.folder / "queries.db", clock=lambda: datetime.now(UTC) - timedelta(days=1))
    for place, article in enumerate(("a003", "nowhere", "a001", "a002", "a004", "a005", "a006")):
        for _ in range(20 - place):
            log.record(Reading(article))
    log.close()
    with closing(LiveIndex(bed.generations)) as live:
        made = create_app(SearchService(live, bed.analyzer), Settings(data_dir=bed.folder))
        yield made
        made.extensions["query_log"].close()


def much_read(app: Flask, path: str) -> list[str]:
    tree = BeautifulSoup(app.test_client().get(path).data, "lxml")
    return [str(tag["href"]).rpartition("/")[2] for tag in tree.select("[aria-labelledby=read] a")]


def test_every_reading_counts_one_from_the_kept_answer_too_and_programs_do_not(app: Flask, bed: Bed) -> None:
    client = app.test_client()
    answers = [client.get("/articles/a007", headers=BROWSER) for _ in range(3)]
    assert answers[0].data == answers[2].data
    for headers in (
        {"If-None-Match": answers[0].headers["ETag"]},
        {"User-Agent": "Mozilla/5.0 (compatible; YandexBot/3.0)"},
        {"User-Agent": "curl/8.5"},
        {"User-Agent": ""},
        {"Sec-Purpose": "prefetch;prerender"},
    ):
        assert client.get("/articles/a007", headers={**BROWSER, **headers}).status_code in {200, 304}
    assert client.head("/articles/a007", headers=BROWSER).status_code == 200
    assert client.get("/articles/absent", headers=BROWSER).status_code == 404
    assert client.get("/api/v1/articles/a007", headers=BROWSER).status_code == 200
    app.extensions["query_log"].close()
    today = date.today().isoformat()
    assert [row for row in rows(bed.folder) if row[0] == today] == [(today, "a007", 3)]


@pytest.mark.parametrize("path", ["/", "/search?q=фывапролдж"])
def test_what_is_much_read_and_still_there_is_shown(app: Flask, path: str) -> None:
    assert much_read(app, path) == ["a003", "a001", "a002", "a004", "a005"]


def test_a_withdrawn_article_is_not_shown_and_two_are_no_list(app: Flask, bed: Bed) -> None:
    assert "a003" in much_read(app, "/")
    bed.remove(3, 1, 2)
    bed.sync()
    assert much_read(app, "/") == ["a004", "a005", "a006"]
    bed.remove(4)
    bed.sync()
    assert much_read(app, "/") == []


def test_a_site_that_keeps_no_log_counts_and_shows_nothing(bed: Bed, tmp_path: Path) -> None:
    with closing(LiveIndex(bed.generations)) as live:
        site = create_app(SearchService(live, bed.analyzer), Settings(data_dir=tmp_path, query_log=False))
        assert site.test_client().get("/articles/a001", headers=BROWSER).status_code == 200
        assert much_read(site, "/") == []
    assert not (tmp_path / "queries.db").exists()
