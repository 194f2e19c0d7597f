"""Completion: what was typed so far to whole queries, from the words, phrases and titles of the archive.

Only the last word is completed, in the forms people write; what stands before it stays, unless a phrase
or title begins with it. A word that nothing begins with is tried on the other keyboard layout, then with
one letter changed. Of several words only what some article answers is offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import Literal

import numpy as np

from searchsvc import query
from searchsvc.analysis import Analyzer
from searchsvc.engine import Plan
from searchsvc.faults import TO_LATIN, TO_RUSSIAN
from searchsvc.filters import days_of, excluded_values, merged
from searchsvc.lexicon import Entry
from searchsvc.live import View
from searchsvc.phrases import key_of
from searchsvc.planning import plan
from searchsvc.prefixes import near_prefixes
from searchsvc.query import MAX_LENGTH, QUOTES
from searchsvc.repair import repair_query
from searchsvc.results import SearchRequest, Suggestion
from searchsvc.stopwords import STOP_WORDS
from searchsvc.text import clean, fold, squeeze
from searchsvc.vocabulary import Vocabulary

LOOKED_AT = 24
"""Most frequent words, and phrases, of a beginning that are looked at: enough for 8 of different lemmas."""

CHECKS = 4
"""Searches for one completion, at most: whether an article has its words. Each takes 0.5 to 2 ms."""

TITLES_FROM = 3
"""Letters from which on titles are offered: before, they would be any."""

TITLES = 3
TITLES_LOOKED_AT = 12
"""Newest titles of a beginning that are looked at: some may have been withdrawn."""

CATEGORIES = 1

SHORTEST_MISTYPED = 5
"""Letters of a beginning in which one may be wrong: shorter ones are near too much."""

CORRECTED = 3
"""Beginnings one letter away that are tried, the most frequent ones."""

PHRASE_BEGINS = 4
"""Words before the last one that a phrase may begin with."""

_LAST = re.compile(r"\S+$")
_MARKS = rf"[-!({QUOTES}]|(?:заголовок|title):"
_OPENING = re.compile(rf"(?:{_MARKS})*", re.IGNORECASE)
_PLAIN = re.compile(r"[^\W_]+(?:[-‐‑'’./][^\W_]+)*[-‐‑'’./]?")
_LATIN = re.compile("[A-Za-z]")
_CYRILLIC = re.compile("[А-яЁё]")
_KEYS = frozenset("`[];',.{}:\"<>~")
_LONGEST = 40

Kind = Literal["word", "phrase"]


@dataclass(frozen=True, slots=True)
class _Typed:
    """A text cut before its last word: what stands before all plain words, these, and the beginning.

    ``alone`` where an operator stands before the beginning, which is for one word only.
    """

    head: str
    words: tuple[str, ...]
    last: str
    alone: bool = False

    def before(self, words: int = 0) -> str:
        """Return what stands before the last *words* of the plain words, with the space that follows."""
        kept = self.words[: len(self.words) - words]
        return self.head + "".join(f"{word} " for word in kept)


@dataclass(slots=True)
class _Found:
    """Completions by kind, the likeliest first."""

    words: list[Suggestion] = field(default_factory=list)
    phrases: list[Suggestion] = field(default_factory=list)
    categories: list[Suggestion] = field(default_factory=list)
    titles: list[Suggestion] = field(default_factory=list)
    further: list[Suggestion] = field(default_factory=list)
    """Phrases in the place of the last word, behind others."""

    known: bool = False
    """Whether anything begins so, answered by an article together with the other words or not."""

    def __iter__(self) -> Iterator[list[Suggestion]]:
        return iter((self.words, self.phrases, self.categories, self.titles, self.further))


class Completer:
    """Completes texts in one state of the index."""

    def __init__(self, view: View, analyzer: Analyzer, vocabulary: Vocabulary) -> None:
        self._view = view
        self._analyzer = analyzer
        self._vocabulary = vocabulary
        self._lexicon = view.generation.store.lexicon()
        self._phrases = view.generation.store.phrases()
        self._checks = CHECKS

    def suggestions(self, text: str, limit: int) -> tuple[Suggestion, ...]:
        """Return up to *limit* queries that complete *text*; none for what is no beginning of a word."""
        typed = _cut(text)
        if typed is None or limit < 1:
            return ()
        typed, as_typed = self._repaired(typed), typed
        found = self._completed(typed, limit)
        chosen = _chosen(found, limit, phrases_first=bool(typed.words))
        if typed != as_typed:
            chosen = [replace(one, corrected=True) for one in chosen]
        if not found.known or (len(chosen) < limit and not _CYRILLIC.search(typed.last)):
            other = self._corrected(typed, limit, _other_layout(typed))
            chosen += [one for one in other if all(one.text != given.text for given in chosen)]
        if not chosen and not found.known and len(typed.last) >= SHORTEST_MISTYPED:
            near = near_prefixes(self._lexicon, fold(typed.last), CORRECTED)
            chosen = self._corrected(typed, limit, (replace(typed, last=one) for one in near), every=True)
        return tuple(chosen[:limit])

    def _corrected(
        self, typed: _Typed, limit: int, readings: Iterable[_Typed], *, every: bool = False
    ) -> list[Suggestion]:
        """Complete the first of *readings* that something begins with, or *every* one."""
        whole = _Found()
        for reading in readings:
            found = self._completed(reading, limit)
            for kept, new in zip(whole, found, strict=True):
                kept.extend(new)
            if found.known and not every:
                break
        chosen = _chosen(whole, limit, phrases_first=bool(typed.words))
        return [replace(one, corrected=True) for one in chosen]

    def _repaired(self, typed: _Typed) -> _Typed:
        """Put right what the archive does not know of the words before: with them nothing would be found."""
        if all(map(self._vocabulary.has, typed.words)):
            return typed
        repair = repair_query(" ".join(typed.words), self._vocabulary)
        return replace(typed, words=tuple(repair.text.split())) if repair else typed

    def _completed(self, typed: _Typed, limit: int) -> _Found:
        """Complete the last word as it stands."""
        found = _Found()
        for count in range(min(len(typed.words), PHRASE_BEGINS), 0, -1):
            self._complete_phrase(typed, count, found.phrases, found, limit)
        self._complete_words(typed, found, limit)
        if not typed.alone:
            last = found.further if typed.words or typed.head else found.phrases
            self._complete_phrase(typed, 0, last, found, limit)
        if not typed.head:
            whole = key_of(typed.before() + typed.last)
            found.categories += self._categories(whole)
            found.titles += self._titles(whole)
        found.known = found.known or any(found)
        return found

    def _complete_words(self, typed: _Typed, found: _Found, limit: int) -> None:
        before = typed.before()
        begin = fold(typed.last)
        # Behind another word the most frequent form fits best: «директор школы», «в школе».
        best = _most_frequent if " " in before else self._best_form(begin)
        for entry in self._of_different_lemmas(
            (one for one in self._lexicon.frequent(begin, LOOKED_AT) if one.form not in STOP_WORDS), best
        ):
            found.known = True
            if entry.form != begin and self._is_answered(before, entry.spelling):
                found.words.append(Suggestion(before + entry.spelling, "word"))
            if len(found.words) >= limit:
                return

    def _complete_phrase(
        self, typed: _Typed, count: int, place: list[Suggestion], found: _Found, limit: int
    ) -> None:
        """Complete the last word and *count* before it by phrases that begin with them."""
        before = typed.before(count)
        begin = key_of(" ".join((*typed.words[len(typed.words) - count :], typed.last)))
        for entry in self._of_different_lemmas(self._phrases.phrases.frequent(begin, LOOKED_AT), _most_basic):
            found.known = True
            if len(place) >= limit:
                return
            if entry.form != begin and self._is_answered(before, entry.spelling):
                place.append(Suggestion(before + entry.spelling, "phrase"))

    def _categories(self, begin: str) -> Iterator[Suggestion]:
        for name in self._view.values("category"):
            if _key(name).startswith(begin):
                yield Suggestion(name, "category", name)

    def _titles(self, begin: str) -> Iterator[Suggestion]:
        """Yield titles that begin so, the newest first."""
        if len(begin) < TITLES_FROM:
            return
        store = self._view.generation.store
        keys = np.concatenate(
            [
                words.documents[span.start : span.stop]
                for words in self._phrases.titles.parts
                for span in [words.beginning(begin)]
            ]
        ).astype(np.int64)
        days, _ = store.records.measures(keys.tolist())
        newest = keys[np.lexsort((-keys, -days))][:TITLES_LOOKED_AT].tolist()
        cards = store.present(newest, self._view.sequence)
        plain = (cards[key] for key in newest if key in cards and _is_plain(cards[key].title))
        for card in islice(plain, TITLES):
            yield Suggestion(card.title, "title", card.id)

    def _of_different_lemmas(
        self, entries: Iterable[Entry], best: Callable[[tuple[str, ...], list[Entry]], Entry]
    ) -> list[Entry]:
        """Return one entry for all that have the same lemmas, the most frequent lemmas first."""
        groups: dict[tuple[str, ...], list[Entry]] = {}
        for entry in entries:
            lemmas = tuple(self._analyzer.lemmas(word)[0] for word in entry.form.split())
            groups.setdefault(lemmas, []).append(entry)
        ordered = sorted(groups.items(), key=lambda group: -sum(one.documents for one in group[1]))
        return [best(lemmas, group) for lemmas, group in ordered]

    def _best_form(self, begin: str) -> Callable[[tuple[str, ...], list[Entry]], Entry]:
        """Return a choice of a form: the dictionary's, where the archive has it and it begins so."""

        def choose(lemmas: tuple[str, ...], group: list[Entry]) -> Entry:
            known = self._lexicon.entry(lemmas[0]) if lemmas[0].startswith(begin) else None
            return known or group[0]

        return choose

    def _is_answered(self, before: str, completion: str) -> bool:
        """Say whether an article has all the words; not where ``CHECKS`` do not suffice to ask."""
        if not before or all(fold(word) in STOP_WORDS for word in before.split()):
            return True
        if self._checks < 1:
            return False
        self._checks -= 1
        text = before + completion
        planned = plan(query.parse(text), self._analyzer, self._view.synonyms)
        asked = Plan(
            units=tuple(unit.clause for unit in planned.units),
            excluded=(*planned.excluded, *excluded_values(planned, self._view)),
            filters=merged(planned.filters, {}, self._view),
            days=days_of(SearchRequest(text), planned),
            depth=0,
            near_below=0,
        )
        return self._view.snapshot.search(asked).total > 0


