"""Typos: which words of the archive a misspelt word may stand for, the likeliest first.

A noisy channel: what a word costs is how unlikely its writer was to end up with what was typed, less how
often the archive has it. Costs are in nats and come from what is known of Russian: letters that sound alike,
signs and consonants that are not heard, doubled letters, keys side by side, letters that changed places.

Two steps. Bags of letters (``language.letters``) leave a few hundred words of a hundred thousand; an edit
distance with these costs, of all of them at once in numpy, ranks those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from searchsvc.language.letters import ALPHABET, SPELLABLE, Codes, bags, codes, sound_bags
from searchsvc.store.lexicon import Entry, Lexicon, Words

MOST_LETTERS = 2
"""Letters that a word may lack of what was typed, and as many that it may have beyond that."""

MOST_SOUNDS = 2
"""Sounds in which a word may differ that differs in more letters: «канешна» has the sounds of «конечно»."""

MOST_COMPARED = 500
"""Words of the lexicon that are compared letter by letter; of more, those with the nearest bags."""

MOST_COST = 11.0
"""A word that costs more is something else."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a difference between the word meant and the word typed costs, in nats.

    Set from what is known and moved a little on the pairs in docs/quality.md ("Corrections").
    """

    alike_vowels: float = 2.2
    alike_consonants: float = 2.6
    near_vowels: float = 3.2
    keys: float = 3.8
    other_letter: float = 5.2
    twice: float = 2.4
    once: float = 2.7
    sign: float = 2.0
    unheard: float = 2.0
    extra: float = 5.2
    missing: float = 3.0
    swapped: float = 3.2
    hyphen: float = 1.5
    first: float = 1.2
    respelt: float = 1.5
    frequency: float = 0.5


COSTS = Costs()

_ALIKE_VOWELS = ("оа", "еи", "эе", "яе", "яи", "ыи", "ий", "юу")
_ALIKE_CONSONANTS = ("бп", "вф", "гк", "дт", "жш", "зс", "шщ", "щч", "чш", "гх", "кх", "цс", "ьъ", "гв")
_NEAR_VOWELS = ("ое", "ая", "уо", "ыэ", "ае", "йь")
_KEYBOARDS = (("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"), ("qwertyuiop", "asdfghjkl", "zxcvbnm"))
_SIGNS = "ьъ"

Floats = npt.NDArray[np.float32]


class Candidate(NamedTuple):
    """A word that may be meant; a likelier one costs less. ``change`` is what the difference alone costs."""

    cost: float
    change: float
    entry: Entry


def candidates(word: str, lexicon: Lexicon, *, limit: int = 10, costs: Costs = COSTS) -> list[Candidate]:
    """Return the words of *lexicon* that the folded *word* may stand for, likeliest first, without itself."""
    found: dict[str, Candidate] = {}
    for variant, spent in _variants(word, costs):
        for words in lexicon.parts:
            for candidate in _near(variant, words, limit + 1, costs, spent):
                form = candidate.entry.form
                if form == word or lexicon.is_gone(form):
                    continue
                if form not in found or candidate.cost < found[form].cost:
                    found[form] = candidate
    return sorted(found.values())[:limit]


def changes(word: str, forms: Sequence[str], *, costs: Costs = COSTS) -> list[float]:
    """Return what the difference of the folded *word* from each of *forms* costs; all are spellable."""
    if not forms:
        return []
    lengths = np.array([len(form) for form in forms])
    letters = codes([form.ljust(int(lengths.max()), "\0") for form in forms], int(lengths.max()))
    return [float(cost) for cost in _distances(codes([word], len(word))[0], letters, lengths, costs)]


# --- another way to write the same ----------------------------------------------------------------

_RESPELT = (
    (re.compile(r"[тд]?ь?ц+[аоя]$"), ("тся", "ться")),
    (re.compile(r"([ое])в[оа]$"), (r"\1го",)),
    (re.compile(r"щ+"), ("сч",)),
    (re.compile(r"шн"), ("чн",)),
    (re.compile(r"йо"), ("е",)),
)
"""How words are written that are written as they are heard, where more than a letter changes."""

_DRAWN_OUT = re.compile(r"(\w)\1{2,}")


def _variants(word: str, costs: Costs) -> Iterator[tuple[str, float]]:
    """Yield what is looked for, and what is spent already: the word itself, drawn-out letters once, and
    as it would be respelt."""
    yield word, 0.0
    plain = _DRAWN_OUT.sub(r"\1", word)
    if plain != word:
        yield plain, costs.once
    for pattern, spellings in _RESPELT:
        for spelling in spellings:
            respelt = pattern.sub(spelling, plain)
            if respelt != plain:
                yield respelt, costs.respelt


# --- the words with nearly the same letters -------------------------------------------------------


def _near(word: str, words: Words, limit: int, costs: Costs, spent: float) -> list[Candidate]:
    if not SPELLABLE.fullmatch(word):
        return []
    typed = codes([word], len(word))
    numbers, letters, lengths = _gathered(typed, words)
    if not len(numbers):
        return []
    change = _distances(typed[0], letters, lengths, costs) + np.float32(spent)
    score = change - costs.frequency * np.log1p(words.documents[numbers].astype(np.float32))
    likely = np.flatnonzero(change <= MOST_COST)
    best = likely[np.argsort(score[likely], kind="stable")[:limit]]
    return [
        Candidate(float(score[at]), float(change[at]), words.entry(int(numbers[at]))) for at in best.tolist()
    ]


def _gathered(typed: Codes, words: Words) -> tuple[npt.NDArray[np.uint32], Codes, npt.NDArray[np.int64]]:
    """Return the numbers of the words that may be meant, their letters (0 beyond the end) and lengths."""
    letters, sounds = bags(typed)[0], sound_bags(typed)[0]
    size = typed.shape[1]
    numbers, rows, unlike = [], [], []
    for length in range(size - MOST_LETTERS - 1, size + MOST_LETTERS + 2):
        group = words.group(length)
        if not len(group.numbers):
            continue
        differ = group.bags ^ letters
        close = (np.bitwise_count(differ & group.bags) <= MOST_LETTERS) & (
            np.bitwise_count(differ & letters) <= MOST_LETTERS
        )
        close |= np.bitwise_count(group.sounds ^ sounds) <= MOST_SOUNDS
        at = np.flatnonzero(close)
        numbers.append(group.numbers[at])
        rows.append(group.letters[at])
        unlike.append(np.bitwise_count(differ[at]))
    if not numbers:
        return np.empty(0, np.uint32), np.empty((0, 0), np.uint8), np.empty(0, np.int64)
    lengths = np.repeat([matrix.shape[1] for matrix in rows], [len(matrix) for matrix in rows])
    together = np.zeros((len(lengths), max(matrix.shape[1] for matrix in rows)), np.uint8)
    first = 0
    for matrix in rows:
        together[first : first + len(matrix), : matrix.shape[1]] = matrix
        first += len(matrix)
    if len(lengths) <= MOST_COMPARED:
        return np.concatenate(numbers), together, lengths
    kept = np.argpartition(np.concatenate(unlike), MOST_COMPARED)[:MOST_COMPARED]
    return np.concatenate(numbers)[kept], together[kept], lengths[kept]


# --- the distance ---------------------------------------------------------------------------------


def _distances(typed: Codes, words: Codes, lengths: npt.NDArray[np.int64], costs: Costs) -> Floats:
    """Return what each of *words* costs that came out as *typed*.

    Damerau's distance with transpositions of neighbours, a row of the table for all words at a time. What a
    missing letter costs depends only on where it is missing, so that within a row a running minimum does.
    """
    tables = _tables(costs)
    missing = _missing(words, tables, costs)
    spent = np.zeros((len(words), words.shape[1] + 1), np.float32)
    np.cumsum(missing, axis=1, out=spent[:, 1:])
    before, row = spent, spent
    for place, letter in enumerate(typed.tolist()):
        former = int(typed[place - 1]) if place else 0
        extra = float(costs.once if letter == former else tables.extra[letter]) + (
            0.0 if place else costs.first
        )
        change = tables.instead[letter][words]
        if not place:
            change = change * np.float32(costs.first)
        new = row + np.float32(extra)
        np.minimum(new[:, 1:], row[:, :-1] + change, out=new[:, 1:])
        if place and letter != former:
            swapped = (words[:, 1:] == former) & (words[:, :-1] == letter)
            where = np.nonzero(swapped)
            if len(where[0]):
                at = (where[0], where[1] + 2)
                new[at] = np.minimum(new[at], before[where] + np.float32(costs.swapped))
        new -= spent
        np.minimum.accumulate(new, axis=1, out=new)
        new += spent
        before, row = row, new
    return np.asarray(row[np.arange(len(words)), lengths], np.float32)


@dataclass(frozen=True, slots=True)
class _Tables:
    """Costs by letter: typed ``instead`` of another, ``extra``, ``missing``."""

    instead: Floats
    extra: Floats
    missing: Floats


@cache
def _tables(costs: Costs) -> _Tables:
    size = len(ALPHABET)
    instead = np.full((size, size), costs.other_letter, np.float32)
    pairs: list[tuple[Sequence[str], float]] = [
        (list(_neighbours()), costs.keys),
        (_NEAR_VOWELS, costs.near_vowels),
        (_ALIKE_CONSONANTS, costs.alike_consonants),
        (_ALIKE_VOWELS, costs.alike_vowels),
    ]
    for alike, cost in pairs:
        for pair in alike:
            one, two = (ALPHABET.index(letter) for letter in pair)
            instead[one, two] = instead[two, one] = min(instead[one, two], cost)
    np.fill_diagonal(instead, 0)
    extra = np.full(size, costs.extra, np.float32)
    missing = np.full(size, costs.missing, np.float32)
    for letters, cost in ((_SIGNS, costs.sign), ("-'", costs.hyphen)):
        for letter in letters:
            extra[ALPHABET.index(letter)] = missing[ALPHABET.index(letter)] = cost
    return _Tables(instead, extra, missing)


def _neighbours() -> Iterator[str]:
    """Yield the pairs of keys that lie side by side, in a row or one above the other."""
    for rows in _KEYBOARDS:
        for row in rows:
            yield from map("".join, pairwise(row))
        for upper, lower in pairwise(rows):
            yield from map("".join, zip(upper, lower, strict=False))
            yield from map("".join, zip(upper[1:], lower, strict=False))


_HISSING, _STOPS, _NASALS = (
    np.isin(np.arange(len(ALPHABET)), [ALPHABET.index(one) for one in letters])
    for letters in ("зс", "дт", "нлц")
)
_V, _S, _T = (ALPHABET.index(one) for one in "вст")


def _missing(words: Codes, tables: _Tables, costs: Costs) -> Floats:
    """Return what each letter of *words* costs where it is missing."""
    found = tables.missing[words]
    width = words.shape[1]
    if width > 1:
        found[:, 1:][words[:, 1:] == words[:, :-1]] = costs.twice
    if width > 2:  # «грусный», «чуствовать»
        unheard = _HISSING[words[:, :-2]] & _STOPS[words[:, 1:-1]] & _NASALS[words[:, 2:]]
        found[:, 1:-1][unheard] = costs.unheard
        unheard = (words[:, :-2] == _V) & (words[:, 1:-1] == _S) & (words[:, 2:] == _T)
        found[:, :-2][unheard] = costs.unheard
    found[:, 0] += costs.first
    return found
