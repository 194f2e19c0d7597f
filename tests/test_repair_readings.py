"""What may be read in several ways: the other layout or Latin letters, marks that are keys, Caps Lock."""

from __future__ import annotations

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
