"""How much letters look like a word: real ones, mistyped ones, ones typed in the other layout."""

from __future__ import annotations

import pytest

from searchsvc.correction.keyboard import TO_LATIN, TO_RUSSIAN
from searchsvc.correction.trigrams import looks_like_a_word, surprises
from searchsvc.language.letters import ENGLISH, RUSSIAN


def average(word: str) -> float:
    letters = surprises(word)
    assert letters is not None
    assert len(letters) == len(word) + 1  # the end of a word is one thing more that may surprise
    return sum(letters) / len(word)


@pytest.mark.parametrize("word", ["урюпинск", "хабибуллина", "стартапер", "ковригина", "skysmart", "quizlet"])
def test_names_and_new_words_look_like_words_and_not_so_in_the_other_layout(word: str) -> None:
    assert average(word) < 3.6
    assert looks_like_a_word(word)
    typed = word.translate(TO_RUSSIAN if word.isascii() else TO_LATIN)
    if typed.isalpha():
        assert average(typed) > average(word) + 1
        assert not looks_like_a_word(typed)


@pytest.mark.parametrize(("typed", "meant"), [("лицсей", "лицей"), ("рейиинг", "рейтинг")])
def test_a_typo_surprises_more_than_the_word(typed: str, meant: str) -> None:
    assert average(typed) > average(meant) + 0.3


def test_every_sequence_of_letters_is_possible_and_none_is_certain() -> None:
    for alphabet in (RUSSIAN, ENGLISH):
        letters = surprises(alphabet + alphabet[::-1])
        assert letters is not None
        assert 0 < min(letters) <= max(letters) <= 255 * 0.06


@pytest.mark.parametrize("text", ["", "wоrd", "ёж", "it-куб", "9класс", "Школа"])
def test_what_is_no_folded_word_of_one_alphabet_is_not_judged(text: str) -> None:
    assert surprises(text) is None
    assert looks_like_a_word(text)
