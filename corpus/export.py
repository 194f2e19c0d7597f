"""Writing the archive as JSON Lines; ``corpus.jsonl`` says what the rows are."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Protocol

from corpus.archive import Archive, Entry
from corpus.article import Article, RawPage, Source
from corpus.codec import blocks_to_list, moment_to_text, picture_to_dict
from corpus.errors import UnknownArticleError

BATCH = 500
"""Rows a transaction, and between two reports of progress."""

_PART_BYTES = 4_500_000  # of a page in one row: 6 MB of base64, well below what a line may have

Progress = Callable[[int], None]


class _Writable(Protocol):
    def write(self, text: str, /) -> object: ...


def write_rows(
    archive: Archive, stream: _Writable, *, full: bool = False, progress: Progress | None = None
) -> int:
    """Write the archive to a text *stream*; return the number of articles.

    *progress* is called with the number of articles so far.
    """
    number = 0
    for row in _rows(archive, full=full):
        stream.write(_line(row))
        if "kind" not in row:
            number += 1
            if progress and number % BATCH == 0:
                progress(number)
    if progress:
        progress(number)
    return number


def lines(archive: Archive, *, full: bool = False) -> Iterator[str]:
    """Yield what ``write_rows`` writes, a line at a time."""
    return map(_line, _rows(archive, full=full))


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def _rows(archive: Archive, *, full: bool) -> Iterator[dict[str, Any]]:
    sources = {source.id: source for source in archive.sources()}
    if full:
        for source in sources.values():
            yield _source_row(source, archive.cursor(source.id))
    for entry in archive.entries():
        if entry.article.source not in sources:  # added while we write
            sources |= {source.id: source for source in archive.sources()}
        stamp = {"stamp": entry.stamp} if full else {}
        yield _article_row(entry.article, sources) | {"key": entry.key} | stamp
        if full:
            yield from _revision_rows(archive, entry, sources)
            page = archive.page(entry.article.source, entry.key) if entry.key else None
            yield from _page_rows(page, sources) if page else ()
    if full:
        for source in sources.values():
            known = archive.keys(source.id)
            for key in archive.page_keys(source.id):
                page = None if key in known else archive.page(source.id, key)
                yield from _page_rows(page, sources) if page else ()


def _article_row(article: Article, sources: dict[str, Source]) -> dict[str, Any]:
    source = sources.get(article.source)
    return {
        "id": article.id,
        "url": article.url,
        "title": article.title,
        "lead": article.lead,
        "body": blocks_to_list(article.body),
        "published": moment_to_text(article.published),
        "modified": moment_to_text(article.modified),
        "categories": list(article.categories),
        "tags": list(article.tags),
        "aliases": list(article.aliases),
        "picture": picture_to_dict(article.picture),
        "embeds": blocks_to_list(article.embeds),
        "attachments": blocks_to_list(article.attachments),
        "source": source.url if source else article.source,
        "source_title": source.title if source else "",
    }


def _source_row(source: Source, cursor: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": "source",
        "id": source.id,
        "url": source.url,
        "source_kind": source.kind,
        "title": source.title,
        "allow_private": source.allow_private,
        "delay": source.delay,
        "added": moment_to_text(source.added),
        "cursor": cursor,
    }


def _revision_rows(archive: Archive, entry: Entry, sources: dict[str, Source]) -> Iterator[dict[str, Any]]:
    with suppress(UnknownArticleError):  # purged while we write
        for revision in archive.revisions(entry.article.id):
            if revision.number <= entry.revision:
                recorded = moment_to_text(revision.recorded)
                start = {"kind": "revision", "number": revision.number, "recorded": recorded}
                yield start | _article_row(revision.article, sources)


def _page_rows(page: RawPage, sources: dict[str, Source]) -> Iterator[dict[str, Any]]:
    packed = zlib.compress(page.body)
    parts = [packed[start : start + _PART_BYTES] for start in range(0, len(packed), _PART_BYTES)]
    for number, part in enumerate(parts, 1):
        yield {
            "kind": "page",
            "source": sources[page.source].url,
            "key": page.key,
            "url": page.url,
            "fetched": moment_to_text(page.fetched),
            "media_type": page.media_type,
            "context": page.context,
            "part": number,
            "parts": len(parts),
            "body": base64.b64encode(part).decode("ascii"),
        }
