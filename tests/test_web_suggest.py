"""Completion in the API and in the search box's markup."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from flask.testing import FlaskClient
from test_web_api import get, problem
from test_web_pages import one, page

from searchsvc.bootstrap import open_service
from searchsvc.language.analysis import Analyzer
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.app import code_version, create_app


@pytest.fixture
def client(sample_service: SearchService, tmp_path: Path) -> FlaskClient:
    return create_app(sample_service, Settings(data_dir=tmp_path, query_log=False)).test_client()


def test_the_answer_has_the_promised_names(client: FlaskClient, sample_service: SearchService) -> None:
    body = get(client, "suggest?q=школ")
    assert set(body) == {"query", "suggestions", "version"}
    assert (body["query"], body["version"]) == ("школ", sample_service.version())
    assert body["suggestions"][0] == {"text": "школа", "kind": "word"}
    assert len(body["suggestions"]) == 8
    assert {row["kind"] for row in body["suggestions"]} == {"word", "phrase", "title"}


def test_titles_and_categories_have_addresses_that_work(client: FlaskClient) -> None:
    answers = [get(client, f"suggest?q={typed}") for typed in ("итоги", "конкурсы")]
    rows = [row for answer in answers for row in answer["suggestions"]]
    linked = [row for row in rows if row["kind"] in {"title", "category"}]
    assert {row["kind"] for row in linked} == {"title", "category"}
    assert all(("url" in row) == (row in linked) for row in rows)
    for row in linked:
        assert row["url"].startswith("http://localhost/")
        address = urlsplit(row["url"])
        shown = client.get(f"{address.path}?{address.query}")
        assert shown.status_code == 200
        assert row["text"] in shown.text


def test_what_was_put_right_says_so(client: FlaskClient) -> None:
    assert get(client, "suggest?q=j,hfp&limit=1")["suggestions"] == [
        {"text": "образование", "kind": "word", "corrected": True}
    ]


@pytest.mark.parametrize("typed", ["", "%20", "%E2%80%A6", "щщщщ"])
def test_nothing_to_complete_is_an_empty_list(client: FlaskClient, typed: str) -> None:
    assert get(client, f"suggest?q={typed}")["suggestions"] == []


@pytest.mark.parametrize(
    ("tail", "named"),
    [
        ("q=а&page=2", ["page"]),
        ("q=а&limit=0", ["limit"]),
        ("q=а&limit=21", ["limit"]),
        ("q=а&limit=x&z=1", ["z", "limit"]),
        ("q=а&q=б", ["q"]),
        ("q=а&year=19&from=2020-02-30", ["from", "year"]),
        (f"q={'а' * 1001}", ["q"]),
    ],
)
def test_wrong_parameters_are_named(client: FlaskClient, tail: str, named: list[str]) -> None:
    body = problem(client.get(f"/api/v1/suggest?{tail}"), 400)
    assert [error["parameter"] for error in body["errors"]] == named


def test_a_space_at_the_end_is_heard(client: FlaskClient) -> None:
    texts = [row["text"] for row in get(client, "suggest?q=учитель%20&limit=20")["suggestions"]]
    assert "учитель года Верхнелужской области" in texts
    assert "учитель-логопед" not in texts
    assert "учитель-логопед" in [row["text"] for row in get(client, "suggest?q=учитель")["suggestions"]]


def test_the_filters_of_a_search_narrow_completions(client: FlaskClient) -> None:
    narrowed = "category=Инклюзия&from=2019-01-01&to=2024-12-31"
    every = get(client, "suggest?q=наставн")["suggestions"]
    some = get(client, f"suggest?q=наставн&{narrowed}")["suggestions"]
    assert len(some) < len(every)
    offered = get(client, f"suggest?q=п&{narrowed}")["suggestions"]
    assert offered
    for row in offered:
        assert get(client, f"search?q={quote(row['text'])}&{narrowed}&correct=off")["total"] > 0
    body = problem(client.get("/api/v1/suggest?q=п&from=2020-01-02&to=2020-01-01"), 422)
    assert [error["parameter"] for error in body["errors"]] == ["from"]


def test_an_answer_is_kept_and_known_by_its_tag(client: FlaskClient) -> None:
    first = client.get("/api/v1/suggest?q=школ")
    assert first.headers["Cache-Control"].startswith("public, max-age=")
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    tag = first.headers["ETag"]
    again = client.get("/api/v1/suggest?q=школ", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get("/api/v1/suggest?q=%20школ").headers["ETag"] == tag
    assert client.get("/api/v1/suggest?q=школ%20").headers["ETag"] != tag  # a word that is whole
    assert client.get("/api/v1/suggest?q=шко").headers["ETag"] != tag


def test_without_an_index_there_is_a_problem(tmp_path: Path, analyzer: Analyzer) -> None:
    settings = Settings(data_dir=tmp_path, query_log=False)
    service, live = open_service(settings, analyzer)
    problem(create_app(service, settings).test_client().get("/api/v1/suggest?q=школ"), 503)
    live.close()


def test_the_search_box_is_a_plain_form_that_knows_where_to_ask(client: FlaskClient) -> None:
    for path in ("/", f"/search?q={quote('школа')}", "/help"):
        tree = page(client, path)
        form = one(tree, "form[role=search]")
        assert form["data-suggest"] == "/api/v1/suggest"
        assert (form["method"], form["action"]) == ("get", "/search")
        box = one(form, "input[name=q]")
        assert not {"role", "aria-expanded", "aria-controls"} & set(box.attrs)  # the script's, if it runs


def test_the_script_is_served_and_a_new_one_has_a_new_address(client: FlaskClient) -> None:
    address = str(one(page(client, "/"), "script[src]")["src"])
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/javascript")
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert address.endswith(f"?v={code_version()}")
