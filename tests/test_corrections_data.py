"""Misspelt words of our own, put right towards the sample's words: figures that are not to fall."""

from __future__ import annotations

from pathlib import Path

from beds.words import ANALYZER

from searchsvc.correction.repair import proposals, repair_query
from searchsvc.correction.vocabulary import vocabulary_in
from searchsvc.language.text import fold
from searchsvc.search import SearchService

ROWS = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent / "corrections" / "typos.tsv")
    .read_text(encoding="utf-8")
    .splitlines()[1:]
]


def test_typos_of_every_kind_are_put_right(sample_service: SearchService) -> None:
    vocabulary = vocabulary_in(sample_service._live.view(), ANALYZER)
    places = []
    sure = 0
    for _, wrong, right in ROWS:
        found = [fold(text) for text in proposals(wrong, vocabulary, 5)]
        places.append(found.index(fold(right)) if fold(right) in found else -1)
        repair = repair_query(f"{wrong} школа", vocabulary)
        sure += repair is not None and repair.sure
    assert len(ROWS) > 90
    assert {kind for kind, _, _ in ROWS} >= {
        "vowel",
        "sound",
        "sign",
        "double",
        "unheard",
        "swap",
        "inflected",
    }
    assert places.count(0) / len(ROWS) >= 0.96
    assert (len(ROWS) - places.count(-1)) / len(ROWS) >= 0.98
    assert sure / len(ROWS) >= 0.9


def test_every_word_of_the_sample_typed_in_the_other_layout_is_put_right(
    sample_service: SearchService,
) -> None:
    """A third of its words, whole and by half; none of them may come out as another word."""
    from searchsvc.correction.keyboard import TO_LATIN, repair_layout

    view = sample_service._live.view()
    vocabulary = vocabulary_in(view, ANALYZER)
    words = [
        entry.form
        for number, entry in enumerate(view.generation.store.lexicon().beginning(""))
        if number % 3 == 0 and len(entry.form) > 2 and entry.form.isalpha() and not entry.form.isascii()
    ]
    wrong = []
    for word in words:
        half = len(word) // 2
        for typed in (
            word.translate(TO_LATIN),
            word[:half] + word[half:].translate(TO_LATIN),
            word[:half].translate(TO_LATIN) + word[half:],
        ):
            if repair_layout(typed, vocabulary) != word:
                wrong.append((typed, word, repair_layout(typed, vocabulary)))
    assert len(words) > 1000
    assert len(wrong) / len(words) / 3 < 0.005, wrong
