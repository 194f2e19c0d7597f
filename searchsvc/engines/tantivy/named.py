"""Facets of many values: the most frequent ones, exactly, without naming all of them.

Tantivy counts every value of the matches and then looks up the names of those it answers; of several
segments it adds up only the first of each, and says by how much a count may be too low. So what may be
among the first is counted for itself. Where many match, even counting takes long: then values are gone
through from the most frequent in the whole index down, each counted for itself, until no further one can
be among the first, because the whole index has it less often than the matches have the last of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

from tantivy import Query

from searchsvc.engines.tantivy.read import Reader, combined

FEW = 10_000
"""Matches of which Tantivy counts all values (5 ms of CPU for 50,000 people); of more it would take
longer than going from the top (2 ms for half of 100,000 articles)."""

MOST_COUNTED = 100
"""Values counted for themselves before that is given up: each takes 0.01 to 0.05 ms."""

HEAD = 1000
"""Most frequent values of the whole index that are known."""

FIRST = 100
"""Values that Tantivy is asked for at first: where few articles match, many are as frequent as the last."""

FACET_VALUES = 65_000
"""Tantivy's limit of buckets."""

_ALL = 100_000_000

Rows = list[tuple[str, int]]


class NameCounts:
    """Counts names over the articles of a reader; shared by threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._heads: dict[str, tuple[Rows, int]] = {}

    def most_frequent(
        self, field: str, query: Query, total: int, limit: int, also: Sequence[str] = ()
    ) -> dict[str, int]:
        """Return the most frequent values among the *total* matches of *query*, of equals the first, and
        those of *also* that are there."""
        first = self._first(field, query, total, limit) if limit > 0 and total else {}
        more = {value: self._count(field, query, value) for value in also if value not in first}
        return first | {value: count for value, count in more.items() if count}

    def _first(self, field: str, query: Query, total: int, limit: int) -> dict[str, int]:
        if total > FEW:
            head, error = self._head(field)
            found = self._counted(field, query, limit, head, error)
        else:
            size = max(FIRST, limit + 1)
            head, error = self._terms(field, query, size, 10 * size)
            settled = len(head) < size or head[limit - 1][1] != head[-1][1]
            exact = head if not error and settled else None
            found = exact or self._counted(field, query, limit, head, error)
        rows = sorted((-count, value) for value, count in (found or self._all(field, query, limit)))
        return {value: -count for count, value in rows[:limit]}

    def _counted(self, field: str, query: Query, limit: int, head: Rows, error: int) -> Rows | None:
        """Count values of *head*, which has the first by counts that are at most *error* below the most that
        *query* can have; None where what is not in it may be among the first."""
        found: Rows = []
        for value, most in head[:MOST_COUNTED]:
            least = sorted((count for _, count in found), reverse=True)[limit - 1 : limit]
            if least and most + error < least[0]:
                return found
            found.append((value, self._count(field, query, value)))
        return None

    def _head(self, field: str) -> tuple[Rows, int]:
        """Return the most frequent values of the whole index and by how much each count may be too low."""
        with self._lock:
            if field not in self._heads:
                self._heads[field] = self._terms(field, self._reader.everything, HEAD, HEAD)
            return self._heads[field]

    def _all(self, field: str, query: Query, limit: int) -> Rows:
        """Return the first values and those that are as frequent as the last of them: all, where they are
        no more than Tantivy answers."""
        size = max(limit + 1, FIRST)
        while True:
            rows, _ = self._terms(field, query, size, _ALL)
            if len(rows) < size or rows[limit - 1][1] != rows[-1][1] or size == FACET_VALUES:
                return rows
            size = min(size * FIRST, FACET_VALUES)

    def _count(self, field: str, query: Query, value: str) -> int:
        return self._reader.count_query(combined((), [query, self._reader.values(field, (value,))]))

    def _terms(self, field: str, query: Query, size: int, segment: int) -> tuple[Rows, int]:
        wanted = {field: {"terms": {"field": field, "size": size, "segment_size": segment}}}
        counted: Any = self._reader.searcher.aggregate(query, wanted)
        return _rows(counted[field]["buckets"]), int(counted[field].get("doc_count_error_upper_bound") or 0)


def _rows(buckets: Iterable[Any]) -> Rows:
    return [(str(row["key"]), int(row["doc_count"])) for row in buckets]
