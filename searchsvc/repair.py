"""Repair of queries: what the reader meant, where the archive has nothing for what was typed.

The keyboard layout, Russian in Latin letters and two words written as one for now; typos get their own
function here, each returning what the archive knows or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from searchsvc.query import QUOTED
from searchsvc.results import Correction
from searchsvc.stopwords import STOP_WORDS
from searchsvc.text import fold
from searchsvc.translit import readings

Known = Callable[[str], bool]
"""Says whether the archive has a word, in this or another of its forms."""

_LATIN_KEYS = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./" + '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?'
_RUSSIAN_KEYS = "ёйцукенгшщзхъфывапролджэячсмитьбю." + "ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"
_LATIN_TYPED = frozenset(_LATIN_KEYS)
TO_RUSSIAN = str.maketrans(_LATIN_KEYS, _RUSSIAN_KEYS)
TO_LATIN = str.maketrans(_RUSSIAN_KEYS, _LATIN_KEYS)

_LATIN = re.compile("[A-Za-z]")
_CYRILLIC = re.compile("[А-яЁё]")
_CHUNK = re.compile(r"\S+")
_QUOTED = re.compile(QUOTED)
# Addresses, operators and fields are meant as they are.
_LEFT_ALONE = re.compile(r"://|@|^[\w-]+:|^-|^!|\.(?:ru|com|org|net|info|edu)\b|^\d+$", re.IGNORECASE)
_GLUED = re.compile("^[А-яЁё]{6,40}$")
_SHORTEST_PART = 3
_ROMAN = re.compile("^[IVXLC]+$")
# A key that is a letter in the Russian layout and a mark in the Latin one.
_EDGE_MARKS = ".,;:?!/'`\"()"
_MOST_MARKS = 3
_LONGEST = 40
"""No word is longer; a chunk that is was made by a program, and every cut of it would be tried."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A repaired query and what was changed in it."""

    text: str
    corrections: tuple[Correction, ...]


def repair_query(text: str, known: Known, is_word: Known = lambda _: False) -> Repair | None:
    """Return *text* with the words the archive does not know put right, None if none can be.

    Words that the archive has, addresses, operators and words in quotes stay as they are. *is_word* says
    whether the dictionary has a form: such a word is not taken apart, though the archive lacks it.
    """
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    chunks = [
        match
        for match in _CHUNK.finditer(text)
        if not any(start < match.end() and match.start() < stop for start, stop in quoted)
        and not _LEFT_ALONE.search(match.group())
    ]
    made = {match.start(): ("layout", repair_layout(match.group(), known)) for match in chunks}
    latin = [match for match in chunks if made[match.start()][1] is None and _is_latin(match.group(), known)]
    read = {match.start(): ("translit", repair_translit(match.group(), known)) for match in latin}
    # Who writes Russian in Latin letters writes all of it so: «Big Data» is English, though «дата» is a word.
    if 2 * sum(fixed is not None for _, fixed in read.values()) > len(read):
        made |= read
    for match in chunks:
        if made[match.start()][1] is None:
            made[match.start()] = ("glued", repair_glued(match.group(), known, is_word))
    corrections: list[Correction] = []
    pieces: list[str] = []
    place = 0
    for match in chunks:
        kind, fixed = made[match.start()]
        if fixed is not None:
            corrections.append(Correction(kind, match.group(), fixed))
            pieces += [text[place : match.start()], fixed]
            place = match.end()
    return Repair("".join(pieces) + text[place:], tuple(corrections)) if corrections else None


def repair_glued(chunk: str, known: Known, is_word: Known) -> str | None:
    """Return *chunk* (no spaces) as the two words of the archive it is made of, or None.

    Of several places to cut, a capital after a small letter is the best («решилЕфимов»), then the most even.
    """
    bare = chunk.strip(_EDGE_MARKS)
    if not _GLUED.match(bare) or known(bare) or is_word(bare):
        return None
    cuts = sorted(
        range(_SHORTEST_PART, len(bare) - _SHORTEST_PART + 1),
        key=lambda place: (not _is_border(bare, place), abs(2 * place - len(bare))),
    )
    for place in cuts:
        if known(bare[:place]) and known(bare[place:]):
            return chunk.replace(bare, f"{bare[:place]} {bare[place:]}", 1)
    return None


def _is_border(word: str, place: int) -> bool:
    return word[place].isupper() and word[place - 1].islower()


def _is_latin(chunk: str, known: Known) -> bool:
    bare = chunk.strip(_EDGE_MARKS)
    if not _LATIN.search(bare) or _CYRILLIC.search(bare) or _ROMAN.match(bare):
        return False
    return not known(bare)


def repair_translit(chunk: str, known: Known) -> str | None:
    """Return *chunk* (no spaces), a Russian word in Latin letters, in Russian ones, or None.

    Only words of the archive are ever proposed; marks around the word stay.
    """
    bare = chunk.strip(_EDGE_MARKS)
    if known(bare):
        return None
    for word in readings(bare):
        if known(word) and (len(word) > 1 or fold(word) in STOP_WORDS):
            return chunk.replace(bare, word, 1)
    return None


def repair_layout(chunk: str, known: Known) -> str | None:
    """Return *chunk* (no spaces) as it reads on the other keyboard layout, or None.

    The keys of one layout may make up the whole chunk or any part of it, so that
    «Образовfybt» becomes «Образование». Only words of the archive are ever proposed, and single
    letters only where they are words («d школе»); marks around the word stay.
    """
    if len(chunk) > _LONGEST or known(chunk) or known(chunk.strip(_EDGE_MARKS)):
        return None
    bare = chunk.lstrip("(")
    for word, marks in _readings(bare):
        if known(word) and (len(word) > 1 or fold(word) in STOP_WORDS):
            return chunk[: len(chunk) - len(bare)] + word + marks
    return None


def _readings(chunk: str) -> Iterator[tuple[str, str]]:
    """Yield readings of *chunk*, most likely first: the word, and the marks after it.

    What stands at the end may be letters typed as marks or marks.
    """
    least = max(len(chunk.rstrip(_EDGE_MARKS)), len(chunk) - _MOST_MARKS)
    for end in range(len(chunk), least - 1, -1):
        core, marks = chunk[:end], chunk[end:]
        if not _LATIN_TYPED.isdisjoint(core):  # a mark typed for a letter will do: «;енщина»
            yield core.translate(TO_RUSSIAN), marks
            for word in _split(core):
                yield word, marks
        if _CYRILLIC.search(core):
            yield core.translate(TO_LATIN), marks


def _split(core: str) -> Iterator[str]:
    """Yield readings in which only the beginning or only the end was typed in the wrong layout."""
    for cut in range(1, len(core)):
        head, tail = core[:cut], core[cut:]
        if _LATIN.search(tail) and not _LATIN.search(head):
            yield head + tail.translate(TO_RUSSIAN)
        if _LATIN.search(head) and not _LATIN.search(tail):
            yield head.translate(TO_RUSSIAN) + tail
