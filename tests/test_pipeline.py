"""From the archive to the index: whatever happens to the archive, the index ends as what it says."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from beds.index import ARTICLES, Bed, draft

from corpus.archive import Archive
from corpus.article import Article
from corpus.lease import LeaseHeldError
from indexer.pipeline import BATCH, SyncReport, rebuild, rollback, sync
from searchsvc.engines import open_engine
from searchsvc.errors import (
    FingerprintError,
    GenerationError,
    NoIndexError,
    UnknownEngineError,
    VerificationError,
)
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.search import SearchService


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Iterator[Bed]:
    """An archive of thirty articles, not indexed yet."""
    made = Bed.open(tmp_path, analyzer)
    made.put(range(ARTICLES))
    yield made
    made.archive.close()


@pytest.fixture
def indexed(bed: Bed) -> Bed:
    """An archive and its index."""
    bed.rebuild()
    return bed


def published(bed: Bed) -> str:
    return bed.generations.pointer().generation


# Rebuild


def test_a_rebuild_makes_the_index_that_the_archive_says(bed: Bed) -> None:
    stages: list[tuple[str, int, int | None]] = []
    report = rebuild(
        bed.archive,
        bed.generations,
        bed.analyzer,
        engine="whoosh",
        progress=lambda stage, done, total: stages.append((stage, done, total)),
    )
    assert (report.generation, report.articles, report.sequence) == ("g000001", ARTICLES, ARTICLES)
    assert report.size > 50_000
    assert ("Разбор и индексация статей", ARTICLES, ARTICLES) in stages
    assert ("Поиск похожих записей", ARTICLES, ARTICLES) in stages
    assert [stage for stage, _, _ in stages[-2:]] == ["Проверка", "Публикация"]
    bed.assert_in_step()


def test_an_archive_without_articles_has_an_index_too(tmp_path: Path, analyzer: Analyzer) -> None:
    bed = Bed.open(tmp_path, analyzer)
    bed.rebuild()
    bed.assert_in_step()
    bed.put([1, 2])
    assert bed.sync() == SyncReport(2, 0, 2)
    bed.assert_in_step()
    bed.remove(1, 2)
    assert bed.sync() == SyncReport(0, 2, 4)
    bed.assert_in_step()


def test_an_engine_nobody_knows_is_refused_before_any_work(indexed: Bed) -> None:
    with pytest.raises(UnknownEngineError, match="sphinx"):
        rebuild(indexed.archive, indexed.generations, indexed.analyzer, engine="sphinx")
    indexed.assert_in_step()


def test_a_rebuild_that_breaks_off_leaves_nothing(indexed: Bed) -> None:
    def interrupt(stage: str, done: int, total: int | None) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(indexed.archive, indexed.generations, indexed.analyzer, engine="whoosh", progress=interrupt)
    indexed.assert_in_step()


def test_an_archive_that_changes_during_a_rebuild_ends_in_step(indexed: Bed) -> None:
    done = threading.Event()

    def crawl() -> None:
        number = 0
        while not done.is_set():
            number += 1
            indexed.archive.put(draft(number % 40, f"обход {number}"))
            if number % 5 == 0:
                indexed.archive.remove(draft((number * 7) % 40).id, "снята")

    crawler = threading.Thread(target=crawl)
    crawler.start()
    try:
        for _ in range(3):
            report = indexed.rebuild()
            assert report.sequence > ARTICLES
    finally:
        done.set()
        crawler.join()
    indexed.sync()
    indexed.assert_in_step()


def test_the_live_generation_is_synced_while_another_is_built(indexed: Bed) -> None:
    reports: list[SyncReport] = []

    def meanwhile(stage: str, done: int, total: int | None) -> None:
        if done in {1, 20}:  # of thirty: none of this is in what was read so far
            indexed.put([0, 29], f"во время построения {done}")
            indexed.remove(15 + (done == 20))
            reports.append(indexed.sync())

    rebuild(indexed.archive, indexed.generations, indexed.analyzer, engine="whoosh", progress=meanwhile)
    assert [(report.replaced, report.removed) for report in reports] == [(2, 1), (2, 1)]
    assert published(indexed) == "g000002"
    indexed.assert_in_step()
    assert indexed.found("построения") == ["a000", "a029"]


def test_a_sync_waits_while_the_new_generation_takes_the_place_of_the_old(indexed: Bed) -> None:
    waiting = threading.Thread(target=indexed.sync)

    def meanwhile(stage: str, done: int, total: int | None) -> None:
        if stage == "Проверка":  # which may take long: the live index goes on being brought in step
            indexed.put([2], "предпоследняя правка")
            assert indexed.sync().replaced == 1
            assert published(indexed) == "g000001"
        if stage == "Публикация":
            indexed.put([1], "последняя правка")
            waiting.start()
            waiting.join(0.3)
            assert waiting.is_alive()

    rebuild(indexed.archive, indexed.generations, indexed.analyzer, engine="whoosh", progress=meanwhile)
    waiting.join()
    assert published(indexed) == "g000002"
    indexed.assert_in_step()


def test_a_second_rebuild_says_who_is_at_it(indexed: Bed) -> None:
    refused: list[LeaseHeldError] = []

    def second(stage: str, done: int, total: int | None) -> None:
        if done == 1:
            for work in (indexed.rebuild, indexed.rollback, lambda: indexed.purge("a001")):
                with pytest.raises(LeaseHeldError) as caught:
                    work()
                refused.append(caught.value)

    rebuild(indexed.archive, indexed.generations, indexed.analyzer, engine="whoosh", progress=second)
    assert [error.exit_code for error in refused] == [3, 3, 3]
    assert all(f"процесс {os.getpid()}" in str(error) for error in refused)
    assert indexed.archive.get("a001") == draft(1)
    indexed.assert_in_step()


# Sync


def test_new_changed_removed_and_returned_articles_come_into_the_index(indexed: Bed) -> None:
    indexed.put([30, 31])
    indexed.put([1, 2], "правка")
    indexed.remove(3, 4)
    assert indexed.sync() == SyncReport(4, 2, ARTICLES + 6)
    indexed.assert_in_step()
    assert indexed.found("правка") == ["a001", "a002"]
    indexed.put([3], "вернулась")
    assert indexed.sync() == SyncReport(1, 0, ARTICLES + 7)
    indexed.assert_in_step()
    assert indexed.found("вернулась") == ["a003"]


def test_of_several_changes_of_one_article_the_last_counts(indexed: Bed) -> None:
    for text in ("раз", "два", "три"):
        indexed.put([1, 2], text)
    indexed.remove(2)
    indexed.put([30], "появилась")
    indexed.remove(30)
    indexed.put([31], "появилась")
    indexed.remove(31)
    indexed.put([31], "осталась")
    assert indexed.sync() == SyncReport(2, 2, indexed.archive.last_sequence())
    indexed.assert_in_step()
    assert [indexed.found(word) for word in ("два", "три", "появилась", "осталась")] == [
        [],
        ["a001"],
        [],
        ["a031"],
    ]


def test_more_changes_than_a_batch_takes_come_in(indexed: Bed) -> None:
    per_round = 100
    with indexed.archive.batch():
        for number in range(BATCH // per_round + 1):
            indexed.put(range(per_round), f"круг {number}")
    with indexed.archive.batch():
        indexed.remove(*range(50))
    report = indexed.sync()
    assert report.sequence == indexed.archive.last_sequence() > ARTICLES + BATCH
    indexed.assert_in_step()


def test_a_sync_with_nothing_to_do_commits_nothing(indexed: Bed) -> None:
    with closing(LiveIndex(indexed.generations)) as live:
        before = live.view()
        for _ in range(3):
            assert indexed.sync() == SyncReport(0, 0, ARTICLES)
        assert live.view() is before
    indexed.assert_in_step()


def test_without_an_index_there_is_nothing_to_bring_in_step(bed: Bed) -> None:
    for work in (bed.sync, bed.rollback):
        with pytest.raises(NoIndexError, match="searchsvc rebuild"):
            work()


def test_a_sync_holds_the_lease_for_a_commit_only(indexed: Bed) -> None:
    indexed.put(range(BATCH // 2), "правка")
    indexed.put(range(BATCH // 2), "ещё")
    indexed.put([1], "последняя")
    held: list[bool] = []

    def meanwhile(stage: str, done: int, total: int | None) -> None:
        with closing(indexed.generations.current()) as generation, generation.writing():
            held.append(True)
        if done < (total or 0):
            assert indexed.sync().sequence == indexed.archive.last_sequence()

    report = sync(indexed.archive, indexed.generations, indexed.analyzer, progress=meanwhile)
    assert held
    assert report.sequence == indexed.archive.last_sequence()
    assert report.replaced == BATCH // 2  # the rest was the quicker one's
    indexed.assert_in_step()


def test_two_syncs_at_once_take_turns(indexed: Bed) -> None:
    indexed.put(range(ARTICLES), "правка")
    with closing(indexed.generations.current()) as generation:
        waiting = threading.Thread(target=indexed.sync)
        with generation.writing():
            waiting.start()
            waiting.join(0.3)
            assert waiting.is_alive()
        waiting.join()
    indexed.assert_in_step()


def test_a_sync_that_waited_while_another_generation_was_published_brings_that_one_on(indexed: Bed) -> None:
    with closing(indexed.generations.current()) as old:
        waiting = threading.Thread(target=indexed.sync)
        with old.writing():
            indexed.put([1], "правка")
            waiting.start()
            waiting.join(0.2)
            built = indexed.generations.begin(engine="whoosh", analysis=indexed.analyzer.fingerprint)
            built.load([], 0)
            built.finish([], 0)
            indexed.generations.publish(built).close()
        waiting.join()
    assert published(indexed) == "g000002"
    indexed.assert_in_step()


def test_an_archive_restored_from_an_older_copy_is_noticed(indexed: Bed, tmp_path: Path) -> None:
    indexed.archive.backup(tmp_path / "copy.db")
    indexed.put([1], "позже")
    indexed.sync()
    with Archive.open(tmp_path / "copy.db") as older:
        with pytest.raises(GenerationError, match=r"Индекс новее архива.*searchsvc rebuild"):
            sync(older, indexed.generations, indexed.analyzer)
        assert indexed.found("позже") == ["a001"]
        rebuild(older, indexed.generations, indexed.analyzer, engine="whoosh")
    assert indexed.found("позже") == []


# Another analysis


def test_an_index_of_another_analysis_answers_but_is_not_changed(indexed: Bed) -> None:
    other = Analyzer(threshold=0.5)
    assert other.fingerprint != indexed.analyzer.fingerprint
    indexed.put([1], "правка")
    with pytest.raises(FingerprintError, match=r"другой разбор слов.*searchsvc rebuild"):
        sync(indexed.archive, indexed.generations, other)
    with closing(LiveIndex(indexed.generations)) as live:
        service = SearchService(live, other)
        readiness = service.readiness()
        assert (readiness.ready, readiness.degraded) == (True, True)
        assert "searchsvc rebuild" in readiness.reason
        assert service.article("a001").title == draft(1).title
        rebuild(indexed.archive, indexed.generations, other, engine="whoosh")
        assert not service.readiness().degraded
    with pytest.raises(FingerprintError):
        rollback(indexed.archive, indexed.generations, other)
    assert sync(indexed.archive, indexed.generations, other).sequence == ARTICLES + 1


# Verification


def forge_revision(store: sqlite3.Connection) -> None:
    store.execute("UPDATE document SET revision = 7 WHERE article = 'a003'")


def forget_article(store: sqlite3.Connection) -> None:
    store.execute("DELETE FROM document WHERE article = 'a003'")


def add_article(store: sqlite3.Connection) -> None:
    store.execute(
        "INSERT INTO document (article, revision, since, card, text, body, key) "
        "SELECT 'a999', 1, since, card, text, body, 0 FROM document LIMIT 1"
    )


def swap_keys(store: sqlite3.Connection) -> None:
    store.execute("UPDATE document SET key = key + 1000")
    store.execute(f"UPDATE document SET key = {1001 + ARTICLES} - key")


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (forge_revision, r"расходится с архивом в 1 статьях \(a003\)"),
        (forget_article, r"расходится с архивом в 1 статьях \(a003\)"),
        (add_article, r"расходится с архивом в 1 статьях \(a999\)"),
        (swap_keys, r"не находится по словам своего заголовка"),
    ],
)
def test_a_store_that_is_not_what_the_archive_says_is_not_published(
    indexed: Bed, tamper: Callable[[sqlite3.Connection], None], reason: str
) -> None:
    def tampering(stage: str, done: int, total: int | None) -> None:
        if stage == "Проверка":
            path = indexed.index / "g000002.building" / "store.db"
            with closing(sqlite3.connect(path)) as store, store:
                tamper(store)

    with pytest.raises(VerificationError, match=f"{reason}.*Прежний продолжает отвечать"):
        rebuild(indexed.archive, indexed.generations, indexed.analyzer, engine="whoosh", progress=tampering)
    assert published(indexed) == "g000001"
    indexed.assert_in_step()


def test_an_engine_with_another_number_of_articles_is_not_published(indexed: Bed) -> None:
    def tampering(stage: str, done: int, total: int | None) -> None:
        if stage == "Проверка":
            engine = open_engine("whoosh", indexed.index / "g000002.building" / "engine")
            with engine.writer() as writer:
                writer.delete("a003")
                writer.commit(engine.snapshot().mark)

    with pytest.raises(VerificationError, match="в движке 29 статей, в хранилище 30"):
        rebuild(indexed.archive, indexed.generations, indexed.analyzer, engine="whoosh", progress=tampering)
    indexed.assert_in_step()


def test_articles_whose_titles_have_no_words_do_not_stop_a_rebuild(bed: Bed) -> None:
    for number, title in enumerate(("…", "и", "Не о том", "273-ФЗ", "№")):
        bed.archive.put(replace(draft(number), title=title))
    bed.rebuild()
    bed.assert_in_step()


# Written to meanwhile


class Interrupted(Archive):
    """An archive into which somebody writes whenever an article of it is read."""

    def between(self) -> None:
        """What somebody does."""

    def get(self, article_id: str) -> Article:
        """Return an article, after the interruption."""
        self.between()
        return super().get(article_id)


def test_articles_changed_together_come_to_the_index_together(bed: Bed, analyzer: Analyzer) -> None:
    """What is imported while a sync reads is in the next state of the index, whole, or in this one, whole."""
    bed.rebuild()
    bed.put(range(ARTICLES), "первоцвет")
    with Interrupted.open(bed.folder / "archive.db") as archive:
        interruptions = iter([False] * 4 + [True])

        def between() -> None:
            if next(interruptions, False):
                bed.put(range(ARTICLES), "листопад")

        archive.between = between  # type: ignore[method-assign]
        assert sync(archive, bed.generations, analyzer) == SyncReport(ARTICLES, 0, 2 * ARTICLES)
        assert (len(bed.found("первоцвет")), len(bed.found("листопад"))) == (ARTICLES, 0)
        assert sync(archive, bed.generations, analyzer) == SyncReport(ARTICLES, 0, 3 * ARTICLES)
        assert (len(bed.found("первоцвет")), len(bed.found("листопад"))) == (0, ARTICLES)
    bed.assert_in_step()
