"""Beginnings of words one edit from what was typed: a letter wrong, missing, too many, or two swapped."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from searchsvc.language.letters import LONGEST, SPELLABLE, Codes, bags, codes
from searchsvc.store.lexicon import Group, Lexicon, Words

MOST_WORDS = 200
"""Words one edit away that are counted, the most frequent ones."""

_ONE = np.uint64(1)

SHORTEST = 3
"""Letters of a beginning that has a first and a second half."""

Array = npt.NDArray[Any]


def near_prefixes(lexicon: Lexicon, typed: str, limit: int) -> list[str]:
    """Return up to *limit* beginnings of words one edit away from the folded letters *typed*, those of the
    most frequent words first."""
    if len(typed) < SHORTEST or not SPELLABLE.fullmatch(typed):
        return []
    found: Counter[str] = Counter()
    for words in lexicon.parts:
        _count(words, typed, lexicon, found)
    return [prefix for prefix, _ in found.most_common(limit)]


def _count(words: Words, typed: str, lexicon: Lexicon, found: Counter[str]) -> None:
    wanted = codes([typed], len(typed))[0]
    bag = bags(wanted[None])[0]
    half = len(typed) // 2
    begin_so = words.beginning(typed[:half])
    numbers: list[Array] = []
    sizes: list[Array] = []
    for length in range(len(typed) - 1, LONGEST + 1):
        group = words.group(length)
        if not len(group.numbers):
            continue
        some = _half_right(group, wanted, bag, half, begin_so)
        for length_so, rows in _near(group.letters[some], wanted):
            numbers.append(group.numbers[some[rows]])
            sizes.append(np.full(len(rows), length_so))
    if not numbers:
        return
    number, size = np.concatenate(numbers), np.concatenate(sizes)
    documents = words.documents[number]
    for row in np.argsort(documents, kind="stable")[::-1][:MOST_WORDS].tolist():
        form = words.form(int(number[row]))
        if not lexicon.is_gone(form):
            found[form[: int(size[row])]] += int(documents[row])


def _half_right(group: Group, typed: Array, bag: np.uint64, half: int, begin_so: range) -> Array:
    """Return the rows that begin as *typed* does, or have its end, moved by a letter at most.

    With one edit one of the two is right, so that few rows are looked at letter by letter.
    """
    first, stop = np.searchsorted(group.numbers, (begin_so.start, begin_so.stop))
    found = np.zeros(len(group.numbers), bool)
    found[first:stop] = True
    end = typed[half + 1 :]
    for start in (half, half + 1, half + 2):
        if start + len(end) <= group.letters.shape[1]:
            rows = np.flatnonzero(group.letters[:, start] == end[0])
            for place in range(1, len(end)):
                rows = rows[group.letters[rows, start + place] == end[place]]
            found[rows] = True
    rows = np.flatnonzero(found)
    missing = bag & ~group.bags[rows]
    lacking = (missing & (missing - _ONE)) > 0  # more than one of the letters
    return np.asarray(rows[~lacking])


def _near(letters: Codes, typed: Array) -> list[tuple[int, Array]]:
    """Return the rows whose first so many letters are one edit away from *typed*, by their number."""
    size = len(typed)
    found: list[tuple[int, Array]] = []
    if letters.shape[1] >= size:
        differs = letters[:, :size] != typed
        wrong = differs.sum(axis=1)
        rows = np.flatnonzero(wrong == 1)
        found.append((size, rows))
        pairs = np.flatnonzero(wrong == 2)
        if len(pairs):
            first = differs[pairs].argmax(axis=1)
            next_one = np.minimum(first + 1, size - 1)
            own = letters[pairs]
            at = np.arange(len(pairs))
            swapped = (
                differs[pairs, next_one]
                & (own[at, first] == typed[next_one])
                & (own[at, next_one] == typed[first])
            )
            found.append((size, pairs[swapped]))
    if letters.shape[1] >= size - 1:
        least = letters[:, : size - 1]
        found.append((size - 1, _skipping(least != typed[:-1], least != typed[1:])))
    if letters.shape[1] > size:
        found.append((size + 1, _skipping(letters[:, :size] != typed, letters[:, 1 : size + 1] != typed)))
    return found


def _skipping(differs: Array, shifted: Array) -> Array:
    """Return the rows that agree up to some letter, and *shifted* by one from there on."""
    width = shifted.shape[1]
    alike = np.where(differs.any(axis=1), differs.argmax(axis=1), differs.shape[1])
    last = np.where(shifted.any(axis=1), width - shifted[:, ::-1].argmax(axis=1), 0)
    return np.flatnonzero(last <= alike)
