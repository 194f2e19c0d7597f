"""Beginnings of our own, completed towards the sample: figures that are not to fall, and no dead ends."""

from __future__ import annotations

from beds.words import ANALYZER
from bench.completions import Wish, answered, figures, rank, wishes

from searchsvc.results import SearchRequest
from searchsvc.search import SearchService


def test_second_words_are_completed_as_they_are_meant(sample_service: SearchService) -> None:
    some = answered(sample_service, wishes())
    assert len(some) >= 110
    found = figures([rank(sample_service, ANALYZER, wish) for wish in some])
    assert found.five >= 0.94
    assert found.mrr >= 0.91


def test_no_completion_of_them_is_a_dead_end(sample_service: SearchService) -> None:
    for wish in wishes():
        for one in sample_service.suggest(wish.typed):
            if one.kind != "category":
                found = sample_service.search(SearchRequest(one.text, correct="off"))
                assert found.total > 0, (wish.typed, one.text)


def test_a_completion_that_goes_another_way_is_not_right(sample_service: SearchService) -> None:
    assert rank(sample_service, ANALYZER, Wish("учитель г", "учитель года")) == 1
    assert rank(sample_service, ANALYZER, Wish("учитель г", "учитель года Верхнелужской области")) == 1
    assert rank(sample_service, ANALYZER, Wish("учитель г", "учитель гитары")) == 0
