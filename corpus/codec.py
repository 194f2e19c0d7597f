"""Article <-> JSON-able dict: the one spelling of an article outside Python.

The archive's revisions and the JSON Lines rows share it. Decoding trusts its input: it reads what
``article_to_dict`` wrote. Foreign rows are checked in ``corpus.rows``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from corpus.article import (
    Article,
    Attachment,
    Block,
    Embed,
    Heading,
    ListBlock,
    Paragraph,
    Picture,
    Quote,
    Table,
)


def canonical_json(value: object) -> str:
    """Return *value* as JSON with sorted keys and no spaces: equal values give equal strings."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def block_to_dict(block: Block) -> dict[str, object]:
    """Return *block* with its kind under "type"."""
    row: dict[str, object]
    match block:
        case Paragraph(text):
            row = {"type": "paragraph", "text": text}
        case Heading(text, level):
            row = {"type": "heading", "level": level, "text": text}
        case ListBlock(items, ordered):
            row = {"type": "list", "ordered": ordered, "items": list(items)}
        case Quote(text):
            row = {"type": "quote", "text": text}
        case Table(rows):
            row = {"type": "table", "rows": [list(row) for row in rows]}
        case Embed(url, caption):
            row = {"type": "embed", "url": url, "caption": caption}
        case Attachment(url, title):
            row = {"type": "attachment", "url": url, "title": title}
    return row


_BLOCKS: Mapping[str, Callable[[Mapping[str, Any]], Block]] = {
    "paragraph": lambda row: Paragraph(row["text"]),
    "heading": lambda row: Heading(row["text"], row["level"]),
    "list": lambda row: ListBlock(tuple(row["items"]), row["ordered"]),
    "quote": lambda row: Quote(row["text"]),
    "table": lambda row: Table(tuple(tuple(cells) for cells in row["rows"])),
    "embed": lambda row: Embed(row["url"], row["caption"]),
    "attachment": lambda row: Attachment(row["url"], row["title"]),
}


def block_from_dict(row: Mapping[str, Any]) -> Block:
    """Return the block that ``block_to_dict`` made *row* of."""
    return _BLOCKS[row["type"]](row)


def blocks_to_list(blocks: Iterable[Block]) -> list[dict[str, object]]:
    """Return *blocks* as dicts, in order."""
    return [block_to_dict(block) for block in blocks]


def moment_to_text(moment: datetime | None) -> str | None:
    """Return *moment* in ISO 8601 with its own offset."""
    return None if moment is None else moment.isoformat()


def moment_from_text(text: str | None) -> datetime | None:
    """Return the moment that ``moment_to_text`` wrote; its zone is a fixed offset."""
    return None if text is None else datetime.fromisoformat(text)


def picture_to_dict(picture: Picture | None) -> dict[str, object] | None:
    """Return *picture* as its address and description."""
    return None if picture is None else {"url": picture.url, "alt": picture.alt}


def article_to_dict(article: Article) -> dict[str, object]:
    """Return every field of *article* in values that JSON knows."""
    return {
        "id": article.id,
        "source": article.source,
        "url": article.url,
        "title": article.title,
        "lead": article.lead,
        "body": blocks_to_list(article.body),
        "published": moment_to_text(article.published),
        "modified": moment_to_text(article.modified),
        "categories": list(article.categories),
        "tags": list(article.tags),
        "picture": picture_to_dict(article.picture),
        "aliases": list(article.aliases),
    }


def article_from_dict(row: Mapping[str, Any]) -> Article:
    """Return the article that ``article_to_dict`` made *row* of."""
    picture = row["picture"]
    return Article(
        id=row["id"],
        source=row["source"],
        url=row["url"],
        title=row["title"],
        lead=row["lead"],
        body=tuple(block_from_dict(block) for block in row["body"]),
        published=moment_from_text(row["published"]),
        modified=moment_from_text(row["modified"]),
        categories=tuple(row["categories"]),
        tags=tuple(row["tags"]),
        picture=None if picture is None else Picture(picture["url"], picture["alt"]),
        aliases=tuple(row["aliases"]),
    )
