"""What articles say to a completion: whether one has all its words, which words stand together in them.

Good articles with the words before are looked for once, and candidates are looked up in their records, many
at a time. Only where these are not all the articles, and none of them has what is asked, is the engine asked
for it alone, and few times for one completion. It is asked for the words as they stand: what the list of
abbreviations has for them needs phrases, and can only make the answer larger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from searchsvc.engine import Plan, Some
from searchsvc.generation.live import View
from searchsvc.language.analysis import Analyzer
from searchsvc.query import syntax as query
from searchsvc.query.filters import days_of, excluded_values, merged
from searchsvc.query.planning import plan
from searchsvc.results import SearchRequest
from searchsvc.store.document import code, family_hash, term_hash
from searchsvc.store.records import Occurrences

CHECKS = 3
"""Candidates of one completion, at most, for which an engine is asked whether an article has their words:
it stops at the first, some 0.2 ms at 100,000."""

CHECKS_NARROWED = 12
"""The same where filters leave articles out: then the first words need one, too."""

RUNS = 1
"""Candidates for which articles are searched in order to look for words side by side, 1 to 3 ms; a second
one brought no more completions."""

LOOKED_INTO = 50
"""Articles with the words before, the best ones, that are looked into for the words that stand with them."""

AT_ONCE = 8
"""Candidates that are looked up in records at once: as many as are shown."""

EVERYTHING = SearchRequest("")
"""What narrows nothing."""

Steps = Sequence[Sequence[str]]
"""Words that stand side by side, each with its lemmas."""


@dataclass(frozen=True, slots=True)
class Together:
    """In how many of the articles with the words before each of some lemmas stands.

    ``all`` says whether all of these articles were looked into.
    """

    articles: Sequence[int]
    all: bool


class Company:
    """Asks the articles of one state that *narrowed* lets through, for one text that is to be completed."""

    def __init__(self, view: View, analyzer: Analyzer, narrowed: SearchRequest = EVERYTHING) -> None:
        self._view = view
        self._analyzer = analyzer
        self._narrowed = narrowed
        self._checks = CHECKS_NARROWED if self.is_narrowed else CHECKS
        self._runs = RUNS
        self._literal = True  # until no article has the words before as they stand
        self._known: dict[str, Some] = {}

    @property
    def is_narrowed(self) -> bool:
        """Whether filters or dates leave articles out."""
        return bool(self._narrowed.filters or self._narrowed.since or self._narrowed.until)

    def has(self, text: str, *, literal: bool = True) -> bool:
        """Say whether an article has all the words of a query; not where ``CHECKS`` do not suffice to ask.

        Without *literal* it may have them otherwise, as the list of abbreviations does.
        """
        if self._checks < 1:
            return False
        self._checks -= 1
        return self._view.snapshot.answers(self._plan(text, literal=literal))

    def answered(self, before: str, completions: Iterable[str]) -> Iterator[bool]:
        """Say of each of *completions* whether an article has its words and the plain words *before*."""
        rest = iter(completions)
        while some := list(islice(rest, AT_ONCE)):
            best = self._best(before)
            for text, known in zip(some, self._are_in(best, some), strict=True):
                sure = known is not None and (known or best.all)
                yield bool(known) if sure else self.has(before + text, literal=self._literal)

    def side_by_side(self, before: str, runs: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
        """Yield those texts of *runs*, each *before* and more, whose words an article has side by side.

        Looked for in good articles: an engine that checks a phrase of frequent words takes 10 ms. What is
        in none of these is not offered.
        """
        rest = iter(runs)
        while some := list(islice(rest, AT_ONCE)):
            best = self._best(before)
            steps = [self._steps(words) for _, words in some]
            found = self._occurrences(best.keys, steps)
            for (text, _), own in zip(some, steps, strict=True):
                if _stand_in(found, own) or (not best.all and self._stand_in_best(text, own)):
                    yield text

    def together(self, before: str, lemmas: Sequence[str]) -> Together:
        """Look which *lemmas* stand in articles with all the words *before*.

        Weighing them by how rare they are elsewhere was tried, and changed no figure by more than chance.
        """
        best = self._best(before)
        codes = [code(family_hash(lemma), term_hash(lemma)) for lemma in lemmas]
        found = self._view.generation.store.records.occurrences(best.keys, (), codes)
        hashes, counts = np.unique(found.lemma, return_counts=True)
        here = dict(zip(hashes.tolist(), counts.tolist(), strict=True))
        return Together([here.get(term_hash(lemma), 0) for lemma in lemmas], best.all)

    def _best(self, text: str) -> Some:
        known = self._known.get(text)
        if known is None:
            known = self._search(text)
            if not known.keys and self._literal and self._view.synonyms:
                self._literal = False
                known = self._search(text)
            self._known[text] = known
        return known

    def _are_in(self, best: Some, texts: Sequence[str]) -> Iterator[bool | None]:
        """Say of each of *texts* whether one of the articles has all its words; None of compounds, which are
        more than their parts."""
        tokens = [list(self._analyzer.tokens(text)) for text in texts]
        codes: dict[str, int] = {
            lemma: code(family_hash(lemma), term_hash(lemma))
            for some in tokens
            for token in some
            for lemma in token.lemmas
        }
        found = self._view.generation.store.records.occurrences(best.keys, (), codes.values())
        nobody = np.zeros(len(best.keys), bool)
        has: dict[int, npt.NDArray[np.bool_]] = {}
        for lemma in np.unique(found.lemma).tolist():
            has[lemma] = nobody.copy()
            has[lemma][found.document[found.lemma == lemma]] = True
        for some in tokens:
            everybody = ~nobody
            for token in some:
                everybody &= (
                    ~nobody
                    if token.stop_word and len(some) > 1
                    else np.logical_or.reduce([has.get(term_hash(lemma), nobody) for lemma in token.lemmas])
                )
            yield None if any(token.whole for token in some) else bool(everybody.any())

    def _steps(self, words: Sequence[str]) -> Steps:
        """Return the lemmas of each of words that stand side by side."""
        return [token.lemmas for token in self._analyzer.tokens(" ".join(words)) if not token.whole]

    def _occurrences(self, keys: Sequence[int], runs: Iterable[Steps]) -> Occurrences:
        """Return all rows of the lemmas of *runs*, and of their kin, in some articles."""
        families = {family_hash(lemma) for steps in runs for lemmas in steps for lemma in lemmas}
        return self._view.generation.store.records.occurrences(keys, families)

    def _stand_in_best(self, text: str, steps: Steps) -> bool:
        """Say whether words stand side by side in the best articles with all words of *text*."""
        if self._runs < 1:
            return False
        self._runs -= 1
        return _stand_in(self._occurrences(self._search(text).keys, [steps]), steps)

    def _search(self, text: str) -> Some:
        return self._view.snapshot.some(self._plan(text, depth=LOOKED_INTO, literal=self._literal))

    def _plan(self, text: str, *, depth: int = 0, literal: bool) -> Plan:
        """Return what an engine is asked; *literal* where the words alone count, and nothing for them."""
        planned = plan(query.parse(text), self._analyzer, None if literal else self._view.synonyms)
        return Plan(
            units=tuple(unit.clause for unit in planned.units),
            excluded=(*planned.excluded, *excluded_values(planned, self._view)),
            filters=merged(planned.filters, self._narrowed.filters, self._view),
            days=days_of(self._narrowed, planned),
            depth=depth,
            near_below=0,
        )


def _stand_in(found: Occurrences, steps: Steps) -> bool:
    return len(found.runs([list(map(term_hash, lemmas)) for lemmas in steps])) > 0
