"""The query language: every string has a tree, and every node knows where it came from."""

from __future__ import annotations

import re
import time
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from searchsvc.query.syntax import (
    MAX_CLAUSES,
    MAX_LENGTH,
    QUOTES,
    Alternatives,
    Clause,
    DateFilter,
    Exclusion,
    Filter,
    Phrase,
    Query,
    Word,
    parse,
    parse_days,
)


def written(clause: Clause) -> str:
    """Write a clause as the tables do."""
    match clause:
        case Word():
            return f"{'title:' * clause.title}{'!' * clause.exact}{clause.text}"
        case Phrase():
            return f"{'title:' * clause.title}«{clause.text}»"
        case Alternatives():
            return "(" + " | ".join(map(written, clause.options)) + ")"
        case Exclusion():
            return f"-{written(clause.clause)}"
        case Filter():
            return f"{clause.field}={clause.value}"
        case DateFilter():
            return f"{clause.since or ''}..{clause.until or ''}"


LANGUAGE = {
    "слово": ["слово"],
    "слово и ещё": ["слово", "и", "ещё"],
    '"слова рядом"': ["«слова рядом»"],
    "«слова рядом»": ["«слова рядом»"],
    "„слова“ “рядом”": ["«слова»", "«рядом»"],
    "!слово": ["!слово"],
    "-слово": ["-слово"],
    '-"слова рядом"': ["-«слова рядом»"],
    "-«слова рядом»": ["-«слова рядом»"],
    "-!слово": ["-!слово"],
    "−слово –другое": ["-слово", "-другое"],  # a real minus, a dash
    "а OR б": ["(а | б)"],
    "а ИЛИ б": ["(а | б)"],
    "а | б || в": ["(а | б | в)"],
    'а OR "б в" OR !г': ["(а | «б в» | !г)"],
    "а б OR в г": ["а", "(б | в)", "г"],
    "заголовок:слово": ["title:слово"],
    "title:слово": ["title:слово"],
    'Заголовок:"слова рядом"': ["title:«слова рядом»"],
    "title:!слово": ["title:!слово"],
    "title:а OR title:б": ["(title:а | title:б)"],
    "источник:школа5.рф": ["source=школа5.рф"],
    'source:"Институт развития"': ["source=Институт развития"],
    "категория:«Новости школ» раздел:ЕГЭ": ["category=Новости школ", "category=ЕГЭ"],
    "тег:егэ метка:огэ tag:впр": ["tag=егэ", "tag=огэ", "tag=впр"],
    "ТЕГ:Егэ": ["tag=Егэ"],
    'год:2022 year:"2023"': ["year=2022", "year=2023"],
    "дата:2022": ["2022-01-01..2022-12-31"],
    "date:2022-05": ["2022-05-01..2022-05-31"],
    "дата:09.05.2022": ["2022-05-09..2022-05-09"],
    "-заголовок:слово -title:!слово": ["-title:слово", "-title:!слово"],
    '-заголовок:"слова рядом"': ["-title:«слова рядом»"],
    '-тег:егэ -категория:"Новости школ" -год:2022': ["-tag=егэ", "-category=Новости школ", "-year=2022"],
    "1 250 мест 10\u00a0000\u00a0000": ["1 250", "мест", "10\u00a0000\u00a0000"],
    "статья 28 273-ФЗ": ["статья", "28", "273-ФЗ"],
    "2022 100 баллов": ["2022", "100", "баллов"],
    "школа дата:2020..2021 -лагерь": ["школа", "2020-01-01..2021-12-31", "-лагерь"],
    'дата:"2020 .. 2022"': ["2020-01-01..2022-12-31"],
}

