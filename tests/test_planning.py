"""Query trees to plans: what an engine is asked, what ranking and snippets look for."""

from __future__ import annotations

from datetime import date
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchsvc import engine
from searchsvc.engine import FORMS, MAX_UNITS, TEXT, TITLE, AnyOf, Either, Sequence, title_form
from searchsvc.language.analysis import Analyzer
from searchsvc.query.planning import MAX_EXPANSIONS, Planned, plan
from searchsvc.query.syntax import parse
from searchsvc.store.document import term_hash


def planned(text: str, analyzer: Analyzer) -> Planned:
    return plan(parse(text), analyzer)


def phrase(*words: tuple[str, ...], field: str = TEXT) -> Sequence:
    return Sequence(tuple(enumerate(words)), field)


WHOLE = AnyOf(("учебно-методический",))
PARTS = phrase(("учебный",), ("методический",))

CLAUSES: dict[str, list[engine.Clause]] = {
    "школами": [AnyOf(("школа",))],
    "Школьные музеи": [AnyOf(("школьный",)), AnyOf(("музей",))],
    "учащихся": [AnyOf(("учиться", "учащийся"))],
    "!Школами": [AnyOf(("школами",), FORMS)],
    "title:школами": [AnyOf(("школа",), TITLE)],
    "title:!школами": [AnyOf((title_form("школами"),), FORMS)],
    '"школьные музеи"': [phrase(("школьный",), ("музей",))],
    'title:"школьные музеи"': [phrase(("школьный",), ("музей",), field=TITLE)],
    '"музеи"': [AnyOf(("музей",))],
    # A compound is one unit: as a whole or its parts side by side.
    "учебно-методическая": [Either((WHOLE, PARTS))],
    "!учебно-методическая": [AnyOf(("учебно-методическая",), FORMS)],
    '"учебно-методический совет"': [phrase(("учебный",), ("методический",), ("совет",))],
    "273-ФЗ": [Either((AnyOf(("273-фз",)), phrase(("273",), ("фз",)), phrase(("фз",), ("273",))))],
    "27-й": [AnyOf(("27",))],
    # What one chunk of a query holds may be several words.
    "музей,школа": [AnyOf(("музей",)), AnyOf(("школа",))],
    "музей музеи": [AnyOf(("музей",))],
    # Alternatives are one unit.
    "музей OR школа": [Either((AnyOf(("музей",)), AnyOf(("школа",))))],
    'музей OR "день открытых дверей"': [
        Either((AnyOf(("музей",)), phrase(("день",), ("открытый", "открыть"), ("дверь",))))
    ],
    "музей OR учебно-методический": [Either((AnyOf(("музей",)), Either((WHOLE, PARTS))))],
    "музей OR школа,класс": [Either((AnyOf(("музей",)), phrase(("школа",), ("класс",))))],
    # Stop words decide nothing beside others.
    "музей в школе": [AnyOf(("музей",)), AnyOf(("школа",))],
    "закрыли из-за карантина": [AnyOf(("закрыть",)), AnyOf(("карантин",))],
    "музей !в": [AnyOf(("музей",)), AnyOf(("в",), FORMS)],
    '"музей в школе"': [phrase(("музей",), ("в",), ("школа",))],
    "и на": [AnyOf(("и",)), AnyOf(("на",))],
    "title:и": [AnyOf(("и",), TITLE)],
    # Nothing to look for, or nothing in an option.
    "": [],
    "___": [],
    "музей OR ___": [AnyOf(("музей",))],
    "_@_._": [AnyOf(("_@_._",))],
    "-музей тег:егэ год:2022": [],
}


@pytest.mark.parametrize(("text", "clauses"), CLAUSES.items(), ids=CLAUSES)
def test_words_become_the_engines_clauses(
    analyzer: Analyzer, text: str, clauses: list[engine.Clause]
) -> None:
    assert [unit.clause for unit in planned(text, analyzer).units] == clauses


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Музей в школе", ["Музей", "школе"]),
        ('"Музей в школе" класс', ["«Музей в школе»", "класс"]),
        ("музей OR «дом детства»", ["музей ИЛИ дом детства"]),
        ("учебно-методический", ["учебно-методический"]),
        ("музей,школа", ["музей", "школа"]),
        ("!музеи", ["музеи"]),
    ],
)
def test_units_are_called_as_they_were_typed(analyzer: Analyzer, text: str, units: list[str]) -> None:
    assert [unit.text for unit in planned(text, analyzer).units] == units


@pytest.mark.parametrize(
    ("text", "excluded"),
    [
        ("школа -музеев", [AnyOf(("музей",))]),
        ('школа -"школьные музеи"', [phrase(("школьный",), ("музей",))]),
        ("школа -!музеев", [AnyOf(("музеев",), FORMS)]),
        ("школа -учебно-методическая", [Either((WHOLE, PARTS))]),
        ("школа -в", [AnyOf(("в",))]),
    ],
)
def test_excluded_words_are_no_words_of_the_query(
    analyzer: Analyzer, text: str, excluded: list[engine.Clause]
) -> None:
    found = planned(text, analyzer)
    assert list(found.excluded) == excluded
    assert [word.text for word in found.words] == ["школа"]


def test_excluded_values_are_no_words_and_no_filters(analyzer: Analyzer) -> None:
    found = planned("школа -тег:ЕГЭ -год:2022 -title:музеев", analyzer)
    assert [(item.field, item.value) for item in found.excluded_values] == [("tag", "ЕГЭ"), ("year", "2022")]
    assert list(found.excluded) == [AnyOf(("музей",), TITLE)]
    assert found.filters == {}
    assert [word.text for word in found.words] == ["школа"]


