"""Letters as numbers: the alphabet of words that can be misspelt, and what is alike in it.

Codes fit a byte, 0 is no letter. A *bag* says in 64 bits which letters a word has, a *sound bag* which
sounds: letters that Russian confuses count as one there, and signs that are not heard do not count. Two words
that differ little have bags that differ little, which a computer sees of a hundred thousand words in no time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

RUSSIAN = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
"""Folded words have no ё."""

ENGLISH = "abcdefghijklmnopqrstuvwxyz"

ALPHABET = f"\0{RUSSIAN}{ENGLISH}'-"

LONGEST = 40
"""Letters of a word that can be misspelt; a longer one was made by a program."""

SPELLABLE = re.compile(rf"[{ALPHABET[1:]}]{{2,{LONGEST}}}")

SOUNDS = ("ао", "еиэяый", "ую", "бп", "вф", "гкх", "дт", "жшщ", "зс", "ц", "ч", "л", "м", "н", "р")
"""Letters that are confused in writing because they are (nearly) the same in speech."""

_SILENT = "ъь-'"

Codes = npt.NDArray[np.uint8]
Bags = npt.NDArray[np.uint64]

_CODE = np.zeros(0x500, np.uint8)
for _number, _letter in enumerate(ALPHABET):
    _CODE[ord(_letter)] = _number

_RUSSIAN_LETTERS = len(RUSSIAN)
_BAG_SLOT = np.array([0, *range(_RUSSIAN_LETTERS), *range(26), RUSSIAN.index("ь"), RUSSIAN.index("ъ")])
_SOUND_SLOT = np.array(
    [-1]
    + [next((number for number, alike in enumerate(SOUNDS) if one in alike), -1) for one in RUSSIAN]
    + [number % len(SOUNDS) for number in range(26)]
    + [-1, -1]
)


def codes(words: Sequence[str], length: int) -> Codes:
    """Return the letters of spellable *words*, all of *length* letters, as a row a word."""
    points = np.frombuffer("".join(words).encode("utf-32-le"), "<u4")
    return np.asarray(_CODE[points].reshape(len(words), length), np.uint8)


def bags(letters: Codes) -> Bags:
    """Return the bag of each row: up to two of each letter, in unary."""
    return _thermometer(_BAG_SLOT[letters], 2)


def sound_bags(letters: Codes) -> Bags:
    """Return the sound bag of each row: up to four of each sound, in unary."""
    return _thermometer(_SOUND_SLOT[letters], 4)


def _thermometer(slots: npt.NDArray[np.int64], width: int) -> Bags:
    if len(slots) == 1:  # a word typed: twenty times as quick
        return np.array([_unary(slots[0].tolist(), width)], np.uint64)
    found = np.zeros(len(slots), np.uint64)
    if not len(slots):
        return found  # most lengths of a small lexicon: forty times nothing is 10 ms
    one = np.uint64(1)
    for column in slots.T:
        bit = np.where(column < 0, np.uint64(0), one << (np.maximum(column, 0) * width).astype(np.uint64))
        for _ in range(width - 1):
            bit = np.where(found & bit, bit << one, bit)
        found |= bit
    return found


def _unary(slots: Sequence[int], width: int) -> int:
    found = 0
    for slot in slots:
        bit = 1 << slot * width if slot >= 0 else 0
        for _ in range(width - 1):
            bit <<= bool(found & bit)
        found |= bit
    return found
