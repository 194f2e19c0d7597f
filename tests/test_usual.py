"""How usual words are in news in general, from the packaged tables."""

from __future__ import annotations

import numpy as np
import pytest

from searchsvc.correction.usual import usual_forms, usual_lemmas
from searchsvc.language.text import fold


def test_a_usual_word_has_a_greater_count_than_a_rare_one() -> None:
    counts = [usual_lemmas().count(lemma) for lemma in ("год", "школа", "олимпиада", "антиплагиат")]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 100
    assert counts[0] < 1.2e9  # words in all


def test_a_word_that_news_lack_counts_nothing() -> None:
    assert usual_forms().count("щкольникк") == usual_lemmas().count("щкольникк") == 0


def test_the_forms_of_a_word_and_compounds_with_it_count_for_one_lemma() -> None:
    forms = ("школа", "школы", "школе", "школу", "школой", "школ", "школам", "школами", "школах")
    assert sum(map(usual_forms().count, forms)) == pytest.approx(usual_lemmas().count("школа"), rel=0.1)


def test_a_form_is_looked_up_folded() -> None:
    assert usual_forms().count(fold("Продлёнка")) > 100


def test_tables_are_in_order_and_without_doubles() -> None:
    for table in (usual_lemmas(), usual_forms()):
        assert (np.diff(table.words.astype(np.int64)) > 0).all()
        assert len(table.words) > 100_000
