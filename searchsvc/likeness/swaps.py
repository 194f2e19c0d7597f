"""Words exchanged between texts that are otherwise one: a form filled in again, or slips put right.

Both bodies are laid beside each other by the quadruples that each has once. Where a run of equal words
ends on both sides and goes on a few words later, what stands between was exchanged. Words left out or
added are no exchange; of another beginning or end only numbers and times are: sites sign what they
take over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt

from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.text import fold
from searchsvc.store.document import KIN_BITS, Record, term_hash
from searchsvc.store.shingles import BODY, QUADRUPLE, Lemmas, Shingles, shingles, words_of

LONGEST = 6
"""Words between two runs that are compared; more than that is a passage written anew. «Артём Соколов из
гимназии» is one place: runs are of four words at least."""

NEAR = 0.8
"""Ratio (difflib) of the letters of two spellings from which one is the other with a slip put right:
«шокла» has .8 of «школа», «Петров» .5 of «Павлов», «биологии» .47 of «географии»."""

_EDGE = np.arange(QUADRUPLE, dtype=np.uint32)
_STOP = frozenset(map(term_hash, STOP_WORDS))
_COUNTED = """
январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь
понедельник вторник среда четверг пятница суббота воскресенье
зима весна лето осень зимний весенний летний осенний
один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать двадцать тридцать сорок
первый второй третий четвертый пятый шестой седьмой восьмой девятый десятый одиннадцатый двенадцатый
"""
_COUNTERS = frozenset(map(term_hash, _COUNTED.split()))


@dataclass(frozen=True, slots=True)
class Swaps:
    """How many words were exchanged for quite different ones: names and numbers, and others."""

    details: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a body: ``lemmas`` has one of each, always the same of its lemmas."""

    lemmas: Lemmas
    _rows: Record
    _starts: npt.NDArray[np.int64]
    _text: str

    @classmethod
    def of(cls, record: Record, text: str) -> Words:
        """Return the words of a record in order of position; *text* is what its rows point into."""
        body = record[record["part"] == BODY]
        starts, lemmas = words_of(body)
        return cls(lemmas, body, starts, text)

    def between(self, first: int, end: int) -> list[_Word]:
        """Return the words of some places that have a meaning of their own."""
        found = [self._word(place) for place in range(first, end)]
        return [word for word in found if word is not None]

    def _word(self, place: int) -> _Word | None:
        start = int(self._starts[place])
        end = int(self._starts[place + 1]) if place + 1 < len(self._starts) else len(self._rows)
        rows = self._rows[start:end]
        if int(rows["form"][0]) in _STOP:
            return None
        lemmas = frozenset(rows["lemma"].tolist())
        begin = int(rows["start"][0])
        spelling = self._text[begin : begin + int(rows["size"].max())]
        opens = not start or self._rows["sentence"][start - 1] != rows["sentence"][0]
        return _Word(
            lemmas,
            frozenset((rows["family"] >> np.uint32(KIN_BITS)).tolist()),
            fold(spelling),
            counted=any(letter.isdigit() for letter in spelling) or not _COUNTERS.isdisjoint(lemmas),
            name=spelling[:1].isupper() and not opens,
        )


@dataclass(frozen=True, slots=True)
class _Word:
    lemmas: frozenset[int]
    families: frozenset[int]
    spelling: str
    counted: bool
    name: bool

    @property
    def detail(self) -> bool:
        return self.counted or self.name

    def like(self, other: _Word) -> bool:
        """Say whether one may stand for the other: the same, kin, or spelt nearly so.

        Numbers and times must be the same, and names have no kin: «Александр» is not «Алексей».
        """
        if not self.lemmas.isdisjoint(other.lemmas):
            return True
        if self.counted and other.counted:
            return False
        if not (self.name and other.name) and not self.families.isdisjoint(other.families):
            return True
        ours, theirs = self.spelling, other.spelling
        if not ours or sorted(ours) == sorted(theirs):  # two letters in the wrong order
            return bool(ours)
        return SequenceMatcher(None, ours, theirs).ratio() >= NEAR


def swaps(left: Words, right: Words) -> Swaps:
    """Count the words exchanged between two texts; an exchange of others made twice is one of details."""
    details, others = 0, 0
    again: Counter[tuple[frozenset[int], frozenset[int]]] = Counter()
    for ours, theirs in _places(left, right):
        mine = [word for word in ours if not any(word.like(other) for other in theirs)]
        yours = [word for word in theirs if not any(word.like(other) for other in ours)]
        named = min(sum(word.detail for word in mine), sum(word.detail for word in yours))
        details += named
        others += min(len(mine), len(yours)) - named
        if len(mine) == len(yours) == 1 and not named:
            again[mine[0].families, yours[0].families] += 1
    repeated = sum(count for count in again.values() if count > 1)
    return Swaps(details + repeated, others - repeated)


def _places(left: Words, right: Words) -> Iterator[tuple[Sequence[_Word], Sequence[_Word]]]:
    beside = _beside(left.lemmas, right.lemmas)
    matched = np.flatnonzero(beside >= 0)
    for before, after in zip(matched[:-1].tolist(), matched[1:].tolist(), strict=True):
        first, end = int(beside[before]) + 1, int(beside[after])
        if not (before + 1 < after <= before + 1 + LONGEST and first < end <= first + LONGEST):
            continue
        ours = left.between(before + 1 - QUADRUPLE, after - QUADRUPLE)
        theirs = right.between(first - QUADRUPLE, end - QUADRUPLE)
        if before < QUADRUPLE or after >= len(left.lemmas) + QUADRUPLE:
            ours, theirs = ([word for word in words if word.counted] for words in (ours, theirs))
        yield ours, theirs


def _beside(left: Lemmas, right: Lemmas) -> npt.NDArray[np.int64]:
    """Return the place in *right* of each word of *left*, -1 where it stands in no run that both have once.

    Before and after both texts stand words that are equal: where only the last word is, it is in a run.
    """
    left, right = (np.concatenate([_EDGE, lemmas, _EDGE[::-1]]) for lemmas in (left, right))
    ours, theirs = _once(shingles(left)), _once(shingles(right))
    _, here, there = np.intersect1d(ours[0], theirs[0], assume_unique=True, return_indices=True)
    beside = np.full(len(left), -1)
    for offset in range(QUADRUPLE):
        beside[ours[1][here] + offset] = theirs[1][there] + offset
    return beside


def _once(values: Shingles) -> tuple[Shingles, npt.NDArray[np.int64]]:
    found, first, counts = np.unique(values, return_index=True, return_counts=True)
    return found[counts == 1], first[counts == 1]
