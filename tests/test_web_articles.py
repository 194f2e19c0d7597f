"""Article pages: everything of a source is shown, nothing of it is trusted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from test_web_pages import one, page, page_links, text

from corpus.article import (
    Article,
    Attachment,
    Embed,
    Heading,
    ListBlock,
    Paragraph,
    Picture,
    Quote,
    Source,
    Table,
)
from indexer.pipeline import rebuild
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.language.analysis import Analyzer
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.app import create_app

MOSCOW = timezone(timedelta(hours=3))


STRANGE = Article(
    id="strange",
    source="iro.example",
    url="https://iro.example/vektor/",
    title='Вектор "образования" <b>& тренды</b>',
    lead="Лид <script>alert(1)</script>",
    body=(
        Paragraph("Запись: https://rutube.ru/play/embed/c42df332. <img src=x onerror=alert(1)>"),
        Heading("Глубокий заголовок", 5),
        ListBlock(("первое", "второе")),
        Heading("Ещё глубже", 6),
        ListBlock(("раз", "два"), ordered=True),
        Heading("Снова наверху", 2),
        Quote("Наставничество — это отношение."),
        Table((("Район", "Школ"), ("Заречный", "12"))),
        Embed("https://www.rutube.ru/video/1/", "Запись семинара"),
        Embed("javascript:alert(1)", "Опасное видео"),
        Attachment("https://iro.example/files/prikaz.pdf?v=1", "Приказ № 1493"),
        Attachment("https://iro.example/files/%D1%82%D0%B0%D0%B1%D0%BB.xlsx", ""),
        Attachment("data:text/html,x", "Опасный файл"),
    ),
    published=datetime(2022, 8, 2, 0, 30, tzinfo=MOSCOW),
    modified=datetime(2022, 8, 5, 9, 0, tzinfo=MOSCOW),
    categories=("Наставничество",),
    tags=("ЦНППМ",),
    picture=Picture("https://iro.example/p.jpg", "Зал"),
)
UNSAFE = Article(
    id="unsafe",
    source="iro.example",
    url="https://iro.example/unsafe/",
    title="Статья с опасной картинкой",
    body=(Paragraph("Текст о наставничестве."),),
    published=datetime(2022, 8, 2, 9, tzinfo=MOSCOW),
    picture=Picture("javascript:alert(1)", "Картинка"),
)


@pytest.fixture
def client(sample_service: SearchService, tmp_path: Path) -> FlaskClient:
    return create_app(sample_service, Settings(data_dir=tmp_path, query_log=False)).test_client()


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory, analyzer: Analyzer) -> Iterator[FlaskClient]:
    """A site over two articles of a hostile source."""
    config = Settings(data_dir=tmp_path_factory.mktemp("strange"), query_log=False)
    with open_archive(config) as archive:
        archive.add_source(Source("iro.example", "https://iro.example/", "import", "Институт"))
        archive.put(STRANGE)
        archive.put(UNSAFE)
        rebuild(archive, open_generations(config), analyzer, engine="whoosh")
    service, live = open_service(config, analyzer)
    yield create_app(service, config).test_client()
    live.close()


def test_an_article_is_shown_with_its_facts_and_its_source(client: FlaskClient) -> None:
    tree = page(client, next(iter(page_links(client, "система наставничества"))))
    assert "Система наставничества" in text(one(tree, "h1"))
    assert text(one(tree, ".facts .day")) == "2 августа 2022"
    assert str(one(tree, ".original a")["href"]).startswith("https://iro.verhneluzhsk.example/2022/08/02/")
    assert one(tree, ".original a")["rel"] == ["noopener"]
    own = str(one(tree, "link[rel=canonical]")["href"])
    assert urlsplit(own).path.startswith("/articles/")
    linked = json.loads(one(tree, "script[type='application/ld+json']").get_text())
    assert linked["@type"] == "NewsArticle"
    assert linked["mainEntityOfPage"] == own
    assert one(tree, "meta[property='og:title']")["content"] == text(one(tree, "h1"))


def test_sections_and_tags_of_an_article_lead_to_their_neighbours(client: FlaskClient) -> None:
    address = page_links(client, "система наставничества")[0]
    tree = page(client, address)
    for tag in tree.select(".labels a, .tags a, .facts a"):
        found = page(client, str(tag["href"]))
        assert int(re.findall(r"айден[ао] (\d+) стат", text(found))[0]) >= 1


def test_similar_articles_have_dates_titles_cut_at_a_word_and_what_they_share(client: FlaskClient) -> None:
    address = page_links(client, "система наставничества")[0]
    rows = page(client, address).select("section[aria-labelledby=similar] li")
    assert 1 <= len(rows) <= 5
    for row in rows:
        assert re.fullmatch(r"\d\d\.\d\d\.\d{4}", text(one(row, "time")))
        assert len(text(one(row, "a"))) <= 60
        assert re.fullmatch(r"общ(ая тема|ие темы): [\w-]+(, [\w-]+){,3}", text(one(row, "p.why")))
        assert str(one(row, "a")["href"]) != address
        assert client.get(str(one(row, "a")["href"])).status_code == 200


def test_nothing_of_a_source_becomes_markup(strange: FlaskClient) -> None:
    tree = page(strange, "/articles/strange")
    assert text(one(tree, "h1")) == 'Вектор "образования" <b>& тренды</b>'
    assert not tree.select("main b, main script, img[onerror]")
    assert (
        "</script>"
        not in strange.get("/articles/strange").text.split("application/ld+json")[1].split("\n")[0][:-9]
    )


def test_only_web_addresses_become_links(strange: FlaskClient) -> None:
    for article in ("strange", "unsafe"):
        for tag in page(strange, f"/articles/{article}").select("[href], [src]"):
            address = str(tag.get("href") or tag.get("src"))
            assert address.startswith(("/", "#", "http://", "https://")), address
    assert not page(strange, "/articles/unsafe").select("main img")


def test_body_blocks_keep_their_kind(strange: FlaskClient) -> None:
    body = one(page(strange, "/articles/strange"), ".text")
    assert [text(item) for item in body.select("ul:not([class]) li")] == ["первое", "второе"]
    assert [text(item) for item in body.select("ol li")] == ["раз", "два"]
    assert text(one(body, "blockquote")) == "Наставничество — это отношение."
    table = one(body, "[role=region]")
    assert (table["tabindex"], table["aria-label"]) == ("0", "Таблица")
    assert [text(cell) for cell in table.select("th[scope=col]")] == ["Район", "Школ"]
    assert [(head.name, text(head)) for head in body.select("h2, h3, h4")] == [
        ("h2", "Глубокий заголовок"),
        ("h3", "Ещё глубже"),
        ("h2", "Снова наверху"),
    ]
    assert one(body, "p a[href^='https://rutube.ru/play/embed/c42df332']")


def test_embeds_and_files_are_links_with_what_they_are(strange: FlaskClient) -> None:
    body = one(page(strange, "/articles/strange"), ".text")
    assert not body.select("iframe, video, embed, object")
    first, second = body.select("figure.embed")
    assert text(first) == "Запись семинара Откроется на сайте RuTube"
    assert text(second) == "Опасное видео"
    assert [text(item) for item in body.select(".files li")] == [
        "Приказ № 1493 PDF",
        "табл.xlsx XLSX",
        "Опасный файл",
    ]
    assert len(body.select(".files a")) == 2


def test_the_local_day_of_the_source_is_shown_and_a_later_edit_named(strange: FlaskClient) -> None:
    facts = text(one(page(strange, "/articles/strange"), ".facts"))
    assert "2 августа 2022 изменена 5 августа 2022" in facts


def test_a_picture_is_loaded_late_without_a_referrer_and_only_there(strange: FlaskClient) -> None:
    picture = one(page(strange, "/articles/strange"), ".picture img")
    assert (picture["loading"], picture["referrerpolicy"], picture["alt"]) == ("lazy", "no-referrer", "Зал")
    policies = {
        path: strange.get(path).headers["Content-Security-Policy"]
        for path in ("/", "/articles/strange", "/articles/unsafe")
    }
    assert "img-src 'self' https: http:" in policies["/articles/strange"]
    assert "img-src 'self';" in policies["/"]
    assert "img-src 'self';" in policies["/articles/unsafe"]