def _cut(text: str) -> _Typed | None:
    """Return *text* cut before its last word; None where it does not end in one."""
    text = squeeze(clean(text))[:MAX_LENGTH].rstrip()
    match = _LAST.search(text)
    if not match:
        return None
    last = match.group()
    opening = _OPENING.match(last)
    start = match.start() + (opening.end() if opening else 0)
    last = text[start:]
    if not last or len(last) > _LONGEST or "@" in last or "://" in last or not key_of(last):
        return None
    if _is_field(last) or (last[-1] in QUOTES and last[-1] != '"'):
        return None
    if start > match.start():  # quotes and operators bind what stands before
        bound = not set(text[match.start() : start]) <= {*QUOTES, "("}
        return _Typed(text[:start], (), last, alone=bound)
    words: list[str] = []
    head = text[:start]
    while head.endswith(" ") and (word := _LAST.search(head[:-1])) and len(words) < 2 * PHRASE_BEGINS:
        if not (_PLAIN.fullmatch(word.group()) or _is_relayable(word.group())):
            break
        words.insert(0, word.group())
        head = head[: word.start()]
    if head and not head.endswith(" "):
        return _Typed(text[:start], (), last)
    return _Typed(head, tuple(words), last)


def _is_field(last: str) -> bool:
    name, colon, _ = last.partition(":")
    return bool(colon) and query.is_field(name)


