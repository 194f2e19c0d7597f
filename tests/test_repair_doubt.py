"""Words that an article or two have and no dictionary: doubted where others find many times more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO

import pytest
from beds.words import ANALYZER, vocabulary_of

from corpus.jsonl import import_rows
from indexer.pipeline import sync
from searchsvc.answer.answering import MANY_TIMES
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.correction.repair import repair_query
from searchsvc.language.text import clean
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings

ROWS = (
    {"title": "Наш педогог", "body": "Наш педогог провёл занятие d кабинете музея."},
    {"title": "Сайт Rossii", "body": "На сайте Rossii и del появились кляксографические этюды TU."},
)


@pytest.fixture
def service(own_sample: Settings) -> Iterator[SearchService]:
    """The sample with two articles that have what is mistyped elsewhere."""
    rows = [
        {"url": f"https://school5.ru/{number}/", "source": "https://school5.ru/"} | row
        for number, row in enumerate(ROWS)
    ]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    with open_archive(own_sample) as archive:
        assert not import_rows(archive, BytesIO(text), on_error="stop", clean=clean).failed
        sync(archive, open_generations(own_sample), ANALYZER)
    service, live = open_service(own_sample, ANALYZER)
    yield service
    live.close()


def test_one_article_with_a_typo_does_not_end_suggestions(service: SearchService) -> None:
    page = service.search(SearchRequest("педогог"))
    assert (page.total, page.effective, page.corrections) == (1, "педогог", ())
    assert page.suggestions == ("педагог",)
    assert service.search(SearchRequest("педагог")).total >= MANY_TIMES
    assert service.search(SearchRequest("педогог", correct="off")).suggestions == ()


def test_where_not_all_words_are_found_together_the_typo_is_suggested_away(service: SearchService) -> None:
    page = service.search(SearchRequest("педогог наставник"))
    assert (page.total, page.corrections) == (0, ())
    assert page.suggestions == ("педагог наставник",)


def test_a_small_word_in_the_other_layout_is_suggested_though_an_article_has_its_letter(
    service: SearchService,
) -> None:
    assert service.search(SearchRequest("d школе")).suggestions == ("в школе",)


def test_a_word_in_other_letters_is_read_as_the_rest_is_though_an_article_has_it(
    service: SearchService,
) -> None:
    page = service.search(SearchRequest("geografiya Rossii"))
    assert (page.effective, page.corrections[-1].kind) == ("география России", "translit")
    page = service.search(SearchRequest("ghbrfp TU'"))
    assert (page.effective, page.corrections[-1].kind) == ("приказ ЕГЭ", "layout")
    assert page.total
    alone = service.search(SearchRequest("TU'"))
    assert (alone.total, alone.suggestions) == (1, ("ЕГЭ",))


@pytest.mark.parametrize("text", ["музей", "кляксографические", "на сайте rossii и del", "школа"])
def test_words_of_the_dictionary_and_what_nothing_finds_more_than_stay(
    service: SearchService, text: str
) -> None:
    page = service.search(SearchRequest(text))
    assert page.total
    assert page.corrections == page.suggestions == ()


def test_a_vocabulary_can_doubt_words_that_few_articles_have() -> None:
    words = {"педогог": 3, "педагог": 400, "музей": 3, "фгос": 3, "1493": 3}
    doubting = vocabulary_of(words, listed=["фгос"], fewest=10)
    assert [word for word in words if not doubting.has(word)] == ["педогог"]
    found = repair_query("педогог музей фгос 1493", doubting)
    assert found is not None
    assert found.text == "педагог музей фгос 1493"
    assert repair_query("педогог музей фгос 1493", vocabulary_of(words)) is None


def offered(text: str, words: dict[str, int], listed: tuple[str, ...] = ()) -> tuple[str, bool] | None:
    found = repair_query(text, vocabulary_of(words, listed=listed))
    return found and (found.text, found.sure)


@pytest.mark.parametrize(
    ("typed", "meant"), [("еге", "ЕГЭ"), ("ЕГЕ", "ЕГЭ"), ("ФГСО", "ФГОС"), ("ЕГЭЭ", "ЕГЭ"), ("ЕГЭ", None)]
)
def test_an_abbreviation_of_the_list_is_suggested_for_one_nobody_knows(typed: str, meant: str | None) -> None:
    words = {"ЕГЭ": 30, "ФГОС": 20, "его": 60}
    assert offered(typed, words, ("ЕГЭ", "ФГОС")) == (meant and (meant, False))


def test_an_abbreviation_of_the_list_is_no_typo_of_another() -> None:
    assert offered("ОГЭ", {"ЕГЭ": 30}, ("ЕГЭ", "ОГЭ")) is None
    assert offered("ГИА", {"ГИВ": 30}) is None  # nor is what nobody has in a list meant


def test_what_is_suggested_for_a_word_of_the_dictionary_is_much_likelier() -> None:
    assert offered("шкода", {"школа": 200}) == ("школа", False)
    assert offered("офлайн", {"онлайн": 8}) is None


def test_a_word_of_the_dictionary_in_latin_letters_is_not_read_as_another() -> None:
    words = {"министерство": 40, "проведения": 90, "конкурс": 9}
    assert offered("ministerstvo prosveshcheniya", words) == ("министерство просвещения", True)
    assert offered("konkurs obrozovanie", words | {"образование": 60}) == ("конкурс образование", True)


def test_what_no_word_begins_with_is_no_name_in_the_other_layout() -> None:
    found = offered("ghbrfp ьinghjcdtotybz", {"приказ": 9})
    assert found == ("приказ ьinghjcdtotybz", True)
    assert offered("ьinghjcdtotybz", {"приказ": 9}) == ("ьштпросвещения", False)
    assert offered("Мирfvfh", {"приказ": 9}) == ("Мирамар", True)
