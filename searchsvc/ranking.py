"""The second stage: orders an engine's candidates from their records, the same for every engine.

All evidence is lexical and additive, in units of idf, so that a score can be explained:
BM25 over the query's words, words met in the title and at the beginning, the best sentence, the best
window, the very form, names, kin of missing words, stop words. Everything is done in one pass of numpy
over the rows that match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from searchsvc.engine import BM25_B, BM25_K1
from searchsvc.query.planning import Word
from searchsvc.store.document import PART_WEIGHTS, PARTS, code, kin_with, rows_with
from searchsvc.store.records import Occurrences

LEAD = 0.30
SENTENCE = 0.50
WINDOW_WORDS = 16
WINDOW = 0.50
FORM = 0.15
"""Weights measured on eight development sets: docs/quality.md, after a study of what a second
stage gains over BM25 (all together +.006 to +.044 nDCG@10)."""

SHORT_TEXT = 30
"""Words that BM25 thinks every text longer by. Of two single sentences the longer one is hardly the more
verbose one; among whole articles it changes nothing (docs/quality.md)."""

NEAR_KIN = 0.80
DISTANT_KIN = 0.50
"""Idf of words that are missing while kin of theirs stand there, the same in five letters («школьный» for
«школьник») or in four («школа»): weak evidence, for the order alone (docs/quality.md)."""

NAME = 0.20
"""Idf of words that the query writes with a capital letter: who and where say more of what a text is about
than what was done (docs/quality.md)."""

STOP_WORD = 0.50
"""Idf of stop words that are there, in any form: next to nothing among articles, a hint among sentences
(docs/quality.md)."""

TITLE = 0.30
"""Idf of words met in the title. The news sets have no titles; set by the sample's judged
queries, so that an article about a thing comes before one that mentions it."""

MEANING = 1.0
"""Of a document whose nearest sentence means just what the query means, the query's whole idf. Counted in
generations with vectors only; chosen over all other evidence by leaving out a group of sets each time
(docs/quality.md)."""

PER_YEAR = 0.02
"""What a year of freshness is worth. So small that it only parts what words cannot tell
(«День учителя» of ten years); counted from a fixed day, so that answers do not change overnight."""
_FIRST_DAY = 730_120  # 1 January 2000

_PART_WEIGHT = np.array([PART_WEIGHTS[name] for name in PARTS], np.float64)
_TITLE_PART = PARTS.index("title")

_POSITION_BITS = 24  # more than document.MAX_POSITION, after which the date comes
_SENTENCE_BITS = 16
_WORD_BITS = 6  # engine.MAX_UNITS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What ranking knows of the whole index: articles, average length, articles by word."""

    documents: int
    average_length: float
    word_counts: Sequence[int]


PARTS_OF_SCORE = (
    "words", "title", "beginning", "sentence", "window", "form", "name", "kin", "stop", "date", "meaning"
)  # fmt: skip
"""What a score is the sum of, in the order of the columns of ``evidence``."""


def rank(
    words: Sequence[Word], found: Occurrences, statistics: Statistics, *, nearness: Floats | None = None
) -> Floats:
    """Return a score for each document of *found*; higher is better.

    *found* holds the rows of ``families_of(words)``, and one a document of ``stop_words_of(words)``. An
    article without any word has nothing but its freshness. *nearness* is each document's
    in meaning (``Vectors.nearness``), where it is known.
    """
    return np.asarray(evidence(words, found, statistics, nearness=nearness).sum(axis=0), np.float64)


def evidence(
    words: Sequence[Word], found: Occurrences, statistics: Statistics, *, nearness: Floats | None = None
) -> Floats:
    """Return what each of ``PARTS_OF_SCORE`` gives each document of *found*, weighted: a row a part."""
    strong = [
        (word, count) for word, count in zip(words, statistics.word_counts, strict=True) if not word.weak
    ]
    size = len(found.days)
    if not strong or not size:
        return np.zeros((len(PARTS_OF_SCORE), size))
    weak = [(word, count) for word, count in zip(words, statistics.word_counts, strict=True) if word.weak]
    idf = _idf([count for _, count in strong], statistics.documents)
    hits = _Hits.found([word for word, _ in strong], found)
    names = np.array([word.name for word, _ in strong])
    return np.stack(
        [
            _bm25(hits, idf, found.lengths, statistics.average_length),
            TITLE * _present(hits, hits.part == _TITLE_PART, idf),
            LEAD * _present(hits, hits.early, idf),
            SENTENCE * _best_sentence(hits, idf),
            WINDOW * _best_window(hits, idf),
            FORM * _present(hits, hits.same_form, idf),
            NAME * _present(hits, names[hits.word], idf),
            _only_kin([word for word, _ in strong], found, hits, idf),
            STOP_WORD
            * _anywhere(
                [word for word, _ in weak], found, _idf([count for _, count in weak], statistics.documents)
            ),
            PER_YEAR * np.clip(found.days - _FIRST_DAY, 0, None) / 365.25,
            np.zeros(size) if nearness is None else MEANING * idf.sum() * nearness,
        ]
    )


def families_of(words: Sequence[Word]) -> set[int]:
    """Return the families of lemmas that ``rank`` looks for."""
    return {family for word in words if not word.weak for family in word.families | word.also_families}


def stop_words_of(words: Sequence[Word]) -> set[int]:
    """Return the codes of the lemmas of which ``rank`` only looks whether they are there."""
    return {
        code(family, lemma)
        for word in words
        if word.weak
        for family in word.families
        for lemma in word.lemmas
    }


