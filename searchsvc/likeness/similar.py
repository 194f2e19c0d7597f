"""Neighbours of an article: found at indexing time, from the generation's own signatures.

A signature is an article's most telling lemmas with tf-idf weights, a unit vector. Neighbours
are the nearest by cosine, with a mild preference for near dates; a copy of the article (the same text
on another site, with another lead) is no neighbour. No engine takes part.

The heaviest forty lemmas of each say which articles are worth a look, the cosine of whole signatures
gives those their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from searchsvc.likeness.reprints import Texts, one_of_each
from searchsvc.likeness.telling import Frequencies, batches
from searchsvc.store.document import Record
from searchsvc.store.signatures import TAIL, TERMS, WIDTH
from searchsvc.store.store_writer import KEPT, NEIGHBOUR, NEIGHBOURS, SHARED, StoreWriter

NEAR_DATE = 0.10
NEAR_DAYS = 365.0
"""An article of the same day scores up to a tenth more than one of years ago."""

COPY_SUSPECT = 0.5
"""Cosine from which two articles are compared word by word."""

SEEN = 8
"""Neighbours a reader is likely to be shown: among them no two tell the same."""

COPY_COSINE = 0.6
"""Cosine from which one of two neighbours is left out, since it tells the same to whoever reads on.
In the sample the five pairs of reprints have .76 to .86, all other pairs .42 at most."""

OUTGROWN = 2
"""Frequencies are counted anew once there are so many times the texts they were counted over.

