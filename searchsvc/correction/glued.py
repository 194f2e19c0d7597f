"""Words written as one: «детскийсад», «решилЕфимов», «вшколу», «экзаменпофизике», «9класс».

Taken apart into words that the archive has. A cut between two long words says much by itself; others are
believed where capitals, alphabets or digits meet, where a preposition governs the case of what follows, or
where articles have the words side by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from searchsvc.correction.vocabulary import Guess, Vocabulary
from searchsvc.language.grammar import PREPOSITIONS
from searchsvc.language.letters import SPELLABLE
from searchsvc.language.text import CYRILLIC, LATIN, fold

GLUED = 4.0
GLUED_LONG = 1.0
"""What a lost space costs: less between words of five letters or more, which seldom meet in one by chance;
nothing where capitals tell of it."""

SIDE_BY_SIDE = 6.0
TOGETHER = 3.0
"""How much less two words cost that articles have in this order, or both: they come from one query."""

APART = 2.0
"""How much more two words cost that no article has both."""

FITS = 4.0
"""How much less two words cost that make a phrase by their grammar."""

SECOND_FAULT = 2.0
"""What it costs that a word has a further fault, beside that fault."""

NAME = 3.0
"""What it costs beside to take a word with a capital for a fault: it is likely to be a name nobody knows."""

_CUTS_WEIGHED = 2
_CUTS_MISSPELT = 2
_SHORTEST_PART = 3
_SHORTEST_MIXED = 2  # «ITкуб»
_SHORTEST_GOVERNED = 4
_LONG_PART = 5
_SHORTEST_MISSPELT = 4

_GLUED = re.compile("[A-Za-zА-яЁё][A-Za-zА-яЁё-]{3,38}[A-Za-zА-яЁё]")
# «егэ2024», «9класс»; but «учитель2» is a name somebody has given, and «2ГИС» is one of a firm.
_WITH_NUMBER = re.compile("([А-яЁё]{3,40})([0-9]{2,4})|([0-9]{1,4})([а-яё]{3,40})")
_WITH_CAPITALS = re.compile("([0-9]{1,4})([А-ЯЁ]{2,5})")
_WITH_SIGN = re.compile("[Nn№]([0-9]{1,5})")


def taken_apart(bare: str, vocabulary: Vocabulary) -> list[Guess]:
    """Return the words of the archive that a word without marks may be made of, likeliest first."""
    if vocabulary.has(bare) or vocabulary.is_word(bare):
        return []
    if any(map(str.isdigit, bare)):
        return list(_from_number(bare, vocabulary))
    if not _GLUED.fullmatch(bare):
        return []
    found = sorted([*_in_two(bare, vocabulary), *_at_a_preposition(bare, vocabulary)])
    return sorted(_weighed(one, vocabulary) for one in found[:_CUTS_WEIGHED])


def _from_number(bare: str, vocabulary: Vocabulary) -> Iterator[Guess]:
    """Yield the word and the number of «9класс»; of «273ФЗ» if articles have them side by side, «N1493»."""
    number = _WITH_NUMBER.fullmatch(bare) or _WITH_CAPITALS.fullmatch(bare)
    if number:
        head, tail = (part for part in number.groups() if part)
        word = tail if head.isdigit() else head
        if vocabulary.has(word) and (word is head or tail.islower() or vocabulary.hits(f'"{head} {tail}"')):
            yield Guess(vocabulary.cost(word), f"{head} {tail}")
    elif (sign := _WITH_SIGN.fullmatch(bare)) and vocabulary.has(sign.group(1)):
        yield Guess(vocabulary.cost(sign.group(1)), f"№ {sign.group(1)}")


def taken_apart_misspelt(bare: str, vocabulary: Vocabulary) -> Iterator[Guess]:
    """Yield two words, the longer one of which is known and the other misspelt."""
    if not _GLUED.fullmatch(bare):
        return
    cuts = [
        (len(known), known, other, known is head)
        for head, tail, _ in _cuts(bare)
        for known, other in ((head, tail), (tail, head))
        if len(known) >= _SHORTEST_MISSPELT <= len(other) and _is_spellable(other) and vocabulary.knows(known)
    ]
    for _, known, other, known_first in sorted(cuts, reverse=True)[:_CUTS_MISSPELT]:
        for guess in vocabulary.near(other)[:1]:
            put_right = in_case_of(other, guess.word)
            both = f"{known} {put_right}" if known_first else f"{put_right} {known}"
            cost = guess.cost + vocabulary.cost(known) + _lost(known, other) + SECOND_FAULT
            yield Guess(cost - SIDE_BY_SIDE * bool(vocabulary.hits(f'"{both}"')), both)


def in_case_of(typed: str, word: str) -> str:
    """Return *word* with the capitals of *typed*; where that has none, with its own."""
    if typed.isupper() and len(typed) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if typed[:1].isupper() else word


def has_inner_capital(word: str) -> bool:
    """Say whether there are capitals inside, as in «ВсОШ»."""
    return not word.isupper() and word[1:] != word[1:].lower()


def _weighed(guess: Guess, vocabulary: Vocabulary) -> Guess:
    if not vocabulary.hits(guess.word):
        return guess._replace(cost=guess.cost + APART)
    side_by_side = vocabulary.hits(f'"{guess.word}"')
    return guess._replace(cost=guess.cost - (SIDE_BY_SIDE if side_by_side else TOGETHER))


def _in_two(bare: str, vocabulary: Vocabulary) -> Iterator[Guess]:
    mixed = bool(LATIN.search(bare))  # no word is of both alphabets: one that the archive has will do
    for head, tail, border in _cuts(bare):
        known = [vocabulary.knows(part) for part in (head, tail)]
        if all(known) or (mixed and any(known) and all(map(vocabulary.is_word, (head, tail)))):
            lost = 0.0 if border else _lost(head, tail) + NAME * bare[0].isupper()
            lost -= FITS * vocabulary.may_follow(head, tail)
            yield Guess(lost + vocabulary.cost(head) + vocabulary.cost(tail), f"{head} {tail}")


def _cuts(word: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the ways to take *word* apart, and whether capitals say that words meet there.

    «решилЕфимов», «ДТПИталия»: where there are capitals inside, there is no way elsewhere; nor is there but
    between the alphabets in a word of both, and in one in Latin letters there is none.
    """
    if not CYRILLIC.search(word):
        return
    mixed = bool(LATIN.search(word))
    inner = mixed or has_inner_capital(word)
    shortest = _SHORTEST_MIXED if mixed else _SHORTEST_PART
    for place in range(shortest, len(word) - shortest + 1):
        head, tail = word[:place], word[place:]
        if mixed:
            border = head[-1].isascii() != tail[0].isascii()
        else:
            border = tail[0].isupper() and (head[-1].islower() or tail[1].islower())
        if (border or not inner) and "-" not in head[-1] + tail[0]:
            yield head, tail, border


