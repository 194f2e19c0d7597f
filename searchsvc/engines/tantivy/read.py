"""Reading: clauses as Tantivy queries; weights of a clause out of Tantivy's scores, exactly.

Tantivy scores a term by tf / (tf + K), K from the length of the field in one byte. Length code
and field average being known, the score gives the frequency back, a whole number: the weight of
a term but for those that ``WEIGHTS`` names, and how often a phrase occurs.
"""

from __future__ import annotations

import re
import threading
from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import tantivy
from cachetools import LRUCache
from tantivy import Occur, Query

from searchsvc.engine import BM25_B, BM25_K1, FORMS, TEXT, TITLE, AnyOf, Clause, Either
from searchsvc.engine import Sequence as Phrase
from searchsvc.engines.tantivy.fields import LEVEL, MARK, NORMS, OTHER, SENTINEL, SENTINEL_TOKENS, WEIGHTS

Leaf = AnyOf | Phrase
Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.int64]
Table = tuple[Keys | None, npt.NDArray[np.float32]]
Hits = list[tuple[Any, tantivy.DocAddress]]

CACHE_BYTES = 64 * 2**20
"""Weights by key of the clauses asked for last, of one snapshot."""

NARROW = 4
"""A clause that is so many times as frequent as the match is looked up in the match alone."""

_NORM_SHIFT = {TEXT: 0, TITLE: 8}
_FULL_SCORE = np.float32(1 + BM25_K1)
_COUNT = {"articles": {"value_count": {"field": "key"}}}
_REGEX_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$#&\-~]")


@lru_cache(4096)
def encodable(term: str) -> bool:
    """Tell whether any document can hold *term*: half a surrogate pair or a NUL none can."""
    return "\0" not in term and not any("\ud800" <= letter <= "\udfff" for letter in term)


