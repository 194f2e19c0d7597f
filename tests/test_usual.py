"""How usual words are in news in general, from the packaged tables."""

from __future__ import annotations

import numpy as np
import pytest

from searchsvc.document import term_hash
from searchsvc.text import fold
from searchsvc.usual import WORDS_IN_ALL, usual_forms, usual_lemmas


def test_a_usual_word_has_a_greater_count_than_a_rare_one() -> None:
    counts = [usual_lemmas().count(lemma) for lemma in ("год", "школа", "олимпиада", "антиплагиат")]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 100
    assert counts[0] < WORDS_IN_ALL


def test_a_word_that_news_lack_counts_nothing() -> None:
    assert usual_forms().count("щкольникк") == usual_lemmas().count("щкольникк") == 0


def test_the_forms_of_a_word_and_compounds_with_it_count_for_one_lemma() -> None:
    forms = ("школа", "школы", "школе", "школу", "школой", "школ", "школам", "школами", "школах")
    assert sum(map(usual_forms().count, forms)) == pytest.approx(usual_lemmas().count("школа"), rel=0.1)


def test_a_form_is_looked_up_folded() -> None:
    assert usual_forms().count(fold("Продлёнка")) > 100


def test_many_words_are_looked_up_at_once_by_their_hashes() -> None:
    words = ["школа", "щкольникк", "егэ"]
    counts = usual_lemmas().counts(np.array([term_hash(word) for word in words], np.uint32))
    assert counts.tolist() == [usual_lemmas().count(word) for word in words]
    assert counts[1] == 0


def test_tables_are_in_order_and_without_doubles() -> None:
    for table in (usual_lemmas(), usual_forms()):
        assert (np.diff(table.rows["word"].astype(np.int64)) > 0).all()
        assert len(table.rows) > 100_000
