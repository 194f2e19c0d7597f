"""The JSON API over a real index of the sample archive."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from searchsvc.analysis import Analyzer
from searchsvc.bootstrap import open_service
from searchsvc.connections import Connections
from searchsvc.results import FACETS, Correction, Hit, ResultPage, SearchRequest, Segment
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.app import create_app
from web.forms import ApiRequest
from web.shapes import Links, result_json

KEYS = {
    *("query", "total", "near_total", "rows", "page", "per_page", "took_ms", "version"),
    *("results", "facets", "suggestions", "period", "nearby", "related", "links"),
}
RESULT = {
    *("id", "url", "original", "title", "snippet", "published", "modified"),
    *("source", "categories", "tags", "score"),
}


@pytest.fixture
def client(sample_service: SearchService, tmp_path: Path) -> FlaskClient:
    return create_app(sample_service, Settings(data_dir=tmp_path, query_log=False)).test_client()


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/json"
    return answer.json


def problem(answer: TestResponse, status: int) -> Any:
    """Return a problem's body, having checked what holds for every one."""
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    body = cast(dict[str, Any], json.loads(answer.data))
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    assert body["detail"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "no-store"
    return body


def words(segments: list[dict[str, Any]]) -> str:
    return "".join(segment["text"] for segment in segments)


# --- search --------------------------------------------------------------------------------


def test_a_period_that_the_query_names_is_offered(client: FlaskClient) -> None:
    offered = client.get("/api/v1/search?q=конференция август 2022").json["period"]
    assert offered["q"] == "конференция"
    assert (offered["from"], offered["to"]) == ("2022-08-01", "2022-08-31")
    narrowed = client.get(
        "/api/v1/search", query_string={key: offered[key] for key in ("q", "from", "to")}
    ).json
    assert narrowed["total"] == offered["total"] > 0
    assert narrowed["period"] is None


def test_an_open_end_of_a_period_is_null(client: FlaskClient) -> None:
    offered = client.get("/api/v1/search?q=конференция с 2022 года").json["period"]
    assert (offered["q"], offered["from"], offered["to"]) == ("конференция", "2022-01-01", None)


def test_what_conditions_leave_out_is_offered_with_what_to_ask_for_it(client: FlaskClient) -> None:
    offered = get(client, "search?q=наставничество+год:2019&category=Наставничество")["nearby"]
    assert offered == {
        "periods": [{"q": "наставничество", "from": "2022-03-01", "to": "2022-03-31", "total": 1}],
        "wider": [{"q": "наставничество", "without": ["year"], "total": 8}],
    }
    again = get(client, "search?q=наставничество&from=2022-03-01&to=2022-03-31&category=Наставничество")
    assert (again["total"], again["nearby"], again["related"]) == (1, None, [])


def test_related_words_are_told_where_nothing_matches_in_full(client: FlaskClient) -> None:
    body = get(client, "search?q=школяр&correct=off")
    assert (body["total"], body["nearby"]) == (0, None)
    assert body["related"] == [{"word": "школа", "total": get(client, "search?q=школа")["total"]}]


def test_the_answer_has_the_promised_names(client: FlaskClient) -> None:
    body = get(client, "search?q=наставничество")
    assert set(body) == KEYS
    assert body["query"] == {"original": "наставничество", "effective": "наставничество", "corrections": []}
    assert (body["total"], body["near_total"], body["rows"]) == (9, 0, 9)
    assert (body["page"], body["per_page"], body["suggestions"]) == (1, 10, [])
    assert set(body["facets"]) == {"source", "category", "year"}
    assert all(set(bucket) == {"value", "label", "count"} for bucket in body["facets"]["year"])
    for result in body["results"]:
        assert set(result) == RESULT
        assert set(result["title"][0]) == {"text", "match"}
    first = next(result for result in body["results"] if "Система наставничества" in words(result["title"]))
    assert first["url"] == f"http://localhost/articles/{first['id']}"
    assert first["original"].startswith("https://iro.verhneluzhsk.example/2022/08/02/")
    assert first["published"].startswith("2022-08-02T")
    assert [segment["text"] for segment in first["title"] if segment["match"]] == ["наставничества"]


def test_a_repaired_layout_is_told_word_by_word(client: FlaskClient) -> None:
    body = get(client, "search?q=ghbrfp+vbybcnthcndf")
    assert body["query"] == {
        "original": "ghbrfp vbybcnthcndf",
        "effective": "приказ министерства",
        "corrections": [
            {"kind": "layout", "from": "ghbrfp", "to": "приказ"},
            {"kind": "layout", "from": "vbybcnthcndf", "to": "министерства"},
        ],
    }
    assert body["total"] == get(client, "search?q=приказ+министерства")["total"] > 0


def test_a_repair_can_be_only_suggested_or_off(client: FlaskClient) -> None:
    suggested = get(client, "search?q=j,hfpjdfybt&correct=suggest")
    assert (suggested["total"], suggested["suggestions"]) == (0, ["образование"])
    off = get(client, "search?q=j,hfpjdfybt&correct=off")
    assert (off["total"], off["suggestions"]) == (0, [])


def test_near_matches_name_the_words_they_lack(client: FlaskClient) -> None:
    body = get(client, "search?q=наставник+робот+экзамен&per_page=5&fold=false")
    assert body["rows"] == body["total"] + body["near_total"]
    lacking = [result for result in body["results"] if "missing" in result]
    assert len(lacking) == 5 - body["total"]
    assert all(set(result["missing"]) < {"наставник", "робот", "экзамен"} for result in lacking)


def test_no_hits_are_an_answer(client: FlaskClient) -> None:
    for query in ("фывапролдж", ""):
        body = get(client, f"search?q={query}")
        assert (body["total"], body["results"], body["links"]["next"]) == (0, [], None)


def test_a_page_past_the_end_is_empty(client: FlaskClient) -> None:
    body = get(client, "search?q=наставничество&page=7")
    assert (body["total"], body["results"], body["page"]) == (9, [], 7)
    assert (body["links"]["next"], body["links"]["prev"]) == (None, None)


def test_paging_by_links_runs_through_everything_once(client: FlaskClient) -> None:
    path = "search?q=школа&per_page=25&facets=&fields=id,reprints"
    seen: list[str] = []
    folded: list[str] = []
    before = None
    while path:
        answer = client.get(f"/api/v1/{path}")
        body = cast(dict[str, Any], answer.json)
        seen += [result["id"] for result in body["results"]]
        folded += [reprint["id"] for result in body["results"] for reprint in result.get("reprints", ())]
        assert body["links"]["prev"] == before
        before = body["links"]["self"]
        following = body["links"]["next"]
        told = answer.headers.getlist("Link")
        assert (f'<{following}>; rel="next"' in told) == bool(following)
        path = following.partition("/api/v1/")[2] if following else ""
    assert len(seen) == body["rows"] < body["total"]
    assert len({*seen, *folded}) == len(seen) + len(folded) == body["total"]


def test_reprints_are_named_under_their_row_and_can_be_had_as_rows(client: FlaskClient) -> None:
    path = "search?q=ресурсный+класс&per_page=100"
    folded, unfolded = get(client, path), get(client, f"{path}&fold=false")
    assert (folded["total"], folded["facets"]) == (unfolded["total"], unfolded["facets"])
    assert folded["rows"] < unfolded["rows"] == len(unfolded["results"])
    (row,) = [result for result in folded["results"] if result["id"] == "c021"]
    other = next(result for result in unfolded["results"] if result["id"] == "c022")
    assert row["reprint_count"] == 1
    assert row["reprints"] == [
        {
            "id": "c022",
            "url": other["url"],
            "title": words(other["title"]),
            "published": other["published"],
            "source": other["source"],
            "source_title": "Министерство образования",
        }
    ]
    assert not any("reprints" in result or "reprint_count" in result for result in unfolded["results"])
    assert "fold=false" in unfolded["links"]["self"]
    assert "fold" not in folded["links"]["self"]


def test_filters_are_any_of_a_field_and_all_fields(client: FlaskClient) -> None:
    body = get(client, "search?q=школа&year=2022&year=2023&category=Инклюзия&per_page=100")
    assert body["total"] > 0
    for result in body["results"]:
        assert result["published"][:4] in {"2022", "2023"}
        assert "Инклюзия" in result["categories"]
    alone = get(client, "search?q=школа&category=Инклюзия")
    counted = [bucket for bucket in body["facets"]["year"] if bucket["count"]]
    assert counted == alone["facets"]["year"]


def test_dates_are_inclusive_local_days_and_order_is_by_date(client: FlaskClient) -> None:
    body = get(client, "search?q=наставничество&from=2022-08-02&to=2022-08-02")
    assert [words(result["title"])[:21] for result in body["results"]] == ["Система наставничества"[:21]]
    for sort, reverse in (("date", False), ("-date", True)):
        dates = [
            item["published"] for item in get(client, f"search?q=школа&sort={sort}&per_page=100")["results"]
        ]
        assert dates == sorted(dates, key=datetime.fromisoformat, reverse=reverse)


def test_the_caller_chooses_keys_facets_and_marks(client: FlaskClient) -> None:
    body = get(client, "search?q=наставничество&fields=title,id&facets=year&highlight=false")
    assert list(body["results"][0]) == ["id", "title"]
    assert list(body["facets"]) == ["year"]
    assert not any(segment["match"] for result in body["results"] for segment in result["title"])
    assert get(client, "search?q=наставничество&facets=")["facets"] == {}
    query = parse_qs(urlsplit(body["links"]["self"]).query)
    assert query == {
        "q": ["наставничество"],
        "facets": ["year"],
        "highlight": ["false"],
        "fields": ["id,title"],
    }


def test_a_page_of_results_is_one_read_of_the_store(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(client, "search?q=экзамен")  # by now the sources' names are known
    reads: list[str] = []
    reading = Connections.reading

    def counted(connections: Connections) -> Any:
        reads.append("read")
        return reading(connections)

    monkeypatch.setattr(Connections, "reading", counted)
    for path in ("/api/v1/search?q=школа", "/search?q=образование&year=2022"):
        reads.clear()
        assert client.get(path).status_code == 200
        assert reads == ["read"]
        assert client.get(path).status_code == 200
        assert reads == ["read"]


# --- articles ------------------------------------------------------------------------------


def test_an_article_comes_with_its_blocks(client: FlaskClient) -> None:
    found = get(client, "search?q=итоги+ЕГЭ-2017")["results"][0]
    body = get(client, f"articles/{found['id']}")
    assert {block["type"] for block in body["body"]} == {"paragraph", "table"}
    table = next(block for block in body["body"] if block["type"] == "table")
    assert table["rows"][0][0] == "Предмет"
    assert (body["url"], body["original"]) == (found["url"], found["original"])
    assert body["source_title"] == "Министерство образования"
    assert body["version"]
    assert client.get(urlsplit(body["links"]["similar"]).path).status_code == 200


def test_neighbours_are_at_most_as_many_as_wanted(client: FlaskClient) -> None:
    found = get(client, "search?q=система+наставничества")["results"][0]
    body = get(client, f"articles/{found['id']}/similar")
    assert body["id"] == found["id"]
    assert 1 <= len(body["results"]) <= 5
    assert found["id"] not in {near["id"] for near in body["results"]}
    assert set(body["results"][0]) == {"id", "url", "title", "published", "source", "score", "reasons"}
    assert "наставничество" in body["results"][0]["reasons"]
    assert get(client, f"articles/{found['id']}/similar?limit=1")["results"] == body["results"][:1]


# --- what is refused -----------------------------------------------------------------------


def test_unknown_and_wrong_parameters_are_named(client: FlaskClient) -> None:
    body = problem(client.get("/api/v1/search?q=школа&pagee=1&per_page=0&from=x"), 400)
    assert {error["parameter"] for error in body["errors"]} == {"pagee", "per_page", "from"}
    assert all(error["reason"] for error in body["errors"])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("from=2022-08-01&to=2022-01-01", "from"),
        ("page=101", "page"),
        ("page=999999999", "page"),
        ("per_page=100&page=11", "page"),
    ],
)
def test_what_makes_no_sense_is_a_422(client: FlaskClient, query: str, parameter: str) -> None:
    body = problem(client.get(f"/api/v1/search?q=школа&{query}"), 422)
    assert [error["parameter"] for error in body["errors"]] == [parameter]