class Reader:
    """A searcher at one state of the index, with what the state is known by."""

    def __init__(self, index: tantivy.Index, largest: int) -> None:
        self.schema = index.schema
        self.searcher = index.searcher()
        self._size = largest  # documents of all kinds, deleted ones too
        others = Query.term_query(self.schema, OTHER, MARK)
        self._marks: Hits = self.searcher.search(others, 2).hits
        self.documents = self.count_query(Query.all_query())
        total: Any = self.searcher.aggregate(Query.all_query(), {"words": {"sum": {"field": "length"}}})
        self.average = float(total["words"]["value"] or 0) / self.documents if self.documents else 1.0
        self._lock = threading.Lock()
        self._weights: LRUCache[object, Table] = LRUCache(CACHE_BYTES, getsizeof=_bytes)
        self._counts: LRUCache[Clause, int] = LRUCache(10_000)
        self._averages = {field: self._field_average(field) for field in _NORM_SHIFT}

    # --- queries ---------------------------------------------------------------------------

    def everything(self) -> Query:
        """Return the query for all articles."""
        return Query.exists_query("key")

    def query(self, clause: Clause) -> Query:
        """Return the query for *clause*; its score is 2.2 tf / (tf + K), so that any two compare."""
        if isinstance(clause, Either):
            return _best([self.query(option) for option in clause.options])
        return self._phrase(clause) if isinstance(clause, Phrase) else self._any(clause)

    def values(self, field: str, allowed: Sequence[str]) -> Query:
        """Return the query for a filter."""
        terms = [value for value in dict.fromkeys(allowed) if value and encodable(value)]
        return _best([Query.term_query(self.schema, field, value, "basic") for value in terms])

    def _any(self, clause: AnyOf) -> Query:
        terms = [term for term in dict.fromkeys(clause.terms) if encodable(term)]
        return _best([self._term(clause.field, term) for term in terms])

    def _term(self, field: str, term: str) -> Query:
        if field == FORMS:
            return Query.const_score_query(Query.term_query(self.schema, field, term, "basic"), 1.0)
        return _scaled(Query.term_query(self.schema, field, term, "freq"), self._idf(field, term))

    def _phrase(self, clause: Phrase) -> Query:
        steps = [
            (at, [term for term in dict.fromkeys(terms) if encodable(term)]) for at, terms in clause.steps
        ]
        if not steps or not all(terms for _, terms in steps):
            return Query.empty_query()
        first = min(at for at, _ in steps)
        steps = [(at - first, terms) for at, terms in steps]
        if len(steps) == 1:
            steps *= 2  # Tantivy wants two; in a pattern a place that meets itself counts once
        elif all(len(terms) == 1 for _, terms in steps):
            words = [(at, terms[0]) for at, terms in steps]
            made = Query.phrase_query(self.schema, clause.field, [*words])
            return _scaled(made, self._idfs(clause.field, words))
        patterns = [(at, "|".join(map(_literal, terms))) for at, terms in steps]
        made = Query.regex_phrase_query(self.schema, clause.field, [*patterns])
        return _scaled(made, self._idfs(clause.field, patterns))

    def _idfs(self, field: str, words: list[tuple[int, str]]) -> np.float32:
        """Return the idf of a phrase; of a pattern Tantivy asks the frequency as if it were a term."""
        return np.float32(sum((self._idf(field, word) for _, word in words), np.float32(0)))

    def _idf(self, field: str, term: str) -> np.float32:
        """Return a term's idf as Tantivy reckons it, in four bytes, with deleted documents."""
        half, number = np.float32(0.5), self.searcher.doc_freq(field, term)
        ratio = (np.float32(self._size - number) + half) / (np.float32(number) + half)
        return np.float32(np.log(np.float32(1) + ratio))

    # --- counts and weights ----------------------------------------------------------------

    def count_query(self, query: Query) -> int:
        """Return how many articles match."""
        found: Any = self.searcher.aggregate(query, _COUNT)
        return int(found["articles"]["value"] or 0)

    def count(self, clause: Clause) -> int:
        """Return how many articles have *clause*."""
        with self._lock:
            known = self._counts.get(clause)
        if known is None:
            known = self.count_query(self.query(clause))
            with self._lock:
                self._counts[clause] = known
        return known

    def column(self, name: str, addresses: list[tantivy.DocAddress]) -> npt.NDArray[Any]:
        """Return a column's whole numbers of some documents."""
        return np.frombuffer(array("q", self._values(name, addresses)), np.int64)

    def id_ranks(self, addresses: list[tantivy.DocAddress]) -> npt.NDArray[np.uint64]:
        """Return the beginnings of article ids as numbers."""
        return np.frombuffer(array("Q", self._values("rank", addresses)), np.uint64)

    def _values(self, name: str, addresses: list[tantivy.DocAddress]) -> Any:
        return self.searcher.fast_field_values(name, addresses)

    def article_id(self, address: tantivy.DocAddress) -> str:
        """Return a whole article id."""
        return str(self.searcher.doc(address).get_first("id"))

    def mark(self) -> str:
        """Return what the writer said at the commit."""
        if len(self._marks) != 1:
            raise ValueError("нет отметки последней записи")
        return str(self.searcher.doc(self._marks[0][1]).get_first(MARK))[1:]

    def weights(self, clause: Clause, keys: Keys, match: Query, *, narrow: bool) -> Floats:
        """Return what *clause* weighs in the articles *keys*, 0 where it is not.

        *narrow* says that *match* finds those alone; then a frequent clause is looked up in them only.
        """
        if isinstance(clause, Either):
            parts: list[Clause] = list(clause.options)
        elif isinstance(clause, AnyOf) and clause.field == TEXT and len(clause.terms) != 1:
            parts = [AnyOf((term,)) for term in dict.fromkeys(clause.terms)]
        else:
            within = match if narrow and self.count(clause) > NARROW * len(keys) else None
            query, count = self.query(clause), self.count(clause)

            def frequencies(hits: Hits) -> Floats:
                return self.frequencies(clause, hits)

            found = self._looked_up(clause, keys, query, count, frequencies, within)
            return self.corrected(clause, found, keys, within)
        found = np.zeros(len(keys))
        for part in parts:
            found = np.maximum(found, self.weights(part, keys, match, narrow=narrow))
        return found

    def corrected(self, clause: Leaf, found: Floats, keys: Keys, within: Query | None = None) -> Floats:
        """Return weights, where *found* are the frequencies of the text field."""
        if clause.field != TEXT:
            return found
        if isinstance(clause, AnyOf):
            known = self._levels(clause.terms[0], keys, within)
            return np.where(known > 0, known, found) if known is not None else found
        if len(clause.steps) != 1:
            return found
        copied = np.zeros(len(keys), np.bool_)  # the place of the copies counted once
        for term in clause.steps[0][1]:
            places = self._levels(term, keys, within, copied=True)
            if places is not None:
                copied |= places > 0
        return found - copied

    def _levels(self, term: str, keys: Keys, within: Query | None, *, copied: bool = False) -> Floats | None:
        """Return what ``WEIGHTS`` says of *term*, 0 where it says nothing."""
        if not encodable(term):
            return None
        queries, count = [], 0
        for name, number in self.searcher.terms_with_prefix(WEIGHTS, term + LEVEL):
            head, weight, copies = name.rsplit(LEVEL, 2)
            if head == term and (copies == "1" or not copied):
                query = Query.term_query(self.schema, WEIGHTS, name, "basic")
                queries.append(Query.const_score_query(query, float(weight)))
                count += number
        if not queries:
            return None
        return self._looked_up((term, copied), keys, _best(queries), count, _scores, within)

    def _looked_up(
        self,
        name: object,
        keys: Keys,
        query: Query,
        count: int,
        weigh: Callable[[Hits], Floats],
        within: Query | None,
    ) -> Floats:
        """Return what *weigh* makes of the hits of *query* in the articles *keys*, 0 elsewhere."""
        if within is not None:
            pair = [(Occur.Must, query), (Occur.Must, Query.const_score_query(within, 0.0))]
            return _at(keys, self._weighed(Query.boolean_query(pair), len(keys), weigh))
        with self._lock:
            known = self._weights.get(name)
        if known is None:
            known = self._weighed(query, count, weigh)
            with self._lock:
                if _bytes(known) < CACHE_BYTES:
                    self._weights[name] = known
        return _at(keys, known)

    def _weighed(self, query: Query, limit: int, weigh: Callable[[Hits], Floats]) -> Table:
        """Return the weights of at most *limit* articles that *query* finds, by key."""
        hits: Hits = self.searcher.search(query, limit, count=False).hits if limit else []
        return _table(self.column("key", [address for _, address in hits]), weigh(hits))

    def frequencies(self, clause: Leaf, hits: Hits) -> Floats:
        """Return the term or phrase frequencies behind hits of ``query(clause)``."""
        if clause.field == FORMS:
            return np.ones(len(hits))
        codes = self.column("norms", [address for _, address in hits]) >> _NORM_SHIFT[clause.field] & 255
        share = np.minimum(_scores(hits) / float(_FULL_SCORE), 1 - 1e-9)
        found = np.rint(norm(NORMS[codes], self._averages[clause.field]) * share / (1 - share))
        whole: Floats = np.maximum(found, 1.0)
        return whole

    def _field_average(self, field: str) -> float:
        """Return the average length of *field* as Tantivy reckons it, from the sentinel's score."""
        query = self._term(field, SENTINEL)
        marks: Hits = self.searcher.search(query, 1).hits
        if not marks:
            raise ValueError("нет отметки последней записи")
        share = float(marks[0][0]) / float(_FULL_SCORE)
        factor = (1 / share - 1) / BM25_K1 - (1 - BM25_B)
        return BM25_B * SENTINEL_TOKENS / factor

    def hits(self, query: Query, limit: int, **options: Any) -> tuple[int, Hits]:
        """Return how many match, and the first *limit* with the value that orders them."""
        if limit <= 0:
            return self.count_query(query), []
        found: Any = self.searcher.search(query, limit, **options)
        return int(found.count), found.hits


