"""Neighbours of an article: found at indexing time, from the generation's own signatures.

A signature is an article's most telling lemmas with tf-idf weights, a unit vector. Neighbours
are the nearest by cosine, with a mild preference for near dates; a copy of the article (the same text
on another site, with another lead) is no neighbour. No engine takes part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from searchsvc.document import PART_WEIGHTS, PARTS, Record, term_hash
from searchsvc.stopwords import STOP_WORDS
from searchsvc.store_writer import StoreWriter

NEIGHBOURS = 20
SIGNATURE_TERMS = 40
SIGNATURE = np.dtype([("term", "<u4"), ("weight", "<f4")])

NEAR_DATE = 0.10
NEAR_DAYS = 365.0
"""An article of the same day scores up to a tenth more than one of years ago."""

COPY_SUSPECT = 0.5
"""Cosine from which two articles are compared word by word."""

COPY_SHARE = 0.6
"""Share of the shorter text's word quadruples found in the other, from which it is a copy."""

SEEN = 8
"""Neighbours a reader is likely to be shown: among them no two tell the same."""

COPY_COSINE = 0.6
"""Cosine from which one of two neighbours is left out, since it tells the same to whoever reads on.
In the sample the five pairs of reprints have .71 to .79, all other pairs .30 at most."""

_COMMON = 0.3  # a lemma in more than this share of articles tells nothing
_SHINGLE = 4
_MIN_SHARED = 0.05  # a cosine below this is chance
_STOP_HASHES = np.array(sorted(term_hash(word) for word in STOP_WORDS), np.uint32)
_TITLE_WEIGHT = np.array([PART_WEIGHTS[name] for name in PARTS])
_COUNTED = np.array([name not in {"date"} for name in PARTS])
_STATISTIC = "lemma documents"
_FREQUENCY = np.dtype([("term", "<u4"), ("documents", "<u4")])

Signature = npt.NDArray[np.void]
Neighbours = list[tuple[str, float]]


def rebuild_neighbours(writer: StoreWriter, *, progress: Callable[[int], None] | None = None) -> None:
    """Compute signatures and neighbours of everything in the store; ``progress`` is told of each article."""
    counts: Counter[int] = Counter()
    documents = 0
    for _, _, record in writer.current():
        counts.update(np.unique(record["lemma"]).tolist())
        documents += 1
    frequencies = np.array(sorted(counts.items()), _FREQUENCY) if counts else np.empty(0, _FREQUENCY)
    writer.put_statistic(_STATISTIC, frequencies.tobytes())
    writer.put_signatures(
        [
            (article, day, signature(record, frequencies, documents).tobytes())
            for article, day, record in writer.current()
        ]
    )
    index = _Index(writer.signatures())

    def lists() -> Iterator[tuple[str, Neighbours]]:
        for number, article in enumerate(index.articles):
            yield article, _without_copies(writer, index, article, index.nearest(number))
            if progress:
                progress(1)

    writer.put_neighbours(lists())


def update_neighbours(writer: StoreWriter, changed: Mapping[str, tuple[int, Record]]) -> None:
    """Give changed articles (id -> day, record) their neighbours and put them into the lists of these.

    Document frequencies stay those of the last rebuild; a lemma new since then counts as rare.
    """
    if not changed:
        return
    frequencies = np.frombuffer(writer.statistic(_STATISTIC), _FREQUENCY)
    documents = len({article for article, _, _ in writer.signatures()} | changed.keys())
    writer.put_signatures(
        [
            (article, day, signature(record, frequencies, documents).tobytes())
            for article, (day, record) in changed.items()
        ]
    )
    index = _Index(writer.signatures())
    fresh = {
        article: _without_copies(writer, index, article, index.nearest(index.number[article]))
        for article in changed
    }
    writer.put_neighbours(fresh.items())
    for article, found in fresh.items():
        for name, score in found:
            if name not in changed:
                kept = [(other, value) for other, value in writer.neighbours(name) if other != article]
                kept.append((article, score))
                kept.sort(key=lambda pair: (-pair[1], pair[0]))
                writer.put_neighbours([(name, kept[:NEIGHBOURS])])


