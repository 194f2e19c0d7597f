"""Repair of queries: what the reader meant, where the archive has nothing for what was typed.

Word by word, the surest first: the other keyboard layout or Russian in Latin letters, a word that a space
has cut, then misspelt words and words written as one (``faults`` says what each may be). Of options
that are about as likely that one is taken with which articles have all words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from searchsvc.correction.faults import (
    EDGE_MARKS,
    READINGS_AMONG,
    SHORTEST_PART,
    Option,
    is_latin,
    misspelt_options,
    repair_layout,
    small_word,
    standing,
    tells_of_translit,
    translit_among,
    translit_options,
    word_options,
)
from searchsvc.correction.vocabulary import Vocabulary
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.text import fold
from searchsvc.query.syntax import MAX_LENGTH, QUOTED, QUOTES
from searchsvc.results import Correction

COMPANY = 3.0
"""Options that cost up to so much more than the likeliest (in nats) are tried with the rest of the query."""

OTHER_LETTERS = 2.0
"""What the other reading costs of a word that may be of the other layout or Russian in Latin letters."""

MOST_TRIED = 3
MOST_TRIES = 6
"""Options tried of a piece, and of all pieces: a try is a search, some milliseconds."""

MOST_REPAIRED = 12
"""Misspelt words of a query that are put right; who has more has pasted a text of another language."""

_LATIN = re.compile("[A-Za-z]")
_CYRILLIC = re.compile("[А-яЁё]")
_CHUNK = re.compile(r"\S+")
# A quote after a letter is none, but «Э» in the other layout.
_QUOTED = re.compile(rf"(?<![^\W\d_]){QUOTED}")
_NOT_CLOSED = re.compile(rf'"[A-Za-z][^{QUOTES}\s]*(?=[^{QUOTES}]*$)')
# Addresses, operators and fields are meant as they are.
_LEFT_ALONE = re.compile(r"://|@|^[\w-]+:|^-|^!|\.(?:ru|com|org|net|info|edu)\b|^\d+$", re.IGNORECASE)

Chunk = re.Match[str]


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
    for sure in (True, False):
        pieces = _pieces(text, vocabulary, sure=sure)
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
    for option in word_options(word, vocabulary) if fixed is None or not _LATIN.search(word) else ():
        yield option.replacement


def _query_proposals(text: str, vocabulary: Vocabulary) -> Iterator[str]:
    pieces = _pieces(text, vocabulary, sure=True) or _pieces(text, vocabulary, sure=False)
    chosen = _chosen(text, pieces, vocabulary)
    yield _replaced(text, pieces, chosen)
    for number, piece in enumerate(pieces):
        for option in piece.options:
            yield _replaced(text, pieces, _exchanged(chosen, number, option))


# --- the pieces -----------------------------------------------------------------------------------


def _pieces(text: str, vocabulary: Vocabulary, *, sure: bool) -> list[_Piece]:
    """Return the pieces that can be replaced, in order; with *sure* words of the dictionary cannot."""
    chunks = _chunks(text, vocabulary)
    found = _in_other_letters(chunks, vocabulary, sure=sure)
    joined = _joined(text, [chunk for chunk in chunks if chunk.start() not in found], vocabulary, sure=sure)
    pieces = [*joined]
    for chunk in chunks:
        if any(piece.start <= chunk.start() < piece.stop for piece in joined):
            continue
        options = found.get(chunk.start(), ())
        if not options and len(pieces) < MOST_REPAIRED:
            options = misspelt_options(chunk.group(), vocabulary, sure=sure)
        if options:
            pieces.append(_Piece(*chunk.span(), options))
    return sorted(pieces)


def _chunks(text: str, vocabulary: Vocabulary) -> list[Chunk]:
    """Return what can be repaired; a quote that is not closed may be the first letter of «"rpfvty»."""
    quoted = [
        match.span()
        for match in _QUOTED.finditer(text)
        if not (key := _NOT_CLOSED.match(match.group())) or repair_layout(key.group(), vocabulary) is None
    ]
    return [
        match
        for match in _CHUNK.finditer(text, 0, MAX_LENGTH)
        if not any(start < match.end() and match.start() < stop for start, stop in quoted)
        and not _LEFT_ALONE.search(match.group())
    ]


