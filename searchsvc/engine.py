"""The one seam between the search and an engine: what is asked, what is answered, what is written.

An engine finds the exact match set, counts, facets, filters, date order and the best
candidates by BM25 over one weighted field. It knows nothing of Russian, of texts or of
pages: terms come ready, answers are keys of the document store. One search is one call, so
that an engine across a network needs one request.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

TEXT = "text"
"""Lemmas of title, lead, body and tags with positions and weights; the scored field."""

TITLE = "title"
"""Lemmas of the title with positions; matched where a query names it."""

FORMS = "forms"
"""Folded surface forms, no positions, no score; those of the title once more under ``title_form``."""


NAMES = ("person", "organisation", "place")
"""Fields of names that articles give: filters and facets like the others, but of ten thousand values."""


def title_form(form: str) -> str:
    """Return the term under which the field ``FORMS`` holds a form of the title."""
    return f"title:{form}"


BM25_K1 = 1.2
BM25_B = 0.75
"""The usual constants; tuning them gained .001."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One word: any of *terms*, the best of them counting."""

    terms: tuple[str, ...]
    field: str = TEXT


@dataclass(frozen=True, slots=True)
class Sequence:
    """A phrase: at each offset from a common start stands any of the step's terms."""

    steps: tuple[tuple[int, tuple[str, ...]], ...]
    field: str = TEXT


@dataclass(frozen=True, slots=True)
class Either:
    """Any of several clauses, the best of them counting."""

    options: tuple[Clause, ...]


Clause = AnyOf | Sequence | Either


MAX_UNITS = 64
"""A plan has no more units and words: candidates tell by a bit of 64 which units they have."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A search in an engine's terms.

    ``units`` must all match in a full match; where fewer than ``near_below`` articles match
    in full, those with any unit are near matches. ``excluded`` never match; there an ``AnyOf`` may
    name the field of a filter, too. ``filters`` maps
    "source", "category", "tag", "year" and ``NAMES`` to allowed values; ``days`` is an inclusive range of
    proleptic ordinals of the local day. ``depth`` bounds the keys returned, ``near_limit``
    the near ones. ``facets`` names the fields to count ("source", "category", "year", ``NAMES``); of
    ``NAMES`` only the ``facet_limit`` most frequent values are answered, of equals the first by code point,
    and those that the field's own filter names.
    ``words`` are only counted, for the second stage of ranking: the single words of the query,
    those of phrases and stop words too.
    """

    units: tuple[Clause, ...] = ()
    words: tuple[Clause, ...] = ()
    excluded: tuple[Clause, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    days: tuple[int, int] | None = None
    order: Literal["relevance", "-date", "date"] = "relevance"
    depth: int = 1000
    facets: tuple[str, ...] = ()
    facet_limit: int = 10
    near_below: int = 10
    near_limit: int = 200


class Candidate(NamedTuple):
    """A matching article: its key in the document store, the engine's score, and which units
    it has (bit i for unit i).

    A thousand are made a search: a tuple takes a third of the time of a dataclass.
    """

    key: int
    score: float
    units: int


@dataclass(frozen=True, slots=True)
class Matches:
    """What an engine found.

    ``full`` holds the first ``depth`` full matches in the order asked for, ties by article
    id; ``near`` the best near matches by score, ``near_total`` how many, both within ``near_limit``. Which
    they are where more match hangs on an engine's own scores, and so does how many rows they make once
    reprints are folded: that number is the same on all engines below the limit only. ``unit_counts``
    and ``word_counts`` are how many articles have each unit and word, without filters. ``documents`` and
    ``average_length`` describe the whole index. ``facets`` leave out the filter of their own field.
    """

    total: int
    full: tuple[Candidate, ...]
    near_total: int
    near: tuple[Candidate, ...]
    unit_counts: tuple[int, ...]
    word_counts: tuple[int, ...]
    documents: int
    average_length: float
    facets: Mapping[str, Mapping[str, int]]


class Some(NamedTuple):
    """Keys of some articles that match in full, and whether there are no others."""

    keys: tuple[int, ...]
    all: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """An article as an engine indexes it.

    ``text`` maps a term to its weight and sorted positions, ``title`` to positions alone.
    ``day`` is the ordinal of the local day and ``stamp`` seconds since 1970 UTC; both None
    where no date is known. ``length`` counts the tokens of the text.
    """

    article_id: str
    key: int
    text: Mapping[str, tuple[float, tuple[int, ...]]]
    title: Mapping[str, tuple[int, ...]]
    forms: frozenset[str]
    source: str
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    day: int | None
    year: int | None
    stamp: int | None
    length: int
    people: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    def names(self) -> Mapping[str, tuple[str, ...]]:
        """Values of the fields of ``NAMES``."""
        return dict(zip(NAMES, (self.people, self.organisations, self.places), strict=True))


class Snapshot(Protocol):
    """The engine's state at one commit; does not change, safe for many threads."""

    @property
    def mark(self) -> str:
        """What the writer said at that commit."""
        ...

    @property
    def documents(self) -> int:
        """How many articles there are."""
        ...

    def search(self, plan: Plan) -> Matches:
        """Answer one search."""
        ...

    def some(self, plan: Plan) -> Some:
        """Return up to ``depth`` articles that match in full, good ones but perhaps not the best; quicker
        than to look at all that match."""
        ...

    def answers(self, plan: Plan) -> bool:
        """Say whether any article matches in full; quicker than to count them."""
        ...

    def frequency(self, terms: tuple[str, ...], *, field: str = TEXT) -> int:
        """Return how many articles have any of *terms*."""
        ...


class Writer(AbstractContextManager["Writer"], Protocol):
    """Collects changes, an article once at most.

    Leaving without ``commit`` leaves nothing behind, of a writer that was killed neither.
    """

    def add(self, entry: Entry) -> None:
        """Add an article that the index does not have."""
        ...

    def replace(self, entry: Entry) -> None:
        """Add an article, or put it in the place of the one with its id."""
        ...

    def delete(self, article_id: str) -> None:
        """Remove an article if it is there."""
        ...

    def commit(self, mark: str, *, compact: bool = False) -> None:
        """Make all changes visible at once, with *mark*; ``compact`` also drops what deleted
        articles left behind."""
        ...


class Engine(Protocol):
    """An index in one folder."""

    def create(self) -> None:
        """Make an empty index in the folder."""
        ...

    def writer(self) -> Writer:
        """Return the only writer; opening it removes what a killed one left behind."""
        ...

    def snapshot(self, former: Snapshot | None = None) -> Snapshot:
        """Return the last committed state; *former* itself if it still is that state.

        Raises:
            IndexDamagedError: the folder holds no index that can be read.
        """
        ...