The sync that comes to it does for neighbours what a rebuild does (50 s of 100,000 articles); all such syncs
together cost less than two of the last.
"""

_MIN_SHARED = 0.04  # a cosine below this is mostly chance (docs/quality.md)
_MIN_ROUGH = 0.02  # a rough cosine is less than the cosine, mostly by half or more

_WANTED = 3 * NEIGHBOURS  # some are copies

Slots = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def rebuild_neighbours(writer: StoreWriter, *, progress: Callable[[int], None] | None = None) -> None:
    """Compute document frequencies, signatures and neighbours of every document that is present, anew.

    ``progress`` is told how many articles are done. Memory: signatures and postings of all (1.3 KB an
    article, mapped) and a batch of records.
    """
    last, dead = writer.last_key(), writer.gone()
    there = np.zeros(last + 1, np.bool_)
    there[writer.present()] = True
    frequencies = Frequencies.count(writer)
    frequencies.keep(writer)
    signatures = writer.signatures
    signatures.unseal()
    for first, stop in batches(last):
        found = writer.bulk(first, stop - 1)
        slots = frequencies.signatures(found.sizes, found.lemmas, found.parts)
        signatures.put(first, slots, found.days)
    signatures.seal(last, dead)
    near = _Neighbourhood(writer, dead)
    for first, stop in batches(last):
        slots = signatures.slots(np.arange(first, stop))
        keys = (first + np.flatnonzero(there[first:stop])).tolist()
        writer.put_lists([(key, near.of(key, slots[key - first])) for key in keys])
        if progress:
            progress(stop - 1)


def update_neighbours(
    writer: StoreWriter, changed: Mapping[int, tuple[int, Record]], *, tail: int = TAIL
) -> None:
    """Give new documents (key -> day, record) their neighbours and put them into the lists they belong to.

    Document frequencies stay those of the last count, a lemma new since then counts as rare, until there are
    twice as many texts as were counted: then all is computed anew. *tail* is how many new documents are
    inverted in memory each time before they are written as postings.
    """
    if not changed:
        return
    frequencies = Frequencies.read(writer)
    if _is_outgrown(writer, frequencies.documents):
        rebuild_neighbours(writer)
        return
    if frequencies.documents < NEIGHBOURS:  # of an archive just begun
        frequencies = replace(frequencies, documents=writer.last_key())
    signatures, dead = writer.signatures, writer.gone()
    if min(changed) - 1 - signatures.sealed > tail:
        signatures.seal(min(changed) - 1, dead)
    for key, (day, record) in changed.items():
        signatures.put(key, frequencies.signature(record), np.array([day]))
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


def _is_outgrown(writer: StoreWriter, counted: int) -> bool:
    least = max(NEIGHBOURS, OUTGROWN * counted)
    # Documents are told by indexes alone; texts are counted only where copies may make the difference.
    if writer.last_key() < least or writer.present_count() < least:
        return False
    return len(one_of_each(writer)) >= least


def content_scores(writer: StoreWriter, keys: Iterable[int]) -> Iterator[tuple[Ints, Floats, Ints]]:
    """Yield, for each of *keys*, all other keys and their scores, in no order, by which lists are made before
    copies are left out; and the keys a list is chosen from, the nearest by rough score."""
    dead = writer.gone()
    writer.signatures.invert_tail(writer.last_key(), dead)
    near = _Neighbourhood(writer, dead)
    for key in keys:
        yield near.scores(key)


def forget_lemmas(writer: StoreWriter, article_id: str) -> None:
    """Take the lemmas of an article that is to be erased out of what is known of lemmas.

    Those that a reprint has too stay counted: the text is still there.
    """
    keys = np.array(writer.keys(article_id), np.int64)
    if not len(keys):
        return
    lemmas = np.concatenate([writer.record(key)["lemma"] for key in keys.tolist()])
    groups = writer.reprints.groups()
    others = np.setdiff1d(writer.present(), keys)
    for key in others[(groups[others] > 0) & np.isin(groups[others], groups[keys])].tolist():
        lemmas = np.setdiff1d(lemmas, writer.record(key)["lemma"])
    Frequencies.read(writer).without(lemmas).keep(writer)


def _likeness(shares: Floats) -> Floats:
    """Return how like documents are in content, from what each of their terms gives (a row a document): the
    cosine. Whatever else is to count for content is added here."""
    return np.asarray(shares.sum(axis=1))


class _Candidate(NamedTuple):
    """A document that may become a neighbour; one with a cosine of 0 was compared before.

    ``shared`` are the terms that give most to the cosine, the first most.
    """

    key: int
    score: float
    cosine: float
    shared: tuple[int, ...]


class _Neighbourhood:
    """Who is near to whom, as the store stands now, without *dead* documents."""

    def __init__(self, writer: StoreWriter, dead: Ints) -> None:
        self._writer = writer
        self._signatures = writer.signatures
        self._dead = dead
        self._gone = frozenset(dead.tolist())
        self._texts = Texts(writer)
        self._groups = writer.reprints.groups()
        self._sizes = np.bincount(self._groups)

    def of(self, key: int, slot: Slots) -> bytes:
        """Return the packed list of a document with this signature, best first; note its bounds."""
        for wanted in (_WANTED, 8 * _WANTED):  # the second if the nearest are mostly copies
            found, reach = self._nearest(key, slot, wanted)
            kept = self._kept(key, found)
            if len(kept) == KEPT or len(found) < wanted:
                break
        return self._packed(key, kept, reach)

    def scores(self, key: int) -> tuple[Ints, Floats, Ints]:
        """Return all other keys and their scores with *key*, in no order; the keys that are looked at."""
        slot = self._signatures.slots(np.array([key]))[0]
        looked_at, _ = self._rough(key, slot, _WANTED, self._dead[:0])
        others = np.setdiff1d(np.arange(1, self._writer.last_key() + 1), [key, *self._dead.tolist()])
        likeness = _likeness(self._signatures.shares(slot, others)[1])
        return others, likeness * self._by_date(key, others), looked_at

    def offers(self, key: int, slot: Slots) -> Iterator[tuple[int, _Candidate]]:
        """Yield the documents into whose lists *key* may belong, with what it is to them."""
        keys, rough, _ = self._near(key, slot, 0, self._reprints_of(key))
        keys = keys[rough >= self._signatures.places(keys)["reach"]]
        floors = self._signatures.places(keys)["floor"]
        for other, floor in zip(self._compared(key, slot, keys), floors.tolist(), strict=True):
            if other.score >= floor and other.cosine >= _MIN_SHARED:
                yield other.key, other._replace(key=key)

    def with_offers(self, key: int, offers: Sequence[_Candidate]) -> bytes:
        """Return the packed list of a document, *offers* put in and the dead taken out."""
        known = np.frombuffer(self._writer.list_of(key), NEIGHBOUR)
        there = self._signatures.slots(known["key"].astype(np.int64))["weight"].any(axis=1)
        new = {offer.key for offer in offers}
        found = [
            _Candidate(other, score, 0.0, tuple(shared))
            for other, score, shared in known[there].tolist()
            if other not in self._gone and other not in new
        ]
        found.extend(offers)
        found.sort(key=lambda candidate: (-candidate.score, candidate.key))
        return self._packed(key, self._kept(key, found))

    def _packed(self, key: int, kept: Sequence[_Candidate], reach: float | None = None) -> bytes:
        floor = kept[-1].score if len(kept) == KEPT else None
        self._signatures.put_bounds(key, reach=reach, floor=floor)
        return np.array([(one.key, one.score, one.shared) for one in kept], NEIGHBOUR).tobytes()

    def _near(self, key: int, slot: Slots, wanted: int, without: Ints) -> tuple[Ints, Floats, Floats]:
        """Return keys, rough scores and rough cosines of at least the *wanted* nearest (0: of all) but those
        *without*, in no order."""
        bound = _MIN_ROUGH
        keys: list[Ints] = []
        cosines: list[Floats] = []
        for first, found in self._signatures.rough_cosines(slot):
            if 0 <= key - first < len(found):
                found[key - first] = 0
            for hidden in (self._dead, without):
                if len(hidden):
                    found[hidden[(hidden >= first) & (hidden < first + len(found))] - first] = 0
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
        return all_keys, cosine * self._by_date(key, all_keys), cosine

    def _by_date(self, key: int, others: Ints) -> Floats:
        """Return what the cosines of *others* with *key* are multiplied by for near dates."""
        days = self._signatures.places(others)["day"]
        own = int(self._signatures.places(np.array([key]))["day"][0])
        apart = np.abs(days.astype(np.float64) - own)
        return 1 + NEAR_DATE * np.where((days > 0) & (own > 0), np.exp(-apart / NEAR_DAYS), 0)

    def _rough(self, key: int, slot: Slots, wanted: int, without: Ints) -> tuple[Ints, float]:
        """Return the *wanted* nearest by rough score, none of *without*; if there may be more, the least such
        score."""
        keys, scores, _ = self._near(key, slot, wanted, without)
        top = np.lexsort((keys, -scores))[:wanted]
        return keys[top], float(scores[top[-1]]) if len(top) == wanted else 0.0

    def _nearest(self, key: int, slot: Slots, wanted: int) -> tuple[list[_Candidate], float]:
        """Return the *wanted* nearest by rough score, best first by score, and the least rough score."""
        keys, reach = self._rough(key, slot, wanted, self._reprints_of(key))
        found = [one for one in self._compared(key, slot, keys) if one.cosine >= _MIN_SHARED]
        found.sort(key=lambda candidate: (-candidate.score, candidate.key))
        return found, reach

    def _compared(self, key: int, slot: Slots, others: Ints) -> list[_Candidate]:
        """Compare *key*, of this signature, with *others*."""
        terms, shares = self._signatures.shares(slot, others)
        likeness = _likeness(shares)
        most = np.argpartition(-shares, SHARED, axis=1)[:, :SHARED]
        most = np.take_along_axis(most, np.argsort(-np.take_along_axis(shares, most, 1), axis=1), 1)
        shared = np.where(np.take_along_axis(shares, most, 1) > 0, np.take_along_axis(terms, most, 1), 0)
        rows = zip(
            others.tolist(),
            (likeness * self._by_date(key, others)).tolist(),
            likeness.tolist(),
            map(tuple, shared.tolist()),
            strict=True,
        )
        return list(map(_Candidate._make, rows))

    def _kept(self, key: int, found: Sequence[_Candidate]) -> list[_Candidate]:
        """Return those of *found*, best first, that are no copies, one of a group, and not too many."""
        kept: list[_Candidate] = []
        told: set[int] = set()
        places: list[int] = []
        alike = self._alike(found[: SEEN + 2])
        for place, candidate in enumerate(found):
            group = int(self._groups[candidate.key])
            if group in told:
                continue
            # One whose group is another, since it is like several texts, is a copy all the same.
            if candidate.cosine >= COPY_SUSPECT and self._texts.same(key, candidate.key):
                continue
            if len(kept) < SEEN:
                if place >= len(alike):
                    alike = self._alike(found[: 2 * place])
                if alike[place, places].any():
                    continue  # one text of a pair of reprints is enough
                places.append(place)
            kept.append(candidate)
            if group:
                told.add(group)
            if len(kept) == KEPT:
                break
        return kept

    def _reprints_of(self, key: int) -> Ints:
        group = int(self._groups[key])
        return np.flatnonzero(self._groups == group) if group and self._sizes[group] > 1 else self._dead[:0]

    def _alike(self, found: Sequence[_Candidate]) -> npt.NDArray[np.bool_]:
        """Return, for each two of *found*, whether they tell the same."""
        slots = self._signatures.slots(np.array([candidate.key for candidate in found], np.int64))
        terms, place = np.unique(slots["term"], return_inverse=True)
        table = np.zeros((len(found), len(terms)), np.float32)
        table[np.arange(len(found))[:, None], place.reshape(-1, TERMS)] = slots["weight"]
        return np.asarray(table @ table.T >= COPY_COSINE)
