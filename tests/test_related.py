"""Words kin to a query's: offered where nothing has all its words."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from beds.words import ANALYZER
from hypothesis import given
from hypothesis import strategies as st

from searchsvc.answer.related import SHOWN, related_words
from searchsvc.language.synonyms import Synonyms, read_entries
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from searchsvc.store.lexicon import Entry, Lexicon, Words


def related(
    query: str, archive: str, *, synonyms: Synonyms | None = None, gone: Iterable[str] = ()
) -> list[tuple[str, int]]:
    """Return what is offered for the words of *query* by an archive with an article a word of *archive*."""
    spelt = {word.lower().replace("ё", "е"): word for word in archive.split()}
    entries = sorted(
        Entry(form, spelling, archive.split().count(spelling)) for form, spelling in spelt.items()
    )
    lexicon = Lexicon(Words.build(entries[::2]), Words.build(entries[1::2]), gone)

    def frequency(lemmas: tuple[str, ...]) -> int:
        have = (word for word in archive.split() if word.lower() not in gone)
        return sum(not set(lemmas).isdisjoint(ANALYZER.lemmas(word)) for word in have)

    found = related_words(query.split(), lexicon, ANALYZER, frequency=frequency, synonyms=synonyms)
    return [(word.word, word.count) for word in found]


@pytest.mark.parametrize(
    ("query", "archive", "offered"),
    [
        ("школяр", "школы школа урок", [("школа", 2)]),
        ("школа", "школьников школьник школьный школу", [("школьник", 2), ("школьный", 1)]),
        ("учебка", "Учёбу лето", [("учёба", 1)]),
        ("наставничество", "наставниками наставничеству", [("наставник", 1)]),
        ("казанский", "казань Казани", [("Казань", 2)]),
        ("активный", "активность активности", [("активность", 2)]),
        ("творческий", "творчество", [("творчество", 1)]),
        ("робот", "робототехника", [("робототехника", 1)]),
        ("кванториумцы", "Кванториум Кванториум", [("Кванториум", 2)]),
    ],
)
def test_kin_are_offered_once_a_lemma_in_readable_form(
    query: str, archive: str, offered: list[tuple[str, int]]
) -> None:
    assert sorted(related(query, archive)) == sorted(offered)


@pytest.mark.parametrize(
    ("query", "archive"),
    [
        ("перевод", "перевозка перелёт"),
        ("проект", "проезд проём"),
        ("предмет", "предложение"),
        ("председатель", "представитель"),
        ("который", "которого котором"),
        ("1234", "12345"),
        ("ВПР", "впрок"),
        ("наставник", "наставника наставникам"),
        ("наставник", "наставнечество"),
        ("абракадабра", "школа"),
        ("наставничество", "настать настал"),
        ("интернат", "интернет"),
        ("концертный", "концерн"),
        ("землетрясение", "земля земли"),
        ("драка", "дракон"),
        ("Гарри Потер", "Гаррисон Гаррисона"),
        ("март", "Мартин"),
    ],
)
def test_what_only_begins_alike_is_not_offered(query: str, archive: str) -> None:
    assert related(query, archive) == []


def test_words_that_are_gone_are_not_offered() -> None:
    assert related("школа", "школьный школьник", gone=["школьный"]) == [("школьник", 1)]


def test_the_most_alike_come_first_and_each_word_has_its_turn() -> None:
    archive = "робототехник роботизация экзаменатор экзаменационный экзаменовать школьник школьный"
    offered = [word for word, _ in related("робот экзамен школа", archive)]
    assert len(offered) == SHOWN
    assert [word[:4] for word in offered[:3]] == ["робо", "экза", "школ"]


def test_a_short_synonym_in_force_comes_first() -> None:
    listed = Synonyms(read_entries("ЕГЭ = единый государственный экзамен", "список"), ANALYZER)
    query = "единый государственный экзамен"
    assert related(query, "ЕГЭ экзаменационный", synonyms=listed)[0] == ("ЕГЭ", 1)
    assert related(query, "экзаменационный", synonyms=listed) == [("экзаменационный", 1)]


def test_an_answer_has_them_only_where_nothing_matches_in_full(sample_service: SearchService) -> None:
    for text in ("школа", "", "наставничество год:2019"):
        assert sample_service.search(SearchRequest(text)).related == ()
    near = sample_service.search(SearchRequest("робот каникулы экзамен"))
    assert near.total == 0 < near.near_total
    assert [word.word for word in near.related[:2]] == ["робототехника", "каникулярный"]


@given(st.text(max_size=60))
def test_every_word_that_is_offered_has_hits(sample_service: SearchService, text: str) -> None:
    for word in sample_service.search(SearchRequest(text, correct="off")).related:
        assert sample_service.search(SearchRequest(word.query)).total == word.count > 0


def test_a_related_word_is_counted_with_its_synonyms(sample_service: SearchService) -> None:
    (word,) = sample_service.search(SearchRequest('"в детском саду:" 14:00.')).related
    assert (word.word, word.count) == ("детсад", 11)
