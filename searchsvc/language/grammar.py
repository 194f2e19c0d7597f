"""Which words may follow which, as far as their forms tell: a case its preposition, a noun its adjective, a
genitive its noun."""

from __future__ import annotations

from collections.abc import Iterable

from searchsvc.language.analysis import Analyzer, Reading

AGREES, LISTED, STRANGE = 1.0, 0.5, 0.2
"""How well a word stands behind another: as the form of that asks for; as a further word of a query
(«олимпиада литература»); as a verb, participle or adverb does."""

LIKELY = 0.05
"""Readings of a lower probability are not looked at."""

_GOVERNED = {
    "в во на": "accs loct", "о об": "loct", "по": "datv accs loct", "к ко": "datv", "с со": "ablt gent",
    "из от до для у без": "gent", "за под": "ablt accs", "над": "ablt", "при": "loct", "про через": "accs",
}  # fmt: skip
PREPOSITIONS = {
    small: frozenset(cases.split()) for some, cases in _GOVERNED.items() for small in some.split()
}
"""Prepositions of news, and the cases after them."""

_SECOND = {"gen2": "gent", "loc2": "loct", "acc2": "accs"}
_DEFINING = frozenset({"ADJF", "PRTF"})
_NAMING = frozenset({"NOUN", "ADJF"})


def may_follow(head: str, heads: Iterable[Reading], tails: Iterable[Reading]) -> bool:
    """Say whether a noun read as *tails* may follow the folded *head*, itself read as *heads*."""
    after = tuple(tails)
    if governed := PREPOSITIONS.get(head):
        return any(_case(tail) in governed for tail in after)
    nouns = [tail for tail in after if "NOUN" in tail.tags]
    return any(_governs(one, noun) for one in heads for noun in nouns)


def goes_with(before: str, word: str, analyzer: Analyzer) -> float:
    """Return how well *word* stands behind *before*: an adjective it agrees with, or a noun that governs it.

    A word that has no readings, of Latin letters or digits, is listed.
    """
    readings = _likely(word, analyzer)
    naming = [reading for reading in readings if not _NAMING.isdisjoint(reading.tags)]
    if readings and not naming:
        return STRANGE
    for former in _likely(before, analyzer):
        defining = not _DEFINING.isdisjoint(former.tags)
        if any(_governs(former, reading) for reading in (readings if defining else naming)):
            return AGREES
    return LISTED


def governs(before: str, word: str, analyzer: Analyzer) -> bool:
    """Say whether *word* may be in a case that the folded preposition *before* asks for; it may behind any
    other word, and so may a word that has no readings."""
    governed = PREPOSITIONS.get(before)
    readings = _likely(word, analyzer)
    return not governed or not readings or any(_case(reading) in governed for reading in readings)


def _governs(former: Reading, later: Reading) -> bool:
    """Say whether *former* is an adjective that agrees with *later*, or a noun and that its genitive."""
    if not _DEFINING.isdisjoint(former.tags):
        same = former.number == later.number and _case(former) == _case(later)
        return same and (former.number == "plur" or former.gender == later.gender)
    return "NOUN" in former.tags and _case(later) == "gent"


def _case(reading: Reading) -> str:
    return _SECOND.get(reading.case, reading.case)


def _likely(word: str, analyzer: Analyzer) -> list[Reading]:
    return [reading for reading in analyzer.readings(word) if reading.score >= LIKELY]
