"""Generations: built beside, published by one rename, refused when foreign or broken, copied anywhere."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from beds.index import SITE, assert_holds, document, draft, files_with, found
from beds.mounts import make_read_only, small_disk

from corpus.article import Article
from searchsvc.errors import (
    FingerprintError,
    GenerationError,
    IndexDamagedError,
    NoIndexError,
    UnknownEngineError,
)
from searchsvc.generation.generation import SCHEMA_VERSION, Generation
from searchsvc.generation.generations import Generations, Pointer
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService


@pytest.fixture
def generations(tmp_path: Path) -> Generations:
    return Generations(tmp_path / "index")


def build(
    generations: Generations, analyzer: Analyzer, articles: Iterable[Article], sequence: int = 1
) -> Generation:
    """Return a finished generation that is not published."""
    built = generations.begin(engine="whoosh", analysis=analyzer.fingerprint)
    built.load((document(article, analyzer) for article in articles), sequence)
    built.finish([SITE], sequence)
    return built


def publish(generations: Generations, analyzer: Analyzer, *numbers: int, sequence: int = 1) -> str:
    """Build and publish a generation of the articles with *numbers*; return its name."""
    with closing(
        generations.publish(build(generations, analyzer, map(draft, numbers), sequence))
    ) as published:
        return published.name


def names(generations: Generations) -> list[str]:
    """Return the folders of generations, finished and not."""
    return sorted(path.name for path in generations.folder.iterdir() if path.is_dir())


# From beginning to publication


def test_a_generation_is_built_beside_and_published_whole(
    generations: Generations, analyzer: Analyzer
) -> None:
    articles = {draft(number): 1 for number in range(10)}
    built = build(generations, analyzer, articles, 17)
    assert (built.name, names(generations)) == ("g000001", ["g000001.building"])
    with pytest.raises(NoIndexError, match="searchsvc rebuild"):
        generations.current()
    with closing(generations.publish(built)) as published:
        assert (published.name, published.sequence(), names(generations)) == ("g000001", 17, ["g000001"])
        assert generations.pointer() == Pointer("g000001", "")
        assert published.manifest.analysis == analyzer.fingerprint
        assert published.size() > 10_000
        assert_holds(published, articles, analyzer)
        assert set(published.store.sources()) == {SITE.id}


def test_an_empty_generation_is_published_and_takes_changes(
    generations: Generations, analyzer: Analyzer
) -> None:
    publish(generations, analyzer, sequence=0)
    with closing(generations.current()) as current:
        assert (current.sequence(), current.engine.snapshot().documents) == (0, 0)
        with current.writing():
            current.update([document(draft(1), analyzer)], [], [SITE], 3)
        assert current.sequence() == 3
        assert_holds(current, {draft(1): 1}, analyzer)


def test_the_published_and_the_one_before_are_kept_and_no_more(
    generations: Generations, analyzer: Analyzer
) -> None:
    for number in range(1, 5):
        assert publish(generations, analyzer, 1) == f"g{number:06}"
    assert names(generations) == ["g000003", "g000004"]
    assert generations.pointer() == Pointer("g000004", "g000003")


def test_the_way_back_leads_there_and_back_again(generations: Generations, analyzer: Analyzer) -> None:
    publish(generations, analyzer, 1)
    publish(generations, analyzer, 2)
    seen = []
    for _ in range(3):
        with closing(generations.current()) as current:
            seen.append((current.name, list(current.store.contents(1))))
        generations.point_back()
    assert seen == [("g000002", ["a002"]), ("g000001", ["a001"]), ("g000002", ["a002"])]


def test_a_dropped_generation_is_gone_with_unfinished_ones(
    generations: Generations, analyzer: Analyzer
) -> None:
    publish(generations, analyzer, 1)
    assert not generations.drop_previous()
    publish(generations, analyzer, 2)
    build(generations, analyzer, [draft(3, "Щелкопёрова")])
    assert generations.drop_previous()
    assert (names(generations), generations.pointer()) == (["g000002"], Pointer("g000002", ""))
    assert files_with(generations.folder, "Щелкопёрова") == []


def test_numbers_go_on_from_the_highest_kept(generations: Generations, analyzer: Analyzer) -> None:
    publish(generations, analyzer, 1)
    publish(generations, analyzer, 2)
    generations.point_back()
    assert publish(generations, analyzer, 3) == "g000003"
    assert generations.pointer() == Pointer("g000003", "g000001")


# What killed builders leave


def test_the_next_builder_removes_what_a_killed_one_left(
    generations: Generations, analyzer: Analyzer
) -> None:
    publish(generations, analyzer, 1)
    build(generations, analyzer, [draft(2)])
    begun = generations.begin(engine="whoosh", analysis="")
    assert names(generations) == ["g000001", "g000002.building"]
    assert list(begun.store.contents(99)) == []


def test_a_generation_renamed_but_never_pointed_at_is_not_published_and_goes(
    generations: Generations, analyzer: Analyzer
) -> None:
    publish(generations, analyzer, 1)
    lost = build(generations, analyzer, [draft(2)])
    lost.folder.rename(generations.folder / lost.name)  # and killed before the pointer
    with closing(generations.current()) as current:
        assert list(current.store.contents(1)) == ["a001"]
    assert publish(generations, analyzer, 3) == "g000002"
    with closing(generations.current()) as current:
        assert list(current.store.contents(1)) == ["a003"]
    assert generations.pointer().previous == "g000001"


def test_a_first_generation_renamed_but_never_pointed_at_goes_too(
    generations: Generations, analyzer: Analyzer
) -> None:
    lost = build(generations, analyzer, [draft(2)])
    lost.folder.rename(generations.folder / lost.name)
    with pytest.raises(NoIndexError):
        generations.current()
    generations.clean()
    assert names(generations) == []


def test_an_unfinished_generation_is_refused(generations: Generations, analyzer: Analyzer) -> None:
    unfinished = generations.begin(engine="whoosh", analysis=analyzer.fingerprint)
    unfinished.load([document(draft(1), analyzer)], 1)
    unfinished.close()
    opened = Generation.open(unfinished.folder)
    with pytest.raises(GenerationError, match=r"не достроено.*searchsvc rebuild"):
        opened.sequence()
    opened.close()


# A pointer that cannot be trusted


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\xfe", b"{", b"[]", b"17", b'"g000001"', b"{}", b'{"generation": "g000001"}',
        b'{"generation": null, "previous": ""}', b'{"generation": "g000001", "previous": null}',
        b'{"generation": "", "previous": ""}', b'{"generation": "../outside", "previous": ""}',
    ],
)  # fmt: skip
def test_a_damaged_pointer_is_an_error_and_costs_no_generation(
    generations: Generations, analyzer: Analyzer, content: bytes
) -> None:
    publish(generations, analyzer, 1)
    build(generations, analyzer, [draft(2)])
    generations.pointer_path.write_bytes(content)
    for ask in (generations.pointer, generations.current, generations.point_back, generations.drop_previous):
        with pytest.raises(IndexDamagedError, match="searchsvc rebuild"):
            ask()
    generations.clean()
    assert names(generations) == ["g000001"]
    assert publish(generations, analyzer, 3) == "g000002"
    assert generations.pointer() == Pointer("g000002", "")
    assert names(generations) == ["g000002"]


def test_a_pointer_to_a_generation_that_is_not_there_is_an_error(
    generations: Generations, analyzer: Analyzer
) -> None:
    shutil.rmtree(generations.folder / publish(generations, analyzer, 1))
    with pytest.raises(IndexDamagedError, match="нет описания поколения"):
        generations.current()
    publish(generations, analyzer, 1)
    with closing(generations.current()) as current:
        assert list(current.store.contents(1)) == ["a001"]


# Foreign and broken generations


def edited(folder: Path, **changes: Any) -> None:
    """Change the manifest of a generation; None removes a name."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in values.items() if value is not None}))


