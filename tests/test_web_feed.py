"""Feeds of searches: what is new, as programs read it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from beds.index import Bed, draft
from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from lxml import etree

from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.app import create_app

ATOM = {"a": "http://www.w3.org/2005/Atom"}
HOSTILE = "]]></title><script>alert(1)</script> & «кавычки» \"x\" 'y' &lt;b&gt; \u200b\U0001f600"


@pytest.fixture
def client(sample_service: SearchService, tmp_path: Path) -> FlaskClient:
    return create_app(sample_service, Settings(data_dir=tmp_path, query_log=False)).test_client()


def feed(client: FlaskClient, path: str) -> etree._Element:
    """Return a feed's tree, having checked what RFC 4287 asks of every one."""
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    tree = etree.fromstring(answer.data)
    assert etree.QName(tree).localname == "feed"
    for place in (tree, *tree.findall("a:entry", ATOM)):
        for name in ("id", "title", "updated", "author"):
            assert len(place.findall(f"a:{name}", ATOM)) == 1, name
        assert datetime.fromisoformat(told(place, "updated")).tzinfo
        assert told(place, "id").startswith("http://")
        assert len(place.xpath("a:link[@rel='alternate']", namespaces=ATOM)) == 1
    identifiers = [told(entry, "id") for entry in tree.findall("a:entry", ATOM)]
    assert len(identifiers) == len(set(identifiers))
    return tree


def told(place: etree._Element, name: str) -> str:
    return str(place.findtext(f"a:{name}", namespaces=ATOM))


def entries(tree: etree._Element) -> list[etree._Element]:
    return list(tree.findall("a:entry", ATOM))


def test_a_feed_has_the_full_matches_of_its_query_the_newest_first(client: FlaskClient) -> None:
    tree = feed(client, "/feed?q=наставничество")
    found = client.get("/api/v1/search?q=наставничество&sort=-date&per_page=30").json
    assert found is not None
    assert [told(entry, "id") for entry in entries(tree)] == [hit["url"] for hit in found["results"]]
    assert len(entries(tree)) == 9
    published = [datetime.fromisoformat(told(entry, "published")) for entry in entries(tree)]
    assert published == sorted(published, reverse=True)
    assert told(tree, "title") == "наставничество — Новости образования"
    assert told(tree, "updated") == max(told(entry, "updated") for entry in entries(tree))
    first = entries(tree)[0]
    assert "наставнич" in told(first, "summary").lower()
    author = first.find("a:author", ATOM)
    assert author is not None
    assert told(author, "name") in {bucket["label"] for bucket in found["facets"]["source"]}


def test_near_matches_are_no_news(client: FlaskClient) -> None:
    near = client.get("/api/v1/search?q=робот каникулы экзамен").json
    assert near is not None
    assert near["total"] == 0 < near["near_total"]
    tree = feed(client, "/feed?q=робот каникулы экзамен")
    assert entries(tree) == []
    assert told(tree, "updated") == "1970-01-01T00:00:00+00:00"


def test_a_feed_follows_its_conditions_and_the_whole_archive_without_any(client: FlaskClient) -> None:
    narrowed = feed(client, "/feed?q=школа&year=2022&category=Наставничество&from=2022-01-01")
    assert all(told(entry, "published").startswith("2022-") for entry in entries(narrowed))
    assert told(narrowed, "title") == (
        "школа — с 1 января 2022 — Раздел: Наставничество — Год: 2022 — Новости образования"
    )
    whole = feed(client, "/feed")
    assert len(entries(whole)) == 30
    assert told(whole, "title") == "Новости образования"
    assert told(whole, "id") == "http://localhost/feed"


def test_order_and_page_do_not_matter_to_a_feed(client: FlaskClient) -> None:
    plain = feed(client, "/feed?q=школа")
    other = feed(client, "/feed?q=школа&sort=date&page=3&correct=auto&page=2")
    assert etree.tostring(plain) == etree.tostring(other)


def test_a_feed_that_has_not_changed_costs_a_304(client: FlaskClient) -> None:
    for path in ("/feed?q=школа", "/feed?q=фывапролдж"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert client.get(path).data == first.data


def test_a_reader_of_feeds_is_not_in_the_log_of_searches(
    sample_service: SearchService, tmp_path: Path
) -> None:
    app = create_app(sample_service, Settings(data_dir=tmp_path))
    for path in ("/feed?q=школа", "/feed?q=школа", "/search?q=школа"):
        assert app.test_client().get(path).status_code == 200
    app.extensions["query_log"].close()
    with closing(sqlite3.connect(tmp_path / "queries.db")) as connection:
        assert connection.execute("select count(*) from queries").fetchone() == (1,)


@pytest.mark.parametrize("query", [HOSTILE, "a]]>b", '"', "<", "&amp;", "\ufffe\x0c\x00", "школа\ud800"])
def test_no_query_breaks_a_feed(client: FlaskClient, query: str) -> None:
    feed(client, f"/feed?q={quote(query, errors='replace')}&category={quote(query, errors='replace')}")


@pytest.fixture
def hostile(tmp_path: Path, analyzer: Analyzer) -> Iterator[FlaskClient]:
    """A site over articles with titles that mean no good, one of them without a date."""
    bed = Bed.open(tmp_path / "bed", analyzer)
    for number, title in enumerate((HOSTILE, "<b>жирно</b> &nbsp;", "Вне времени")):
        article = draft(number, f"{title} запись")
        published = None if number == 2 else article.published
        bed.archive.put(replace(article, title=title, lead=title, published=published))
    bed.rebuild()
    with closing(LiveIndex(bed.generations)) as live:
        service = SearchService(live, analyzer)
        settings = Settings(data_dir=bed.folder, query_log=False, site_title="Архив <&> \x00")
        yield create_app(service, settings).test_client()


def test_hostile_titles_are_text_and_what_has_no_date_is_no_news(hostile: FlaskClient) -> None:
    tree = feed(hostile, "/feed?q=запись")
    assert [told(entry, "title") for entry in entries(tree)] == [
        "<b>жирно</b> &nbsp;",
        HOSTILE.replace("\u200b", ""),
    ]
    assert told(tree, "title") == "запись — Архив <&> "
    for entry in entries(tree):
        assert not entry.xpath(".//*[local-name()='script' or local-name()='b']")
        summary = BeautifulSoup(told(entry, "summary"), "lxml")
        assert not summary.select("script, b")
        assert "запись" in summary.get_text()


@pytest.mark.parametrize(
    ("path", "followed"),
    [
        ("/search?q=школа&sort=date&page=2&year=2022", "/feed?q=школа&year=2022"),
        ("/search?q=j,hfpjdfybt", "/feed?q=образование"),
        ("/search?q=фывапролдж", "/feed?q=фывапролдж"),
    ],
)
def test_pages_of_results_and_empty_ones_offer_the_feed_of_what_they_show(
    client: FlaskClient, path: str, followed: str
) -> None:
    tree = BeautifulSoup(client.get(path).data, "lxml")
    (offered,) = tree.select("link[rel=alternate][type='application/atom+xml']")
    visible = [tag for tag in tree.select("a") if "Подписаться" in tag.get_text()]
    assert [str(tag["href"]) for tag in visible] == [str(offered["href"])]
    assert str(offered["href"]) == quote(followed, safe="/?=&")
    assert client.get(str(offered["href"])).status_code == 200


def test_the_front_page_offers_the_feed_of_everything(client: FlaskClient) -> None:
    tree = BeautifulSoup(client.get("/").data, "lxml")
    assert [str(tag["href"]) for tag in tree.select("link[type='application/atom+xml']")] == ["/feed"]
