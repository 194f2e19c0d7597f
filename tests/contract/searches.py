"""What a search answers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from searchsvc.engine import FORMS, TEXT, TITLE, AnyOf, Engine, Plan, Sequence, Snapshot
from searchsvc.results import MAX_DEPTH

from .bed import Bed, assert_agree, keys, plans, term, write
from .cases import Case, entry, load_cases
from .chance import Chance
from .model import Model, assert_agrees

ODD_TERMS = (
    "д'артаньян",
    "д’артаньян",
    "a|b",
    "с пробелом",
    " ",
    "🎓",
    "👩‍🏫",
    "c++",
    "%_*?\\",
    '"кавычки"',
    "(скобки] AND NOT",
    "title:егэ",
    "ё",
    "\u0435\u0308",
    "табуляция\tи\nстрока",
    "я" * 200,
    "0",
    "-1",
    "null",
)


class Searches(Bed):
    """Match sets, counts, facets, filters, orders, scores."""

    @pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.name)
    def test_cases_are_answered_as_written(self, engine: Engine, case: Case) -> None:
        found = write(engine, case.entries).search(case.plan)
        ids = {one.key: one.article_id for one in case.entries}
        shown: dict[str, Any] = {
            "total": found.total,
            "near_total": found.near_total,
            "full": [ids[row.key] for row in found.full],
            "near": [ids[row.key] for row in found.near],
            "units": {ids[row.key]: row.units for row in (*found.full, *found.near)},
            "unit_counts": list(found.unit_counts),
            "word_counts": list(found.word_counts),
            "facets": {name: dict(counts) for name, counts in found.facets.items()},
        }
        named = {name: shown[name] for name in case.expect}
        if "units" in case.expect:
            named["units"] = {name: shown["units"].get(name) for name in case.expect["units"]}
        assert named == case.expect
        assert_agrees(found, Model(case.entries).search(case.plan), case.plan)

    @pytest.mark.parametrize("seed", range(36))
    def test_small_random_histories_agree_with_the_model(self, engine: Engine, seed: int) -> None:
        """Histories grow with their seed, so that the first to fail is the easiest to read."""
        sizes = [1 + (seed + number) % (1 + seed // 4) for number in range(1 + seed // 6)]
        _live(engine, random.Random(seed), sizes, searches=15)

    def test_a_large_random_history_agrees_with_the_model(self, engine: Engine) -> None:
        _live(engine, random.Random(20240301), (400, 100, 30, 5, 0, 60, 1), searches=25)

    def test_an_empty_index_answers_every_search(self, engine: Engine) -> None:
        snapshot = engine.snapshot()
        assert (snapshot.mark, snapshot.documents, snapshot.frequency(("школа",))) == ("", 0, 0)
        assert_agree(snapshot, Model(), plans(2, 30))

    def test_articles_without_any_words_are_found_by_filters(self, engine: Engine) -> None:
        bare = [entry("a", source="ug.ru"), entry("b", source="mel.fm")]
        snapshot = write(engine, bare)
        assert keys(snapshot.search(Plan(filters={"source": ("mel.fm",)}))) == [bare[1].key]
        assert_agree(snapshot, Model(bare), plans(3, 30))

    @pytest.mark.parametrize("odd", ODD_TERMS, ids=[f"{number}" for number in range(len(ODD_TERMS))])
    def test_terms_and_values_may_hold_any_character(self, engine: Engine, odd: str) -> None:
        odd_entry = entry(
            odd,
            {odd: (1.0, (0, 1)), "рядом": (1.0, (2,))},
            key=7,
            forms=[odd],
            source=odd,
            categories=[odd, ""],
            tags=[odd],
        )
        titled = entry("b", {"рядом": (1.0, (0,))}, key=8, source="ug.ru")
        snapshot = write(engine, [odd_entry, titled])
        filters = dict.fromkeys(("source", "category", "tag"), (odd,))
        facets = snapshot.search(Plan(facets=("source", "category"))).facets
        assert keys(snapshot.search(term(odd))) == [7]
        assert keys(snapshot.search(term(odd, FORMS))) == [7]
        assert keys(snapshot.search(Plan(units=(Sequence(((0, (odd,)), (1, ("рядом",)))),)))) == [7]
        assert keys(snapshot.search(Plan(filters=filters))) == [7]
        assert {name: dict(counts) for name, counts in facets.items()} == {
            "source": {odd: 1, "ug.ru": 1},
            "category": {odd: 1},
        }
        assert snapshot.frequency((odd,)) == 1
        assert write(engine, [], "2", deleted=[odd]).documents == 1

    def test_no_term_is_found_by_a_part_or_variant_of_it(self, engine: Engine) -> None:
        snapshot = write(engine, [entry("a", {odd: (1.0, (at,)) for at, odd in enumerate(ODD_TERMS)})])
        near = ("", "д", "д'", "a", "пробелом", "с  пробелом", "C++", "я" * 199, "я" * 201, "е", "егэ", "*")
        assert [snapshot.search(term(one)).total for one in near] == [0] * len(near)

    def test_a_lone_surrogate_may_be_asked_for(self, engine: Engine) -> None:
        snapshot = write(engine, [entry("a", "весть")])
        broken = "\ud800весть"
        assert snapshot.search(term(broken)).total == 0
        assert snapshot.search(Plan(units=(Sequence(((0, (broken,)), (1, ("весть",)))),))).total == 0
        assert snapshot.search(Plan(filters={"tag": (broken,)})).total == 0
        assert snapshot.frequency((broken,)) == 0

    def test_a_search_may_have_64_units(self, engine: Engine) -> None:
        words = [f"слово{number}" for number in range(64)]
        snapshot = write(engine, [entry("all", " ".join(words), key=1), entry("last", words[-1], key=2)])
        found = snapshot.search(Plan(units=tuple(AnyOf((word,)) for word in words)))
        assert [row.units for row in (*found.full, *found.near)] == [2**64 - 1, 2**63]

    def test_positions_may_be_far_into_a_text(self, engine: Engine) -> None:
        far = 2**20 - 2
        text = {"один": (1.0, (0, far)), "два": (1.0, (far + 1,))}
        snapshot = write(engine, [entry("a", text, key=1), entry("b", {"два": (1.0, (0,))}, key=2)])
        assert keys(snapshot.search(Plan(units=(Sequence(((0, ("один",)), (1, ("два",)))),)))) == [1]

    def test_no_phrase_runs_from_one_article_into_the_next(self, engine: Engine) -> None:
        snapshot = write(engine, [entry("a", {"один": (1.0, (0,))}), entry("b", {"два": (1.0, (0,))})])
        for gap in (1, 2**20, 2**20 + 1):
            assert snapshot.search(Plan(units=(Sequence(((0, ("один",)), (gap, ("два",)))),))).total == 0

    @pytest.mark.parametrize("days", [(0, 800_000), (-(2**31), 2**31 - 1), (-(2**62), 2**62)])
    def test_no_range_of_days_has_the_undated(self, engine: Engine, days: tuple[int, int]) -> None:
        snapshot = write(engine, [entry("a", "весть", key=1), entry("b", "весть", key=2, date="2024-03-01")])
        assert keys(snapshot.search(term("весть", days=days))) == [2]

    def test_moments_before_1970_and_in_a_far_future_are_ordered(self, engine: Engine) -> None:
        dates = ("0001-01-01T00:00:00", "1969-12-31T23:59:59", "1970-01-01T00:00:01", "9999-12-31T00:00:00")
        snapshot = write(engine, [entry(date, "весть", key=n, date=date) for n, date in enumerate(dates, 1)])
        assert keys(snapshot.search(Plan(order="date"))) == [1, 2, 3, 4]
        assert keys(snapshot.search(Plan(order="-date"))) == [4, 3, 2, 1]

    def test_ties_go_by_id_across_commits_and_the_border_of_the_depth(self, engine: Engine) -> None:
        ids = [f"{number:03}" for number in range(90)]
        random.Random(5).shuffle(ids)
        for mark in range(3):
            write(engine, [entry(one, "сад", key=int(one)) for one in ids[mark::3]], str(mark))
        snapshot = engine.snapshot()
        for depth in (1, 30, 89, 90, 1000):
            assert keys(snapshot.search(term("сад", depth=depth))) == list(range(90))[:depth]
            assert keys(snapshot.search(term("сад", depth=depth, order="-date"))) == list(range(90))[:depth]

    def test_a_longer_page_begins_with_the_shorter_one(self, engine: Engine) -> None:
        chance = Chance(random.Random(8))
        snapshot = write(engine, [chance.entry(f"{number}", number) for number in range(200)])
        whole = snapshot.search(term("школа")).full
        assert len(whole) > 50
        for depth in (1, 10, 40):
            assert snapshot.search(term("школа", depth=depth)).full == whole[:depth]

    def test_paging_to_the_documented_depth_is_stable_whichever_depth_is_asked(self, engine: Engine) -> None:
        """More match than can be paged to, so that an engine that preselects has to choose."""
        chance = random.Random(9)
        entries = [
            entry(
                f"{number:04}",
                {"школа": (weight, tuple(range(int(weight)))), "вуз": (1.0, (20,))},
                key=number,
                length=chance.choice((5, 40, 300)),
            )
            for number in range(1, 1501)
            for weight in (float(chance.randint(1, 9)),)
        ]
        snapshot = write(engine, entries)
        for wanted in (term("школа"), Plan(units=(AnyOf(("школа",)), AnyOf(("вуз",)))), Plan(order="-date")):
            whole = snapshot.search(replace(wanted, depth=MAX_DEPTH)).full
            assert len(set(whole)) == MAX_DEPTH
            for depth in (10, 20, 199, 200, 201, 500, 999):
                assert snapshot.search(replace(wanted, depth=depth)).full == whole[:depth]


def _live(engine: Engine, source: random.Random, sizes: Iterable[int], *, searches: int) -> None:
    """Commit random changes, at least *sizes* new articles at a time, and compare every state with
    the model: when it is the last one, and again when all the others have followed."""
    chance, model, key = Chance(source), Model(), itertools.count(1)
    snapshot = engine.snapshot()
    states: list[tuple[Snapshot, Model]] = []
    for mark, size in enumerate(sizes):
        deleted, written = chance.changes(sorted(model.entries), size)
        entries = [chance.entry(article_id, next(key)) for article_id in written]
        write(engine, entries, str(mark), deleted=deleted, compact=source.random() < 0.2)
        for article_id in deleted:
            model.delete(article_id)
        for one in entries:
            model.replace(one)
        snapshot = engine.snapshot(source.choice((snapshot, None)))
        assert snapshot.mark == str(mark)
        assert_agree(snapshot, model, [chance.plan() for _ in range(searches)])
        for some in (("школа",), ("вуз", "егэ", "а"), ("неведомый",)):
            for field in (TEXT, TITLE, FORMS):
                assert snapshot.frequency(some, field=field) == model.frequency(some, field)
        states.append((snapshot, model.copy()))
    for former, state in states:
        assert_agree(former, state, [chance.plan() for _ in range(searches // 3)])
