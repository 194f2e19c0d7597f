"""Quadruples of neighbouring words, by which two texts are found to be one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from searchsvc.store.document import PARTS, Record

QUADRUPLE = 4
BODY = PARTS.index("body")
_MIXER = np.uint64(0x9E3779B97F4A7C15)

Shingles = npt.NDArray[np.uint64]
Lemmas = npt.NDArray[np.uint32]


def words_of(rows: Record) -> tuple[npt.NDArray[np.int64], Lemmas]:
    """Return where words begin in *rows*, in order of position, and of each word always the same lemma."""
    position = rows["position"]
    starts = np.flatnonzero(np.concatenate([[True], position[1:] != position[:-1]])[: len(rows)])
    lemmas = np.minimum.reduceat(rows["lemma"], starts) if len(rows) else np.empty(0, np.uint32)
    return starts, np.asarray(lemmas)


def shingles(lemmas: Lemmas) -> Shingles:
    """Return a number for each quadruple of neighbouring words."""
    number = len(lemmas) - QUADRUPLE + 1
    mixed = np.zeros(max(number, 0), np.uint64)
    for offset in range(QUADRUPLE if number > 0 else 0):
        mixed = mixed * _MIXER + lemmas[offset : offset + number]
    return mixed
