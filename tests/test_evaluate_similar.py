"""Judged pairs of texts: how they are read and what figures they give."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest
from conftest import SAMPLE, Hold
from test_evaluation import JUDGED

from indexer.evaluate import beir_lines
from indexer.evaluate_similar import JudgedPair, Scored, evaluate_similar, figures, read_pairs
from searchsvc.errors import EvaluationError
from searchsvc.floors import measured_similar
from web.cli import run

MUSEUM = "Школьный музей открыл выставку о краеведах, экспонаты собирали ветераны посёлка."
DOCS = {
    "museum": ("Выставка в музее", MUSEUM),
    "veterans": ("О краеведах", "Ветераны отдали музею экспонаты о краеведах, открыта выставка."),
    "lunch": ("Меню", "В столовой изменилось меню: горячие завтраки, каши и компот без сахара."),
    "porridge": ("Каша", "Горячие завтраки: каши на молоке и компот подадут в столовой по новому меню."),
    "quarry": ("Музей карьера", "Гранитный карьер открыл музей камня."),
}
PAIRS = "a\tb\tsame\nmuseum\tveterans\t1\nlunch\tporridge\t1\nmuseum\tquarry\t0\n"


def write(folder: Path, pairs: str | bytes = PAIRS) -> Path:
    rows = ({"_id": name, "title": title, "text": text} for name, (title, text) in DOCS.items())
    (folder / "docs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (folder / "pairs.tsv").write_bytes(pairs if isinstance(pairs, bytes) else pairs.encode())
    return folder


# --- the pinned floor -------------------------------------------------------------------------

MOST_ON_A_TOPIC = 8
"""Queries with more right answers than that are too wide for a topic."""


def same_topic() -> set[tuple[str, str]]:
    """Return the pairs of articles of the sample that answer one query (grades 2 and 3)."""
    answers: dict[str, set[str]] = {}
    for line in (JUDGED / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, article, grade = line.split("\t")
        if int(grade) >= 2:
            answers.setdefault(query, set()).add(article)
    return {
        pair
        for found in answers.values()
        if len(found) <= MOST_ON_A_TOPIC
        for pair in combinations(sorted(found), 2)
    }


@pytest.fixture(scope="module")
def sample_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with every pair of its articles, those that answer one query called the same."""
    folder = tmp_path_factory.mktemp("topics")
    rows = list(beir_lines(SAMPLE))
    (folder / "docs.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    names, same = sorted(json.loads(row)["_id"] for row in rows), same_topic()
    lines = [f"{one}\t{other}\t{int((one, other) in same)}" for one, other in combinations(names, 2)]
    (folder / "pairs.tsv").write_text("\n".join(["a\tb\tsame", *lines]) + "\n", encoding="utf-8")
    return folder


def test_articles_on_one_topic_are_found_as_well_as_they_were(sample_pairs: Path, hold_floors: Hold) -> None:
    found = evaluate_similar(sample_pairs)
    assert found["n"] == 92
    assert found["same"] == len(same_topic()) > 90
    hold_floors("sample-similar", found["set"], measured_similar(found))


# --- figures, by hand -------------------------------------------------------------------------

THREE = (JudgedPair("a", "b", True), JudgedPair("a", "c", True), JudgedPair("b", "d", False))
SCORES = {
    "a": Scored({"b": 0.9, "d": 0.5, "c": 0.2}, 1.0, frozenset({"b", "d"})),
    "b": Scored({"c": 0.9, "d": 0.85, "a": 0.8}, 2.0, frozenset({"a", "c"})),
    "c": Scored({"b": 0.3}, 3.0, frozenset({"a"})),  # nothing in common with a
    "d": Scored({"b": 0.85}, 4.0, frozenset({"b"})),
}


def test_figures_are_those_computed_by_hand() -> None:
    found = figures(THREE, SCORES, texts=4, per_query=True)
    assert found["by_query"] == pytest.approx({"a b": 1, "a c": 1 / 3, "b a": 1 / 3, "c a": 0})
    assert found["mrr"] == pytest.approx((1 + 1 / 3 + 1 / 3) / 4, abs=1e-4)
    assert found["mrr_first"] == pytest.approx((1 + 1 / 3) / 3, abs=1e-4)
    assert found["best_f1"] == 0.8  # all three called the same: precision 2/3, recall 1
    assert found["auc"] == 0.5
    assert found["looked_at"] == 0.75
    assert (found["n"], found["pairs"], found["same"]) == (4, 3, 2)
    assert (found["p50_ms"], found["p95_ms"]) == (2.5, 3.85)


def test_pairs_that_are_all_of_one_story_have_ranks_only() -> None:
    found = figures(THREE[:2], SCORES, texts=4)
    assert found["mrr"] > 0
    assert found["best_f1"] is found["auc"] is None
    assert "by_query" not in found


# --- a small set from end to end --------------------------------------------------------------


def test_partners_on_one_topic_are_found_first(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int | None]] = []
    found = evaluate_similar(write(tmp_path), progress=lambda *step: steps.append(step))
    assert found["looked_at"] == 1
    assert (found["n"], found["pairs"], found["same"]) == (5, 3, 2)
    assert (found["mrr"], found["mrr_first"], found["best_f1"], found["auc"]) == (1, 1, 1, 1)
    assert steps[-1] == ("Тексты", 5, 5)


