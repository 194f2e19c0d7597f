"""Judged sets beside plain rankings and earlier runs, from the files to what the terminal says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from indexer.evaluate import evaluate_search
from searchsvc.errors import EvaluationError
from web.cli import run
from web.commands.evaluate_told import search_told, table

CORPUS = {
    "museum": ("Музей школы", "Открыта выставка."),
    "lunch": ("Столовая", "Новое меню: каши."),
    "ski": ("", "Лыжный поход восьмиклассников."),
    "choir": ("Хор", "Концерт ко Дню учителя."),
}
QUERIES = {
    "q1": ("музей", "plain", "museum"),
    "q2": ("школе", "form", "museum"),
    "q3": ("каша", "form", "lunch"),
    "q4": ("лыжного похода", "form", "ski"),
    "q5": ("dscnfdrf", "layout", "museum"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small judged set in which a word as written finds less than its stem."""
    folder = tmp_path_factory.mktemp("набор")
    rows = ({"_id": name, "title": title, "text": text} for name, (title, text) in CORPUS.items())
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    asked = ({"_id": name, "text": text, "kind": kind} for name, (text, kind, _) in QUERIES.items())
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    grades = "".join(f"{name}\t{document}\t1\n" for name, (_, _, document) in QUERIES.items())
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + grades, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def figures(folder: Path) -> dict[str, Any]:
    return evaluate_search(folder, compare=True, per_query=True)


# --- beside plain rankings --------------------------------------------------------------------


def test_plain_rankings_find_what_words_stems_and_lemmas_find(figures: dict[str, Any]) -> None:
    found = {
        name: [query for query, value in row["by_query"].items() if value == 1]
        for name, row in figures["compare"].items()
    }
    assert found == {"words": ["q1"], "snowball": ["q1", "q2", "q3", "q4"], "lemma": ["q1", "q2", "q3", "q4"]}


def test_a_plain_ranking_has_the_figures_that_ours_has(figures: dict[str, Any]) -> None:
    ours = set(figures) - {"compare", "set"}
    for row in figures["compare"].values():
        assert set(row) - {"to_ours"} == ours
        assert set(row["by_kind"]) == set(figures["by_kind"]) == {"plain", "form", "layout"}


def test_what_ours_gains_over_a_plain_ranking_is_told_with_its_significance(figures: dict[str, Any]) -> None:
    words = figures["compare"]["words"]
    gain = words["to_ours"]
    assert (gain["before"], gain["after"]) == (words["ndcg@10"], figures["ndcg@10"]) == (0.2, 1.0)
    assert (gain["better"], gain["worse"], gain["same"]) == (4, 0, 1)
    assert gain["p"] == 2 / 16
    assert gain["by_kind"]["layout"]["difference"] == 1.0
    assert figures["compare"]["lemma"]["to_ours"]["better"] == 1


def test_without_compare_and_per_query_the_figures_are_as_they_were(folder: Path) -> None:
    found = evaluate_search(folder)
    assert not {"compare", "against", "by_query"} & set(found)


# --- beside an earlier run --------------------------------------------------------------------


def test_a_run_against_itself_has_changed_nothing(
    folder: Path, figures: dict[str, Any], tmp_path: Path
) -> None:
    earlier = tmp_path / "run.json"
    earlier.write_text(json.dumps(figures), encoding="utf-8")
    found = evaluate_search(folder, against=earlier)["against"]
    assert (found["difference"], found["p"], found["same"], found["changed"]) == (0, 1, 5, [])


