"""Faults of single words: what a word may be that the archive does not know.

The other keyboard layout, Russian in Latin letters, a misspelt word, two words written as one, two of these
at once. Nothing is proposed but words that the archive has and, for the layout, words of the dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from searchsvc.letters import SPELLABLE
from searchsvc.stopwords import STOP_WORDS
from searchsvc.text import fold, unmix
from searchsvc.translit import MOST_READINGS, readings
from searchsvc.vocabulary import PLAUSIBLE, Vocabulary

_LATIN_KEYS = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./" + '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?'
_RUSSIAN_KEYS = "ёйцукенгшщзхъфывапролджэячсмитьбю." + "ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"
_LATIN_TYPED = frozenset(_LATIN_KEYS)
TO_RUSSIAN = str.maketrans(_LATIN_KEYS, _RUSSIAN_KEYS)
TO_LATIN = str.maketrans(_RUSSIAN_KEYS, _LATIN_KEYS)

UNKNOWN = 6.5
UNKNOWN_LETTER = 0.65
"""A word nobody knows costs this and so much a letter (in nats). What is proposed for it must cost less,
or it is a word that the archive lacks. Set on misspelt and rare words: docs/quality.md, "Corrections"."""

NAME = 3.0
"""What it costs beside to take a word with a capital for a typo: it is likely to be a name nobody knows."""

DOUBTFUL = 4.0
"""What costs up to so much more is suggested where nothing is sure."""

GLUED = 4.0
GLUED_LONG = 1.0
"""What a lost space costs: less between words of five letters or more, which seldom meet in one by chance;
nothing where capitals tell of it."""

TOGETHER = 6.0
"""How much less two words cost that articles have both: they are likely to come from one query."""

SECOND_FAULT = 2.0
"""What it costs that a word has a further fault, beside that fault."""

EDGE_MARKS = ".,;:?!/'`\"()"
"""Marks around a word; some of them are keys of letters in the other layout."""

_MOST_MARKS = 3
_LONGEST = 40
"""No word is longer; a chunk that is was made by a program, and every cut of it would be tried."""

_READINGS = 3  # «ustroit» is «устроит» or «устроить»
_FURTHER_READINGS = 10  # looked at after one that is a word
_CUTS_WEIGHED = 2
_CUTS_MISSPELT = 2
_SHORTEST_PART = 3
_LONG_PART = 5
_SHORTEST_MISSPELT = 4
_SHORTEST_MISSPELT_TWO = 10
_LONGEST_ABBREVIATION = 5

_LATIN = re.compile("[A-Za-z]")
_CYRILLIC = re.compile("[А-яЁё]")
_RUSSIAN_WORD = re.compile("[А-яЁё]{4,40}")
_GLUED = re.compile("[A-Za-zА-яЁё][A-Za-zА-яЁё-]{4,38}[A-Za-zА-яЁё]")
_ROMAN = re.compile("[IVXLC]+")


class Option(NamedTuple):
    """What a piece of a query may be replaced by; a likelier one costs less (in nats)."""

    cost: float
    kind: str
    replacement: str


# --- the other layout -----------------------------------------------------------------------------


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
    for word, marks in _layouts(bare):
        made = chunk[: len(chunk) - len(bare)] + word + marks
        if _can_be_meant(word, vocabulary):
            return made
        # Look-alikes («зажeчь») are no keys, unless the archive says so; nor is a short typo («фсе») English.
        shortest = _SHORTEST_PART if _LATIN.search(bare) else _SHORTEST_MISSPELT
        if of_dictionary is None and len(word) >= shortest and alike == bare and vocabulary.is_word(word):
            of_dictionary = made
    return of_dictionary


def _layouts(chunk: str) -> Iterator[tuple[str, str]]:
    """Yield readings of *chunk*, most likely first: the word, and the marks after it.

    What stands at the end may be letters typed as marks or marks.
    """
    least = max(len(chunk.rstrip(EDGE_MARKS)), len(chunk) - _MOST_MARKS)
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


def _can_be_meant(word: str, vocabulary: Vocabulary) -> bool:
    return vocabulary.has(word) and (len(word) > 1 or fold(word) in STOP_WORDS)


# --- Latin letters --------------------------------------------------------------------------------


def is_latin(chunk: str, vocabulary: Vocabulary) -> bool:
    """Say whether *chunk* is a word in Latin letters that the archive does not know."""
    bare = chunk.strip(EDGE_MARKS)
    if not _LATIN.search(bare) or _CYRILLIC.search(bare) or _ROMAN.fullmatch(bare):
        return False
    return not vocabulary.has(bare)


def tells_of_translit(chunk: str, vocabulary: Vocabulary) -> bool:
    """Say whether a word in Latin letters tells how others are meant: English ones and short ones do not."""
    bare = chunk.strip(EDGE_MARKS)
    return len(bare) >= _SHORTEST_PART and not vocabulary.is_word(bare)


def translit_options(chunk: str, vocabulary: Vocabulary) -> list[Option]:
    """Return the words of the archive that *chunk* (no spaces), in Latin letters, may be in Russian ones.

    Marks around the word stay.
    """
    if not is_latin(chunk, vocabulary):
        return []
    bare = chunk.strip(EDGE_MARKS)
    found: list[str] = []
    last = MOST_READINGS
    for number, word in enumerate(readings(bare)):
        if number > last or len(found) == _READINGS:
            break
        if _can_be_meant(word, vocabulary):
            found.append(word)
            last = min(last, number + _FURTHER_READINGS)
    return [Option(float(rank), "translit", chunk.replace(bare, word, 1)) for rank, word in enumerate(found)]


# --- misspelt, or written as one ------------------------------------------------------------------


def misspelt_options(chunk: str, vocabulary: Vocabulary, *, sure: bool) -> list[Option]:
    """Return what a chunk that the archive does not know may be, if that is likelier than a word it lacks.

    With *sure* words of the dictionary stay and doubtful options are left out; without, a word of the
    dictionary («крокодил») is still not taken for a doubtful one.
    """
    typed = chunk.strip(EDGE_MARKS)
    bare = unmix(typed)
    if len(bare) < _SHORTEST_MISSPELT or vocabulary.has(bare) or (sure and vocabulary.is_word(bare)):
        return []
    if bare.isupper() and len(bare) <= _LONGEST_ABBREVIATION:  # «ОГЭ» is no typo of «ЕГЭ»
        return []
    most = _cost_unknown(bare) + DOUBTFUL * (not sure and not vocabulary.is_word(bare))
    options = [option for option in word_options(bare, vocabulary) if option.cost <= most]
    word = bare.translate(TO_RUSSIAN)
    if not options and _LATIN.search(bare) and _RUSSIAN_WORD.fullmatch(word) and _CYRILLIC.search(bare):
        # No word is of both alphabets. This one may be misspelt besides, or a name that the archive lacks.
        options = [
            option._replace(kind="layout") for option in word_options(word, vocabulary) if option.cost <= most
        ] or [Option(most, "layout", word)]
    return [option._replace(replacement=chunk.replace(typed, option.replacement, 1)) for option in options]


def word_options(bare: str, vocabulary: Vocabulary) -> list[Option]:
    """Return what a word without marks may be, likeliest first, however unlikely."""
    found = []
    if _is_spellable(bare) and not _has_inner_capital(bare):  # «ВсОШ» is no typo of «Все»
        found = [
            Option(guess.cost + NAME * bare[0].isupper(), "typo", _in_case_of(bare, guess.word))
            for guess in vocabulary.near(bare)
        ]
    unknown = _cost_unknown(bare)
    for further, least in ((glued_options, min(PLAUSIBLE, unknown)), (_twice, unknown)):  # if need be
        if found and found[0].cost <= least:
            break
        found = sorted([*found, *further(bare, vocabulary)])
    return found


def _cost_unknown(word: str) -> float:
    return UNKNOWN + UNKNOWN_LETTER * len(word)


def glued_options(bare: str, vocabulary: Vocabulary) -> list[Option]:
    """Return the pairs of words of the archive that a word without marks may be made of, likeliest first.

    Capitals inside tell where they meet («решилЕфимов»).
    """
    if not _GLUED.fullmatch(bare) or vocabulary.has(bare) or vocabulary.is_word(bare):
        return []
    found = []
    for head, tail, border in _cuts(bare):
        if vocabulary.has(head) and vocabulary.has(tail):
            lost = 0.0 if border else GLUED_LONG if min(len(head), len(tail)) >= _LONG_PART else GLUED
            cost = lost + vocabulary.cost(head) + vocabulary.cost(tail)
            found.append(Option(cost, "glued", f"{head} {tail}"))
    return sorted(
        one._replace(cost=one.cost - TOGETHER) if vocabulary.hits(one.replacement) else one
        for one in sorted(found)[:_CUTS_WEIGHED]
    )


def _cuts(word: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the ways to take *word* apart, and whether capitals say that words meet there.

    «решилЕфимов», «ДТПИталия»: where there are capitals inside, there is no way elsewhere; nor is there but
    between the alphabets in a word of both, and in one in Latin letters there is none.
    """
    if not _CYRILLIC.search(word):
        return
    mixed = bool(_LATIN.search(word))
    inner = mixed or _has_inner_capital(word)
    for place in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
        head, tail = word[:place], word[place:]
        if mixed:
            border = head[-1].isascii() != tail[0].isascii()
        else:
            border = tail[0].isupper() and (head[-1].islower() or tail[1].islower())
        if (border or not inner) and "-" not in head[-1] + tail[0]:
            yield head, tail, border