def _is_relayable(word: str) -> bool:
    return bool(_LATIN.search(word)) and all(letter.isalnum() or letter in _KEYS for letter in word)


def _other_layout(typed: _Typed) -> Iterator[_Typed]:
    """Yield readings of the last word on the other keyboard layout: all of it, its end, its beginning."""
    last = typed.last
    if _LATIN.search(last) or not _KEYS.isdisjoint(last):
        if not _CYRILLIC.search(last):
            yield replace(typed, last=last.translate(TO_RUSSIAN))
            return
        for place in range(1, len(last)):
            head, tail = last[:place], last[place:]
            if not _LATIN.search(head):
                yield replace(typed, last=head + tail.translate(TO_RUSSIAN))
            if not _LATIN.search(tail):
                yield replace(typed, last=head.translate(TO_RUSSIAN) + tail)
    elif _CYRILLIC.search(last):
        yield replace(typed, last=last.translate(TO_LATIN))


def _most_frequent(_: tuple[str, ...], group: list[Entry]) -> Entry:
    return group[0]


def _most_basic(lemmas: tuple[str, ...], group: list[Entry]) -> Entry:
    """Return the form with the most words as the dictionary has them, of these the most frequent."""

    def basic(entry: Entry) -> int:
        return sum(word == lemma for word, lemma in zip(entry.form.split(), lemmas, strict=True))

    return max(group, key=lambda entry: (basic(entry), entry.documents))


def _chosen(found: _Found, limit: int, *, phrases_first: bool) -> list[Suggestion]:
    """Share *limit* places among the kinds; what one leaves free the others get."""
    titles = min(TITLES, len(found.titles), max(1, limit // 4))
    categories = min(CATEGORIES, len(found.categories))
    half = -(-(limit - titles - categories) // 2)
    shares = [half, half, categories, titles, 0]
    kinds = list(found)
    taken: list[list[Suggestion]] = [[] for _ in kinds]
    seen: set[str] = set()
    free = limit
    for most in (shares, [limit, limit, 0, TITLES, limit]):
        for number in (1, 0, 2, 3, 4) if phrases_first else range(5):
            for one in kinds[number]:
                if free and len(taken[number]) < most[number] and key_of(one.text) not in seen:
                    seen.add(key_of(one.text))
                    taken[number].append(one)
                    free -= 1
    words, phrases, named, newest, further = taken
    return [*(phrases + words if phrases_first else words + phrases), *further, *named, *newest]


def _is_plain(title: str) -> bool:
    """Say whether a title asked for as a query finds itself: none of its marks is an operator."""
    return not any(
        isinstance(clause, query.Exclusion | query.Filter | query.DateFilter | query.Alternatives)
        for clause in query.parse(title).clauses
    )


_key = lru_cache(maxsize=10_000)(key_of)
