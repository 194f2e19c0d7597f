"""The front page and the pages of results over a real index of the sample archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.app import create_app
from web.pages import period

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


def page(client: FlaskClient, path: str, *, status: int = 200) -> BeautifulSoup:
    """Return a page's tree, having checked what holds for every page."""
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.content_type == "text/html; charset=utf-8"
    tree = BeautifulSoup(answer.data, "lxml")
    assert one(tree, "html")["lang"] == "ru"
    assert len(tree.select("h1")) == 1
    levels = [int(heading.name[1]) for heading in tree.select("h1, h2, h3, h4, h5, h6")]
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    identifiers = [tag["id"] for tag in tree.select("[id]")]
    assert len(identifiers) == len(set(identifiers))
    own = tree.select("script:not([type='application/ld+json'])")
    assert [
        "/static/suggest.js?" in tag["src"] and tag.has_attr("defer") and not tag.text for tag in own
    ] == [True]
    return tree


def search(client: FlaskClient, query: str, **parameters: str) -> BeautifulSoup:
    tail = "".join(f"&{name.rstrip('_')}={quote(value)}" for name, value in parameters.items())
    return page(client, f"/search?q={quote(query)}{tail}")


def one(tree: BeautifulSoup | Tag, selector: str) -> Tag:
    (found,) = tree.select(selector)
    return found


def text(tree: BeautifulSoup | Tag | str) -> str:
    """Return the visible words with single plain spaces."""
    shown = tree if isinstance(tree, str) else tree.get_text(" ")
    return re.sub(r"\s+([,.:»])|(?<=«)\s+", r"\1", " ".join(shown.split()))


def titles(tree: BeautifulSoup) -> list[str]:
    return [" ".join(link.get_text().split()) for link in tree.select(".hit h3 a")]


def link(tree: BeautifulSoup | Tag, words: str) -> str:
    """Return the address of the only link whose text has *words*."""
    found = {str(tag["href"]) for tag in tree.select("a") if words in text(tag)}
    assert len(found) == 1, (words, found)
    return found.pop()


def page_links(client: FlaskClient, query: str, address: str = "") -> list[str]:
    tree = page(client, address) if address else search(client, query)
    return [str(tag["href"]) for tag in tree.select(".hit h3 a")]


# --- front page and help -------------------------------------------------------------------


def test_the_front_page_shows_how_much_there_is_and_where_to_begin(client: FlaskClient) -> None:
    tree = page(client, "/")
    assert "92 статьи из 3 источников" in text(tree)
    assert len(tree.select(".counts a")) == 8 + 3
    assert len(tree.select(".recent a")) == 6
    assert [text(tag) for tag in tree.select(".tries a")] == ["наставничество", '"итоги ЕГЭ"', "j,hfpjdfybt"]
    assert one(tree, "form[role=search] input[name=q]")


@pytest.mark.parametrize("path", ["/", "/help", "/search"])
def test_every_link_of_a_page_leads_somewhere(client: FlaskClient, path: str) -> None:
    for tag in page(client, path).select("a"):
        address = str(tag["href"])
        if address.startswith("/"):
            answer = client.get(address)
            assert answer.status_code == 200, address
            if "q=" in address:
                assert "ничего не найдено" not in answer.text, address


# --- results -------------------------------------------------------------------------------


def test_results_show_whole_words_marked_dates_sources_and_sections(client: FlaskClient) -> None:
    tree = search(client, "наставничество")
    assert text(one(tree, "h1")) == "По запросу «наставничество» найдено 9 статей"
    hit = next(hit for hit in tree.select(".hit") if "Система наставничества" in text(hit))
    assert [mark.get_text() for mark in hit.select("h3 mark")] == ["наставничества"]
    assert text(one(hit, "time")) == "2 августа 2022"
    assert str(one(hit, "time")["datetime"]).startswith("2022-08-02T")
    assert "Институт развития образования" in text(one(hit, ".meta"))
    assert one(tree, "meta[name=robots]")["content"] == "noindex,follow"


def test_a_repaired_layout_is_shown_with_the_way_back(client: FlaskClient) -> None:
    tree = search(client, "Образовfybt")
    assert text(one(tree, "h1")) == "Показаны результаты по запросу «Образование»"
    back = page(client, link(tree, "Искать «Образовfybt»"))
    assert text(one(back, "h1")) == "По запросу «Образовfybt» нет полных совпадений"  # its kin are there


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Образовfybt", "образование"),
        ("j,hfpjdfybt", "образование"),
        ("ghbrfp vbybcnthcndf", "приказ министерства"),
    ],
)
def test_wrong_layouts_find_what_the_right_one_finds(client: FlaskClient, typed: str, meant: str) -> None:
    assert titles(search(client, typed)) == titles(search(client, meant)) != []


