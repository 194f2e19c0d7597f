"""Words that stand side by side in articles: what may follow the words a reader has typed.

They are counted at indexing time over titles, leads and bodies, a text that stands on many sites once. A
sequence is made of words of one sentence with nothing but a space between two; it is two to four words long,
and ends with a word that means something. Each length is a pass over the records: a longer one is a shorter
one that was counted and the word behind. Words are known there by 32-bit hashes, and are named in the end.

What is left is as much as the archive has words, the most frequent ones. Whoever offers one looks
whether an article still has it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.store.document import PARTS, term_hash
from searchsvc.store.lexicon import Entry

if TYPE_CHECKING:
    from searchsvc.store.records import Bulk
    from searchsvc.store.store_writer import StoreWriter

LONGEST = 4
"""Words of a sequence: «подготовка к итоговой аттестации»; longer ones are seldom the same."""

FEWEST_KEPT = 100_000
"""Sequences that are kept in any archive, 6 MB; one of more words keeps as many as it has words. Up to some
1,000 articles these are all there are, so that what a single article says can be offered."""

MOSTLY = 0.8
"""A sequence is left out where this share of its articles go on with the same word (as in ``phrases``)."""

LEAST_LONGER = 3
"""Articles of a sequence with more than two words that mean something, and of one that replaces a shorter."""

COUNTED = 4_000_000
"""Sequences of one length that are counted at once, 48 MB: where there are more, the rarest are forgotten."""

GOES_ON = 1_000_000
"""Sequences of one length that longer ones are made of, the most frequent ones."""

_GATHERED = 1_000_000  # occurrences counted at once
_BATCH = 100
_AT_ONCE = 10_000
_TEXT = [PARTS.index(name) for name in ("title", "lead", "body")]
_WORD = np.uint64(32)
_PLAIN, _STOP = 1, 2

Words32 = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Counted:
    """Sequences of one length: each is one of the shorter ones (or a word) and the word that follows.

    ``keys`` rise; the upper half numbers the shorter sequence, the lower is the hash of the last word.
    """

    keys: Keys
    texts: Counts

    def most_frequent(self, most: int) -> _Counted:
        """Return these without the rarest, so that *most* are left at most."""
        found, least = self, 1
        while len(found.keys) > most:
            least += 1
            kept = found.texts >= least
            found = _Counted(found.keys[kept], found.texts[kept])
        return found

    def numbers(self, keys: Keys) -> tuple[Words32, Flags]:
        """Return the numbers of *keys*, and which of them are there."""
        if not len(self.keys):
            return np.zeros(len(keys), np.uint32), np.zeros(len(keys), bool)
        order = np.argsort(keys)  # looked up in order they are found three times as fast
        at = np.empty(len(keys), np.int64)
        at[order] = np.searchsorted(self.keys, keys[order])
        at = np.minimum(at, len(self.keys) - 1)
        return at.astype(np.uint32), self.keys[at] == keys


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Words of some documents in their order, compounds whole; ``joined`` where but a space is before."""

    words: Words32
    joined: Flags
    text: Ints


def shared_sequences(writer: StoreWriter, forms: Callable[[], Iterable[str]]) -> list[Entry]:
    """Return the sequences of the present documents, in order; *forms* gives all their words, the same each
    time: they are gone through once for what is known of them, and once for those that are left."""
    return _named(list(_chosen(_levels(writer), _Vocabulary.of(forms()))), forms())


def _levels(writer: StoreWriter) -> list[_Counted]:
    levels: list[_Counted] = []
    for _ in range(LONGEST - 1):
        levels.append(_count(writer, levels).most_frequent(GOES_ON))
    return levels