@pytest.mark.parametrize("changes", [{}, {"engine": None}, {"shards": 3}])
def test_another_schema_is_refused_with_the_command_that_helps(
    generations: Generations, analyzer: Analyzer, changes: dict[str, Any]
) -> None:
    folder = generations.folder / publish(generations, analyzer, 1)
    edited(folder, schema=SCHEMA_VERSION + 1, **changes)
    with pytest.raises(FingerprintError, match=f"схема {SCHEMA_VERSION + 1}.*searchsvc rebuild"):
        generations.current()


@pytest.mark.parametrize("changes", [{"schema": None}, {"created": None}, {"shards": 3}])
def test_a_manifest_with_missing_or_unknown_values_is_damage(
    generations: Generations, analyzer: Analyzer, changes: dict[str, Any]
) -> None:
    edited(generations.folder / publish(generations, analyzer, 1), **changes)
    with pytest.raises(IndexDamagedError):
        generations.current()


def test_an_engine_that_this_program_has_not_is_named(generations: Generations, analyzer: Analyzer) -> None:
    edited(generations.folder / publish(generations, analyzer, 1), engine="sphinx")
    with pytest.raises(UnknownEngineError, match=r"sphinx.*whoosh"):
        generations.current()


def break_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"\x00\xff")


def lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def lose_store(folder: Path) -> None:
    (folder / "store.db").unlink()


