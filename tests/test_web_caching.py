"""Finished answers: given again without a search, and never from an older version than the live one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from beds.counting import Counting
from beds.index import Bed
from flask import Flask
from flask.testing import FlaskClient

from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.results import ResultPage, SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.answers import OVERHEAD, Finished, Kept
from web.app import compile_templates, create_app

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def counting(sample_service: SearchService) -> Counting:
    return Counting(sample_service)


Make = Callable[..., FlaskClient]


@pytest.fixture
def make(counting: Counting, tmp_path: Path) -> Iterator[Make]:
    """Return a function that makes clients of sites over the sample, with settings as given."""
    made: list[Flask] = []

    def client(**given: Any) -> FlaskClient:
        made.append(create_app(cast(SearchService, counting), Settings(data_dir=tmp_path, **given)))
        return made[-1].test_client()

    yield client
    for app in made:
        if app.extensions["query_log"] is not None:
            app.extensions["query_log"].close()


@pytest.fixture
def client(make: Make) -> FlaskClient:
    return make(query_log=False)


@pytest.mark.parametrize("path", ["/search", "/api/v1/search"])
def test_the_same_search_is_made_once(client: FlaskClient, counting: Counting, path: str) -> None:
    first = client.get(f"{path}?q=школа&page=2")
    again = client.get(f"{path}?q=школа&page=2")
    assert (again.status_code, again.data) == (200, first.data)
    assert list(again.headers) == list(first.headers)
    assert counting.searches == 1


def test_how_an_address_is_written_does_not_matter(client: FlaskClient, counting: Counting) -> None:
    api, page = "/api/v1/search?", "/search?"
    same = [api + "q=школа+экзамен&per_page=5", api + "per_page=5&q=%20школа%20%20экзамен%00"]
    assert len({client.get(address).data for address in same}) == counting.searches == 1
    same = [page + "q=школа&year=2022", page + "from=&year=2022&utm_source=mail&q=+школа&per_page=5"]
    assert len({client.get(address).data for address in same}) == 1
    assert counting.searches == 2


@pytest.mark.parametrize("path", ["/search", "/api/v1/search"])
def test_what_makes_another_answer_is_another_answer(
    client: FlaskClient, counting: Counting, path: str
) -> None:
    asked = [
        "школа",
        "школы",
        "школа&page=2",
        "школа&year=2022",
        "школа&year=2022&year=2023",
        "школа&sort=date",
    ]
    asked += ["", "%ff", "%25FF1", "школа&from=2022-01-01", "школа&to=2022-01-01", "школа&correct=off"]
    fresh = [client.get(f"{path}?q={query}").data for query in asked]
    kept = [client.get(f"{path}?q={query}").data for query in asked]
    assert fresh == kept
    assert len(set(fresh)) == len(asked)
    if path == "/search":  # of several values the first counts
        answers = [client.get(f"/search?q={one}&q={other}").text for one, other in ("аб", "ба")]
        assert "<title>а —" in answers[0]
        assert "<title>б —" in answers[1]


def test_every_site_has_its_own_answers(client: FlaskClient) -> None:
    for path in ("/search?q=школа", "/api/v1/search?q=школа"):
        here = client.get(path)
        there = client.get(path, headers={"Host": "other.example"})
        safe = client.get(path, base_url="https://localhost")
        below = client.get(path, base_url="http://localhost/news")
        assert len({answer.headers["ETag"] for answer in (here, there, safe, below)}) == 4
        assert "http://other.example/" in there.text
        assert "https://localhost/" in safe.text
        assert "http://localhost/news/" in below.text


def test_head_has_the_headers_of_get_and_leaves_its_body_alone(make: Make, counting: Counting) -> None:
    client = make()
    path = "/api/v1/search?q=школа&page=2"
    before = client.head(path)
    answer = client.get(path)
    after = client.head(path)
    assert counting.searches == 2
    for head in (before, after):
        assert (head.status_code, head.data) == (200, b"")
        assert {**head.headers, "Content-Length": ""} == {**answer.headers, "Content-Length": ""}
    assert int(after.headers["Content-Length"]) == len(answer.data) > 0
    assert len(answer.headers.getlist("Link")) == 2
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_kept_answer_can_be_unchanged(client: FlaskClient, counting: Counting) -> None:
    for path in ("/search?q=школа", "/api/v1/search?q=школа", "/"):
        tag = client.get(path).headers["ETag"]
        for known in (tag, f'"a", W/{tag}'):
            for ask in (client.get, client.head):
                answer = ask(path, headers={"If-None-Match": known})
                assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", tag)
                assert "Content-Security-Policy" not in answer.headers  # it would replace the page's own
        for other in ('"a"', "*", "nonsense"):
            assert client.get(path, headers={"If-None-Match": other}).status_code == 200
    assert counting.searches == 2


def test_each_search_is_logged_also_where_the_answer_was_kept(make: Make, counting: Counting) -> None:
    client = make()
    for path in ("/search?q=школа", "/api/v1/search?q=школа", "/search?q=школа&page=2"):
        for _ in range(3):
            client.get(path)
        client.head(path)
    assert counting.searches == 3
    log = client.application.extensions["query_log"]
    assert log.flush()
    (count,) = log.top(LONG_AGO)
    assert (count.query, count.count) == ("школа", 6)


def test_nothing_is_kept_where_that_is_switched_off(make: Make, counting: Counting) -> None:
    client = make(query_log=False, answer_cache_mb=0)
    first, again = (client.get("/search?q=школа") for _ in range(2))
    assert first.data == again.data
    assert first.headers["ETag"] == again.headers["ETag"]
    assert counting.searches == 2


class Refusing:
    """A service that has trouble as long as it is told to."""

    def __init__(self, service: SearchService) -> None:
        self._service = service
        self.trouble = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def pinned(self) -> Refusing:
        return self

    def search(self, request: SearchRequest) -> ResultPage:
        if self.trouble:
            raise RuntimeError("defect")
        return self._service.search(request)


def test_errors_are_not_kept(sample_service: SearchService, tmp_path: Path) -> None:
    service = Refusing(sample_service)
    client = create_app(
        cast(SearchService, service), Settings(data_dir=tmp_path, query_log=False)
    ).test_client()
    for path in ("/search?q=школа", "/api/v1/search?q=школа"):
        service.trouble = True
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (500, "no-store")
        assert "ETag" not in answer.headers
        service.trouble = False
        assert client.get(path).status_code == 200
    for path, status in (("/api/v1/search?per_page=0", 400), ("/articles/nowhere", 404), ("/nowhere", 404)):
        assert [client.get(path).status_code for _ in range(2)] == [status] * 2
    assert [client.post("/api/v1/search?q=школа").status_code for _ in range(2)] == [405] * 2


def test_templates_can_be_compiled_before_anybody_asks(client: FlaskClient) -> None:
    app = client.application
    compile_templates(app)
    cached = cast(Any, app.jinja_env.cache)
    assert {name for _, name in cached} >= set(app.jinja_env.list_templates()) >= {"search.html"}


# --- the bound -----------------------------------------------------------------------------


def finished(size: int) -> Finished:
    return Finished([], b"x" * (size - OVERHEAD), None)


def test_answers_are_kept_up_to_a_number_of_bytes_the_least_asked_for_go() -> None:
    kept = Kept(30_000)
    assert kept.get("1", "") is None
    for tag in "abc":
        kept.put("1", tag, finished(10_000))
    assert kept.size == 30_000
    assert kept.get("1", "a")
    kept.put("1", "d", finished(10_000))
    assert [tag for tag in "abcd" if kept.get("1", tag)] == ["a", "c", "d"]
    kept.put("1", "large", finished(30_001))
    assert kept.get("1", "large") is None
    assert kept.size == 30_000


def test_a_new_version_ends_all_answers_of_the_one_before() -> None:
    kept = Kept(30_000)
    kept.get("1", "")
    kept.put("1", "a", finished(10_000))
    assert kept.get("2", "b") is None
    assert kept.size == 0
    kept.put("1", "a", finished(10_000))  # it was being made while the version changed
    assert kept.size == 0


def test_a_site_keeps_no_more_than_it_was_told(make: Make) -> None:
    client = make(query_log=False, answer_cache_mb=1)
    kept = cast(Any, client.application.wsgi_app).kept
    largest = 0
    for number in range(40):
        client.get(
            f"/api/v1/search?q=школа&per_page=100&page={1 + number % 3}&from=2001-01-{1 + number % 28:02}"
        )
        assert kept.size <= 1_000_000
        largest = max(largest, kept.size)
    assert largest > 800_000


# --- versions ------------------------------------------------------------------------------


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Bed:
    made = Bed.open(tmp_path / "bed", analyzer)
    made.put(range(5))
    made.rebuild()
    return made


@pytest.fixture
def live(bed: Bed) -> Iterator[LiveIndex]:
    with closing(LiveIndex(bed.generations)) as opened:
        yield opened


@pytest.fixture
def changing(bed: Bed, live: LiveIndex) -> FlaskClient:
    """A client of a site whose index changes."""
    service = SearchService(live, bed.analyzer)
    return create_app(service, Settings(data_dir=bed.folder, query_log=False)).test_client()


def test_a_withdrawn_article_is_gone_with_the_next_answer(bed: Bed, changing: FlaskClient) -> None:
    paths = ("/search?q=запись", "/api/v1/search?q=запись", "/")
    before = {path: changing.get(path) for path in paths}
    assert changing.get("/articles/a003").status_code == 200
    assert all("/articles/a003" in answer.text for answer in before.values())
    bed.remove(3)
    bed.sync()
    for path, old in before.items():
        tag = old.headers["ETag"]
        now = changing.get(path, headers={"If-None-Match": tag})
        assert now.status_code == 200
        assert now.headers["ETag"] != tag
        assert "/articles/a003" not in now.text
        assert changing.get(path).data == now.data
    assert changing.get("/articles/a003").status_code == 404


def test_a_purge_and_a_rebuild_end_what_was_kept(bed: Bed, changing: FlaskClient) -> None:
    def found() -> Any:
        return cast(Any, changing.get("/api/v1/search?q=запись&facets=").json)

    assert found()["total"] == 5
    bed.purge("a001")
    assert found()["total"] == 4
    before = found()["version"]
    bed.rebuild()
    assert found()["version"] != before


def test_no_reader_gets_an_older_version_than_the_live_one(
    bed: Bed, live: LiveIndex, changing: FlaskClient
) -> None:
    app, over = changing.application, threading.Event()

    def sequence(version: str) -> int:
        return int(version.split(".")[1])

    def read(_: int) -> int:
        client, answers = app.test_client(), 0
        while not over.is_set() or not answers:
            before = sequence(live.view().version)
            body = json.loads(client.get("/api/v1/search?q=правка&per_page=50").data)
            after = sequence(live.view().version)
            assert before <= sequence(body["version"]) <= after
            # The archive begins with five changes, each later one gives one more article the word.
            assert body["total"] == len(body["results"]) == sequence(body["version"]) - first
            answers += 1
        return answers

    first = sequence(live.view().version)
    with ThreadPoolExecutor(4) as readers:
        reading = [readers.submit(read, number) for number in range(4)]
        try:
            for number in range(10, 16):
                bed.put([number], "правка")
                bed.sync()
        finally:
            over.set()
        assert all(future.result() for future in reading)
