"""The schema, and how an entry becomes a document of it.

The text field holds a lemma at its positions and, where it weighs more than they are many, once more
for each missing one at a place behind the text, so that Tantivy's term frequency is the weight in whole
steps and its own score nearly the contract's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import ceil

import tantivy

from searchsvc.engine import FORMS, NAMES, TEXT, TITLE, Entry

BEHIND = 1000
"""Positions between the text's last and the place of the copies: no phrase is that long."""

MAX_COPIES = 1000
"""More are not added: what a term weighs beyond that changes its score by a thousandth."""

OTHER = "other"
"""Marks documents that are no articles: the mark of the commit, and what a compaction adds."""

MARK = "mark"
PADDING = "padding"
FACETS = ("source", "category", "year")
FILTERS = (*FACETS, "tag", *NAMES)
UNSIGNED = ("key", "length", "rank")
SIGNED = ("stamp", "day")

_SPLITTER = "nul"


def make_schema() -> tantivy.Schema:
    """Return the schema of a new index."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(OTHER, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(MARK, stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(FORMS, tokenizer_name=_SPLITTER, index_option="basic")
    for name in (TEXT, TITLE):
        builder.add_text_field(name, tokenizer_name="raw", index_option="position")
    for name in FILTERS:
        builder.add_text_field(name, fast=name != "tag", tokenizer_name="raw", index_option="basic")
    for name in UNSIGNED:
        builder.add_unsigned_field(name, indexed=name == "key", fast=True)
    for name in SIGNED:
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
    _add_positions(made, TEXT, _weighted(entry))
    _add_positions(made, TITLE, entry.title)
    made.add_text(FORMS, _joined(entry.forms))
    years = () if entry.year is None else (str(entry.year),)
    filters = ((entry.source,), entry.categories, years, entry.tags, *entry.names().values())
    for name, values in zip(FILTERS, filters, strict=True):
        for value in dict.fromkeys(values):
            if value:
                made.add_text(name, value)
    made.add_unsigned("key", entry.key)
    made.add_unsigned("length", entry.length)
    made.add_unsigned("rank", rank(entry.article_id))
    if entry.stamp is not None:
        made.add_integer("stamp", entry.stamp)
    if entry.day is not None:
        made.add_integer("day", entry.day)
    return made


def mark_document(mark: str) -> tantivy.Document:
    """Return the document that carries the mark of a commit; no search sees it."""
    made = padding_document(MARK)
    made.add_text(MARK, f"={mark}")
    return made


def padding_document(kind: str = PADDING) -> tantivy.Document:
    """Return a document that is no article and has no words.

    It has a value in every column: Tantivy reads a column faster in which none is missing.
    """
    made = tantivy.Document()
    made.add_text(OTHER, kind)
    for name in ("id", *FACETS):
        made.add_text(name, "")
    for name in UNSIGNED:
        made.add_unsigned(name, 0)
    for name in SIGNED:
        made.add_integer(name, 0)
    return made


def rank(article_id: str) -> int:
    """Return the id's first eight bytes as a number that sorts like them."""
    return int.from_bytes(article_id.encode()[:8].ljust(8, b"\0"))


def _joined(terms: Collection[str]) -> str:
    text = "\0".join(terms)
    if text.count("\0") != max(len(terms) - 1, 0):
        raise ValueError("a term holds a NUL")
    return text


def _weighted(entry: Entry) -> dict[str, tuple[int, ...]]:
    """Return the positions of the text's terms and, behind them, their copies."""
    seats: dict[str, tuple[int, ...]] = {}
    behind = BEHIND + max((at[-1] for _, at in entry.text.values() if at), default=0)
    for term, (weight, at) in entry.text.items():
        if not weight > 0:
            raise ValueError(f"a weight of {weight}")
        copies = ceil(weight) - len(at)
        seats[term] = at + (behind,) * min(copies, MAX_COPIES) if copies > 0 else at
    return seats


def _add_positions(made: tantivy.Document, field: str, seats: Mapping[str, tuple[int, ...]]) -> None:
    tokens = [tantivy.Token(term, position, 0, 0) for term, at in seats.items() for position in at]
    made.add_pre_tokenized_text(field, tantivy.PreTokenizedString("", tokens))
