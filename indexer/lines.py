"""Text on its way from inline HTML to blocks: lines, and the composition of a body from them.

Nothing here knows the HTML library: blocks.py walks a page and feeds these.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from corpus.article import Attachment, Block, Embed, Heading, Paragraph
from indexer.clutter import absolute, after_related, is_clutter_line, is_provider, opens_related
from searchsvc.language.text import clean

_log = logging.getLogger(__name__)

MAX_TAGS = 100_000
"""Opening and closing tags read of one page: about 2 s of parsing and walking, and thirty
times what the fullest page of the development set has (3,004)."""

_TAG_STARTS = re.compile(r"<[A-Za-z/!]")
_INSTRUCTIONS = re.compile(r"<\?[^<>]{0,1000}>")  # Word's <?xml:namespace …>: bs4 would warn of XML

# Marks inside gathered text. They are control characters, which clean() drops and which
# printable() has taken out of the page's own text.
LINK_OPENS = "\x02"
LINK_CLOSES = "\x03"
_MARKS = re.compile(f"([{LINK_OPENS}{LINK_CLOSES}])")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff]")

_NARROW_IN_NUMBER = re.compile(r"(?<=[0-9])[\u00a0\u2007\u2009\u202f](?=[0-9])")
_SPACES = re.compile(r"(?:(?<![0-9])\u00a0|\u00a0(?![0-9])|[^\S\u00a0])+")
_EMPTY_LINES = re.compile(r"\n\s*\n\s*")
_LETTERS = re.compile(r"[^\W\d_]")
_UNLINKED = 12  # letters beside the links of a line of links: a date («12 сентября»), «и», «от»
_LINES_OF_ONE = 4  # lines in the only <p> of a text: then <br> is how its author ends paragraphs


def printable(text: str) -> str:
    """Return *text* without control characters and lone surrogates, which lxml refuses or stops at."""
    return _CONTROLS.sub("", text)


def bounded(html: str) -> str:
    """Return *html* as the parser can take it: printable, and of no more than ``MAX_TAGS`` tags."""
    html = _INSTRUCTIONS.sub("", printable(html))
    beyond = next(islice(_TAG_STARTS.finditer(html), MAX_TAGS, None), None)
    if beyond is None:
        return html
    _log.warning("page_cut tags=%d characters=%d kept=%d", MAX_TAGS, len(html), beyond.start())
    return html[: beyond.start()]


def tidy(text: str) -> str:
    """Return *text* cleaned, on one line, with every run of white space as one plain space.

    A no-break or thin space between two digits («1 000») becomes U+00A0: it is a part of
    the number. Anywhere else it is layout, and becomes a plain space.
    """
    return _SPACES.sub(" ", _NARROW_IN_NUMBER.sub("\u00a0", clean(text))).strip()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; ``outside`` is what of it stands outside links."""

    text: str
    outside: str
    linked: bool

    @property
    def leads_elsewhere(self) -> bool:
        """Whether there is nothing but links in it, or a date beside them."""
        return self.linked and letters(self.outside) <= _UNLINKED

    @property
    def is_special(self) -> bool:
        """Whether it is anything but a line of a paragraph: empty, clutter, an embed, «Читайте также»."""
        if not self.text or is_clutter_line(self.text) or embedded(self.text) or opens_related(self.text):
            return True
        rest = after_related(self.outside)
        return rest is not None and self.linked and letters(rest) <= _UNLINKED

    @property
    def is_aside(self) -> bool:
        """Whether a list of other articles can hold it: links, or a date of its own."""
        dated = any(char.isdigit() for char in self.text) and letters(self.text) <= _UNLINKED
        return self.leads_elsewhere or dated


def letters(text: str) -> int:
    """Count the letters of *text*."""
    return sum(1 for _ in _LETTERS.finditer(text))


