"""The correct queries by which repair is measured are many, different, and of our own."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

from beds.words import ANALYZER

from searchsvc.correction.repair import repair_query
from searchsvc.correction.vocabulary import vocabulary_in
from searchsvc.language.text import fold
from searchsvc.search import SearchService

QUESTIONS = [
    line
    for line in (Path(__file__).parent / "questions" / "questions.txt")
    .read_text(encoding="utf-8")
    .splitlines()
    if line and not line.startswith("#")
]


def test_there_are_enough_and_no_two_are_the_same() -> None:
    assert len(QUESTIONS) >= 400
    assert len({fold(question) for question in QUESTIONS}) == len(QUESTIONS)


def test_they_are_of_all_lengths_and_kinds() -> None:
    lengths = {len(question.split()) for question in QUESTIONS}
    assert lengths >= set(range(1, 13))
    for kind in (r"\d", "[A-Za-z]", "«", '"', r"\w-\w", "ё", r"\b[А-Я]{3,}\b", r"\?$"):
        assert sum(bool(re.search(kind, question)) for question in QUESTIONS) >= 5, kind


def test_no_word_mixes_latin_and_cyrillic_letters() -> None:
    for question in QUESTIONS:
        for word in re.findall(r"\w+", question):
            assert not (re.search("[A-Za-z]", word) and re.search("[А-Яа-яЁё]", word)), word


def test_none_is_a_judged_query_of_the_sample() -> None:
    judged = files("corpus") / "sample" / "judged" / "queries.jsonl"
    texts = {fold(json.loads(line)["text"]) for line in judged.read_text(encoding="utf-8").splitlines()}
    assert not texts & {fold(question) for question in QUESTIONS}


def test_one_of_them_is_changed_at_most(sample_service: SearchService) -> None:
    """Most hold words that the sample lacks, so that repair is tempted."""
    view = sample_service._live.view()
    changed = {
        question: repair.text
        for question in QUESTIONS
        if (repair := repair_query(question, vocabulary_in(view, ANALYZER))) and repair.sure
    }
    assert len(changed) <= 1, changed
