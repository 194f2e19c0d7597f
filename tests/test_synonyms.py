"""Abbreviations and synonyms: what else a query finds, and how a list is read and changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from beds.commands import Run
from hypothesis import given, settings
from hypothesis import strategies as st

from searchsvc.analysis import Analyzer
from searchsvc.bootstrap import open_service
from searchsvc.engine import AnyOf, Either, Sequence
from searchsvc.errors import SynonymsError
from searchsvc.planning import MAX_EXPANSIONS, plan
from searchsvc.query import parse
from searchsvc.results import SearchRequest, Segment
from searchsvc.search import SearchService
from searchsvc.settings import load_settings
from searchsvc.synonyms import MAX_BYTES, Entry, SynonymBook, Synonyms, read_entries

pytest_plugins = ["beds.school"]

LIST = """
ЕГЭ = единый государственный экзамен
КИМ = контрольный измерительный материал   # только заглавными
ФГОС НОО = федеральный стандарт начального образования
ГИА-9 = итоговая аттестация девятиклассников
ГИА = итоговая аттестация
Точка роста = центр цифрового профиля | центр технологической направленности
"""


@pytest.fixture(scope="module")
def synonyms(analyzer: Analyzer) -> Synonyms:
    return Synonyms(read_entries(LIST, "список"), analyzer)


def options(text: str, analyzer: Analyzer, synonyms: Synonyms) -> dict[str, int]:
    """Return how many clauses may stand for each unit of *text*."""
    units = plan(parse(text), analyzer, synonyms).units
    return {unit.text: len(unit.clause.options) if isinstance(unit.clause, Either) else 1 for unit in units}


# --- the plan ---------------------------------------------------------------------------------


def test_an_abbreviation_is_also_its_full_form(analyzer: Analyzer, synonyms: Synonyms) -> None:
    (unit,) = plan(parse("егэ"), analyzer, synonyms).units
    full = Sequence(((0, ("единый",)), (1, ("государственный",)), (2, ("экзамен",))))
    assert unit.clause == Either((AnyOf(("егэ",)), full))


def test_each_option_of_an_alternative_has_its_own(analyzer: Analyzer, synonyms: Synonyms) -> None:
    (alone,) = plan(parse("ЕГЭ"), analyzer, synonyms).units
    first, unit, last = plan(parse("единый ЕГЭ ИЛИ школа экзамен"), analyzer, synonyms).units
    assert unit.clause == Either((alone.clause, AnyOf(("школа",))))
    assert isinstance(first.clause, AnyOf)
    assert isinstance(last.clause, AnyOf)


def test_each_word_of_a_full_form_is_also_its_abbreviation(analyzer: Analyzer, synonyms: Synonyms) -> None:
    units = plan(parse("результаты единого государственного экзамена"), analyzer, synonyms).units
    assert [isinstance(unit.clause, Either) for unit in units] == [False, True, True, True]
    assert all(
        AnyOf(("егэ",)) in unit.clause.options for unit in units[1:] if isinstance(unit.clause, Either)
    )


def test_words_in_another_order_or_apart_are_no_full_form(analyzer: Analyzer, synonyms: Synonyms) -> None:
    for text in ("экзамен государственный единый", "единый выпускной государственный экзамен"):
        assert set(options(text, analyzer, synonyms).values()) == {1}


@pytest.mark.parametrize("text", ['"ЕГЭ"', "«ЕГЭ»", "!ЕГЭ", "заголовок:ЕГЭ"])
def test_what_is_meant_as_it_is_gets_no_synonyms(text: str, analyzer: Analyzer, synonyms: Synonyms) -> None:
    assert plan(parse(text), analyzer, synonyms) == plan(parse(text), analyzer)


def test_an_exclusion_excludes_the_word_alone(analyzer: Analyzer, synonyms: Synonyms) -> None:
    assert plan(parse("школа -ЕГЭ"), analyzer, synonyms).excluded == (AnyOf(("егэ",)),)


def test_quotes_and_operators_part_the_words_of_a_full_form(analyzer: Analyzer, synonyms: Synonyms) -> None:
    assert 2 not in options('единый "государственный" экзамен', analyzer, synonyms).values()
    assert 2 not in options("единый -платный государственный экзамен", analyzer, synonyms).values()


def test_a_word_like_an_abbreviation_is_one_only_in_capitals(analyzer: Analyzer, synonyms: Synonyms) -> None:
    assert options("КИМ", analyzer, synonyms) == {"КИМ": 2}
    assert options("Ким", analyzer, synonyms) == {"Ким": 1}
    # Its letters are also a surname: the full form does not find it.
    assert set(options("контрольный измерительный материал", analyzer, synonyms).values()) == {1}


def test_a_compound_is_replaced_as_a_whole(analyzer: Analyzer, synonyms: Synonyms) -> None:
    (unit,) = plan(parse("ГИА-9"), analyzer, synonyms).units
    assert isinstance(unit.clause, Either)
    lengths = [len(each.steps) for each in unit.clause.options if isinstance(each, Sequence)]
    assert lengths == [2, 2, 3]  # the parts in either order; the form for ГИА-9, not the one for ГИА


def test_a_left_side_of_several_words_is_replaced_together(analyzer: Analyzer, synonyms: Synonyms) -> None:
    assert options("ФГОС НОО", analyzer, synonyms) == {"ФГОС": 2, "НОО": 2}
    assert options("точки роста", analyzer, synonyms) == {"точки": 3, "роста": 3}
    assert options("НОО", analyzer, synonyms) == {"НОО": 1}


ANALYZER = Analyzer()
PACKAGED = SynonymBook(ANALYZER)
_WORDS = st.sampled_from(
    [
        "ЕГЭ",
        "единый",
        "государственный",
        "экзамен",
        "ГИА-9",
        "-",
        '"',
        "КИМ",
        "и",
        "ФГОС",
        "ДО",
        "точка",
        "роста",
    ]
)


@given(st.lists(_WORDS))
@settings(deadline=None)
def test_no_query_makes_a_plan_that_an_engine_could_not_expand(words: list[str]) -> None:
    found = plan(parse(" ".join(words)), ANALYZER, PACKAGED.current())
    assert len(found.words) == len(found.word_clauses)
    for unit in found.units:
        for clause in unit.clause.options if isinstance(unit.clause, Either) else ():
            if isinstance(clause, Sequence):
                product = 1
                for _, terms in clause.steps:
                    product *= len(terms)
                assert 1 <= product <= MAX_EXPANSIONS


# --- the search -------------------------------------------------------------------------------


def test_a_search_for_an_abbreviation_finds_and_marks_its_full_form(sample_service: SearchService) -> None:
    full = sample_service.search(SearchRequest('"пункт проведения экзамена" -ППЭ', per_page=100, fold=False))
    assert full.total
    page = sample_service.search(SearchRequest("ППЭ", per_page=100, fold=False))
    found = {hit.id: hit for hit in page.hits if not hit.missing}
    assert {hit.id for hit in full.hits} <= found.keys()
    marks = [_marked(found[hit.id].title) + _marked(found[hit.id].snippet) for hit in full.hits]
    assert all(marks)


def test_a_search_for_a_full_form_finds_articles_with_the_abbreviation_alone(
    sample_service: SearchService,
) -> None:
    alone = sample_service.search(SearchRequest("ЕГЭ -экзамен", per_page=100, fold=False))
    assert alone.total
    page = sample_service.search(SearchRequest("единый государственный экзамен", per_page=100, fold=False))
    assert {hit.id for hit in alone.hits if not hit.missing} <= {
        hit.id for hit in page.hits if not hit.missing
    }


def _marked(segments: tuple[Segment, ...]) -> list[str]:
    return [segment.text for segment in segments if segment.match]


# --- the file ---------------------------------------------------------------------------------


def test_an_entry_is_read_without_quotes_spaces_and_notes() -> None:
    assert read_entries("  «Точка   роста» = центр | дом  # примечание\n\n# = \n", "список") == {
        "точка роста": Entry("Точка роста", ("центр", "дом"))
    }


def test_lines_with_one_left_side_add_up() -> None:
    found = read_entries(
        "ДО = детский отряд\nдо = дом отдыха | детский отряд # только заглавными\n", "список"
    )
    assert found == {"до": Entry("ДО", ("детский отряд", "дом отдыха"), capitals_only=True)}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ЕГЭ единый экзамен", "нет знака «=»"),
        ("= экзамен", "слева от «=»"),
        ("ЕГЭ = егэ", "по обе стороны"),
        ("ЕГЭ = " + "слово " * 17, "больше 16 слов"),
    ],
)
def test_a_line_that_is_no_entry_is_named(line: str, reason: str) -> None:
    with pytest.raises(SynonymsError, match="строка 2: ") as caught:
        read_entries(f"ОГЭ = экзамен\n{line}\n", "мой.txt")
    assert reason in str(caught.value)
    assert "мой.txt" in str(caught.value)


def test_of_many_bad_lines_the_first_are_named_and_the_others_counted() -> None:
    with pytest.raises(SynonymsError, match="и ещё 7"):
        read_entries("плохо\n" * 10, "мой.txt")


@given(st.text())
@settings(deadline=None)
def test_whatever_a_file_holds_is_entries_or_one_clear_error(text: str) -> None:
    try:
        found = Synonyms(read_entries(text, "список"), ANALYZER)
    except SynonymsError:
        return
    list(found.alternatives(list(ANALYZER.tokens(text))))


def test_the_own_file_adds_replaces_and_switches_off(tmp_path: Path, analyzer: Analyzer) -> None:
    own = tmp_path / "own.txt"
    own.write_text("\ufeffБШК = белогорская школа кино\nЕГЭ = единый экзамен\nогэ =\n", encoding="utf-8")
    packaged = SynonymBook(analyzer).current()
    found = SynonymBook(analyzer, own).current()
    assert found.entries["бшк"].full == ("белогорская школа кино",)
    assert found.entries["егэ"].full == ("единый экзамен",)
    assert packaged.entries["огэ"].full
    assert not list(found.alternatives(list(analyzer.tokens("ОГЭ"))))
    assert list(found.alternatives(list(analyzer.tokens("СПО"))))  # the rest stays
    assert found.revision != packaged.revision


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * (MAX_BYTES + 1), None])
def test_a_file_that_cannot_be_used_leaves_the_packaged_list_and_says_so(
    content: bytes | None, tmp_path: Path, analyzer: Analyzer
) -> None:
    own = tmp_path / "own.txt"
    if content is not None:
        own.write_bytes(content)
    book = SynonymBook(analyzer, own)
    assert book.current().entries == SynonymBook(analyzer).current().entries
    assert "own.txt" in book.problem
    with pytest.raises(SynonymsError, match=r"own\.txt"):
        book.read()
    own.write_text("Зюзюка = школа", encoding="utf-8")
    assert "зюзюка" in book.current().entries
    assert not book.problem


def test_a_changed_file_is_in_force_within_a_second_and_changes_the_version(
    sample_data: Path, tmp_path: Path, analyzer: Analyzer
) -> None:
    own = tmp_path / "own.txt"
    own.write_text("", encoding="utf-8")
    service, live = open_service(load_settings(data_dir=sample_data, synonyms=str(own)), analyzer, watch=True)
    try:
        assert not service.search(SearchRequest("зюзюка", correct="off")).total
        version = service.version()
        own.write_text("Зюзюка = школа", encoding="utf-8")
        changed = time.monotonic()
        while not service.search(SearchRequest("зюзюка", correct="off")).total:
            assert time.monotonic() - changed < 1
            time.sleep(0.02)
        assert service.version() != version
    finally:
        live.close()


def test_a_file_broken_later_leaves_the_list_in_force_and_says_so(
    sample_data: Path, tmp_path: Path, analyzer: Analyzer
) -> None:
    own = tmp_path / "own.txt"
    own.write_text("Зюзюка = школа", encoding="utf-8")
    service, live = open_service(load_settings(data_dir=sample_data, synonyms=str(own)), analyzer)
    try:
        total = service.search(SearchRequest("зюзюка", correct="off")).total
        own.write_text("Зюзюка - школа", encoding="utf-8")
        os.utime(own, (1, 1))
        assert service.search(SearchRequest("зюзюка", correct="off")).total == total > 0
        readiness = service.readiness()
        assert readiness.ready
        assert readiness.degraded
        assert "строка 1" in readiness.reason
        own.write_text("Зюзюка = школа ", encoding="utf-8")
        service.search(SearchRequest("зюзюка"))
        assert not service.readiness().degraded
    finally:
        live.close()


# --- the command ------------------------------------------------------------------------------


def test_the_command_counts_the_lists_and_shows_what_a_query_gains(
    searchsvc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Готовый список: " in searchsvc("synonyms").out
    shown = searchsvc("synonyms", "результаты", "ЕГЭ")
    assert "ЕГЭ = единый государственный экзамен" in shown.out
    assert "результаты" not in shown.out
    assert "ничего нет" in searchsvc("synonyms", "столовая").out
    own = tmp_path / "own.txt"
    own.write_text("БШК = школа кино\nЕГЭ = экзамен\nОГЭ =\n", encoding="utf-8")
    monkeypatch.setenv("SEARCHSVC_SYNONYMS", str(own))
    assert "добавлено 1, заменено 1, отключено 1" in searchsvc("synonyms").out


def test_a_broken_file_is_told_and_stops_nothing_but_its_own_command(
    searchsvc: Run, sample_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.txt"
    own.write_text("плохо", encoding="utf-8")
    monkeypatch.setenv("SEARCHSVC_SYNONYMS", str(own))
    checked = searchsvc("synonyms")
    assert checked.code == 2
    assert "строка 1" in checked.err
    asked = searchsvc("query", "школа", folder=sample_data)
    assert asked.code == 0
    assert "строка 1" in asked.err
    told = searchsvc("status", folder=sample_data)
    assert told.code == 0
    assert "строка 1" in told.out
    assert "Источники" in told.out
