"""What is known of words: which of them the archive has, and which are words at all.

``repair`` asks; the answers come from the lexicon and the engine of a view, or from a list of words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from math import exp, log, log1p
from typing import NamedTuple, Protocol

from searchsvc.correction.spelling import COSTS, candidates, changes
from searchsvc.correction.trigrams import looks_like_a_word
from searchsvc.correction.usual import usual_forms, usual_lemmas
from searchsvc.engine import Plan
from searchsvc.generation.live import View
from searchsvc.language.analysis import Analyzer, Token
from searchsvc.language.grammar import may_follow
from searchsvc.language.letters import RUSSIAN, SPELLABLE
from searchsvc.language.packaged import packaged_text
from searchsvc.language.text import fold, plain
from searchsvc.query.planning import plan
from searchsvc.query.syntax import parse
from searchsvc.store.document import KIN_LETTERS
from searchsvc.store.lexicon import Lexicon

NEAR = 10
"""Words proposed for a misspelt one."""

PLAUSIBLE = 9.0
"""Where a word costs less than this, nothing is looked for that is less likely from the start."""

FEWEST = 200_000
"""Words of a smaller archive (articles of each, added up) are as unlikely as if there were so many: it lacks
more of what people ask for."""

UNSEEN = 1.2
"""What it costs beside that the archive lacks a form of the dictionary, though it has another of its word."""

FORM_SHARE = 0.2
"""Share of a lemma's occurrences that a form is taken to have which is too rare to be counted."""

SELDOM = 50.0
"""How often a word may stand in the news of ``usual`` that is not counted there, at most."""

SHORTEST_GUESSED = 5
"""Shorter words that the dictionary lacks are not read as forms of others («упу» of «упа»), nor are they
words for being usual: news have abbreviations and other languages, too."""

MOST_KIN = 40
MOST_KIN_SEEN = 500
"""Lemmas that are searched for in the place of a word without articles, and forms looked at for them."""

SHORTEST_INFLECTED = 5
"""Shorter words have too many neighbours in the dictionary."""

_LATIN_WORD = re.compile("[a-z]+")


class Guess(NamedTuple):
    """A word of the archive that a misspelt one may stand for; a likelier one costs less (in nats)."""

    cost: float
    word: str


class _Changed(NamedTuple):
    """A word that was changed into what was typed: what the change costs, and what meaning the word does."""

    form: str
    change: float
    cost: float
    spelling: str


class Vocabulary(Protocol):
    """What a repair asks of words. They come as they were typed, in any case."""

    def has(self, word: str) -> bool:
        """Say whether the archive has it, in this or another of its forms."""
        ...

    def knows(self, word: str) -> bool:
        """Say whether the archive has this very form, or another one of a word that the dictionary has."""
        ...

    def is_word(self, word: str) -> bool:
        """Say whether it is a word, though the archive may lack it."""
        ...

    def listed(self, word: str) -> bool:
        """Say whether it is in the list of abbreviations."""
        ...

    def cost(self, word: str) -> float:
        """Return how unlikely it is that somebody means it, who means any word of the archive (in nats)."""
        ...

    def near(self, word: str) -> Sequence[Guess]:
        """Return what it may stand for, the likeliest first, without itself."""
        ...

    def may_follow(self, head: str, tail: str) -> bool:
        """Say whether grammar lets *tail* follow *head*."""
        ...

    def hits(self, text: str) -> int:
        """Return how many articles have all words of a query."""
        ...


