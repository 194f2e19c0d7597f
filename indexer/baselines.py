"""Plain rankings that ours is held against: words as written, Snowball stems, the first lemma.

They are what one gets from libraries in an afternoon: one field, no second stage, no repair. Words
are folded (case, ё) as ours are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from searchsvc.evaluation import library, read_rows
from searchsvc.language.analysis import Analyzer
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.text import clean

Reading = Callable[[str], str]
"""What stands for a folded word; "" if nothing does."""

K1, B = 1.2, 0.75
"""Lucene's defaults; k1 1.5, that of the library, changes nDCG@10 of known-item news by less than .002."""

_WORD = re.compile(r"\w+")
_RUSSIAN = re.compile(r"[а-я]+")


def words(text: str) -> list[str]:
    """Return the words of *text* in order, in lower case, ё as е."""
    return _WORD.findall(clean(text).lower().replace("ё", "е"))


def readings(analyzer: Analyzer) -> dict[str, Reading]:
    """Return the ways of reading a word by the names that evaluation tells them by.

    Raises:
        EvaluationError: the extra ``evaluate`` is not installed.
    """
    stemmer = library("snowballstemmer").stemmer("russian")

    def lemma(word: str) -> str:
        if word in STOP_WORDS:
            return ""
        return analyzer.lemmas(word)[0] if _RUSSIAN.fullmatch(word) else word

    return {"words": str, "snowball": cache(stemmer.stemWord), "lemma": cache(lemma)}


def read_documents(corpus: Path) -> tuple[list[str], list[list[str]]]:
    """Return the ids of the documents of a file of JSON Lines, and the words of title and text of each.

    Raises:
        EvaluationError: it is missing or not of the layout.
    """
    rows = ((str(row["_id"]), row.get("title") or "", row.get("text", "")) for row in read_rows(corpus))
    found = [(name, words(f"{title}\n{text}")) for name, title, text in rows]
    return [name for name, _ in found], [document for _, document in found]


def read(text_words: Iterable[str], reading: Reading) -> list[str]:
    """Return what stands for each of the words."""
    return [token for word in text_words if (token := reading(word))]


class PlainBM25:
    """BM25 (Lucene's variant) of a library over documents of one field; equal scores in the order given."""

    def __init__(self, documents: Sequence[Sequence[str]], reading: Reading) -> None:
        """Index *documents*, each the words of its title and text.

        Raises:
            EvaluationError: the extra ``evaluate`` is not installed.
        """
        self._reading = reading
        # Double precision and the plain backend: figures must not hang on what else is installed.
        self._index = library("bm25s").BM25(k1=K1, b=B, method="lucene", dtype="float64", backend="numpy")
        tokens = [read(document, reading) for document in documents]
        self._empty = not any(tokens)
        if not self._empty:
            self._index.index(tokens, show_progress=False)

    def search(self, text: str, depth: int) -> list[int]:
        """Return the places of the best *depth* documents that have a word of *text*, best first."""
        tokens = read(words(text), self._reading)
        if self._empty or not tokens:
            return []
        scores = self._index.get_scores(tokens)
        best = np.argsort(-scores, kind="stable")[:depth]
        return [int(place) for place in best if scores[place] > 0]


class PlainCosine:
    """Cosine of tf-idf vectors (1 + ln tf, ln N/df) of a library over documents of one field."""

    def __init__(self, documents: Sequence[Sequence[str]], reading: Reading) -> None:
        """Index *documents*, each the words of its title and text.

        Raises:
            EvaluationError: the extra ``evaluate`` is not installed.
        """
        vectors = library("sklearn.feature_extraction.text").TfidfVectorizer(
            analyzer=lambda document: read(document, reading), sublinear_tf=True, smooth_idf=False
        )
        vectors.fit(documents)
        vectors.idf_ -= 1  # the library adds it, so that words of all documents count too
        self._vectors = vectors.transform(documents)

    def scores(self, place: int) -> npt.NDArray[np.float64]:
        """Return the cosine of each document with the one at *place*."""
        found: npt.NDArray[np.float64] = (self._vectors @ self._vectors[place].T).toarray().ravel()
        return found
