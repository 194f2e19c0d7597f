"""The contract of ``searchsvc.engine``: what every engine must do.

A new engine's test file is a subclass of ``EngineContract`` that says how the engine is opened
on a folder (see ``test_whoosh.py``).
"""

from __future__ import annotations

import itertools
import multiprocessing
import random
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any, ClassVar

import pytest

from searchsvc.engine import FORMS, TITLE, AnyOf, Engine, Entry, Matches, Plan, Sequence, Snapshot
from searchsvc.errors import IndexBusyError, IndexDamagedError

from .cases import Case, entry, load_cases
from .chance import LEMMAS, Chance
from .model import Model, assert_agrees
from .processes import ARTICLES, COMMITS, PATIENCE, hold_writer, read_commits, tagged, write_commits

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

SPAWN = multiprocessing.get_context("spawn")


def write(
    engine: Engine, entries: Iterable[Entry], mark: str = "1", *, deleted: Iterable[str] = (), compact: bool = False
) -> Snapshot:
    """Commit deletions and entries; return the state they leave."""
    with engine.writer() as writer:
        for article_id in deleted:
            writer.delete(article_id)
        for one in entries:
            writer.replace(one)
        writer.commit(mark, compact=compact)
    return engine.snapshot()


def term(text: str, field: str = "text", **options: Any) -> Plan:
    """Return a search for one term."""
    return Plan(units=(AnyOf((text,), field),), **options)


def keys(found: Matches) -> list[int]:
    """Return the keys of the full matches."""
    return [row.key for row in found.full]


def plans(seed: int, count: int) -> list[Plan]:
    """Return random searches."""
    chance = Chance(random.Random(seed))
    return [chance.plan() for _ in range(count)]


def assert_agree(snapshot: Snapshot, model: Model, searches: Iterable[Plan]) -> None:
    """Compare an engine's state with the model's."""
    assert snapshot.documents == len(model.entries)
    for plan in searches:
        assert_agrees(snapshot.search(plan), model.search(plan), plan)


