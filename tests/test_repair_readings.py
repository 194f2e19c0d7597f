"""What may be read in several ways: the other layout or Latin letters, marks that are keys, Caps Lock."""

from __future__ import annotations

import random
from time import process_time

import pytest
from beds.words import vocabulary_of

from searchsvc.correction.repair import repair_query
from searchsvc.correction.vocabulary import Vocabulary

EXAMS = vocabulary_of(
    {"егэ": 20, "огэ": 8, "итоги": 40, "приказ": 30, "образование": 60, "экзамен": 20},
    listed=["егэ", "огэ", "ниу"],
)


def repaired(text: str, vocabulary: Vocabulary = EXAMS) -> str | None:
    found = repair_query(text, vocabulary)
    return found.text if found and found.sure else None


@pytest.mark.parametrize(("typed", "meant"), [("ege", "егэ"), ("итоги ege", "итоги егэ"), ("oge", "огэ")])
def test_what_the_archive_has_in_latin_letters_is_meant_before_a_word_of_the_dictionary(
    typed: str, meant: str
) -> None:
    assert repaired(typed) == meant  # «упу» is a form of «упа»


def test_an_abbreviation_of_the_list_is_meant_before_a_more_usual_word() -> None:
    words = {"ниу": 1, "нью": 56}
    assert repaired("niu", vocabulary_of(words, listed=["ниу"])) == "ниу"
    assert repaired("niu", vocabulary_of(words)) == "нью"
    words = {"егэ": 1, "упу": 56}
    assert repaired("ege", vocabulary_of(words, listed=["егэ"])) == "егэ"
    assert repaired("ege", vocabulary_of(words)) == "упу"


def test_two_letters_are_an_abbreviation_of_the_list_or_only_suggested() -> None:
    assert repaired("fz", vocabulary_of(["фз", "ая"], listed=["фз"])) == "фз"
    found = repair_query("fz", vocabulary_of(["фз"]))
    assert found is not None
    assert (found.text, found.sure) == ("фз", False)


def test_other_words_of_the_query_say_which_reading_is_meant_or_its_hits() -> None:
    words = {"егэ": 5, "упу": 5, "игрока": 9, "приказ": 9}
    assert repaired("ege igroka", vocabulary_of(words)) == "егэ игрока"
    assert repaired("ege ghbrfp", vocabulary_of(words)) == "упу приказ"
    assert repaired("ege ghbrfp", vocabulary_of(words, hits="егэ приказ".__eq__)) == "егэ приказ"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("TU'", "ЕГЭ"),
        ('TU"', "ЕГЭ"),
        ("J,HFPJDFYBT", "ОБРАЗОВАНИЕ"),
        ("J,hfpjdfybt", "Образование"),
        ('"rpfvty', "Экзамен"),
        ('"rpfvty ghbrfp', "Экзамен приказ"),
    ],
)
def test_marks_are_keys_and_capitals_are_those_of_the_letters(typed: str, meant: str) -> None:
    assert repaired(typed) == meant


@pytest.mark.parametrize("text", ['"rpfvty"', '"ghbrfp', '"school ghbrfp', "::", "'; ,."])
def test_quotes_around_words_and_marks_alone_stay(text: str) -> None:
    assert repair_query(text, EXAMS) is None


def test_of_a_pasted_text_of_another_language_few_words_are_tried() -> None:
    letters = random.Random(1)
    for start, length, most in (("sh", 9, 85), ("", 23, 42), ("шк", 9, 85)):
        alphabet = "абвгдежзик" if start == "шк" else "abcdefghijklmnopqrstuvwxyz"
        words = [start + "".join(letters.choices(alphabet, k=length)) for _ in range(most)]
        took = {}
        for number in (12, most):
            started = process_time()
            repair_query(" ".join(words[:number]), vocabulary_of({"школа": 50, "приказ": 30}))
            took[number] = process_time() - started
        assert took[most] < 3 * took[12] + 0.02


def test_words_that_can_be_read_are_read_however_many() -> None:
    assert repaired(" ".join(["obrazovanie"] * 20)) == " ".join(["образование"] * 20)
    assert repaired(" ".join(["j,hfpjdfybt"] * 20)) == " ".join(["образование"] * 20)


MENTORS = vocabulary_of(
    {"образование": 60, "наставничество": 20, "педагог": 90, "школа": 80, "обучение": 30, "педсовет": 5}
    | {"фз": 9, "273": 4, "1493": 3, "класс": 30, "учитель": 50, "лица": 90, "приказ": 9},
    hits='"273 ФЗ"'.__eq__,
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("образовние…", "образование…"),
        ("#образовние", "#образование"),
        ("образовние*", "образование*"),
        ("образовние—обучение", "образование—обучение"),
        ("наставничетсво,педагог", "наставничество,педагог"),
        ("наставничетсво;педогог", "наставничество;педагог"),
        ("школа:обрзование", "школа:образование"),
        ('наставничетсво"', 'наставничество"'),
        ("пед.совет", "педсовет"),
        ("пед. совет", "педсовет"),
        ("обр\u202eазовние", "образование"),
    ],
)
def test_marks_do_not_hide_a_misspelt_word(typed: str, meant: str) -> None:
    assert repaired(typed, MENTORS) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("273ФЗ", "273 ФЗ"),
        ("N1493", "№ 1493"),
        ("приказ №1493", None),
        ("2ФЗ", None),  # no article has «2 ФЗ»
        ("N1494", None),
        ("9класс", "9 класс"),
        ("учитель(лина)", None),
        ("тег:обрзование", None),
    ],
)
def test_numbers_are_put_apart_from_words_and_signs(typed: str, meant: str | None) -> None:
    assert repaired(typed, MENTORS) == meant


def test_the_archive_has_a_compound_if_it_has_its_parts() -> None:
    words = vocabulary_of(["America's", "02.08.2022", "учебно-методический"])
    assert words.has("America's")
    assert words.has("02.08.2022")
    assert words.has("учебно-методический")
    assert not words.has("America'школа")
    assert not words.has("America/America's")  # a mark that makes no compound
