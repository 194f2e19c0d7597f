"""Completion: what was typed so far to whole queries, from the words, phrases and titles of the archive.

The last word is completed, in the forms people write; what stands before it stays, unless a phrase or title
begins with it. Behind other words come first phrases that begin with these, then what stands behind them in
articles, then what stands in the same articles (``continuing``). A word that nothing begins with is tried
on the other keyboard layout, then with one letter changed. Of several words only what some article answers
is offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, compress, islice, tee
from typing import Literal

import numpy as np

from searchsvc.completion.company import EVERYTHING, Company
from searchsvc.completion.continuing import Continuation
from searchsvc.completion.prefixes import near_prefixes
from searchsvc.completion.typed import Typed, cut, other_layout
from searchsvc.correction.repair import repair_query
from searchsvc.correction.vocabulary import Vocabulary
from searchsvc.generation.live import View
from searchsvc.language.analysis import Analyzer
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.text import fold
from searchsvc.language.wording import key_of
from searchsvc.query import syntax as query
from searchsvc.results import SearchRequest, Suggestion
from searchsvc.store.lexicon import Entry

LOOKED_AT = 24
"""Most frequent words, and phrases, of a beginning that are looked at: enough for 8 of different lemmas."""

LOOKED_AT_TOGETHER = 60
"""The same behind other words, where what goes with them is looked for."""

TITLES_FROM = 3
"""Letters from which on titles are offered: before, they would be any."""

TITLES = 3
TITLES_LOOKED_AT = 12
"""Newest titles of a beginning that are looked at: some may have been withdrawn."""

IN_COMPANY = 5
IN_COMPANY_BESIDE = 3
"""Words that only stand in articles with the words before, alone and beside phrases that go on from these:
the first ones are of use, a long list is not."""

FURTHER_FROM = 3
"""Letters from which on a phrase is offered behind words that it does not go on from."""

CATEGORIES = 1

NAMES = 2
"""Full forms of abbreviations that are looked for."""

SHORTEST_MISTYPED = 5
"""Letters of a beginning in which one may be wrong: shorter ones are near too much."""

CORRECTED = 3
"""Beginnings one letter away that are tried, the most frequent ones."""

PHRASE_BEGINS = 4
"""Words before the last one that a phrase may begin with."""

Kind = Literal["word", "phrase"]


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
    """Completes texts in one state of the index; what it offers has an article that *narrowed* lets through.

    Sections and titles are offered where nothing is narrowed only: they lead elsewhere.
    """

    def __init__(
        self,
        view: View,
        analyzer: Analyzer,
        vocabulary: Vocabulary,
        narrowed: SearchRequest = EVERYTHING,
    ) -> None:
        self._view = view
        self._analyzer = analyzer
        self._vocabulary = vocabulary
        self._lexicon = view.generation.store.lexicon()
        self._phrases = view.generation.store.phrases()
        self._company = Company(view, analyzer, narrowed)
        self._continuation = Continuation(view, analyzer, self._company)
        self._words: tuple[str, ...] = ()
        self._lemmas_before: frozenset[str] = frozenset()

    def suggestions(self, text: str, limit: int) -> tuple[Suggestion, ...]:
        """Return up to *limit* queries that complete *text*; none for what is no beginning of a word."""
        typed = cut(text)
        if typed is None or limit < 1:
            return ()
        typed, as_typed = self._repaired(typed), typed
        found = self._completed(typed, limit)
        chosen = _chosen(found, limit, self._same, phrases_first=bool(typed.words))
        if typed != as_typed:
            chosen = [replace(one, corrected=True) for one in chosen]
        if not found.known or (len(chosen) < limit and not typed.is_russian):
            other = self._corrected(typed, limit, other_layout(typed))
            chosen += [one for one in other if all(one.text != given.text for given in chosen)]
        if not chosen and not found.known and len(typed.last) >= SHORTEST_MISTYPED:
            near = near_prefixes(self._lexicon, fold(typed.last), CORRECTED)
            chosen = self._corrected(typed, limit, (replace(typed, last=one) for one in near), every=True)
        return tuple(chosen[:limit])

    def _corrected(
        self, typed: Typed, limit: int, readings: Iterable[Typed], *, every: bool = False
    ) -> list[Suggestion]:
        """Complete the first of *readings* that something begins with, or *every* one."""
        whole = _Found()
        for reading in readings:
            found = self._completed(reading, limit)
            for kept, new in zip(whole, found, strict=True):
                kept.extend(new)
            if found.known and not every:
                break
        chosen = _chosen(whole, limit, self._same, phrases_first=bool(typed.words))
        return [replace(one, corrected=True) for one in chosen]

    def _repaired(self, typed: Typed) -> Typed:
        """Put right what the archive does not know of the words before: with them nothing would be found."""
        if all(map(self._vocabulary.has, typed.words)):
            return typed
        repair = repair_query(" ".join(typed.words), self._vocabulary)
        return replace(typed, words=tuple(repair.text.split())) if repair else typed

    def _completed(self, typed: Typed, limit: int) -> _Found:
        """Complete the last word as it stands."""
        found = _Found()
        for count in range(min(len(typed.words), PHRASE_BEGINS), 0, -1):
            self._complete_phrase(typed, count, found.phrases, found, limit)
            self._complete_name(typed, count, found)
        goes_on = self._continuation.phrases(typed)
        first = list(islice(goes_on, 1))
        found.known = found.known or bool(first)
        runs = (one for one in chain(first, goes_on) if not self._repeats(typed, one.text))
        there = self._company.side_by_side(typed.before(), runs)
        for text in islice(there, max(0, limit - len(found.phrases))):
            found.phrases.append(Suggestion(text, "phrase"))
        if typed.last:
            self._complete_words(typed, found, limit)
        if typed.last and not typed.alone and (not typed.words or len(typed.last) >= FURTHER_FROM):
            last = found.further if typed.words or typed.head else found.phrases
            self._complete_phrase(typed, 0, last, found, limit)
        if not typed.head and not self._company.is_narrowed:
            whole = _begin(typed, len(typed.words))
            found.categories += self._categories(whole)
            found.titles += self._titles(whole)
        found.known = found.known or any(found)
        return found

    def _complete_words(self, typed: Typed, found: _Found, limit: int) -> None:
        before = typed.before()
        together = bool(typed.words) and not typed.head and not _are_stops(before)
        begin = fold(typed.last)
        entries = self._lexicon.frequent(begin, LOOKED_AT_TOGETHER if together else LOOKED_AT)
        groups = self._by_lemmas(one for one in entries if one.form not in STOP_WORDS)
        found.known = found.known or bool(groups)
        told = self._told(typed.words)
        if told:
            groups = {lemmas: group for lemmas, group in groups.items() if self._is_new(lemmas, told)}
        if together:
            completions = self._continuation.together(typed, groups)
            limit = min(limit, IN_COMPANY_BESIDE if found.phrases else IN_COMPANY)
        else:
            # Behind another word the most frequent form fits best: «директор школы», «в школе».
            forms = (self._form_behind(typed, begin, lemmas, group) for lemmas, group in groups.items())
            completions = self._answered(typed, before, (one for one in forms if one and one.form != begin))
        for entry in islice((one for one in completions if one.form != begin), limit):
            found.words.append(Suggestion(before + entry.spelling, "word"))

    def _complete_phrase(
        self, typed: Typed, count: int, place: list[Suggestion], found: _Found, limit: int
    ) -> None:
        """Complete the last word and *count* before it by phrases that begin with them."""
        before = typed.before(count)
        begin = _begin(typed, count)
        groups = self._by_lemmas(self._phrases.phrases.frequent(begin, LOOKED_AT))
        found.known = found.known or bool(groups)
        best = (_most_basic(lemmas, group) for lemmas, group in groups.items())
        new = (one for one in best if one.form != begin and not self._repeats(typed, before + one.form))
        entries = self._answered(typed, before, new)
        for entry in islice(entries, max(0, limit - len(place))):
            place.append(Suggestion(before + entry.spelling, "phrase"))

    def _complete_name(self, typed: Typed, count: int, found: _Found) -> None:
        """Complete what the list of abbreviations has the full form of, and articles have either of."""
        before = typed.before(count)
        begin = _begin(typed, count)
        names = self._view.synonyms.beginning(begin) if self._view.synonyms else ()
        for name in islice((one for one in names if key_of(one) != begin), NAMES):
            if self._company.has(before + name, literal=False):
                found.phrases.append(Suggestion(before + name, "phrase"))

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

    def _by_lemmas(self, entries: Iterable[Entry]) -> dict[tuple[str, ...], list[Entry]]:
        """Return the entries of the same lemmas together, the most frequent lemmas first."""
        groups: dict[tuple[str, ...], list[Entry]] = {}
        for entry in entries:
            groups.setdefault(self._lemmas(entry.form), []).append(entry)
        return dict(sorted(groups.items(), key=lambda group: -sum(one.documents for one in group[1])))

    def _lemmas(self, form: str) -> tuple[str, ...]:
        return tuple(self._analyzer.lemmas(word)[0] for word in form.split())

    def _same(self, text: str) -> tuple[str, ...]:
        return self._lemmas(key_of(text))

    def _repeats(self, typed: Typed, text: str) -> bool:
        """Say whether *text*, which begins with the words that were typed, has one of them once more."""
        before = self._told(typed.words)
        further = key_of(text[len(typed.before()) :]).split() if before else ()
        return any(self._lemmas(word)[0] in before for word in further)

    def _is_new(self, lemmas: tuple[str, ...], told: frozenset[str]) -> bool:
        parts = (part for lemma in lemmas if "-" in lemma for part in lemma.split("-"))
        return told.isdisjoint(lemmas) and not any(self._lemmas(part)[0] in told for part in parts)

    def _told(self, words: tuple[str, ...]) -> frozenset[str]:
        """Return the lemmas of those of *words* that mean something."""
        if words != self._words:
            forms = [form for form in map(fold, words) if form not in STOP_WORDS]
            self._words, self._lemmas_before = words, frozenset(self._lemmas(form)[0] for form in forms)
        return self._lemmas_before

    def _form_behind(
        self, typed: Typed, begin: str, lemmas: tuple[str, ...], group: list[Entry]
    ) -> Entry | None:
        """Return the form of a word that suits what stands before; None where none does."""
        if typed.words and not typed.head:
            return self._continuation.best_behind(typed.words[-1], group)
        # Behind another word the most frequent form fits best: «директор школы».
        return group[0] if " " in typed.before() else self._best_form(begin, lemmas, group)

    def _best_form(self, begin: str, lemmas: tuple[str, ...], group: list[Entry]) -> Entry:
        """Return the dictionary's form, where the archive has it and it begins so."""
        known = self._lexicon.entry(lemmas[0]) if lemmas[0].startswith(begin) else None
        return known or group[0]

    def _answered(self, typed: Typed, before: str, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield those of *entries* that an article answers together with what stands before."""
        entries, asked = tee(entries)
        if _are_stops(before) and not self._company.is_narrowed:
            return entries
        if typed.head:  # an operator or a quote may bind the word
            return (entry for entry in entries if self._company.has(before + entry.spelling))
        return compress(entries, self._company.answered(before, (entry.spelling for entry in asked)))


def _begin(typed: Typed, count: int) -> str:
    """Return the folded beginning that the last *count* words make with what was typed of a further one."""
    words = key_of(" ".join(typed.words[len(typed.words) - count :]))
    return f"{words} {key_of(typed.last)}" if words else key_of(typed.last)


def _are_stops(text: str) -> bool:
    return all(fold(word) in STOP_WORDS for word in text.split())


def _most_basic(lemmas: tuple[str, ...], group: list[Entry]) -> Entry:
    """Return the form with the most words as the dictionary has them, of these the most frequent."""

    def basic(entry: Entry) -> int:
        return sum(word == lemma for word, lemma in zip(entry.form.split(), lemmas, strict=True))

    return max(group, key=lambda entry: (basic(entry), entry.documents))


def _chosen(
    found: _Found, limit: int, same: Callable[[str], object], *, phrases_first: bool
) -> list[Suggestion]:
    """Share *limit* places among the kinds; what one leaves free the others get."""
    titles = min(TITLES, len(found.titles), max(1, limit // 4))
    categories = min(CATEGORIES, len(found.categories))
    half = -(-(limit - titles - categories) // 2)
    shares = [half, half, categories, titles, 0]
    kinds = list(found)
    taken: list[list[Suggestion]] = [[] for _ in kinds]
    seen: set[object] = set()
    free = limit
    for most in (shares, [limit, limit, 0, TITLES, limit]):
        for number in (1, 0, 2, 3, 4) if phrases_first else range(5):
            for one in kinds[number]:
                if free and len(taken[number]) < most[number] and same(one.text) not in seen:
                    seen.add(same(one.text))
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