class ArchiveVocabulary:
    """The vocabulary of one state of the archive. Made for a query: what was asked once is remembered.

    *frequency* says how many articles have any of some lemmas, *hits* how many have all words of a query,
    *listed* whether a word is in a list of abbreviations. The archive has a word that the dictionary lacks if
    *fewest* articles do.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        analyzer: Analyzer,
        frequency: Callable[[tuple[str, ...]], int],
        hits: Callable[[str], int],
        *,
        listed: Callable[[str], bool] = lambda _: False,
        fewest: int = 1,
    ) -> None:
        self._lexicon = lexicon
        self._analyzer = analyzer
        self._fewest = fewest
        self.listed = cache(listed)
        self._frequency = cache(frequency)
        self.hits = cache(hits)
        self.has = cache(self._has)
        self.knows = cache(self._knows)
        self.is_word = cache(self._is_word)
        self.near = cache(self._near)
        self._changed = cache(self._look_for)

    def cost(self, word: str) -> float:
        """Return how unlikely the word is; a form that the archive lacks counts as its lemma."""
        entry = self._lexicon.entry(fold(word))
        if entry:
            return self._cost(entry.documents)
        return self._cost(self._frequency(self._analyzer.lemmas(word))) + UNSEEN

    def may_follow(self, head: str, tail: str) -> bool:
        """Say whether grammar lets *tail* follow *head*: «детский сад», «день знаний», «в школу»."""
        readings = self._analyzer.readings
        return may_follow(fold(head), readings(head), readings(tail))

    def _cost(self, documents: int) -> float:
        return COSTS.frequency * (log(max(self._lexicon.total, FEWEST)) - log1p(documents))

    def _has(self, word: str) -> bool:
        """Say whether the archive has every part of *word*, in this form or another of its lemmas."""
        tokens = list(self._analyzer.tokens(word))
        ends = [0, *accumulate((token.stop for token in tokens), max)]  # «America's» covers its parts
        covered = sum(
            max(0, token.stop - max(token.start, end)) for token, end in zip(tokens, ends, strict=False)
        )
        tokens = [token for token in tokens if not token.whole]
        if not tokens or covered < len(word.strip("-‐‑")):
            return False
        return all(map(self._is_here, tokens))

    def _is_here(self, token: Token) -> bool:
        if token.folded not in self._lexicon:
            known = len(token.folded) >= SHORTEST_GUESSED or self._analyzer.is_known(token.form)
            return known and self._frequency(token.lemmas) > 0
        if self._fewest == 1 or not token.form.isalpha() or self._frequency(token.lemmas) >= self._fewest:
            return True
        return self.is_word(token.form)

    def _knows(self, word: str) -> bool:
        """Say so without a guess at words that nobody knows: of what is made up nearly none is analysed."""
        if not word.isalpha():
            return self.has(word)
        if fold(word) in self._lexicon:
            return True
        return self._analyzer.is_known(word) and self._frequency(self._analyzer.lemmas(word)) > 0

    def _is_word(self, word: str) -> bool:
        word = plain(word)
        parts = word.split("-")
        if len(parts) > 1:  # «VR-очки»
            return all(part and (self.is_word(part) or self.has(part)) for part in parts)
        folded = fold(word)
        known = folded in english() if _LATIN_WORD.fullmatch(folded) else self._is_russian(word)
        return known or self.listed(word)

    def _is_russian(self, word: str) -> bool:
        """Say whether the dictionary has it, it is built with a prefix, or news in general have it.

        Typos can be built so («дестанционное») or be usual («агенство»). So a word the dictionary lacks must
        be about as usual as the typos that a word of the archive gives rise to.
        """
        if self._analyzer.is_known(word) or (word.endswith("ски") and self._analyzer.is_known(f"{word}й")):
            return True  # «термодинамически»
        folded = fold(word)
        if len(folded) < SHORTEST_GUESSED or not looks_like_a_word(folded):
            return False
        forms, lemmas = usual_forms(), usual_lemmas()
        inflected = max(lemmas.count(lemma) for lemma in self._analyzer.lemmas(word)) * FORM_SHARE
        seen = max(forms.count(folded), inflected)
        if not seen and not self._analyzer.is_prefixed(word):
            return False
        most = max(seen, SELDOM)
        return not any(forms.count(one.form) * exp(-one.change) > most for one in self._changed(folded))

    def _near(self, word: str) -> Sequence[Guess]:
        found = [Guess(one.change + one.cost, one.spelling) for one in self._changed(fold(word))]
        return sorted(found)[:NEAR]

    def _look_for(self, folded: str) -> Sequence[_Changed]:
        found = [
            _Changed(one.entry.form, one.change, self._cost(one.entry.documents), one.entry.spelling)
            for one in candidates(folded, self._lexicon, limit=NEAR)
        ]
        if not found or min(one.change + one.cost for one in found) > PLAUSIBLE:
            forms = {folded, *(one.form for one in found)}
            cost = self._cost(0) + UNSEEN
            found += [
                _Changed(form, change, cost, form)
                for form, change in self._inflected(folded)
                if form not in forms
            ]
        return found

    def _inflected(self, folded: str) -> Iterator[tuple[str, float]]:
        """Yield the forms of the dictionary, one change away, that the archive has in another form alone."""
        if len(folded) < SHORTEST_INFLECTED or not SPELLABLE.fullmatch(folded):
            return
        known = self._analyzer.known_among(_one_change(folded))
        here = [
            form
            for form in known
            if form not in self._lexicon and self._frequency(self._analyzer.lemmas(form))
        ]
        yield from zip(here, changes(folded, here), strict=True)


def kin_of(words: Sequence[str], lexicon: Lexicon, analyzer: Analyzer) -> tuple[str, ...]:
    """Return the lemmas of the archive that begin like those of *words*, the most usual first.

    The rule is the second stage's for near kin: the same ``KIN_LETTERS`` letters and the next one.
    """
    starts = {
        lemma[: KIN_LETTERS + 1]
        for word in words
        for lemma in analyzer.lemmas(word)
        if len(lemma) > KIN_LETTERS and lemma.isalpha()
    }
    found: Counter[str] = Counter()
    for start in starts:
        for entry in lexicon.frequent(start, MOST_KIN_SEEN):
            for lemma in analyzer.lemmas(entry.form)[:1]:
                if lemma.startswith(start):
                    found[lemma] = max(found[lemma], entry.documents)
    return tuple(lemma for lemma, _ in found.most_common(MOST_KIN))


def vocabulary_in(view: View, analyzer: Analyzer, *, fewest: int = 1) -> ArchiveVocabulary:
    """Return what is known of words in *view*, for the repair of one query; *fewest* as in the class."""

    def hits(text: str) -> int:
        planned = plan(parse(text), analyzer, view.synonyms)
        units = tuple(unit.clause for unit in planned.units)
        return view.snapshot.search(Plan(units=units, depth=0, near_below=0)).total

    def listed(word: str) -> bool:
        return view.synonyms is not None and any(view.synonyms.alternatives(list(analyzer.tokens(word))))

    lexicon = view.generation.store.lexicon()
    return ArchiveVocabulary(lexicon, analyzer, view.snapshot.frequency, hits, listed=listed, fewest=fewest)


def _one_change(word: str) -> set[str]:
    """Return all strings of Russian letters that are one letter away from *word*."""
    cuts = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    found = {head + tail[1:] for head, tail in cuts if tail}
    found |= {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
    found |= {head + letter + tail[1:] for head, tail in cuts if tail for letter in RUSSIAN}
    return found | {head + letter + tail for head, tail in cuts for letter in RUSSIAN}


@cache
def english() -> frozenset[str]:
    """Return the packaged English words."""
    text = packaged_text("english.txt")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())
