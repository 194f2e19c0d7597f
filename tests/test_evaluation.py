"""Judged sets: how they are read, what figures they give, and the floor that the sample's may not fall below.

Floors are in ``tests/floors``. They move up with what ranking gains (``--raise-floors``) and go down only
where that is asked for (``--lower-floors``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import log2
from pathlib import Path
from typing import Any

import pytest
from conftest import SAMPLE, Hold

from indexer.evaluate import evaluate_search, judged_set
from searchsvc.comparison import SIGNIFICANT
from searchsvc.errors import EvaluationError
from searchsvc.evaluation import Answered, JudgedQuery, JudgedSet, by_query, read_judged, read_rows, score
from searchsvc.floors import measured_search

JUDGED = SAMPLE.parent / "judged"


@pytest.fixture(scope="module")
def sample_set() -> Iterator[Path]:
    """The sample with its judgements as one BEIR folder."""
    with judged_set(None) as folder:
        yield folder


@pytest.fixture(scope="module")
def figures(sample_set: Path) -> dict[str, Any]:
    return evaluate_search(sample_set, per_query=True, compare=True)


# --- the pinned floor -------------------------------------------------------------------------


def test_the_samples_judged_queries_are_answered_as_well_as_they_were(
    figures: dict[str, Any], hold_floors: Hold
) -> None:
    hold_floors("sample-search", figures["set"], measured_search(figures))


def test_no_judged_query_ends_in_nothing(figures: dict[str, Any]) -> None:
    assert figures["dead_ends"] == 0


def test_the_sample_is_answered_better_than_by_plain_rankings(figures: dict[str, Any]) -> None:
    for name, plain in figures["compare"].items():
        gain = plain["to_ours"]
        assert gain["difference"] > 0, name
        assert gain["p"] < SIGNIFICANT, name


def test_figures_by_query_average_to_the_whole(figures: dict[str, Any]) -> None:
    assert len(figures["by_query"]) == figures["queries"]
    average = sum(figures["by_query"].values()) / figures["queries"]
    assert average == pytest.approx(figures["ndcg@10"], abs=1e-4)


def test_without_repair_queries_in_the_wrong_layout_are_lost(sample_set: Path, tmp_path: Path) -> None:
    rows = [row for row in read_rows(JUDGED / "queries.jsonl") if row["kind"] == "layout"]
    queries = tmp_path / "layout.jsonl"
    queries.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    steps: list[tuple[str, int, int | None]] = []
    without = evaluate_search(
        sample_set, queries=queries, correct="off", progress=lambda *step: steps.append(step)
    )
    assert without["queries"] == len(rows) >= 7
    assert without["ndcg@10"] < 0.4  # kin of «Образовfybt» bring some
    assert without["dead_ends"] > 0.5
    assert steps[-1][1:] == (len(rows), len(rows))


# --- figures, by hand -------------------------------------------------------------------------

ONE, TWO, THREE = JudgedQuery("1", "один", "a"), JudgedQuery("2", "два", "b"), JudgedQuery("3", "три", "b")
SET = JudgedSet(
    (ONE, TWO, THREE),
    {"1": {"x": 3, "y": 1, "z": 0}, "2": {"x": 2}, "3": {"y": 1}},
)
ANSWERS = [
    Answered(ONE, ["y", "z", "x"], 1.0),
    Answered(TWO, [f"n{number}" for number in range(10)] + ["x"], 2.0),
    Answered(THREE, [], 9.0),
]
NDCG_ONE = (1 + 3 / log2(4)) / (3 + 1 / log2(3))


def test_figures_are_those_computed_by_hand() -> None:
    found = score(SET, ANSWERS)
    assert found["queries"] == 3
    assert found["ndcg@10"] == round(NDCG_ONE / 3, 4)  # the second answer is at place 11
    assert found["mrr@10"] == round(1 / 3, 4)
    assert found["recall@100"] == round(2 / 3, 4)
    assert found["success@10"] == round(1 / 3, 4)
    assert found["dead_ends"] == round(1 / 3, 4)
    assert (found["p50_ms"], found["p95_ms"]) == (2.0, 8.3)


def test_figures_of_a_kind_are_those_of_its_queries() -> None:
    found = score(SET, ANSWERS)["by_kind"]
    assert set(found) == {"a", "b"}
    assert found["a"]["queries"] == 1
    assert found["a"]["ndcg@10"] == round(NDCG_ONE, 4)
    assert (found["b"]["ndcg@10"], found["b"]["recall@100"], found["b"]["dead_ends"]) == (0, 0.5, 0.5)
    unkind = [Answered(JudgedQuery("1", "один", ""), ["x"], 1.0)]
    assert score(SET, unkind)["by_kind"] == {}


def test_figures_by_query_have_the_unanswered_too() -> None:
    found = by_query(SET, ANSWERS)
    assert found == {"1": pytest.approx(NDCG_ONE), "2": 0.0, "3": 0.0}


def test_a_perfect_answer_has_full_marks_and_none_has_none() -> None:
    perfect = score(SET, [Answered(ONE, ["x", "y"], 1.0)])
    assert [perfect[name] for name in ("ndcg@10", "mrr@10", "recall@100", "success@10")] == [1, 1, 1, 1]
    nothing = score(SET, [Answered(ONE, [], 1.0)])
    assert [nothing[name] for name in ("ndcg@10", "mrr@10", "recall@100", "success@10")] == [0, 0, 0, 0]


# --- how a set is read ------------------------------------------------------------------------

GOOD = {
    "corpus.jsonl": '{"_id": "x", "title": "Школьный музей", "text": "Открыт\\n\\nВчера"}\n'
    '{"_id": "y", "title": "Столовая", "text": "Меню", "published": "2022-05-09", "tags": ["питание"]}\n',
    "queries.jsonl": '{"_id": "1", "text": "музеи", "kind": "plain"}\n\n{"_id": "2", "text": "без оценок"}\n',
    "qrels.tsv": "query-id\tcorpus-id\tscore\n1\tx\t2\n1\ty\t0.0\n",
}


def write(folder: Path, **files: str | bytes | None) -> Path:
    """Write a good set in *folder*, some of its files otherwise; None leaves one out."""
    named = {name.replace("_", "."): content for name, content in files.items()}
    for name, content in (GOOD | named).items():
        if content is not None:
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_a_small_set_is_evaluated_from_end_to_end(tmp_path: Path) -> None:
    found = evaluate_search(write(tmp_path))
    assert (found["queries"], found["ndcg@10"], found["recall@100"]) == (1, 1.0, 1.0)
    assert found["by_kind"]["plain"]["queries"] == 1
    assert "by_query" not in found


def test_queries_without_grades_are_left_out(tmp_path: Path) -> None:
    judged = read_judged(write(tmp_path))
    assert judged.queries == (JudgedQuery("1", "музеи", "plain"),)
    assert judged.grades == {"1": {"x": 2, "y": 0}}


def test_grades_may_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, qrels_tsv=None)
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(GOOD["qrels.tsv"], encoding="utf-8")
    assert read_judged(tmp_path).grades == {"1": {"x": 2, "y": 0}}


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"qrels_tsv": None}, ["qrels.tsv", "qrels/test.tsv"]),
        ({"qrels_tsv": "query\tdocument\tscore\n1\tx\n"}, ["qrels.tsv", "строка 2", "три столбца"]),
        ({"qrels_tsv": "query\tdocument\tscore\n1\tx\t1\n1 0 x 2\n"}, ["qrels.tsv", "строка 3"]),
        ({"qrels_tsv": "query\tdocument\tscore\n1\tx\tхорошо\n"}, ["qrels.tsv", "строка 2", "«хорошо»"]),
        ({"qrels_tsv": "query\tdocument\tscore\n1\tx\tinf\n"}, ["qrels.tsv", "строка 2", "«inf»"]),
        ({"qrels_tsv": "запрос".encode("cp1251")}, ["qrels.tsv", "UTF-8"]),
        ({"qrels_tsv": "query\tdocument\tscore\n"}, ["ни один запрос"]),
        ({"queries_jsonl": None}, ["queries.jsonl", "BEIR"]),
        (
            {"queries_jsonl": '{"_id": "1", "text": "а"}\n{"_id": \n'},
            ["queries.jsonl", "строка 2", "не JSON"],
        ),
        ({"queries_jsonl": '{"_id": "1"}\n'}, ["queries.jsonl", "строка 1", "text"]),
        ({"queries_jsonl": '\n["1", "а"]\n'}, ["queries.jsonl", "строка 2", "_id"]),
        ({"queries_jsonl": '{"_id": "9", "text": "а"}\n'}, ["ни один запрос"]),
        ({"queries_jsonl": "запрос".encode("cp1251")}, ["queries.jsonl", "UTF-8"]),
        ({"corpus_jsonl": None}, ["corpus.jsonl", "набор неполон"]),
        ({"corpus_jsonl": '{"_id": "x"}\n{"title": "без имени"}\n'}, ["corpus.jsonl", "строка 2", "_id"]),
        ({"corpus_jsonl": "не json\n"}, ["corpus.jsonl", "строка 1"]),
        ({"corpus_jsonl": '{"_id": "x7", "published": "вчера"}\n'}, ["«x7»", "«вчера»", "ISO 8601"]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_set_of_another_layout_is_an_error_that_names_the_place(
    tmp_path: Path, files: dict[str, str | bytes | None], named: list[str]
) -> None:
    folder = write(tmp_path, **files)
    with pytest.raises(EvaluationError) as caught:
        evaluate_search(folder)
    for part in named:
        assert part in str(caught.value)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"нет qrels\.tsv"):
        evaluate_search(tmp_path / "nowhere")
    with pytest.raises(EvaluationError, match=r"Не читается .*other\.jsonl"):
        evaluate_search(write(tmp_path), queries=tmp_path / "other.jsonl")
