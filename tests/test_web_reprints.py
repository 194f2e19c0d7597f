"""Where a text was published: the first of its copies in a row of results, all of them page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from corpus.article import Article, Paragraph, Source
from indexer.pipeline import rebuild
from searchsvc.analysis import Analyzer
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.results import SHOWN_REPRINTS
from searchsvc.settings import Settings, load_settings
from web.app import create_app
from web.cli import run

COPIES = 2 * SHOWN_REPRINTS + 20
TEXT = (
    "Областной центр напоминает: заявления в летний лагерь принимают до пятницы, путёвку оплачивает "
    "область, а дорогу родители. Медицинскую справку сдают вожатым в день заезда, вещи подписывают."
)
START = datetime(2023, 5, 1, 12, tzinfo=UTC)


def article(name: str, text: str, *, day: int) -> Article:
    return Article(
        id=name,
        source=f"{name}.example",
        url=f"https://{name}.example/1",
        title=f"Лагерь {name}",
        body=(Paragraph(text),),
        published=START + timedelta(days=day),
    )


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory, analyzer: Analyzer) -> Settings:
    """Settings of one text on many sites, the first of May on c000, and over one that stands alone."""
    settings = load_settings(data_dir=tmp_path_factory.mktemp("copies"), query_log=False)
    made = [article(f"c{number:03}", TEXT, day=number // 2) for number in range(COPIES)]
    made.append(article("alone", "В лагере подняли флаг и спели песню у костра.", day=3))
    with open_archive(settings) as archive:
        with archive.batch():
            for one in made:
                archive.add_source(Source(one.source, f"https://{one.source}", "import", one.source))
                archive.put(one)
        rebuild(archive, open_generations(settings), analyzer, engine=settings.engine)
    return settings


@pytest.fixture(scope="module")
def client(copies: Settings, analyzer: Analyzer) -> Iterator[FlaskClient]:
    """A site over them."""
    service, live = open_service(copies, analyzer)
    yield create_app(service, copies).test_client()
    live.close()


def page(client: FlaskClient, address: str) -> BeautifulSoup:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return BeautifulSoup(answer.data, "html.parser")


def listed(tree: BeautifulSoup) -> list[str]:
    return [str(tag["href"]).rpartition("/")[2] for tag in tree.select(".reprints li a")]


@pytest.mark.parametrize("address", ["/search?q=заявления+в+лагерь", "/articles/c000"])
def test_the_first_copies_are_named_and_the_rest_is_a_link_away(client: FlaskClient, address: str) -> None:
    tree = page(client, address)
    assert listed(tree) == [f"c{number:03}" for number in range(1, SHOWN_REPRINTS + 1)]
    (more,) = tree.select(".more-reprints")
    assert more.get_text().startswith(f"Показаны первые {SHOWN_REPRINTS}.")
    seen: list[str] = []
    link: Any = more.a
    while link:
        tree = page(client, str(link["href"]))
        assert tree.h1 is not None
        assert tree.h1.get_text() == "Лагерь c000"
        assert f"ещё {COPIES - 1} раз" in tree.get_text()
        seen += listed(tree)
        link = tree.select_one(".pager a[rel=next]")
    assert seen == [f"c{number:03}" for number in range(1, COPIES)]


def test_the_list_of_a_copy_has_the_others_and_a_page_that_is_not_there_is_the_last(
    client: FlaskClient,
) -> None:
    assert listed(page(client, "/articles/c001/reprints?utm_source=x"))[:2] == ["c000", "c002"]
    last = page(client, "/articles/c001/reprints?page=3")
    assert len(listed(last)) == COPIES - 1 - 2 * SHOWN_REPRINTS
    assert listed(page(client, "/articles/c001/reprints?page=99")) == listed(last)
    assert listed(page(client, "/articles/c001/reprints?page=x"))[0] == "c000"
    alone = page(client, "/articles/alone/reprints")
    assert (listed(alone), "нигде не\xa0опубликован" in alone.get_text()) == ([], True)
    assert client.get("/articles/nowhere/reprints").status_code == 404


def test_the_api_gives_them_page_by_page(client: FlaskClient) -> None:
    root = "/api/v1/articles/c000"
    whole: Any = client.get(root).json
    assert whole["links"]["reprints"].endswith(f"{root}/reprints")
    seen: list[str] = []
    address: str | None = f"{root}/reprints?per_page=40"
    while address:
        body: Any = client.get(address).json
        assert (body["id"], body["total"], body["per_page"]) == ("c000", COPIES - 1, 40)
        seen += [row["id"] for row in body["results"]]
        assert (body["links"]["prev"] is None) == (body["page"] == 1)
        address = body["links"]["next"]
    assert seen == [f"c{number:03}" for number in range(1, COPIES)]
    beyond: Any = client.get(f"{root}/reprints?page=9").json
    assert (beyond["results"], beyond["links"]["next"], beyond["links"]["prev"]) == ([], None, None)
    assert set(body["results"][0]) == {"id", "url", "title", "published", "source", "source_title"}


@pytest.mark.parametrize("wrong", ["page=0", "page=a", "per_page=101", "limit=3", "page=1&page=2"])
def test_the_api_refuses_what_it_cannot_read(client: FlaskClient, wrong: str) -> None:
    answer: Any = client.get(f"/api/v1/articles/c000/reprints?{wrong}")
    assert answer.status_code == 400
    assert answer.json["errors"][0]["parameter"] == wrong.partition("=")[0]
    assert client.get("/api/v1/articles/nowhere/reprints").status_code == 404


def test_the_end_of_what_can_be_paged_to_is_said(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = 20
    monkeypatch.setattr("searchsvc.answering.MAX_DEPTH", few)
    monkeypatch.setattr("searchsvc.answering.DEEPEST", few)
    told = page(client, "/search?q=лагерь").get_text()
    assert "Дальше поиск не\xa0листает: показан" in told
    monkeypatch.undo()
    assert "Дальше поиск не\xa0листает" not in page(client, "/search?q=лагере").get_text()


def test_the_command_says_how_many_it_does_not_name(
    copies: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--data-dir", str(copies.data_dir), "query", "заявления", "в", "лагерь"]) == 0
    told = capsys.readouterr().out
    assert f"ещё {COPIES - 1} публикаций:" in told
    assert f"… и ещё {COPIES - 1 - SHOWN_REPRINTS}; все — на сайте: /articles/c000/reprints\n" in told