def read_lines(marked: str, *, in_link: bool) -> list[Line]:
    """Cut gathered text at its line feeds; of several empty lines one stays."""
    lines = []
    marked = _EMPTY_LINES.sub("\n\n", marked)
    for piece in marked.split("\n"):
        outside: list[str] = []
        linked = False
        for part in _MARKS.split(piece):
            if part == LINK_OPENS:
                in_link = True
            elif part == LINK_CLOSES:
                in_link = False
            elif in_link:
                linked = linked or bool(part.strip())
            else:
                outside.append(part)
        lines.append(Line(tidy(piece), tidy("".join(outside)), linked))
    return lines


def embedded(text: str) -> str:
    """Return the address of a line that is nothing but a video's or a post's, or ""."""
    return absolute(text, text) if is_provider(text) else ""


class Composer:
    """Puts the body together, block by block, and knows what only the whole can tell.

    That is: which links are a list of other articles, because «Читайте также» stands over
    them; whether a line break ends a paragraph; which file or video is shown twice.
    """

    def __init__(self) -> None:
        self._done: list[tuple[Block, bool]] = []  # the flag: its text stood in no <p>
        self._pending: list[Block] = []
        self._has_double_breaks = False
        self._related = False  # «Читайте также» has been read, and nothing but links since
        self._held: Block | None = None  # that heading, until we see what follows

    def add_run(self, lines: list[Line], *, bare: bool) -> None:
        """Add a run of inline text; an empty line parts paragraphs. *bare*: it stood in no ``<p>``."""
        texts = "\n".join(line.text for line in lines).strip("\n")
        self._has_double_breaks |= bare and "\n\n" in texts
        group: list[str] = []
        for line in lines:
            if line.is_special:
                self._add_paragraph(group, bare=bare)
                group = []
                if url := embedded(line.text):
                    self.add(Embed(url))
                elif opens_related(line.text):
                    self._hold(Paragraph(line.text))
            elif self._related and line.is_aside:
                self._held = None
            else:
                self._end_related()
                group.append(line.text)
        self._add_paragraph(group, bare=bare)

    def add(self, block: Block, *, leads_elsewhere: bool = False) -> None:
        """Add a whole block; *leads_elsewhere*: there is nothing but links in it."""
        if isinstance(block, Heading) and opens_related(block.text):
            self._hold(block)
        elif self._related and leads_elsewhere:
            self._held = None
        else:
            self._end_related()
            self._done.append((block, False))

    def add_later(self, block: Block) -> None:
        """Add a block at the next ``settle``: what stands inside others follows them."""
        self._pending.append(block)

    def settle(self) -> None:
        """Add what was left for later."""
        for block in self._pending:
            self.add(block)
        self._pending.clear()

    def body(self) -> tuple[Block, ...]:
        """Return the blocks; of embeds and attachments, one for each address."""
        self.settle()
        kept: list[Block] = []
        places: dict[str, int] = {}
        for block in self._paragraphs_of_lines():
            if not isinstance(block, Embed | Attachment):
                kept.append(block)
            elif block.url not in places:
                places[block.url] = len(kept)
                kept.append(block)
            elif not kept[places[block.url]].text:  # the second one has the title
                kept[places[block.url]] = block
        return tuple(kept)

    def _add_paragraph(self, group: list[str], *, bare: bool) -> None:
        if group:
            self._done.append((Paragraph("\n".join(group)), bare))

    def _hold(self, heading: Block) -> None:
        self._related, self._held = True, heading

    def _end_related(self) -> None:
        # Other text begins; a heading that no links followed was the author's own.
        if self._held:
            self._done.append((self._held, False))
        self._related, self._held = False, None

    def _paragraphs_of_lines(self) -> Iterator[Block]:
        """Yield the blocks; where a text knows no paragraphs but lines, each line as one."""
        texts = [(block, bare) for block, bare in self._done if isinstance(block, Paragraph)]
        by_lines = all(bare for _, bare in texts) and not self._has_double_breaks
        if len(texts) == 1:
            by_lines = by_lines or texts[0][0].text.count("\n") + 1 >= _LINES_OF_ONE
        for block, _ in self._done:
            if by_lines and isinstance(block, Paragraph):
                yield from (Paragraph(line) for line in block.text.split("\n"))
            else:
                yield block
