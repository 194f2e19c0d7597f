"""What goes from the index stays away, and nothing goes that should not: loss guard, roll back, purge."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from beds.index import ARTICLES, SITE, Bed, document, draft, files_with

from corpus import ledger
from corpus.article import RawPage
from corpus.database import Database
from corpus.errors import UnknownArticleError
from indexer.pipeline import purge, sync
from indexer.verify import LOSS_ARTICLES
from searchsvc.engine import Plan
from searchsvc.errors import (
    FingerprintError,
    GenerationError,
    IndexDamagedError,
    NoIndexError,
    VerificationError,
)
from searchsvc.generation.generations import Pointer
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from searchsvc.store.document import family_hash, term_hash

RARE = "Щелкопёрова"


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


# The guard against loss


def replaced_archive(bed: Bed, *numbers: int) -> Bed:
    """Return the same index with another archive, of the articles with *numbers*."""
    bed.archive.close()
    for path in bed.folder.glob("archive.db*"):
        path.unlink()
    fresh = Bed.open(bed.folder, bed.analyzer)
    fresh.put(numbers)
    return fresh


def test_an_archive_that_was_lost_does_not_empty_the_site(indexed: Bed) -> None:
    bed = replaced_archive(indexed)
    with pytest.raises(
        VerificationError, match=rf"из {ARTICLES} статей пропали бы {ARTICLES},.*--accept-loss"
    ):
        bed.rebuild()
    assert bed.generations.pointer() == Pointer("g000001", "")
    assert len(bed.found("запись")) == ARTICLES
    assert bed.rebuild(accept_loss=True).articles == 0
    bed.assert_in_step()
    bed.archive.close()


def test_a_few_articles_may_be_missing(indexed: Bed) -> None:
    bed = replaced_archive(indexed, *range(ARTICLES - LOSS_ARTICLES))
    bed.rebuild()
    bed.assert_in_step()
    bed.archive.close()


def test_one_article_more_may_not(indexed: Bed) -> None:
    bed = replaced_archive(indexed, *range(ARTICLES - LOSS_ARTICLES - 1))
    with pytest.raises(VerificationError, match=f"пропали бы {LOSS_ARTICLES + 1},"):
        bed.rebuild()
    bed.archive.close()


def test_removals_that_the_archive_tells_of_are_no_loss(indexed: Bed) -> None:
    indexed.archive.remove_source(SITE.id)
    assert indexed.rebuild().articles == 0
    indexed.assert_in_step()


def test_not_even_the_hash_of_a_purged_word_is_left(bed: Bed) -> None:
    rare = ("Хрустобрыкалов", "жмыходробилка", "пневмошмотопроцессор")
    bed.archive.put(draft(98, " ".join(rare[:2])))
    bed.archive.put(draft(99, " ".join(rare)))  # two have some of them
    bed.rebuild()
    hashes = {
        made(lemma).to_bytes(4, "little")
        for word in rare
        for lemma in bed.analyzer.lemmas(word)
        for made in (term_hash, family_hash)
    }

    def left() -> set[str]:
        files = [path for path in bed.index.rglob("*") if path.is_file()]
        return {path.name for path in files if any(found in path.read_bytes() for found in hashes)}

    assert len(left()) >= 3
    for number in (99, 98):
        bed.purge(draft(number).id)
    assert left() == set()
    bed.assert_in_step()


def test_purged_articles_are_no_loss(indexed: Bed) -> None:
    for number in range(LOSS_ARTICLES + 5):
        indexed.archive.purge(draft(number).id)
    assert indexed.rebuild().articles == ARTICLES - LOSS_ARTICLES - 5
    indexed.assert_in_step()


def test_a_damaged_live_index_cannot_testify_and_does_not_stop_a_rebuild(indexed: Bed) -> None:
    (indexed.index / "g000001" / "store.db").write_bytes(b"rubbish" * 1000)
    indexed.rebuild()
    indexed.assert_in_step()


# Roll back


def test_a_roll_back_does_not_bring_back_what_was_removed(indexed: Bed) -> None:
    indexed.put([1], RARE)
    indexed.rebuild()
    indexed.remove(1, 2)
    indexed.put([3], "правка")
    indexed.put([30])
    indexed.sync()
    report = indexed.rollback()
    assert (report.replaced, report.removed) == (2, 2)
    assert indexed.generations.pointer() == Pointer("g000001", "g000002")
    indexed.assert_in_step()
    assert (indexed.found(RARE), indexed.found("правка")) == ([], ["a003"])


def test_words_of_a_removed_article_are_not_proposed_after_a_roll_back(indexed: Bed) -> None:
    indexed.put([1], RARE)
    indexed.sync()
    indexed.rebuild()
    indexed.remove(1)
    indexed.rollback()
    with closing(indexed.generations.current()) as generation:
        assert generation.store.form_count("щелкоперова") == 0


def test_two_roll_backs_lead_to_the_newest(indexed: Bed) -> None:
    indexed.rebuild()
    indexed.rollback()
    indexed.put([1], "правка")
    indexed.sync()
    indexed.rollback()
    assert indexed.generations.pointer() == Pointer("g000002", "g000001")
    indexed.assert_in_step()
    assert indexed.found("правка") == ["a001"]


def test_after_a_roll_back_a_rebuild_goes_on(indexed: Bed) -> None:
    indexed.rebuild()
    indexed.rollback()
    assert indexed.rebuild().generation == "g000003"
    assert indexed.generations.pointer() == Pointer("g000003", "g000001")
    indexed.assert_in_step()


def test_without_a_previous_generation_a_roll_back_says_so(indexed: Bed) -> None:
    with pytest.raises(GenerationError, match=r"Возвращаться некуда.*searchsvc rebuild"):
        indexed.rollback()
    indexed.assert_in_step()


def test_a_previous_generation_that_cannot_be_read_is_not_published(indexed: Bed) -> None:
    indexed.rebuild()
    shutil.rmtree(indexed.index / "g000001" / "engine")
    with pytest.raises(IndexDamagedError, match="searchsvc rebuild"):
        indexed.rollback()
    assert indexed.generations.pointer() == Pointer("g000002", "g000001")


def test_a_roll_back_is_the_way_out_of_a_damaged_index(indexed: Bed) -> None:
    indexed.rebuild()
    shutil.rmtree(indexed.index / "g000002" / "engine")
    indexed.rollback()
    assert indexed.generations.pointer().generation == "g000001"
    indexed.assert_in_step()


# Purge


def test_a_purged_article_is_in_no_file_of_the_data_folder(indexed: Bed) -> None:
    page = RawPage(SITE.id, "post:1", draft(1).url, datetime.now(UTC), "text/html", f"<p>{RARE}</p>".encode())
    with indexed.archive.batch():
        indexed.archive.put(draft(1, f"{RARE} первая"), key="post:1")
        indexed.archive.keep_page(page)
    indexed.sync()
    indexed.rebuild()
    indexed.put([1], f"{RARE} вторая")
    indexed.sync()
    assert {path.split("/")[0] for path in files_with(indexed.folder, RARE)} == {"archive.db-wal", "index"}
    assert indexed.purge(draft(1).url) == "a001"
    assert files_with(indexed.folder, RARE) == []
    assert indexed.generations.pointer() == Pointer("g000002", "")
    indexed.assert_in_step()
    with pytest.raises(UnknownArticleError):
        indexed.purge("a001")


def test_a_reader_that_is_open_goes_on_without_the_purged_article(indexed: Bed) -> None:
    indexed.put([1, 2], RARE)
    indexed.sync()
    with closing(LiveIndex(indexed.generations)) as live:
        service = SearchService(live, indexed.analyzer)
        old = live.view()
        assert {hit.id for hit in service.search(SearchRequest(RARE)).hits} == {"a001", "a002"}
        indexed.purge("a001")
        keys = [candidate.key for candidate in old.snapshot.search(Plan(near_below=0)).full]
        assert len(keys) == ARTICLES
        found = {item.card.id for item in old.generation.store.documents(keys).values()}
        assert found == {draft(number).id for number in range(ARTICLES)} - {"a001"}
        assert {hit.id for hit in service.search(SearchRequest(RARE)).hits} == {"a002"}


def test_a_removed_article_is_purged_with_what_is_left_of_it(indexed: Bed) -> None:
    indexed.put([1], RARE)
    indexed.sync()
    indexed.remove(1)
    indexed.sync()
    indexed.purge("a001")
    assert files_with(indexed.folder, RARE) == []
    indexed.assert_in_step()


def test_after_a_purge_a_roll_back_says_why_it_cannot(indexed: Bed) -> None:
    indexed.rebuild()
    indexed.purge("a001")
    with pytest.raises(GenerationError, match=r"удалён командой purge"):
        indexed.rollback()


def test_what_a_killed_rebuild_left_is_purged_too(indexed: Bed) -> None:
    indexed.put([1], RARE)
    built = indexed.generations.begin(engine="whoosh", analysis=indexed.analyzer.fingerprint)
    built.load([document(draft(1, RARE), indexed.analyzer)], 1)
    assert [path for path in files_with(indexed.folder, RARE) if "building" in path]
    indexed.purge("a001")
    assert files_with(indexed.folder, RARE) == []


def test_without_an_index_the_archive_alone_is_purged(bed: Bed) -> None:
    bed.put([1], RARE)
    bed.purge("a001")
    assert files_with(bed.folder, RARE) == []
    with pytest.raises(UnknownArticleError):
        bed.purge("a001")
    with pytest.raises(NoIndexError):
        bed.sync()


def test_an_article_nobody_has_costs_nothing(indexed: Bed) -> None:
    indexed.rebuild()
    with pytest.raises(UnknownArticleError):
        indexed.purge("a404")
    assert indexed.generations.pointer() == Pointer("g000002", "g000001")


def test_an_index_that_cannot_be_opened_stops_a_purge_before_it_begins(indexed: Bed) -> None:
    (indexed.index / "g000001" / "manifest.json").unlink()
    with pytest.raises(IndexDamagedError, match="searchsvc rebuild"):
        indexed.purge("a001")
    assert indexed.archive.get("a001") == draft(1)
    indexed.rebuild()
    indexed.purge("a001")
    indexed.assert_in_step()


def test_an_index_of_another_analysis_is_purged_though_it_takes_no_changes(indexed: Bed) -> None:
    indexed.put([1], RARE)
    indexed.sync()
    other = Analyzer(threshold=0.5)
    purge(indexed.archive, indexed.generations, other, "a001")
    assert files_with(indexed.folder, RARE) == []
    with pytest.raises(FingerprintError):
        sync(indexed.archive, indexed.generations, other)
    indexed.sync()
    indexed.assert_in_step()


def test_a_purge_that_only_the_archive_knows_of_is_made_up_for_by_the_next_sync(indexed: Bed) -> None:
    indexed.put([1, 2], RARE)
    indexed.sync()
    indexed.archive.purge("a001")
    indexed.archive.purge("a002")
    indexed.put([2], "пришла снова")
    indexed.sync()
    assert files_with(indexed.folder, RARE) == []
    indexed.assert_in_step()
    assert indexed.found("снова") == ["a002"]


def test_a_purge_that_died_before_it_overwrote_the_log_of_the_archive_is_finished_by_a_sync(
    indexed: Bed,
) -> None:
    indexed.put([1], RARE)
    indexed.sync()
    with closing(Database(indexed.folder / "archive.db")) as database, database.writing() as connection:
        ledger.purge(connection, "a001", now=datetime.now(UTC))
    assert "archive.db-wal" in files_with(indexed.folder, RARE)
    indexed.sync()
    assert files_with(indexed.folder, RARE) == []
    indexed.assert_in_step()
