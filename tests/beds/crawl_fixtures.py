"""Fixtures of all tests that crawl the fake WordPress; a module names this one in its ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beds.crawling import Crawl
from beds.fake_wordpress import FakeWordPress
from beds.fetching import Open
from corpus.archive import Archive
from corpus.article import Source
from indexer.crawl import CrawlReport, crawl
from indexer.exchange import Limits


@pytest.fixture
def wordpress() -> Iterator[FakeWordPress]:
    with FakeWordPress() as site:
        yield site


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "archive.db") as archive:
        yield archive


@pytest.fixture
def run(wordpress: FakeWordPress, archive: Archive, tmp_path: Path, fetcher: Open) -> Crawl:
    """Crawls the site as one command does."""

    def run(*, limits: Limits | None = None, **options: bool) -> CrawlReport:
        polite = fetcher(**({"limits": limits} if limits else {}))
        source = Source(id="school.ru", url=wordpress.url("/"), kind="wordpress", allow_private=True)
        return crawl(archive, archive.add_source(source), polite, locks=tmp_path / "locks", **options)

    return run
