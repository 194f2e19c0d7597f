"""Killed, out of space, or read meanwhile: the old state answers, and the next run makes all well."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator, Set
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from beds.crashes import FILE_EVENTS, PATIENCE, read, servers, work
from beds.index import ARTICLES, Bed, draft, files_with, shown
from beds.mounts import small_disk

from searchsvc.errors import GenerationError
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer

State = dict[str, str]
"""Texts by article."""

RARE = "Щелкопёрова"
DEATHS = 15
SOON = 1.0
"""Seconds within which readers see a change (the product's promise)."""


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Iterator[Bed]:
    made = Bed.open(tmp_path, analyzer)
    made.put(range(ARTICLES))
    made.rebuild()
    yield made
    made.archive.close()


def contents(bed: Bed) -> State:
    """Return what the archive says now."""
    return {article.id: article.text for article, _ in bed.archive.articles()}


def answering(bed: Bed) -> tuple[int, State]:
    """Return the sequence and the articles of the index as a new reader finds them."""
    with closing(LiveIndex(bed.generations)) as live:
        view = live.view()
        state = shown(view.generation, view.snapshot)
        assert view.generation.store.contents(view.sequence).keys() == state.keys()
        for name in state:
            assert view.generation.store.article(name, view.sequence) is not None
        return view.sequence, state


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a process: was it killed, how many things did it do to files, how long did it work."""

    died: bool
    things: int
    seconds: float


def run(
    bed: Bed, name: str, *, fatal: int = 0, delay: float | None = None, events: Set[str] = FILE_EVENTS
) -> Run:
    """Do *name* in another process; kill it after *delay* or before the *fatal*-th of *events*."""
    context = servers()
    done = context.Value("i", -1, lock=False)  # a killed holder would keep it
    process = context.Process(target=work, args=(name, bed.folder, bed.index, fatal, events, done))
    process.start()
    until = time.monotonic() + PATIENCE
    while done.value < 0:
        assert time.monotonic() < until
        time.sleep(0.001)
    begin = time.monotonic()
    if delay is not None:
        time.sleep(delay)
        process.kill()
    process.join(PATIENCE)
    assert process.exitcode in {0, -signal.SIGKILL}
    return Run(process.exitcode != 0, done.value, time.monotonic() - begin)


def deaths(bed: Bed, name: str, chance: random.Random, change: Callable[[int], None]) -> Iterator[None]:
    """Yield after each of ``DEATHS`` deaths of *name*, in turn by time and by the thing about to be done.

    *change* makes work for it.
    """
    change(0)
    whole = run(bed, name)
    assert not whole.died
    died = 0
    for number in range(1, 4 * DEATHS):
        change(number)
        if number % 2:
            died += run(bed, name, delay=chance.uniform(0, whole.seconds)).died
        else:
            died += run(bed, name, fatal=chance.randint(1, whole.things)).died
        yield
        if died == DEATHS:
            return
    raise AssertionError(f"only {died} deaths")


# Killed


class Past:
    """What the archive said before and after a change."""

    def __init__(self, bed: Bed, chance: random.Random) -> None:
        self._bed = bed
        self._chance = chance
        self.states: list[tuple[int, State]] = []

    def change(self, number: int) -> None:
        """Let articles of the archive change, go, come and come back."""
        before = self.now()
        self._bed.put(self._chance.sample(range(ARTICLES + 5), 6), f"правка {number}")
        for one in self._chance.sample(range(ARTICLES + 5), 2):
            self._bed.archive.remove(draft(one).id, "снята")
        self.states = [before, self.now()]

    def now(self) -> tuple[int, State]:
        """Return sequence and articles of the archive."""
        return self._bed.archive.last_sequence(), contents(self._bed)


def test_a_sync_killed_at_any_moment_leaves_the_old_or_the_new_state(bed: Bed) -> None:
    chance = random.Random(20240901)
    past = Past(bed, chance)
    for _ in deaths(bed, "sync", chance, past.change):
        assert answering(bed) in past.states
        bed.sync()
        bed.assert_in_step()


def test_a_rebuild_killed_at_any_moment_leaves_the_old_or_the_new_state(bed: Bed) -> None:
    chance = random.Random(20240902)
    past = Past(bed, chance)
    for _ in deaths(bed, "rebuild", chance, past.change):
        assert answering(bed) in past.states
        bed.sync()
        assert answering(bed) == past.now()
        bed.rebuild()
        bed.assert_in_step()


@pytest.mark.parametrize(
    ("name", "events", "least"),
    [("sync", {"os.rename", "os.remove"}, 8), ("rebuild", {"os.rename"}, 6)],
)
def test_a_death_around_a_commit_or_a_publication_leaves_no_trace(
    bed: Bed, name: str, events: set[str], least: int
) -> None:
    past = Past(bed, random.Random(20240906))
    for number in range(1, 60):
        past.change(number)
        died = run(bed, name, fatal=number, events=events).died
        assert answering(bed) in past.states
        bed.sync()
        if name == "rebuild":
            bed.rebuild()
        bed.assert_in_step()
        if not died:
            break
    assert least < number < 59


def test_a_first_rebuild_that_was_killed_is_made_up_for_by_the_next(
    tmp_path: Path, analyzer: Analyzer
) -> None:
    chance = random.Random(20240903)
    for number in range(6):
        bed = Bed.open(tmp_path / str(number), analyzer)
        bed.put(range(ARTICLES))
        run(bed, "rebuild", fatal=chance.randint(1, 170))
        bed.rebuild()
        bed.assert_in_step()
        bed.archive.close()


def test_a_killed_roll_back_brings_nothing_back(bed: Bed) -> None:
    chance = random.Random(20240904)
    past = Past(bed, chance)
    bed.rebuild()

    def change(number: int) -> None:
        past.change(number)
        bed.sync()

    for _ in deaths(bed, "rollback", chance, change):
        assert answering(bed) == past.now()
        bed.rollback()
        bed.assert_in_step()


def assert_purged(bed: Bed) -> None:
    """After whatever a killed purge did, the next purge or else the next sync finishes it."""
    if "a001" in contents(bed):
        bed.purge("a001")
    bed.sync()
    assert "a001" not in contents(bed)
    assert files_with(bed.folder, RARE) == []
    bed.assert_in_step()


def test_a_killed_purge_is_finished_by_the_next_purge_or_sync(bed: Bed) -> None:
    def change(number: int) -> None:
        bed.put([1], f"{RARE} {number}")
        bed.sync()
        if number % 4 == 0:
            bed.rebuild()

    for _ in deaths(bed, "purge", random.Random(20240905), change):
        assert_purged(bed)


def test_a_purge_killed_just_before_a_commit_leaves_no_trace(bed: Bed) -> None:
    for number in range(1, 20):
        bed.put([1], f"{RARE} {number}")
        bed.sync()
        bed.rebuild()
        died = run(bed, "purge", fatal=number, events={"os.rename"}).died
        assert_purged(bed)
        if not died:
            break
    assert number > 3


# Out of space


@contextmanager
def filled(disk: Path, left: int) -> Iterator[None]:
    """Leave *left* kilobytes of *disk* free for the block."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        with suppress(OSError):  # until there is no space
            while file.write(b"\0" * 4096):
                pass
        file.truncate(file.tell() - left * 1024)
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def cramped(tmp_path: Path, analyzer: Analyzer) -> Iterator[Bed]:
    """A bed whose index lies on a small disk."""
    with small_disk(tmp_path / "disk", "4m") as disk:
        made = Bed.open(tmp_path, analyzer, disk / "index")
        made.put(range(ARTICLES))
        made.rebuild()
        yield made
        made.archive.close()


@pytest.mark.parametrize("left", [0, 4, 24, 60, 100, 140, 180, 230, 280])
def test_a_rebuild_on_a_full_disk_says_so_and_the_old_index_answers(cramped: Bed, left: int) -> None:
    before = answering(cramped)
    cramped.put(range(9), "правка")
    with filled(cramped.index.parent, left):
        with pytest.raises(
            GenerationError, match=r"не удалось.*Прежний индекс.*Проверьте место.*searchsvc rebuild"
        ):
            cramped.rebuild()
        assert answering(cramped) == before
        assert sorted(path.name for path in cramped.index.iterdir() if path.is_dir()) == ["g000001"]
    cramped.rebuild()
    cramped.assert_in_step()


@pytest.mark.parametrize("left", [0, 4, 24, 60, 90, 120, 150, 180])
def test_a_sync_on_a_full_disk_says_so_and_the_old_index_answers(cramped: Bed, left: int) -> None:
    before = answering(cramped)
    cramped.put(range(ARTICLES), "правка " * 20)
    with filled(cramped.index.parent, left):
        with pytest.raises(
            GenerationError, match=r"не удалось.*Прежний индекс.*Проверьте место.*searchsvc sync"
        ):
            cramped.sync()
        assert answering(cramped) == before
    cramped.sync()
    cramped.assert_in_step()


# Read meanwhile


def test_readers_see_whole_versions_one_after_another_and_soon(bed: Bed) -> None:
    syncs, articles = 60, 12
    context = servers()
    bed.remove(*range(articles, ARTICLES))
    published: dict[str, tuple[str, float]] = {}

    def publish(number: int) -> None:
        bed.put(range(articles), f"круг {10_000 + number}")
        bed.sync()
        with closing(LiveIndex(bed.generations)) as live:
            published[live.view().version] = (str(10_000 + number), time.monotonic())

    publish(0)
    birth = next(iter(published)).partition(".")[0]
    answers, last = context.Queue(), f"{birth}.{bed.archive.last_sequence() + syncs * articles}.0"
    started = [context.Event() for _ in range(2)]
    readers = [context.Process(target=read, args=(bed.index, last, one, answers)) for one in started]
    for reader in readers:
        reader.start()
    assert all(one.wait(PATIENCE) for one in started)
    for number in range(1, syncs + 1):
        publish(number)
    assert last in published
    for _ in readers:
        seen = answers.get(timeout=PATIENCE)
        order = list(published)
        places = [order.index(version) for version, *_ in seen]
        assert places == sorted(set(places)), "a version came back, or said two things"
        assert [rounds for _, rounds, _, _ in seen] == [{published[version][0]} for version, *_ in seen]
        assert {total for _, _, total, _ in seen} == {articles}
        assert len(seen) > 5
        for place, version in enumerate(order):
            first = min(at for there, (*_, at) in zip(places, seen, strict=True) if there >= place)
            assert first - published[version][1] < SOON
    for reader in readers:
        reader.join(PATIENCE)
        assert reader.exitcode == 0
