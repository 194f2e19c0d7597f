"""Repair of queries: what the reader meant, where the archive has nothing for what was typed.

Only the keyboard layout for now; typos, transliteration and glued words get their own
functions here, each returning a word the archive knows or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from searchsvc.query import QUOTED
from searchsvc.results import Correction
from searchsvc.stopwords import STOP_WORDS
from searchsvc.text import fold

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


def repair_query(text: str, known: Known) -> Repair | None:
    """Return *text* with the words the archive does not know put right, None if none can be.

    Words that the archive has, addresses, operators and words in quotes stay as they are.
    """
    corrections: list[Correction] = []
    pieces: list[str] = []
    place = 0
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    for match in _CHUNK.finditer(text):
        chunk = match.group()
        pieces.append(text[place : match.start()])
        place = match.end()
        inside = any(start < match.end() and match.start() < stop for start, stop in quoted)
        fixed = None if inside or _LEFT_ALONE.search(chunk) else repair_layout(chunk, known)
        if fixed is not None:
            corrections.append(Correction("layout", chunk, fixed))
        pieces.append(chunk if fixed is None else fixed)
    if not corrections:
        return None
    return Repair("".join(pieces) + text[place:], tuple(corrections))


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