def lose_engine(folder: Path) -> None:
    shutil.rmtree(folder / "engine")


def lose_segments(folder: Path) -> None:
    for path in (folder / "engine").glob("*.seg"):
        path.unlink()


@pytest.mark.parametrize("damage", [break_manifest, lose_manifest, lose_store, lose_engine, lose_segments])
def test_a_generation_with_a_broken_or_missing_file_is_an_error_that_names_the_folder(
    generations: Generations, analyzer: Analyzer, damage: Callable[[Path], None]
) -> None:
    folder = generations.folder / publish(generations, analyzer, 1)
    damage(folder)
    with (
        pytest.raises(IndexDamagedError, match="searchsvc rebuild") as caught,
        closing(generations.current()) as opened,
    ):
        opened.sequence()
    assert re.search(re.escape(str(folder)), str(caught.value))
    assert not (folder / "store.db").exists() or damage is not lose_store


# Changing the published generation


def test_an_update_that_fails_leaves_what_was_there(generations: Generations, analyzer: Analyzer) -> None:
    publish(generations, analyzer, 1, 2)
    with closing(generations.current()) as current:
        with pytest.raises(sqlite3.IntegrityError), current.writing():
            current.update([document(draft(3), analyzer)], ["a001"], [SITE, SITE], 2)  # one id twice
        assert current.sequence() == 1
        assert_holds(current, {draft(1): 1, draft(2): 1}, analyzer)


def test_erased_articles_are_in_no_file_and_the_rest_is_found(
    generations: Generations, analyzer: Analyzer
) -> None:
    built = build(generations, analyzer, [draft(1), draft(2, "Щелкопёрова"), draft(3, "рядом")])
    with closing(generations.publish(built)) as published:
        before = published.engine.snapshot()
        assert found(published, "Щелкопёрова", analyzer) == ["a002"]
        with published.writing():
            published.erase(["a002"])
        assert files_with(published.folder, "Щелкопёрова") == []
        assert (published.sequence(), before.documents) == (1, 3)
        assert found(published, "рядом", analyzer) == ["a003"]
        assert_holds(published, {draft(1): 1, draft(3, "рядом"): 1}, analyzer)


def test_the_size_can_be_asked_for_while_a_writer_writes(
    generations: Generations, analyzer: Analyzer
) -> None:
    publish(generations, analyzer, *range(10))
    done = threading.Event()

    def write() -> None:
        with closing(generations.current()) as writing:
            for sequence in range(2, 20):
                writing.update([document(draft(1, str(sequence)), analyzer, sequence)], [], [SITE], sequence)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    with closing(generations.current()) as current:
        while not done.is_set():
            assert current.size() > 10_000
    writer.join()


# Copies


def answers(folder: Path, analyzer: Analyzer) -> list[tuple[str, str]]:
    """Return what a search service over the generations in *folder* finds, and reads in full."""
    with closing(LiveIndex(Generations(folder))) as live:
        service = SearchService(live, analyzer)
        hits = service.search(SearchRequest("копия", per_page=50)).hits
        assert all(service.article(hit.id).version == live.view().version for hit in hits)
        assert service.readiness().ready
        assert service.similar("a001")
        return sorted((hit.id, hit.source_title) for hit in hits)


EVERY = [(f"a{number:03}", SITE.title) for number in range(20)]


def test_a_copied_folder_serves_elsewhere(
    generations: Generations, analyzer: Analyzer, tmp_path: Path
) -> None:
    generations.publish(
        build(generations, analyzer, [draft(number, "копия") for number in range(20)])
    ).close()
    shutil.copytree(generations.folder, tmp_path / "elsewhere")
    shutil.rmtree(generations.folder)
    assert answers(tmp_path / "elsewhere", analyzer) == EVERY


@pytest.mark.parametrize("being_written", [False, True])
def test_a_copy_on_a_read_only_disk_serves(
    generations: Generations, analyzer: Analyzer, tmp_path: Path, being_written: bool
) -> None:
    with (
        small_disk(tmp_path / "disk", "16m") as disk,
        closing(
            generations.publish(
                build(generations, analyzer, [draft(number, "копия") for number in range(19)])
            )
        ) as live,
    ):
        live.store.contents(1)  # a reader that keeps the write-ahead log alive
        live.update([document(draft(19, "копия"), analyzer)], [], [SITE], 2)
        if not being_written:
            live.close()
            live.store.settle()
        assert (live.folder / "store.db-wal").exists() == being_written
        shutil.copytree(generations.folder, disk / "index")
        make_read_only(disk)
        assert answers(disk / "index", analyzer) == EVERY
