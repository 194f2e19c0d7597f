"""The schema, and how an entry becomes a document of it.

The text field holds a lemma at its positions and, where it weighs more than they are many, once more
for each missing one at a place behind the text, so that Tantivy's own term frequency is about the
weight. Where it is not exactly that, ``WEIGHTS`` says what it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from math import ceil

import numpy as np
import tantivy

from searchsvc.engine import FORMS, TEXT, TITLE, Entry

WEIGHTS = "weights"
"""A term for each lemma of the text whose weight is not the number of its positions (see ``level``)."""

BEHIND = 1000
"""Positions between the text's last and the place of the copies: no phrase is that long."""

MAX_COPIES = 1000
"""More are not added; ``WEIGHTS`` knows the weight all the same."""

OTHER = "other"
"""Marks documents that are no articles: the mark of the commit, and what a compaction adds."""

MARK = "mark"
PADDING = "padding"
FILTERS = ("source", "category", "tag", "year")

SENTINEL = "\x02"
FILLER = "\x03"
SENTINEL_TOKENS = 40
"""So many tokens each text field of the mark's document has, one of them the sentinel: from its score
a reader learns the field's average length as Tantivy reckons it."""

LEVEL = "\x01"
_SPLITTER = "nul"
_FREE = 24


def _norms() -> list[int]:
    """Return the lengths that Tantivy can tell apart, by their number: Lucene's one-byte code."""
    table = list(range(_FREE))
    for number in range(256 - _FREE):
        shift = (number >> 3) - 1
        table.append(_FREE + (number & 7 if shift < 0 else (number & 7 | 8) << shift))
    return table


_LENGTHS = _norms()
NORMS = np.array(_LENGTHS, np.float64)


def make_schema() -> tantivy.Schema:
    """Return the schema of a new index."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(OTHER, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(MARK, stored=True, tokenizer_name="raw", index_option="basic")
    for name in (WEIGHTS, FORMS):
        builder.add_text_field(name, tokenizer_name=_SPLITTER, index_option="basic")
    for name in (TEXT, TITLE):
        builder.add_text_field(name, tokenizer_name="raw", index_option="position")
    for name in FILTERS:
        builder.add_text_field(name, fast=name != "tag", tokenizer_name="raw", index_option="basic")
    for name in ("key", "length", "norms", "rank"):
        builder.add_unsigned_field(name, fast=True)
    for name in ("stamp", "day"):
        builder.add_integer_field(name, fast=True)
    return builder.build()


def register(index: tantivy.Index) -> tantivy.Index:
    """Give an opened index its tokenizer: terms apart by a NUL, whatever else they hold."""
    splitter = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex("[^\\x00]+")).build()
    index.register_tokenizer(_SPLITTER, splitter)
    return index


def document(entry: Entry) -> tantivy.Document:
    """Return what Tantivy keeps of an article.

    Raises:
        ValueError: a term or a weight is none that this engine can keep.
        UnicodeEncodeError: a string is no text.
    """
    made = tantivy.Document()
    made.add_text("id", entry.article_id)
    words = _add_text(made, entry)
    heads = _add_positions(made, TITLE, entry.title)
    made.add_text(FORMS, _joined(entry.forms))
    years = () if entry.year is None else (str(entry.year),)
    for name, values in zip(FILTERS, ((entry.source,), entry.categories, entry.tags, years), strict=True):
        for value in dict.fromkeys(values):
            if value:
                made.add_text(name, value)
    made.add_unsigned("key", entry.key)
    made.add_unsigned("length", entry.length)
    made.add_unsigned("norms", _norm(words) | _norm(heads) << 8)
    made.add_unsigned("rank", rank(entry.article_id))
    if entry.stamp is not None:
        made.add_integer("stamp", entry.stamp)
    if entry.day is not None:
        made.add_integer("day", entry.day)
    return made


def mark_document(mark: str) -> tantivy.Document:
    """Return the document that carries the mark of a commit; no search sees it."""
    made = tantivy.Document()
    made.add_text(OTHER, MARK)
    made.add_text("id", "")
    for name in (TEXT, TITLE):
        _add_positions(made, name, {SENTINEL: (0,), FILLER: tuple(range(1, SENTINEL_TOKENS))})
    made.add_text(MARK, f"={mark}")
    return made


def padding_document() -> tantivy.Document:
    """Return an empty document."""
    made = tantivy.Document()
    made.add_text(OTHER, PADDING)
    return made


def rank(article_id: str) -> int:
    """Return the id's first eight bytes as a number that sorts like them."""
    return int.from_bytes(article_id.encode()[:8].ljust(8, b"\0"))


def level(term: str, weight: float, copied: bool) -> str:
    """Return the term of ``WEIGHTS`` for *term*: what it weighs, and whether copies stand behind the text."""
    return f"{term}{LEVEL}{weight!r}{LEVEL}{copied:d}"


def _norm(length: int) -> int:
    return bisect_right(_LENGTHS, length) - 1


def _joined(terms: Collection[str]) -> str:
    text = "\0".join(terms)
    if text.count("\0") != max(len(terms) - 1, 0):
        raise ValueError("a term holds a NUL")
    return text


def _add_text(made: tantivy.Document, entry: Entry) -> int:
    """Add the text with its copies and weights; return how many tokens it has."""
    seats: dict[str, tuple[int, ...]] = {}
    levels: list[str] = []
    behind = BEHIND + max((at[-1] for _, at in entry.text.values() if at), default=0)
    for term, (weight, at) in entry.text.items():
        if weight == len(at):
            seats[term] = at
            continue
        if not weight > 0:
            raise ValueError(f"a weight of {weight}")
        copies = min(max(ceil(weight) - len(at), 0), MAX_COPIES)
        seats[term] = at + (behind,) * copies
        levels.append(level(term, weight, copies > 0))
    made.add_text(WEIGHTS, _joined(levels))
    return _add_positions(made, TEXT, seats)


def _add_positions(made: tantivy.Document, field: str, seats: Mapping[str, tuple[int, ...]]) -> int:
    tokens = [tantivy.Token(term, position, 0, 0) for term, at in seats.items() for position in at]
    made.add_pre_tokenized_text(field, tantivy.PreTokenizedString("", tokens))
    return len(tokens)
