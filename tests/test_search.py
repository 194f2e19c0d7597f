"""The service over the sample archive: what a search finds, in which order, and what it says of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from searchsvc.answer.answering import NEAR_BELOW
from searchsvc.errors import BadRequestError
from searchsvc.query.syntax import parse
from searchsvc.results import MAX_DEPTH, ResultPage, SearchRequest, Segment
from searchsvc.search import SearchService

ALL = 100
"""Rows of a page that holds every row of the sample."""


def ids(page: ResultPage) -> list[str]:
    return [hit.id for hit in page.hits]


def found(service: SearchService, text: str) -> set[str]:
    """Return the ids of the full matches of *text*."""
    page = service.search(SearchRequest(text, per_page=ALL, fold=False, correct="off"))
    return {hit.id for hit in page.hits if not hit.missing}


def plain(segments: tuple[Segment, ...]) -> str:
    return "".join(segment.text for segment in segments)


def marked(segments: tuple[Segment, ...]) -> list[str]:
    return [segment.text for segment in segments if segment.match]


# --- kin --------------------------------------------------------------------------------------


def test_a_word_without_articles_brings_those_of_its_kin_as_near_matches(
    sample_service: SearchService,
) -> None:
    page = sample_service.search(SearchRequest("директорский", per_page=ALL, fold=False))
    assert page.total == 0
    assert page.near_total == len(page.hits)
    assert found(sample_service, "директор") <= set(ids(page))
    assert {hit.missing for hit in page.hits} == {("директорский",)}
    assert not any(marked(hit.title) or marked(hit.snippet) for hit in page.hits)


def test_kin_obey_filters_and_exclusions(sample_service: SearchService) -> None:
    all_of_them = sample_service.search(SearchRequest("директорский", per_page=ALL, fold=False))
    year = next(str(hit.published.year) for hit in all_of_them.hits if hit.published)
    narrowed = sample_service.search(
        SearchRequest("директорский -школа", per_page=ALL, fold=False, filters={"year": (year,)})
    )
    assert set(ids(narrowed)) < set(ids(all_of_them))
    assert all(str(hit.published.year) == year for hit in narrowed.hits if hit.published)


def test_a_word_without_kin_brings_nothing(sample_service: SearchService) -> None:
    assert not sample_service.search(SearchRequest("зюзюка", correct="off")).hits


# --- repair -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Образовfybt", "образование"),
        ("j,hfpjdfybt", "образование"),
        ("ghbrfp vbybcnthcndf", "приказ министерства"),
        ("ghbrfp, vbybcnthcndf?", "приказ министерства"),
    ],
)
def test_a_query_in_the_wrong_layout_finds_what_was_meant(
    sample_service: SearchService, typed: str, meant: str
) -> None:
    page = sample_service.search(SearchRequest(typed, per_page=ALL, fold=False))
    wanted = sample_service.search(SearchRequest(meant, per_page=ALL, fold=False))
    assert page.total == wanted.total > 0
    assert set(ids(page)) == set(ids(wanted))
    assert page.original == typed
    assert re.sub(r"[^\w ]", "", page.effective).lower() == meant
    assert [one.original for one in page.corrections] == typed.split()
    assert {one.kind for one in page.corrections} == {"layout"}
    assert page.suggestions == ()


def test_a_repair_can_be_suggested_instead_or_left(sample_service: SearchService) -> None:
    suggested = sample_service.search(SearchRequest("ghbrfp", correct="suggest"))
    assert (suggested.total, suggested.effective, suggested.corrections) == (0, "ghbrfp", ())
    assert suggested.suggestions == ("приказ",)
    off = sample_service.search(SearchRequest("ghbrfp", correct="off"))
    assert (off.total, off.effective, off.corrections, off.suggestions) == (0, "ghbrfp", (), ())


@pytest.mark.parametrize(
    ("typed", "meant", "kind"),
    [
        ("олимпеада школьников", "олимпиада школьников", "typo"),
        ("учавствовать в канкурсе", "участвовать в конкурсе", "typo"),
        ("пед совет", "педсовет", "split"),
        ("приказминистерства", "приказ министерства", "glued"),
        ("prikaz ministerstva", "приказ министерства", "translit"),
    ],
)
def test_a_misspelt_query_finds_what_was_meant(
    sample_service: SearchService, typed: str, meant: str, kind: str
) -> None:
    page = sample_service.search(SearchRequest(typed, per_page=ALL))
    wanted = sample_service.search(SearchRequest(meant, per_page=ALL))
    assert page.effective.lower() == meant
    assert {one.kind for one in page.corrections} == {kind}
    assert ids(page) == ids(wanted) != []


def test_a_word_that_the_archive_lacks_is_not_replaced_but_another_may_be_suggested(
    sample_service: SearchService,
) -> None:
    page = sample_service.search(SearchRequest("шкода"))
    assert (page.total, page.effective, page.corrections) == (0, "шкода", ())
    assert page.suggestions == ("школа",)


def test_a_query_that_finds_something_is_not_repaired(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("worldskills"))
    assert page.total
    assert page.effective == page.original == "worldskills"
    assert page.corrections == page.suggestions == ()


def test_one_word_is_repaired_where_another_stays_unknown(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("ghbrfp абракадабра"))
    assert page.effective == "приказ абракадабра"
    assert page.total == 0
    assert all(hit.missing == ("абракадабра",) for hit in page.hits)
    assert [(word.word, word.count > 0) for word in page.words] == [("приказ", True), ("абракадабра", False)]


def test_words_in_quotes_are_not_repaired(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest('"ghbrfp vbybcnthcndf"'))
    assert (page.total, page.corrections) == (0, ())


# --- the match rule ---------------------------------------------------------------------------


def test_where_few_articles_have_all_the_words_near_ones_follow_and_say_what_they_lack(
    sample_service: SearchService,
) -> None:
    page = sample_service.search(SearchRequest("музей школа", per_page=ALL, fold=False))
    assert 0 < page.total < NEAR_BELOW
    assert page.near_total > 0
    assert page.rows == page.total + page.near_total == len(page.hits)
    assert all(hit.missing == () for hit in page.hits[: page.total])
    assert all(hit.missing in {("музей",), ("школа",)} for hit in page.hits[page.total :])
    assert set(ids(page)[: page.total]) == found(sample_service, "музей") & found(sample_service, "школа")
    assert set(ids(page)) == found(sample_service, "музей") | found(sample_service, "школа")
    assert page.words == ()


def test_where_enough_articles_have_all_the_words_no_others_are_shown(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("школа учитель", per_page=ALL, fold=False))
    assert page.total >= NEAR_BELOW
    assert page.near_total == 0
    assert page.rows == len(page.hits) == page.total
    assert all(hit.missing == () for hit in page.hits)


def test_near_matches_do_not_depend_on_the_size_of_a_page(sample_service: SearchService) -> None:
    totals = {
        (page.total, page.near_total, page.rows)
        for per_page in (1, 5, 50)
        for page in [sample_service.search(SearchRequest("музей школа", per_page=per_page))]
    }
    assert len(totals) == 1


def test_what_is_missing_is_named_as_it_was_typed(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest('Школа "гранитный карьер" !абракадаброю'))
    assert page.total == 0
    assert page.hits
    assert all(hit.missing == ("«гранитный карьер»", "абракадаброю") for hit in page.hits)
    assert [word.word for word in page.words] == [
        "Школа",
        "«гранитный карьер» подряд",
        "абракадаброю в этой форме",
    ]


def test_one_unknown_word_finds_nothing_and_says_how_often_it_occurs(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("абракадабра"))
    assert (page.total, page.near_total, page.rows, page.pages, page.hits) == (0, 0, 0, 0, ())
    assert [(word.word, word.count) for word in page.words] == [("абракадабра", 0)]


def test_stop_words_beside_others_decide_nothing(sample_service: SearchService) -> None:
    plain_query = sample_service.search(SearchRequest("музей школа", per_page=ALL, fold=False))
    wordy = sample_service.search(SearchRequest("и музей, а также в школа из-за", per_page=ALL, fold=False))
    assert (wordy.total, wordy.near_total) == (plain_query.total, plain_query.near_total)
    assert set(ids(wordy)) == set(ids(plain_query))
    assert {hit.missing for hit in wordy.hits} == {hit.missing for hit in plain_query.hits}


def test_stop_words_alone_are_looked_for(sample_service: SearchService) -> None:
    both = found(sample_service, "и на")
    assert both
    assert both == found(sample_service, "и") & found(sample_service, "на")


def test_relevance_puts_full_matches_in_falling_order_of_score(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("музей школа", per_page=ALL, fold=False))
    for part in (page.hits[: page.total], page.hits[page.total :]):
        scores = [hit.score for hit in part]
        assert scores == sorted(scores, reverse=True)


# --- paging -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["музей школа", "школа учитель", "ghbrfp vbybcnthcndf", "год:2022"])
@pytest.mark.parametrize("sort", ["relevance", "-date", "date"])
@pytest.mark.parametrize("fold", [True, False])
def test_pages_hold_every_row_once_in_one_order(
    sample_service: SearchService, text: str, sort: str, fold: bool
) -> None:
    request = SearchRequest(text, per_page=ALL, fold=fold, sort=sort)  # type: ignore[arg-type]
    whole = sample_service.search(request)
    for per_page in (1, 3, 10):
        pages = -(-whole.rows // per_page)
        rows: list[str] = []
        for number in range(1, pages + 1):
            page = sample_service.search(replace(request, page=number, per_page=per_page))
            assert (page.rows, page.pages, page.page) == (whole.rows, pages, number)
            rows += ids(page)
        assert rows == ids(whole)
        assert len(set(rows)) == len(rows) == whole.rows


def test_a_page_beyond_the_last_is_empty(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("музей", page=50))
    assert page.hits == ()
    assert page.total > 0


@pytest.mark.parametrize(
    ("request_", "parameter"),
    [
        (SearchRequest("школа", page=0), "page"),
        (SearchRequest("школа", page=-1), "page"),
        (SearchRequest("школа", per_page=0), "page"),
        (SearchRequest("школа", page=101), "page"),
        (SearchRequest("школа", page=3, per_page=500), "page"),
        (SearchRequest("школа", page=MAX_DEPTH + 1, per_page=1), "page"),
        (SearchRequest("", since=datetime(2022, 1, 2).date(), until=datetime(2022, 1, 1).date()), "from"),
    ],
)
def test_what_cannot_be_answered_as_asked_is_an_error_that_names_the_parameter(
    sample_service: SearchService, request_: SearchRequest, parameter: str
) -> None:
    with pytest.raises(BadRequestError) as caught:
        sample_service.search(request_)
    assert caught.value.parameter == parameter
    assert re.search("[а-я]", str(caught.value))


def test_the_deepest_page_is_answered(sample_service: SearchService) -> None:
    assert sample_service.search(SearchRequest("школа", page=MAX_DEPTH, per_page=1)).hits == ()
    assert sample_service.search(SearchRequest("школа", per_page=5 * MAX_DEPTH)).hits


# --- the language, answered -------------------------------------------------------------------


def test_an_excluded_word_is_in_no_answer(sample_service: SearchService) -> None:
    school, teacher = found(sample_service, "школа"), found(sample_service, "учитель")
    assert school & teacher
    assert found(sample_service, "школа -учителями") == school - teacher
    phrase = found(sample_service, '"день учителя"')
    assert phrase
    assert found(sample_service, 'учитель -"день учителя"') == teacher - phrase


def test_an_exact_word_finds_that_very_form(sample_service: SearchService) -> None:
    exact = sample_service.search(SearchRequest("!школы", per_page=ALL, fold=False))
    assert 0 < exact.total < len(found(sample_service, "школы"))
    for hit in exact.hits:
        assert {text.lower() for text in marked(hit.title) + marked(hit.snippet)} <= {"школы"}
    assert found(sample_service, "школа -!школы") == found(sample_service, "школа") - set(ids(exact))


def test_a_phrase_is_found_in_any_form_and_in_its_order_alone(sample_service: SearchService) -> None:
    phrase = found(sample_service, '"учитель года"')
    assert phrase
    assert phrase == found(sample_service, '"Учителям годов"') == found(sample_service, "«учителя года»")
    assert phrase < found(sample_service, "учитель года")
    assert found(sample_service, '"года учитель"').isdisjoint(phrase)


def test_a_field_of_the_title_looks_there_alone(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("заголовок:экзамен", per_page=ALL, fold=False))
    assert 0 < page.total < len(found(sample_service, "экзамен"))
    assert all(re.search("экзамен", plain(hit.title), re.IGNORECASE) for hit in page.hits)
    assert found(sample_service, "title:экзаменами") == set(ids(page))
    assert found(sample_service, "title:!экзаменами") == set()


def test_alternatives_find_what_any_of_them_finds(sample_service: SearchService) -> None:
    both = found(sample_service, 'музей OR "день учителя"')
    assert both == found(sample_service, "музей") | found(sample_service, '"день учителя"')


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("учащийся", "учащихся"),
        ("ребенок", "детьми"),
        ("ЕГЭ", "егэ"),
        ("EГЭ", "ЕГЭ"),  # a Latin E
        ("ребёнок", "ребенок"),
        ("образова\u0301ние", "образование"),
        ("учебно-методический", "учебно\u2011методический"),
        ("1493", "№ 1493"),
        ("27-го", "27"),
    ],
)
def test_spellings_of_one_word_find_the_same(sample_service: SearchService, one: str, other: str) -> None:
    assert found(sample_service, one) == found(sample_service, other)


def test_a_homonym_is_found_by_every_word_it_may_be(sample_service: SearchService) -> None:
    assert found(sample_service, "учиться") & found(sample_service, "учащиеся")
    banks = found(sample_service, "банки")
    assert banks == found(sample_service, "банк") | found(sample_service, "банка")


@pytest.mark.parametrize(
    "text", ["", "   ", "\u00a0", "!", "-", "- OR", '""', "«", "-школа", "🎓", "дата:.."]
)
def test_a_query_without_a_word_to_look_for_finds_nothing(sample_service: SearchService, text: str) -> None:
    page = sample_service.search(SearchRequest(text, facets=("source", "year")))
    assert (page.total, page.near_total, page.hits, page.words) == (0, 0, (), ())
    assert page.effective == page.original == text


# --- what a hit shows -------------------------------------------------------------------------


def test_a_hit_shows_its_article_with_whole_words_marked(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("музей", per_page=ALL, fold=False))
    for hit in page.hits:
        article = sample_service.article(hit.id)
        assert plain(hit.title) == article.title
        assert (hit.published, hit.modified, hit.original) == (
            article.published,
            article.modified,
            article.original,
        )
        assert (hit.source, hit.source_title) == (article.source, article.source_title)
        assert (hit.categories, hit.tags) == (article.categories, article.tags)
        assert hit.url == f"/articles/{hit.id}"
        assert hit.score > 0
        marks = marked(hit.title) + marked(hit.snippet)
        assert marks
        assert all(re.fullmatch("музе(й|я|ю|ем|е|и|ев|ям|ями|ях)", mark.lower()) for mark in marks)


def test_marks_can_be_left_out(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("музей", highlight=False))
    assert page.hits
    assert not any(marked(hit.title) or marked(hit.snippet) for hit in page.hits)


# --- any string at all ------------------------------------------------------------------------

PIECES = [
    "школа", "музей", "ghbrfp", "Образовfybt", "учебно-методический", "273-ФЗ", "1\u00a0250", "и", "OR", "-",
    "!", "title:", "тег:", "год:2022", "дата:2020..", "источник:", '"', "«", "»", " ", " ", " ", ",", "\x00",
    "\ud800", "🎓", "%", "*", "'", "\\",
]  # fmt: skip


@pytest.mark.timeout(120)
@given(
    st.lists(st.sampled_from(PIECES), max_size=10).map("".join)
    | st.text(st.characters(exclude_categories=[])),
    st.sampled_from(["relevance", "-date", "date"]),
    st.integers(1, 3),
    st.booleans(),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example("1" * 400, "relevance", 1, True)
@example("-" * 900, "relevance", 1, True)
@example("а," * 500, "relevance", 1, True)
@example(" OR ".join("абвгдежзиклмн" * 15), "relevance", 1, True)
@example('"' + "и на " * 190 + '"', "relevance", 1, True)
def test_every_string_gives_a_page(
    sample_service: SearchService, text: str, sort: str, number: int, fold: bool
) -> None:
    page = sample_service.search(
        SearchRequest(text, sort=sort, page=number, facets=("source", "category", "year"), fold=fold)  # type: ignore[arg-type]
    )
    assert isinstance(page, ResultPage)
    assert page.original == text
    assert page.effective == text or page.corrections
    articles = min(MAX_DEPTH, page.total + page.near_total)
    assert page.rows <= articles if fold else page.rows == articles
    first = (number - 1) * page.per_page
    assert len(page.hits) == max(0, min(page.per_page, page.rows - first))
    assert len(set(ids(page))) == len(page.hits)
    for place, hit in enumerate(page.hits, first):
        assert fold or bool(hit.missing) == (place >= page.total)
    assert not page.words or not page.total
    assert {facet.field for facet in page.facets} == {"source", "category", "year"}
    assert parse(page.effective).text == page.effective
