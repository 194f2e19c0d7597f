"""Facets of many values: the most frequent ones, exactly, without counting all where many articles match.

Tantivy's own count takes time by the values that the matches have. Where they are many, the values are
gone through from the most frequent in the whole index down, each counted for itself, until no further
one can be among the first: in the whole index it is less frequent than the last of them in the matches.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from tantivy import Query

from searchsvc.engines.tantivy.read import Reader, combined

FEW = 10_000
"""Matches of which Tantivy counts all values: in 5 ms (five names an article, 80,000 names)."""

MOST_COUNTED = 100
"""Values counted for themselves before that is given up: each takes 0.05 to 0.2 ms."""

HEAD = 1000
"""Most frequent values of the whole index that are known."""

_ALL = 100_000_000


class NameCounts:
    """Counts names over the articles of a reader; shared by threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._heads: dict[str, tuple[list[tuple[str, int]], int]] = {}

    def most_frequent(
        self, field: str, query: Query, total: int, limit: int, also: Sequence[str] = ()
    ) -> dict[str, int]:
        """Return the most frequent values among the *total* matches of *query*, of equals the first, and
        those of *also* that are there."""
        first = self._first(field, query, total, limit) if limit > 0 and total else {}
        more = {value: self._count(field, query, value) for value in also if value not in first}
        return first | {value: count for value, count in more.items() if count}

    def _first(self, field: str, query: Query, total: int, limit: int) -> dict[str, int]:
        found = self._from_head(field, query, limit) if total > FEW else None
        rows = sorted(((-count, value) for value, count in (found or self._all(field, query, limit))))
        return {value: -count for count, value in rows[:limit]}

    def _from_head(self, field: str, query: Query, limit: int) -> list[tuple[str, int]] | None:
        head, error = self._head(field)
        found: list[tuple[str, int]] = []
        for value, most in head[:MOST_COUNTED]:
            least = sorted((count for _, count in found), reverse=True)[limit - 1 : limit]
            if least and most + error < least[0]:
                return found
            found.append((value, self._count(field, query, value)))
        return None

    def _count(self, field: str, query: Query, value: str) -> int:
        return self._reader.count_query(combined((), [query, self._reader.values(field, (value,))]))

    def _head(self, field: str) -> tuple[list[tuple[str, int]], int]:
        """Return the most frequent values of the whole index and by how much each count may be too low."""
        with self._lock:
            if field not in self._heads:
                self._heads[field] = self._terms(field, self._reader.everything, HEAD, HEAD)
            return self._heads[field]

    def _all(self, field: str, query: Query, limit: int) -> list[tuple[str, int]]:
        """Return the first values and all that are as frequent as the last of them."""
        size = limit + 1
        while True:
            rows, _ = self._terms(field, query, size, _ALL)
            if len(rows) < size or rows[limit - 1][1] != rows[-1][1]:
                return rows
            size *= 4

    def _terms(self, field: str, query: Query, size: int, segment: int) -> tuple[list[tuple[str, int]], int]:
        wanted = {field: {"terms": {"field": field, "size": size, "segment_size": segment}}}
        counted: Any = self._reader.searcher.aggregate(query, wanted)
        rows = [(str(row["key"]), int(row["doc_count"])) for row in counted[field]["buckets"]]
        return rows, int(counted[field].get("doc_count_error_upper_bound") or 0)
