"""The structures of a page (heading, list, quote, table, frame) while they are being read.

Nothing here knows the HTML library: blocks.py walks a page and feeds these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from corpus.article import Block, Embed, Heading, ListBlock, Paragraph, Quote, Table
from indexer.clutter import is_clutter_line, is_provider, is_share_label
from indexer.lines import Line, embedded

BLOCKS = frozenset(
    {
        *(
            "html",
            "body",
            "main",
            "article",
            "section",
            "aside",
            "header",
            "footer",
            "nav",
            "search",
            "hgroup",
        ),
        *(
            "div",
            "p",
            "pre",
            "center",
            "address",
            "blockquote",
            "figure",
            "figcaption",
            "hr",
            "form",
            "fieldset",
        ),
        *("legend", "details", "summary", "dialog", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("ul", "ol", "menu", "dir", "li", "dl", "dt", "dd"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"),
    }
)
"""Elements that begin and end on lines of their own."""

HEADINGS = {"h1": 2, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
"""Heading elements and the levels we give them: the article's title is the only first one."""

LISTS = frozenset({"ul", "ol", "menu", "dir"})
_BEGIN = {"li": "item", "tr": "row", "td": "cell", "th": "cell", **dict.fromkeys(LISTS, "item")}
_END = _BEGIN | {"td": "cell end", "th": "cell end"}
_DASHES = "—–- "


_LONG_CELL = 300  # characters; a longer cell in a table of one row is a column of a layout


@dataclass(slots=True)
class Size:
    """What an element holds: characters of text and of links, and how many of what."""

    text: int = 0
    linked: int = 0
    units: int = 0
    tables: int = 0
    quotes: int = 0
    frames: int = 0

    def add(self, other: Size) -> None:
        """Count what an inner element holds."""
        self.text += other.text
        self.linked += other.linked
        self.units += other.units
        self.tables += other.tables
        self.quotes += other.quotes
        self.frames += other.frames


def holds_data(rows: list[list[Size]], *, headed: bool) -> bool:
    """Tell a table of facts from one that only places things on the page, by its cells' sizes.

    Word puts a paragraph into every cell, so one ``<p>`` says nothing; several in each do.
    """
    filled = [[cell for cell in row if cell.text or cell.frames] for row in rows]
    filled = [row for row in filled if row]
    if all(len(row) == 1 for row in filled):
        return False
    if headed:
        return True
    if len(filled) == 1 and any(cell.text > _LONG_CELL for cell in filled[0]):
        return False
    return not all(cell.units > 1 or cell.frames for row in filled for cell in row)


@dataclass(slots=True)
class Gathering:
    """A structure being read. ``owner`` is the identity of its element."""

    owner: int

    def take(self, lines: Iterable[Line]) -> None:
        """Take a run of text from inside."""
        raise NotImplementedError

    def begin(self, name: str) -> None:
        """Hear that an inner block element of this name begins."""
        self.step(_BEGIN.get(name, ""))

    def end(self, name: str) -> None:
        """Hear that it ends."""
        self.step(_END.get(name, ""))

    def step(self, border: str) -> None:
        """Pass a border: "item", "row", "cell", "cell end" or "" (some other block)."""

    def close(self) -> Iterator[tuple[Block, bool]]:
        """Yield (block, whether it only leads elsewhere)."""
        raise NotImplementedError


@dataclass(slots=True)
class HeadingGathering(Gathering):
    """A heading: one line, whatever is inside."""

    level: int
    parts: list[Line] = field(default_factory=list)

    def take(self, lines: Iterable[Line]) -> None:
        """Add the lines to the heading."""
        self.parts += [line for line in lines if line.text]

    def close(self) -> Iterator[tuple[Block, bool]]:
        """Yield the heading, if it says anything."""
        text = " ".join(line.text for line in self.parts)
        if text and not is_share_label(text):
            yield Heading(text, self.level), all(line.leads_elsewhere for line in self.parts)


