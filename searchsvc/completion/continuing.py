"""How the words before go on: by what stands behind them in articles, and by what stands with them there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from searchsvc.completion.company import Company
from searchsvc.completion.typed import Typed
from searchsvc.generation.live import View
from searchsvc.language.analysis import Analyzer
from searchsvc.language.grammar import AGREES, LISTED, STRANGE, goes_with, governs
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.text import fold
from searchsvc.query.syntax import QUOTES
from searchsvc.store.lexicon import Entry
from searchsvc.store.sequences import LONGEST

LOOKED_AT = 24
"""Most frequent sequences that begin so that are looked at."""

LEAST_TELLING = 2
"""Articles of a sequence that ends in a verb; of fewer it is a piece of a sentence («конкурс получился»)."""

WEIGHED = 12
"""Words that go best with those before of which forms are looked at."""


class GoesOn(NamedTuple):
    """A completion, and those of its words that stand side by side in articles."""

    text: str
    words: tuple[str, ...]


class Continuation:
    """Continues texts in one state of the index."""

    def __init__(self, view: View, analyzer: Analyzer, company: Company) -> None:
        self._analyzer = analyzer
        self._company = company
        self._lexicon = view.generation.store.lexicon()
        self._sequences = view.generation.store.phrases().sequences

    def phrases(self, typed: Typed) -> Iterator[GoesOn]:
        """Yield what stands in articles behind the words before, the most frequent first.

        What goes on from more of these words comes before what goes on from fewer, other forms of the last
        one come at the end.
        """
        context, begin = [fold(word) for word in typed.words], fold(typed.last)
        if not context or any(mark in typed.head for mark in QUOTES):
            return
        for size in range(min(len(context), LONGEST - 1), 0, -1):
            behind = context[-size:]
            entries = self._sequences.frequent(" ".join((*behind, begin)), LOOKED_AT)
            yield from self._offered(typed, behind, entries)
        at = next((n for n in range(len(context) - 1, -1, -1) if context[n] not in STOP_WORDS), -1)
        if at >= 0:
            yield from self._offered(typed, context[at:], self._behind_forms(context[at:], begin))

    def _behind_forms(self, behind: Sequence[str], begin: str) -> list[Entry]:
        """Return what stands behind other forms of a word and the stop words that follow it.

        A word right behind must suit the form that was typed: of «повышение квалификации» comes «повышением
        квалификации», of «сельская школа» nothing for «сельских».
        """
        word, *stops = behind
        following: Counter[str] = Counter()
        for form in self._analyzer.forms(word):
            for entry in self._sequences.frequent(" ".join((form, *stops, begin)), LOOKED_AT):
                following[entry.form[len(form) + 1 :]] += entry.documents
        return [
            Entry(f"{word} {rest}", "", documents)
            for rest, documents in following.most_common()
            if stops or goes_with(word, rest.split()[0], self._analyzer) == AGREES
        ]

    def _offered(self, typed: Typed, behind: Sequence[str], entries: Iterable[Entry]) -> Iterator[GoesOn]:
        """Yield each of *entries* behind the words that were typed; those that end in a verb come last."""
        before = typed.before()
        naming: list[list[str]] = []
        telling: list[list[str]] = []
        for entry in entries:
            rest = entry.form.split()[len(behind) :]
            if goes_with("", rest[-1], self._analyzer) >= LISTED:
                naming.append(rest)
            elif entry.documents >= LEAST_TELLING:
                telling.append(rest)
        for rest in (*naming, *telling):
            if rest != [fold(typed.last)]:
                words = " ".join(map(self._spelling, rest))
                yield GoesOn(before + words, (*behind, *rest))

    def _spelling(self, form: str) -> str:
        entry = self._lexicon.entry(form)
        return entry.spelling if entry else form

    def together(self, typed: Typed, groups: Mapping[tuple[str, ...], list[Entry]]) -> Iterator[Entry]:
        """Yield words that stand in articles with those before, first what goes best with them.

        Of each of *groups*, forms by lemma, it is the form that suits.
        """
        before = typed.before()
        found = self._company.together(before, [lemmas[0] for lemmas in groups])
        best = sorted(zip(found.articles, groups.values(), strict=True), key=lambda pair: -pair[0])[:WEIGHED]
        chosen: list[tuple[float, Entry]] = []
        for articles, forms in best:
            suits = [self._suits(typed.words[-1], form.spelling) for form in forms]
            chosen.append((articles * max(suits), forms[suits.index(max(suits))]))
        for weight, entry in sorted(chosen, key=lambda pair: -pair[0]):
            if weight or (not found.all and self._company.has(before + entry.spelling)):
                yield entry

    def best_behind(self, before: str, forms: Sequence[Entry]) -> Entry | None:
        """Return the form of a word that suits best behind a stop word, None where none does."""
        suits = [self._suits(before, form.spelling) for form in forms]
        return forms[suits.index(max(suits))] if max(suits) > STRANGE else None

    def _suits(self, before: str, word: str) -> float:
        if fold(before) not in STOP_WORDS:
            return goes_with(before, word, self._analyzer)
        if self._sequences.entry(f"{fold(before)} {fold(word)}"):  # «для ребёнка», not «для ребёнок»
            return AGREES
        return goes_with("", word, self._analyzer) if governs(fold(before), word, self._analyzer) else STRANGE
