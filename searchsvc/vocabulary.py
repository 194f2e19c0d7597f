"""What is known of words: which of them the archive has, and which are words at all.

``repair`` asks; the answers come from the lexicon and the engine of a view, or from a list of words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from math import log, log1p
from typing import NamedTuple, Protocol

from searchsvc.analysis import Analyzer
from searchsvc.document import KIN_LETTERS
from searchsvc.engine import Plan
from searchsvc.letters import RUSSIAN, SPELLABLE
from searchsvc.lexicon import Lexicon
from searchsvc.live import View
from searchsvc.planning import plan
from searchsvc.query import parse
from searchsvc.spelling import COSTS, candidates, changes
from searchsvc.text import fold, plain

NEAR = 10
"""Words proposed for a misspelt one."""

PLAUSIBLE = 9.0
"""Where a word costs less than this, nothing is looked for that is less likely from the start."""

FEWEST = 200_000
"""Words of a smaller archive (articles of each, added up) are as unlikely as if there were so many: it lacks
more of what people ask for."""

UNSEEN = 1.2
"""What it costs beside that the archive lacks a form of the dictionary, though it has another of its word."""

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


class Vocabulary(Protocol):
    """What a repair asks of words. They come as they were typed, in any case."""

    def has(self, word: str) -> bool:
        """Say whether the archive has it, in this or another of its forms."""
        ...

    def is_word(self, word: str) -> bool:
        """Say whether it is a word, though the archive may lack it."""
        ...

    def cost(self, word: str) -> float:
        """Return how unlikely it is that somebody means it, who means any word of the archive (in nats)."""
        ...

    def near(self, word: str) -> Sequence[Guess]:
        """Return what it may stand for, the likeliest first, without itself."""
        ...

    def hits(self, text: str) -> int:
        """Return how many articles have all words of a query."""
        ...


class ArchiveVocabulary:
    """The vocabulary of one state of the archive. Made for a query: what was asked once is remembered.

    *frequency* says how many articles have any of some lemmas, *hits* how many have all words of a query,
    *listed* whether a word is in a list of abbreviations.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        analyzer: Analyzer,
        frequency: Callable[[tuple[str, ...]], int],
        hits: Callable[[str], int],
        *,
        listed: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._lexicon = lexicon
        self._analyzer = analyzer
        self._listed = listed
        self._frequency = cache(frequency)
        self.hits = cache(hits)
        self.has = cache(self._has)
        self.is_word = cache(self._is_word)
        self.near = cache(self._near)

    def cost(self, word: str) -> float:
        """Return how unlikely the word is; a form that the archive lacks counts as its lemma."""
        entry = self._lexicon.entry(fold(word))
        documents = entry.documents if entry else self._frequency(self._analyzer.lemmas(word))
        return self._cost(documents)

    def _cost(self, documents: int) -> float:
        return COSTS.frequency * (log(max(self._lexicon.total, FEWEST)) - log1p(documents))

    def _has(self, word: str) -> bool:
        """Say whether the archive has every part of *word*, in this form or another of its lemmas."""
        tokens = [token for token in self._analyzer.tokens(word) if not token.whole]
        covered = sum(token.stop - token.start for token in tokens)
        if not tokens or covered < len(word.strip("-‐‑")) - word.count("-"):
            return False
        return all(token.folded in self._lexicon or self._frequency(token.lemmas) > 0 for token in tokens)

    def _is_word(self, word: str) -> bool:
        word = plain(word)
        parts = word.split("-")
        if len(parts) > 1:  # «VR-очки»
            return all(part and (self.is_word(part) or self.has(part)) for part in parts)
        folded = fold(word)
        known = folded in english() if _LATIN_WORD.fullmatch(folded) else self._is_russian(word)
        return known or self._listed(word)

    def _is_russian(self, word: str) -> bool:
        known = self._analyzer.is_known(word) or self._analyzer.is_prefixed(word)
        return known or (word.endswith("ски") and self._analyzer.is_known(f"{word}й"))  # «термодинамически»

    def _near(self, word: str) -> Sequence[Guess]:
        folded = fold(word)
        found = {
            candidate.entry.form: Guess(
                candidate.change + self._cost(candidate.entry.documents), candidate.entry.spelling
            )
            for candidate in candidates(folded, self._lexicon, limit=NEAR)
        }
        if not found or min(found.values()).cost > PLAUSIBLE:
            for form, change in self._inflected(folded):
                if form not in found and form != folded:
                    found[form] = Guess(change + self._cost(0) + UNSEEN, form)
        return sorted(found.values())[:NEAR]

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


def vocabulary_in(view: View, analyzer: Analyzer) -> ArchiveVocabulary:
    """Return what is known of words in *view*, for the repair of one query."""

    def hits(text: str) -> int:
        planned = plan(parse(text), analyzer, view.synonyms)
        units = tuple(unit.clause for unit in planned.units)
        return view.snapshot.search(Plan(units=units, depth=0, near_below=0)).total

    def listed(word: str) -> bool:
        return view.synonyms is not None and any(view.synonyms.alternatives(list(analyzer.tokens(word))))

    lexicon = view.generation.store.lexicon()
    return ArchiveVocabulary(lexicon, analyzer, view.snapshot.frequency, hits, listed=listed)


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
    text = (files("searchsvc") / "data" / "english.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())
