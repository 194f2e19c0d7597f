"""What crawling leaves in the archive: sources, raw pages, cursors and runs.

Functions on an open connection; ``corpus.archive`` opens the transactions around them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, tuple_, update

from corpus.address import normal_address, source_id
from corpus.article import RawPage, Source
from corpus.codec import canonical_json, moment_from_text, moment_to_text
from corpus.database import upsert
from corpus.errors import ArchiveError, UnknownSourceError
from corpus.ledger import moment_text, require_source
from corpus.schema import cursors, pages, runs, sources


@dataclass(frozen=True, slots=True)
class Run:
    """One crawl of a source; ``finished`` is None while it goes on, or when it was killed.

    ``counts`` are the crawl's own ("new", "changed", ...); ``problem`` is empty when it went well.
    """

    id: int
    source: str
    started: datetime
    finished: datetime | None
    counts: dict[str, int]
    problem: str


# Sources


def add_source(connection: Connection, source: Source) -> Source:
    """Insert or update *source*; ``added`` of a known one stays."""
    known = connection.execute(select(sources.c.added).where(sources.c.id == source.id)).one_or_none()
    values = {
        "id": source.id,
        "url": source.url,
        "kind": source.kind,
        "title": source.title,
        "allow_private": source.allow_private,
        "delay": source.delay,
        "added": moment_to_text(source.added) if known is None else known.added,
    }
    upsert(connection, sources, values)
    return find_source(connection, source.id)


def all_sources(connection: Connection) -> list[Source]:
    """Return the sources by id."""
    return [_source(row) for row in connection.execute(select(sources).order_by(sources.c.id))]


def find_source(connection: Connection, id_or_url: str) -> Source:
    """Return the source with this id or address; raises UnknownSourceError."""
    text = id_or_url.strip()
    wanted = list(dict.fromkeys([text, source_id(text), source_id(f"https://{text}")]))
    rows = {row.id: row for row in connection.execute(select(sources).where(sources.c.id.in_(wanted)))}
    for candidate in wanted:
        if candidate in rows:
            return _source(rows[candidate])
    for source in all_sources(connection):  # one whose id was chosen freely
        if source_id(source.url) == source_id(text):
            return source
    raise UnknownSourceError(id_or_url)


def drop_source(connection: Connection, source: str) -> None:
    """Delete the source's row; its pages, cursor and runs go with it."""
    connection.execute(delete(sources).where(sources.c.id == source))


def _source(row: Row[Any]) -> Source:
    return Source(
        id=row.id,
        url=row.url,
        kind=row.kind,
        title=row.title,
        allow_private=row.allow_private,
        delay=row.delay,
        added=moment_from_text(row.added),
    )


# Raw pages


def keep_page(connection: Connection, page: RawPage) -> None:
    """Store *page* in place of an earlier one with its key."""
    require_source(connection, page.source)
    values = {
        "source": page.source,
        "key": page.key,
        "url": page.url,
        "address": normal_address(page.url),
        "fetched": page.fetched.isoformat(),
        "media_type": page.media_type,
        "context": canonical_json(page.context),
        "body": zlib.compress(page.body),
    }
    upsert(connection, pages, values)


def page(connection: Connection, source: str, key: str) -> RawPage | None:
    """Return the page, or None."""
    row = connection.execute(select(pages).where(pages.c.source == source, pages.c.key == key)).one_or_none()
    return None if row is None else _page(row)


def pages_after(
    connection: Connection, last: tuple[str, str], source: str | None, limit: int
) -> list[RawPage]:
    """Return the next *limit* pages by (source, key)."""
    query = select(pages).where(tuple_(pages.c.source, pages.c.key) > last)
    if source is not None:
        query = query.where(pages.c.source == source)
    return [
        _page(row) for row in connection.execute(query.order_by(pages.c.source, pages.c.key).limit(limit))
    ]


def page_keys(connection: Connection, source: str) -> Sequence[str]:
    """Return the keys of the source's pages, in order."""
    query = select(pages.c.key).where(pages.c.source == source).order_by(pages.c.key)
    return connection.execute(query).scalars().all()


def drop_page(connection: Connection, source: str, key: str) -> None:
    """Delete the page if there is one."""
    connection.execute(delete(pages).where(pages.c.source == source, pages.c.key == key))


def _page(row: Row[Any]) -> RawPage:
    return RawPage(
        source=row.source,
        key=row.key,
        url=row.url,
        fetched=datetime.fromisoformat(row.fetched),
        media_type=row.media_type,
        body=zlib.decompress(row.body),
        context=json.loads(row.context),
    )


# Cursors


def cursor(connection: Connection, source: str) -> dict[str, str]:
    """Return what was set last, or nothing."""
    content = connection.execute(select(cursors.c.content).where(cursors.c.source == source)).scalar()
    values: dict[str, str] = json.loads(content) if content else {}
    return values


def set_cursor(connection: Connection, source: str, values: Mapping[str, str]) -> None:
    """Replace the source's cursor."""
    require_source(connection, source)
    upsert(connection, cursors, {"source": source, "content": canonical_json(dict(values))})


# Runs


def start_run(connection: Connection, source: str, at: datetime) -> int:
    """Open a run and return its id."""
    require_source(connection, source)
    values = {"source": source, "started": moment_text(at), "counts": "{}", "problem": ""}
    run_id: int = connection.execute(insert(runs).values(**values).returning(runs.c.id)).scalar_one()
    return run_id


def finish_run(
    connection: Connection, run_id: int, at: datetime, counts: Mapping[str, int], problem: str
) -> None:
    """Close the run; raises ArchiveError when there is no such run."""
    values = {"finished": moment_text(at), "counts": canonical_json(dict(counts)), "problem": problem}
    done = connection.execute(update(runs).where(runs.c.id == run_id).values(**values))
    if done.rowcount == 0:
        raise ArchiveError(f"Обход № {run_id} не найден: возможно, его источник удалён.")


def last_runs(connection: Connection) -> dict[str, Run]:
    """Return the newest run of every source that has one."""
    newest = select(func.max(runs.c.id)).group_by(runs.c.source)
    query = select(runs).where(runs.c.id.in_(newest)).order_by(runs.c.source)
    return {row.source: _run(row) for row in connection.execute(query)}


def runs_of(connection: Connection, source: str, limit: int) -> list[Run]:
    """Return the source's runs, the newest first."""
    query = select(runs).where(runs.c.source == source).order_by(runs.c.id.desc()).limit(limit)
    return [_run(row) for row in connection.execute(query)]


def _run(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        source=row.source,
        started=datetime.fromisoformat(row.started),
        finished=moment_from_text(row.finished),
        counts=json.loads(row.counts),
        problem=row.problem,
    )