def _count(writer: StoreWriter, levels: list[_Counted]) -> _Counted:
    """Count the sequences of one word more than the last of *levels* has, two words at first."""
    counted = _Counted(np.empty(0, np.uint64), np.empty(0, np.uint32))
    gathered: list[Keys] = []
    for tokens in _tokens(writer):
        found, at = _longest(tokens, levels)
        following = at + len(levels) + 1
        keys = found.astype(np.uint64) << _WORD | tokens.words[following]
        order = np.lexsort((tokens.text[at], keys))
        keys, text = keys[order], tokens.text[at][order]
        gathered.append(keys[_new(keys) | _new(text)])
        if sum(map(len, gathered)) > _GATHERED:
            counted = _added(counted, np.concatenate(gathered))
            gathered.clear()
    return _added(counted, np.concatenate(gathered)) if sum(map(len, gathered)) else counted


def _longest(tokens: _Tokens, levels: list[_Counted]) -> tuple[Words32, Ints]:
    """Return the numbers of the longest sequences of *levels* that a word follows, and where they begin."""
    at = np.flatnonzero(tokens.joined[1:])
    found = tokens.words[at]
    for size, level in enumerate(levels, 1):
        keys = found.astype(np.uint64) << _WORD | tokens.words[at + size]
        found, there = level.numbers(keys)
        there &= at + size + 1 < len(tokens.words)
        there[there] = tokens.joined[at[there] + size + 1]
        found, at = found[there], at[there]
    return found, at


def _added(known: _Counted, keys: Keys) -> _Counted:
    """Return *known* with further *keys*, each once a text. Nothing but the new ones is ever copied twice."""
    keys = np.sort(keys)
    starts = np.flatnonzero(_new(keys))
    texts = np.diff(starts, append=len(keys)).astype(np.uint32)
    keys = keys[starts]
    at = np.searchsorted(known.keys, keys)
    there = np.zeros(len(keys), bool)
    inside = at < len(known.keys)
    there[inside] = known.keys[at[inside]] == keys[inside]
    known.texts[at[there]] += texts[there]
    new = ~there
    return _Counted(
        np.insert(known.keys, at[new], keys[new]), np.insert(known.texts, at[new], texts[new])
    ).most_frequent(COUNTED)


def _new(values: npt.NDArray[Any]) -> Flags:
    """Return where another value begins."""
    found = np.ones(len(values), bool)
    found[1:] = values[1:] != values[:-1]
    return found


def _tokens(writer: StoreWriter) -> Iterator[_Tokens]:
    """Yield the words of present documents batch by batch, of reprints those of the first alone."""
    present = writer.present()
    if not len(present):
        return
    groups = writer.reprints.groups()[present]
    _, firsts = np.unique(np.where(groups > 0, groups, -present), return_index=True)
    counted = np.zeros(int(present[-1]) + 1, bool)
    counted[present[firsts]] = True
    for first in range(1, len(counted), _BATCH):
        stop = min(first + _BATCH, len(counted))
        yield _words(writer.bulk(first, stop - 1), counted[first:stop])


