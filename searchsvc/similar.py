"""Neighbours of an article: found at indexing time, from the generation's own signatures.

A signature is an article's most telling lemmas with tf-idf weights, a unit vector. Neighbours
are the nearest by cosine, with a mild preference for near dates; a copy of the article (the same text
on another site, with another lead) is no neighbour. No engine takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from searchsvc.document import PART_WEIGHTS, PARTS, Record, term_hash
from searchsvc.signatures import SLOT, TAIL, TERMS, WIDTH
from searchsvc.stopwords import STOP_WORDS
from searchsvc.store_writer import KEPT, NEIGHBOUR, NEIGHBOURS, StoreWriter

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
_ANYTHING = 1e-9
_STOP_HASHES = np.array(sorted(term_hash(word) for word in STOP_WORDS), np.uint32)
_PART_WEIGHT = np.array([PART_WEIGHTS[name] for name in PARTS])
_COUNTED = np.array([name not in {"date"} for name in PARTS])
_STATISTIC = "lemma documents"
_DOCUMENTS = "lemma documents of"
_FREQUENCY = np.dtype([("term", "<u4"), ("documents", "<u4")])

_WANTED = 3 * NEIGHBOURS  # some are copies
_BATCH = 500
_GATHERED = 4_000_000  # lemmas counted at once
_SHINGLES_KEPT = 1_000

Slots = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def rebuild_neighbours(writer: StoreWriter, *, progress: Callable[[int], None] | None = None) -> None:
    """Compute signatures and neighbours of everything in a store that was just loaded.

    ``progress`` is told how many articles are done. Memory: the postings of all (320 bytes an article,
    mapped) and a batch of records.
    """
    last = writer.last_key()
    frequencies = _frequencies(writer, last)
    # An unknown lemma counts as one document's, and a list of those would tell of one that is destroyed.
    frequencies = frequencies[frequencies["documents"] > 1]
    writer.put_statistic(_STATISTIC, frequencies.tobytes())
    writer.put_statistic(_DOCUMENTS, str(last).encode())
    nobody = np.empty(0, np.int64)
    signatures = writer.signatures
    for first, stop in _batches(last):
        found = writer.bulk(first, stop - 1)
        slots = _signatures(found.sizes, found.lemmas, found.parts, frequencies, last)
        signatures.put(first, slots, found.days)
    signatures.seal(last, nobody)
    near = _Neighbourhood(writer, nobody)
    for first, stop in _batches(last):
        slots = signatures.slots(np.arange(first, stop))
        writer.put_lists((key, near.of(key, slots[key - first])) for key in range(first, stop))
        if progress:
            progress(stop - 1)


def update_neighbours(
    writer: StoreWriter, changed: Mapping[int, tuple[int, Record]], *, tail: int = TAIL
) -> None:
    """Give new documents (key -> day, record) their neighbours and put them into the lists they belong to.

    Document frequencies stay those of the last rebuild; a lemma new since then counts as rare. *tail* is
    how many new documents are inverted in memory each time before they are written as postings.
    """
    if not changed:
        return
    frequencies = np.frombuffer(writer.statistic(_STATISTIC), _FREQUENCY)
    counted = int(writer.statistic(_DOCUMENTS) or 0)
    documents = counted if counted >= NEIGHBOURS else writer.last_key()  # of an archive just begun
    signatures, dead = writer.signatures, writer.gone()
    if min(changed) - 1 - signatures.sealed > tail:
        signatures.seal(min(changed) - 1, dead)
    for key, (day, record) in changed.items():
        signatures.put(key, signature(record, frequencies, documents), np.array([day]))
    signatures.invert_tail(max(changed), dead)
    near = _Neighbourhood(writer, dead)
    offers: dict[int, list[_Candidate]] = {}
    for key in changed:
        slot = signatures.slots(np.array([key]))[0]
        writer.put_lists([(key, near.of(key, slot))])
        for other, offer in near.offers(key, slot):
            if other not in changed:
                offers.setdefault(other, []).append(offer)
    writer.put_lists((other, near.with_offers(other, found)) for other, found in sorted(offers.items()))


def content_scores(writer: StoreWriter, keys: Iterable[int]) -> Iterator[tuple[Ints, Floats]]:
    """Yield, for each of *keys*, the keys of all documents that have anything in common with it and their
    scores, in no order: what lists are made from, before copies are left out."""
    dead = writer.gone()
    writer.signatures.invert_tail(writer.last_key(), dead)
    near = _Neighbourhood(writer, dead)
    for key in keys:
        yield near.scores(key)


def forget_lemmas(writer: StoreWriter, article_id: str) -> None:
    """Take the lemmas of an article that is to be erased out of what is known of lemmas."""
    frequencies = np.frombuffer(writer.statistic(_STATISTIC), _FREQUENCY).copy()
    lemmas = [writer.record(key)["lemma"] for key in writer.keys(article_id)]
    if lemmas:
        frequencies["documents"][np.isin(frequencies["term"], np.concatenate(lemmas))] -= 1
    writer.put_statistic(_STATISTIC, frequencies[frequencies["documents"] > 1].tobytes())


def signature(record: Record, frequencies: npt.NDArray[np.void], documents: int) -> Slots:
    """Return the most telling lemmas of *record* with weights: one row of dtype ``SLOT``."""
    ordered = record[np.argsort(record["lemma"], kind="stable")]
    sizes = np.array([len(record)])
    return _signatures(sizes, ordered["lemma"], ordered["part"], frequencies, documents)


def _signatures(
    sizes: Ints,
    lemmas: npt.NDArray[np.uint32],
    parts: npt.NDArray[np.uint8],
    frequencies: npt.NDArray[np.void],
    documents: int,
) -> Slots:
    """Return signatures of documents whose rows lie end to end, those of a lemma side by side."""
    counted = _COUNTED[parts]
    lemmas, owner = lemmas[counted], np.repeat(np.arange(len(sizes)), sizes)[counted]
    starts = _starts(lemmas, owner)
    found = np.zeros(len(sizes), SLOT)
    if not len(starts):
        return found
    weights = np.add.reduceat(_PART_WEIGHT[parts[counted]], starts)
    terms, owner = lemmas[starts], owner[starts]
    counts = _counts(terms, frequencies)
    scores = (1 + np.log(weights)) * np.log(1 + documents / counts)
    useless = np.isin(terms, _STOP_HASHES)
    if documents >= NEIGHBOURS:
        useless |= counts > _COMMON * documents
    scores[useless] = 0
    order = np.lexsort((terms, -scores, owner))
    first = np.searchsorted(owner, np.arange(len(sizes)))
    chosen = order[(np.arange(len(order)) - first[owner] < TERMS) & (scores[order] > 0)]
    chosen = chosen[np.lexsort((terms[chosen], owner[chosen]))]
    terms, owner, scores = terms[chosen], owner[chosen], scores[chosen]
    place = np.arange(len(chosen)) - np.searchsorted(owner, np.arange(len(sizes)))[owner]
    norms = np.sqrt(np.bincount(owner, scores**2, len(sizes)))
    found["term"][owner, place] = terms
    found["weight"][owner, place] = scores / norms[owner]
    return found


def _frequencies(writer: StoreWriter, last: int) -> npt.NDArray[np.void]:
    """Count the documents of each lemma."""
    known = np.empty(0, _FREQUENCY)
    gathered: list[npt.NDArray[np.uint32]] = []
    for first, stop in _batches(last):
        found = writer.bulk(first, stop - 1)
        owner = np.repeat(np.arange(len(found.sizes)), found.sizes)
        gathered.append(found.lemmas[_starts(found.lemmas, owner)])
        if stop > last or sum(map(len, gathered)) > _GATHERED:
            known = _added(known, np.concatenate(gathered))
            gathered.clear()
    return known


def _added(known: npt.NDArray[np.void], lemmas: npt.NDArray[np.uint32]) -> npt.NDArray[np.void]:
    new, counts = np.unique(lemmas, return_counts=True)
    terms = np.union1d(known["term"], new)
    found = np.zeros(len(terms), _FREQUENCY)
    found["term"] = terms
    found["documents"][np.searchsorted(terms, known["term"])] = known["documents"]
    found["documents"][np.searchsorted(terms, new)] += counts.astype(np.uint32)
    return found


def _counts(terms: npt.NDArray[np.uint32], frequencies: npt.NDArray[np.void]) -> Floats:
    """Return how many documents have each of *terms*, 1 for an unknown one."""
    counts = np.ones(len(terms))
    if len(frequencies):
        names = np.ascontiguousarray(frequencies["term"])
        place = np.minimum(np.searchsorted(names, terms), len(names) - 1)
        known = names[place] == terms
        counts[known] = frequencies["documents"][place[known]]
    return counts


def _starts(lemmas: npt.NDArray[np.uint32], owner: Ints) -> Ints:
    """Return where another lemma or another document begins."""
    if not len(lemmas):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate([[True], (lemmas[1:] != lemmas[:-1]) | (owner[1:] != owner[:-1])]))


def _batches(last: int) -> Iterator[tuple[int, int]]:
    """Yield the first key of a batch and the one after it, up to *last*."""
    for first in range(1, last + 1, _BATCH):
        yield first, min(first + _BATCH, last + 1)


def is_copy(left: Record, right: Record) -> bool:
    """Say whether two articles are one text, up to another title, lead or some cut sentences."""
    return _same_text(_shingles(left), _shingles(right))


def _same_text(ours: npt.NDArray[np.uint64], theirs: npt.NDArray[np.uint64]) -> bool:
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


class _Candidate(NamedTuple):
    """A document that may become a neighbour; one with a cosine of 0 was compared before."""

    key: int
    score: float
    cosine: float


class _Neighbourhood:
    """Who is near to whom, as the store stands now, without *dead* documents."""

    def __init__(self, writer: StoreWriter, dead: Ints) -> None:
        self._writer = writer
        self._signatures = writer.signatures
        self._dead = dead
        self._gone = frozenset(dead.tolist())
        self._shingles: LRUCache[int, npt.NDArray[np.uint64]] = LRUCache(_SHINGLES_KEPT)

    def of(self, key: int, slot: Slots) -> bytes:
        """Return the packed list of a document with this signature, best first; note its floor."""
        for wanted in (_WANTED, 8 * _WANTED):  # the second if the nearest are mostly copies
            found = self._nearest(key, slot, wanted)
            kept = self._kept(key, found)
            if len(kept) == KEPT or len(found) < wanted:
                break
        return self._packed(key, kept)

    def scores(self, key: int) -> tuple[Ints, Floats]:
        """Return the keys of all documents that share a term with *key*, and their scores, in no order."""
        slot = self._signatures.slots(np.array([key]))[0]
        keys, scores, _ = self._near(key, slot, 0, least=_ANYTHING)
        return keys, scores

    def offers(self, key: int, slot: Slots) -> Iterator[tuple[int, _Candidate]]:
        """Yield the documents into whose lists *key* may belong, with what it is to them."""
        keys, scores, cosines = self._near(key, slot, 0)
        wanting = np.flatnonzero(scores >= self._signatures.places(keys)["floor"])
        for other, score, cosine in zip(
            keys[wanting].tolist(), scores[wanting], cosines[wanting], strict=True
        ):
            yield other, _Candidate(key, float(score), float(cosine))

    def with_offers(self, key: int, offers: Sequence[_Candidate]) -> bytes:
        """Return the packed list of a document, *offers* put in and the dead taken out."""
        known = np.frombuffer(self._writer.list_of(key), NEIGHBOUR)
        there = self._signatures.slots(known["key"].astype(np.int64))["weight"].any(axis=1)
        new = {offer.key for offer in offers}
        found = [
            _Candidate(other, score, 0.0)
            for other, score in known[there].tolist()
            if other not in self._gone and other not in new
        ]
        found.extend(offers)
        found.sort(key=lambda candidate: (-candidate.score, candidate.key))
        return self._packed(key, self._kept(key, found))

    def _packed(self, key: int, kept: Sequence[_Candidate]) -> bytes:
        if len(kept) == KEPT:
            self._signatures.put_floor(key, kept[-1].score)
        return np.array([(candidate.key, candidate.score) for candidate in kept], NEIGHBOUR).tobytes()

    def _near(
        self, key: int, slot: Slots, wanted: int, *, least: float = _MIN_SHARED
    ) -> tuple[Ints, Floats, Floats]:
        """Return keys, scores and cosines of at least the *wanted* nearest (0: of all), in no order."""
        bound = least
        keys: list[Ints] = []
        cosines: list[Floats] = []
        for first, found in self._signatures.cosines(slot):
            if 0 <= key - first < len(found):
                found[key - first] = 0
            if len(self._dead):
                found[self._dead[(self._dead >= first) & (self._dead < first + len(found))] - first] = 0
            if wanted and len(found) >= WIDTH * wanted:
                # Best of each of so many disjoint groups: the wanted-th of these is no better than
                # the wanted-th of all. A near date may make up for what a score's cosine lacks.
                best = found.reshape(WIDTH, -1).max(axis=0)
                bound = max(bound, float(np.partition(best, -wanted)[-wanted]) / (1 + NEAR_DATE))
            rows = np.flatnonzero(found >= bound)
            keys.append(rows + first)
            cosines.append(found[rows])
        all_keys = np.concatenate([*keys, np.empty(0, np.int64)])
        cosine = np.concatenate([*cosines, np.empty(0)])
        days = self._signatures.places(all_keys)["day"]
        own = int(self._signatures.places(np.array([key]))["day"][0])
        apart = np.abs(days.astype(np.float64) - own)
        score = cosine * (1 + NEAR_DATE * np.where((days > 0) & (own > 0), np.exp(-apart / NEAR_DAYS), 0))
        return all_keys, score, cosine

    def _nearest(self, key: int, slot: Slots, wanted: int) -> list[_Candidate]:
        keys, scores, cosines = self._near(key, slot, wanted)
        top = np.lexsort((keys, -scores))[:wanted]
        rows = zip(keys[top].tolist(), scores[top].tolist(), cosines[top].tolist(), strict=True)
        return list(map(_Candidate._make, rows))

    def _kept(self, key: int, found: Sequence[_Candidate]) -> list[_Candidate]:
        """Return those of *found*, best first, that are no copies and not too many."""
        kept: list[_Candidate] = []
        places: list[int] = []
        alike = self._alike(found[: SEEN + 2])
        for place, candidate in enumerate(found):
            if candidate.cosine >= COPY_SUSPECT and self._is_copy(key, candidate.key):
                continue
            if len(kept) < SEEN:
                if place >= len(alike):
                    alike = self._alike(found[: 2 * place])
                if alike[place, places].any():
                    continue  # one text of a pair of reprints is enough
                places.append(place)
            kept.append(candidate)
            if len(kept) == KEPT:
                break
        return kept

    def _alike(self, found: Sequence[_Candidate]) -> npt.NDArray[np.bool_]:
        """Return, for each two of *found*, whether they tell the same."""
        slots = self._signatures.slots(np.array([candidate.key for candidate in found], np.int64))
        terms, place = np.unique(slots["term"], return_inverse=True)
        table = np.zeros((len(found), len(terms)), np.float32)
        table[np.arange(len(found))[:, None], place.reshape(-1, TERMS)] = slots["weight"]
        return np.asarray(table @ table.T >= COPY_COSINE)

    def _is_copy(self, left: int, right: int) -> bool:
        return _same_text(self._shingles_of(left), self._shingles_of(right))

    def _shingles_of(self, key: int) -> npt.NDArray[np.uint64]:
        if key not in self._shingles:
            self._shingles[key] = _shingles(self._writer.record(key))
        return self._shingles[key]
