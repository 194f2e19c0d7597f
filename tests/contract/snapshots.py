"""What readers see while others write: in one thread, in several, in several processes."""

from __future__ import annotations

import itertools
import multiprocessing
import random
import shutil
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from searchsvc.engine import FORMS, TEXT, TITLE, AnyOf, Engine, Matches, Plan, Sequence, Snapshot
from searchsvc.errors import IndexBusyError

from .bed import Bed, assert_agree, keys, plans, term, write
from .cases import entry
from .chance import LEMMAS, Chance
from .model import Model
from .processes import (
    ARTICLES,
    COMMITS,
    PATIENCE,
    hold_writer,
    inconsistencies,
    read_commits,
    tagged,
    write_commits,
)

SPAWN = multiprocessing.get_context("spawn")


class Snapshots(Bed):
    """States that stay as they are, one writer, many readers."""

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
                writer.replace(chance.entry(f"{number + 30}", 100 + number))
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
        assert self.opened(folder).snapshot(former) is former
        later = write(engine, [], "2")
        assert engine.snapshot(former) is not former
        assert engine.snapshot(later) is later

    def test_a_snapshot_of_another_folder_is_no_former_state(self, engine: Engine, folder: Path) -> None:
        former = write(engine, [entry("a", "весть", key=1)], "same")
        other = self.made(folder.with_name("other"))
        write(other, [entry("a", "весть", key=2)], "same")
        assert keys(other.snapshot(former).search(Plan())) == [2]

    def test_another_engine_on_the_folder_sees_the_commits(self, engine: Engine, folder: Path) -> None:
        other = self.opened(folder)
        former = other.snapshot()
        write(engine, [entry("a", "весть", key=1)])
        assert other.snapshot(former).documents == 1
        write(other, [entry("b", "весть", key=2)], "2")
        assert engine.snapshot().mark == "2"

    def test_a_state_opened_anew_changes_nothing_for_one_that_is_open(self, engine: Engine) -> None:
        former = write(engine, [entry("a", "весть один", key=1), entry("b", "весть один", key=2)])
        later = write(engine, [], "2", deleted=["a"])  # shares files with the former, perhaps a cache
        phrase = Plan(units=(Sequence(((0, ("весть",)), (1, ("один",)))),), facets=("source",))
        for plan in (term("весть"), term("один"), phrase):
            assert keys(later.search(plan)) == [2]
            assert keys(former.search(plan)) == [1, 2]
        assert (former.documents, later.documents) == (2, 1)

    def test_frequency_counts_articles_that_have_any_of_the_terms(self, engine: Engine) -> None:
        one = entry("a", "школа вуз", title="школа", forms=["школы"])
        write(engine, [one, entry("b", "вуз"), entry("c", "егэ")])
        snapshot = write(engine, [], "2", deleted=["c"])
        assert snapshot.frequency(("школа",)) == 1
        assert snapshot.frequency(("школа", "вуз", "вуз")) == 2
        assert snapshot.frequency(("егэ",)) == 0
        assert snapshot.frequency(()) == 0
        assert snapshot.frequency(("школа", "вуз"), field=TITLE) == 1
        assert snapshot.frequency(("школы", "вуз"), field=FORMS) == 2

    def test_many_threads_search_two_states_and_get_equal_answers(self, engine: Engine, folder: Path) -> None:
        """The former state and the present one share files; neither has been searched before."""
        chance = Chance(random.Random(6))
        write(engine, [chance.entry(f"{number}", number) for number in range(300)])
        searches = [Plan(units=(AnyOf((one,), field),)) for one in LEMMAS for field in (TEXT, TITLE, FORMS)]
        searches += [Plan(units=(Sequence(((0, (a,)), (1, (b,)))),)) for a, b in itertools.pairwise(LEMMAS)]
        searches += plans(7, 20)
        jobs = [(state, plan) for plan in range(len(searches)) for state in (0, 1, 0, 1)]
        for mark in range(2, 6):
            fresh = self.opened(folder)
            former = fresh.snapshot()
            write(engine, [chance.entry(f"{mark}", 1000 + mark)], str(mark), deleted=[f"{mark + 10}"])
            calm = self.opened(folder)
            states = (former, fresh.snapshot(former))
            with _eager_switching(), ThreadPoolExecutor(8) as pool:
                found = list(pool.map(_search, ((states[state], searches[plan]) for state, plan in jobs)))
            present = calm.snapshot()
            wanted = [[_search((state, plan)) for plan in searches] for state in (former, present)]
            assert present.mark == states[1].mark != former.mark
            assert found == [wanted[state][plan] for state, plan in jobs]

    def test_many_threads_open_the_state_of_the_moment(self, engine: Engine, folder: Path) -> None:
        write(engine, [tagged(number, "0") for number in range(ARTICLES)], "0")
        other = self.opened(folder)
        done = threading.Event()

        def reader(_: int) -> list[str]:
            faults: list[str] = []
            snapshot = None
            while not done.is_set() and not faults:
                snapshot = other.snapshot(snapshot)
                faults = inconsistencies(snapshot.search, snapshot.mark)
            return faults

        with ThreadPoolExecutor(4) as pool:
            faults = pool.map(reader, range(4))
            try:
                for mark in range(1, 9):
                    write(engine, [tagged(number, f"{mark}") for number in range(ARTICLES)], f"{mark}")
            finally:
                done.set()
            assert list(faults) == [[]] * 4

    # --- one writer, several processes -------------------------------------------------------

    def test_a_second_writer_is_told_that_the_index_is_busy(self, engine: Engine, folder: Path) -> None:
        with engine.writer() as writer:
            for one in (engine, self.opened(folder)):
                with pytest.raises(IndexBusyError):
                    one.writer()
            writer.add(entry("a", "весть"))
            writer.commit("1")
        assert write(engine, [entry("b", "весть")], "2").documents == 2

    def test_readers_of_another_process_see_whole_commits(self, engine: Engine, folder: Path) -> None:
        write(engine, [tagged(number, "0") for number in range(ARTICLES)], "0")
        started, answers = SPAWN.Event(), SPAWN.Queue()
        jobs = [
            SPAWN.Process(target=write_commits, args=(self.opened, folder, started)),
            SPAWN.Process(target=read_commits, args=(self.opened, folder, started, answers)),
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
        files = set(folder.rglob("*"))
        started = SPAWN.Event()
        job = SPAWN.Process(target=hold_writer, args=(self.opened, folder, started))
        with _running(job):
            assert started.wait(PATIENCE)
            with pytest.raises(IndexBusyError):
                engine.writer()
            assert engine.snapshot(former) is former
            job.kill()
            job.join(PATIENCE)
        assert engine.snapshot(former) is former
        leavings = set(folder.rglob("*")) - files
        snapshot = write(engine, [entry("b", "весть", key=2)], "2")
        assert keys(snapshot.search(Plan())) == [1, 2]
        assert not leavings & set(folder.rglob("*"))


def _search(job: tuple[Snapshot, Plan]) -> Matches:
    snapshot, plan = job
    return snapshot.search(plan)


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
