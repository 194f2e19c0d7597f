"""What was typed so far, cut before the word that is still being typed; behind a space none is yet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from searchsvc.correction.keyboard import TO_LATIN, TO_RUSSIAN
from searchsvc.language.text import CYRILLIC, LATIN, clean, squeeze
from searchsvc.language.wording import key_of
from searchsvc.query import syntax as query
from searchsvc.query.syntax import MAX_LENGTH, QUOTES

MOST_WORDS = 8
"""Words before the last one that are looked at."""

_LAST = re.compile(r"\S+$")
_MARKS = rf"[-!({QUOTES}]|(?:заголовок|title):"
_OPENING = re.compile(rf"(?:{_MARKS})*", re.IGNORECASE)
_PLAIN = re.compile(r"[^\W_]+(?:[-‐‑'’./][^\W_]+)*[-‐‑'’./]?")
_KEYS = frozenset("`[];',.{}:\"<>~")
_OTHER = frozenset("@+#")  # of addresses, and of names that a word is only a part of: «C++»
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Typed:
    """A text cut before its last word: what stands before all plain words, these, and the beginning.

    The beginning is empty where a space stands behind the words: they are whole, and a further one follows.
    ``alone`` where an operator stands before the beginning, which is for one word only.
    """

    head: str
    words: tuple[str, ...]
    last: str
    alone: bool = False

    @property
    def is_russian(self) -> bool:
        """Whether the beginning has a Russian letter."""
        return bool(CYRILLIC.search(self.last))

    def before(self, words: int = 0) -> str:
        """Return what stands before the last *words* of the plain words, with the space that follows."""
        kept = self.words[: len(self.words) - words]
        return self.head + "".join(f"{word} " for word in kept)


def cut(text: str) -> Typed | None:
    """Return *text* cut before its last word; None where it does not end in one."""
    ended = text[-1:].isspace()
    typed = _cut(squeeze(clean(text))[:MAX_LENGTH].rstrip())
    if not ended or typed is None:
        return typed
    if typed.alone or any(mark in typed.head for mark in QUOTES) or not _PLAIN.fullmatch(typed.last):
        return None
    return replace(typed, words=(*typed.words, typed.last), last="")


def _cut(text: str) -> Typed | None:
    match = _LAST.search(text)
    if not match:
        return None
    last = match.group()
    opening = _OPENING.match(last)
    start = match.start() + (opening.end() if opening else 0)
    last = text[start:]
    if not last or len(last) > _LONGEST or not _OTHER.isdisjoint(last) or "://" in last or not key_of(last):
        return None
    if _is_field(last) or (last[-1] in QUOTES and last[-1] != '"'):
        return None
    if start > match.start():  # quotes and operators bind what stands before
        bound = not set(text[match.start() : start]) <= {*QUOTES, "("}
        return Typed(text[:start], (), last, alone=bound)
    words: list[str] = []
    head = text[:start]
    while head.endswith(" ") and (word := _LAST.search(head[:-1])) and len(words) < MOST_WORDS:
        if word.group() in query.OR or not (_PLAIN.fullmatch(word.group()) or _is_relayable(word.group())):
            break
        words.insert(0, word.group())
        head = head[: word.start()]
    if head and not head.endswith(" "):
        return Typed(text[:start], (), last)
    return Typed(head, tuple(words), last)


def _is_field(last: str) -> bool:
    name, colon, _ = last.partition(":")
    return bool(colon) and query.is_field(name)


def _is_relayable(word: str) -> bool:
    return bool(LATIN.search(word)) and all(letter.isalnum() or letter in _KEYS for letter in word)


def other_layout(typed: Typed) -> Iterator[Typed]:
    """Yield readings of the last word on the other keyboard layout: all of it, its end, its beginning."""
    last = typed.last
    if LATIN.search(last) or not _KEYS.isdisjoint(last):
        if not CYRILLIC.search(last):
            yield replace(typed, last=last.translate(TO_RUSSIAN))
            return
        for place in range(1, len(last)):
            head, tail = last[:place], last[place:]
            if not LATIN.search(head):
                yield replace(typed, last=head + tail.translate(TO_RUSSIAN))
            if not LATIN.search(tail):
                yield replace(typed, last=head.translate(TO_RUSSIAN) + tail)
    elif CYRILLIC.search(last):
        yield replace(typed, last=last.translate(TO_LATIN))
