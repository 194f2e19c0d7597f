"""The live index: always one whole state, the newest that can be opened."""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from beds.index import SITE, Bed, shown, told

from searchsvc.analysis import Analyzer
from searchsvc.errors import FingerprintError, GenerationError, IndexDamagedError, NoIndexError
from searchsvc.generations import Generations, Pointer
from searchsvc.live import LiveIndex, View
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService

SOON = 1.0
"""Seconds within which readers see a change (the product's promise)."""


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Bed:
    made = Bed.open(tmp_path, analyzer)
    made.put(range(5))
    return made


@pytest.fixture
def live(bed: Bed) -> Iterator[LiveIndex]:
    """A live index that looks at each view."""
    bed.rebuild()
    with closing(LiveIndex(bed.generations)) as opened:
        yield opened


@pytest.fixture
def watched(bed: Bed) -> Iterator[LiveIndex]:
    """A live index with a watcher, that has been looked at."""
    bed.rebuild()
    with closing(LiveIndex(bed.generations, watch=True)) as opened:
        opened.view()
        yield opened


def soon(true: Callable[[], bool]) -> None:
    """Wait until *true*, not longer than the promise."""
    until = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < until, "not seen in time"
        time.sleep(0.01)


def texts(view: View) -> dict[str, str]:
    return shown(view.generation, view.snapshot)


# Appearing, moving on, swapping


@pytest.mark.parametrize("watch", [False, True])
def test_before_the_first_index_there_is_an_error_and_then_it_appears(bed: Bed, watch: bool) -> None:
    with closing(LiveIndex(bed.generations, watch=watch)) as live:
        for _ in range(2):
            with pytest.raises(NoIndexError, match="searchsvc rebuild"):
                live.view()
        assert "searchsvc rebuild" in live.problem
        bed.rebuild()
        assert (told(live.view()), live.problem) == ("g000001.5.0", "")


def test_an_unchanged_index_gives_the_very_same_view(live: LiveIndex, bed: Bed) -> None:
    view = live.view()
    bed.sync()
    assert live.view() is view


def test_each_view_sees_what_was_synced_and_what_was_published(live: LiveIndex, bed: Bed) -> None:
    assert told(live.view()) == "g000001.5.0"
    bed.put([1], "правка")
    bed.sync()
    assert told(live.view()) == "g000001.6.0"
    assert texts(live.view())["a001"].endswith("правка\n\n" + bed.archive.get("a001").tags[0])
    bed.rebuild()
    assert told(live.view()) == "g000002.6.0"
    bed.generations.point_back()
    assert told(live.view()) == "g000001.6.0"


def test_a_watcher_swaps_in_what_was_synced_and_what_was_published(watched: LiveIndex, bed: Bed) -> None:
    bed.put([1], "правка")
    bed.sync()
    soon(lambda: told(watched.view()) == "g000001.6.0")
    bed.rebuild()
    soon(lambda: told(watched.view()) == "g000002.6.0")


def test_an_old_view_goes_on_answering_while_it_is_held(live: LiveIndex, bed: Bed) -> None:
    old = live.view()
    before = texts(old)
    bed.put(range(5), "правка")
    bed.remove(4)
    bed.sync()
    middle = live.view()
    assert texts(old) == before
    bed.rebuild()
    assert live.view().generation is not old.generation
    assert texts(old) == before
    assert old.generation.store.contents(old.sequence) == {f"a{number:03}": 1 for number in range(5)}
    assert len(texts(middle)) == 4


def test_the_title_of_a_new_source_is_shown_without_a_restart(live: LiveIndex, bed: Bed) -> None:
    service = SearchService(live, bed.analyzer)
    assert {hit.source_title for hit in service.search(SearchRequest("лид записи")).hits} == {SITE.title}
    bed.archive.add_source(replace(SITE, title="Другое имя"))
    bed.put([1], "правка")
    bed.sync()
    assert {hit.source_title for hit in service.search(SearchRequest("лид записи")).hits} == {"Другое имя"}


def test_a_rebuilt_generation_of_the_same_name_is_not_taken_for_the_old_one(
    live: LiveIndex, bed: Bed
) -> None:
    assert len(texts(live.view())) == 5
    shutil.rmtree(bed.index)
    bed.put([7])
    bed.rebuild()
    assert told(live.view()) == "g000001.6.0"
    assert set(texts(live.view())) == {f"a{number:03}" for number in (0, 1, 2, 3, 4, 7)}


def test_views_taken_by_many_threads_are_whole(watched: LiveIndex, bed: Bed) -> None:
    done = threading.Event()
    expected = {5: texts(watched.view())}

    def look() -> dict[str, tuple[int, dict[str, str]]]:
        seen = {}
        while not done.wait(0.005):  # the writer gets on in between
            view = watched.view()
            seen[view.version] = (view.sequence, texts(view))
        return seen

    with ThreadPoolExecutor(3) as pool:
        looks = [pool.submit(look) for _ in range(3)]
        try:
            for number in range(6):
                bed.put(range(5), f"круг {number}")
                expected[bed.archive.last_sequence()] = {
                    one.id: one.text for one, _ in bed.archive.articles()
                }
                bed.sync()
                if number % 2:
                    bed.rebuild()
                time.sleep(0.3)
        finally:
            done.set()
        seen = [one.result() for one in looks]
    for versions in seen:
        assert len(versions) > 3
        for sequence, found in versions.values():
            assert found == expected[sequence]


