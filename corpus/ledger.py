"""The books of the archive: which article is which, its revisions, its addresses and the change log.

Functions on an open connection; ``corpus.archive`` opens the transactions around them.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, or_, select, update

from corpus.address import normal_address
from corpus.article import Article, Change, Revision
from corpus.codec import article_to_dict, canonical_json
from corpus.errors import ArchiveError, UnknownArticleError, UnknownSourceError
from corpus.identity import Held, claim_addresses, decoded, free_key, held_articles, match, merged_aliases
from corpus.schema import aliases, articles, changes, pages, revisions, sources

ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Outcome(Enum):
    """What putting an article did; one that had been removed and came back is NEW."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Stored:
    """An article as the archive now has it: with its id and all its aliases."""

    article: Article
    revision: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Entry:
    """A current article with what the archive knows beside it; ``key`` is None where there is none."""

    article: Article
    revision: int
    key: str | None
    stamp: str


# Putting. Statements are built once: SQLAlchemy builds them slower than SQLite runs them.

_INSERT_ARTICLE = insert(articles)
_INSERT_REVISION = insert(revisions)
_INSERT_CHANGE = insert(changes)
_UPDATE_ARTICLE = update(articles).where(articles.c.id == bindparam("held_id"))
_SOURCE = select(sources.c.id).where(sources.c.id == bindparam("source_id"))


def put(
    connection: Connection,
    article: Article,
    *,
    key: str | None,
    stamp: str,
    history: Sequence[Revision],
    now: datetime,
) -> Stored:
    """Store *article* as ``Archive.put`` promises."""
    _check(article)
    require_source(connection, article.source)
    try:
        held = match(connection, article, key)
        if held is None:
            return _insert(connection, article, key=key, stamp=stamp, history=history, now=now)
        return _update(connection, held, article, key=key, stamp=stamp, now=now)
    except UnicodeEncodeError as error:  # before anything is written
        raise ArchiveError(f"Текст статьи {article.url!a} содержит половины символов UTF-16.") from error


def _check(article: Article) -> None:
    if article.id and not ID_PATTERN.fullmatch(article.id):
        raise ArchiveError(
            f"Идентификатор статьи «{article.id}» недопустим: до 64 латинских букв, цифр, «-» и «_»."
        )
    for moment in (article.published, article.modified):
        if moment is not None and moment.utcoffset() is None:
            raise ArchiveError(f"Дата статьи «{article.url}» без часового пояса: {moment.isoformat()}.")


def _insert(
    connection: Connection,
    article: Article,
    *,
    key: str | None,
    stamp: str,
    history: Sequence[Revision],
    now: datetime,
) -> Stored:
    made = replace(article, id=article.id or _new_id(), aliases=merged_aliases(article, None))
    content, digest = _spelled(made)
    past = [(revision.number, revision.recorded, _spelled(revision.article)[0]) for revision in history]
    numbers = [0, *(number for number, _, _ in past)]
    if numbers != sorted(set(numbers)):
        raise ArchiveError(f"Редакции статьи «{made.id}» идут не по порядку: {numbers[1:]}.")
    if not past or past[-1][2] != content:
        past.append((numbers[-1] + 1, now, content))
    number = past[-1][0]
    values: dict[str, object] = {"id": made.id, "source": made.source, "key": key or None, "stamp": stamp}
    values |= {"revision": number, "digest": digest, "removed": False}
    connection.execute(_INSERT_ARTICLE, values)
    for old in past:
        _add_revision(connection, made.id, *old)
    claim_addresses(connection, made)
    _log(connection, made.id, "replaced", number, now=now)
    return Stored(made, number, Outcome.NEW)


def _update(
    connection: Connection, held: Held, article: Article, *, key: str | None, stamp: str, now: datetime
) -> Stored:
    merged = replace(article, id=held.id, aliases=merged_aliases(article, held.article))
    content, digest = _spelled(merged)
    changed = held.removed or digest != held.digest or merged.aliases != held.article.aliases
    number = held.revision + 1 if changed else held.revision
    if changed:
        _add_revision(connection, held.id, number, now, content)
    values: dict[str, object] = {"source": article.source}
    values |= {"key": key or held.key, "stamp": stamp or held.stamp}
    values |= {"revision": number, "digest": digest, "removed": False}
    if any(getattr(held, name) != value for name, value in values.items()):
        free_key(connection, held.id, article.source, key or held.key)
        connection.execute(_UPDATE_ARTICLE, {"held_id": held.id, **values})
    if held.source != article.source:
        connection.execute(delete(aliases).where(aliases.c.article_id == held.id))
    claim_addresses(connection, merged)
    if not changed:
        return Stored(merged, number, Outcome.UNCHANGED)
    _log(connection, held.id, "replaced", number, now=now)
    return Stored(merged, number, Outcome.NEW if held.removed else Outcome.CHANGED)


def _new_id() -> str:
    return base64.b32encode(secrets.token_bytes(10)).decode("ascii").lower()


def _spelled(article: Article) -> tuple[str, str]:
    """Return what a revision stores (all but the id) and the digest of its content (nor the aliases)."""
    row = article_to_dict(article)
    del row["id"]
    content = canonical_json(row)
    del row["aliases"]
    return content, hashlib.sha256(canonical_json(row).encode()).hexdigest()


def _add_revision(
    connection: Connection, article_id: str, number: int, recorded: datetime, content: str
) -> None:
    values = {"article_id": article_id, "number": number, "content": content}
    connection.execute(_INSERT_REVISION, values | {"recorded": moment_text(recorded)})


def _log(
    connection: Connection, article_id: str, kind: str, revision: int, *, now: datetime, reason: str = ""
) -> None:
    values = {"article_id": article_id, "kind": kind, "revision": revision, "reason": reason}
    connection.execute(_INSERT_CHANGE, values | {"at": moment_text(now)})


