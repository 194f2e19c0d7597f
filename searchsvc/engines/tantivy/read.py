"""Reading: clauses as Tantivy queries, counts of articles, columns of hits."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from functools import lru_cache
from math import log
from typing import Any, cast

import tantivy
from cachetools import LRUCache
from tantivy import Occur, Query

from searchsvc.engine import AnyOf, Clause, Either
from searchsvc.engine import Sequence as Phrase
from searchsvc.engines.tantivy.fields import MARK, OTHER, PADDING

Hits = list[tuple[Any, tantivy.DocAddress]]

_KNOWN = 10_000
_LENGTHS = {"words": {"sum": {"field": "length"}}}


@lru_cache(4096)
def encodable(term: str) -> bool:
    """Tell whether any document can hold *term*: half a surrogate pair or a NUL none can."""
    return "\0" not in term and not any("\ud800" <= letter <= "\udfff" for letter in term)


class Reader:
    """A searcher at one state of the index, with what the state is known by."""

    def __init__(self, index: tantivy.Index, size: int) -> None:
        """Open the state; *size* counts documents of all kinds in its segments, deleted ones too.

        ``documents`` are the articles, ``everything`` is the query for them, ``average`` their length.
        """
        self.schema = index.schema
        self.searcher = index.searcher()
        self._size = size
        others = [Query.term_query(self.schema, OTHER, kind, "basic") for kind in (MARK, PADDING)]
        self.everything = combined((), [Query.all_query()], others)
        self.documents = self.searcher.num_docs - self.count_query(_best(others))
        found: Any = self.searcher.aggregate(Query.all_query(), _LENGTHS)
        self.average = float(found["words"]["value"] or 0) / self.documents if self.documents else 1.0
        ever = sum(self.searcher.doc_freq(OTHER, kind) for kind in (MARK, PADDING))
        self._whole = size == self.documents + ever  # no article is deleted: frequencies are counts
        self._lock = threading.Lock()
        self._counts: LRUCache[Clause, int] = LRUCache(_KNOWN)

    def mark(self) -> str:
        """Return what the writer said at the commit."""
        marks = self.searcher.search(Query.term_query(self.schema, OTHER, MARK), 2).hits
        if len(marks) != 1:
            raise ValueError("нет отметки последней записи")
        return str(self.searcher.doc(marks[0][1]).get_first(MARK))[1:]

    # --- queries ---------------------------------------------------------------------------

    def query(self, clause: Clause, idf: float | None = None) -> Query:
        """Return the query for *clause*; its score is *idf* by 2.2 tf / (tf + K) of its best part.

        Where no idf is given, scores compare with nothing outside: then a lone term keeps Tantivy's own,
        for a query in which Tantivy finds terms and nothing else is the fastest that it has.
        """
        if isinstance(clause, AnyOf):
            terms = [term for term in dict.fromkeys(clause.terms) if encodable(term)]
            if idf is None and len(terms) == 1:
                return Query.term_query(self.schema, clause.field, terms[0], "freq")
            return _best([self._term(clause.field, term, idf or 1.0) for term in terms])
        if isinstance(clause, Either):
            return _best([self.query(option, idf or 1.0) for option in clause.options])
        return self._phrase(clause, idf or 1.0)

    def values(self, field: str, allowed: Sequence[str]) -> Query:
        """Return the query for a filter."""
        terms = [value for value in dict.fromkeys(allowed) if value and encodable(value)]
        return _best([Query.term_query(self.schema, field, value, "basic") for value in terms])

    def article(self, key: int) -> Query:
        """Return the query for one article."""
        return Query.term_query(self.schema, "key", key, "basic")

    def _term(self, field: str, term: str, idf: float) -> Query:
        made = Query.term_query(self.schema, field, term, "freq")
        return Query.boost_query(made, idf / self._idf(field, term))

    def _phrase(self, clause: Phrase, idf: float) -> Query:
        """Return the query for a phrase: any of those of single lemmas (planning bounds how many)."""
        steps = [
            (at, [term for term in dict.fromkeys(terms) if encodable(term)]) for at, terms in clause.steps
        ]
        if len(steps) < 2:  # Tantivy wants two
            return _best([self._term(clause.field, term, idf) for _, terms in steps for term in terms])
        first = min(at for at, _ in steps)
        words = [[(at - first, term) for term in terms] for at, terms in steps]
        return _best([self._words(clause.field, some, idf) for some in itertools.product(*words)])

    def _words(self, field: str, words: Sequence[tuple[int, str]], idf: float) -> Query:
        made = Query.phrase_query(self.schema, field, [*words])
        return Query.boost_query(made, idf / sum(self._idf(field, term) for _, term in words))

    def _idf(self, field: str, term: str) -> float:
        """Return a term's idf as Tantivy reckons it, with deleted documents."""
        number = self.searcher.doc_freq(field, term)
        return log(1 + (self._size - number + 0.5) / (number + 0.5))

    def idf(self, count: int) -> float:
        """Return the idf of what *count* articles have."""
        return log(1 + (self.documents - count + 0.5) / (count + 0.5))

    # --- answers ---------------------------------------------------------------------------

    def count(self, clause: Clause) -> int:
        """Return how many articles have *clause*."""
        with self._lock:
            known = self._counts.get(clause)
        if known is None:
            known = self._count(clause)
            self.learn(clause, known)
        return known

    def learn(self, clause: Clause, count: int) -> None:
        """Keep a count that a search has brought to light."""
        with self._lock:
            self._counts[clause] = count

    def _count(self, clause: Clause) -> int:
        if self._whole and isinstance(clause, AnyOf) and len(clause.terms) == 1:
            (term,) = clause.terms
            return int(self.searcher.doc_freq(clause.field, term)) if encodable(term) else 0
        return self.count_query(self.query(clause))

    def count_query(self, query: Query) -> int:
        """Return how many articles match; no scores are reckoned."""
        return self.hits(Query.const_score_query(query, 0.0), 1)[0]

    def hits(self, query: Query, limit: int, **options: Any) -> tuple[int, Hits]:
        """Return how many match, and the first *limit* with the value that orders them."""
        found: Any = self.searcher.search(query, limit, **options)
        return int(found.count or 0), found.hits

    def column(self, name: str, addresses: list[tantivy.DocAddress]) -> list[int]:
        """Return a column's whole numbers of some documents."""
        return cast("list[int]", self.searcher.fast_field_values(name, addresses))

    def article_id(self, address: tantivy.DocAddress) -> str:
        """Return a whole article id."""
        return str(self.searcher.doc(address).get_first("id"))


def combined(
    must: Sequence[Query],
    silent: Sequence[Query] = (),
    excluded: Sequence[Query] = (),
    should: Sequence[Query] = (),
) -> Query:
    """Return the query for what matches all of *must* and *silent*, whose score counts nought, and
    none of *excluded*; *should* only add to the score."""
    if len(must) == 1 and not (silent or excluded or should):
        return must[0]
    return Query.boolean_query(
        [(Occur.Must, query) for query in must]
        + [(Occur.Must, Query.const_score_query(query, 0.0)) for query in silent]
        + [(Occur.Should, query) for query in should]
        + [(Occur.MustNot, query) for query in excluded]
    )


def _best(queries: list[Query]) -> Query:
    if not queries:
        return Query.empty_query()
    return queries[0] if len(queries) == 1 else Query.disjunction_max_query(queries)
