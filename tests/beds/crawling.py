"""What tests that crawl the fake WordPress share."""

from __future__ import annotations

from collections.abc import Callable

from beds.fake_wordpress import Query, Trouble
from beds.site import Reply
from corpus.archive import Archive
from corpus.article import Article
from indexer.crawl import CrawlReport

Crawl = Callable[..., CrawlReport]


def articles(archive: Archive) -> dict[int, Article]:
    """Return the current articles by WordPress id."""
    keys = archive.keys("school.ru").items()
    return {int(key.removeprefix("post:")): archive.get(found) for key, (found, _) in keys}


def on(route: str, answer: Reply, **wanted: str) -> Trouble:
    """Answer requests for *route* whose query has *wanted*."""

    def trouble(asked: str, query: Query) -> Reply | None:
        return answer if asked == route and wanted.items() <= query.items() else None

    return trouble