def _at_a_preposition(bare: str, vocabulary: Vocabulary) -> Iterator[Guess]:
    """Yield «в школу» for «вшколу», «экзамен по физике» for «экзаменпофизике»."""
    lower = bare.lower()
    if not lower.isalpha() or lower.isascii() or bare[1:] != lower[1:]:
        return
    name = NAME * bare[0].isupper()
    for small in PREPOSITIONS:
        place = lower.find(small)
        while place >= 0:
            head, tail = bare[:place], bare[place + len(small) :]
            if (not head or (len(head) >= _SHORTEST_PART and vocabulary.knows(head))) and (
                len(tail) >= _SHORTEST_GOVERNED
                and vocabulary.knows(tail)
                and vocabulary.may_follow(small, tail)
            ):
                cost = vocabulary.cost(tail) + name
                if head:
                    cost += _lost(head, tail) + vocabulary.cost(head)
                    yield Guess(cost, f"{head} {small} {tail}")
                else:
                    yield Guess(cost + GLUED, f"{bare[: len(small)]} {tail}")
            place = lower.find(small, place + 1)


def _lost(head: str, tail: str) -> float:
    return GLUED_LONG if min(len(head), len(tail)) >= _LONG_PART else GLUED


def _is_spellable(word: str) -> bool:
    return bool(SPELLABLE.fullmatch(fold(word)))