def test_a_repair_that_is_only_suggested_is_a_link(client: FlaskClient) -> None:
    tree = search(client, "j,hfpjdfybt", correct="suggest")
    assert "ничего не найдено" in text(one(tree, "h1"))
    assert titles(page(client, link(one(tree, ".suggested"), "образование")))


def test_a_period_in_the_query_is_offered_as_a_link_that_narrows(client: FlaskClient) -> None:
    tree = search(client, "конференция август 2022")
    offer = next(line for line in tree.select(".suggested") if "период" in line.text)
    link = one(offer, "a")
    assert link.text == "август 2022"
    narrowed = page(client, str(link["href"]))
    assert "август 2022" in one(narrowed, ".chips").text
    number = re.search(r"\((\d+)", offer.text)
    assert number is not None
    assert number.group(1) in one(narrowed, "h1").text
    assert not [line for line in narrowed.select(".suggested") if "период" in line.text]


def test_a_period_with_an_open_end_is_a_link_with_one_date(client: FlaskClient) -> None:
    tree = search(client, "конференция до 2022 года")
    offer = next(line for line in tree.select(".suggested") if "период" in line.text)
    link = one(offer, "a")
    assert link.text.replace("\u00a0", " ") == "по 31 декабря 2021"
    asked = parse_qs(urlsplit(str(link["href"])).query)
    assert (asked["q"], asked["to"], "from" in asked) == (["конференция"], ["2021-12-31"], False)
    assert "по 31 декабря 2021" in one(page(client, str(link["href"])), ".chips").text.replace("\u00a0", " ")


def test_near_matches_follow_under_a_line_and_name_what_they_lack(client: FlaskClient) -> None:
    tree = search(client, "наставник робот экзамен")
    assert text(one(tree, ".near")) == "Мало статей со всеми словами. Похожие результаты:"
    full = one(tree, ".near").find_previous_siblings("article")
    assert len(full) == 1
    assert not cast(Tag, full[0]).select(".missing")
    lacking = one(tree, ".near").find_next_siblings("article")
    assert len(lacking) == 9
    assert all(cast(Tag, hit).select(".missing s") for hit in lacking)
    assert re.search(r"без слов[а]? «\w+»", text(tree))


def test_only_near_matches_are_not_sold_as_results(client: FlaskClient) -> None:
    tree = search(client, "наставничество абракадабра")
    assert text(one(tree, "h1")) == "По запросу «наставничество абракадабра» нет статей со всеми словами"
    assert text(one(tree, ".near")) == "Похожие результаты:"
    assert "без слова «абракадабра»" in text(tree)


def test_facets_count_switch_and_reset(client: FlaskClient) -> None:
    tree = search(client, "школа")
    assert [text(head) for head in tree.select(".facet h3")] == ["Раздел", "Год", "Источник", "Даты"]
    choice = one(tree, ".facet[aria-labelledby=facet-source] li:first-child")
    count = int(one(choice, ".count").find(string=True, recursive=False) or 0)
    chosen = page(client, str(one(choice, "a")["href"]))
    assert f"найдено {count} стат" in text(one(chosen, "h1"))
    selected = one(chosen, ".facet a[aria-current]")
    assert text(selected).startswith("Убрать:")
    assert titles(page(client, str(selected["href"]))) == titles(tree)
    assert titles(
        page(client, link(one(chosen, ".facet[aria-labelledby=facet-source]"), "сбросить"))
    ) == titles(tree)
    # Its own filter is left out of a facet's counts: the other sources can still be added.
    assert len(chosen.select(".facet[aria-labelledby=facet-source] .values li")) == 3


def test_a_year_and_a_category_are_both_required(client: FlaskClient) -> None:
    tree = page(client, "/search?q=школа&category=Инклюзия&year=2024")
    years = {str(tag["datetime"])[:4] for tag in tree.select(".hit time")}
    assert years == {"2024"}
    assert all("Инклюзия" in text(hit) for hit in tree.select(".hit"))
    chips = [text(chip) for chip in tree.select(".chips a")]
    assert chips == ["Убрать: Раздел: Инклюзия ×", "Убрать: Год: 2024 ×", "сбросить всё"]
    assert titles(page(client, link(tree, "сбросить всё"))) == titles(search(client, "школа"))