def signature(record: Record, frequencies: npt.NDArray[np.void], documents: int) -> Signature:
    """Return the most telling lemmas of *record* with weights, in order of term."""
    rows = record[_COUNTED[record["part"]]]
    terms, inverse = np.unique(rows["lemma"], return_inverse=True)
    if not len(terms):
        return np.empty(0, SIGNATURE)
    weights = np.bincount(inverse, weights=_TITLE_WEIGHT[rows["part"]])
    place = np.searchsorted(frequencies["term"], terms)
    place[place >= len(frequencies)] = 0
    counts = np.ones(len(terms))
    if len(frequencies):
        known = frequencies["term"][place] == terms
        counts[known] = frequencies["documents"][place[known]]
    scores = (1 + np.log(weights)) * np.log(1 + documents / counts)
    useless = np.isin(terms, _STOP_HASHES)
    if documents >= NEIGHBOURS:
        useless |= counts > _COMMON * documents
    scores[useless] = 0
    chosen = np.sort(np.argsort(-scores, kind="stable")[:SIGNATURE_TERMS])
    chosen = chosen[scores[chosen] > 0]
    found = np.empty(len(chosen), SIGNATURE)
    found["term"] = terms[chosen]
    norm = float(np.sqrt((scores[chosen] ** 2).sum())) or 1.0
    found["weight"] = scores[chosen] / norm
    return found


def is_copy(left: Record, right: Record) -> bool:
    """Say whether two articles are one text, up to another title, lead or some cut sentences."""
    ours, theirs = _shingles(left), _shingles(right)
    shorter = min(len(ours), len(theirs))
    if not shorter:
        return False
    return len(np.intersect1d(ours, theirs, assume_unique=True)) >= COPY_SHARE * shorter


def _shingles(record: Record) -> npt.NDArray[np.uint64]:
    body = record[record["part"] == PARTS.index("body")]
    _, first = np.unique(body["position"], return_index=True)
    lemmas = body["lemma"][first].astype(np.uint64)
    if len(lemmas) < _SHINGLE:
        return np.empty(0, np.uint64)
    mixed = np.zeros(len(lemmas) - _SHINGLE + 1, np.uint64)
    for offset in range(_SHINGLE):
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + lemmas[offset : len(lemmas) - _SHINGLE + 1 + offset]
    return np.unique(mixed)


def _without_copies(
    writer: StoreWriter, index: _Index, article: str, found: Sequence[tuple[str, float, float]]
) -> Neighbours:
    own: Record | None = None
    kept: Neighbours = []
    for name, score, cosine in found:
        if cosine >= COPY_SUSPECT:
            own = writer.record(article) if own is None else own
            if is_copy(own, writer.record(name)):
                continue
        if len(kept) < SEEN and any(index.cosine(name, other) >= COPY_COSINE for other, _ in kept):
            continue  # one text of a pair of reprints is enough
        kept.append((name, round(score, 4)))
        if len(kept) == NEIGHBOURS:
            break
    return kept


class _Index:
    """All signatures, inverted."""

    def __init__(self, signatures: Iterable[tuple[str, int, bytes]]) -> None:
        rows = list(signatures)
        self.articles = [article for article, _, _ in rows]
        self.number = {article: number for number, article in enumerate(self.articles)}
        self._days = np.array([day for _, day, _ in rows], np.float64)
        self._own = [np.frombuffer(blob, SIGNATURE) for _, _, blob in rows]
        terms = np.concatenate([own["term"] for own in self._own]) if rows else np.empty(0, np.uint32)
        order = np.argsort(terms, kind="stable")
        owners = np.repeat(np.arange(len(rows)), [len(own) for own in self._own])
        weights = np.concatenate([own["weight"] for own in self._own]) if rows else np.empty(0, np.float32)
        self._terms, self._owners, self._weights = terms[order], owners[order], weights[order]

    def cosine(self, left: str, right: str) -> float:
        """Return the cosine of two articles' signatures."""
        ours, theirs = self._own[self.number[left]], self._own[self.number[right]]
        _, mine, other = np.intersect1d(ours["term"], theirs["term"], assume_unique=True, return_indices=True)
        return float(ours["weight"][mine] @ theirs["weight"][other])

    def nearest(self, number: int) -> list[tuple[str, float, float]]:
        """Return (article, score, cosine) of more neighbours than are kept, best first."""
        own = self._own[number]
        left = np.searchsorted(self._terms, own["term"], side="left")
        right = np.searchsorted(self._terms, own["term"], side="right")
        cosine = np.zeros(len(self.articles))
        for start, stop, weight in zip(left, right, own["weight"], strict=True):
            cosine[self._owners[start:stop]] += weight * self._weights[start:stop]
        cosine[number] = 0
        apart = np.abs(self._days - self._days[number])
        dated = (self._days > 0) & (self._days[number] > 0)
        score = cosine * (1 + NEAR_DATE * np.where(dated, np.exp(-apart / NEAR_DAYS), 0))
        wanted = min(3 * NEIGHBOURS, len(score))
        top = np.argpartition(-score, wanted - 1)[:wanted] if wanted else np.empty(0, np.int64)
        top = top[cosine[top] >= _MIN_SHARED]
        top = top[np.lexsort((top, -score[top]))]
        return [(self.articles[row], float(score[row]), float(cosine[row])) for row in top]
