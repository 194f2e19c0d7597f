"""How usual words are in Russian news in general, from packaged tables.

A small archive has seen too few words to know. The tables (``searchsvc/data/usual-*.npy``) are made by
``tests/bench/usual.py`` of the counts in navec's news vocabulary (the Natasha project's, MIT licence, in the
package natasha 1.6.0): 250,000 forms that stand at least 100 times in 1.2 billion words of Lenta.ru, RIA,
Fontanka and two crawls of news sites, up to 2019. Numbers are not in it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from searchsvc.document import term_hash

WORDS_IN_ALL = 1_197_895_574
"""Words of the news that were counted."""

STEP = 0.08
"""Counts are kept as whole steps of their logarithm, 4 % at most from what they are."""

WORD = np.dtype([("word", "<u4"), ("level", "u1")])
"""A row of a table, in order of ``word``: the hash of a folded word, as in records."""


@dataclass(frozen=True, slots=True)
class Usual:
    """A table of words and of how often they stand in all news together."""

    rows: npt.NDArray[np.void]

    def counts(self, hashes: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return how often each of the words with these *hashes* stands there, 0 where it is not known."""
        wanted = np.asarray(hashes, np.uint32)
        place = np.minimum(np.searchsorted(self.rows["word"], wanted), len(self.rows) - 1)
        found = self.rows[place]
        return np.where(found["word"] == wanted, np.exp(STEP * found["level"]), 0.0)

    def count(self, folded: str) -> float:
        """Return how often one folded word stands there, 0 where it is not known."""
        return float(self.counts([term_hash(folded)])[0])


@cache
def usual_lemmas() -> Usual:
    """Return the table of lemmas; a form counts for each lemma it may be."""
    return _table("usual-lemmas.npy")


@cache
def usual_forms() -> Usual:
    """Return the table of forms as they are written, Russian letters and hyphens only."""
    return _table("usual-forms.npy")


def _table(name: str) -> Usual:
    data = (files("searchsvc") / "data" / name).read_bytes()
    return Usual(np.load(io.BytesIO(data), allow_pickle=False))