# Removing


def remove(connection: Connection, article_id: str, *, reason: str, now: datetime) -> bool:
    """Mark the article as gone; False when it was already, or never was."""
    row = connection.execute(_current(select(articles.c.revision), article_id=article_id)).one_or_none()
    if row is None:
        return False
    # Without its stamp the article is fetched again should its source bring it back.
    connection.execute(update(articles).where(articles.c.id == article_id).values(removed=True, stamp=""))
    _log(connection, article_id, "removed", row.revision, now=now, reason=reason)
    return True


def remove_all(connection: Connection, source: str, *, reason: str, now: datetime) -> int:
    """Remove every current article of *source*; return how many."""
    ids = connection.execute(_current(select(articles.c.id), source=source).order_by(articles.c.id)).scalars()
    return sum(remove(connection, article_id, reason=reason, now=now) for article_id in ids.all())


def purge(connection: Connection, id_or_url: str, *, now: datetime) -> str:
    """Delete every trace of the article but one line of the change log; return its id."""
    article_id = find(connection, id_or_url, removed=True)
    row = connection.execute(select(articles).where(articles.c.id == article_id)).one()
    addresses = connection.execute(
        select(aliases.c.address).where(aliases.c.article_id == article_id)
    ).scalars()
    of_article = or_(pages.c.key == row.key, pages.c.address.in_(addresses.all()))
    connection.execute(delete(pages).where(pages.c.source == row.source, of_article))
    connection.execute(delete(changes).where(changes.c.article_id == article_id))
    connection.execute(delete(articles).where(articles.c.id == article_id))  # aliases, revisions cascade
    _log(connection, article_id, "purged", row.revision, now=now)
    return article_id


# Reading


def find(connection: Connection, id_or_url: str, *, removed: bool = False) -> str:
    """Return the id of the article that has this id or address, the best claim first.

    Raises UnknownArticleError.
    """
    query = select(articles.c.id).where(articles.c.id == id_or_url)
    by_address = (
        select(articles.c.id)
        .join(aliases, aliases.c.article_id == articles.c.id)
        .where(aliases.c.address == normal_address(id_or_url))
        .order_by(articles.c.removed, aliases.c.current.desc(), articles.c.source)
    )
    for candidate in (query, by_address):
        shown = candidate if removed else candidate.where(articles.c.removed.is_(False))
        found: str | None = connection.execute(shown.limit(1)).scalar()
        if found is not None:
            return found
    raise UnknownArticleError(id_or_url)


def get(connection: Connection, article_id: str) -> tuple[Article, int]:
    """Return a current article and its revision; raises UnknownArticleError."""
    row = connection.execute(_current(held_articles(), article_id=article_id)).one_or_none()
    if row is None:
        raise UnknownArticleError(article_id)
    return decoded(row.id, row.content), row.revision


def after(connection: Connection, last: str, source: str | None, limit: int) -> list[Entry]:
    """Return the next *limit* current articles by id."""
    query = _current(held_articles(), source=source).where(articles.c.id > last).order_by(articles.c.id)
    return [
        Entry(decoded(row.id, row.content), row.revision, row.key, row.stamp)
        for row in connection.execute(query.limit(limit))
    ]


def count(connection: Connection, source: str | None) -> int:
    """Return the number of current articles."""
    number: int = connection.execute(_current(select(func.count()), source=source)).scalar_one()
    return number


def keys(connection: Connection, source: str) -> dict[str, tuple[str, str]]:
    """Return key -> (id, stamp) of the current articles that have a key."""
    query = _current(select(articles.c.key, articles.c.id, articles.c.stamp), source=source)
    rows = connection.execute(query.where(articles.c.key.is_not(None)).order_by(articles.c.key))
    return {row.key: (row.id, row.stamp) for row in rows}


def revisions_of(connection: Connection, article_id: str) -> list[Revision]:
    """Return all revisions, the oldest first; raises UnknownArticleError when there is none."""
    query = select(revisions).where(revisions.c.article_id == article_id).order_by(revisions.c.number)
    found = [
        Revision(
            article_id,
            row.number,
            datetime.fromisoformat(row.recorded),
            decoded(article_id, row.content),
        )
        for row in connection.execute(query)
    ]
    if not found:
        raise UnknownArticleError(article_id)
    return found


def changes_after(connection: Connection, sequence: int, limit: int) -> list[Change]:
    """Return up to *limit* lines of the change log behind *sequence*, in order."""
    query = select(changes).where(changes.c.sequence > sequence).order_by(changes.c.sequence).limit(limit)
    return [
        Change(row.sequence, row.article_id, row.kind, row.revision, datetime.fromisoformat(row.at))
        for row in connection.execute(query)
    ]


def last_sequence(connection: Connection) -> int:
    """Return the newest number of the change log, 0 when it is empty."""
    newest: int | None = connection.execute(select(func.max(changes.c.sequence))).scalar()
    return newest or 0


def require_source(connection: Connection, source: str) -> None:
    """Raise UnknownSourceError unless the source is there."""
    if connection.execute(_SOURCE, {"source_id": source}).first() is None:
        raise UnknownSourceError(source)


def moment_text(moment: datetime) -> str:
    """Return a moment of our own clock as it is stored: ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat()


def _current(query: Select[Any], *, source: str | None = None, article_id: str | None = None) -> Select[Any]:
    """Narrow *query* to articles that are not removed."""
    query = query.where(articles.c.removed.is_(False))
    if source is not None:
        query = query.where(articles.c.source == source)
    return query if article_id is None else query.where(articles.c.id == article_id)