def test_the_deepest_page_is_still_an_answer(client: FlaskClient) -> None:
    assert get(client, "search?q=школа&per_page=100&page=10")["results"] == []


def test_unknown_articles_and_addresses_are_404(client: FlaskClient) -> None:
    for path in ("articles/nowhere", "articles/nowhere/similar", "articles/%00%3Cb%3E", "nowhere", ""):
        problem(client.get(f"/api/v1/{path}"), 404)
    problem(client.get("/api/nowhere"), 404)


def test_articles_take_no_parameters(client: FlaskClient) -> None:
    found = get(client, "search?q=школа")["results"][0]["id"]
    assert problem(client.get(f"/api/v1/articles/{found}?q=1"), 400)["errors"][0]["parameter"] == "q"
    assert problem(client.get(f"/api/v1/articles/{found}/similar?limit=99"), 400)["errors"]


def test_other_methods_are_refused_with_what_is_allowed(client: FlaskClient) -> None:
    for method in ("post", "put", "delete", "patch"):
        answer = getattr(client, method)("/api/v1/search?q=школа")
        problem(answer, 405)
        assert "GET" in answer.headers["Allow"]


def test_without_an_index_the_answer_is_a_503_that_tells_nothing_of_the_inside(
    tmp_path: Path, analyzer: Analyzer
) -> None:
    config = Settings(data_dir=tmp_path / "empty", query_log=False)
    service, live = open_service(config, analyzer)
    client = create_app(service, config).test_client()
    for path in ("search?q=школа", "articles/a", "articles/a/similar"):
        answer = client.get(f"/api/v1/{path}")
        problem(answer, 503)
        assert answer.headers["Retry-After"] == "30"
        assert str(tmp_path) not in answer.text
        assert "rebuild" not in answer.text
    live.close()


