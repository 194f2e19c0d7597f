"""What a chunk of a query is in the other keyboard layout, where marks are letters, too."""

from __future__ import annotations

from collections.abc import Iterator

from searchsvc.correction.vocabulary import Vocabulary
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.text import CYRILLIC, LATIN, fold, unmix

_LATIN_KEYS = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./" + '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?'
_RUSSIAN_KEYS = "ёйцукенгшщзхъфывапролджэячсмитьбю." + "ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"
_LATIN_TYPED = frozenset(_LATIN_KEYS)
TO_RUSSIAN = str.maketrans(_LATIN_KEYS, _RUSSIAN_KEYS)
TO_LATIN = str.maketrans(_RUSSIAN_KEYS, _LATIN_KEYS)

EDGE_MARKS = ".,;:?!/'`\"()"
"""Marks around a word; some of them are keys of letters in the other layout."""

_MOST_MARKS = 3
_LONGEST = 40
"""No word is longer; a chunk that is was made by a program, and every cut of it would be tried."""

SHORTEST_PART = 3
SHORTEST_MISSPELT = 4


def repair_layout(chunk: str, vocabulary: Vocabulary) -> str | None:
    """Return *chunk* (no spaces) as it reads on the other keyboard layout, or None.

    The keys of one layout may make up the whole chunk or any part of it, so that
    «Образовfybt» becomes «Образование». Only words of the archive are proposed or, where it has none, of the
    dictionary, and single letters only where they are words («d школе»); marks around the word stay.
    """
    plain = chunk.strip(EDGE_MARKS)
    if len(chunk) > _LONGEST or vocabulary.has(chunk) or vocabulary.has(plain) or vocabulary.is_word(plain):
        return None
    bare = chunk.lstrip("(")
    alike = unmix(bare)
    of_dictionary: str | None = None
    for word, marks in layouts(bare):
        made = chunk[: len(chunk) - len(bare)] + word + marks
        if can_be_meant(word, vocabulary):
            return made
        # Look-alikes («зажeчь») are no keys, unless the archive says so; nor is a short typo («фсе») English.
        shortest = SHORTEST_PART if LATIN.search(bare) else SHORTEST_MISSPELT
        if of_dictionary is None and len(word) >= shortest and alike == bare and vocabulary.is_word(word):
            of_dictionary = made
    return of_dictionary


def layouts(chunk: str) -> Iterator[tuple[str, str]]:
    """Yield readings of *chunk*, most likely first: the word, and the marks after it.

    What stands at the end may be letters typed as marks or marks.
    """
    least = max(len(chunk.rstrip(EDGE_MARKS)), len(chunk) - _MOST_MARKS)
    for end in range(len(chunk), least - 1, -1):
        core, marks = chunk[:end], chunk[end:]
        if not any(map(str.isalnum, core)):
            return  # marks alone are marks
        if not _LATIN_TYPED.isdisjoint(core):  # a mark typed for a letter will do: «;енщина»
            yield _with_caps(core, core.translate(TO_RUSSIAN)), marks
            for word in _split(core):
                yield word, marks
        if CYRILLIC.search(core):
            yield core.translate(TO_LATIN), marks


def _with_caps(core: str, word: str) -> str:
    """Return *word* in capitals if all letters of *core* are: Caps Lock leaves the keys of marks alone."""
    letters = [one for one in core if one.isalpha()]
    return word.upper() if len(letters) > 1 and all(map(str.isupper, letters)) else word


def _split(core: str) -> Iterator[str]:
    """Yield readings in which only the beginning or only the end was typed in the wrong layout."""
    for cut in range(1, len(core)):
        head, tail = core[:cut], core[cut:]
        if LATIN.search(tail) and not LATIN.search(head):
            yield head + tail.translate(TO_RUSSIAN)
        if LATIN.search(head) and not LATIN.search(tail):
            yield head.translate(TO_RUSSIAN) + tail


def standing(word: str, vocabulary: Vocabulary) -> int:
    """Return how sure a reading is: 2 an abbreviation of the list or a small word, 1 a word of the archive,
    0 a word of the dictionary alone."""
    bare = word.strip(EDGE_MARKS)
    return 2 if vocabulary.listed(bare) or fold(bare) in STOP_WORDS else int(vocabulary.knows(bare))


def can_be_meant(word: str, vocabulary: Vocabulary) -> bool:
    """Say whether the archive has a reading; a single letter must be a word («d школе»)."""
    return vocabulary.knows(word) and (len(word) > 1 or fold(word) in STOP_WORDS)


def small_word(chunk: str) -> str | None:
    """Return the stop word that two or less Latin keys make in the other layout: «r» is «к»."""
    word = chunk.translate(TO_RUSSIAN)
    return word if len(chunk) < SHORTEST_PART and chunk.isascii() and fold(word) in STOP_WORDS else None
