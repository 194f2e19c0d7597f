"""Russian words, numbers, dates and cut titles."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.article import Attachment, Paragraph
from searchsvc.language.text import squeeze
from searchsvc.results import Hit, Reprint
from web.pages import parts, period, safe_url, steps
from web.words import adding_up, counted, cut, decimal, long_date, plural, reprinted

MOSCOW = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 статей"),
        (1, "1 статья"),
        (2, "2 статьи"),
        (4, "4 статьи"),
        (5, "5 статей"),
        (11, "11 статей"),
        (12, "12 статей"),
        (21, "21 статья"),
        (22, "22 статьи"),
        (111, "111 статей"),
        (1001, "1001 статья"),
        (12345, "12\u202f345 статей"),
    ],
)
def test_russian_plurals(number: int, shown: str) -> None:
    assert counted(number, "статья", "статьи", "статей") == shown


@pytest.mark.parametrize(
    ("sources", "count", "told"),
    [
        (["a"], 1, "ещё 1 источник"),
        (["a", "b"], 2, "ещё 2 источника"),
        (["a", "b", "c", "d", "e"], 5, "ещё 5 источников"),
        (["own"], 1, "ещё 1 публикация"),
        (["a", "own"], 2, "ещё 2 публикации"),
        (["a", "a", "b", "b", "c"], 5, "ещё 5 публикаций"),
        (["a", "b"], 21, "ещё 21 публикация"),  # only some are named
    ],
)
def test_reprints_are_counted_as_sources_where_each_has_its_own(
    sources: list[str], count: int, told: str
) -> None:
    folded = tuple(Reprint(str(n), "", "", None, source, "") for n, source in enumerate(sources))
    hit = Hit("x", "", "", (), (), None, None, "own", "", (), (), 1.0, reprints=folded, reprint_count=count)
    assert reprinted(hit) == told


def test_decimals_are_written_as_russians_do() -> None:
    assert [decimal(1.005), decimal(-3.456), decimal(2, 4)] == ["1,00", "\u22123,46", "2,0000"]


@given(st.lists(st.floats(-50, 50), max_size=12), st.integers(0, 4))
def test_rounded_summands_add_up_to_the_rounded_sum(values: list[float], digits: int) -> None:
    unit = 10**digits
    rounded = adding_up(values, digits)
    assert sum(round(value * unit) for value in rounded) == round(sum(values) * unit)
    for value, shown in zip(values, rounded, strict=True):
        assert abs(shown - value) < 1 / unit + 1e-9


def test_what_loses_most_by_rounding_is_rounded_up() -> None:
    assert adding_up([0.104, 0.108, 0.108], 2) == [0.1, 0.11, 0.11]
    assert adding_up([0.104, 0.108], 2, 0.22) == [0.11, 0.11]
    assert adding_up([1.0, 0.0, 2.0], 2) == [1.0, 0.0, 2.0]
    assert adding_up([], 2) == []


def test_found_agrees_in_gender() -> None:
    assert [plural(number, "найдена", "найдено", "найдено") for number in (1, 2, 5, 21)] == [
        "найдена",
        "найдено",
        "найдено",
        "найдена",
    ]


@pytest.mark.parametrize(
    ("whole", "limit", "shown"),
    [
        ("Короткий заголовок", 60, "Короткий заголовок"),
        ("Заместители директоров школ — участники", 30, "Заместители директоров школ…"),
        (
            "В Липецкой области продолжается региональный этап",
            45,
            "В Липецкой области продолжается региональный…",
        ),
        ("Слово и «ещё» слово", 9, "Слово и…"),
        ("Слово «ещё слово»", 8, "Слово…"),
        ("Длинношеееодногорбоеживотное", 10, "Длинношее…"),
        ("  Пробелы   внутри  ", 60, "Пробелы внутри"),
        ("ровно десять", 12, "ровно десять"),
        ("раз, два", 6, "раз…"),
    ],
)
def test_titles_are_cut_at_a_word(whole: str, limit: int, shown: str) -> None:
    assert cut(whole, limit) == shown


@given(st.text(max_size=200), st.integers(2, 80))
def test_a_cut_title_is_never_too_long(whole: str, limit: int) -> None:
    shown = cut(whole, limit)
    assert len(shown) <= limit
    assert shown.removesuffix("…") in squeeze(whole)


def test_dates_and_periods_in_words() -> None:
    day = datetime(2022, 8, 2, tzinfo=MOSCOW).date()
    assert long_date(day) == "2 августа 2022"
    assert period(day, None) == "с 2 августа 2022"
    assert period(None, day) == "по 2 августа 2022"
    assert period(day, day) == "2 августа 2022"
    assert period(day, day.replace(day=3)) == "с 2 августа 2022 по 3 августа 2022"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://iro.example/a", "https://iro.example/a"),
        (" http://iro.example ", "http://iro.example"),
        ("javascript:alert(1)", ""),
        ("JaVaScRiPt://iro.example/%0aalert(1)", ""),
        ("data:text/html,x", ""),
        ("//iro.example/a", ""),
        ("https:///a", ""),
        ("https://[", ""),
        ("/a", ""),
        ("", ""),
    ],
)
def test_addresses_that_may_be_links(url: str, shown: str) -> None:
    assert safe_url(url) == shown


def test_the_pager_shows_ends_and_neighbours() -> None:
    assert steps(1, 1) == (1,)
    assert steps(1, 6) == (1, 2, 3, 0, 6)
    assert steps(4, 7) == (1, 2, 3, 4, 5, 6, 7)
    assert steps(50, 100) == (1, 0, 48, 49, 50, 51, 52, 0, 100)


def test_neighbouring_files_are_one_list() -> None:
    body = (Attachment("u", "а"), Attachment("u", "б"), Paragraph("п"), Attachment("u", "в"))
    assert [(part.kind, len(part.blocks)) for part in parts(body)] == [
        ("attachments", 2),
        ("paragraph", 1),
        ("attachments", 1),
    ]