@dataclass(slots=True)
class ListGathering(Gathering):
    """A list; the items of inner lists become its own."""

    ordered: bool
    items: list[str] = field(default_factory=list)
    parts: list[Line] = field(default_factory=list)
    leads_elsewhere: bool = True

    def take(self, lines: Iterable[Line]) -> None:
        """Add the lines to the present item."""
        self.parts += [line for line in lines if line.text and not is_clutter_line(line.text)]

    def step(self, border: str) -> None:
        """End the present item at the border of an item or of an inner list."""
        if border == "item" and self.parts:
            self.items.append(" ".join(line.text for line in self.parts))
            # An item of «Читайте также» may bring a date and an excerpt, but begins with its link.
            self.leads_elsewhere &= any(line.leads_elsewhere for line in self.parts)
            self.parts = []

    def close(self) -> Iterator[tuple[Block, bool]]:
        """Yield the list so far; reading may go on afterwards, after a table inside an item."""
        self.step("item")
        if self.items:
            yield ListBlock(tuple(self.items), self.ordered), self.leads_elsewhere
        self.items, self.leads_elsewhere = [], True


@dataclass(slots=True)
class QuoteGathering(Gathering):
    """A quotation and who said it."""

    lines: list[str] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)
    in_author: bool = False

    def take(self, lines: Iterable[Line]) -> None:
        """Add the lines to the quotation, or to its author's name."""
        said = [line.text for line in lines if line.text and not is_clutter_line(line.text)]
        if self.in_author:
            name = " ".join(said).lstrip(_DASHES)
            self.authors += [name] if name else []
        else:
            self.lines += said

    def close(self) -> Iterator[tuple[Block, bool]]:
        """Yield the quotation, its author on a last line of its own."""
        authors = [f"— {name}" for name in self.authors]
        if self.lines:
            yield Quote("\n".join([*self.lines, *authors])), False
        elif authors:
            yield Paragraph("\n".join(authors)), False


@dataclass(slots=True)
class TableGathering(Gathering):
    """A table of facts: every cell one line. Text outside cells is its caption."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    row: list[str] = field(default_factory=list)
    cell: list[str] | None = None
    caption: list[str] = field(default_factory=list)

    def take(self, lines: Iterable[Line]) -> None:
        """Add the lines to the present cell."""
        (self.caption if self.cell is None else self.cell).extend(line.text for line in lines if line.text)

    def step(self, border: str) -> None:
        """End the cell, and at a row's border the row."""
        if border not in ("cell", "cell end", "row"):
            return
        if self.cell is not None:
            self.row.append(" ".join(self.cell))
        self.cell = [] if border == "cell" else None
        if border == "row":
            if any(self.row):
                self.rows.append(tuple(self.row))
            self.row = []

    def close(self) -> Iterator[tuple[Block, bool]]:
        """Yield the caption as a paragraph, then the table."""
        self.step("row")
        if self.caption:
            yield Paragraph(" ".join(self.caption)), False
        if self.rows:
            yield Table(tuple(self.rows)), False


@dataclass(slots=True)
class FrameGathering(Gathering):
    """A figure around a video or a post: of everything inside, only address and caption count."""

    frames: list[tuple[str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    caption: list[str] = field(default_factory=list)
    link: str = ""
    in_caption: bool = False

    def take(self, lines: Iterable[Line]) -> None:
        """Add the lines to the caption, or see whether one is an address."""
        for line in lines:
            if self.in_caption:
                self.caption += [line.text] if line.text else []
            elif url := embedded(line.text):
                self.frames.append((url, ""))
            elif line.text:
                self.lines.append(line.text)

    def close(self) -> Iterator[tuple[Block, bool]]:
        """Yield the embeds; where no address was found, the text."""
        caption = " ".join(self.caption)
        if not self.frames and is_provider(self.link):
            self.frames.append((self.link, ""))
        for number, (url, title) in enumerate(self.frames):
            yield Embed(url, (caption if number == 0 else "") or title), False
        if not self.frames:
            for text in (*self.lines, *self.caption):
                yield Paragraph(text), False
