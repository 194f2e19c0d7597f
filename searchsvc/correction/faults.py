"""Faults of single words: what a word may be that the archive does not know.

The other keyboard layout, Russian in Latin letters, a misspelt word, two words written as one, two of these
at once. Nothing is proposed but words that the archive has and, for the layout, words of the dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from searchsvc.correction.glued import (
    NAME,
    SECOND_FAULT,
    has_inner_capital,
    in_case_of,
    taken_apart,
    taken_apart_misspelt,
)
from searchsvc.correction.keyboard import (
    EDGE_MARKS,
    SHORTEST_MISSPELT,
    SHORTEST_PART,
    TO_LATIN,
    TO_RUSSIAN,
    can_be_meant,
    layouts,
)
from searchsvc.correction.trigrams import looks_like_a_word, surprises
from searchsvc.correction.vocabulary import PLAUSIBLE, Vocabulary
from searchsvc.language.letters import SPELLABLE
from searchsvc.language.text import CYRILLIC, LATIN, fold, unmix
from searchsvc.language.translit import MOST_READINGS, readings

UNKNOWN = 3.5
UNKNOWN_LETTER = 0.3
UNKNOWN_SURPRISE = 0.25
UNKNOWN_MIXED = 15.0
"""A word nobody knows costs this, so much a letter, and this share of how surprising its letters are (in
nats); one of both alphabets costs ``UNKNOWN_MIXED``. What is proposed for it must cost less, or it is a word
that the archive lacks. Set on misspelt and rare words: docs/quality.md, "Corrections"."""

DOUBTFUL = 3.0
"""What costs up to so much more is suggested where nothing is sure."""

SOUND = 1.0
"""What must cost so much less to be suggested instead of a word of the dictionary («шкода», not «офлайн»)."""

NAME_OF_NAME = 1.0
"""What it costs instead (see ``glued.NAME``) if the archive writes the word with a capital, too."""

SURPRISE_USUAL = 2.6
SURPRISE_WORD = 4.0
"""How surprising the letters of words are on average (``trigrams``), and those of nearly all."""

SURPRISE_LETTER = 10.0
"""A letter that surprises more («ьштпросвещения») makes no name: what nobody knows is then only suggested."""

SURPRISE_MARK = 12.0
SURPRISE_OTHERWISE = 2.0
"""What a mark inside a word counts for; how much more surprising, a letter, is what was typed in the wrong
layout. Of 34,000 words in Latin letters and 30,000 Russian ones, rare ones too, 5 are taken for the other
layout by these, and nine of ten are told when they are typed so."""

_READINGS = 3  # «ustroit» is «устроит» or «устроить»
_FURTHER_READINGS = 10  # looked at after one that is a word
READINGS_AMONG = 12
_READINGS_MISSPELT = 4
_APOSTROPHES = tuple("'’`")
_SHORTEST_MISSPELT_TWO = 10
_LONGEST_ABBREVIATION = 5

_RUSSIAN_WORD = re.compile("[А-яЁё]{4,40}")
_VOWEL = re.compile("[aeiouyаеиоуыэюя]")
_REPEATED = re.compile(r"(.)\1+")
_ROMAN = re.compile("[IVXLC]+")


class Option(NamedTuple):
    """What a piece of a query may be replaced by; a likelier one costs less (in nats)."""

    cost: float
    kind: str
    replacement: str


# --- Latin letters --------------------------------------------------------------------------------


def in_latin_letters(chunk: str) -> bool:
    """Say whether *chunk* is a word in Latin letters alone, and no Roman number."""
    bare = chunk.strip(EDGE_MARKS)
    return bool(LATIN.search(bare)) and not CYRILLIC.search(bare) and not _ROMAN.fullmatch(bare)


def is_latin(chunk: str, vocabulary: Vocabulary) -> bool:
    """Say whether *chunk* is a word in Latin letters that the archive does not know."""
    return in_latin_letters(chunk) and not vocabulary.has(chunk.strip(EDGE_MARKS))


def tells_of_translit(chunk: str, options: Sequence[Option], vocabulary: Vocabulary) -> bool:
    """Say whether a word in Latin letters tells how others are meant: English ones do not, and of short ones
    abbreviations alone («fz»)."""
    bare = chunk.strip(EDGE_MARKS)
    listed = bool(options) and vocabulary.listed(options[0].replacement.strip(EDGE_MARKS))
    return (listed or len(bare) >= SHORTEST_PART) and not vocabulary.is_word(bare)


def translit_options(chunk: str, vocabulary: Vocabulary, *, most: int = MOST_READINGS) -> list[Option]:
    """Return the words of the archive that *chunk* (no spaces), in Latin letters, may be in Russian ones.

    *most* is how many of its readings are looked at. Marks around the word stay, but for an apostrophe that
    is a soft sign.
    """
    if not is_latin(chunk, vocabulary):
        return []
    bare = chunk.strip(EDGE_MARKS)
    place = chunk.index(bare) + len(bare)
    cores = [bare + chunk[place]] if chunk[place : place + 1] in _APOSTROPHES else []
    for core in [*cores, bare]:
        found: list[str] = []
        plainest = next(readings(core), "")
        last = most if looks_like_a_word(fold(plainest)) else min(most, READINGS_AMONG)
        for number, word in enumerate(readings(core)):
            if number > last or len(found) == _READINGS:
                break
            if can_be_meant(word, vocabulary):
                found.append(word)
                last = min(last, number + _FURTHER_READINGS)
        found = found or [word for word in islice(readings(core), _READINGS) if vocabulary.has(word)]
        found.sort(key=lambda word: not vocabulary.listed(word))  # «niu» is «НИУ» rather than «ню»
        if found:
            return [_in_russian(rank, chunk, core, word) for rank, word in enumerate(found)]
    return []


def translit_among(chunk: str, vocabulary: Vocabulary) -> list[Option]:
    """Return what *chunk* is, too, in a query of Russian in Latin letters: «v» in «kanikuly v marte».

    The archive may have it, but has the Russian word more often; or that is one of the dictionary alone.
    """
    bare = chunk.strip(EDGE_MARKS)
    if not in_latin_letters(chunk) or (bare.isupper() and len(bare) > 1):
        return []
    here = vocabulary.has(bare)
    if not here and vocabulary.is_word(bare):
        return []  # English
    for word in islice(readings(bare), READINGS_AMONG):
        if here:
            meant = can_be_meant(word, vocabulary) and vocabulary.cost(word) < vocabulary.cost(bare)
        else:
            meant = len(word) >= SHORTEST_PART and vocabulary.is_word(word)
        if meant:
            return [_in_russian(0, chunk, bare, word)]
    return []


def _in_russian(rank: int, chunk: str, core: str, word: str) -> Option:
    return Option(float(rank), "translit", chunk.replace(core, word, 1))


# --- misspelt, or written as one ------------------------------------------------------------------


def misspelt_options(chunk: str, vocabulary: Vocabulary, *, sure: bool) -> list[Option]:
    """Return what a chunk that the archive does not know may be, if that is likelier than a word it lacks.

    With *sure* words of the dictionary stay and doubtful options are left out; without, a word of the
    dictionary («крокодил») is still not taken for a doubtful one.
    """
    typed = chunk.strip(EDGE_MARKS)
    bare = unmix(typed)
    if vocabulary.has(bare) or (sure and vocabulary.is_word(bare)):
        return []
    if len(bare) < SHORTEST_MISSPELT or (
        bare.isalpha() and bare.isupper() and len(bare) <= _LONGEST_ABBREVIATION
    ):
        meant = () if sure or vocabulary.is_word(bare) else _abbreviations(bare, vocabulary)
        return [Option(0.0, "typo", chunk.replace(typed, word, 1)) for word in meant]
    most = _cost_unknown(bare)
    if not sure:
        most += -SOUND if vocabulary.is_word(bare) else DOUBTFUL
    options = [option for option in word_options(bare, vocabulary) if option.cost <= most]
    if read := _by_looks(chunk):
        core, word = read
        found = [option._replace(kind="layout") for option in word_options(word, vocabulary)]
        if not (sure and max(surprises(fold(word)) or [0.0]) > SURPRISE_LETTER):
            found.append(Option(_cost_unknown(word), "layout", word))
        found.sort()
        if found and (not options or (found[0].cost < options[0].cost and not _is_mixed(bare))):
            typed, options = core, found
    return [option._replace(replacement=chunk.replace(typed, option.replacement, 1)) for option in options]


def _abbreviations(bare: str, vocabulary: Vocabulary) -> list[str]:
    """Return the abbreviations of the list that one nobody knows may be, or itself without a letter twice."""
    once = _REPEATED.sub(r"\1", bare)
    if len(bare) < SHORTEST_PART or not _is_spellable(bare):
        return []
    if once != bare and bare.isupper() and vocabulary.has(once):
        return [once]
    near = [guess.word for guess in vocabulary.near(bare) if guess.cost <= _cost_unknown(bare)]
    return [word for word in near if vocabulary.listed(word)]


def word_options(bare: str, vocabulary: Vocabulary) -> list[Option]:
    """Return what a word without marks may be, likeliest first, however unlikely."""
    found = []
    if _is_spellable(bare) and not has_inner_capital(bare):  # «ВсОШ» is no typo of «Все»
        found = [
            Option(guess.cost + _for_a_name(bare, guess.word), "typo", in_case_of(bare, guess.word))
            for guess in vocabulary.near(bare)
        ]
    unknown = _cost_unknown(bare)
    for further, least in ((_glued, min(PLAUSIBLE, unknown)), (_twice, unknown)):  # if need be
        if found and found[0].cost <= least:
            break
        found = sorted([*found, *further(bare, vocabulary)])
    return found


def _for_a_name(typed: str, word: str) -> float:
    if not typed[0].isupper():
        return 0.0
    return NAME_OF_NAME if word[0].isupper() and not word.isupper() else NAME


def _glued(bare: str, vocabulary: Vocabulary) -> Iterator[Option]:
    for guess in taken_apart(bare, vocabulary):
        yield Option(guess.cost, "glued", guess.word)


def _is_mixed(word: str) -> bool:
    return bool(LATIN.search(word) and CYRILLIC.search(word))


def _is_spellable(word: str) -> bool:
    return bool(SPELLABLE.fullmatch(fold(word)))


# --- two faults -----------------------------------------------------------------------------------


def _twice(bare: str, vocabulary: Vocabulary) -> Iterator[Option]:
    """Yield options for a word that is misspelt or glued, and in the other layout or in Latin letters."""
    if not LATIN.search(bare):
        if len(bare) >= _SHORTEST_MISSPELT_TWO:
            for guess in taken_apart_misspelt(bare, vocabulary):
                yield Option(guess.cost, "glued", guess.word)
        return
    if CYRILLIC.search(bare) or vocabulary.is_word(bare):
        return
    typed = [("layout", bare.translate(TO_RUSSIAN))]
    read = sorted(islice(readings(bare), _READINGS_MISSPELT), key=_surprise)
    if not any(map(vocabulary.is_word, read)):  # else the archive lacks it, but it is what was meant
        typed += [("translit", word) for word in read[:1]]
    for kind, word in typed:
        if LATIN.search(word) or not _is_spellable(word) or not looks_like_a_word(fold(word)):
            continue
        if vocabulary.is_word(word):
            break  # the archive lacks it, but it is what was meant
        for guess in [*vocabulary.near(word), *taken_apart(word, vocabulary)]:
            yield Option(guess.cost + SECOND_FAULT, kind, in_case_of(word, guess.word))


# --- what a word looks like -----------------------------------------------------------------------


def _cost_unknown(word: str) -> float:
    """Return what it costs that *word* is one nobody knows: less if it is made as words are."""
    if _is_mixed(word) and "-" not in word:
        return UNKNOWN_MIXED
    return UNKNOWN + UNKNOWN_LETTER * len(word) + UNKNOWN_SURPRISE * _surprise(word)


def _surprise(word: str) -> float:
    letters = surprises(fold(word).replace("-", ""))
    return sum(letters) if letters else SURPRISE_USUAL * len(word)


def _by_looks(chunk: str) -> tuple[str, str] | None:
    """Return what of *chunk* was typed in the other layout, and how it reads there, if its letters say so.

    It may be misspelt besides, or be a name that the archive lacks.
    """
    for word, marks in layouts(chunk.lstrip("(")):
        core = chunk.lstrip("(").removesuffix(marks)
        if _is_mixed(core):  # no word is of both alphabets
            if _mixed_is(core, word):
                return core, word
        elif _typed_otherwise(core, word):
            return core, word
    return None


def _mixed_is(core: str, word: str) -> bool:
    """Say whether *core*, of both alphabets, is *word*: Russian, if its letters are not English."""
    if word.isascii():
        return _typed_otherwise(word.translate(TO_RUSSIAN), word)
    alike = unmix(core)
    return (
        _RUSSIAN_WORD.fullmatch(word) is not None
        and (alike == core or _typed_otherwise(alike, word))
        and not _typed_otherwise(word, word.translate(TO_LATIN))
    )


def _typed_otherwise(core: str, word: str) -> bool:
    """Say whether *core* is made as no word is and *word*, the same keys in the other layout, as many are."""
    folded = fold(word)
    made = surprises(folded) if len(folded) == len(word) and _VOWEL.search(folded) else None
    if made is None or sum(made) > SURPRISE_WORD * len(word):
        return False
    letters = surprises(fold("".join(filter(str.isalpha, core))))
    if letters is None:
        return False
    marks = sum(not one.isalpha() for one in core)
    typed = sum(letters) + SURPRISE_MARK * marks
    return typed >= sum(made) + SURPRISE_OTHERWISE * len(word)
