"""Article to Document: the analysed form that engine, store and ranking share.

A record is what ranking and snippets read of a document: one row for each (token, lemma),
in order of position. Lemmas and forms are 32-bit hashes, so that a record needs no table
beside it and travels with a hit.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from corpus.article import PART_GAP, Article
from searchsvc.engine import Entry, title_form
from searchsvc.language.analysis import Analyzer, Token
from searchsvc.language.text import fold
from searchsvc.naming.names import NOBODY, Named, NameFinder

GAP = 100
"""Positions between title, lead, body and tags: no phrase and no window crosses."""

BLOCK_GAP = 4
"""Positions between blocks of the body: no phrase crosses, a window may."""

PART_WEIGHTS = {"title": 3.0, "lead": 1.5, "body": 1.0, "tags": 1.5, "date": 0.5}
"""Weight of one occurrence by part. Set by the sample's judged queries, which turn on title
against body; the news sets have no titles and cannot tell (docs/quality.md)."""

PARTS = ("title", "lead", "body", "tags", "date")
"""Parts by number. "date" holds year and month of publication, which readers type like words
(«августовская конференция 2022») and articles seldom spell out; it stands nowhere in the text."""

_MONTHS = (
    "январь", "февраль", "март", "апрель", "май", "июнь",
    "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь",
)  # fmt: skip

BEGINNING = 40
"""A record's first so many rows are an article's beginning: title and first sentence or two."""

KIN_LETTERS = 4
"""Words that begin with the same so many letters are a family, near kin if one more is the same: as good
as a dictionary of morphemes for the order of results, and better than one step at five (docs/quality.md)."""

KIN_BITS = 8
"""Families are numbered so that kin differ in so many bits, which are the letter after the common ones."""

MAX_POSITION = 2**20 - 1
"""Tokens beyond this position (far over 2 MB of text) are not indexed."""

RECORD = np.dtype(
    [
        ("lemma", "<u4"),
        ("family", "<u4"),
        ("form", "<u4"),
        ("position", "<u4"),
        ("sentence", "<u2"),
        ("part", "u1"),
        ("size", "u1"),
        ("start", "<u4"),
    ]
)
"""A row of a record; ``start`` and ``size`` say where in the text the token stands."""

Record = npt.NDArray[np.void]

_SENTENCE_ENDS = frozenset(".!?…\n")


def term_hash(term: str) -> int:
    """Return the 32-bit name of a lemma or form in records."""
    return zlib.crc32(term.encode())


def family_hash(lemma: str) -> int:
    """Return the 32-bit name of a lemma's family: the words that begin with the same letters.

    «школа» and «школьник» are the same but for ``KIN_BITS``, «школьник» and «школьный» are the same. A
    word shorter than ``KIN_LETTERS``, or of more than letters, has no kin but itself.
    """
    if len(lemma) < KIN_LETTERS or not lemma.isalpha():
        return term_hash(lemma)
    following = ord(lemma[KIN_LETTERS]) if len(lemma) > KIN_LETTERS else 0
    return term_hash(f"{lemma[:KIN_LETTERS]}…") >> KIN_BITS << KIN_BITS | following & (1 << KIN_BITS) - 1


def code(family: int, lemma: int) -> int:
    """Return the number by which the rows of a record are sorted."""
    return family << 32 | lemma


def tag_term(tag: str) -> str:
    """Return the term a tag is filtered by: case, ё and spaces do not matter."""
    return " ".join(fold(tag).split())


def rows_with(column: npt.NDArray[np.uint32], hashes: Iterable[int]) -> npt.NDArray[np.bool_]:
    """Return where *column* holds any of a few *hashes*; quicker than ``numpy.isin`` for so few."""
    found = np.zeros(len(column), np.bool_)
    for value in hashes:
        found |= column == np.uint32(value)
    return found


def kin_with(families: npt.NDArray[np.uint32], wanted: Iterable[int]) -> npt.NDArray[np.bool_]:
    """Return where *families* are kin of any of *wanted*, near or distant."""
    return rows_with(families >> np.uint32(KIN_BITS), {family >> KIN_BITS for family in wanted})


@dataclass(frozen=True, slots=True)
class Document:
    """An analysed article; ``record`` has dtype ``RECORD``."""

    article: Article
    revision: int
    text: str
    tokens: tuple[Token, ...]
    parts: tuple[int, ...]
    record: Record
    named: Named = NOBODY

    @property
    def length(self) -> int:
        """How many words the text has, wholes of compounds not counted."""
        return sum(not token.whole for token in self.tokens if token.form)

    def forms(self) -> frozenset[str]:
        """The folded forms that occur."""
        return frozenset(token.folded for token in self.tokens if token.form)

    def entry(self, key: int) -> Entry:
        """Return what the engine indexes, the document being kept in the store under *key*."""
        text: dict[str, tuple[float, list[int]]] = {}
        title: dict[str, list[int]] = {}
        pairs = tuple(zip(self.tokens, self.parts, strict=True))
        for token, part in pairs:
            weight = PART_WEIGHTS[PARTS[part]]
            for lemma in token.lemmas:
                known, positions = text.get(lemma, (0.0, []))
                if not positions or positions[-1] != token.position:
                    positions.append(token.position)
                    text[lemma] = (known + weight, positions)
                if part == 0:
                    seats = title.setdefault(lemma, [])
                    if not seats or seats[-1] != token.position:
                        seats.append(token.position)
        local = self.article.published
        return Entry(
            article_id=self.article.id,
            key=key,
            text={term: (weight, tuple(positions)) for term, (weight, positions) in text.items()},
            title={term: tuple(positions) for term, positions in title.items()},
            forms=self.forms() | {title_form(token.folded) for token, part in pairs if part == 0},
            source=self.article.source,
            categories=self.article.categories,
            tags=tuple(tag_term(tag) for tag in self.article.tags),
            day=local.toordinal() if local else None,
            year=local.year if local else None,
            stamp=_stamp(local) if local else None,
            length=self.length,
            people=self.named.people,
            organisations=self.named.organisations,
            places=self.named.places,
        )


def make_document(
    article: Article, revision: int, analyzer: Analyzer, names: NameFinder | None = None
) -> Document:
    """Analyse *article*: tokens of all its parts with offsets in ``article.text``, and who is named there."""
    tokens: list[Token] = []
    parts: list[int] = []
    base = 0  # position
    offset = 0  # in the text
    previous = ""
    for name, text in article.parts():
        if previous:
            base += BLOCK_GAP if name == previous == "body" else GAP
        last = base
        for token in analyzer.tokens(text):
            position = base + token.position
            if position > MAX_POSITION:
                break
            last = max(last, position + 1)
            tokens.append(_moved(token, position, offset))
            parts.append(PARTS.index(name))
        base = last
        offset += len(text) + len(PART_GAP)
        previous = name
    full_text = article.text
    if article.published:
        for number, term in enumerate((str(article.published.year), _MONTHS[article.published.month - 1])):
            end = len(full_text)
            tokens.append(Token(base + GAP * (number + 1), end, end, "", "", (term,)))
            parts.append(PARTS.index("date"))
    return Document(
        article,
        revision,
        full_text,
        tuple(tokens),
        tuple(parts),
        _record(tokens, parts, full_text),
        names.named(article) if names else NOBODY,
    )


def _moved(token: Token, position: int, offset: int) -> Token:
    return Token(
        position,
        token.start + offset,
        token.stop + offset,
        token.form,
        token.folded,
        token.lemmas,
        token.whole,
    )


def _record(tokens: Sequence[Token], parts: Sequence[int], text: str) -> Record:
    rows: list[tuple[int, ...]] = []
    sentence = 0
    end = 0
    for token, part in zip(tokens, parts, strict=True):
        if token.start > end and not _SENTENCE_ENDS.isdisjoint(text[end : token.start]):
            sentence += 1
        end = max(end, token.stop)
        form = term_hash(token.folded)
        size = min(token.stop - token.start, 255)
        place = (form, token.position, min(sentence, 65535), part, size, token.start)
        rows.extend((term_hash(lemma), family_hash(lemma), *place) for lemma in token.lemmas)
    return np.array(rows, dtype=RECORD)


def _stamp(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