def _idf(counts: Sequence[int], documents: int) -> Floats:
    known = np.array(counts, np.float64)
    return np.asarray(np.log(1 + (documents - known + 0.5) / (known + 0.5)), np.float64)


@dataclass(slots=True)
class _Hits:
    """Where words of the query stand, once for each (document, position, word), in that order.
    ``early`` says whether that is in the document's beginning."""

    documents: int
    words: int
    document: Ints
    word: Ints
    position: Ints
    sentence: Ints
    part: Ints
    early: npt.NDArray[np.bool_]
    same_form: npt.NDArray[np.bool_]

    @classmethod
    def found(cls, words: Sequence[Word], found: Occurrences) -> _Hits:
        at = [
            np.concatenate(
                [
                    np.flatnonzero(rows_with(found.lemma, word.lemmas)),
                    *(found.runs(run)[:, 0] for run in word.also),  # a synonym stands where it begins
                ]
            )
            for word in words
        ]
        places = np.concatenate(at)
        number = np.repeat(np.arange(len(words)), [len(mine) for mine in at])
        rows = found.rows[places]
        document = found.document[places]
        position = rows["position"].astype(np.int64)
        forms = np.array([word.form for word in words], np.uint32)
        same = rows["form"] == forms[number]
        # Two lemmas of one word at one place are one occurrence; the better form of it counts.
        key = ((document << _POSITION_BITS | position) << _WORD_BITS | number) << 1 | ~same
        order = np.argsort(key)
        key = key[order] >> 1
        kept = order[np.concatenate([[True], key[1:] != key[:-1]])] if len(key) else order
        rows, document, position = rows[kept], document[kept], position[kept]
        return cls(
            documents=len(found.days),
            words=len(words),
            document=document,
            word=number[kept],
            position=position,
            sentence=rows["sentence"].astype(np.int64),
            part=rows["part"].astype(np.int64),
            early=position <= found.beginnings[document],
            same_form=same[kept],
        )


def _bm25(hits: _Hits, idf: Floats, lengths: Ints, average: float) -> Floats:
    weight = np.bincount(
        hits.document * hits.words + hits.word, _PART_WEIGHT[hits.part], hits.documents * hits.words
    ).reshape(hits.documents, hits.words)
    relative = (lengths[:, None] + SHORT_TEXT) / (average + SHORT_TEXT)
    norm = BM25_K1 * (1 - BM25_B + BM25_B * relative)
    return np.asarray((weight * (BM25_K1 + 1) / (weight + norm)) @ idf, np.float64)


def _present(hits: _Hits, mask: npt.NDArray[np.bool_], idf: Floats) -> Floats:
    """Sum the idf of the words met in the rows of *mask*, each once a document."""
    seen = np.zeros((hits.documents, hits.words), np.bool_)
    seen[hits.document[mask], hits.word[mask]] = True
    return np.asarray(seen @ idf, np.float64)


def _anywhere(words: Sequence[Word], found: Occurrences, idf: Floats) -> Floats:
    """Sum the idf of the words that are there at all."""
    there = np.zeros((len(found.days), len(words)), np.bool_)
    for number, word in enumerate(words):
        there[found.document[rows_with(found.lemma, word.lemmas)], number] = True
    return np.asarray(there @ idf, np.float64)


def _only_kin(words: Sequence[Word], found: Occurrences, hits: _Hits, idf: Floats) -> Floats:
    """Sum the idf of the words that are not there while kin of theirs are, by how near they are."""
    kin = np.zeros((hits.documents, hits.words))
    for number, word in enumerate(words):
        kin[found.document[kin_with(found.family, word.families)], number] = DISTANT_KIN
        kin[found.document[rows_with(found.family, word.families)], number] = NEAR_KIN
    kin[hits.document, hits.word] = 0.0
    return np.asarray(kin @ idf, np.float64)


def _best_sentence(hits: _Hits, idf: Floats) -> Floats:
    """Best sum of idf of distinct words within a sentence."""
    place = (hits.document << _SENTENCE_BITS | hits.sentence) << _WORD_BITS | hits.word
    pairs = np.unique(place)
    sentences = pairs >> _WORD_BITS
    starts = _starts(sentences)
    if not len(starts):
        return np.zeros(hits.documents)
    sums = np.add.reduceat(idf[pairs & (1 << _WORD_BITS) - 1], starts)
    return _best(hits.documents, sentences[starts] >> _SENTENCE_BITS, sums)


def _best_window(hits: _Hits, idf: Floats) -> Floats:
    """Best sum of idf of distinct words within ``WINDOW_WORDS`` positions."""
    starts = hits.document << _POSITION_BITS | hits.position
    sums = np.zeros(len(starts))
    for number in range(hits.words):
        places = starts[hits.word == number]
        if len(places):
            following = places[np.minimum(np.searchsorted(places, starts), len(places) - 1)]
            inside = (following >= starts) & (following < starts + WINDOW_WORDS)
            sums += idf[number] * inside
    return _best(hits.documents, hits.document, sums)


def _best(documents: int, document: Ints, values: Floats) -> Floats:
    """Return the greatest of each document's *values*, 0 where it has none; *document* rises."""
    best = np.zeros(documents)
    starts = _starts(document)
    if len(starts):
        best[document[starts]] = np.maximum.reduceat(values, starts)
    return best


def _starts(rising: Ints) -> Ints:
    """Return where a new value begins in a rising array."""
    return np.flatnonzero(np.concatenate([[True], rising[1:] != rising[:-1]])) if len(rising) else rising
