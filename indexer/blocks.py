"""HTML to typed blocks: one walk over the parsed page, without recursion.

The walk keeps the inline text since the last border of a block, and at most one open
structure (list, quote, table, …; a table may stand in a list). Whatever is nested deeper
only draws borders, so depth costs neither stack nor time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bs4 import BeautifulSoup
from bs4.element import CData, NavigableString, PageElement, Tag

from corpus.article import Attachment, Block, Embed
from indexer import clutter
from indexer.lines import LINK_CLOSES, LINK_OPENS, Composer, bounded, printable, read_lines, tidy
from indexer.structures import (
    BLOCKS,
    HEADINGS,
    LISTS,
    FrameGathering,
    Gathering,
    HeadingGathering,
    ListGathering,
    QuoteGathering,
    Size,
    TableGathering,
    holds_data,
)

UNSEEN = frozenset(
    {
        *("script", "style", "noscript", "template", "title", "meta", "link", "xml", "xmp", "plaintext"),
        *("nav", "button", "input", "select", "textarea", "datalist", "dialog"),
        *("svg", "canvas", "map", "noembed", "noframes"),
    }
)
"""Elements with nothing to read inside."""

_UNITS = frozenset({"p", "li", "dd", "dt", "pre", "blockquote", *HEADINGS})
_FRAMES = frozenset({"iframe", "embed", "video", "audio", "object"})
_FRAME_SOURCES = ("src", "data-src", "data-lazy-src", "data-litespeed-src", "data")
_WORDPRESS_POST = "wp-embedded-content"  # a link in a quote, and a frame that says the same
_POSTS = frozenset({_WORDPRESS_POST, "twitter-tweet", "twitter-video", "instagram-media", "tiktok-embed"})
_UNFOLDING = ("aria-expanded", "aria-controls", "data-toggle", "data-bs-toggle")
_ALONE = 3  # nodes in a paragraph that is a signature: itself, white space around it
_NOT_DISPLAYED = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_WORD_BULLET = re.compile(r"mso-list\s*:\s*ignore", re.IGNORECASE)  # «·», «o», «§»; numbers have a full stop
_PLAIN_SPACES = re.compile(r"[^\S\u00a0\u2007\u2009\u202f]+")


def parse(html: str) -> BeautifulSoup:
    """Parse *html*, whole or a piece, with lxml; what goes beyond ``MAX_TAGS`` tags is cut off."""
    html = bounded(html)
    # Without a tag bs4 takes the text for a file's name or an address and warns.
    return BeautifulSoup(html if "<" in html else f"<body>{html}", "lxml")


def blocks(html: str, base_url: str) -> tuple[Block, ...]:
    """Return the typed blocks of a piece of HTML; addresses are completed by *base_url*.

    Never fails: what cannot be read as HTML is read as text.
    """
    return blocks_of(parse(html), base_url)


def blocks_of(root: Tag, base_url: str) -> tuple[Block, ...]:
    """Return the typed blocks of everything inside *root*."""
    return _Walk(root, base_url).run()


def attribute(tag: Tag, name: str) -> str:
    """Return an attribute as one string, "" where there is none."""
    value = tag.get(name)
    return " ".join(value) if isinstance(value, list) else value or ""


def is_text(node: PageElement) -> bool:
    """Tell whether a node is text that a reader sees: not a comment, script, style or template."""
    return type(node) in (NavigableString, CData)


def measure(root: Tag) -> dict[int, Size]:
    """Return the size of every element, by identity, in one pass from the end to the start."""
    sizes: dict[int, Size] = {id(root): Size()}
    for node in reversed(list(root.descendants)):
        parent = sizes.setdefault(id(node.parent), Size())
        if not isinstance(node, Tag):
            parent.text += len(str(node).strip()) if is_text(node) else 0
            continue
        size = sizes.setdefault(id(node), Size())
        if node.name == "a":
            size.linked = size.text
        size.units += node.name in _UNITS and size.text > 0
        parent.add(size)
        parent.tables += node.name == "table"
        parent.quotes += node.name == "blockquote"
        parent.frames += node.name in _FRAMES
    return sizes


@dataclass(slots=True)
class _Link:
    """The link being read; ``start`` is its place in the buffer."""

    owner: int
    url: str
    is_file: bool
    start: int
    parts: list[str]


class _Walk:
    """One reading of one page."""

    def __init__(self, root: Tag, base_url: str) -> None:
        self._root = root
        self._base = base_url
        self._sizes = measure(root)
        text = "".join(str(node) for node in root.descendants if is_text(node))
        self._paired = clutter.paired_shortcodes(text)
        self._composer = Composer()
        self._buffer: list[str] = []
        self._open: list[Gathering] = []
        self._link: _Link | None = None
        self._starts_in_link = False
        self._paragraphs_open = 0
        self._preformatted = 0

    def run(self) -> tuple[Block, ...]:
        stack: list[tuple[PageElement, bool]] = [(self._root, False)]
        while stack:
            node, leaving = stack.pop()
            if isinstance(node, Tag):
                if leaving:
                    self._leave(node)
                elif self._enter(node):
                    stack.append((node, True))
                    stack.extend((child, False) for child in reversed(node.contents))
            elif is_text(node):
                self._text(str(node))
        self._flush()
        return self._composer.body()

    # --- what an element means -------------------------------------------------------------------

    def _text(self, text: str) -> None:
        text = printable(text)
        if not self._preformatted:
            # No-break spaces must live until tidy() has seen what stands on either side.
            text = _PLAIN_SPACES.sub(" ", text)
        self._buffer.append(text)
        if self._link:
            self._link.parts.append(text)

    def _enter(self, tag: Tag) -> bool:
        """Begin an element; False where nothing inside it is to be read."""
        name = tag.name
        if name == "br":
            self._buffer.append("\n")
            if self._link:
                self._link.parts.append(" ")
        elif self._is_out(tag):
            self._keep_post(tag)
            if name in BLOCKS:
                self._flush()
        elif name in _FRAMES:
            self._frame(tag)
        else:
            self._begin(tag)
            return True
        return False

    def _begin(self, tag: Tag) -> None:
        name = tag.name
        if name in BLOCKS:
            self._flush()
            self._open_structure(tag)
        if name == "p":
            self._paragraphs_open += 1
        elif name == "pre":
            self._preformatted += 1
        elif name == "q":
            self._buffer.append("«")
        elif name == "a" and self._link is None:
            self._open_link(tag)
        self._turn_to_author(tag, begins=True)

    def _leave(self, tag: Tag) -> None:
        name = tag.name
        if name == "a":
            self._close_link(tag)
        elif name == "q":
            self._buffer.append("»")
        self._turn_to_author(tag, begins=False)
        if name in BLOCKS:
            self._flush()
            self._close_structure(tag)
        if name == "p":
            self._paragraphs_open -= 1
        elif name == "pre":
            self._preformatted -= 1

    def _flush(self) -> None:
        """End the run of inline text: give it to the open structure or make paragraphs of it."""
        if not self._buffer:
            return
        marked = clutter.strip_shortcodes("".join(self._buffer), self._paired)
        self._buffer.clear()
        lines = read_lines(marked, in_link=self._starts_in_link)
        self._starts_in_link = False
        if self._link:
            self._link.start = 0
            self._starts_in_link = bool(self._link.url) and not self._link.is_file
        if self._open:
            self._open[-1].take(lines)
        else:
            self._composer.add_run(lines, bare=not (self._paragraphs_open or self._preformatted))
            self._composer.settle()

    # --- what is left out ------------------------------------------------------------------------

    def _is_out(self, tag: Tag) -> bool:
        """Tell whether an element is no part of the text: by its name, by being hidden, by its class."""
        name, size = tag.name, self._sizes[id(tag)]
        if name in UNSEEN:
            return not (name == "button" and _unfolds(tag))
        if tag is self._root:
            return False
        # Old ASP.NET pages lie in a form as a whole.
        if (name == "form" and size.text <= clutter.LARGE) or (
            name == "aside" and size.linked * 2 > size.text
        ):
            return True
        role = attribute(tag, "role")
        if role in ("navigation", "search") or (name == "blockquote" and _is_post(tag)):
            return True
        label = clutter.element_label(f"{attribute(tag, 'class')} {attribute(tag, 'id')}")
        folded = role == "tabpanel" or clutter.is_unfolded_on_click(label)
        if size.text <= 1 and _WORD_BULLET.search(attribute(tag, "style")):
            return True
        return (_is_hidden(tag) and not folded) or clutter.is_clutter(
            label, size.text, size.text - size.linked
        )

    def _keep_post(self, tag: Tag) -> None:
        """Keep the address of a post which a script or a network's own quote shows."""
        url, caption = "", ""
        if tag.name == "script" and (post := attribute(tag, "data-telegram-post")):
            url = f"https://t.me/{post}"
        elif tag.name == "blockquote" and _is_post(tag):
            url = _post_address(tag)
            caption = tidy(tag.get_text()) if _WORDPRESS_POST in attribute(tag, "class") else ""
        if whole := clutter.absolute(url, self._base):
            self._show(Embed(whole, caption))

    def _frame(self, tag: Tag) -> None:
        sources = [attribute(tag, name) for name in _FRAME_SOURCES]
        sources += [attribute(child, "src") for child in tag.find_all(["source", "embed", "iframe"])]
        url = next((whole for source in sources if (whole := clutter.absolute(source, self._base))), "")
        caption = clutter.caption_of(tidy(attribute(tag, "title")))
        if file := clutter.viewed_file(url):
            self._show(Attachment(file, caption or tidy(clutter.file_name(file))))
        elif url and clutter.is_shown(url) and "0" not in (tag.get("width"), tag.get("height")):
            self._show(Embed(url, caption))

    def _show(self, block: Embed | Attachment) -> None:
        """Put a frame where it stands; one inside a structure follows it."""
        top = self._open[-1] if self._open else None
        if isinstance(top, FrameGathering) and isinstance(block, Embed):
            top.frames.append((block.url, block.caption))
        elif top:
            self._composer.add_later(block)
        else:
            self._flush()
            self._composer.add(block)

    # --- links -----------------------------------------------------------------------------------

    def _open_link(self, tag: Tag) -> None:
        url = clutter.absolute(attribute(tag, "href"), self._base)
        is_file = bool(url) and clutter.is_file(url)
        self._link = _Link(id(tag), url, is_file, len(self._buffer), [])
        if url and not is_file:
            self._buffer.append(LINK_OPENS)

    def _close_link(self, tag: Tag) -> None:
        link = self._link
        if link is None or link.owner != id(tag):
            return
        self._link = None
        text = tidy("".join(link.parts))
        if clutter.is_service_link(text):
            del self._buffer[link.start :]
        elif link.is_file:
            self._composer.add_later(Attachment(link.url, text or tidy(clutter.file_name(link.url))))
        elif link.url:
            self._buffer.append(LINK_CLOSES)
            if self._open and isinstance(frame := self._open[-1], FrameGathering):
                frame.link = frame.link or link.url

    # --- structures ------------------------------------------------------------------------------

    def _open_structure(self, tag: Tag) -> None:
        top = self._open[-1] if self._open else None
        if tag.name == "table" and (top is None or isinstance(top, ListGathering)) and self._is_data(tag):
            if top:
                self._add_all(top.close())
            self._open.append(TableGathering(id(tag)))
        elif top is not None:
            top.begin(tag.name)
        elif structure := self._structure(tag):
            self._open.append(structure)

    def _structure(self, tag: Tag) -> Gathering | None:
        name, size = tag.name, self._sizes[id(tag)]
        if name in HEADINGS:
            return HeadingGathering(id(tag), HEADINGS[name])
        if name in LISTS:
            return ListGathering(id(tag), name == "ol")
        if name == "figure" and (size.frames or "wp-block-embed" in attribute(tag, "class")):
            return FrameGathering(id(tag))
        is_quote = name == "blockquote" or (name == "figure" and size.quotes)
        # Old pages indent whole texts with <blockquote>: one that holds a table is no quotation.
        return QuoteGathering(id(tag)) if is_quote and not size.tables else None

    def _close_structure(self, tag: Tag) -> None:
        top = self._open[-1] if self._open else None
        if top is None:
            return
        if top.owner != id(tag):
            top.end(tag.name)
            return
        self._open.pop()
        self._add_all(top.close())
        if not self._open:
            self._composer.settle()

    def _add_all(self, closed: Iterable[tuple[Block, bool]]) -> None:
        for block, leads_elsewhere in closed:
            self._composer.add(block, leads_elsewhere=leads_elsewhere)

    def _is_data(self, table: Tag) -> bool:
        """Tell a table of facts from one that only places things on the page."""
        if self._sizes[id(table)].tables or attribute(table, "role") in ("presentation", "none"):
            return False
        rows: dict[int, list[Size]] = {}
        cells = table.find_all(["td", "th"])
        for cell in cells:
            rows.setdefault(id(cell.parent), []).append(self._sizes[id(cell)])
        return holds_data(list(rows.values()), headed=any(cell.name == "th" for cell in cells))

    def _turn_to_author(self, tag: Tag, *, begins: bool) -> None:
        """Turn to the author of a quotation or the caption of a frame, and back."""
        top = self._open[-1] if self._open else None
        if isinstance(top, QuoteGathering):
            if tag.name in ("footer", "figcaption") or (tag.name == "cite" and _stands_apart(tag)):
                self._flush()
                top.in_author = begins
        elif isinstance(top, FrameGathering) and tag.name == "figcaption":
            self._flush()
            top.in_caption = begins