def _has_inner_capital(word: str) -> bool:
    return not word.isupper() and word[1:] != word[1:].lower()


def _is_spellable(word: str) -> bool:
    return bool(SPELLABLE.fullmatch(fold(word)))


# --- two faults -----------------------------------------------------------------------------------


def _twice(bare: str, vocabulary: Vocabulary) -> Iterator[Option]:
    """Yield options for a word that is misspelt and in the other layout, in Latin letters or glued."""
    if _LATIN.search(bare):
        if _CYRILLIC.search(bare) or vocabulary.is_word(bare):
            return
        typed = [("layout", bare.translate(TO_RUSSIAN))]
        typed += [("translit", word) for word in islice(readings(bare), 1)]
        for kind, word in typed:
            if _is_spellable(word) and not _LATIN.search(word):
                for guess in vocabulary.near(word):
                    yield Option(guess.cost + SECOND_FAULT, kind, _in_case_of(word, guess.word))
    elif len(bare) >= _SHORTEST_MISSPELT_TWO and _GLUED.fullmatch(bare):
        yield from _glued_and_misspelt(bare, vocabulary)


def _glued_and_misspelt(bare: str, vocabulary: Vocabulary) -> Iterator[Option]:
    """Yield two words, the longer one of which is known and the other misspelt."""
    cuts = [
        (len(known), known, other, known is head)
        for head, tail, _ in _cuts(bare)
        for known, other in ((head, tail), (tail, head))
        if len(known) >= _SHORTEST_MISSPELT <= len(other) and _is_spellable(other) and vocabulary.has(known)
    ]
    for _, known, other, known_first in sorted(cuts, reverse=True)[:_CUTS_MISSPELT]:
        for guess in vocabulary.near(other)[:1]:
            put_right = _in_case_of(other, guess.word)
            both = f"{known} {put_right}" if known_first else f"{put_right} {known}"
            yield Option(guess.cost + vocabulary.cost(known) + GLUED + SECOND_FAULT, "glued", both)


def _in_case_of(typed: str, word: str) -> str:
    """Return *word* with the capitals of *typed*; where that has none, with its own."""
    if typed.isupper() and len(typed) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if typed[:1].isupper() else word
