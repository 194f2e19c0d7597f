"""How well one word stands behind another, by their forms."""

from __future__ import annotations

import pytest
from beds.words import ANALYZER
from hypothesis import given
from hypothesis import strategies as st

from searchsvc.grammar import AGREES, LISTED, STRANGE, goes_with


@pytest.mark.parametrize(
    ("before", "word", "expected"),
    [
        ("сельских", "школ", AGREES),
        ("сельских", "школа", LISTED),
        ("новой", "школы", AGREES),
        ("новый", "школы", LISTED),
        ("победители", "конкурса", AGREES),
        ("победители", "конкурс", LISTED),
        ("центр", "непрерывного", AGREES),
        ("олимпиада", "литература", LISTED),
        ("конкурс", "получился", STRANGE),
        ("школа", "быстро", STRANGE),
        ("проект", "Word", LISTED),
        ("", "школа", LISTED),
        ("", "прошёл", STRANGE),
    ],
)
def test_a_word_stands_as_its_form_lets_it(before: str, word: str, expected: float) -> None:
    assert goes_with(before, word, ANALYZER) == expected


@given(st.text(max_size=12), st.text(max_size=12))
def test_no_two_strings_raise(before: str, word: str) -> None:
    assert goes_with(before, word, ANALYZER) in {AGREES, LISTED, STRANGE}
