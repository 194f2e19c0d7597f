"""How usual words are in Russian news in general, from packaged tables.

A small archive has seen too few words to know. The tables (``searchsvc/data/usual-*.npy``) are made by
``tests/bench/usual.py`` of the counts in navec's news vocabulary (the Natasha project's, MIT licence, in the
package natasha 1.6.0): 250,000 forms that stand at least 100 times in 1.2 billion words of Lenta.ru, RIA,
Fontanka and two crawls of news sites, up to 2019. Numbers are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp

import numpy as np
import numpy.typing as npt

from searchsvc.language.packaged import packaged_array
from searchsvc.store.document import term_hash

STEP = 0.08
"""Counts are kept as whole steps of their logarithm, 4 % at most from what they are."""

WORD = np.dtype([("word", "<u4"), ("level", "u1")])
"""A row of a table, in order of ``word``: the hash of a folded word, as in records."""


@dataclass(frozen=True, slots=True)
class Usual:
    """A table of words and of how often they stand in all news together."""

    words: npt.NDArray[np.uint32]
    levels: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, rows: npt.NDArray[np.void]) -> Usual:
        """Make one of rows of ``WORD``; a column looked up within them would be copied each time."""
        return cls(np.ascontiguousarray(rows["word"]), np.ascontiguousarray(rows["level"]))

    def count(self, folded: str) -> float:
        """Return how often a folded word stands there, 0 where it is not known."""
        wanted = np.uint32(term_hash(folded))
        place = int(np.searchsorted(self.words, wanted))
        there = place < len(self.words) and self.words[place] == wanted
        return exp(STEP * int(self.levels[place])) if there else 0.0


@cache
def usual_lemmas() -> Usual:
    """Return the table of lemmas; a form counts for each lemma it may be."""
    return _table("usual-lemmas.npy")


@cache
def usual_forms() -> Usual:
    """Return the table of forms as they are written, Russian letters and hyphens only."""
    return _table("usual-forms.npy")


def _table(name: str) -> Usual:
    return Usual.of(packaged_array(name))