class EngineContract:
    """Tests of an engine; ``opened`` opens it on a folder, here or in another process."""

    opened: ClassVar[Callable[[Path], Engine]]

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Return where ``engine`` keeps its index."""
        return tmp_path / "index"

    @pytest.fixture
    def engine(self, folder: Path) -> Engine:
        """Return an engine with an empty index."""
        return self.made(folder)

    @classmethod
    def made(cls, folder: Path) -> Engine:
        """Return an engine with an empty index in *folder*."""
        engine = cls.opened(folder)
        engine.create()
        return engine

    # --- searches ----------------------------------------------------------------------------

    @pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.name)
    def test_cases_are_answered_as_written(self, engine: Engine, case: Case) -> None:
        found = write(engine, case.entries).search(case.plan)
        ids = {one.key: one.article_id for one in case.entries}
        shown = {
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
            named["units"] = {name: bits for name, bits in shown["units"].items() if name in case.expect["units"]}
            assert case.plan.order == "date" or len(shown["units"]) == len(named["units"])
        assert named == case.expect
        assert_agrees(found, Model(case.entries).search(case.plan), case.plan)

    @pytest.mark.parametrize("seed", range(40))
    def test_small_random_histories_agree_with_the_model(self, engine: Engine, seed: int) -> None:
        """Histories grow with their seed, so that the first to fail is the easiest to read."""
        source = random.Random(seed)
        chance, model, key = Chance(source), Model(), itertools.count(1)
        snapshot = engine.snapshot()
        for mark in range(1 + seed // 6):
            deleted, written = chance.changes(sorted(model.entries), source.randint(0, 1 + seed // 4))
            entries = [chance.entry(article_id, next(key)) for article_id in written]
            write(engine, entries, str(mark), deleted=deleted, compact=source.random() < 0.2)
            for article_id in deleted:
                model.delete(article_id)
            for one in entries:
                model.replace(one)
            snapshot = engine.snapshot(snapshot)
            assert snapshot.mark == str(mark)
            assert_agree(snapshot, model, [chance.plan() for _ in range(20)])

    def test_a_large_random_history_agrees_with_the_model(self, engine: Engine) -> None:
        chance, model, key = Chance(random.Random(20240301)), Model(), itertools.count(1)
        snapshot, searches = engine.snapshot(), iter(plans(1, 10_000))
        kept: list[tuple[Snapshot, Model]] = []
        for mark, size in enumerate((450, 120, 30, 5, 0, 60, 1)):
            deleted, written = chance.changes(sorted(model.entries), size)
            entries = [chance.entry(article_id, next(key)) for article_id in written]
            write(engine, entries, str(mark), deleted=deleted, compact=mark == 5)
            for article_id in deleted:
                model.delete(article_id)
            for one in entries:
                model.replace(one)
            snapshot = engine.snapshot(snapshot)
            assert_agree(snapshot, model, itertools.islice(searches, 60))
            for some in (("школа",), ("вуз", "егэ", "а"), ("неведомый",), ()):
                for field in ("text", TITLE, FORMS):
                    assert snapshot.frequency(some, field=field) == model.frequency(some, field)
            kept.append((snapshot, model.copy()))
        for former, state in kept:
            assert_agree(former, state, itertools.islice(searches, 10))

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
        filters = {name: (odd,) for name in ("source", "category", "tag")}
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
        strangers = ("", "д", "д'", "a", "b", "пробелом", "с  пробелом", "C++", "я" * 199, "я" * 201, "е", "егэ", "*")
        assert [snapshot.search(term(stranger)).total for stranger in strangers] == [0] * len(strangers)

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
        for gap in (1, 2**20, 2**20 + 1, 2**31):
            assert snapshot.search(Plan(units=(Sequence(((0, ("один",)), (gap, ("два",)))),))).total == 0

    @pytest.mark.parametrize("days", [(0, 800_000), (-(2**31), 2**31 - 1), (-(2**62), 2**62)])
    def test_no_range_of_days_has_the_undated_however_wide(self, engine: Engine, days: tuple[int, int]) -> None:
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

    # --- writing -----------------------------------------------------------------------------

    def test_an_upsert_leaves_one_copy(self, engine: Engine) -> None:
        write(engine, [entry("a", "старое общее", key=1, source="old", date="2020-01-01")])
        for mark in range(2, 6):
            new = entry("a", f"новое{mark} общее", key=mark, source="new")
            snapshot = write(engine, [new], str(mark), compact=mark == 4)
            assert_agree(snapshot, Model([new]), [Plan(facets=("source", "year")), term("общее"), term("старое")])
            assert keys(snapshot.search(term("общее"))) == [mark]

    def test_deleting_what_is_not_there_changes_nothing(self, engine: Engine) -> None:
        write(engine, [entry("a", "весть")])
        assert write(engine, [], "2", deleted=["b", "", "весть"]).documents == 1

    def test_an_article_may_be_deleted_and_added_at_once(self, engine: Engine) -> None:
        write(engine, [entry("a", "старое", key=1)])
        with engine.writer() as writer:
            writer.delete("a")
            writer.add(entry("a", "новое", key=2))
            writer.commit("2")
        assert keys(engine.snapshot().search(Plan())) == [2]

    def test_an_id_that_comes_twice_in_a_batch_never_leaves_two_copies(self, engine: Engine) -> None:
        try:
            snapshot = write(engine, [entry("a", "первое", key=1), entry("a", "второе", key=2)])
        except ValueError:  # refused, as Whoosh does
            assert engine.snapshot().documents == 0
        else:
            assert keys(snapshot.search(Plan())) == [2]

    def test_an_exception_in_a_batch_leaves_nothing(self, engine: Engine) -> None:
        former = write(engine, [entry("a", "весть", key=1)])
        with pytest.raises(ZeroDivisionError), engine.writer() as writer:  # noqa: PT012
            writer.replace(entry("a", "другое", key=2))
            writer.add(entry("b", "весть", key=3))
            writer.delete("a")
            1 / 0
        assert engine.snapshot(former) is former
        assert keys(engine.snapshot().search(Plan())) == [1]
        assert write(engine, [entry("c", "весть")], "2").documents == 2

    def test_an_entry_that_cannot_be_written_leaves_nothing(self, engine: Engine) -> None:
        former = write(engine, [entry("a", "весть", key=1)])
        with pytest.raises(UnicodeEncodeError), engine.writer() as writer:  # noqa: PT012
            writer.add(entry("b", "весть"))
            writer.add(entry("c", {"\ud800": (1.0, (0,))}))
        assert engine.snapshot(former) is former
        assert write(engine, [], "2").documents == 1

    def test_leaving_without_a_commit_leaves_nothing(self, engine: Engine, folder: Path) -> None:
        former = write(engine, [entry("a", "весть")])
        files = sorted(path.name for path in folder.iterdir())
        for _ in range(3):
            with engine.writer() as writer:
                writer.add(entry("b", "весть"))
                writer.delete("a")
            with engine.writer():
                pass
        assert sorted(path.name for path in folder.iterdir()) == files
        assert engine.snapshot(former) is former
        assert engine.snapshot().documents == 1

    def test_many_commits_do_not_leave_their_files_behind(self, engine: Engine, folder: Path) -> None:
        for mark in range(12):
            write(engine, [entry("a", "весть " * 500, key=mark)], str(mark), compact=mark % 4 == 3)
        once = self.made(folder.with_name("once"))
        write(once, [entry("a", "весть " * 500)], compact=True)
        assert _size(folder) < 2 * _size(folder.with_name("once"))

    @pytest.mark.parametrize("mark", ["1", "", "поколение 7, правка «б»\n\t'\"\\", "🎓" * 500])
    def test_a_mark_comes_back_as_it_was_given(self, engine: Engine, mark: str) -> None:
        assert write(engine, [entry("a", "весть")], mark).mark == mark
        assert engine.snapshot().mark == mark

    def test_a_commit_without_changes_has_a_mark_too(self, engine: Engine) -> None:
        assert write(engine, [], "сначала").mark == "сначала"
        former = write(engine, [entry("a", "весть")], "затем")
        snapshot = write(engine, [], "пусто")
        assert (snapshot.mark, former.mark, snapshot.documents) == ("пусто", "затем", 1)
        assert write(engine, [], "сжато", compact=True).mark == "сжато"

    def test_deleting_everything_leaves_an_empty_index(self, engine: Engine) -> None:
        articles = [entry(name, "весть", source=name) for name in "abc"]
        for compact in (False, True):
            write(engine, articles)
            snapshot = write(engine, [], "2", deleted="abc", compact=compact)
            assert_agree(snapshot, Model(), [Plan(facets=("source",)), term("весть")])
        assert write(engine, articles, "3").documents == 3

    # --- snapshots ---------------------------------------------------------------------------

    def test_nothing_is_visible_before_the_commit(self, engine: Engine) -> None:
        with engine.writer() as writer:
            writer.add(entry("a", "весть"))
            assert engine.snapshot().documents == 0
            writer.commit("1")
            assert engine.snapshot().documents == 1

    def test_a_snapshot_answers_its_own_state_whatever_happens(self, engine: Engine, folder: Path) -> None:
        chance = Chance(random.Random(3))
        entries = [chance.entry(f"{number}", number) for number in range(60)]
        former, state = write(engine, entries), Model(entries)
        searches = iter(plans(4, 1000))
        with engine.writer() as writer:
            for number in range(30):
                writer.delete(f"{number}")
                writer.replace(chance.entry(f"{number + 20}", 100 + number))
            assert_agree(former, state, itertools.islice(searches, 15))
            writer.commit("2")
        assert_agree(former, state, itertools.islice(searches, 15))
        write(engine, [], "3", deleted=[f"{number}" for number in range(60)], compact=True)
        assert_agree(former, state, itertools.islice(searches, 15))
        shutil.rmtree(folder)
        assert_agree(former, state, itertools.islice(searches, 60))
        assert former.mark == "1"

    def test_an_unchanged_state_is_the_same_snapshot(self, engine: Engine, folder: Path) -> None:
        former = write(engine, [entry("a", "весть")])
        assert engine.snapshot(former) is former
        assert type(self).opened(folder).snapshot(former) is former
        later = write(engine, [], "2")
        assert engine.snapshot(former) is not former
        assert engine.snapshot(later) is later

    def test_a_snapshot_of_another_folder_is_no_former_state(self, engine: Engine, folder: Path) -> None:
        former = write(engine, [entry("a", "весть", key=1)], "same")
        other = self.made(folder.with_name("other"))
        write(other, [entry("a", "весть", key=2)], "same")
        assert keys(other.snapshot(former).search(Plan())) == [2]

    def test_another_engine_on_the_folder_sees_the_commits(self, engine: Engine, folder: Path) -> None:
        other = type(self).opened(folder)
        former = other.snapshot()
        write(engine, [entry("a", "весть", key=1)])
        assert other.snapshot(former).documents == 1
        write(other, [entry("b", "весть", key=2)], "2")
        assert engine.snapshot().mark == "2"

    def test_frequency_counts_articles_that_have_any_of_the_terms(self, engine: Engine) -> None:
        write(engine, [entry("a", "школа вуз", title="школа", forms=["школы"]), entry("b", "вуз"), entry("c", "егэ")])
        snapshot = write(engine, [], "2", deleted=["c"])
        assert snapshot.frequency(("школа",)) == 1
        assert snapshot.frequency(("школа", "вуз", "вуз")) == 2
        assert snapshot.frequency(("егэ",)) == 0
        assert snapshot.frequency(()) == 0
        assert snapshot.frequency(("школа", "вуз"), field=TITLE) == 1
        assert snapshot.frequency(("школы", "вуз"), field=FORMS) == 2

    def test_many_threads_search_one_state_and_get_equal_answers(self, engine: Engine, folder: Path) -> None:
        chance = Chance(random.Random(6))
        write(engine, [chance.entry(f"{number}", number) for number in range(400)])
        former = engine.snapshot()
        write(engine, [chance.entry(f"{number}", 1000 + number) for number in range(0, 60, 2)], "2")
        searches = [Plan(units=(AnyOf((lemma,), field),)) for lemma in LEMMAS for field in ("text", TITLE, FORMS)]
        searches += [Plan(units=(Sequence(((0, (a,)), (1, (b,)))),)) for a, b in itertools.pairwise(LEMMAS)]
        searches += plans(7, 30)
        calm = type(self).opened(folder).snapshot()
        wanted = [[state.search(plan) for plan in searches] for state in (former, calm)]
        with _eager_switching(), ThreadPoolExecutor(8) as pool:
            for _ in range(3):
                fresh = type(self).opened(folder)  # nothing is cached yet
                states = (former, fresh.snapshot())
                answers = pool.map(lambda job: states[job[0]].search(searches[job[1]]), _jobs(len(searches)))
                for (state, number), found in zip(_jobs(len(searches)), answers, strict=True):
                    assert found == wanted[state][number]

    def test_threads_search_two_states_that_share_files(self, folder: Path) -> None:
        chance = Chance(random.Random(9))
        write(self.made(folder), [chance.entry(f"{number}", number) for number in range(300)])
        searches = [Plan(units=(AnyOf((lemma,), field),)) for lemma in LEMMAS for field in ("text", TITLE, FORMS)]
        for mark in range(2, 6):
            engine = type(self).opened(folder)
            former = engine.snapshot()
            write(engine, [], str(mark), deleted=[f"{mark}"])
            states = (former, engine.snapshot(former))
            with _eager_switching(), ThreadPoolExecutor(8) as pool:
                jobs = _jobs(len(searches))
                answers = list(pool.map(lambda job: states[job[0]].search(searches[job[1]]), jobs))  # noqa: B023
            calm = [former, type(self).opened(folder).snapshot()]
            for (state, number), found in zip(jobs, answers, strict=True):
                assert found == calm[state].search(searches[number])

    # --- one writer, several processes -------------------------------------------------------

    def test_a_second_writer_is_told_that_the_index_is_busy(self, engine: Engine, folder: Path) -> None:
        with engine.writer() as writer:
            for one in (engine, type(self).opened(folder)):
                with pytest.raises(IndexBusyError):
                    one.writer()
            writer.add(entry("a", "весть"))
            writer.commit("1")
        assert write(engine, [entry("b", "весть")], "2").documents == 2

    def test_readers_of_another_process_see_whole_commits(self, engine: Engine, folder: Path) -> None:
        write(engine, [tagged(number, "0") for number in range(ARTICLES)], "0")
        started, answers = SPAWN.Event(), SPAWN.Queue()
        jobs = [
            SPAWN.Process(target=write_commits, args=(type(self).opened, folder, started)),
            SPAWN.Process(target=read_commits, args=(type(self).opened, folder, started, answers)),
        ]
        with _running(*jobs):
            try:
                marks, faults = answers.get(timeout=PATIENCE)
            except Empty:
                pytest.fail("the reader came to no end")
            for job in jobs:
                job.join(PATIENCE)
        assert faults == []
        assert [job.exitcode for job in jobs] == [0, 0]
        assert marks[-1] == str(COMMITS)
        assert marks == sorted(marks, key=int)
        assert len(marks) > 3

    def test_a_killed_writer_frees_the_index_and_leaves_nothing(self, engine: Engine, folder: Path) -> None:
        former = write(engine, [entry("a", "весть", key=1)])
        started = SPAWN.Event()
        job = SPAWN.Process(target=hold_writer, args=(type(self).opened, folder, started))
        with _running(job):
            assert started.wait(PATIENCE)
            with pytest.raises(IndexBusyError):
                engine.writer()
            assert engine.snapshot(former) is former
            job.kill()
            job.join(PATIENCE)
        assert engine.snapshot(former) is former
        snapshot = write(engine, [entry("b", "весть", key=2)], "2")
        assert keys(snapshot.search(Plan())) == [1, 2]

    # --- damage ------------------------------------------------------------------------------

    def test_a_folder_without_an_index_is_named_with_what_mends_it(self, folder: Path) -> None:
        for make in (lambda: None, folder.mkdir, lambda: (folder / "readme.txt").write_text("не индекс")):
            make()
            for use in (type(self).opened(folder).snapshot, type(self).opened(folder).writer):
                with pytest.raises(IndexDamagedError, match="searchsvc rebuild") as caught:
                    use()
                assert str(folder) in str(caught.value)

    def test_a_file_in_the_place_of_the_folder_is_damage(self, folder: Path) -> None:
        folder.write_text("не папка")
        with pytest.raises(IndexDamagedError, match="searchsvc rebuild"):
            type(self).opened(folder).snapshot()

    @pytest.mark.parametrize("share", [0, 0.02, 0.3, 0.6, 0.9, 0.99], ids=lambda share: f"to {share:.0%}")
    def test_a_file_cut_short_is_noticed(self, folder: Path, share: float) -> None:
        self._assert_noticed(folder, lambda whole: [whole[: int(len(whole) * share)]])

    def test_a_file_without_its_last_byte_is_noticed(self, folder: Path) -> None:
        self._assert_noticed(folder, lambda whole: [whole[:-1]])

    def test_a_missing_file_is_noticed(self, folder: Path) -> None:
        self._assert_noticed(folder, lambda whole: [None])

    def test_a_file_of_rubbish_is_noticed(self, folder: Path) -> None:
        chance = random.Random(10)
        self._assert_noticed(
            folder,
            lambda whole: [b"\0" * len(whole), "не индекс".encode() * 9, *(chance.randbytes(len(whole)) for _ in "12345")],
        )

    def test_rubbish_inside_a_file_is_never_another_error(self, folder: Path) -> None:
        chance = random.Random(11)

        def spoiled(whole: bytes) -> list[bytes | None]:
            found: list[bytes | None] = []
            for _ in range(60 if whole else 0):
                at, size = chance.randrange(len(whole)), chance.choice((1, 8, 40))
                found.append(whole[:at] + chance.randbytes(size) + whole[at + size :])
            return found

        self._assert_noticed(folder, spoiled, wrong_answers=True)

    def _assert_noticed(
        self, folder: Path, spoil: Callable[[bytes], list[bytes | None]], *, wrong_answers: bool = False
    ) -> None:
        """Spoil each file in its turn: a state cannot be opened, or answers as if nothing were."""
        chance = Chance(random.Random(12))
        engine = self.made(folder)
        write(engine, [chance.entry(f"{number}", number) for number in range(150)])
        snapshot = write(engine, [chance.entry(f"{number}", 200 + number) for number in range(5)], "2")
        searches = [term(lemma) for lemma in LEMMAS] + plans(13, 20)
        wanted = [snapshot.search(plan) for plan in searches]
        noticed = 0
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            whole = path.read_bytes()
            for content in spoil(whole):
                _put(path, content)
                try:
                    fresh = type(self).opened(folder).snapshot()
                    found = [fresh.search(plan) for plan in searches]
                except IndexDamagedError as error:
                    assert "searchsvc rebuild" in str(error)
                    noticed += 1
                else:
                    assert wrong_answers or found == wanted, f"{path.name} was spoilt and nobody noticed"
            _put(path, whole)
        assert noticed
        assert [engine.snapshot().search(plan) for plan in searches] == wanted


def _put(path: Path, content: bytes | None) -> None:
    """Put *content* in the place of a file that somebody may have mapped."""
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _jobs(searches: int) -> list[tuple[int, int]]:
    """Return (state, search) pairs in an order that makes threads meet."""
    return [(state, number) for number in range(searches) for state in (0, 1, 0, 1)]


@contextmanager
def _eager_switching() -> Iterator[None]:
    """Let threads change places as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


@contextmanager
def _running(*jobs: Any) -> Iterator[None]:
    """Start processes and see that none outlives the test."""
    for job in jobs:
        job.start()
    try:
        yield
    finally:
        for job in jobs:
            if job.is_alive():
                job.kill()
            job.join()
