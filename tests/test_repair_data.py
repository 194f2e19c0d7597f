"""Faulty queries and correct ones of our own, on the sample: figures that are not to fall.

All were written before the mechanisms they measure. Those in ``*-held`` files are a third, chosen by a
checksum of the query; nobody has looked at which of them fail, and nobody is to.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from beds.words import ANALYZER

from searchsvc.repair import repair_query
from searchsvc.search import SearchService
from searchsvc.vocabulary import Vocabulary, vocabulary_in

FOLDER = Path(__file__).parent / "repair"
KINDS = {
    "layout", "vowels", "missing", "extra", "swapped", "keys", "consonants", "soft", "forms", "names",
    "translit", "glued", "split", "lookalikes", "hyphens", "repeated", "two",
}  # fmt: skip


def faulty(name: str) -> list[tuple[str, str, str]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "kind\ttyped\twanted"
    return [(kind, typed, wanted) for kind, typed, wanted in (line.split("\t") for line in lines[1:])]


def correct(name: str) -> list[str]:
    return (FOLDER / name).read_text(encoding="utf-8").splitlines()


def searched(text: str) -> list[str]:
    """Return what a search would look for: two queries with the same are the same to readers."""
    return [token.lemmas[0] for token in ANALYZER.tokens(text) if not token.whole]


def repaired(rows: list[tuple[str, str, str]], make: Vocabulary) -> Counter[str]:
    """Count what becomes of faulty queries whose right words the archive has."""
    found: Counter[str] = Counter()
    for _, typed, wanted in rows:
        if all(make.has(word) for word in wanted.split()):
            repair = repair_query(typed, make)
            right = searched(repair.text if repair else typed) == searched(wanted)
            found["right" if right and (not repair or repair.sure) else "offered" if right else "other"] += 1
    return found


def test_there_are_many_of_every_kind_and_none_twice() -> None:
    rows = faulty("faulty.tsv") + faulty("faulty-held.tsv")
    queries = correct("correct.txt") + correct("correct-held.txt")
    assert len({typed for _, typed, _ in rows}) == len(rows) >= 250
    assert len(set(queries)) == len(queries) >= 150
    assert {kind for kind, _, _ in rows} == KINDS


@pytest.mark.parametrize(
    ("name", "least", "right", "offered"),
    [("faulty.tsv", 130, 0.96, 0.97), ("faulty-held.tsv", 70, 0.89, 0.93)],
)
def test_queries_with_faults_are_put_right(
    name: str, least: int, right: float, offered: float, sample_service: SearchService
) -> None:
    found = repaired(faulty(name), vocabulary_in(sample_service._live.view(), ANALYZER))
    assert found.total() >= least
    assert found["right"] / found.total() >= right
    assert (found["right"] + found["offered"]) / found.total() >= offered


@pytest.mark.parametrize(("name", "most"), [("correct.txt", 1), ("correct-held.txt", 0)])
def test_rare_words_names_and_codes_stay(name: str, most: int, sample_service: SearchService) -> None:
    vocabulary = vocabulary_in(sample_service._live.view(), ANALYZER)
    changed = sum(
        repair is not None and repair.sure
        for repair in (repair_query(query, vocabulary) for query in correct(name))
    )
    assert changed <= most
