"""What holds for every answer: errors, headers, caching, the log, sub-paths, a real server."""

from __future__ import annotations

import http.client
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from email.message import Message
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
import waitress
from beds.counting import Counting
from flask import Flask
from flask.testing import FlaskClient
from test_web_pages import one, page, text

from searchsvc.analysis import Analyzer
from searchsvc.bootstrap import open_service
from searchsvc.errors import BadRequestError
from searchsvc.results import ResultPage, SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.app import create_app
from web.querylog import QueryLog

MOSCOW = timezone(timedelta(hours=3))


@pytest.fixture
def app(sample_service: SearchService, tmp_path: Path) -> Iterator[Flask]:
    """The site over the sample archive."""
    made = create_app(sample_service, Settings(data_dir=tmp_path))
    yield made
    made.extensions["query_log"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_an_unknown_article_is_a_page_with_a_search_box(client: FlaskClient) -> None:
    tree = page(client, "/articles/nowhere", status=404)
    assert text(one(tree, "h1")) == "Такой статьи здесь нет"
    assert one(tree, "main form input[name=q]")


def test_other_errors_are_russian_pages(client: FlaskClient) -> None:
    assert text(one(page(client, "/nowhere", status=404), "h1")) == "Такой страницы нет"
    answer = client.post("/search")
    assert (answer.status_code, "Так эту страницу не открыть" in answer.text) == (405, True)
    assert "GET" in answer.headers["Allow"]
    assert client.get("/", headers={"Host": "a b"}).status_code == 400


def test_a_site_without_an_index_says_when_to_come_back_and_nothing_else(
    tmp_path: Path, analyzer: Analyzer, caplog: pytest.LogCaptureFixture
) -> None:
    config = Settings(data_dir=tmp_path / "empty", query_log=False)
    service, live = open_service(config, analyzer)
    client = create_app(service, config).test_client()
    with caplog.at_level(logging.CRITICAL):
        for path in ("/", "/search?q=школа", "/articles/a", "/search"):
            answer = client.get(path, headers={"If-None-Match": '"x"'})
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "30"
            assert answer.headers["Cache-Control"] == "no-store"
            assert str(tmp_path) not in answer.text
            assert "searchsvc" not in answer.text
        assert client.get("/help").status_code == 200
        assert client.get("/healthz").text == "ok\n"
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json) == (
            503,
            {"ready": False, "degraded": False, "state": "no index"},
        )
    live.close()


