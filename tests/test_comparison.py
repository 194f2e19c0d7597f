"""Runs over the same items, paired: differences, their significance, and which runs may be compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchsvc.comparison import (
    RESAMPLES,
    Setting,
    changes,
    difference,
    fingerprint,
    most_changed,
    read_run,
    significance,
)
from searchsvc.errors import EvaluationError
from searchsvc.evaluation import library

BEFORE = {"1": 0.5, "2": 0.25, "3": 1.0, "4": 0.0}
AFTER = {"1": 1.0, "2": 0.5, "3": 0.5, "4": 0.0}

# --- differences, by hand ---------------------------------------------------------------------


def test_a_difference_is_the_one_computed_by_hand() -> None:
    found = difference(BEFORE, AFTER, {"1": "a", "2": "a", "3": "b", "4": ""})
    by_kind = found.pop("by_kind")
    # Of the eight ways to give +-.5, +-.25, +-.5 their signs, six have a sum as far from 0 as .25.
    assert found == {
        "before": 0.4375,
        "after": 0.5,
        "difference": 0.0625,
        "p": 1.0,
        "better": 2,
        "worse": 1,
        "same": 1,
    }
    assert set(by_kind) == {"a", "b"}
    assert (by_kind["a"]["difference"], by_kind["a"]["better"]) == (0.375, 2)
    assert (by_kind["b"]["difference"], by_kind["b"]["worse"], by_kind["b"]["p"]) == (-0.5, 1, 1.0)


def test_what_differs_by_rounding_only_is_the_same() -> None:
    found = difference({"1": 0.63}, {"1": 0.63 + 1e-9})
    assert (found["same"], found["p"], found["difference"]) == (1, 1.0, 0.0)


def test_the_significance_of_a_few_gains_is_exact() -> None:
    assert significance(np.array([0.1, 0.2, 0.3])) == pytest.approx(2 / 8)
    assert significance(np.array([0.1] * 9 + [-0.1])) == pytest.approx(2 * 11 / 1024)
    assert significance(np.array([0.1, 0.0, 0.0])) == 1.0
    assert significance(np.zeros(5)) == 1.0


def test_gains_without_a_loss_among_many_are_as_significant_as_can_be_told() -> None:
    assert significance(np.full(100, 0.1)) == pytest.approx(2 / (RESAMPLES + 1))


def test_noise_is_rarely_significant() -> None:
    chance = np.random.default_rng(7)
    ps = [significance(chance.normal(0, 0.2, 9)) for _ in range(200)]
    assert sum(p < 0.05 for p in ps) < 0.09 * len(ps)


@given(st.lists(st.sampled_from([0.0, 0.1, 0.5, -0.1, -0.3]), min_size=1, max_size=8), st.integers(0, 5))
def test_a_loss_is_as_sure_as_the_gain_it_mirrors_and_what_stayed_does_not_count(
    gains: list[float], stayed: int
) -> None:
    p = significance(np.array(gains))
    assert 0 < p <= 1
    assert significance(-np.array(gains)) == pytest.approx(p)
    assert significance(np.array([*gains, *[0.0] * stayed])) == p


def test_items_that_changed_most_come_first_and_equals_by_name() -> None:
    assert most_changed(BEFORE, AFTER) == ["1", "3", "2"]
    assert most_changed(BEFORE, AFTER, 1) == ["1"]
    assert most_changed(BEFORE, BEFORE) == []


def test_changes_are_the_difference_with_the_items_that_changed_most() -> None:
    found = changes(BEFORE, AFTER, texts={name: f"текст {name}" for name in AFTER}, kinds={"1": "a"})
    changed = found.pop("changed")
    assert found == difference(BEFORE, AFTER, {"1": "a"})
    assert changed[0] == {"query": "1", "text": "текст 1", "kind": "a", "before": 0.5, "after": 1.0}
    assert [row["query"] for row in changed] == ["1", "3", "2"]
    assert changes(BEFORE, AFTER, texts=dict.fromkeys(AFTER, ""))["changed"][0]["kind"] == ""


def test_without_its_packages_evaluation_says_what_to_install() -> None:
    with pytest.raises(EvaluationError, match=r"нет no_such_package.*pip install 'searchsvc\[evaluate\]'"):
        library("no_such_package.stats")


# --- which runs may be compared ---------------------------------------------------------------

SETTING = Setting("search", "ndcg@10", frozenset({"1", "2"}), "abc")
GOOD = {"ndcg@10": 0.5, "by_query": {"1": 1, "2": 0.25}, "set": "abc"}


def written(folder: Path, run: object) -> Path:
    path = folder / "run.json"
    path.write_bytes(run if isinstance(run, bytes) else json.dumps(run).encode())
    return path


def test_an_earlier_run_gives_its_values(tmp_path: Path) -> None:
    assert read_run(written(tmp_path, GOOD), SETTING) == {"1": 1.0, "2": 0.25}


def test_a_run_that_does_not_tell_its_set_is_known_by_its_queries(tmp_path: Path) -> None:
    old = {name: value for name, value in GOOD.items() if name != "set"}
    assert read_run(written(tmp_path, old), SETTING) == {"1": 1.0, "2": 0.25}


@pytest.mark.parametrize(
    ("run", "named"),
    [
        (b"ndcg@10  0.5", ["не прогон", "--json --per-query > прогон.json"]),
        ("прогон".encode("cp1251"), ["не прогон"]),
        (b"[" * 100_000, ["не прогон"]),
        ([GOOD], ["не прогон", "evaluate search"]),
        ({"mrr": 0.5, "by_query": {"1": 1, "2": 1}}, ["не прогон", "evaluate search"]),
        ({"ndcg@10": 0.5, "by_kind": {}}, ["только итоги", "--per-query"]),
        (GOOD | {"by_query": [1, 2]}, ["by_query", "доли"]),
        (GOOD | {"by_query": {"1": 1, "2": "0.5"}}, ["by_query", "доли"]),
        (GOOD | {"by_query": {"1": 1, "2": True}}, ["by_query", "доли"]),
        (GOOD | {"by_query": {"1": 1, "2": float("nan")}}, ["by_query", "доли"]),
        (GOOD | {"by_query": {"1": 1, "2": 97.0}}, ["by_query", "доли"]),
        (GOOD | {"by_query": {"1": 1, "7": 1}}, ["другого набора", "из 2", "общих 1"]),
        (GOOD | {"by_query": {"1": 1}}, ["другого набора"]),
        (GOOD | {"set": "def"}, ["другого набора", "имена те же"]),
    ],
    ids=str,
)
def test_what_is_no_run_of_this_set_is_an_error_that_says_what_to_do(
    tmp_path: Path, run: object, named: list[str]
) -> None:
    path = written(tmp_path, run)
    with pytest.raises(EvaluationError) as caught:
        read_run(path, SETTING)
    for part in (str(path), *named):
        assert part in str(caught.value)


def test_a_run_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"Не читается .*none\.json"):
        read_run(tmp_path / "none.json", SETTING)


def test_a_fingerprint_is_that_of_contents_in_order(tmp_path: Path) -> None:
    one, two, copy = tmp_path / "one", tmp_path / "two", tmp_path / "copy"
    for path, content in ((one, "а"), (two, "б"), (copy, "а")):
        path.write_text(content, encoding="utf-8")
    assert fingerprint(one, two) == fingerprint(copy, two)
    assert len({fingerprint(one, two), fingerprint(two, one), fingerprint(one)}) == 3
    with pytest.raises(EvaluationError, match="Не читается"):
        fingerprint(tmp_path)
