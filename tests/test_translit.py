"""Russian in Latin letters: every way of writing it has the word among its readings."""

from __future__ import annotations

import pytest
from beds.words import vocabulary_of
from hypothesis import given, settings
from hypothesis import strategies as st

from searchsvc.faults import translit_options
from searchsvc.repair import repair_query
from searchsvc.results import Correction
from searchsvc.translit import LONGEST, MOST_READINGS, readings
from searchsvc.vocabulary import Vocabulary

KNOWN = {"образование", "школа", "учителя", "приказ", "и", "фгос", "съезд", "обучать", "семья", "тест"}
ARCHIVE = vocabulary_of(KNOWN)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("obrazovanie", "образование"),
        ("obrazovaniye", "образование"),
        ("Shkola", "Школа"),
        ("FGOS", "ФГОС"),
        ("uchitel", "учитель"),
        ("uchitel'", "учитель"),
        ("istoriya", "история"),
        ("istorija", "история"),
        ("oblastey", "областей"),
        ("Rossii", "России"),
        ("shkolnyy", "школьный"),
        ("shkol'nyj", "школьный"),
        ("yubiley", "юбилей"),
        ("jubilej", "юбилей"),
        ("zhizn", "жизнь"),
        ("khor", "хор"),
        ("hor", "хор"),
        ("s'ezd", "съезд"),
        ("semya", "семья"),
        ("elka", "елка"),
        ("uchashchiesya", "учащиеся"),
        ("internet-urok", "интернет-урок"),
        ("konkurs", "конкурс"),
        ("ekskursiya", "экскурсия"),
        ("exkursiya", "экскурсия"),
        ("ciklon", "циклон"),
        ("tsiklon", "циклон"),
        ("egje", "егэ"),
        ("u4itel", "учитель"),
        ("6kola", "школа"),
    ],
)
def test_a_word_is_among_the_first_readings_of_how_it_may_be_written(typed: str, meant: str) -> None:
    found = list(readings(typed))
    assert meant in found[:60]
    assert len(found) <= MOST_READINGS


@pytest.mark.parametrize(
    "text",
    ["", "школа", "shk0la", "4k", "a4", "mp4", "46", "c++", "a.b", "'", "-", "x" * (LONGEST + 1), "shк"],
)
def test_what_is_no_latin_word_has_no_readings(text: str) -> None:
    assert list(readings(text)) == []


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz'’-SHZ", max_size=45))
@settings(deadline=None)
def test_readings_are_few_and_have_no_latin_letters(word: str) -> None:
    found = list(readings(word))
    assert len(found) <= MOST_READINGS
    assert not any("a" <= letter <= "z" for one in found for letter in one.lower())


def read_as_russian(word: str, vocabulary: Vocabulary) -> str | None:
    options = translit_options(word, vocabulary)
    return options[0].replacement if options else None


def test_marks_around_a_word_stay_and_what_the_archive_has_is_left_alone() -> None:
    assert read_as_russian("(obrazovanie),", ARCHIVE) == "(образование),"
    assert read_as_russian("test", vocabulary_of(["test"])) is None
    assert read_as_russian("test", ARCHIVE) == "тест"
    assert read_as_russian("qwerty", ARCHIVE) is None
    assert read_as_russian("i", ARCHIVE) == "и"
    assert read_as_russian("s", ARCHIVE) is None


def test_each_word_of_a_query_is_put_right_and_told() -> None:
    repaired = repair_query("prikaz obrazovanie FGOS", ARCHIVE)
    assert repaired is not None
    assert repaired.text == "приказ образование ФГОС"
    assert repaired.corrections[0] == Correction("translit", "prikaz", "приказ")
    assert repair_query('"prikaz" https://obrazovanie.ru -prikaz', ARCHIVE) is None


def test_the_layout_comes_first() -> None:
    repaired = repair_query("ghbrfp prikaz", ARCHIVE)
    assert repaired is not None
    assert [made.kind for made in repaired.corrections] == ["layout", "translit"]
    assert repaired.text == "приказ приказ"


def test_english_with_a_word_that_could_be_russian_is_left_alone() -> None:
    assert repair_query("Big Test", ARCHIVE) is None
    assert repair_query("I школа", ARCHIVE) is None  # a Roman number
    for typed, meant in (("FGOS i Big", "ФГОС и Big"), ("FGOS i prikaz, школа", "ФГОС и приказ, школа")):
        repaired = repair_query(typed, ARCHIVE)
        assert repaired is not None
        assert repaired.text == meant
