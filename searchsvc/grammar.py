"""Whether one word can stand behind another, as far as its form tells."""

from __future__ import annotations

from searchsvc.analysis import Analyzer, Reading

AGREES, LISTED, STRANGE = 1.0, 0.5, 0.2
"""How well a word stands behind another: as the form of that asks for; as a further word of a query
(«олимпиада литература»); as a verb, participle or adverb does."""

LIKELY = 0.05
"""Readings of a lower probability are not looked at."""

_DEFINING = frozenset({"ADJF", "PRTF"})
_NAMING = frozenset({"NOUN", "ADJF"})


def goes_with(before: str, word: str, analyzer: Analyzer) -> float:
    """Return how well *word* stands behind *before*: an adjective it agrees with, or a noun that governs it.

    A word that has no readings, of Latin letters or digits, is listed.
    """
    readings = _likely(word, analyzer)
    if readings and all(_NAMING.isdisjoint(reading.tags) for reading in readings):
        return STRANGE
    for former in _likely(before, analyzer):
        if not _DEFINING.isdisjoint(former.tags):
            if any(_agree(former, reading) for reading in readings):
                return AGREES
        elif "NOUN" in former.tags and any(_is_genitive(reading) for reading in readings):
            return AGREES
    return LISTED


def _agree(one: Reading, other: Reading) -> bool:
    # Grammemes refuse to be compared with what is none.
    same = [str(getattr(one, name)) == str(getattr(other, name)) for name in ("case", "number", "gender")]
    return same[0] and same[1] and (same[2] or str(one.number) == "plur")


def _is_genitive(reading: Reading) -> bool:
    return str(reading.case) == "gent" and not _NAMING.isdisjoint(reading.tags)


def _likely(word: str, analyzer: Analyzer) -> list[Reading]:
    return [reading for reading in analyzer.readings(word) if reading.score >= LIKELY]
