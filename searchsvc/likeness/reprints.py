"""Reprints: articles that are one text, found when they are indexed.

Two articles are reprints of one another if their bodies share enough of their word quadruples
(``Text.same_as``, docs/decisions/0009-reprints.md). MinHash proposes, that comparison decides. A
document joins the group of an earlier one and stays there as long as its row lives, so that groups
are right for readers of older snapshots too. Of two groups that a newcomer belongs to it joins the
one of the text it is nearest to; they are not merged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from searchsvc.likeness.swaps import Words, swaps
from searchsvc.store.document import Record, term_hash
from searchsvc.store.groups import LEAST, SKETCH, Sketches
from searchsvc.store.shingles import Shingles, shingles
from searchsvc.store.store_writer import StoreWriter

SHARE = 0.6
"""Share of the shorter text's word quadruples that a reprint has in common with the other."""

SHARE_OF_LONGER = 0.5
"""The same of the longer text. A digest can have half of its text from one note only: it brings no two
notes into one group."""

SHORT = 40
SHARE_OF_SHORT = 0.9
"""Share from which texts of fewer quadruples than ``SHORT`` are reprints: one form of
congratulation, filled in with two names, has .77 to .83."""

FAR_DAYS = 90
SHARE_FAR = 0.8
"""Share from which texts published more than ``FAR_DAYS`` apart are reprints."""

SWAPPED = 0.02
"""Share of the shorter text's quadruples that would be the same but for a number from which two
texts are one form filled in twice (last year's competition, another day's menu). A number changed in
a text of 200 words is below it."""

DETAILS = 2
"""Names and numbers exchanged for quite different ones («Мария Лебедева», «Олег Тихонов») from which two
texts are one form filled in twice."""

OTHERS = 4
"""The same of other words; a name or number counts for two of them. Editors exchange a word or three."""

AGAIN_DAYS = 25
"""Texts published more than so many days apart are one form from one name or number on: next month's
schedule, this year's announcement."""

SHARED = 4
"""Values that sketches must share for their texts to be compared: the least alike reprints, of a
resemblance of .375, share 12 of 32; one pair in two thousand of these is missed."""

_NUMBERS = np.unique([term_hash(str(n).zfill(z)) for z in (1, 2, 3) for n in range(10_000)]).astype(np.uint32)

_SCANNED = 128  # from so many newcomers on sorting is quicker than looking at all sketches for each
_BACK = 2  # documents of a value that are tried, beside the first one
_TRIES = 12
_TRIES_OF_GROUP = 2
_TEXTS_KEPT = 1_000
_CHUNK = 100_000
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Text:
    """What is compared of an article: its body's quadruples as they are, and with any number
    standing for any other; its day (0: none); its words in their order."""

    shingles: Shingles
    but_numbers: Shingles
    day: int
    words: Words

    @classmethod
    def of(cls, record: Record, day: int, text: str = "") -> Text:
        """Return the text of a record in order of position; without *text* no names and slips are told."""
        words = Words.of(record, text)
        lemmas = words.lemmas
        place = np.minimum(np.searchsorted(_NUMBERS, lemmas), len(_NUMBERS) - 1)
        masked = np.where(_NUMBERS[place] == lemmas, np.uint32(0), lemmas)
        return cls(np.unique(shingles(lemmas)), np.unique(shingles(masked)), day, words)

    def same_as(self, other: Text) -> bool:
        """Say whether one is a reprint of the other, with another lead, sentences cut or added."""
        shorter, longer = sorted((len(self.shingles), len(other.shingles)))
        if shorter < LEAST:
            return False
        common = _common(self.shingles, other.shingles)
        apart = abs(self.day - other.day) if self.day and other.day else 0
        needed = max(
            SHARE, SHARE_OF_SHORT if shorter < SHORT else 0.0, SHARE_FAR if apart > FAR_DAYS else 0.0
        )
        if common < needed * shorter or common < SHARE_OF_LONGER * longer:
            return False
        if _common(self.but_numbers, other.but_numbers) - common > SWAPPED * shorter:
            return False
        return not self._filled_in_anew(other, apart)

    def _filled_in_anew(self, other: Text, apart: int) -> bool:
        found = swaps(self.words, other.words)
        if found.details >= (1 if apart > AGAIN_DAYS else DETAILS):
            return True
        return found.others + found.details * OTHERS // DETAILS >= OTHERS


