"""What articles say to a completion: whether one has all its words, which words stand together in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from searchsvc import query
from searchsvc.analysis import Analyzer
from searchsvc.document import code, family_hash, term_hash
from searchsvc.engine import Matches, Plan
from searchsvc.filters import days_of, excluded_values, merged
from searchsvc.live import View
from searchsvc.planning import plan
from searchsvc.results import SearchRequest

CHECKS = 4
"""Searches for one completion, at most: whether an article has its words. Each takes 0.5 to 2 ms."""

LOOKED_INTO = 50
"""Articles with the words before, the best ones, that are looked into for the words that stand with them."""


@dataclass(frozen=True, slots=True)
class Together:
    """In how many of the articles with the words before each of some lemmas stands.

    ``all`` says whether all of these articles were looked into.
    """

    articles: Sequence[int]
    all: bool


class Company:
    """Asks the articles of one state, for one text that is to be completed."""

    def __init__(self, view: View, analyzer: Analyzer) -> None:
        self._view = view
        self._analyzer = analyzer
        self._checks = CHECKS

    @property
    def is_tired(self) -> bool:
        """Whether it answers no more: ``CHECKS`` are used up."""
        return self._checks < 1

    def has(self, text: str) -> bool:
        """Say whether an article has all the words of a query; not where ``CHECKS`` do not suffice to ask."""
        if self.is_tired:
            return False
        self._checks -= 1
        return self._search(text, depth=0).total > 0

    def side_by_side(self, text: str, words: Sequence[str]) -> bool:
        """Say whether an article has all words of a query, and *words*, which are among them, side by side.

        Looked for in the best articles: an engine that checks a phrase of frequent words takes 10 ms. What
        is in none of these is not offered.
        """
        if self.is_tired:
            return False
        self._checks -= 1
        keys = [candidate.key for candidate in self._search(text, depth=LOOKED_INTO).full]
        lemmas = [token.lemmas for token in self._analyzer.tokens(" ".join(words)) if not token.whole]
        families = {family_hash(lemma) for some in lemmas for lemma in some}
        found = self._view.generation.store.records.occurrences(keys, families)
        return len(found.runs([{term_hash(lemma) for lemma in some} for some in lemmas])) > 0

    def together(self, text: str, lemmas: Sequence[str]) -> Together:
        """Look which *lemmas* stand in articles with all words of *text*.

        Weighing them by how rare they are elsewhere was tried, and changed no figure by more than chance.
        """
        matches = self._search(text, depth=LOOKED_INTO)
        keys = [candidate.key for candidate in matches.full]
        codes = [code(family_hash(lemma), term_hash(lemma)) for lemma in lemmas]
        found = self._view.generation.store.records.occurrences(keys, (), codes)
        hashes, counts = np.unique(found.lemma, return_counts=True)
        here = dict(zip(hashes.tolist(), counts.tolist(), strict=True))
        return Together([here.get(term_hash(lemma), 0) for lemma in lemmas], matches.total <= len(keys))

    def _search(self, text: str, *, depth: int) -> Matches:
        planned = plan(query.parse(text), self._analyzer, self._view.synonyms)
        asked = Plan(
            units=tuple(unit.clause for unit in planned.units),
            excluded=(*planned.excluded, *excluded_values(planned, self._view)),
            filters=merged(planned.filters, {}, self._view),
            days=days_of(SearchRequest(text), planned),
            depth=depth,
            near_below=0,
        )
        return self._view.snapshot.search(asked)
