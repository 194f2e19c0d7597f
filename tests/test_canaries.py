"""Canary searches: made of the index's own words, asked in turns, bounded in time."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from beds.index import Bed

from corpus.article import Article, Paragraph
from indexer.canaries import canaries, compare, larger_engine, measure
from indexer.pipeline import rebuild
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.results import ResultPage, SearchRequest
from searchsvc.search import SearchService


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Iterator[Bed]:
    made = Bed.open(tmp_path, analyzer)
    for number, title in enumerate(
        ["Школа и сад", "Школа без звонков", "Ремонт школы завершён", "Школа, лицей", ""]
    ):
        made.archive.put(
            Article(f"a{number}", "iro.example", f"https://iro.example/{number}", title, body=(TEXT,))
        )
    made.rebuild()
    yield made
    made.archive.close()


TEXT = Paragraph("Сегодня.")


def test_canaries_are_frequent_and_rare_words_titles_and_phrases_of_the_index(bed: Bed) -> None:
    with closing(LiveIndex(bed.generations)) as live:
        asked = canaries(live.view(), bed.analyzer)
        service = SearchService(live, bed.analyzer)
        found = {query: service.search(SearchRequest(query, correct="off")).total for query in asked}
        assert asked == canaries(live.view(), bed.analyzer)
    assert asked[0] == "школа"  # three titles have this very form, fewer any other
    assert '"ремонт школы"' in asked
    assert "школа звонков" in {query.lower() for query in asked}
    assert len(asked) <= 14
    assert found.pop("школа") == 4
    assert any(found.values())


def test_an_index_without_titles_has_no_canaries(tmp_path: Path, analyzer: Analyzer) -> None:
    bed = Bed.open(tmp_path, analyzer)
    bed.rebuild()
    with closing(LiveIndex(bed.generations)) as live:
        assert canaries(live.view(), analyzer) == ()
        assert measure([SearchService(live, analyzer)], ()) is None
    bed.archive.close()


class Slow:
    """A service that takes its time and notes when it is asked."""

    def __init__(self, name: str, seconds: float, asked: list[str]) -> None:
        self._name = name
        self._seconds = seconds
        self._asked = asked

    def search(self, request: SearchRequest) -> ResultPage | None:
        self._asked.append(f"{self._name} {request.text}")
        time.sleep(self._seconds)
        return None


def test_services_are_asked_in_alternation_and_measured_apart() -> None:
    asked: list[str] = []
    services = [
        cast(SearchService, Slow("quick", 0.001, asked)),
        cast(SearchService, Slow("slow", 0.03, asked)),
    ]
    quick, slow = measure(services, ["а", "б"], rounds=2) or ()
    assert asked == [f"{name} {query}" for query in "аб" for name in ("quick", "slow", "slow", "quick")]
    assert (quick.queries, slow.queries) == (2, 2)
    assert slow.p95_ms >= slow.p50_ms >= 30  # it slept as long; a busy machine adds to both
    assert quick.p50_ms < slow.p50_ms


def test_slow_services_are_not_asked_for_ever() -> None:
    asked: list[str] = []
    (found,) = (
        measure([cast(SearchService, Slow("slow", 0.05, asked))], "абвгде", rounds=2, seconds=0.15) or ()
    )
    assert 1 <= found.queries <= 2  # the deadline is looked at after each
    assert len(asked) == 2 * found.queries


def test_the_engine_for_larger_archives_is_known() -> None:
    assert (larger_engine("whoosh"), larger_engine("tantivy"), larger_engine("elastic")) == (
        "tantivy",
        "",
        "",
    )


# In a rebuild


def test_a_rebuild_says_what_was_and_what_is(bed: Bed) -> None:
    bed.archive.put(Article("a9", "iro.example", "https://iro.example/9", "Лицей", body=(TEXT,)))
    first = bed.rebuild()
    report = rebuild(bed.archive, bed.generations, bed.analyzer, engine="tantivy", measured=True)
    assert (first.before and first.before.p50_ms, first.p50_ms) == (None, None)  # not asked for
    before = report.before
    assert before is not None
    assert (before.generation, before.engine, before.articles) == (first.generation, "whoosh", 6)
    assert before.size == pytest.approx(first.size, abs=500)  # a note lies beside the lock that is held
    assert (report.generation, report.engine, report.articles) == ("g000003", "tantivy", 6)
    assert 0 < report.size != before.size
    assert 0 < (report.p50_ms or 0) < 1000
    assert 0 < (before.p50_ms or 0) < 1000


def test_what_cannot_be_read_is_not_measured(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    old = bed.rebuild()
    (bed.index / old.generation / "records.rows").unlink()  # it opens, and cannot answer
    report = rebuild(bed.archive, bed.generations, bed.analyzer, engine="whoosh", measured=True)
    assert report.before is not None
    assert report.before.p50_ms is None
    assert (report.p50_ms or 0) > 0
    with caplog.at_level(logging.WARNING):
        assert compare(bed.generations, ["g000001", "g000099"], bed.analyzer) == [None, None]
    assert "canaries.unmeasured" in caplog.text
    for file in (bed.index / report.generation / "engine").iterdir():
        file.unlink()
    assert bed.rebuild().before is None  # nothing of it can be told
