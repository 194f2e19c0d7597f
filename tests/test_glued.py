"""Words written as one: where they are taken apart, and what stays whole."""

from __future__ import annotations

import pytest
from beds.words import ANALYZER, vocabulary_of

from searchsvc.glued import taken_apart, taken_apart_misspelt
from searchsvc.grammar import PREPOSITIONS, may_follow
from searchsvc.repair import repair_query
from searchsvc.stopwords import STOP_WORDS

USUAL = """
школа школу школе экзамен физике прием детский сад день знаний учитель года класс егэ куб IT олимпиада в совет
педагогический
"""
NEWS = dict.fromkeys(USUAL.split(), 300) | {"ник": 5, "берлин": 9}
ARCHIVE = vocabulary_of(NEWS)


def apart(word: str) -> str | None:
    found = taken_apart(word, ARCHIVE)
    return found[0].word if found else None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("вшколу", "в школу"),
        ("Вшколу", "В школу"),
        ("приемвшколу", "прием в школу"),
        ("экзаменпофизике", "экзамен по физике"),
        ("детскийсад", "детский сад"),
        ("деньзнаний", "день знаний"),
        ("9класс", "9 класс"),
        ("егэ2024", "егэ 2024"),
        ("ITкуб", "IT куб"),
    ],
)
def test_words_are_taken_apart(typed: str, meant: str) -> None:
    assert apart(typed) == meant
    repair = repair_query(f"{typed} олимпиада", ARCHIVE)
    assert repair is not None
    assert (repair.text, repair.sure) == (f"{meant} олимпиада", True)


@pytest.mark.parametrize(
    "word", ["учитель2", "2ЕГЭ", "вшкола", "кшколу", "Оберлин", "школа", "x9", "wordkuб"]
)
def test_what_grammar_forbids_and_codes_stay_whole(word: str) -> None:
    assert apart(word) is None


def test_words_that_make_no_phrase_and_that_no_article_has_together_are_not_believed() -> None:
    repair = repair_query("олимпиадник", ARCHIVE)
    assert repair is None or not repair.sure


def test_words_side_by_side_are_likelier_than_words_in_one_article_and_those_than_words_apart() -> None:
    costs = [
        taken_apart("классшкола", vocabulary_of(NEWS, hits=texts.__contains__))[0].cost
        for texts in (('"класс школа"', "класс школа"), ("класс школа",), ())
    ]
    assert costs == sorted(costs)
    assert len(set(costs)) == 3


def test_of_two_words_one_may_be_misspelt() -> None:
    found = list(taken_apart_misspelt("педагогическийсовт", ARCHIVE))
    assert "педагогический совет" in [guess.word for guess in found]
    together = vocabulary_of(NEWS, hits='"педагогический совет"'.__eq__)
    assert min(taken_apart_misspelt("педагогическийсовт", together)).cost < min(found).cost
    assert list(taken_apart_misspelt("егэ-2024", ARCHIVE)) == []


@pytest.mark.parametrize(
    ("head", "tail", "expected"),
    [
        ("в", "школу", True),
        ("в", "саду", True),  # a second locative
        ("в", "школой", False),
        ("по", "физике", True),
        ("детский", "сад", True),
        ("детские", "сады", True),
        ("детская", "сад", False),
        ("день", "знаний", True),
        ("день", "знаниям", False),
        ("петь", "сад", False),
    ],
)
def test_grammar_says_what_may_follow(head: str, tail: str, *, expected: bool) -> None:
    assert may_follow(head, ANALYZER.readings(head), ANALYZER.readings(tail)) is expected


def test_prepositions_are_words_without_a_meaning_of_their_own() -> None:
    assert set(PREPOSITIONS) <= STOP_WORDS
