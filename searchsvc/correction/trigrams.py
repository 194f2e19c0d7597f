"""How much a word nobody knows looks like a word: which letters follow which in Russian and in English.

A name or a new word («Урюпинск», «стартапер») is made as others are; what was mistyped («лицсей») or typed in
the other layout («ыефкегз») is not. The tables (``searchsvc/data/trigrams.npy``) are made by
``tests/bench/trigrams.py``.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from searchsvc.language.letters import ENGLISH, RUSSIAN
from searchsvc.language.packaged import packaged_array

NO_WORD = 4.5
"""Letters that surprise more than this on average make no word; those of words do by 2.6."""

STEP = 0.06
"""Surprises are kept as whole steps of so many nats, up to 15 nats."""


def surprises(folded: str) -> list[float] | None:
    """Return how surprising each letter of a folded word is after the two before it, and its end (in nats).

    None if it is no word of one alphabet.
    """
    for number, alphabet in enumerate((RUSSIAN, ENGLISH)):
        codes = [alphabet.find(letter) + 1 for letter in folded]
        if folded and all(codes):
            table = _tables()[number]
            padded = [0, *codes, 0]
            return [
                float(table[before, one, two]) * STEP
                for before, (one, two) in zip([0, *padded], pairwise(padded), strict=False)
            ]
    return None


def looks_like_a_word(folded: str) -> bool:
    """Say whether a folded word of one alphabet may be one, by its letters; one of other characters may."""
    letters = surprises(folded)
    return letters is None or sum(letters) <= NO_WORD * len(folded)


@cache
def _tables() -> npt.NDArray[np.uint8]:
    return packaged_array("trigrams.npy")