def _words(found: Bulk, counted: Flags) -> _Tokens:
    owner = np.repeat(np.arange(len(found.sizes)), found.sizes)
    wanted = np.flatnonzero(counted[owner] & np.isin(found.rows["part"], _TEXT))
    rows, owner = found.rows[wanted], owner[wanted]
    # A word has a row a lemma; a compound stands where its first part does, and covers all of them.
    order = np.argsort(
        owner << 40 | rows["start"].astype(np.int64) << 8 | 255 - rows["size"].astype(np.int64)
    )
    rows, owner = rows[order], owner[order]
    start = owner << 32 | rows["start"]
    stop = start + rows["size"]
    new = np.ones(len(rows), bool)
    new[1:] = start[1:] >= np.maximum.accumulate(stop)[:-1]
    rows, start, stop, owner = rows[new], start[new], stop[new], owner[new]
    joined = np.zeros(len(rows), bool)
    joined[1:] = (start[1:] == stop[:-1] + 1) & (rows["sentence"][1:] == rows["sentence"][:-1])
    return _Tokens(rows["form"], joined, owner)


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """What is known of words by their hashes, which rise."""

    hashes: Words32
    plain: Flags
    stops: Flags

    @classmethod
    def of(cls, forms: Iterable[str]) -> _Vocabulary:
        """Note what is known of *forms*; the words themselves would take 100 MB for 450,000."""
        hashes, kinds = array("I"), bytearray()
        for form in forms:
            hashes.append(term_hash(form))
            kinds.append(_PLAIN * _is_plain(form) | _STOP * (form in STOP_WORDS))
        found = np.frombuffer(hashes, np.uint32)[::-1]
        unique, last = np.unique(found, return_index=True)  # of two with one hash the last is named
        known = np.frombuffer(kinds, np.uint8)[::-1][last]
        return cls(unique, (known & _PLAIN) > 0, (known & _STOP) > 0)

    def offered(self, sequences: Words32) -> tuple[Flags, Ints]:
        """Say which of *sequences* can be offered, and how many words of each mean something.

        They begin with a word that means something, or are a stop word and one: «в школе».
        """
        at = np.minimum(np.searchsorted(self.hashes, sequences), max(len(self.hashes) - 1, 0))
        known = self.hashes[at] == sequences
        tells = known & ~self.stops[at]
        plain = self.plain[at] | (known & ~tells)
        plain[:, 0] |= known[:, 0]  # «11 класс»
        begins = tells[:, 0] | (sequences.shape[1] == 2)
        return plain.all(axis=1) & begins & tells[:, -1], tells.sum(axis=1)


def _is_plain(form: str) -> bool:
    return form.replace("-", "").isalnum() and not form.isdigit()


def _chosen(levels: list[_Counted], vocabulary: _Vocabulary) -> Iterator[tuple[Words32, Counts]]:
    """Yield the most frequent sequences that can be offered, length by length, with their texts."""
    if not len(vocabulary.hashes):
        return
    words: list[Words32] = []
    texts: list[Counts] = []
    for level in levels:
        first = (level.keys >> _WORD).astype(np.int64)
        begun = words[-1][first] if words else first.astype(np.uint32)[:, None]
        words.append(np.concatenate([begun, level.keys.astype(np.uint32)[:, None]], axis=1))
        offered, telling = vocabulary.offered(words[-1])
        offered &= (telling <= 2) | (level.texts >= LEAST_LONGER)
        if texts:  # of the shorter ones those that mostly go on like this
            best = np.zeros(len(texts[-1]), np.uint32)
            np.maximum.at(best, first[offered], level.texts[offered])
            texts[-1][(best >= LEAST_LONGER) & (best >= MOSTLY * texts[-1])] = 0
        texts.append(np.where(offered, level.texts, np.uint32(0)))
    counts = np.concatenate(texts)
    kept = np.zeros(len(counts), bool)
    kept[np.argsort(-counts.astype(np.int64), kind="stable")[: max(FEWEST_KEPT, len(vocabulary.hashes))]] = (
        True
    )
    kept &= counts > 0
    parts = np.split(kept, np.cumsum([len(one) for one in texts])[:-1])
    for rows, some, here in zip(words, texts, parts, strict=True):
        yield rows[here], some[here]


def _named(chosen: list[tuple[Words32, Counts]], forms: Iterable[str]) -> list[Entry]:
    """Return sequences of hashes as words, in order."""
    wanted = {word for rows, _ in chosen for word in np.unique(rows).tolist()}
    names = {word: form for form in forms if (word := term_hash(form)) in wanted}
    entries: list[Entry] = []
    for rows, texts in chosen:
        for first in range(0, len(rows), _AT_ONCE):  # as lists all rows would take more than the words
            some = rows[first : first + _AT_ONCE].tolist(), texts[first : first + _AT_ONCE].tolist()
            for row, count in zip(*some, strict=True):
                form = " ".join(names[word] for word in row)
                entries.append(Entry(form, form, count))
    entries.sort()
    return entries