def test_the_lemmas_of_a_long_phrase_are_cut_to_what_engines_can_expand(analyzer: Analyzer) -> None:
    [unit] = planned('"' + "учащиеся банки мыла замок " * 4 + '"', analyzer).units
    assert isinstance(unit.clause, Sequence)
    assert len(unit.clause.steps) == 16
    assert all(terms for _, terms in unit.clause.steps)
    assert prod(len(terms) for _, terms in unit.clause.steps) == MAX_EXPANSIONS == 16
    best = [analyzer.lemmas(form)[0] for form in ("учащиеся", "банки", "мыла", "замок")] * 4
    assert [terms[0] for _, terms in unit.clause.steps] == best


def test_words_run_beside_their_clauses_and_stop_words_are_weak_beside_others(analyzer: Analyzer) -> None:
    found = planned('"музей в школе" !Классами 273-ФЗ музеи', analyzer)
    assert [word.text for word in found.words] == ["музей", "в", "школе", "Классами", "273", "ФЗ"]
    assert [word.weak for word in found.words] == [False, True, False, False, False, False]
    assert [word.exact for word in found.words] == [False, False, False, True, False, False]
    assert found.words[2].lemmas == {term_hash("школа")}
    assert found.words[2].form == term_hash("школе")
    assert found.word_clauses[:3] == (AnyOf(("музей",)), AnyOf(("в",)), AnyOf(("школа",)))
    for text in ("и на", '"в том"', '"всего к"', "!им", "!им школа"):
        assert not any(word.weak for word in planned(text, analyzer).words), text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Сергей Бубка приехал в Воронеж", ["Бубка", "Воронеж"]),
        ("кто такой сергей бубка", []),
        ("«Сергей Бубка» в Киеве", ["Бубка", "Киеве"]),
        ("Санкт-Петербург и Нижний", ["Петербург", "Нижний"]),
        ("приказ ФСБ", ["ФСБ"]),
        ("", []),
    ],
)
def test_a_name_has_a_capital_letter_and_does_not_begin_the_query(
    analyzer: Analyzer, text: str, names: list[str]
) -> None:
    assert [word.text for word in planned(text, analyzer).words if word.name] == names


def test_filters_and_dates_are_handed_on(analyzer: Analyzer) -> None:
    found = planned("тег:ЕГЭ тег:огэ год:2022 источник:«Школа № 5»", analyzer)
    assert found.filters == {"tag": ("ЕГЭ", "огэ"), "year": ("2022",), "source": ("Школа № 5",)}
    assert found.days is None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("дата:2022", (date(2022, 1, 1), date(2022, 12, 31))),
        ("дата:2020..", (date(2020, 1, 1), None)),
        ("дата:..2020", (None, date(2020, 12, 31))),
        ("дата:2020..2022 дата:2021-05..2023", (date(2021, 5, 1), date(2022, 12, 31))),
        ("дата:2020.. дата:..2019", (date(2020, 1, 1), date(2019, 12, 31))),  # nothing, as was asked
    ],
)
def test_days_are_those_that_all_filters_allow(
    analyzer: Analyzer, text: str, days: tuple[date | None, date | None]
) -> None:
    found = planned(text, analyzer).days
    assert found == tuple(day.toordinal() if day else None for day in days)


def test_no_plan_has_more_units_than_an_engine_takes(analyzer: Analyzer) -> None:
    found = planned(";".join(map(str, range(100, 300))), analyzer)
    assert len(found.units) == len(found.words) == len(found.word_clauses) == MAX_UNITS


PIECES = [
    "школа",
    "учащиеся",
    "273-ФЗ",
    "и",
    "-",
    "!",
    '"',
    "«",
    "OR",
    "title:",
    "тег:",
    ",",
    " ",
    " ",
    "C++",
    "🎓",
]


def clauses_of(clause: engine.Clause) -> list[AnyOf | Sequence]:
    if isinstance(clause, Either):
        assert len(clause.options) > 1
        return [leaf for option in clause.options for leaf in clauses_of(option)]
    return [clause]


@given(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
    | st.text(st.characters(exclude_categories=[]))
)
@settings(deadline=None)
def test_any_query_has_a_plan_that_engines_can_answer(analyzer: Analyzer, text: str) -> None:
    found = planned(text, analyzer)
    assert len(found.words) == len(found.word_clauses)
    assert len({unit.clause for unit in found.units}) == len(found.units)
    for clause in (*(unit.clause for unit in found.units), *found.excluded, *found.word_clauses):
        for leaf in clauses_of(clause):
            if isinstance(leaf, AnyOf):
                assert leaf.terms
            else:
                assert len(leaf.steps) > 1
                assert leaf.steps[0][0] == 0
                assert all(terms for _, terms in leaf.steps)
                assert prod(len(terms) for _, terms in leaf.steps) <= MAX_EXPANSIONS


@pytest.mark.parametrize(("typed", "other"), [("273-ФЗ", "ФЗ-273"), ("фз-273", "273-ФЗ")])
def test_a_document_number_matches_either_order_of_its_parts(
    typed: str, other: str, analyzer: Analyzer
) -> None:
    (mine,) = plan(parse(typed), analyzer).units
    (theirs,) = plan(parse(other), analyzer).units
    assert isinstance(mine.clause, Either)
    assert isinstance(theirs.clause, Either)
    assert set(mine.clause.options[1:]) == set(theirs.clause.options[1:])


@pytest.mark.parametrize("typed", ["онлайн-урок", "10-11", "273-ФЗ-1"])
def test_other_compounds_keep_their_order(typed: str, analyzer: Analyzer) -> None:
    (unit,) = plan(parse(typed), analyzer).units
    assert isinstance(unit.clause, Either)
    assert len(unit.clause.options) == 2