# A new state that cannot be opened


def pointer(index: Path) -> None:
    (index / "current.json").write_text("{")


def no_pointer(index: Path) -> None:
    (index / "current.json").unlink()


def no_generation(index: Path) -> None:
    shutil.rmtree(index / "g000002")


def schema(index: Path) -> None:
    path = index / "g000002" / "manifest.json"
    path.write_text(re.sub(r'"schema": \d+', '"schema": 99', path.read_text()))


def no_store(index: Path) -> None:
    (index / "g000002" / "store.db").unlink()


def store(index: Path) -> None:
    (index / "g000002" / "store.db").write_bytes(b"rubbish" * 1000)


def segments(index: Path) -> None:
    for path in (index / "g000002" / "engine").glob("*.seg"):
        path.write_bytes(b"rubbish" * 1000)


DAMAGES = [pointer, no_pointer, no_generation, schema, no_store, store, segments]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_state_that_cannot_be_opened_leaves_the_old_one_answering(
    live: LiveIndex, bed: Bed, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    old = live.view()
    bed.put([7])
    bed.rebuild()
    damage(bed.index)
    caplog.set_level(logging.ERROR)
    for _ in range(3):
        assert live.view() is old
    assert len(texts(old)) == 5
    assert "searchsvc rebuild" in live.problem
    assert len([record for record in caplog.records if record.name == "searchsvc.live"]) == 1
    readiness = SearchService(live, bed.analyzer).readiness()
    assert (readiness.ready, readiness.degraded, readiness.reason) == (True, True, live.problem)
    bed.rebuild()
    assert (len(texts(live.view())), live.problem) == (6, "")
    assert SearchService(live, bed.analyzer).readiness().degraded is False


@pytest.mark.parametrize("damage", DAMAGES)
def test_without_an_old_state_the_error_is_raised_and_readiness_says_so(
    bed: Bed, damage: Callable[[Path], None]
) -> None:
    bed.rebuild()
    bed.rebuild()
    damage(bed.index)
    with closing(LiveIndex(bed.generations)) as live:
        kind = {no_pointer: NoIndexError, schema: FingerprintError}.get(damage, IndexDamagedError)
        with pytest.raises(kind, match="searchsvc rebuild"):
            live.view()
        readiness = SearchService(live, bed.analyzer).readiness()
        assert (readiness.ready, readiness.reason) == (False, live.problem)


def test_a_generation_that_was_never_finished_is_not_taken(live: LiveIndex, bed: Bed) -> None:
    old = live.view()
    bed.rebuild()
    built = bed.generations.begin(engine="whoosh", analysis=bed.analyzer.fingerprint)
    built.load([], 5)
    built.folder.rename(bed.index / "g000009")
    bed.generations.pointer_path.write_text('{"generation": "g000009", "previous": "g000002"}')
    assert live.view() is old
    assert "не достроено" in live.problem
    assert bed.generations.pointer() == Pointer("g000009", "g000002")


# The watcher


class Moody(Generations):
    """Generations that fail in a way nobody foresaw, when told to."""

    mood: Exception | None = None
    asked = 0

    def pointer(self) -> Pointer:
        self.asked += 1
        if self.mood:
            raise self.mood
        return super().pointer()


@pytest.mark.parametrize("mood", [RuntimeError("unforeseen"), MemoryError(), GenerationError("известно")])
def test_a_watcher_survives_whatever_happens(bed: Bed, mood: Exception) -> None:
    bed.rebuild()
    moody = Moody(bed.index)
    with closing(LiveIndex(moody, watch=True)) as live:
        old = live.view()
        moody.mood, asked = mood, moody.asked
        soon(lambda: moody.asked > asked + 1)
        assert live.view() is old
        bed.put([7])
        bed.sync()
        moody.mood = None
        soon(lambda: told(live.view()) == "g000001.6.0")


def test_closing_ends_the_watcher_and_lets_go_of_the_store(bed: Bed) -> None:
    bed.rebuild()
    live = LiveIndex(bed.generations, watch=True)
    texts(live.view())
    assert open_files(bed.index / "g000001" / "store.db")
    live.close()
    live.close()
    assert "index-watch" not in {thread.name for thread in threading.enumerate()}
    assert not open_files(bed.index / "g000001" / "store.db")


def test_a_swap_lets_go_of_the_old_store(live: LiveIndex, bed: Bed) -> None:
    texts(live.view())
    bed.rebuild()
    texts(live.view())
    assert not open_files(bed.index / "g000001" / "store.db")


def open_files(path: Path) -> list[Path]:
    """Return this process's descriptors of *path*."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [link for link in links if link.resolve() == path]