class Broken:
    """A service with a defect."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("secret detail")


def test_a_defect_is_a_problem_without_details(tmp_path: Path) -> None:
    client = create_app(
        cast(SearchService, Broken()), Settings(data_dir=tmp_path, query_log=False)
    ).test_client()
    answer = client.get("/api/v1/search?q=школа")
    problem(answer, 500)
    assert "secret" not in answer.text


# --- protocol ------------------------------------------------------------------------------


def test_any_site_may_read_and_see_the_headers(client: FlaskClient) -> None:
    answer = client.get("/api/v1/search?q=школа", headers={"Origin": "https://other.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert {"ETag", "Link"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in answer.headers
    before = client.options("/api/v1/search", headers={"Access-Control-Request-Method": "GET"})
    assert before.status_code == 200
    assert "GET" in before.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Origin" not in client.get("/search?q=школа").headers


def test_an_unchanged_answer_is_a_304(client: FlaskClient) -> None:
    first = client.get("/api/v1/search?q=школа&per_page=5")
    tag = first.headers["ETag"]
    same = {"If-None-Match": f'"other", {tag}'}
    assert first.headers["Cache-Control"] == "public, max-age=60, stale-while-revalidate=300"
    again = client.get("/api/v1/search?per_page=5&q=школа", headers=same)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Access-Control-Allow-Origin"] == "*"
    assert client.get("/api/v1/search?q=школа&per_page=6", headers=same).status_code == 200
    assert client.get("/api/v1/search?q=школа&per_page=5&facets=", headers=same).status_code == 200


def test_head_has_the_headers_and_no_body(client: FlaskClient) -> None:
    answer = client.head("/api/v1/search?q=школа")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["ETag"]


def test_russian_stays_readable(client: FlaskClient) -> None:
    assert "Система наставничества" in client.get("/api/v1/search?q=наставничество&highlight=false").text


# --- shaping without Flask -----------------------------------------------------------------


def test_the_command_line_can_shape_the_same_answer() -> None:
    hit = Hit(
        *("a/б", "", "https://iro.example/1", (Segment("Итоги", True),), ()),
        *(datetime(2022, 8, 2, tzinfo=UTC), None, "iro.example", "ИРО", ("ЕГЭ",), (), 1.23456, ("слово",)),
    )
    page = ResultPage(
        *("bnjub", "итоги", (Correction("layout", "bnjub", "итоги"),), 0, 12, 12, 2, 5),
        *((hit,), (), (), (), "g1.2.0", 3.14159),
    )
    asked = ApiRequest(SearchRequest("bnjub", page=2, per_page=5, facets=FACETS))
    body = result_json(page, asked, Links("https://h.example/news"))
    assert set(body) == KEYS
    assert json.loads(json.dumps(body["results"])) == [
        {
            "id": "a/б",
            "url": "https://h.example/news/articles/a%2F%D0%B1",
            "original": "https://iro.example/1",
            "title": [{"text": "Итоги", "match": True}],
            "snippet": [],
            "published": "2022-08-02T00:00:00+00:00",
            "modified": None,
            "source": "iro.example",
            "categories": ["ЕГЭ"],
            "tags": [],
            "score": 1.2346,
            "missing": ["слово"],
        }
    ]
    assert body["links"]["prev"] == "https://h.example/news/api/v1/search?q=bnjub&per_page=5"
    assert body["links"]["next"] == "https://h.example/news/api/v1/search?q=bnjub&page=3&per_page=5"
