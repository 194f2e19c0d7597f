"""What a reader gets where the words, or the conditions beside them, leave nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from beds.index import Bed, draft
from beds.words import ANALYZER
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from searchsvc.generation.live import LiveIndex
from searchsvc.results import ResultPage, SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.app import create_app


@pytest.fixture
def client(sample_service: SearchService, tmp_path: Path) -> FlaskClient:
    return create_app(sample_service, Settings(data_dir=tmp_path, query_log=False)).test_client()


def page(client: FlaskClient, path: str) -> BeautifulSoup:
    """Return the page at *path*."""
    answer = client.get(quote(path, safe="/?=&+"))
    assert answer.status_code == 200
    return BeautifulSoup(answer.data, "lxml")


def text(tree: BeautifulSoup, selector: str) -> str:
    """Return the text of what *selector* finds, spaces made plain."""
    return " ".join(" ".join(tag.get_text() for tag in tree.select(selector)).split())


def titles(client: FlaskClient, path: str) -> list[str]:
    """Return the titles of a feed's entries."""
    feed = BeautifulSoup(client.get(quote(path, safe="/?=&+")).data, "xml")
    return [entry.title.get_text() for entry in feed.find_all("entry")]


# --- a repair under conditions ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant", "conditions"),
    [
        ("yfcnfdybxtcndj", "наставничество", {"since": date(2020, 1, 1), "until": date(2020, 2, 1)}),
        ("наставничиство", "наставничество", {"since": date(2020, 1, 1), "until": date(2020, 2, 1)}),
        ("nastavnichestvo", "наставничество", {"filters": {"category": ("Питание",)}}),
        ("Образовfybt раздел:Конкурсы-которых-нет", "Образование раздел:Конкурсы-которых-нет", {}),
        ("Образовfybt год:1999", "Образование год:1999", {}),
    ],
)
def test_conditions_that_leave_nothing_do_not_keep_a_query_from_its_repair(
    sample_service: SearchService, typed: str, meant: str, conditions: dict[str, Any]
) -> None:
    right = sample_service.search(SearchRequest(meant, **conditions))
    assert right.total == 0
    assert right.nearby is not None
    found = sample_service.search(SearchRequest(typed, **conditions))
    assert (found.effective, found.nearby) == (meant, right.nearby)
    assert found.corrections
    assert (found.suggestions, found.related) == ((), ())
    only_suggested = sample_service.search(SearchRequest(typed, correct="suggest", **conditions))
    assert (only_suggested.effective, only_suggested.suggestions) == (typed, (meant,))
    left = sample_service.search(SearchRequest(typed, correct="off", **conditions))
    assert (left.effective, left.suggestions) == (typed, ())


def test_what_is_only_suggested_is_suggested_under_conditions_too(sample_service: SearchService) -> None:
    free = sample_service.search(SearchRequest("олимпиады школярой"))
    assert free.suggestions
    bound = sample_service.search(SearchRequest("олимпиады школярой год:1999"))
    assert bound.suggestions == (f"{free.suggestions[0]} год:1999",)


def test_a_repaired_page_without_results_says_so_and_offers_the_way_out(client: FlaskClient) -> None:
    tree = page(client, "/search?q=наставничиство&from=2020-01-01&to=2020-02-01")
    assert text(tree, "h1") == "По запросу «наставничество» ничего не найдено"
    assert text(tree, ".corrected") == "Опечатка исправлена. Искать «наставничиство»"
    assert "за всё время (9 статей)" in text(tree, ".suggested")
    (feed,) = {str(tag["href"]) for tag in tree.select("[href^='/feed']")}
    assert feed.startswith("/feed?q=" + quote("наставничество"))


def test_a_heading_promises_no_results_for_a_repaired_query_that_no_article_answers(
    client: FlaskClient,
) -> None:
    tree = page(client, "/search?q=jkbvgbflf абракадабра")
    assert text(tree, "h1") == "По запросу «олимпиада абракадабра» нет статей со всеми словами"
    assert text(tree, ".corrected").endswith("Искать «jkbvgbflf абракадабра»")
    assert text(tree, ".near") == "Похожие результаты:"


