"""Which article is it? Matching by id, key and address, and who owns an address.

Functions on an open connection, used by ``corpus.ledger``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, insert, select, update

from corpus.address import normal_address
from corpus.article import Article
from corpus.codec import article_from_dict
from corpus.schema import aliases, articles, revisions


@dataclass(frozen=True, slots=True)
class Held:
    """What the archive has under an id; ``key`` is None where the source gave none."""

    id: str
    source: str
    key: str | None
    stamp: str
    revision: int
    digest: str
    removed: bool
    article: Article


def held_articles() -> Select[Any]:
    """Select articles with the content of their newest revision; every caller narrows it."""
    latest = and_(revisions.c.article_id == articles.c.id, revisions.c.number == articles.c.revision)
    return select(articles, revisions.c.content).join(revisions, latest)


def _held(row: Row[Any]) -> Held:
    article = decoded(row.id, row.content)
    return Held(row.id, row.source, row.key, row.stamp, row.revision, row.digest, row.removed, article)


def decoded(article_id: str, content: str) -> Article:
    """Return the article that a revision's *content* holds."""
    return article_from_dict({**json.loads(content), "id": article_id})


# Built once: SQLAlchemy builds a statement slower than SQLite runs it.
_BY_ID = held_articles().where(articles.c.id == bindparam("held_id"))
_BY_KEY = held_articles().where(articles.c.source == bindparam("source"), articles.c.key == bindparam("key"))
_BY_ADDRESS = (
    held_articles()
    .join(aliases, aliases.c.article_id == articles.c.id)
    .add_columns(aliases.c.address, aliases.c.current)
    .where(
        aliases.c.source == bindparam("source"),
        aliases.c.address.in_(bindparam("addresses", expanding=True)),
    )
)
_OWNERS = (
    select(aliases, articles.c.removed)
    .join(articles, articles.c.id == aliases.c.article_id)
    .where(
        aliases.c.source == bindparam("source"),
        aliases.c.address.in_(bindparam("addresses", expanding=True)),
    )
)
_INSERT_ADDRESS = insert(aliases)
_MOVE_ADDRESS = update(aliases).where(
    aliases.c.source == bindparam("of_source"), aliases.c.address == bindparam("at_address")
)
_FREE_KEY = (
    update(articles)
    .where(
        articles.c.source == bindparam("of_source"),
        articles.c.key == bindparam("of_key"),
        articles.c.id != bindparam("held_id"),
    )
    .values(key=None)
)


def match(connection: Connection, article: Article, key: str | None) -> Held | None:
    """Return the article that *article* is a new state of, removed ones included.

    One that brings an id of its own (an import) is another archive's: it is joined to ours
    on stronger evidence, the key or the very same url.
    """
    if article.id:
        row = connection.execute(_BY_ID, {"held_id": article.id}).one_or_none()
        if row is not None:
            return _held(row)
    if key:
        row = connection.execute(_BY_KEY, {"source": article.source, "key": key}).one_or_none()
        if row is not None:
            return _held(row)
    own = normal_address(article.url)
    wanted = list(dict.fromkeys([own, *map(normal_address, article.aliases)]))
    query = connection.execute(_BY_ADDRESS, {"source": article.source, "addresses": wanted})
    rows = sorted(query, key=lambda row: wanted.index(row.address))
    for row in rows:
        same_url = row.current and row.address == own
        shares = _may_share(row, key)
        if (same_url and shares) if article.id else (same_url or shares):
            return _held(row)
    return None


def _may_share(row: Row[Any], key: str | None) -> bool:
    """Whether an address that is not the url of both is evidence enough.

    It is not between two live articles that their source itself tells apart by key: a site
    that gives an old slug to a new article would make one of the two.
    """
    return row.removed or not key or row.key is None or row.key == key


def merged_aliases(article: Article, before: Article | None) -> tuple[str, ...]:
    """Return all other addresses the article ever had, one spelling each, the oldest spelling first."""
    known = {normal_address(article.url)}
    merged = []
    old = (*before.aliases, before.url) if before else ()
    for url in (*old, *article.aliases):
        address = normal_address(url)
        if address not in known:
            known.add(address)
            merged.append(url)
    return tuple(sorted(merged))


def free_key(connection: Connection, article_id: str, source: str, key: str | None) -> None:
    """Take *key* from any other article: the newest word of the source holds."""
    if key:
        connection.execute(_FREE_KEY, {"of_source": source, "of_key": key, "held_id": article_id})


def claim_addresses(connection: Connection, article: Article) -> None:
    """Make the article found by its addresses.

    Its own address is taken from whoever had it. An alias is taken only when it is free or
    belongs to a removed article: another article's claim is as good.
    """
    wanted = {normal_address(url): False for url in article.aliases} | {normal_address(article.url): True}
    owners = connection.execute(_OWNERS, {"source": article.source, "addresses": list(wanted)})
    taken = {row.address: row for row in owners}
    for address, current in wanted.items():
        row = taken.get(address)
        values = {"article_id": article.id, "current": current}
        if row is None:
            here = {"source": article.source, "address": address}
            connection.execute(_INSERT_ADDRESS, values | here)
            continue
        mine = row.article_id == article.id
        if (mine and row.current != current) or (not mine and (current or row.removed)):
            here = {"of_source": article.source, "at_address": address}
            connection.execute(_MOVE_ADDRESS, values | here)
