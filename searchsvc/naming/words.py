"""A text as words, numbers and signs; a name as a run of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from searchsvc.language.analysis import Reading

Kind = Literal["person", "organisation", "place"]

OPENING, CLOSING = '«"“„', '»"”“'
BEFORE = 6
"""Words before a name that tell its case."""

NUMBER_SIGNS = frozenset("№N#")
"""What stands before a number; values have «№ ». «N» is Latin."""

_TOKEN = re.compile(
    r"\b[Nn](?=\d+\b)|[^\W\d_](?:[^\W_]|[-\u2010\u2011'’](?=[^\W_])|[\u0300\u0301\u00ad])*|\d+|[^\w\s]|_"
)
_ENDS = frozenset(".!?…")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, number or sign. It may begin a sentence, where a capital says nothing, and perhaps opens a
    paragraph, which no name crosses."""

    text: str
    start: int
    stop: int
    begins: bool = False
    opens: bool = False

    @property
    def capital(self) -> bool:
        """Whether it begins with a capital letter."""
        return self.text[0].isupper()

    @property
    def initial(self) -> bool:
        """Whether it is one capital letter, perhaps a person's initial."""
        return len(self.text) == 1 and self.text.isupper()

    @property
    def telling(self) -> bool:
        """Whether its capital tells a name."""
        return self.capital and not self.begins


@dataclass(frozen=True, slots=True)
class Found:
    """Words *first* up to *last* (not included) are a name; ``normal`` is it in the nominative."""

    kind: Kind
    first: int
    last: int
    normal: str = ""


def words_of(text: str) -> list[Word]:
    """Return the words of *text*."""
    words: list[Word] = []
    begins, end = True, 0
    for match in _TOKEN.finditer(text):
        form = match.group()
        opens = "\n" in text[end : match.start()]
        begins, end = begins or opens, match.end()
        words.append(Word(form, match.start(), end, begins, opens))
        if form in _ENDS:
            short = len(words) > 1 and (words[-2].initial or (form == "." and len(words[-2].text) < 3))
            begins = not short  # «А. П.», «г.», «им.»
        elif form[0].isalnum():
            begins = False
    return words


def text_of(words: Sequence[Word], first: int, last: int) -> str:
    """Return words as they stand in the text, but what is written in several ways in one: «…», «№ 5»,
    «имени» for «им.», a space after an initial."""
    text = ""
    opened = False
    for at in range(first, last):
        sign = words[at].text
        ahead = words[at - 1] if at > first else None
        if sign == "." and ahead is not None and _is_named_after(words, at - 1):
            continue
        spaced = is_number_sign(words, at) or (at > first and is_number_sign(words, at - 1))
        spaced |= at > first + 1 and sign[0].isalpha() and words[at - 1].text == "." and words[at - 2].initial
        if ahead is not None and (words[at].start > ahead.stop or (spaced and ahead.text not in OPENING)):
            text += " "
        if sign in '"“”„':
            sign = "»" if opened else "«"
            opened = not opened
        elif is_number_sign(words, at):
            sign = "№"
        text += "имени" if _is_named_after(words, at) else sign
    return text


def _is_named_after(words: Sequence[Word], at: int) -> bool:
    """Whether «им.» or «им» stands there for «имени», and is no pronoun."""
    if words[at].text != "им" or at + 1 == len(words):
        return False
    after = words[at + 1]
    return after.capital or (after.text == "." and at + 2 < len(words) and words[at + 2].text[0].isalpha())


def is_number_sign(words: Sequence[Word], at: int) -> bool:
    """Tell whether a sign and the number after it stand there: «№ 5», «N5»."""
    number = at + 1 < len(words) and words[at + 1].text.isdigit()
    return number and words[at].text.upper() in NUMBER_SIGNS


def before(words: Sequence[Word], first: int) -> list[str]:
    """Return the words that stand before a name without a sign between."""
    found: list[str] = []
    for word in reversed(words[max(first - BEFORE, 0) : first]):
        if not word.text[0].isalnum():
            break
        found.insert(0, word.text)
    return found


def adjacent(words: Sequence[Word], at: int) -> bool:
    """Tell whether word *at* and the next stand with one space between them."""
    return at + 1 < len(words) and words[at + 1].start - words[at].stop == 1 and not words[at + 1].opens


def agree(adjective: Reading, noun: Reading) -> bool:
    """Tell whether two words agree in case, number and gender."""
    if (adjective.case, adjective.number) != (noun.case, noun.number):
        return False
    return noun.number == "plur" or adjective.gender == noun.gender


def lemmas_in(readings: Iterable[Reading], lemmas: Collection[str]) -> bool:
    """Tell whether a word may be a form of one of *lemmas*."""
    return any(reading.lemma in lemmas for reading in readings)


def listed(*lines: str) -> frozenset[str]:
    """Return the words of *lines*."""
    return frozenset(" ".join(lines).split())