class Texts:
    """Texts of documents in a store that is being written; those used last are kept."""

    def __init__(self, writer: StoreWriter) -> None:
        self._writer = writer
        self._kept: LRUCache[int, Text] = LRUCache(_TEXTS_KEPT)

    def same(self, left: int, right: int) -> bool:
        """Say whether the documents of two keys are reprints of one another."""
        return self._of(left).same_as(self._of(right))

    def _of(self, key: int) -> Text:
        if key not in self._kept:
            self._kept[key] = Text.of(self._writer.record(key), self._writer.day(key), self._writer.text(key))
        return self._kept[key]


def find_groups(writer: StoreWriter, first: int) -> None:
    """Give the documents from key *first* on, all that are new in the store, their groups."""
    last = writer.last_key()
    if last < first:
        return
    sketches = writer.reprints.sketches(last)
    groups = writer.reprints.groups()
    groups[first:] = np.arange(first, len(groups))
    texts = Texts(writer)
    for key, candidates in _candidates(sketches, writer.gone(), first):
        tried: Counter[int] = Counter()
        for other in candidates:
            group = int(groups[other])
            if tried.total() == _TRIES:
                break
            if tried[group] == _TRIES_OF_GROUP:
                continue
            tried[group] += 1
            if texts.same(key, other):
                groups[key] = group
                break
    writer.reprints.put_groups(first, groups[first : last + 1])


def one_of_each(writer: StoreWriter) -> Ints:
    """Return the keys of documents that are present, of those of one group only the first."""
    keys = writer.present()
    groups = writer.reprints.groups()[keys]
    _, first = np.unique(np.where(groups > 0, groups, keys), return_index=True)
    return np.sort(keys[first])


def _candidates(sketches: Sketches, gone: Ints, first: int) -> Iterator[tuple[int, list[int]]]:
    """Yield documents from *first* on with earlier ones whose sketches are like theirs, the likest first."""
    newcomers = first + np.flatnonzero(sketches[first:].any(axis=1))
    if len(newcomers) < _SCANNED:
        for key in newcomers.tolist():
            shared = _shared(sketches[:key], sketches[key])
            others = np.flatnonzero(shared >= SHARED)
            others = others[~np.isin(others, gone)]
            yield key, others[np.lexsort((others, -shared[others]))].tolist()
        return
    there: npt.NDArray[np.bool_] = np.asarray(sketches.any(axis=1))
    there[gone] = False
    later, earlier = _linked(sketches, np.flatnonzero(there), first)
    shared = np.zeros(len(later), np.int64)
    for at in range(0, len(later), _CHUNK):
        part = slice(at, at + _CHUNK)
        shared[part] = _shared(sketches[later[part]], sketches[earlier[part]])
    like = np.flatnonzero(shared >= SHARED)
    like = like[np.lexsort((earlier[like], -shared[like], later[like]))]
    keys, starts = np.unique(later[like], return_index=True)
    for key, others in zip(keys.tolist(), np.split(earlier[like], starts[1:]), strict=False):
        yield key, others.tolist()


def _shared(left: Sketches, right: Sketches) -> Ints:
    """Return how many values sketches share, row by row; counting along a short axis takes twice as long."""
    return np.asarray(np.einsum("ij->i", (left == right).view(np.uint8)), np.int64)


def _linked(sketches: Sketches, keys: Ints, first: int) -> tuple[Ints, Ints]:
    """Return pairs of documents with a value in common: the later, from *first* on, and the earlier.

    Of the documents with a value a later one is paired with the first and the ``_BACK`` before it:
    five hundred copies make no hundred thousand pairs, and copies have other values in common too.
    """
    pairs = []
    for column in range(SKETCH):
        values = sketches[keys, column]
        order = np.argsort(values, kind="stable")
        values, ordered = values[order], keys[order]
        begins = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
        place = np.arange(len(values))
        begin = np.repeat(begins, np.diff(np.append(begins, len(values))))
        new = ordered >= first
        for back in range(1, _BACK + 1):
            mine = new & (place - back > begin)
            pairs.append(ordered[mine] << 32 | ordered[place[mine] - back])
        mine = new & (place > begin)
        pairs.append(ordered[mine] << 32 | ordered[begin[mine]])
    codes = np.unique(np.concatenate(pairs))
    return codes >> 32, codes & 0xFFFFFFFF


def _common(left: Shingles, right: Shingles) -> int:
    return len(np.intersect1d(left, right, assume_unique=True))
