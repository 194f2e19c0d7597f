"""Checking foreign rows: what a line of a JSON Lines file must look like to become an article.

Every complaint names the field, in Russian. Unknown fields are ignored: people export more than
we know.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from urllib.parse import urlsplit

from corpus.address import source_id
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
    RawPage,
    Source,
    Table,
)
from corpus.errors import RowError
from corpus.fields import Clean, Fields
from corpus.ledger import ID_PATTERN

MOSCOW_TIME = timezone(timedelta(hours=3))
"""The offset of dates that have none: most of the archive's sources live by Moscow time."""

PAGE_LIMIT = 256_000_000
"""Bytes of the largest raw page taken: a few kilobytes can unpack to gigabytes."""

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A checked row. ``article.source`` is the id that *source_url* has by itself."""

    article: Article
    source_url: str
    source_title: str = ""
    key: str | None = None
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """A checked row of kind "revision": *row* as it was under *number*."""

    number: int
    recorded: datetime
    row: ImportRow


@dataclass(frozen=True, slots=True)
class PageRow:
    """A checked row of kind "page", or one of its *parts* when it was too long for a line.

    ``page.source`` is the source's address here; ``page.body`` is still compressed.
    """

    page: RawPage
    part: int
    parts: int


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A checked row of kind "source"."""

    source: Source
    cursor: dict[str, str]


def read_row(
    line_object: Mapping[str, object], *, clean: Clean | None = None, default_offset: tzinfo = MOSCOW_TIME
) -> ImportRow:
    """Return the article of a row; raises RowError.

    "url", "title" and "body" must be there, title and body may be empty. A body is a string with
    blank lines between paragraphs, or a list of blocks. *clean* is applied to every text a
    reader sees, *default_offset* to dates without one. Embeds and attachments (objects or plain
    addresses) that the body has not are put behind it. Without "source", the site of the
    article's url is its source.
    """
    fields = Fields(line_object, clean or _as_it_is, default_offset)
    article_id = fields.string("id")
    if article_id and not ID_PATTERN.fullmatch(article_id):
        raise RowError("до 64 латинских букв, цифр, «-» и «_»", "id")
    url = fields.address("url")
    source_url = fields.string("source").strip() or _site(url)
    article = Article(
        id=article_id,
        source=source_id(source_url),
        url=url,
        title=fields.text("title", required=True),
        lead=fields.text("lead"),
        body=_body(fields),
        published=fields.moment("published"),
        modified=fields.moment("modified"),
        categories=tuple(filter(None, fields.texts("categories"))),
        tags=tuple(filter(None, fields.texts("tags"))),
        picture=_picture(fields),
        aliases=tuple(sorted(set(fields.strings("aliases")))),
    )
    return ImportRow(
        article=article,
        source_url=source_url,
        source_title=fields.text("source_title"),
        key=fields.string("key") or None,
        stamp=fields.string("stamp"),
    )


def read_revision(
    line_object: Mapping[str, object], *, clean: Clean | None = None, default_offset: tzinfo = MOSCOW_TIME
) -> RevisionRow:
    """Return a revision row; raises RowError."""
    fields = Fields(line_object, clean or _as_it_is, default_offset)
    number = fields.integer("number", 1, 2**31 - 1)
    recorded = fields.moment("recorded")
    if recorded is None:
        raise RowError("нет обязательного поля", "recorded")
    return RevisionRow(number, recorded, read_row(line_object, clean=clean, default_offset=default_offset))


