"""A crawl killed at any moment: the next one ends where an undisturbed one would have."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from beds.fake_wordpress import FakeWordPress, Query

from corpus.archive import Archive
from corpus.article import Article, Source
from corpus.lease import LeaseHeldError
from indexer.crawl import crawl, reextract
from indexer.fetch import Fetcher

CRAWL = """
import sys
from pathlib import Path
from corpus.archive import Archive
from indexer.crawl import crawl
from indexer.fetch import Fetcher

with Archive.open(Path(sys.argv[1]) / "archive.db") as archive:
    fetcher = Fetcher(user_agent="searchsvc/1.0", delay=0, allow_private=True)
    print(crawl(archive, archive.source("school.ru"), fetcher, locks=Path(sys.argv[1]) / "locks"))
"""
KILLS = 8


@pytest.fixture
def wordpress() -> Iterator[FakeWordPress]:
    with FakeWordPress() as site:
        yield site


def new_archive(folder: Path, site: FakeWordPress) -> Archive:
    """Open a new archive with the site as its source."""
    archive = Archive.open(folder / "archive.db")
    archive.add_source(Source(id="school.ru", url=site.url("/"), kind="wordpress", allow_private=True))
    return archive


def crawl_in_peace(archive: Archive, folder: Path) -> None:
    with Fetcher(user_agent="searchsvc/1.0", delay=0, allow_private=True) as fetcher:
        report = crawl(archive, archive.source("school.ru"), fetcher, locks=folder / "locks")
    assert report.problem == ""


def holds(archive: Archive) -> tuple[dict[str | None, Article], list[str]]:
    """Return all that is current, without what differs from archive to archive."""
    entries = list(archive.entries())
    found = {entry.key: replace(entry.article, id="") for entry in entries}
    assert len(found) == len(entries)
    return found, archive.page_keys("school.ru")


def kill_at(site: FakeWordPress, folder: Path, request: int, delay: float) -> None:
    """Start a crawl as a process of its own and kill it *delay* seconds after that request."""
    reached = threading.Event()
    asked = 0

    def trouble(route: str, query: Query) -> None:
        nonlocal asked
        asked += 1
        if asked == request:
            reached.set()

    site.trouble = trouble
    process = subprocess.Popen(
        [sys.executable, "-c", CRAWL, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not reached.wait(timeout=0.02) and process.poll() is None:
        pass  # a crawl with little left to do may never come to that request
    try:
        process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        process.kill()
    _, errors = process.communicate()
    assert process.returncode <= 0, errors.decode()
    site.trouble = lambda route, query: None


def test_killed_crawls_end_where_a_clean_one_does(wordpress: FakeWordPress, tmp_path: Path) -> None:
    chance = random.Random(20261124)
    wordpress.add(*range(1, 451))
    (tmp_path / "clean").mkdir()
    for attempt in range(KILLS):
        with new_archive(tmp_path, wordpress) as archive:
            kill_at(wordpress, tmp_path, chance.randint(1, 10), chance.uniform(0, 0.3))
            before = holds(archive)
            assert before[0].keys() <= {f"post:{number}" for number in range(1, 451 + KILLS)}
            assert before[0].keys() <= set(before[1]), "an article without its page"
        # The site goes on meanwhile.
        wordpress.posts[attempt + 5].text = f"Правка {attempt}"
        wordpress.posts[attempt + 5].modified = f"2024-06-0{attempt + 1}T00:00:00"
        wordpress.remove([400 + attempt])
        wordpress.add(451 + attempt)

    with new_archive(tmp_path, wordpress) as archive, new_archive(tmp_path / "clean", wordpress) as clean:
        crawl_in_peace(archive, tmp_path)
        crawl_in_peace(clean, tmp_path / "clean")
        articles, pages = holds(archive)
        assert articles == holds(clean)[0]
        assert set(pages) >= articles.keys()
        unfinished = [run for run in archive.runs("school.ru", limit=50) if run.finished is None]
        assert unfinished, "no crawl was killed in its middle"


def test_two_crawls_of_one_source_do_not_meet(wordpress: FakeWordPress, tmp_path: Path) -> None:
    wordpress.add(*range(1, 21))
    with new_archive(tmp_path, wordpress) as archive:
        refusals: list[LeaseHeldError] = []

        def meanwhile(route: str, query: Query) -> None:
            for work in (
                lambda: crawl_in_peace(archive, tmp_path),
                lambda: reextract(archive, locks=tmp_path / "locks"),
            ):
                with pytest.raises(LeaseHeldError) as caught:
                    work()
                refusals.append(caught.value)
            wordpress.trouble = lambda route, query: None

        wordpress.trouble = meanwhile
        crawl_in_peace(archive, tmp_path)

        assert len(refusals) == 2
        assert "school.ru" in str(refusals[0])
        assert len(archive.runs("school.ru")) == 1
        assert archive.count() == 20
