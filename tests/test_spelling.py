"""Candidates for misspelt words: what Russian confuses is near, and the likelier word comes first."""

from __future__ import annotations

import random

import numpy as np
import pytest
from beds.words import ANALYZER, vocabulary_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from searchsvc.correction.spelling import COSTS, MOST_COMPARED, candidates, changes
from searchsvc.correction.vocabulary import english
from searchsvc.language.letters import ALPHABET
from searchsvc.store.lexicon import Entry, Lexicon, Words


def lexicon(*words: str, documents: int = 1) -> Lexicon:
    return Lexicon.of(Entry(word, word, documents) for word in words)


def forms(word: str, words: Lexicon, limit: int = 10) -> list[str]:
    return [candidate.entry.form for candidate in candidates(word, words, limit=limit)]


@pytest.mark.parametrize(
    ("typed", "near", "far"),
    [
        ("шкала", "школа", "шкода"),  # unstressed а for о
        ("гараж", "гараш", "гаран"),  # unvoiced at the end
        ("боюс", "боюсь", "боюст"),
        ("гостинная", "гостиная", "гостинкая"),
        ("професор", "профессор", "профескор"),
        ("сонце", "сорце", "сомце"),  # keys side by side
        ("учтиель", "учитель", "учтижль"),  # letters that changed places
        ("грусный", "грустный", "грускный"),
        ("чуство", "чувство", "чуаство"),
        ("обьект", "объект", "обнект"),
        ("длииинный", "длинный", "длианный"),
        ("чтото", "что-то", "чтоото"),
    ],
)
def test_what_is_easily_confused_costs_less(typed: str, near: str, far: str) -> None:
    one, two = changes(typed, [near, far])
    assert one < two


def test_the_first_letter_is_seldom_wrong() -> None:
    first, inner = changes("парк", ["барк", "парг"])
    assert first > inner


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("встретицца", "встретиться"),
        ("нравитца", "нравится"),
        ("учаться", "учатся"),
        ("какова", "какого"),
        ("нащот", "насчот"),
        ("конешно", "конечно"),
        ("серйозный", "серезный"),
        ("оооочень", "очень"),
        ("преехалл", "приехал"),
        ("щас", "час"),
    ],
)
def test_words_written_as_they_are_heard_are_found(typed: str, meant: str) -> None:
    others = lexicon("стол", "окно", "встреча", "нрав", "учить", "когда", meant)
    assert forms(typed, others)[0] == meant


def test_the_word_more_articles_have_comes_first() -> None:
    words = Lexicon.of([Entry("кошка", "кошка", 5), Entry("кочка", "кочка", 5000)])
    assert forms("коока", words) == ["кочка", "кошка"]


def test_the_word_itself_and_words_that_are_gone_are_no_candidates() -> None:
    words = Lexicon(
        Words.build([Entry("школа", "школа", 5), Entry("школы", "школы", 5)]),
        Words.build([Entry("школу", "школу", 1)]),
        gone=["школы"],
    )
    assert forms("школа", words) == ["школу"]


def test_something_else_is_no_candidate() -> None:
    assert forms("бюджет", lexicon("школа", "образование", "бинт")) == []
    assert forms("273-фз", lexicon("273-фс")) == []
    assert forms("", lexicon("я")) == forms("1", lexicon("я")) == []


def test_of_very_many_words_the_nearest_are_compared() -> None:
    alike = ["".join(letters) for letters in _shuffles("колобан", 3 * MOST_COMPARED)]
    assert "колобок" in forms("колобак", lexicon(*alike, "колобок"), limit=50)


def _shuffles(word: str, number: int) -> set[tuple[str, ...]]:
    chance = random.Random(1)
    return {tuple(chance.sample(word, len(word))) for _ in range(number)}


words = st.text(ALPHABET[1:], min_size=2, max_size=12)


@given(words, st.lists(words, min_size=1, max_size=8, unique=True))
@settings(deadline=None)
def test_the_cost_of_a_change_is_nothing_for_the_same_and_is_least_of_all_ways(
    typed: str, found: list[str]
) -> None:
    costs = changes(typed, found)
    for word, cost in zip(found, costs, strict=True):
        assert (cost < 1e-3) == (word == typed)
        assert cost <= plain_distance(typed, word) + 1e-3


def plain_distance(typed: str, meant: str) -> float:
    """Return the dearest that an edit distance can be: all letters of one gone, all of the other missing."""
    dearest = max(COSTS.extra, COSTS.missing) + COSTS.first
    return dearest * (len(typed) + len(meant))


@given(
    st.lists(words, max_size=20, unique=True),
    st.integers(0, 19),
    st.integers(0, 11),
    st.sampled_from(ALPHABET[1:]),
)
@example(["aaaa"], 0, 0, "а")  # three of one letter may be right
@settings(deadline=None)
def test_one_wrong_letter_never_hides_a_word(found: list[str], which: int, place: int, letter: str) -> None:
    if not found:
        return
    meant = found[which % len(found)]
    at = place % len(meant)
    typed = meant[:at] + letter + meant[at + 1 :]
    if typed != meant:
        assert meant in forms(typed, lexicon(*found), limit=30)


@given(st.text(max_size=50))
@settings(deadline=None)
def test_no_string_raises(text: str) -> None:
    forms(text, lexicon("школа", "что-то", "test"))


def test_no_forms_cost_nothing() -> None:
    assert changes("школа", []) == []


# --- the vocabulary ---------------------------------------------------------------------------


def test_a_vocabulary_proposes_forms_that_the_archive_lacks_of_words_that_it_has() -> None:
    archive = vocabulary_of({"олимпиада": 500})
    assert archive.near("олимпеадами")[0].word == "олимпиадами"
    assert archive.has("олимпиадами")
    assert not archive.has("олимпеадами")
    assert archive.is_word("олимпиадами")


def test_what_most_articles_have_is_the_likeliest() -> None:
    archive = vocabulary_of({"школа": 5000, "лемур": 1})
    assert (
        archive.cost("школа") < archive.cost("школами") + 1e-9 < archive.cost("лемур") < archive.cost("слон")
    )


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("школьный", True), ("антиплагиат", True), ("термодинамически", True), ("ШКОЛАМИ", True),
        ("шкoла", True), ("school", True), ("Google", True), ("VR-очки", True), ("учебно-школьный", True),
        ("шкала-оброзование", False), ("оброзование", False), ("qwerty1", False), ("абвгд", False),
        ("-", False),
    ],
)  # fmt: skip
def test_words_are_told_from_what_is_none(word: str, known: bool) -> None:
    assert vocabulary_of([]).is_word(word) is known


def test_the_english_words_are_plain_and_many() -> None:
    assert 5_000 < len(english()) < 12_000
    assert all(word.isascii() and word.isalpha() and word.islower() for word in english())
    assert ANALYZER.known_among(["школа", "шкила"]) == ["школа"]


def test_costs_are_the_same_whatever_stands_beside() -> None:
    alone = changes("оброзование", ["образование"])
    assert np.allclose(alone, changes("оброзование", ["образование", "преобразованием"])[:1])