def _is_hidden(tag: Tag) -> bool:
    # «until-found» is folded text that a browser's own search opens.
    return (
        (tag.has_attr("hidden") and attribute(tag, "hidden") != "until-found")
        or attribute(tag, "aria-hidden") == "true"
        or _NOT_DISPLAYED.search(attribute(tag, "style")) is not None
    )


def _unfolds(button: Tag) -> bool:
    """Tell whether a button is the heading of something folded."""
    in_heading = button.parent is not None and button.parent.name in HEADINGS
    return in_heading or any(button.has_attr(name) for name in _UNFOLDING)


def _stands_apart(cite: Tag) -> bool:
    """Tell a signature from a title named in passing: nothing else stands in its paragraph."""
    if cite.parent is None or cite.parent.name != "p":
        return True
    nodes = cite.parent.contents
    return len(nodes) <= _ALONE and all(not is_text(node) or not str(node).strip() for node in nodes)


def _is_post(quote: Tag) -> bool:
    """Tell whether a quote stands for somebody's post, which a script or a frame shows in its place."""
    return not _POSTS.isdisjoint(attribute(quote, "class").split())


def _post_address(quote: Tag) -> str:
    links = [attribute(link, "href") for link in quote.find_all("a")]
    own = (attribute(quote, "data-instgrm-permalink"), attribute(quote, "cite"))
    return next(filter(None, (*own, *reversed(links))), "")
