"""The second stage: orders an engine's candidates from their records, the same for every engine.

All evidence is lexical and additive, in units of idf, so that a score can be explained:
BM25 over the query's words, words met in the title and at the beginning, the best sentence, the best
window, the very form. Everything is done in one pass of numpy over the rows that match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from searchsvc.document import PART_WEIGHTS, PARTS, rows_with
from searchsvc.engine import BM25_B, BM25_K1
from searchsvc.planning import Word
from searchsvc.store import RecordBatch

LEAD_WORDS = 40
LEAD = 0.30
SENTENCE = 0.50
WINDOW_WORDS = 16
WINDOW = 0.50
FORM = 0.15
"""Weights measured on eight development sets: docs/quality.md, after a study of what a second
stage gains over BM25 (all together +.006 to +.044 nDCG@10)."""

TITLE = 0.30
"""Idf of words met in the title. The news sets have no titles; set by the sample's judged
queries, so that an article about a thing comes before one that mentions it."""

PER_YEAR = 0.02
"""What a year of freshness is worth. So small that it only parts what words cannot tell
(«День учителя» of ten years); counted from a fixed day, so that answers do not change overnight."""
_FIRST_DAY = 730_120  # 1 January 2000

_PART_WEIGHT = np.array([PART_WEIGHTS[name] for name in PARTS], np.float64)
_TITLE_PART = PARTS.index("title")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What ranking knows of the whole index: articles, average length, articles by word."""

    documents: int
    average_length: float
    word_counts: Sequence[int]


def rank(words: Sequence[Word], batch: RecordBatch, statistics: Statistics) -> Floats:
    """Return a score for each document of *batch*; higher is better.

    Words that say nothing on their own (``weak``) are left out. An article without any word has
    nothing but its freshness.
    """
    strong = [
        (word, count) for word, count in zip(words, statistics.word_counts, strict=True) if not word.weak
    ]
    size = len(batch.bounds) - 1
    if not strong or not size:
        return np.zeros(size)
    idf = _idf(np.array([count for _, count in strong], np.float64), statistics.documents)
    hits = _Hits.found([word for word, _ in strong], batch)
    scores = _bm25(hits, idf, batch, statistics.average_length)
    scores += TITLE * _present(hits, hits.part == _TITLE_PART, idf)
    scores += LEAD * _present(hits, hits.ordinal < LEAD_WORDS, idf)
    scores += SENTENCE * _best_sentence(hits, idf)
    scores += WINDOW * _best_window(hits, idf)
    scores += FORM * _present(hits, hits.same_form, idf)
    return scores + PER_YEAR * np.clip(batch.days - _FIRST_DAY, 0, None) / 365.25


def _idf(counts: Floats, documents: int) -> Floats:
    return np.asarray(np.log(1 + (documents - counts + 0.5) / (counts + 0.5)), np.float64)


@dataclass(slots=True)
class _Hits:
    """Rows of a batch where a word of the query stands, once for each (document, word, position),
    in order of document and position. ``ordinal`` counts a document's rows from its beginning."""

    documents: int
    words: int
    document: npt.NDArray[np.int64]
    word: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    sentence: npt.NDArray[np.int64]
    part: npt.NDArray[np.int64]
    ordinal: npt.NDArray[np.int64]
    same_form: npt.NDArray[np.bool_]

    @classmethod
    def found(cls, words: Sequence[Word], batch: RecordBatch) -> _Hits:
        rows, numbers = _matching_rows(words, batch)
        found = batch.rows[rows]
        document = np.searchsorted(batch.bounds, rows, side="right") - 1
        position = found["position"].astype(np.int64)
        forms = np.array([word.form for word in words], np.uint32)
        same = found["form"] == forms[numbers]
        # Two lemmas of one word at one place are one occurrence; the better form of it counts.
        order = np.lexsort((~same, numbers, position, document))
        key = (document[order], position[order], numbers[order])
        first = np.ones(len(order), np.bool_)
        if len(order):
            first[1:] = (np.diff(key[0]) != 0) | (np.diff(key[1]) != 0) | (np.diff(key[2]) != 0)
        kept = order[first]
        return cls(
            documents=len(batch.bounds) - 1,
            words=len(words),
            document=document[kept],
            word=numbers[kept],
            position=position[kept],
            sentence=found["sentence"][kept].astype(np.int64),
            part=found["part"][kept].astype(np.int64),
            ordinal=(rows - batch.bounds[document])[kept],
            same_form=same[kept],
        )


def _matching_rows(
    words: Sequence[Word], batch: RecordBatch
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return rows whose lemma belongs to a word, and that word's number, for every such pair."""
    lemmas = np.ascontiguousarray(batch.rows["lemma"])
    wanted = np.array(sorted({lemma for word in words for lemma in word.lemmas}), np.uint32)
    place = np.searchsorted(wanted, lemmas)
    place[place == len(wanted)] = 0
    candidates = np.flatnonzero(wanted[place] == lemmas)
    found = lemmas[candidates]
    rows, numbers = [], []
    for number, word in enumerate(words):
        mine = candidates[rows_with(found, word.lemmas)]
        rows.append(mine)
        numbers.append(np.full(len(mine), number, np.int64))
    return np.concatenate(rows), np.concatenate(numbers)


def _bm25(hits: _Hits, idf: Floats, batch: RecordBatch, average: float) -> Floats:
    weight = np.zeros((hits.documents, hits.words))
    np.add.at(weight, (hits.document, hits.word), _PART_WEIGHT[hits.part])
    length = batch.lengths[:, None]
    norm = BM25_K1 * (1 - BM25_B + BM25_B * length / max(average, 1.0))
    return np.asarray((idf * weight * (BM25_K1 + 1) / (weight + norm)).sum(axis=1), np.float64)


def _present(hits: _Hits, mask: npt.NDArray[np.bool_], idf: Floats) -> Floats:
    """Sum the idf of the words met in the rows of *mask*, each once a document."""
    seen = np.zeros((hits.documents, hits.words), np.bool_)
    seen[hits.document[mask], hits.word[mask]] = True
    return np.asarray(seen @ idf, np.float64)


def _best_sentence(hits: _Hits, idf: Floats) -> Floats:
    best = np.zeros(hits.documents)
    if not len(hits.document):
        return best
    place = hits.document << 20 | hits.sentence
    pairs = np.unique(place * hits.words + hits.word)
    places, sentence = np.unique(pairs // hits.words, return_inverse=True)
    sums = np.bincount(sentence, weights=idf[pairs % hits.words])
    np.maximum.at(best, places >> 20, sums)
    return best


def _best_window(hits: _Hits, idf: Floats) -> Floats:
    """Best sum of idf of distinct words within ``WINDOW_WORDS`` positions."""
    best = np.zeros(hits.documents)
    if not len(hits.document):
        return best
    starts = hits.document << 24 | hits.position
    sums = np.zeros(len(starts))
    for number in range(hits.words):
        places = starts[hits.word == number]
        if len(places):
            following = places[np.minimum(np.searchsorted(places, starts), len(places) - 1)]
            inside = (following >= starts) & (following < starts + WINDOW_WORDS)
            sums += idf[number] * inside
    np.maximum.at(best, hits.document, sums)
    return best