def test_the_command_prints_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "similar", str(write(tmp_path)), "--json", "--per-query"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["mrr"] == 1
    assert found["by_query"]["museum veterans"] == 1


def test_the_command_tells_figures_and_ranks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "similar", str(write(tmp_path)), "--per-query"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "5 текстов, 3 пары, об одном и том же: 2"
    assert lines[3].split() == ["searchsvc", "1,0000", "1,0000", "1,0000", "1,0000"]
    assert "1,0000  museum veterans" in lines[5:]


# --- beside plain cosines and earlier runs ----------------------------------------------------


def test_plain_cosines_have_the_figures_that_ours_has(tmp_path: Path) -> None:
    found = evaluate_similar(write(tmp_path), compare=True, per_query=True)
    assert set(found["compare"]) == {"words", "snowball", "lemma"}
    for row in found["compare"].values():
        assert set(row) - {"to_ours"} == set(found) - {"compare", "set"}
        assert row["to_ours"]["before"] == row["mrr"]
        assert row["to_ours"]["after"] == found["mrr"]
    assert found["compare"]["words"]["by_query"]["veterans museum"] == 1


def test_plain_cosines_are_told_beside_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "similar", str(write(tmp_path)), "--compare"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:15].strip() for line in lines[3:7]] == [
        "слова как есть",
        "основы Snowball",
        "первая лемма",
        "searchsvc",
    ]
    assert "Насколько searchsvc лучше (MRR)" in lines


def test_pairs_all_of_one_story_have_a_dash_for_what_cannot_be_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "similar", str(write(tmp_path, PAIRS.removesuffix("museum\tquarry\t0\n")))]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-2:] == ["—", "—"]


def test_an_earlier_run_tells_which_pairs_have_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, earlier = write(tmp_path), tmp_path / "run.json"
    past = evaluate_similar(folder, per_query=True)
    past["by_query"]["lunch porridge"] = 0.25
    earlier.write_text(json.dumps(past), encoding="utf-8")
    assert run(["evaluate", "similar", str(folder), "--against", str(earlier)]) == 0
    out = capsys.readouterr().out
    assert "С прошлого прогона MRR: 0,8125 → 1,0000, может быть случайно" in out
    assert out.endswith("0,2500 → 1,0000  lunch porridge  Меню — Каша\n")
    other = write(tmp_path, PAIRS + "lunch\tquarry\t0\n")
    with pytest.raises(EvaluationError, match="другого набора"):
        evaluate_similar(other, against=earlier)


# --- how a set is read ------------------------------------------------------------------------


def test_pairs_are_read(tmp_path: Path) -> None:
    assert read_pairs(write(tmp_path))[1:] == (
        JudgedPair("lunch", "porridge", True),
        JudgedPair("museum", "quarry", False),
    )


@pytest.mark.parametrize(
    ("pairs", "named"),
    [
        ("a\tb\tsame\nmuseum\tveterans\n", ["pairs.tsv", "строка 2", "через табуляцию"]),
        (PAIRS + "museum\tlunch\tда\n", ["pairs.tsv", "строка 5"]),
        (PAIRS + "museum\tmuseum\t1\n", ["pairs.tsv", "строка 5", "разных"]),
        ("a\tb\tsame\nmuseum\tquarry\t0\n", ["ни одной пары"]),
        (PAIRS + "museum\tnobody\t1\n", ["«nobody»", "docs.jsonl"]),
        ("пары".encode("cp1251"), ["pairs.tsv", "UTF-8"]),
    ],
    ids=["columns", "judgement", "itself", "no-pair", "unknown", "encoding"],
)
def test_a_set_of_another_layout_is_an_error_that_names_the_place(
    tmp_path: Path, pairs: str | bytes, named: list[str]
) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate_similar(write(tmp_path, pairs))
    for part in named:
        assert part in str(caught.value)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"Не читается .*pairs\.tsv"):
        evaluate_similar(tmp_path / "nowhere")
