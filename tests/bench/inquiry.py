"""How queries are made of a sentence: some of its words, in other forms, with faults, as a question."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import TypeVar

import pymorphy3

from searchsvc.stopwords import STOP_WORDS

_WORD = re.compile(r"[А-Яа-яЁёA-Za-z0-9]+(?:-[А-Яа-яЁёA-Za-z0-9]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"»]?\s+(?=[\"«А-ЯЁA-Z0-9—–-])")
_PIECE_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_RUSSIAN = re.compile("[А-Яа-яЁё]{4,}")
_MONTH = re.compile("январ|феврал|март|апрел|ма[йя]$|июн|июл|август|сентяб|октяб|нояб|декаб")
_YEAR = ("года", "году", "год")

DROPPED = 0.4
"""How likely a word of a damaged sentence is lost; what stays is as likely in another form."""

Item = TypeVar("Item")


def sentences(text: str) -> list[str]:
    """Return the sentences of *text*; their numbers are part of names of documents."""
    found = [one.strip() for line in text.splitlines() for one in _SENTENCE_END.split(line.strip())]
    return [one for one in found if one]


def pieces(text: str) -> list[str]:
    """Return what lies between full stops and lines, initials and abbreviations parted too."""
    return [one.strip() for one in _PIECE_END.split(text) if one.strip()]


def words_of(text: str) -> list[str]:
    """Return the words of *text*, a compound as one."""
    return _WORD.findall(text)


def is_content(word: str) -> bool:
    """Say whether a word tells something alone."""
    return len(word) > 2 and word.lower().replace("ё", "е") not in STOP_WORDS


def content_words(text: str) -> list[str]:
    """Return the words of *text* that tell something alone."""
    return [word for word in words_of(text) if is_content(word)]


class Inquirer:
    """Makes queries, all draws by one generator of random numbers."""

    def __init__(self, generator: random.Random) -> None:
        self._random = generator
        self._morph = pymorphy3.MorphAnalyzer(lang="ru")

    def choice(self, items: Sequence[Item]) -> Item:
        """Draw one of *items*."""
        return self._random.choice(items)

    def sample(self, items: Sequence[Item], number: int) -> list[Item]:
        """Draw *number* of *items*, or all in another order where there are no more."""
        return self._random.sample(items, min(number, len(items)))

    def some_words(self, sentence: str) -> str:
        """Return two to four content words, shuffled, in other forms."""
        words = list(dict.fromkeys(content_words(sentence)))
        return " ".join(map(self._inflected, self.sample(words, self.choice([2, 3, 3, 4]))))

    def damaged(self, sentence: str) -> str:
        """Return what is left of a sentence when words get lost or into another form."""
        kept = [word for word in words_of(sentence) if self._random.random() > DROPPED]
        return " ".join(self._inflected(word) if self._random.random() < DROPPED else word for word in kept)

    def question(self, sentence: str) -> str | None:
        """Return a question after a number, a name or a noun of the sentence, None where there is none.

        Of the rest two or three content words are kept, and a fifth of the others.
        """
        words = words_of(sentence)
        taken = self._what_is_asked(words)
        if taken is None:
            return None
        asked, dropped = taken
        rest = [word for place, word in enumerate(words) if place not in dropped]
        self.choice(range(3))  # of a rule that is no more; without it all later draws would be others
        content = sum(map(is_content, rest))
        chosen = set(self.sample(range(content), self.choice([2, 2, 3])))
        kept, number = [], -1
        for word in rest:
            if is_content(word):
                number += 1
                kept += [word] if number in chosen else []
            elif self._random.random() < 0.2:
                kept.append(word)
        if sum(map(is_content, kept)) < 2:
            return None
        inflected = [self._inflected(word) if self._random.random() < 0.5 else word for word in kept]
        return f"{asked} {' '.join(inflected)}?"

    def _what_is_asked(self, words: Sequence[str]) -> tuple[str, set[int]] | None:
        """Return the word that asks and the places of the words that are the answer."""
        places = {
            "number": [at for at, word in enumerate(words) if word[0].isdigit()],
            "name": [at for at, word in enumerate(words) if at and word[0].isupper() and len(word) > 2],
            "noun": [
                at
                for at, word in enumerate(words)
                if is_content(word) and self._morph.parse(word)[0].tag.POS == "NOUN"
            ],
        }
        kinds = [kind for kind, found in places.items() if found]
        if not kinds:
            return None
        kind = self.choice(kinds)
        at = self.choice(places[kind])
        if kind == "noun":
            return self.choice(["Что", "Какой", "Какие", "Почему", "Как", "О чем"]), {at}
        if kind == "number":
            return self._asked_number(words, at)
        end = at + 1
        while end < len(words) and words[end][0].isupper():
            end += 1
        return self.choice(["Кто", "Где", "Как называется", "Какой"]), set(range(at, end))

    def _asked_number(self, words: Sequence[str], at: int) -> tuple[str, set[int]]:
        following = words[at + 1].lower() if at + 1 < len(words) else ""
        if following in _YEAR:
            return self.choice(["Когда", "В каком году"]), {at, at + 1}
        return ("Когда", {at, at + 1}) if _MONTH.match(following) else ("Сколько", {at})

    def _inflected(self, word: str) -> str:
        """Return another form of a word that the dictionary knows."""
        if not _RUSSIAN.fullmatch(word) or not self._morph.word_is_known(word):
            return word
        parse = self._morph.parse(word)[0]
        forms = [
            form.word for form in parse.lexeme if form.tag.POS == parse.tag.POS and form.word != word.lower()
        ]
        if not forms:
            return word
        form = self.choice(forms)
        return form.capitalize() if word[0].isupper() else form
