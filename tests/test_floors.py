"""Floors of figures: written once, raised by what is gained, lowered only where it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import FLOORS

from searchsvc.errors import EvaluationError
from searchsvc.floors import LEAST, SLACK, Floors, hold, measured_search
from web.cli import run

GOOD = {"all": {"ndcg@10": 0.9, "mrr": 0.5}, "typo": {"ndcg@10": 0.8}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of floors under ``GOOD``, of the set «s»."""
    made = tmp_path / "floors.json"
    assert hold(made, "s", GOOD) == "written"
    return made


def test_floors_lie_a_little_under_what_was_measured(path: Path) -> None:
    floors = Floors.read(path)
    assert floors.of_set == "s"
    assert floors.floors == {"all": {"ndcg@10": 0.895, "mrr": 0.495}, "typo": {"ndcg@10": 0.795}}
    assert list(floors.fallen(GOOD)) == []


def test_what_is_gained_raises_floors_and_what_wavers_moves_none(path: Path) -> None:
    before = path.read_bytes()
    wavering = {"all": {"ndcg@10": 0.9 - SLACK / 2, "mrr": 0.5}, "typo": {"ndcg@10": 0.8}}
    assert hold(path, "s", wavering) == "held"
    assert path.read_bytes() == before
    better = {"all": {"ndcg@10": 0.95, "mrr": 0.499}, "typo": {"ndcg@10": 0.8}, "date": {"ndcg@10": 1.0}}
    assert hold(path, "s", better) == "raised"
    assert Floors.read(path).floors == {
        "all": {"ndcg@10": 0.945, "mrr": 0.495},
        "typo": {"ndcg@10": 0.795},
        "date": {"ndcg@10": 0.995},
    }


@pytest.mark.parametrize(
    ("measured", "named"),
    [
        ({"all": {"ndcg@10": 0.9, "mrr": 0.4}, "typo": {"ndcg@10": 0.8}}, "all, mrr: 0.4 < 0.495"),
        ({"all": {"ndcg@10": 0.9, "mrr": 0.5}}, "typo, ndcg@10: нет < 0.795"),
    ],
)
def test_what_falls_is_refused_and_lowers_nothing_unless_it_is_asked_for(
    path: Path, measured: dict[str, dict[str, float]], named: str
) -> None:
    before = path.read_bytes()
    with pytest.raises(EvaluationError, match="--lower-floors") as caught:
        hold(path, "s", measured)
    assert named in str(caught.value)
    assert path.read_bytes() == before
    assert hold(path, "s", measured, lower=True) == "lowered"
    assert hold(path, "s", measured) == "held"
    assert Floors.read(path).floors["all"]["ndcg@10"] == 0.895


def test_floors_of_another_set_are_no_floors(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(EvaluationError, match=r"на другом наборе.*--lower-floors"):
        hold(path, "other", GOOD)
    assert path.read_bytes() == before
    assert hold(path, "other", {"all": {"mrr": 0.1}}, lower=True) == "lowered"
    assert Floors.read(path) == Floors("other", {"all": {"mrr": 0.095}})


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda text: text.replace("0.895", "0.5"),
        lambda text: text.replace('"s"', '"t"'),
        lambda text: text[:-5],
        lambda text: json.dumps({"set": "s", "floors": {}}),
        lambda text: "[]",
    ],
)
def test_a_file_changed_by_hand_is_refused(path: Path, spoilt: Callable[[str], str]) -> None:
    path.write_text(spoilt(path.read_text(encoding="utf-8")), encoding="utf-8")
    for lower in (False, True):
        with pytest.raises(EvaluationError, match="границ"):
            hold(path, "s", GOOD, lower=lower)


def test_kinds_of_few_queries_have_no_floors() -> None:
    row = {"ndcg@10": 0.5, "success@10": 1.0, "mrr@10": 1.0}
    kinds = {"many": {**row, "queries": LEAST}, "few": {**row, "queries": LEAST - 1}}
    found = measured_search({**row, "queries": 13, "by_kind": kinds})
    assert found == {"all": {"ndcg@10": 0.5, "success@10": 1.0}, "many": {"ndcg@10": 0.5, "success@10": 1.0}}


def test_all_floors_of_the_tests_are_sealed() -> None:
    files = sorted(FLOORS.iterdir())
    assert {path.stem for path in files} >= {"sample-search", "sample-similar", "names-drawn"}
    assert all(Floors.read(path).floors for path in files)


def test_the_command_holds_figures_against_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "набор"
    folder.mkdir()
    documents = [("x", "Школьный музей"), ("y", "Столовая")]
    rows = (json.dumps({"_id": name, "title": title}) for name, title in documents)
    (folder / "corpus.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "музеи"}', encoding="utf-8")
    (folder / "qrels.tsv").write_text("query\tdocument\tscore\n1\tx\t1\n", encoding="utf-8")
    path = tmp_path / "границы.json"

    def evaluated(*options: str) -> tuple[int, str]:
        code = run(["evaluate", "search", str(folder), *options])
        return code, capsys.readouterr().err.splitlines()[-1]

    assert evaluated("--floors", str(path)) == (0, f"Нижние границы записаны: {path}")
    assert evaluated("--floors", str(path), "--json") == (0, f"Не ниже границ: {path}")
    Floors(Floors.read(path).of_set, {"all": {"ndcg@10": 1.1, "success@10": 0.995}}).write(path)
    code, err = evaluated("--floors", str(path))
    assert (code, "all, ndcg@10: 1.0 < 1.1" in err) == (1, True)
    assert evaluated("--floors", str(path), "--lower-floors") == (0, f"Нижние границы опущены: {path}")
    code, err = evaluated("--lower-floors")
    assert (code, "--floors" in err) == (2, True)