ODD = {
    "": [],
    " \n\t\u00a0": [],
    "- -- — ! !! ( ) … ..": [],
    '" "" «» „“': [],
    "OR ИЛИ | ||": [],
    "🎓 \u200b №": [],
    '-" -! !" тег:"': [],
    'title:"': [],
    "дата:..": [],
    # Quotes that do not close, or close and open at once.
    '"незакрытая фраза': ["«незакрытая фраза»"],
    "«незакрытая фраза": ["«незакрытая фраза»"],
    'слово "': ["слово"],
    '"а"б"в"': ["«а»", "б", "«в»"],
    'слово"фраза"слово': ["слово", "«фраза»", "слово"],
    "«внешняя „внутренняя“ снова»": ["«внешняя»", "внутренняя", "«снова»"],
    '"а\nб"': ["«а\nб»"],
    # Operators that have nothing to work on.
    "OR а": ["а"],
    "а OR": ["а"],
    "а OR OR б": ["(а | б)"],
    "а OR -б": ["а", "-б"],
    "-а OR б": ["-а", "б"],
    "тег:б OR а": ["tag=б", "а"],
    "а OR тег:б": ["а", "tag=б"],
    "а или б or в": ["а", "или", "б", "or", "в"],
    "а AND б NOT в НЕ г": ["а", "AND", "б", "NOT", "в", "НЕ", "г"],
    "слово -": ["слово"],
    "!!слово": ["слово"],
    '!"слова рядом"': ["«слова рядом»"],
    "!-слово": ["!слово"],
    # Dashes and hyphens that are no operators.
    "школа — дом": ["школа", "дом"],
    "школа – дом": ["школа", "дом"],
    "школа - дом": ["школа", "дом"],
    "-- слово": ["слово"],
    "учебно-методический 273-ФЗ 10-А": ["учебно-методический", "273-ФЗ", "10-А"],
    "а–б 5–9": ["а–б", "5–9"],
    # Marks around words go, those inside stay.
    "(школа), дом! «а»?": ["школа", "дом", "«а»"],
    "слово* ~слово слово:": ["слово", "слово", "слово"],
    "C++ C# #тег @имя №1493": ["C++", "C#", "#тег", "@имя", "№1493"],
    "№ 1493": ["1493"],
    "О'Коннор а,б 12:30": ["О'Коннор", "а,б", "12:30"],
    "a@b.ru https://site.ru/?q=а": ["a@b.ru", "https://site.ru/?q=а"],
    # Fields that are none, have no value or a wrong one.
    "title: слово": ["title", "слово"],
    "дата: 2022": ["дата", "2022"],
    "тегишко:а подтег:а": ["тегишко:а", "подтег:а"],
    "title:title:а": ["title:title:а"],
    "тег:title:а": ["tag=title:а"],
    "год:22 год:2022г": ["год:22", "год:2022г"],
    "дата:31.02.2022": ["дата:31.02.2022"],
    "дата:2022-13": ["дата:2022-13"],
    "дата:0000": ["дата:0000"],
    "дата:вчера": ["дата:вчера"],
    "!тег:а": ["!тег:а"],
    "-дата:2022 -тег: -год:22": ["-тег", "-год:22"],
    'год:"двадцать второй"': ['год:"двадцать второй"'],
    'тег:егэ"фраза"': ["tag=егэ", "«фраза»"],
}


@pytest.mark.parametrize(("text", "clauses"), LANGUAGE.items(), ids=LANGUAGE)
def test_the_language_is_read_as_written(text: str, clauses: list[str]) -> None:
    assert [written(clause) for clause in parse(text).clauses] == clauses


@pytest.mark.parametrize(("text", "clauses"), ODD.items(), ids=map(ascii, ODD))
def test_what_cannot_be_an_operator_is_a_word_or_nothing(text: str, clauses: list[str]) -> None:
    assert [written(clause) for clause in parse(text).clauses] == clauses


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('слово "слова рядом" -!нет', ["слово", '"слова рядом"', "-!нет"]),
        ("а  OR   б в", ["а  OR   б", "в"]),
        ("  (слово),  ", ["(слово),"]),
        ('title:"а б" тег:в дата:2022..', ['title:"а б"', "тег:в", "дата:2022.."]),
        ("!«а б»", ["«а б»"]),
        ('"до конца', ['"до конца']),
    ],
)
def test_a_span_covers_what_the_clause_came_from(text: str, parts: list[str]) -> None:
    assert [text[slice(*clause.span)] for clause in parse(text).clauses] == parts


def test_options_and_excluded_clauses_have_their_own_spans() -> None:
    text = 'да OR "или так" -"не так"'
    either, excluded = parse(text).clauses
    assert isinstance(either, Alternatives)
    assert [text[slice(*option.span)] for option in either.options] == ["да", '"или так"']
    assert isinstance(excluded, Exclusion)
    assert text[slice(*excluded.clause.span)].endswith('"не так"')


# --- dates ------------------------------------------------------------------------------------

DAYS = {
    "2022": (date(2022, 1, 1), date(2022, 12, 31)),
    "2022-02": (date(2022, 2, 1), date(2022, 2, 28)),
    "2024-2": (date(2024, 2, 1), date(2024, 2, 29)),
    "2022-05-09": (date(2022, 5, 9), date(2022, 5, 9)),
    "9.5.2022": (date(2022, 5, 9), date(2022, 5, 9)),
    "2020..2022-05": (date(2020, 1, 1), date(2022, 5, 31)),
    "01.09.2021..31.05.2022": (date(2021, 9, 1), date(2022, 5, 31)),
    "2020..": (date(2020, 1, 1), None),
    "..2020": (None, date(2020, 12, 31)),
    "2022..2020": (date(2020, 1, 1), date(2022, 12, 31)),  # the other way round is meant the same
    "2022-05-09..2022": (date(2022, 1, 1), date(2022, 5, 9)),
    "2022 .. 2023": (date(2022, 1, 1), date(2023, 12, 31)),
    "0001": (date(1, 1, 1), date(1, 12, 31)),
    "9999..": (date(9999, 1, 1), None),
}


