"""Which lemmas tell of an article: how many texts have each, and signatures made of that.

Frequencies are counted over all documents at once and kept in the store; how many they were counted over is
kept beside them. Reprints count as one document: a text would lose its words to its own copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.likeness.reprints import one_of_each
from searchsvc.store.document import PARTS, Record, term_hash
from searchsvc.store.signatures import SLOT, TERMS
from searchsvc.store.store_writer import StoreWriter

PART_FACTORS = {"title": 2.0, "lead": 1.5, "body": 1.0, "tags": 2.0, "date": 0.0}
"""What a lemma's weight is multiplied by for the best place it stands in (docs/quality.md)."""

_COMMON = 0.3  # a lemma in more than this share of texts tells nothing
_COMMON_LEAST = 50  # ... if so many have it: the words of a small archive's one topic are not common
_STOP_HASHES = np.array(sorted(term_hash(word) for word in STOP_WORDS), np.uint32)
_PART_FACTOR = np.array([PART_FACTORS[name] for name in PARTS])
_COUNTED = _PART_FACTOR > 0
_STATISTIC = "lemma documents"
_DOCUMENTS = "lemma documents of"
_FREQUENCY = np.dtype([("term", "<u4"), ("documents", "<u4")])
_BATCH = 500
_GATHERED = 4_000_000  # lemmas counted at once

Slots = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How many of *documents* have each lemma; ``rows`` holds those that more than one has.

    Of reprints one is counted. An unknown lemma counts as one document's: a list of those would tell of one
    that is destroyed.
    """

    rows: npt.NDArray[np.void]
    documents: int

    @classmethod
    def count(cls, writer: StoreWriter) -> Frequencies:
        """Count the documents that are present, of each group of reprints the first; groups are known."""
        counted = one_of_each(writer)
        there = np.zeros(writer.last_key() + 1, np.bool_)
        there[counted] = True
        known = np.empty(0, _FREQUENCY)
        gathered: list[npt.NDArray[np.uint32]] = []
        last = len(there) - 1
        for first, stop in batches(last):
            found = writer.bulk(first, stop - 1)
            owner = np.repeat(np.arange(len(found.sizes)), found.sizes)
            starts = _starts(found.lemmas, owner)
            gathered.append(found.lemmas[starts[there[first + owner[starts]]]])
            if stop > last or sum(map(len, gathered)) > _GATHERED:
                known = _added(known, np.concatenate(gathered))
                gathered.clear()
        return cls(known[known["documents"] > 1], len(counted))

    @classmethod
    def read(cls, writer: StoreWriter) -> Frequencies:
        """Return what was kept; nothing of 0 documents in a new store."""
        rows = np.frombuffer(writer.statistic(_STATISTIC), _FREQUENCY)
        return cls(rows, int(writer.statistic(_DOCUMENTS) or 0))

    def keep(self, writer: StoreWriter) -> None:
        """Keep them in the store."""
        writer.put_statistic(_STATISTIC, self.rows.tobytes())
        writer.put_statistic(_DOCUMENTS, str(self.documents).encode())

    def without(self, lemmas: npt.NDArray[np.uint32]) -> Frequencies:
        """Return them without one document that has *lemmas*."""
        rows = self.rows.copy()
        rows["documents"][np.isin(rows["term"], lemmas)] -= 1
        return Frequencies(rows[rows["documents"] > 1], self.documents)

    def signature(self, record: Record) -> Slots:
        """Return the most telling lemmas of *record* with weights: one row of dtype ``SLOT``."""
        ordered = record[np.argsort(record["lemma"], kind="stable")]
        return self.signatures(np.array([len(record)]), ordered["lemma"], ordered["part"])

    def signatures(self, sizes: Ints, lemmas: npt.NDArray[np.uint32], parts: npt.NDArray[np.uint8]) -> Slots:
        """Return signatures of documents whose rows lie end to end, those of a lemma side by side."""
        counted = _COUNTED[parts]
        lemmas, owner = lemmas[counted], np.repeat(np.arange(len(sizes)), sizes)[counted]
        starts = _starts(lemmas, owner)
        found = np.zeros(len(sizes), SLOT)
        if not len(starts):
            return found
        times = np.diff(np.append(starts, len(lemmas)))
        factors = np.maximum.reduceat(_PART_FACTOR[parts[counted]], starts)
        terms, owner = lemmas[starts], owner[starts]
        counts = self._counts(terms)
        scores = factors * (1 + np.log(times)) * np.log(1 + self.documents / counts)
        useless = np.isin(terms, _STOP_HASHES)
        useless |= (counts > _COMMON * self.documents) & (counts >= _COMMON_LEAST)
        scores[useless] = 0
        order = np.lexsort((terms, -scores, owner))
        first = np.searchsorted(owner, np.arange(len(sizes)))
        chosen = order[(np.arange(len(order)) - first[owner] < TERMS) & (scores[order] > 0)]
        terms, owner, scores = terms[chosen], owner[chosen], scores[chosen]
        place = np.arange(len(chosen)) - np.searchsorted(owner, np.arange(len(sizes)))[owner]
        norms = np.sqrt(np.bincount(owner, scores**2, len(sizes)))
        found["term"][owner, place] = terms
        found["weight"][owner, place] = scores / norms[owner]
        return found

    def _counts(self, terms: npt.NDArray[np.uint32]) -> Floats:
        """Return how many documents have each of *terms*, 1 for an unknown one."""
        counts = np.ones(len(terms))
        if len(self.rows):
            names = np.ascontiguousarray(self.rows["term"])
            place = np.minimum(np.searchsorted(names, terms), len(names) - 1)
            known = names[place] == terms
            counts[known] = self.rows["documents"][place[known]]
        return counts


def _added(known: npt.NDArray[np.void], lemmas: npt.NDArray[np.uint32]) -> npt.NDArray[np.void]:
    new, counts = np.unique(lemmas, return_counts=True)
    terms = np.union1d(known["term"], new)
    found = np.zeros(len(terms), _FREQUENCY)
    found["term"] = terms
    found["documents"][np.searchsorted(terms, known["term"])] = known["documents"]
    found["documents"][np.searchsorted(terms, new)] += counts.astype(np.uint32)
    return found


def _starts(lemmas: npt.NDArray[np.uint32], owner: Ints) -> Ints:
    """Return where another lemma or another document begins."""
    if not len(lemmas):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate([[True], (lemmas[1:] != lemmas[:-1]) | (owner[1:] != owner[:-1])]))


def batches(last: int) -> Iterator[tuple[int, int]]:
    """Yield the first key of a batch and the one after it, up to *last*."""
    for first in range(1, last + 1, _BATCH):
        yield first, min(first + _BATCH, last + 1)
