"""Completions that fit: the filters in force, the space that was typed, the words that stand before."""

from __future__ import annotations

from datetime import date

import pytest
from test_suggest import texts

from searchsvc.errors import BadRequestError
from searchsvc.language.analysis import Analyzer
from searchsvc.language.grammar import governs
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.wording import key_of
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService

NARROWED = (
    SearchRequest("", filters={"category": ("Инклюзия",)}),
    SearchRequest("", filters={"category": ("наставничество",), "year": ("2022", "2023")}),
    SearchRequest("", filters={"source": ("iro.verhneluzhsk.example",)}, since=date(2020, 1, 1)),
    SearchRequest("", until=date(2015, 12, 31)),
)


# --- filters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("narrowed", NARROWED)
def test_under_filters_only_what_has_articles_there_is_offered(
    sample_service: SearchService, narrowed: SearchRequest
) -> None:
    for typed in ("наставн", "п", "шко", "в ш", "школьное п", "учитель ", "j,hfp", '"итоги ЕГЭ" ш'):
        for one in sample_service.suggest(typed, narrowed=narrowed):
            asked = SearchRequest(
                one.text,
                filters=narrowed.filters,
                since=narrowed.since,
                until=narrowed.until,
                correct="off",
            )
            assert sample_service.search(asked).total > 0, (typed, one)
            assert one.kind in {"word", "phrase"}


def test_under_filters_there_are_completions(sample_service: SearchService) -> None:
    narrowed = SearchRequest("", filters={"category": ("Конкурсы и олимпиады",)})
    assert [one.text for one in sample_service.suggest("наставн", narrowed=narrowed)] == ["наставник"]
    found = [one.text for one in sample_service.suggest("школьн", narrowed=narrowed)]
    assert {"школьный", "школьный музей", "школьный этап"} <= set(found)


def test_a_filter_by_a_name_where_names_are_off_is_refused(sample_service: SearchService) -> None:
    with pytest.raises(BadRequestError):
        sample_service.suggest("шк", narrowed=SearchRequest("", filters={"person": ("Иван Иванов",)}))


# --- the space --------------------------------------------------------------------------------


def test_behind_a_space_a_further_word_is_offered_and_the_word_before_stays(
    sample_service: SearchService,
) -> None:
    for typed in ("учитель ", "итоги ", "в ", "школа молодого  ", "конкурс\t"):
        found = texts(sample_service, typed)
        assert found
        assert all(key_of(one).startswith(f"{key_of(typed)} ") for one in found), found
    assert "учитель-логопед" in texts(sample_service, "учитель")
    assert "итоги ЕГЭ" in texts(sample_service, "итоги ")


@pytest.mark.parametrize("typed", ['"итоги ', "заголовок:школа ", "год:2022 ", "щщщ ", "-школа ", " "])
def test_behind_a_space_that_ends_no_plain_words_nothing_is_offered(
    sample_service: SearchService, typed: str
) -> None:
    assert sample_service.suggest(typed) == ()


# --- the words before -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["учитель уч", "школа шк", "конкурс кон", "педагог в пед", "школа учитель шко"]
)
def test_no_word_that_stands_before_is_offered_again(
    sample_service: SearchService, analyzer: Analyzer, typed: str
) -> None:
    found = sample_service.suggest(typed, 20)
    assert found
    for one in found:
        lemmas = [analyzer.lemmas(word)[0] for word in key_of(one.text).split() if word not in STOP_WORDS]
        if one.kind != "title":
            assert len(set(lemmas)) == len(lemmas), one


@pytest.mark.parametrize("typed", ["за прошл", "для ре", "к шк", "о шко", "без уч"])
def test_behind_a_preposition_words_are_in_a_case_it_asks_for(
    sample_service: SearchService, analyzer: Analyzer, typed: str
) -> None:
    found = texts(sample_service, typed, "word")
    assert found
    for one in found:
        before, word = one.split()
        assert governs(before, word, analyzer), one


def test_what_a_preposition_asks_for(analyzer: Analyzer) -> None:
    assert governs("для", "ребёнка", analyzer)
    assert not governs("для", "ребёнок", analyzer)
    assert governs("школа", "ребёнок", analyzer)
    assert governs("для", "Word", analyzer)


@pytest.mark.parametrize("typed", ["C+", "C++", "C#", "школа C+"])
def test_a_name_with_a_mark_at_its_end_is_no_letter_of_another_layout(
    sample_service: SearchService, typed: str
) -> None:
    assert sample_service.suggest(typed) == ()