@pytest.mark.parametrize(("text", "days"), DAYS.items(), ids=DAYS)
def test_days_are_read_in_every_form(text: str, days: tuple[date | None, date | None]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize(
    "text",
    ["", "..", "вчера", "22", "02022", "2022-00", "2022-13", "2022-02-29", "31.04.2022", "0000", "1.1.0000",
     "2022-1-", "..2022-13", "2022..завтра", "2020..2021..2022", "2022...", "99999-01-01"],
)  # fmt: skip
def test_what_is_no_date_is_not_read_as_one(text: str) -> None:
    assert parse_days(text) is None


@given(st.dates(), st.dates())
@settings(deadline=None)
def test_a_range_holds_both_its_days_whichever_comes_first(one: date, other: date) -> None:
    assert parse_days(f"{one}..{other}") == (min(one, other), max(one, other))


@given(st.text("0123456789.-", max_size=24))
@settings(deadline=None)
def test_days_never_end_before_they_begin(text: str) -> None:
    since, until = parse_days(text) or (None, None)
    assert since is None or until is None or since <= until


# --- limits -----------------------------------------------------------------------------------


def test_a_query_of_thousands_of_clauses_is_cut_and_says_so() -> None:
    query = parse(" ".join("а" * 400))
    assert len(query.clauses) == MAX_CLAUSES
    assert query.truncated
    assert not parse(" ".join("а" * MAX_CLAUSES)).truncated


def test_a_very_long_query_is_read_to_its_limit() -> None:
    for text in (
        "а" * 200_000,
        '"' * 200_000,
        "- " * 100_000,
        "title:" * 50_000,
        "." * 200_000,
        "а OR " * 50_000,
    ):
        started = time.process_time()
        query = parse(text)
        assert query.truncated
        assert query.text == text
        assert all(clause.span[1] <= MAX_LENGTH for clause in query.clauses)
        assert time.process_time() - started < 1
    assert not parse("а" * MAX_LENGTH).truncated


# --- parts of a tree --------------------------------------------------------------------------


def test_filters_are_gathered_by_field_in_order() -> None:
    query = parse("тег:б школа год:2022 тег:а дата:2022 -тег:в")
    assert query.filters() == {"tag": ("б", "а"), "year": ("2022",)}
    assert [written(clause) for clause in query.positive()] == ["школа"]


# --- any string at all ------------------------------------------------------------------------

PIECES = [
    "слово", "учебно-методический", "273-ФЗ", "OR", "ИЛИ", "|", "-", "!", "—", "title:", "заголовок:", "тег:",
    "год:", "2022", "дата:", "..", "2020..2022", "источник:", *QUOTES, " ", " ", " ", "\n", "\u00a0", ",",
    "№", "(", ")", "C++", "@", "🎓", "\u0301", "\u200b", "\ud800", "\x00",
]  # fmt: skip
queries = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(
    st.characters(exclude_categories=[])
)


def assert_covered(clause: Clause, text: str, begin: int, end: int) -> None:
    start, stop = clause.span
    assert begin <= start < stop <= end
    source = text[start:stop]
    match clause:
        case Word() | Phrase():
            assert clause.text
            assert clause.text in source
            assert re.search(r"\w", clause.text)
            assert not set(clause.text) & set(QUOTES) or clause.text.startswith(("год:", "дата:"))
        case Filter():
            assert clause.value
            assert clause.value in source
        case DateFilter():
            assert (clause.since, clause.until) != (None, None)
            assert ":" in source
        case Exclusion():
            assert source[0] in "-−–—"
            assert_covered(clause.clause, text, start, stop)
        case Alternatives():
            assert len(clause.options) > 1
            place = start
            for option in clause.options:
                assert_covered(option, text, place, stop)
                place = option.span[1]


@given(queries)
@example("title:-а")
@example("-title:!")
@example('!title:"')
@settings(deadline=None)
def test_every_string_has_a_tree_with_spans_inside_it_and_in_order(text: str) -> None:
    query = parse(text)
    assert query.text == text
    place = 0
    for clause in query.clauses:
        assert_covered(clause, text, place, len(text))
        place = clause.span[1]


@given(queries)
@settings(deadline=None)
def test_the_tree_depends_on_the_text_alone(text: str) -> None:
    assert parse(parse(text).text) == parse(text)
    assert isinstance(parse(text), Query)


@given(st.lists(st.sampled_from(sorted(LANGUAGE)), max_size=5))
@settings(deadline=None)
def test_clauses_that_stand_apart_are_read_apart(parts: list[str]) -> None:
    together = [written(clause) for clause in parse(" ".join(parts)).clauses]
    assert together == [clause for part in parts for clause in LANGUAGE[part]][:MAX_CLAUSES]


@given(st.text("абвгдежзиклмн", min_size=1), st.sampled_from("-–—−"), st.booleans())
@settings(deadline=None)
def test_a_dash_excludes_only_where_it_stands_before_a_word_and_after_a_space(
    word: str, dash: str, touching: bool
) -> None:
    joined = parse(f"слово{dash}{word}" if touching else f"слово {dash} {word}")
    assert not any(isinstance(clause, Exclusion) for clause in joined.clauses)
    excluded = parse(f"слово {dash}{word}").clauses[1]
    assert isinstance(excluded, Exclusion)
    assert excluded.clause.text == word
