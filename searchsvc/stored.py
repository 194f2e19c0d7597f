"""What a store keeps of an article, as values: its card, its text, its neighbours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from corpus.article import Article


@dataclass(frozen=True, slots=True)
class Card:
    """What a hit shows of an article, without its text."""

    id: str
    url: str
    title: str
    published: datetime | None
    modified: datetime | None
    source: str
    categories: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as a result page needs it."""

    key: int
    card: Card
    text: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A neighbour; ``shared`` are the terms both have that make them near, the strongest first."""

    article: str
    score: float
    shared: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The neighbours of a document, best first; its key (0: there is none) and text."""

    key: int
    text: str
    neighbours: tuple[Neighbour, ...]


def card_line(article: Article) -> str:
    """Return the line that keeps the card of *article*."""
    card = {
        "id": article.id,
        "url": article.url,
        "title": article.title,
        "published": article.published.isoformat() if article.published else None,
        "modified": article.modified.isoformat() if article.modified else None,
        "source": article.source,
        "categories": article.categories,
        "tags": article.tags,
    }
    return json.dumps(card, ensure_ascii=False)


def card_of(line: str) -> Card:
    """Read the line of a card."""
    values: dict[str, Any] = json.loads(line)
    return Card(
        id=values["id"],
        url=values["url"],
        title=values["title"],
        published=_moment(values["published"]),
        modified=_moment(values["modified"]),
        source=values["source"],
        categories=tuple(values["categories"]),
        tags=tuple(values["tags"]),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