# --- hyphenated words -------------------------------------------------------------------------------


@pytest.fixture(params=["whoosh", "tantivy"])
def hyphens(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service over articles that have parts of hyphenated words apart, and one that has a whole."""
    bed = Bed.open(tmp_path_factory.mktemp("bed"), ANALYZER, engine=request.param)
    texts = (
        "космический интернат",
        "интернатом",
        "кометы",
        "телескоп у интерната, пишут о космических полётах",
    )
    for number, words in enumerate((*texts, "ракета-носитель", "носитель и ракета", "приказ 77-ФЗ")):
        bed.archive.put(draft(number, words))
    bed.rebuild()
    with closing(LiveIndex(bed.generations)) as live:
        yield SearchService(live, ANALYZER)


def lacking(found: ResultPage) -> dict[str, tuple[str, ...]]:
    """Return what each row lacks, by the id of its article."""
    return {hit.id: hit.missing for hit in found.hits}


def test_a_hyphenated_word_that_nothing_has_is_near_by_its_parts(hyphens: SearchService) -> None:
    found = hyphens.search(SearchRequest("космический-интернат-лагерь"))
    assert (found.total, found.near_total) == (0, 3)
    assert lacking(found) == {
        "a000": ("лагерь",),
        "a001": ("космический", "лагерь"),
        "a003": ("лагерь",),
    }
    counts = [(word.word, word.count, word.part_of) for word in found.words]
    whole = "космический-интернат-лагерь"
    assert counts == [(whole, 0, ""), ("космический", 2, whole), ("интернат", 3, whole), ("лагерь", 0, whole)]


def test_all_parts_apart_are_not_the_word(hyphens: SearchService) -> None:
    found = hyphens.search(SearchRequest("телескоп-интернат"))
    assert lacking(found)["a003"] == ("телескоп-интернат",)
    assert found.hits[0].id == "a003"


def test_parts_bring_nothing_where_an_article_has_the_word_or_it_is_asked_for_as_it_is(
    hyphens: SearchService,
) -> None:
    assert lacking(hyphens.search(SearchRequest("ракета-носитель"))) == {"a004": ()}
    for typed in (
        "!космический-телескоп",
        "заголовок:космический-телескоп",
        "интернат@site.ru",
        "01.02.2003",
        "77-78",
    ):
        assert hyphens.search(SearchRequest(typed, correct="off")).hits == (), typed


def test_with_other_words_the_parts_count_as_well(hyphens: SearchService) -> None:
    found = hyphens.search(SearchRequest("комета телескоп-интернат"))
    assert lacking(found)["a002"] == ("телескоп-интернат",)
    assert lacking(found)["a001"] == ("комета", "телескоп")


def test_an_article_that_has_a_part_is_explained(hyphens: SearchService) -> None:
    found = hyphens.explain(SearchRequest("космический-лагерь"), "a000")
    assert (found.match, found.place is not None, found.missing) == ("near", True, ("лагерь",))
    far = hyphens.explain(SearchRequest("космический-лагерь"), "a002")
    assert (far.match, [one.kind for one in far.obstacles]) == ("none", ["words"])


def test_near_matches_by_parts_say_what_they_are(client: FlaskClient) -> None:
    tree = page(client, "/search?q=школа-интернат")
    assert text(tree, ".near") == "Статей со словом «школа-интернат» нет. Ниже те, где есть его части:"
    assert "без слова «интернат»" in text(tree, ".missing")
    assert "школа-интернат (не встречается), школа (" in text(tree, ".suggested")
    tree = page(client, "/search?q=экзамен школа-интернат")
    assert text(tree, ".near") == "Статей со словом «школа-интернат» нет. Похожие результаты:"


# --- words on their own -----------------------------------------------------------------------------


def links(tree: BeautifulSoup, beginning: str) -> dict[str, str]:
    """Return what the line that begins so links to, by the text of the link."""
    (line,) = (
        tag for tag in tree.select(".suggested") if " ".join(tag.get_text().split()).startswith(beginning)
    )
    return {tag.get_text(): unquote(str(tag["href"])) for tag in line.select("a")}


def test_words_on_their_own_keep_the_conditions_where_these_leave_articles(client: FlaskClient) -> None:
    tree = page(client, "/search?q=робот каникулы экзамен -абракадабра&year=2022")
    apart = links(tree, "Слова по")
    assert apart == {
        "робот": "/search?q=робот+-абракадабра&year=2022",
        "каникулы": "/search?q=каникулы",
        "экзамен": "/search?q=экзамен+-абракадабра&year=2022",
    }
    assert "каникулы (2 статьи без условий), экзамен (2 статьи)" in text(tree, ".suggested")
    for word in ("робот", "экзамен"):
        assert page(client, apart[word]).select("article.hit")
    assert links(tree, "Попробуйте:") == {
        "экзаменационный": "/search?q=экзаменационный+-абракадабра&year=2022"
    }


def test_words_say_so_where_they_drop_the_conditions(client: FlaskClient) -> None:
    tree = page(client, "/search?q=школа абракадабра&year=1999")
    assert set(links(tree, "Попробуйте без выбранных условий:")) == {"школьный", "школьник"}
    assert "67 статей без условий" in text(tree, "[aria-labelledby=words]")
    tree = page(client, "/search?q=робот каникулы экзамен")
    assert "без условий" not in text(tree, ".suggested")


def test_only_some_words_are_counted_under_the_conditions(sample_service: SearchService) -> None:
    words = " ".join(["школа", *(f"слово{number}" for number in range(20)), "экзамен"])
    found = sample_service.search(SearchRequest(f"{words} год:2022", correct="off")).words
    counted = {word.word: (word.query, word.total) for word in found if word.count}
    assert counted["школа"][0] == "школа год:2022"
    assert counted["школа"][1]
    assert counted["экзамен"] == ("экзамен", 0)


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("заголовок:25 школа", "25 в заголовке"),
        ('заголовок:"учебный год" школа', "«учебный год» подряд в заголовке"),
        ("заголовок:школа-интернат школа", "школа-интернат в заголовке"),
        ("заголовок:!школой школа", "школой в этой форме в заголовке"),
    ],
)
def test_a_word_that_is_missing_where_it_was_asked_for_is_said_to_be_missing_there(
    client: FlaskClient, typed: str, named: str
) -> None:
    assert f"{named} (не встречается)" in text(page(client, f"/search?q={typed}"), ".suggested")


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("заголовок:школа", "заголовок:школа"),
        ('title:"детский сад"', "заголовок:«детский сад»"),
        ("!школами", "!школами"),
        ('"новый год"', "«новый год»"),
        ("школа ИЛИ заголовок:!сад", "школа ИЛИ заголовок:!сад"),
    ],
)
def test_a_word_links_to_a_search_that_finds_as_many_as_are_told(
    sample_service: SearchService, typed: str, query: str
) -> None:
    found = sample_service.search(SearchRequest(f"{typed} абракадабра", correct="off")).words[0]
    assert found.query == query
    assert sample_service.search(SearchRequest(query, correct="off")).total == found.count > 0


def test_a_word_links_to_what_was_asked_of_it(client: FlaskClient) -> None:
    tree = page(client, "/search?q=заголовок:школа абракадабра школа")
    assert links(tree, "Слова по") == {
        "школа в заголовке": "/search?q=заголовок:школа",
        "школа": "/search?q=школа",
    }
    tree = page(client, "/search?q=заголовок:школа абракадабра школа&year=2022")
    assert links(tree, "Слова по")["школа в заголовке"] == "/search?q=заголовок:школа&year=2022"


# --- conditions and quotes in words ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "offered"),
    [
        ("q=наставничество тег:2022", "«Метка: 2022» (9 статей)"),
        ("q=наставничество раздел:Питание", "«Раздел: Питание» (9 статей)"),
        ("q=наставничество тег:2022&tag=2022", "«Метка: 2022» (9 статей)"),
        ("q=наставничество тег:2022&tag=2023", "«Метка» (9 статей)"),
        ("q=наставничество&category=«Питание»", "«Раздел: „Питание“» (9 статей)"),
    ],
)
def test_a_condition_to_be_dropped_is_called_by_its_value(
    client: FlaskClient, path: str, offered: str
) -> None:
    assert text(page(client, f"/search?{path}"), ".suggested") == f"Искать без условия {offered}"


def test_quotes_in_a_heading_are_nested(client: FlaskClient) -> None:
    tree = page(client, "/search?q=«учебный год» школа")
    assert re.fullmatch("По запросу «„учебный год“ школа» найден[ао] .*", text(tree, "h1"))
    near = page(client, "/search?q=«гранитный карьер» школа абракадабра&correct=off")
    assert "«„гранитный карьер“»" in text(near, ".missing")
    repaired = page(client, "/search?q=«учебный год» ирколаа&correct=auto")
    assert "««" not in repaired.get_text()


def test_a_heading_is_short_whatever_was_asked(client: FlaskClient) -> None:
    tree = page(client, "/search?q=" + "наставничество " * 60)
    assert len(text(tree, "h1")) < 130
    assert len(text(tree, "title")) < 120
    assert "…» найдено" in text(tree, "h1")
    (box,) = tree.select("#q")
    assert len(str(box["value"])) > 800


@pytest.mark.parametrize("turn", ["\u202e", "\u200f", "\u2067", "\u061c"])
def test_what_turns_the_direction_of_writing_turns_nothing_of_the_page(
    client: FlaskClient, turn: str
) -> None:
    tree = page(client, f"/search?q={turn} настав{turn}ничество")
    assert text(tree, "h1") == "По запросу «наставничество» найдено 9 статей"
    assert turn not in tree.get_text()
    assert client.get("/api/v1/search?q=" + quote(f"настав{turn}ничество")).json["total"] == 9  # type: ignore[index]
    tree = page(client, f"/search?category=Пит{turn}ание")
    assert turn not in text(tree, "title")
    assert all(
        place.parent is not None and place.parent.name == "bdi"
        for place in tree.find_all(string=re.compile(turn))
    )


# --- feeds ------------------------------------------------------------------------------------------


def test_the_feed_of_a_faulty_query_follows_its_repair(client: FlaskClient) -> None:
    for typed in ("Образовfybt", "j,hfpjdfybt"):
        assert titles(client, f"/feed?q={typed}") == titles(client, "/feed?q=образование") != []


def test_the_feed_of_a_query_that_is_meant_as_it_stands_follows_it(client: FlaskClient) -> None:
    asked = page(client, "/search?q=j,hfpjdfybt&correct=off")
    (feed,) = {str(tag["href"]) for tag in asked.select("[href^='/feed']")}
    assert feed == "/feed?q=j,hfpjdfybt&correct=off"
    assert titles(client, feed) == []


# --- help -------------------------------------------------------------------------------------------


def test_the_help_page_says_what_is_put_right_and_its_examples_do_that(client: FlaskClient) -> None:
    tree = page(client, "/help")
    sections = [" ".join(head.get_text().split()) for head in tree.select("h2")]
    for name in ("Раскладка и опечатки", "Сокращения", "Дефис и номера", "Время", "Подсказки"):
        assert name in sections
    for example in tree.select("[aria-labelledby=faults] a.query"):
        assert page(client, unquote(str(example["href"]))).select(".corrected"), example
    for example in tree.select("[aria-labelledby=periods] a.query"):
        assert "Искать только за этот период" in text(
            page(client, unquote(str(example["href"]))), ".suggested"
        )
    short, whole = (
        unquote(str(tag["href"])) for tag in tree.select("[aria-labelledby=abbreviations] a.query")
    )
    total = re.compile(r"найден[ао] \d+ стат\w+")
    assert (
        total.findall(text(page(client, short), "h1")) == total.findall(text(page(client, whole), "h1")) != []
    )


def test_each_example_of_the_help_page_finds_something_in_the_sample(client: FlaskClient) -> None:
    examples = [unquote(str(tag["href"])) for tag in page(client, "/help").select("a.query")]
    assert '/search?q=заголовок:"детский+сад"' in [example.replace("«", '"') for example in examples]
    for example in examples:
        assert page(client, example).select("article.hit"), example
