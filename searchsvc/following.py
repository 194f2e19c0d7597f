"""Which words may follow which: a case its preposition, a noun its adjective, a genitive its noun."""

from __future__ import annotations

from collections.abc import Iterable

from searchsvc.analysis import Reading

_GOVERNED = {
    "в во на": "accs loct", "о об": "loct", "по": "datv accs loct", "к ко": "datv", "с со": "ablt gent",
    "из от до для у без": "gent", "за под": "ablt accs", "над": "ablt", "при": "loct", "про через": "accs",
}  # fmt: skip
PREPOSITIONS = {
    small: frozenset(cases.split()) for some, cases in _GOVERNED.items() for small in some.split()
}
"""Prepositions of news, and the cases after them."""

_SECOND = {"gen2": "gent", "loc2": "loct", "acc2": "accs"}
_ADJECTIVES = frozenset({"ADJF", "PRTF"})


def may_follow(head: str, heads: Iterable[Reading], tails: Iterable[Reading]) -> bool:
    """Say whether a word read as *tails* may follow the folded *head*, itself read as *heads*."""
    after = tuple(tails)
    if governed := PREPOSITIONS.get(head):
        return any(_case(tail) in governed for tail in after)
    nouns = [tail for tail in after if "NOUN" in tail.tags]
    return any(
        _agree(one, noun) if not _ADJECTIVES.isdisjoint(one.tags) else _case(noun) == "gent"
        for one in heads
        for noun in nouns
        if "NOUN" in one.tags or not _ADJECTIVES.isdisjoint(one.tags)
    )


def _agree(adjective: Reading, noun: Reading) -> bool:
    same = adjective.number == noun.number and _case(adjective) == _case(noun)
    return same and (adjective.number == "plur" or adjective.gender == noun.gender)


def _case(reading: Reading) -> str:
    return _SECOND.get(reading.case, reading.case)
