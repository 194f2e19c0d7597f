"""What the archive holds: plain frozen values, no storage, no HTML.

A body is a tuple of typed blocks. Each block has a ``text``; the article's ``text``
joins them, and every offset used elsewhere (tokens, snippets) refers to that string.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

PART_GAP = "\n\n"
"""What stands between title, lead, blocks and tags in the derived text of an article."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside the body; *level* is 2 to 6."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class ListBlock:
    """A list; nested lists are flattened into their items."""

    items: tuple[str, ...]
    ordered: bool = False

    @property
    def text(self) -> str:
        """The items, a line each."""
        return "\n".join(self.items)


@dataclass(frozen=True, slots=True)
class Quote:
    """A quotation set apart from the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table as rows of cells; rows may differ in length."""

    rows: tuple[tuple[str, ...], ...]

    @property
    def text(self) -> str:
        """The rows, a line each, cells parted by a tab."""
        return "\n".join("\t".join(row) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Embed:
    """Something shown from elsewhere (video, post): its address and caption, nothing else."""

    url: str
    caption: str = ""

    @property
    def text(self) -> str:
        """The caption."""
        return self.caption


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file linked from the text."""

    url: str
    title: str = ""

    @property
    def text(self) -> str:
        """The title of the link."""
        return self.title


Block = Paragraph | Heading | ListBlock | Quote | Table | Embed | Attachment


@dataclass(frozen=True, slots=True)
class Picture:
    """The lead picture."""

    url: str
    alt: str = ""


def tag_line(tags: tuple[str, ...]) -> str:
    """Return tags as they stand at the end of an article's text."""
    return ", ".join(tags)


@dataclass(frozen=True, slots=True)
class Article:
    """One article as it is now.

    ``id`` is opaque and stable, empty until the archive has given one. ``source`` is a
    source's id. ``published`` and ``modified`` are aware and keep the offset of their
    source. ``aliases`` are other addresses of the same article, sorted.
    """

    id: str
    source: str
    url: str
    title: str
    lead: str = ""
    body: tuple[Block, ...] = ()
    published: datetime | None = None
    modified: datetime | None = None
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    picture: Picture | None = None
    aliases: tuple[str, ...] = ()

    @property
    def embeds(self) -> tuple[Embed, ...]:
        """The embeds of the body, in order."""
        return tuple(block for block in self.body if isinstance(block, Embed))

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The attachments of the body, in order."""
        return tuple(block for block in self.body if isinstance(block, Attachment))

    def parts(self) -> Iterator[tuple[str, str]]:
        """Yield (name, text) for "title", "lead", each "body" block and "tags", empty ones left out."""
        yield from (("title", self.title),) if self.title else ()
        yield from (("lead", self.lead),) if self.lead else ()
        for block in self.body:
            if block.text:
                yield "body", block.text
        if self.tags:
            yield "tags", tag_line(self.tags)

    @property
    def text(self) -> str:
        """Everything a reader can search, joined by ``PART_GAP``; all offsets refer to it."""
        return PART_GAP.join(text for _, text in self.parts())


@dataclass(frozen=True, slots=True)
class Source:
    """A site (or a file's set) that articles come from.

    ``id`` is its address without scheme, "www." and the last slash; ``kind`` names the
    reader ("wordpress", "import"); ``delay`` is seconds between requests to its host;
    ``allow_private`` lets the crawler reach private and loopback addresses.
    """

    id: str
    url: str
    kind: str
    title: str = ""
    allow_private: bool = False
    delay: float = 1.0
    added: datetime | None = None


@dataclass(frozen=True, slots=True)
class RawPage:
    """An article as its source gave it, before extraction.

    ``key`` is the source's own name for it ("post:123"), ``media_type`` what ``body`` is.
    ``context`` holds what extraction needs and the page does not say (names of categories,
    the site's time zone), as strings.
    """

    source: str
    key: str
    url: str
    fetched: datetime
    media_type: str
    body: bytes
    context: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Revision:
    """One former or present state of an article; numbers start at 1."""

    article_id: str
    number: int
    recorded: datetime
    article: Article


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the change log. ``kind`` is "replaced", "removed" or "purged"."""

    sequence: int
    article_id: str
    kind: str
    revision: int
    at: datetime
