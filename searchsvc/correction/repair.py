"""Repair of queries: what the reader meant, where the archive has nothing for what was typed.

Word by word, the surest first: the other keyboard layout or Russian in Latin letters, a word that a space
has cut, then misspelt words and words written as one (``faults`` says what each may be). Of options
that are about as likely that one is taken with which articles have all words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import NamedTuple

from searchsvc.correction.faults import Option, misspelt_options, translit_options, word_options
from searchsvc.correction.keyboard import EDGE_MARKS, SHORTEST_PART, repair_layout
from searchsvc.correction.reading import Chunk, Reader, in_other_letters
from searchsvc.correction.vocabulary import Vocabulary
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.text import DIRECTIONS, LATIN, fold
from searchsvc.query.syntax import MAX_CLAUSES, MAX_LENGTH, QUOTED, QUOTES, is_field
from searchsvc.results import Correction

COMPANY = 3.0
"""Options that cost up to so much more than the likeliest (in nats) are tried with the rest of the query."""

MOST_TRIED = 3
MOST_TRIES = 6
"""Options tried of a piece, and of all pieces: a try is a search, some milliseconds."""

OTHER_LETTERS = frozenset({"layout", "translit"})
"""Kinds of corrections that make of all letters others."""

_CHUNK = re.compile(r"\S+")
# «учитель(ница)» has one word.
_WORD = re.compile(r"(?<![^\W_]\()[^\W_]+(?:[-'’][^\W_]+)*")
_CUT_BY = frozenset({" ", ".", ". "})
# A quote after a letter is none, but «Э» in the other layout.
_QUOTED = re.compile(rf"(?<![^\W\d_]){QUOTED}")
_NOT_CLOSED = re.compile(rf'"[A-Za-z][^{QUOTES}\s]*(?=[^{QUOTES}]*$)')
# Addresses, operators and fields are meant as they are.
_FIELD = re.compile(r"(\w+):")
_LEFT_ALONE = re.compile(r"://|@|^-|^!|\.(?:ru|com|org|net|info|edu)\b|^\d+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Repair:
    """A repaired query and what was changed in it.

    One that is not ``sure`` is for a suggestion: what was typed may be meant, though the archive lacks it.
    """

    text: str
    corrections: tuple[Correction, ...]
    sure: bool = True


class _Piece(NamedTuple):
    """A piece of a query that is repaired as one, and its options, the likeliest first."""

    start: int
    stop: int
    options: Sequence[Option]


def repair_query(text: str, vocabulary: Vocabulary) -> Repair | None:
    """Return *text* with the words the archive does not know put right, None if none can be.

    Words that the archive has, addresses, operators and words in quotes stay as they are. So do words of the
    dictionary, if anything else can be put right; else the repair is not ``sure``.
    """
    text = DIRECTIONS.sub("", text)
    reader = Reader(vocabulary)
    for sure in (True, False):
        pieces = _pieces(text, reader, sure=sure)
        if pieces:
            chosen = _chosen(text, pieces, vocabulary)
            corrections = tuple(
                Correction(option.kind, text[piece.start : piece.stop], option.replacement)
                for piece, option in zip(pieces, chosen, strict=True)
            )
            return Repair(_replaced(text, pieces, chosen), corrections, sure)
    return None


def proposals(text: str, vocabulary: Vocabulary, limit: int) -> list[str]:
    """Return what *text* may have been meant to be, the likeliest first, without itself.

    Where it is a single word, the archive may have it.
    """
    if _CHUNK.fullmatch(text):
        found = _word_proposals(text, vocabulary)
    else:
        found = _query_proposals(text, vocabulary)
    return [one for one in dict.fromkeys(found) if one != text][:limit]


def _word_proposals(word: str, vocabulary: Vocabulary) -> Iterator[str]:
    fixed = repair_layout(word, vocabulary)
    if fixed is not None:
        yield fixed
    for option in translit_options(word, vocabulary) if fixed is None else ():
        yield option.replacement
    for option in misspelt_options(word, vocabulary, sure=True) if fixed is None else ():
        yield option.replacement
    for option in word_options(word, vocabulary) if fixed is None or not LATIN.search(word) else ():
        yield option.replacement


def _query_proposals(text: str, vocabulary: Vocabulary) -> Iterator[str]:
    reader = Reader(vocabulary)
    pieces = _pieces(text, reader, sure=True) or _pieces(text, reader, sure=False)
    chosen = _chosen(text, pieces, vocabulary)
    yield _replaced(text, pieces, chosen)
    for number, piece in enumerate(pieces):
        for option in piece.options:
            yield _replaced(text, pieces, _exchanged(chosen, number, option))


# --- the pieces -----------------------------------------------------------------------------------


def _pieces(text: str, reader: Reader, *, sure: bool) -> list[_Piece]:
    """Return the pieces that can be replaced, in order; with *sure* words of the dictionary cannot."""
    chunks = _chunks(text, reader)
    found = in_other_letters(chunks, reader, sure=sure)
    rest = [chunk for chunk in chunks if chunk.start() not in found]
    pieces = _joined(text, rest, reader.vocabulary, sure=sure)
    joined = [range(piece.start, piece.stop) for piece in pieces]
    pieces += [_Piece(*chunk.span(), found[chunk.start()]) for chunk in chunks if chunk.start() in found]
    for chunk in rest:
        for part in _parts(chunk):
            if any(part.start() in place for place in joined):
                continue
            options = reader.misspelt(part.group(), sure=sure)
            if options:
                pieces.append(_Piece(*part.span(), options))
                if part is chunk:
                    break
    return sorted(pieces)


def _parts(chunk: Chunk) -> Iterator[Chunk]:
    """Yield what of a chunk may be misspelt: all of it, unless it has marks that are no keys, and words."""
    word = chunk.group().strip(EDGE_MARKS)
    if _WORD.fullmatch(word) or LATIN.search(word):
        yield chunk
    if not _WORD.fullmatch(word):
        yield from _WORD.finditer(chunk.string, *chunk.span())


def _chunks(text: str, reader: Reader) -> list[Chunk]:
    """Return what can be repaired; a quote that is not closed may be the first letter of «"rpfvty»."""
    quoted = [
        match.span()
        for match in _QUOTED.finditer(text)
        if not (key := _NOT_CLOSED.match(match.group())) or reader.layout(key.group()) is None
    ]
    return [
        match
        for match in islice(_CHUNK.finditer(text, 0, MAX_LENGTH), MAX_CLAUSES)
        if not any(start < match.end() and match.start() < stop for start, stop in quoted)
        and not _LEFT_ALONE.search(match.group())
        and not ((field := _FIELD.match(match.group())) and is_field(field.group(1)))
    ]