class Broken:
    """A service with a defect."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("secret detail")


def test_a_defect_is_a_russian_page_and_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = create_app(
        cast(SearchService, Broken()), Settings(data_dir=tmp_path, query_log=False)
    ).test_client()
    tree = page(client, "/search?q=школа", status=500)
    assert text(one(tree, "h1")) == "Что-то сломалось"
    assert "secret" not in str(tree)
    assert "request_failed path=/search" in caplog.text
    assert "школа" not in caplog.text


class Refusing:
    """A service that finds fault with every search."""

    def pinned(self) -> Refusing:
        return self

    def search(self, request: SearchRequest) -> ResultPage:
        raise BadRequestError("q", "Так искать нельзя.")


def test_a_search_the_service_refuses_is_a_page_too(tmp_path: Path) -> None:
    config = Settings(data_dir=tmp_path, query_log=False)
    client = create_app(cast(SearchService, Refusing()), config).test_client()
    assert "Запрос не получился" in text(page(client, "/search?q=школа", status=400))


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    for path in (
        "/",
        "/search?q=школа",
        "/help",
        "/nowhere",
        "/healthz",
        "/static/style.css",
        "/api/v1/search",
    ):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self';" in policy
        assert "connect-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert "Set-Cookie" not in headers


def test_probes_and_robots(client: FlaskClient) -> None:
    assert client.get("/healthz").text == "ok\n"
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json) == (200, {"ready": True, "degraded": False, "state": "ok"})
    assert "Disallow: /search\n" in client.get("/robots.txt").text
    assert client.get("/favicon.ico").content_type.startswith("image/svg+xml")


def test_the_style_sheet_is_small_and_kept_for_long(client: FlaskClient) -> None:
    address = str(one(page(client, "/"), "link[rel=stylesheet]")["href"])
    answer = client.get(address)
    assert len(answer.data) <= 20_000
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert parse_qs(urlsplit(address).query)["v"]


# --- caching and the log -------------------------------------------------------------------


def test_an_unchanged_page_costs_no_search(sample_service: SearchService, tmp_path: Path) -> None:
    counting = Counting(sample_service)
    config = Settings(data_dir=tmp_path, query_log=False)
    client = create_app(cast(SearchService, counting), config).test_client()
    first = client.get("/search?q=школа&utm_source=mail")
    assert first.headers["Cache-Control"] == "public, no-cache"
    tag = first.headers["ETag"]
    assert not tag.startswith("W/")
    again = client.get("/search?utm_source=site&from=&q=школа", headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert counting.searches == 1
    for other in ("/search?q=школы", "/search?q=школа&page=2", "/search?q=школа&sort=date"):
        assert client.get(other, headers={"If-None-Match": tag}).status_code == 200


def test_a_tag_of_another_site_or_title_does_not_fit(sample_service: SearchService, tmp_path: Path) -> None:
    one_site = create_app(sample_service, Settings(data_dir=tmp_path, query_log=False)).test_client()
    renamed = create_app(
        sample_service, Settings(data_dir=tmp_path, query_log=False, site_title="Архив")
    ).test_client()
    tag = one_site.get("/").headers["ETag"]
    assert one_site.get("/", headers={"If-None-Match": tag}).status_code == 304
    assert renamed.get("/", headers={"If-None-Match": tag}).status_code == 200
    assert one_site.get("/", headers={"If-None-Match": tag, "Host": "other.example"}).status_code == 200


def test_a_star_does_not_make_an_unknown_article_unchanged(client: FlaskClient) -> None:
    assert client.get("/articles/nowhere", headers={"If-None-Match": "*"}).status_code == 404


def test_searches_are_logged_once_and_only_if_wanted(
    sample_service: SearchService, app: Flask, client: FlaskClient, tmp_path: Path
) -> None:
    client.get("/search?q=школа")
    client.get("/search?q=школа&page=2")
    client.head("/search?q=школа")
    client.get("/search")
    client.get("/api/v1/search?q=экзамен")
    log: QueryLog = app.extensions["query_log"]
    assert log.flush()
    top = log.top(datetime(2020, 1, 1, tzinfo=MOSCOW))
    assert {(count.query, count.count) for count in top} == {("школа", 1), ("экзамен", 1)}
    silent = create_app(sample_service, Settings(data_dir=tmp_path / "silent", query_log=False))
    silent.test_client().get("/search?q=школа")
    assert silent.extensions["query_log"] is None
    assert not (tmp_path / "silent").exists()


# --- sub-paths and a real server -----------------------------------------------------------


@pytest.mark.parametrize(
    "public", ["https://h.example/news", "https://h.example/search", "https://h.example"]
)
@pytest.mark.parametrize("stripped", [True, False])
def test_every_link_is_right_under_a_public_address(
    sample_service: SearchService, tmp_path: Path, public: str, stripped: bool
) -> None:
    config = Settings(data_dir=tmp_path, query_log=False, public_url=public)
    client = create_app(sample_service, config).test_client()
    prefix = urlsplit(public).path
    sent = "" if stripped else prefix
    for path in ("/", "/search?q=школа", "/help", "/search"):
        tree = page(client, sent + path)
        for tag in tree.select("a[href^='/'], form, link[href^='/']"):
            address = str(tag.get("href") or tag.get("action"))
            assert address.startswith(prefix + "/"), address
            arriving = address.removeprefix(prefix) if stripped else address
            assert client.get(arriving).status_code == 200, address
    canonical = str(one(page(client, f"{sent}/search?q=а"), "link[rel=canonical]")["href"])
    assert canonical == f"{public}/search?q=%D0%B0"
    body = cast(dict[str, Any], client.get(f"{sent}/api/v1/search?q=школа").json)
    assert body["links"]["next"].startswith(f"{public}/api/v1/search?")
    assert body["results"][0]["url"].startswith(f"{public}/articles/")
    assert f"Disallow: {prefix}/search" in client.get(f"{sent}/robots.txt").text


def test_the_bare_prefix_is_the_front_page(sample_service: SearchService, tmp_path: Path) -> None:
    config = Settings(data_dir=tmp_path, query_log=False, public_url="https://h.example/news")
    client = create_app(sample_service, config).test_client()
    for path in ("/news", "/news/"):
        assert "92" in text(page(client, path))
    page(client, "/newsletter", status=404)


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serve *app* with waitress on a free loopback port; the address without a last slash."""
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        with suppress(OSError):  # it may be awake, close the trigger and leave us to pull nothing
            server.trigger.pull_trigger(server.close)  # in the server's own thread
        thread.join(timeout=10)


def asked(address: str, path: str, **headers: str) -> tuple[int, Message, bytes]:
    """Return status, headers and body of a GET over a real connection."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_a_real_server_answers_pages_api_and_304(app: Flask) -> None:
    with serving(app) as address:
        path = "/search?q=%D1%88%D0%BA%D0%BE%D0%BB%D0%B0"
        status, headers, body = asked(address, path)
        assert status == 200
        assert f'href="{address}{path}"' in body.decode()
        status, _, body = asked(address, path, **{"If-None-Match": headers["ETag"]})
        assert (status, body) == (304, b"")
        status, headers, body = asked(address, f"/api/v1{path}")
        assert (status, headers["Content-Type"]) == (200, "application/json")
        assert json.loads(body)["links"]["self"] == f"{address}/api/v1{path}"


def test_bytes_that_are_no_text_break_nothing(app: Flask) -> None:
    with serving(app) as address:
        for query in ("%ff%fe", "%00", "%D1", "%F0%9F%98%80", "%ED%A0%80", "a" * 20_000, "%25%32%36"):
            assert asked(address, f"/search?q={query}")[0] == 200
            assert asked(address, f"/api/v1/search?q={query}")[0] in {200, 400}
        assert asked(address, "/articles/%ff%00")[0] == 404
        assert asked(address, "/%2e%2e/%2e%2e/etc/passwd")[0] == 404
        assert asked(address, "/static/..%2fapp.py")[0] == 404


def test_eight_readers_at_once_get_the_same_answer(app: Flask) -> None:
    with serving(app) as address, ThreadPoolExecutor(8) as readers:
        path = "/search?q=%D1%8D%D0%BA%D0%B7%D0%B0%D0%BC%D0%B5%D0%BD"
        bodies = set(readers.map(lambda _: asked(address, path)[2], range(32)))
    assert len(bodies) == 1
