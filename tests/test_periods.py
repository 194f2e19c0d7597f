"""Periods in queries: which words name which days, and what an offer of them says."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchsvc.periods import find_period
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from web.pages import period

TODAY = date(2026, 11, 28)  # a Saturday


@pytest.mark.parametrize(
    ("text", "since", "until", "rest"),
    [
        ("август 2022", "2022-08-01", "2022-08-31", ""),
        ("конференция в августе 2022 года", "2022-08-01", "2022-08-31", "конференция"),
        ("май 2021", "2021-05-01", "2021-05-31", ""),
        ("итоги марта 2020", "2020-03-01", "2020-03-31", "итоги"),
        ("февраль 2024", "2024-02-01", "2024-02-29", ""),
        ("итоги ЕГЭ 2022", "2022-01-01", "2022-12-31", "итоги ЕГЭ"),
        ("за 2019 год", "2019-01-01", "2019-12-31", ""),
        ("2021/22 учебный год", "2021-09-01", "2022-08-31", ""),
        ("Школы в 2021-2022 учебном году", "2021-09-01", "2022-08-31", "Школы"),
        ("план на 2021/2022", "2021-09-01", "2022-08-31", "план"),
        ("с 2019 по 2021 год наставничество", "2019-01-01", "2021-12-31", "наставничество"),
        ("гранты 2019–2021 годов", "2019-01-01", "2021-12-31", "гранты"),
        ("олимпиада весной 2023", "2023-03-01", "2023-05-31", "олимпиада"),
        ("зима 2022", "2021-12-01", "2022-02-28", ""),
        ("линейка 1 сентября 2024 года", "2024-09-01", "2024-09-01", "линейка"),
        ("новости 12.05.2022", "2022-05-12", "2022-05-12", "новости"),
        ("сегодня", "2026-11-28", "2026-11-28", ""),
        ("позавчера", "2026-11-26", "2026-11-26", ""),
        ("новости на прошлой неделе", "2026-11-16", "2026-11-22", "новости"),
        ("на этой неделе", "2026-11-23", "2026-11-29", ""),
        ("в прошлом месяце", "2026-10-01", "2026-10-31", ""),
        ("прошлый учебный год", "2025-09-01", "2026-08-31", ""),
        ("гранты в этом году", "2026-01-01", "2026-12-31", "гранты"),
        ("за последние три месяца", "2026-08-28", "2026-11-28", ""),
        ("за последние 10 дней", "2026-11-18", "2026-11-28", ""),
        ("школа за последний год", "2025-11-28", "2026-11-28", "школа"),
    ],
)
def test_words_name_days(text: str, since: str, until: str, rest: str) -> None:
    found = find_period(text, TODAY)
    assert found is not None
    assert (found.since.isoformat(), found.until.isoformat(), found.rest) == (since, until, rest)


@pytest.mark.parametrize(
    "text",
    [
        "приказ № 1493",
        "приказ 2019",
        "приказ от 12 мая 2019 г. № 34",
        "№ 2020",
        "ФГОС 2021",
        "ЕГЭ-2024",
        "273-ФЗ",
        "31.02.2022",
        "2021/25 учебный год",
        "школа 2030",
        "школа 1812",
        "маяковский",
        '"август 2022"',
        "«итоги 2022»",
        "год:2022 школа",
        "дата:2022-05 школа",
        "12022",
        "2022.5",
        "последние 999 лет",
    ],
)
def test_other_numbers_and_quotes_name_none(text: str) -> None:
    assert find_period(text, TODAY) is None


@given(st.text(), st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1)))
def test_whatever_is_typed_gives_days_in_order_or_none(text: str, today: date) -> None:
    found = find_period(text, today)
    assert found is None or (found.since <= found.until and len(found.rest) <= len(text))


_WORDS = st.sampled_from(
    [
        "2022",
        "2021/22",
        "в",
        "за",
        "мая",
        "август",
        "12",
        "последние",
        "99",
        "лет",
        "года",
        "учебный",
        "прошлой",
        "неделе",
        "№",
        "приказ",
        "31.12.2022",
        "с",
        "по",
        "-",
    ]
)


@given(st.lists(_WORDS).map(" ".join), st.dates(min_value=date(1990, 1, 1), max_value=date(2100, 1, 1)))
def test_a_found_period_leaves_words_of_the_query(text: str, today: date) -> None:
    found = find_period(text, today)
    if found is not None:
        assert set(found.rest.split()) <= set(text.split())


# --- what is offered --------------------------------------------------------------------------


def test_a_period_is_offered_with_its_number_and_not_applied(sample_service: SearchService) -> None:
    page = sample_service.search(SearchRequest("конференция август 2022", per_page=100))
    assert page.period is not None
    narrowed = sample_service.search(
        SearchRequest(page.period.text, since=page.period.since, until=page.period.until, per_page=100)
    )
    assert page.period.total == narrowed.total > 0
    assert all(hit.published and hit.published.date() >= page.period.since for hit in narrowed.hits[:1])


def test_a_period_without_articles_is_not_offered(sample_service: SearchService) -> None:
    assert sample_service.search(SearchRequest("конференция август 1995")).period is None


def test_a_period_is_not_offered_where_one_is_chosen(sample_service: SearchService) -> None:
    chosen = SearchRequest("конференция август 2022", since=date(2022, 1, 1))
    assert sample_service.search(chosen).period is None


@pytest.mark.parametrize(
    ("since", "until", "name"),
    [
        (date(2022, 8, 1), date(2022, 8, 31), "август 2022"),
        (date(2022, 1, 1), date(2022, 12, 31), "2022 год"),
        (date(2019, 1, 1), date(2021, 12, 31), "2019–2021 годы"),
        (date(2021, 9, 1), date(2022, 8, 31), "2021/22 учебный год"),
        (date(2022, 8, 2), date(2022, 8, 31), "с 2 августа 2022 по 31 августа 2022"),
        (date(2022, 8, 2), date(2022, 8, 2), "2 августа 2022"),
    ],
)
def test_a_period_has_the_name_people_use(since: date, until: date, name: str) -> None:
    assert period(since, until).replace("\u00a0", " ") == name