def combined(must: Sequence[Query], silent: Sequence[Query], excluded: Sequence[Query]) -> Query:
    """Return the query for what matches all of *must* and *silent*, whose score counts nought."""
    return Query.boolean_query(
        [(Occur.Must, query) for query in must]
        + [(Occur.Must, Query.const_score_query(query, 0.0)) for query in silent]
        + [(Occur.MustNot, query) for query in excluded]
    )


def boosted(query: Query, factor: float) -> Query:
    """Return *query* with its score multiplied."""
    return Query.boost_query(query, factor)


def norm(lengths: Floats, average: float) -> Floats:
    """Return BM25's K of articles of these lengths."""
    found: Floats = BM25_K1 * (1 - BM25_B + BM25_B * lengths / average)
    return found


def _scores(hits: Hits) -> Floats:
    return np.frombuffer(array("d", [score for score, _ in hits]), np.float64)


def _best(queries: list[Query]) -> Query:
    if not queries:
        return Query.empty_query()
    return queries[0] if len(queries) == 1 else Query.disjunction_max_query(queries)


def _scaled(query: Query, idf: np.float32) -> Query:
    return Query.boost_query(query, float(1 / idf)) if idf > 0 else query


def _literal(term: str) -> str:
    return _REGEX_SPECIAL.sub(lambda match: "\\" + match.group(), term)


def _table(keys: Keys, weights: Floats) -> Table:
    """Return weights by key: a place for every key where that takes little room, else pairs."""
    if len(keys) and keys.max() < 4 * len(keys):
        dense = np.zeros(int(keys.max()) + 1, np.float32)
        dense[keys] = weights
        return None, dense
    order = np.argsort(keys)
    return keys[order], weights[order].astype(np.float32)


def _at(keys: Keys, table: Table) -> Floats:
    have, weights = table
    if not len(weights):
        return np.zeros(len(keys))
    if have is None:
        places = np.minimum(keys, len(weights) - 1)
        found = keys < len(weights)
    else:
        places = np.minimum(np.searchsorted(have, keys), len(have) - 1)
        found = have[places] == keys
    return np.where(found, weights[places], 0.0).astype(np.float64)


def _bytes(table: Table) -> int:
    keys, weights = table
    return 200 + weights.nbytes + (0 if keys is None else keys.nbytes)