def test_the_date_form_keeps_the_other_conditions(client: FlaskClient) -> None:
    tree = page(client, "/search?q=школа&category=Инклюзия&sort=date&from=2020-01-01&page=1")
    form = one(tree, "form.dates")
    kept = {(str(tag["name"]), str(tag["value"])) for tag in form.select("input[type=hidden]")}
    assert kept == {("q", "школа"), ("category", "Инклюзия"), ("sort", "date")}
    assert one(form, "input[name=from]")["value"] == "2020-01-01"
    assert one(form, "input[name=to]")["value"] == ""
    assert "с 1 января 2020" in text(one(tree, ".chips"))


def test_results_sort_by_date_both_ways(client: FlaskClient) -> None:
    tree = search(client, "экзамен")
    newest = page(client, link(one(tree, ".sorts"), "новые"))
    oldest = page(client, link(one(tree, ".sorts"), "старые"))
    dates = [str(tag["datetime"])[:10] for tag in newest.select(".hit time")]
    assert dates == sorted(dates, reverse=True)
    dates = [str(tag["datetime"])[:10] for tag in oldest.select(".hit time")]
    assert dates == sorted(dates)
    assert text(one(oldest, ".sorts a[aria-current]")) == "старые"


def test_paging_runs_through_every_result_once(client: FlaskClient, sample_service: SearchService) -> None:
    whole = sample_service.search(SearchRequest("школа"))
    seen: list[str] = []
    path = "/search?q=школа"
    pages = 0
    while path:
        tree = page(client, path)
        pages += 1
        assert f"страница {pages} из {-(-whole.rows // 10)}" in text(one(tree, ".pager-now"))
        seen += [str(tag["href"]) for tag in tree.select(".hit h3 a, .reprints li a")]
        following = tree.select(".pager a[rel=next]")
        assert bool(following) == bool(tree.select("head link[rel=next]"))
        path = str(following[0]["href"]) if following else ""
    assert len(seen) == len(set(seen)) == whole.total > whole.rows


def test_sections_can_be_browsed_without_a_query_newest_first(client: FlaskClient) -> None:
    tree = page(client, link(page(client, "/"), "Наставничество"))
    assert text(one(tree, "h1")) == "Раздел: Наставничество"
    assert "Найдено 11 статей" in text(tree)
    dates = [str(tag["datetime"])[:10] for tag in tree.select(".hit time")]
    assert dates == sorted(dates, reverse=True)
    assert text(one(tree, ".sorts a[aria-current]")) == "новые"


def test_addresses_are_canonical(client: FlaskClient) -> None:
    tree = page(client, "/search?utm_source=mail&to=&year=2022&q=+школа+&sort=relevance&page=1&from=")
    assert one(tree, "link[rel=canonical]")["href"] == "http://localhost/search?" + (
        "q=%D1%88%D0%BA%D0%BE%D0%BB%D0%B0&year=2022"
    )
    for tag in tree.select("main a"):
        assert "=&" not in str(tag["href"])
        assert "utm_source" not in str(tag["href"])


@pytest.mark.parametrize(
    ("tail", "note"),
    [
        ("page=0", "Страницы «0» нет — показана первая."),
        ("page=99", "Страницы 99 нет — показана последняя, 7-я."),
        ("page=100000", "Страницы 100000 нет — показана последняя, 7-я."),
        ("from=завтра", "Дату начала «завтра» прочитать не удалось, она не учтена."),
        ("sort=x", "Такого порядка, «x», нет — показаны сначала подходящие."),
        ("from=2024-01-01&to=2019-01-01", "Начало периода было позже конца — мы поменяли даты местами."),
    ],
)
def test_wrong_parameters_are_put_right_with_a_note(client: FlaskClient, tail: str, note: str) -> None:
    tree = page(client, f"/search?q=школа&{tail}")
    assert [text(tag) for tag in tree.select(".note")] == [note]
    assert titles(tree)


def test_an_empty_query_gives_hints(client: FlaskClient) -> None:
    for path in ("/search", "/search?q=", "/search?q=%20%20&sort=date"):
        tree = page(client, path)
        assert text(one(tree, "h1")) == "Что ищем?"
        assert tree.select(".tries a")
        assert tree.select(".counts a")


# --- nothing found -------------------------------------------------------------------------


def test_nothing_found_is_said_and_is_no_dead_end(client: FlaskClient) -> None:
    answer = client.get("/search?q=фыва олдж")
    assert answer.status_code == 200
    tree = page(client, "/search?q=фыва олдж")
    assert text(one(tree, "h1")) == "По запросу «фыва олдж» ничего не найдено"
    assert "ничего не найдено" in text(one(tree, "title"))
    assert one(tree, "meta[name=robots]")["content"] == "noindex,follow"
    heads = [text(head) for head in tree.select("h2")]
    assert heads == ["Что попробовать", "Следить за темой", "Разделы", "Новые статьи"]
    assert len(tree.select(".recent a")) == 5


