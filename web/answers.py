"""Finished answers of the index, kept in memory for whoever asks the same again."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from cachetools import LRUCache
from flask import request

from web.querylog import Logged

OVERHEAD = 2000
"""Bytes that an answer takes besides its body, about: headers, key, places in tables."""

MADE = "searchsvc.made"

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Made:
    """What a view tells of its answer: the version it was made from, what is to be logged."""

    version: str
    logged: Logged | None


@dataclass(frozen=True, slots=True)
class Finished:
    """An answer as it goes out."""

    headers: Headers
    body: bytes
    logged: Logged | None


def made_from(version: str, logged: Logged | None = None) -> None:
    """Tell, inside a request, that its answer depends on the index and was made from *version* of it."""
    request.environ[MADE] = Made(version, logged)


class Kept:
    """Finished answers by their ETags, at most *limit* bytes of them; the ones least asked for go first.

    Safe to use from any thread.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._version = ""
        self._answers: LRUCache[str, Finished] = LRUCache(limit, getsizeof=_size)

    def get(self, version: str, tag: str) -> Finished | None:
        """Return the answer of *tag*; a *version* not seen before ends all answers of the one before."""
        with self._lock:
            if version != self._version:
                self._version = version
                self._answers.clear()
            return self._answers.get(tag)

    def put(self, version: str, tag: str, answer: Finished) -> None:
        """Keep an answer made from *version*, if that is still the latest and the answer is not too large."""
        if _size(answer) <= self._limit:
            with self._lock:
                if version == self._version:
                    self._answers[tag] = answer

    @property
    def size(self) -> int:
        """Bytes kept."""
        return int(self._answers.currsize)


def _size(answer: Finished) -> int:
    return len(answer.body) + OVERHEAD