def _in_other_letters(
    chunks: Sequence[Chunk], vocabulary: Vocabulary, *, sure: bool
) -> dict[int, Sequence[Option]]:
    """Return options for words typed in the other layout or in Latin letters, by their place.

    What can be either («NBA igroka») is what more of the others are.
    """
    layout: dict[int, Sequence[Option]] = {}
    either: dict[int, list[Option]] = {}
    for chunk in chunks:
        fixed = repair_layout(chunk.group(), vocabulary)
        if fixed is None:
            continue
        options = translit_options(chunk.group(), vocabulary, most=READINGS_AMONG)
        if options and not standing(fixed, vocabulary):
            continue  # the archive has the one («egrul»), and only the dictionary the other
        layout[chunk.start()] = [Option(0.0, "layout", fixed)]
        if options:
            either[chunk.start()] = options
    if any(_CYRILLIC.search(chunk.group()) is None for chunk in chunks if chunk.start() in layout):
        for chunk in chunks:  # the archive may have «r», but it was typed among Russian words
            if small := small_word(chunk.group()):
                layout.setdefault(chunk.start(), [Option(0.0, "layout", small)])
    rest = [chunk for chunk in chunks if chunk.start() not in layout]
    translit = _in_latin(chunks, vocabulary, sure=sure) if _in_latin(rest, vocabulary, sure=sure) else {}
    only_translit, only_layout = len(translit.keys() - layout.keys()), len(layout.keys() - either.keys())
    found: dict[int, Sequence[Option]] = {**translit, **layout}
    if only_translit > only_layout:
        found = {**layout, **translit}
    for start, options in either.items():  # with the others of the query it is found out which
        pair = [layout[start][0], options[0]]
        if only_translit > only_layout:
            pair.reverse()
        elif not only_translit and not only_layout:
            pair.sort(key=lambda option: _rank(option, vocabulary))
        one, other = pair
        found[start] = [one._replace(cost=0.0), other._replace(cost=OTHER_LETTERS)]
    return found


def _rank(option: Option, vocabulary: Vocabulary) -> tuple[int, float]:
    """Order readings of the same word: abbreviations of the list first («ege»), then by cost."""
    word = option.replacement.strip(EDGE_MARKS)
    return -standing(word, vocabulary), option.cost + vocabulary.cost(word)


def _in_latin(
    chunks: Sequence[Chunk], vocabulary: Vocabulary, *, sure: bool
) -> Mapping[int, Sequence[Option]]:
    """Read the words in Latin letters as Russian ones, if half of them or more can be.

    Who writes Russian in Latin letters writes all of it so: «Big Data» is English, though «дата» is a word.
    English words do not count either way, and go with the rest; what is not *sure* may be made of them alone.
    """
    read = {
        chunk.start(): (chunk.group(), translit_options(chunk.group(), vocabulary))
        for chunk in chunks
        if is_latin(chunk.group(), vocabulary)
    }
    telling = {
        start: bool(options)
        for start, (word, options) in read.items()
        if not sure or tells_of_translit(word, options, vocabulary)
    }
    if not any(telling.values()) or 2 * sum(telling.values()) < len(telling) + (not sure):
        return {}
    found = {start: options for start, (_, options) in read.items() if options}
    rest = {chunk.start(): chunk.group() for chunk in chunks if chunk.start() not in found}
    among = {start: options for start, word in rest.items() if (options := translit_among(word, vocabulary))}
    return found | among if telling.keys() <= (found | among).keys() else found


def _joined(text: str, chunks: Sequence[Chunk], vocabulary: Vocabulary, *, sure: bool) -> list[_Piece]:
    """Put together what a space has cut: «пед совет»; one of the two is no word of the archive.

    Where nothing is *sure*, both may be («роди тели»), if no article has them so and the whole is likelier.
    """
    found: list[_Piece] = []
    for one, two in pairwise(chunks):
        if text[one.end() : two.start()] != " " or (found and found[-1].stop > one.start()):
            continue
        head, tail = one.group(), two.group()
        bare = tail.rstrip(EDGE_MARKS)
        if not (head.isalpha() and bare.isalpha() and vocabulary.has(head + bare)):
            continue
        if _cut_off(head, bare, vocabulary) or (not sure and _rather_one(head, bare, vocabulary)):
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
    if len(_CHUNK.findall(text)) == 1:
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
