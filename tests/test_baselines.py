"""Plain rankings: what they read, and that they are BM25 and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from math import log, sqrt
from pathlib import Path

import pytest

from indexer.baselines import K1, B, PlainBM25, PlainCosine, read, read_documents, readings, words
from searchsvc.language.analysis import Analyzer


def test_words_are_folded_as_ours_are_and_no_further() -> None:
    assert words("Ёлка, ЁЖ — 273-ФЗ; EГЭ «ещё»") == ["елка", "еж", "273", "фз", "eгэ", "еще"]
    assert words("и\u0306од") == ["йод"]  # two characters are one letter
    assert words("— … !") == []


def test_variants_read_words_as_written_as_stems_and_as_lemmas(analyzer: Analyzer) -> None:
    text = words("О музеях и ёлках, EГЭ 2022")
    found = {name: read(text, reading) for name, reading in readings(analyzer).items()}
    assert found == {
        "words": ["о", "музеях", "и", "елках", "eгэ", "2022"],
        "snowball": ["о", "музе", "и", "елк", "eгэ", "2022"],
        "lemma": ["музей", "елка", "eгэ", "2022"],  # with a stop list, as the published figures
    }


DOCUMENTS = [["музей", "школа"], ["школа", "школа", "урок", "звонок"], ["каша"], ["школа", "музей"]]


def bm25(frequency: int, length: int, having: int) -> float:
    """Lucene's BM25 of a word, by hand."""
    average = sum(map(len, DOCUMENTS)) / len(DOCUMENTS)
    rarity = log(1 + (len(DOCUMENTS) - having + 0.5) / (having + 0.5))
    return rarity * frequency / (frequency + K1 * (1 - B + B * length / average))


def test_the_order_is_that_of_bm25_by_hand() -> None:
    index = PlainBM25(DOCUMENTS, str)
    assert bm25(1, 2, 3) > bm25(2, 4, 3) * 0.9
    expected = sorted([0, 1, 3], key=lambda place: -bm25(1 if place != 1 else 2, 2 if place != 1 else 4, 3))
    assert index.search("школа", 10) == expected
    assert index.search("музей школа", 10) == [0, 3, 1]


def test_only_documents_that_have_a_word_are_answers_and_no_more_than_asked_for() -> None:
    index = PlainBM25(DOCUMENTS, str)
    assert index.search("каша", 10) == [2]
    assert index.search("школа музей", 1) == [0]
    assert index.search("нигде", 10) == []
    assert index.search("", 10) == []


@pytest.mark.parametrize("documents", [[], [[]], [["и"], []]])
def test_documents_without_a_word_answer_nothing(documents: list[list[str]]) -> None:
    assert PlainBM25(documents, lambda word: "" if word == "и" else word).search("музей", 10) == []


def test_cosines_are_those_of_tf_idf_by_hand() -> None:
    music, school, lesson = (log(len(DOCUMENTS) / having) for having in (2, 3, 1))
    one = {"музей": music, "школа": school}
    two = {"школа": (1 + log(2)) * school, "урок": lesson, "звонок": lesson}
    lengths = [sqrt(sum(weight**2 for weight in vector.values())) for vector in (one, two)]
    expected = one["школа"] * two["школа"] / lengths[0] / lengths[1]
    assert PlainCosine(DOCUMENTS, str).scores(0) == pytest.approx([1, expected, 0, 1])


def test_a_document_is_read_with_its_title(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(
        '{"_id": 1, "title": "Хор", "text": "Концерт"}\n{"_id": "b", "title": null}\n', encoding="utf-8"
    )
    assert read_documents(path) == (["1", "b"], [["хор", "концерт"], []])


def test_answers_do_not_hang_on_the_seed_of_hashes() -> None:
    script = (
        "from indexer.baselines import PlainBM25\n"
        "docs = [[f'w{n * k % 17}' for k in range(1, 3 + n % 5)] for n in range(60)]\n"
        "print([PlainBM25(docs, str).search(f'w{n} w{n + 3} w{n + 5}', 60) for n in range(12)])\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(answers) == 1
    assert len(answers.pop()) > 500