def test_a_run_tells_what_was_gained_and_lost_since(folder: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "run.json"
    past = evaluate_search(folder, correct="off", per_query=True)
    past["by_query"] |= {"q2": 0.5}
    earlier.write_text(json.dumps(past), encoding="utf-8")
    found = evaluate_search(folder, against=earlier)["against"]
    assert (found["better"], found["worse"], found["same"]) == (2, 0, 3)
    assert found["difference"] == 0.3
    assert set(found["by_kind"]) == {"plain", "form", "layout"}
    assert found["changed"] == [
        {"query": "q5", "text": "dscnfdrf", "kind": "layout", "before": 0.0, "after": 1.0},
        {"query": "q2", "text": "школе", "kind": "form", "before": 0.5, "after": 1.0},
    ]


def test_a_run_of_another_set_is_refused_before_anything_is_indexed(
    folder: Path, figures: dict[str, Any], tmp_path: Path
) -> None:
    earlier = tmp_path / "run.json"
    earlier.write_text(json.dumps(figures), encoding="utf-8")
    queries = tmp_path / "queries.jsonl"
    queries.write_text((folder / "queries.jsonl").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    steps: list[str] = []
    with pytest.raises(EvaluationError, match="другого набора"):
        evaluate_search(
            folder, queries=queries, against=earlier, progress=lambda stage, *_: steps.append(stage)
        )
    assert steps == []


# --- in the terminal --------------------------------------------------------------------------


def test_the_command_sets_variants_side_by_side(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "search", str(folder), "--compare"]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = {line[:15].strip(): line.split()[-5] for line in lines[1:5]}
    assert first == {
        "слова как есть": "0,2000",
        "основы Snowball": "0,8000",
        "первая лемма": "0,8000",
        "searchsvc": "1,0000",
    }
    (gain,) = (line.split() for line in lines if line.startswith("чем слова как есть "))
    assert gain[4:] == ["+0,8000", "0,125", "4", "0", "1"]
    assert [line.split()[:2] for line in lines if line.startswith(("form", "layout", "plain"))] == [
        ["form", "3"],
        ["layout", "1"],
        ["plain", "1"],
    ]
    assert lines[-1].startswith("Ответы searchsvc: половина не дольше ")


def test_the_command_tells_what_a_run_has_gained_and_which_queries_are_worst(
    folder: Path, figures: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = tmp_path / "было.json"
    earlier.write_text(
        json.dumps(figures | {"by_query": figures["by_query"] | {"q3": 0.5}}), encoding="utf-8"
    )
    arguments = ["--against", str(earlier), "--correct", "off", "--per-query"]
    assert run(["evaluate", "search", str(folder), *arguments]) == 0
    out = capsys.readouterr().out
    assert "С прошлого прогона nDCG@10: 0,9000 → 0,8000, может быть случайно" in out
    assert "1,0000 → 0,0000  q5  dscnfdrf (layout)\n0,5000 → 1,0000  q3  каша (form)\n" in out
    last = out.splitlines()[-6:]
    assert last[0] == "nDCG@10 каждого запроса, худшие сначала"
    assert last[1:3] == ["0,0000  q5  dscnfdrf", "1,0000  q1  музей"]
    assert run(["evaluate", "search", str(folder), "--against", str(folder / "queries.jsonl")]) == 1
    assert "не прогон searchsvc evaluate search" in capsys.readouterr().err


def test_what_a_command_printed_as_json_is_a_run_to_compare_with(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "search", str(folder), "--json", "--per-query"]) == 0
    earlier = tmp_path / "run.json"
    earlier.write_text(capsys.readouterr().out, encoding="utf-8")
    assert run(["evaluate", "search", str(folder), "--json", "--against", str(earlier)]) == 0
    assert json.loads(capsys.readouterr().out)["against"]["same"] == 5
    assert run(["evaluate", "search", str(folder), "--against", str(earlier)]) == 0
    assert "ничего не изменилось (nDCG@10 1,0000)" in capsys.readouterr().out


def test_a_significant_difference_is_marked_and_one_that_is_none_is_not(figures: dict[str, Any]) -> None:
    told = json.loads(json.dumps(figures))
    told["compare"]["words"]["to_ours"]["by_kind"]["form"]["p"] = 0.0004
    told["compare"]["words"]["to_ours"] |= {"p": 0.0004, "difference": -0.1}
    lines = list(search_told(told, {name: text for name, (text, _, _) in QUERIES.items()}))
    (form,) = (line for line in lines if line.startswith("form"))
    assert form.split() == ["form", "3", "0,0000*", "1,0000", "1,0000", "1,0000"]
    (words,) = (line for line in lines if line.startswith("чем слова"))
    assert words.split()[4:6] == ["−0,1000", "<"]


def test_a_set_without_kinds_has_no_table_of_kinds(figures: dict[str, Any]) -> None:
    bare = json.loads(json.dumps(figures | {"by_kind": {}}))
    assert not [line for line in search_told(bare, dict.fromkeys(QUERIES, "")) if "по видам" in line]


def test_columns_of_a_table_stand_under_their_heads() -> None:
    assert list(table(("", "n", "доля"), [("все", "12", "0,5"), ("a", "7", "1")])) == [
        "      n  доля",
        "все  12   0,5",
        "a     7     1",
    ]