def _joined(text: str, chunks: Sequence[Chunk], vocabulary: Vocabulary, *, sure: bool) -> list[_Piece]:
    """Put together what a space has cut: «пед совет»; one of the two is no word of the archive.

    Where nothing is *sure*, both may be («роди тели»), if no article has them so and the whole is likelier.
    """
    found: list[_Piece] = []
    words = [word for chunk in chunks for word in _WORD.finditer(text, *chunk.span())]
    for one, two in pairwise(words):
        if text[one.end() : two.start()] not in _CUT_BY or (found and found[-1].stop > one.start()):
            continue
        head, tail = one.group(), two.group()
        if not (head.isalpha() and tail.isalpha() and vocabulary.has(head + tail)):
            continue
        if _cut_off(head, tail, vocabulary) or (not sure and _rather_one(head, tail, vocabulary)):
            found.append(_Piece(one.start(), two.end(), [Option(0.0, "split", head + tail)]))
    return found


def _cut_off(head: str, tail: str, vocabulary: Vocabulary) -> bool:
    """Say whether one of the two is no word of the archive; after a stop word it must be no word at all."""
    if STOP_WORDS.isdisjoint((fold(head), fold(tail))):
        return not (vocabulary.has(head) and vocabulary.has(tail))
    rest = fold(head) in STOP_WORDS and len(tail) >= SHORTEST_PART
    return rest and not (vocabulary.has(tail) or vocabulary.is_word(tail))


def _rather_one(head: str, tail: str, vocabulary: Vocabulary) -> bool:
    return (
        min(len(head), len(tail)) >= SHORTEST_PART
        and vocabulary.cost(head + tail) < vocabulary.cost(head) + vocabulary.cost(tail)
        and not vocabulary.hits(f'"{head} {tail}"')
    )


# --- the choice -----------------------------------------------------------------------------------


def _chosen(text: str, pieces: Sequence[_Piece], vocabulary: Vocabulary) -> tuple[Option, ...]:
    """Choose an option for each piece: the likeliest, or a near one with which articles have all words."""
    chosen = tuple(piece.options[0] for piece in pieces)
    if len(_WORD.findall(text)) == 1:
        return chosen
    tries = MOST_TRIES
    for number, piece in enumerate(pieces):
        near = [option for option in piece.options if option.cost <= piece.options[0].cost + COMPANY]
        for option in near[: min(MOST_TRIED, tries)] if len(near) > 1 else ():
            tries -= 1
            tried = _exchanged(chosen, number, option)
            if vocabulary.hits(_replaced(text, pieces, tried)):
                chosen = tried
                break
    return chosen


def _exchanged(chosen: tuple[Option, ...], number: int, option: Option) -> tuple[Option, ...]:
    return (*chosen[:number], option, *chosen[number + 1 :])


def _replaced(text: str, pieces: Sequence[_Piece], chosen: Sequence[Option]) -> str:
    parts: list[str] = []
    place = 0
    for piece, option in zip(pieces, chosen, strict=True):
        parts += [text[place : piece.start], option.replacement]
        place = piece.stop
    return "".join(parts) + text[place:]