def read_page(line_object: Mapping[str, object]) -> PageRow:
    """Return a page row; raises RowError."""
    fields = Fields(line_object, _as_it_is, MOSCOW_TIME)
    fetched = fields.moment("fetched")
    if fetched is None:
        raise RowError("нет обязательного поля", "fetched")
    try:
        body = base64.b64decode(fields.string("body", required=True), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RowError("ожидается base64", "body") from error
    page = RawPage(
        source=fields.string("source", required=True),
        key=fields.string("key", required=True),
        url=fields.string("url", required=True),
        fetched=fetched,
        media_type=fields.string("media_type", required=True),
        body=body,
        context=fields.mapping("context"),
    )
    parts = fields.integer("parts", 1, 10_000, default=1)
    return PageRow(page, fields.integer("part", 1, parts, default=1), parts)


def unpacked(body: bytes) -> bytes:
    """Return the page body that its rows hold compressed; raises RowError."""
    unpacking = zlib.decompressobj()
    try:
        page = unpacking.decompress(body, PAGE_LIMIT)
    except zlib.error as error:
        raise RowError("сжатые данные повреждены", "body") from error
    if not unpacking.eof:
        raise RowError(f"данные обрываются или больше {PAGE_LIMIT // 1_000_000} МБ", "body")
    return page


def read_source(line_object: Mapping[str, object]) -> SourceRow:
    """Return a source row; raises RowError."""
    fields = Fields(line_object, _as_it_is, MOSCOW_TIME)
    url = fields.string("url", required=True)
    source = Source(
        id=fields.string("id") or source_id(url),
        url=url,
        kind=fields.string("source_kind") or "import",
        title=fields.string("title"),
        allow_private=fields.boolean("allow_private"),
        delay=fields.number("delay", default=1.0),
        added=fields.moment("added"),
    )
    return SourceRow(source, fields.mapping("cursor"))


def _as_it_is(text: str) -> str:
    return text


def _site(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"


def _body(fields: Fields) -> tuple[Block, ...]:
    if isinstance(fields.value("body", required=True), str):
        text = fields.string("body").replace("\r\n", "\n").replace("\r", "\n")
        parts = (fields.clean(part) for part in _BLANK_LINES.split(text.strip()))
        body: list[Block] = [Paragraph(part) for part in parts if part]
    else:
        body = [_block(fields.inner(item, where)) for item, where in fields.items("body")]
    embeds = {block.url for block in body if isinstance(block, Embed)}
    for url, caption in _links(fields, "embeds", "caption"):
        if url not in embeds:
            body.append(Embed(url, caption))
    attachments = {block.url for block in body if isinstance(block, Attachment)}
    for url, title in _links(fields, "attachments", "title"):
        if url not in attachments:
            body.append(Attachment(url, title))
    return tuple(body)


_BLOCKS: Mapping[str, Callable[[Fields], Block]] = {
    "paragraph": lambda fields: Paragraph(fields.text("text", required=True)),
    "heading": lambda fields: Heading(
        fields.text("text", required=True), fields.integer("level", 2, 6, default=2)
    ),
    "list": lambda fields: ListBlock(tuple(fields.texts("items")), fields.boolean("ordered")),
    "quote": lambda fields: Quote(fields.text("text", required=True)),
    "table": lambda fields: Table(fields.rows("rows")),
    "embed": lambda fields: Embed(fields.string("url", required=True), fields.text("caption")),
    "attachment": lambda fields: Attachment(fields.string("url", required=True), fields.text("title")),
}


def _block(fields: Fields) -> Block:
    kind = fields.string("type", required=True)
    if kind not in _BLOCKS:
        raise RowError(f"неизвестный вид блока «{kind}»; есть: {', '.join(_BLOCKS)}", fields.name("type"))
    return _BLOCKS[kind](fields)


def _links(fields: Fields, name: str, label: str) -> Iterator[tuple[str, str]]:
    """Yield (url, label) of a list of objects or plain addresses."""
    for item, where in fields.items(name):
        link = fields.inner({"url": item} if isinstance(item, str) else item, where)
        yield link.string("url", required=True), link.text(label)


def _picture(fields: Fields) -> Picture | None:
    value = fields.value("picture")
    if value is None:
        return None
    picture = fields.inner(value, "picture")
    return Picture(picture.string("url", required=True), picture.text("alt"))