def test_the_nearest_time_with_articles_is_offered_with_numbers(client: FlaskClient) -> None:
    tree = search(client, "наставничество", from_="2020-01-01", to="2020-02-01", sort="date")
    assert text(one(tree, ".suggested")) == (
        "За это время таких статей нет. Ближайшее: август 2018 (1 статья), март 2022 (1 статья);"
        " за всё время (9 статей)"
    )
    assert not tree.select("#words, #advice")
    for label, number in (("август 2018", 1), ("март 2022", 1), ("за всё время", 9)):
        address = link(tree, label)
        assert "sort=date" in address
        assert len(page_links(client, "", address)) == number


def test_without_a_month_nearby_all_times_are_offered(client: FlaskClient) -> None:
    tree = search(client, "наставничество год:0000")
    assert text(one(tree, ".suggested")) == "За это время таких статей нет. За всё время (9 статей)"


def test_a_section_or_source_that_leaves_nothing_is_offered_to_be_dropped(client: FlaskClient) -> None:
    tree = search(client, "наставничество", category="Питание")
    assert text(one(tree, ".suggested")) == "Искать без условия «Раздел: Питание» (9 статей)"
    tree = search(client, "наставничество тег:нет", category="Питание", year="2001")
    assert text(one(tree, ".suggested")) == "Искать без всех условий (9 статей)"
    assert link(tree, "без всех условий") == f"/search?q={quote('наставничество')}"
    tree = page(client, f"/search?q={quote('наставничество')}&category=a&category=b")
    assert text(one(tree, ".suggested")) == "Искать без условия «Раздел» (9 статей)"


def test_words_of_the_archive_kin_to_the_query_are_offered(client: FlaskClient) -> None:
    tree = search(client, "робот каникулы экзамен")
    apart, kin = tree.select(".suggested")
    assert re.fullmatch(
        r"Слова по отдельности: робот \(\d+ стат\w+\), каникулы \(\d+ стат\w+\), экзамен \(\d+ стат\w+\)",
        text(apart),
    )
    assert text(kin).startswith("Попробуйте: робототехника, каникулярный, ")
    assert page_links(client, "", link(tree, "робототехника"))


def test_nothing_found_under_conditions_offers_to_drop_them(client: FlaskClient) -> None:
    tree = page(client, "/search?q=наставничество олимпиада&year=2001&from=2000-01-01")
    assert "ничего не найдено" in text(one(tree, "h1"))
    drop = one(tree, "section[aria-labelledby=drop]")
    assert [text(tag) for tag in drop.select("a")] == [
        "Искать без условия: с 1 января 2000 ×",
        "Искать без условия: Год: 2001 ×",
        "сбросить всё",
    ]
    assert titles(page(client, link(drop, "сбросить всё")))


def test_words_that_occur_are_counted_and_lead_to_their_articles(client: FlaskClient) -> None:
    tree = page(client, "/search?q=наставничество олимпиада&year=2001")
    words = one(tree, "section[aria-labelledby=words]")
    counts = dict(re.findall(r"(\w+) (\d+) стат", text(words)))
    assert set(counts) == {"наставничество", "олимпиада"}
    alone = page(client, link(words, "наставничество"))
    assert f"найдено {counts['наставничество']} стат" in text(one(alone, "h1"))


PIECES = (
    *('"', "«", "!", "-", "OR", "ИЛИ", "title:", "дата:", "дата:2022..", "год:", "(", "*", "\\", "\x00"),
    *("'", "<script>", "школа", "&lt;", "%", "\u202e", "{{7*7}}"),
)
HOSTILE = st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join)


@hypothesis_settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=HOSTILE)
def test_no_query_breaks_the_page(client: FlaskClient, query: str) -> None:
    answer = client.get("/search", query_string={"q": query})
    assert answer.status_code == 200
    assert "<script>" not in answer.text


@pytest.mark.parametrize("path", ["/search", "/feed"])
@pytest.mark.parametrize("days", ["from=2022&to=9999", "from=0001&to=9999", "from=9999-12-01&to=9999-12-31"])
def test_the_ends_of_the_calendar_are_days_as_others(client: FlaskClient, path: str, days: str) -> None:
    assert client.get(f"{path}?q=школа&{days}").status_code == 200


@given(st.dates(), st.dates())
def test_any_two_days_make_a_period(one: date, other: date) -> None:
    assert period(min(one, other), max(one, other))
