"""Values that go in and out of the search service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from corpus.article import Block, Picture
from searchsvc.engine import NAMES

Sort = Literal["relevance", "-date", "date"]
Correct = Literal["auto", "suggest", "off"]

MAX_DEPTH = 1000
"""No page reaches beyond this many rows."""

SHOWN_REPRINTS = 50
"""Reprints that a row or an article's page names; it counts all of them, and pages of so many list them."""

FACETS = ("source", "category", "year")
"""Fields that are counted of every index; "tag" can be filtered by."""

ALL_FACETS = (*FACETS, *NAMES)
"""Fields that can be counted and filtered by; those of names are empty where none are looked for."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search as somebody asked for it.

    ``page`` starts at 1. ``since`` and ``until`` are inclusive local days. ``filters`` maps
    "source", "category", "tag", "year" and those of ``NAMES`` to values: any value of a field, every field.
    ``facets`` names the fields to count. With ``fold`` articles that are one text share a row, with
    ``explain`` each hit says why it stands where it does.
    """

    text: str
    page: int = 1
    per_page: int = 10
    since: date | None = None
    until: date | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: Sort = "relevance"
    facets: tuple[str, ...] = ()
    correct: Correct = "auto"
    highlight: bool = True
    fold: bool = True
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text; ``match`` says whether the query's words stand there."""

    text: str
    match: bool = False


@dataclass(frozen=True, slots=True)
class Reprint:
    """An article that is the same text as the one of its row, and matches too."""

    id: str
    url: str
    title: str
    published: datetime | None
    source: str
    source_title: str


@dataclass(frozen=True, slots=True)
class ReprintPage:
    """A page of all articles that are the same text as the one of ``id``, the earliest first, whatever was
    searched for; ``total`` counts them, without that one."""

    id: str
    title: str
    total: int
    page: int
    per_page: int
    reprints: tuple[Reprint, ...]
    version: str

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.per_page)


@dataclass(frozen=True, slots=True)
class Hit:
    """One row of a result page. ``missing`` are the query's words this article lacks (near matches).

    ``reprints`` are folded into it, the earliest first and at most ``SHOWN_REPRINTS``; ``reprint_count``
    counts all. ``score`` is that of the best of them, by which the row stands where it does.
    """

    id: str
    url: str
    original: str
    title: tuple[Segment, ...]
    snippet: tuple[Segment, ...]
    published: datetime | None
    modified: datetime | None
    source: str
    source_title: str
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    score: float
    missing: tuple[str, ...] = ()
    reprints: tuple[Reprint, ...] = ()
    reprint_count: int = 0
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """One value of a facet with its count; ``selected`` if the request filters by it."""

    value: str
    label: str
    count: int
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Facet:
    """Counts of one field over all full matches, its own filter left out; most frequent first
    (years: newest first; of names only the ten most frequent)."""

    field: str
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """What was changed in a query, from what to what; ``kind`` is "layout", "translit",
    "glued", "split" or "typo"."""

    kind: str
    original: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A whole query that goes on with what was typed; with ``corrected`` its last word was put right before.

    ``target`` is the page that shows what is named: the article of a title (by its id), a category.
    """

    text: str
    kind: Literal["word", "phrase", "title", "category"]
    target: str = ""
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class PeriodOffer:
    """Days that the query names, both inclusive, None for an open end: what it may be narrowed to.

    ``text`` is the query without them, ``total`` how many articles of these days have its words.
    """

    since: date | None
    until: date | None
    text: str
    total: int


@dataclass(frozen=True, slots=True)
class NearPeriod:
    """A month near to the days asked for, both inclusive, and how many articles it has."""

    since: date
    until: date
    total: int


@dataclass(frozen=True, slots=True)
class Wider:
    """A search without some of its conditions, and how many articles match that in full.

    ``dropped`` names what it does without: "dates" or filters. ``text`` is the query without those of
    them that are typed into it.
    """

    dropped: tuple[str, ...]
    text: str
    total: int


@dataclass(frozen=True, slots=True)
class Nearby:
    """What a search would find under other conditions than those that leave nothing.

    ``periods`` are the nearest month before and the one after, without other dates and years; ``text`` is
    the query to ask in them.
    """

    text: str
    periods: tuple[NearPeriod, ...]
    wider: tuple[Wider, ...]


@dataclass(frozen=True, slots=True)
class WordCount:
    """How many articles have a word of the query, or a part of ``part_of``, a hyphenated one.

    ``word`` says what was asked of it («25 в заголовке»), ``query`` finds these articles: under the search's
    conditions ``total``, with those that are typed. If that is 0, or None for want of any, it has none.
    """

    word: str
    query: str
    count: int
    part_of: str = ""
    total: int | None = None


@dataclass(frozen=True, slots=True)
class ResultPage:
    """The answer to a search.

    ``effective`` is the query whose results are shown; it differs from ``original`` only where
    ``corrections`` say so. ``total`` counts full matches, ``near_total`` near ones; ``rows`` is
    how many rows paging runs over (full, then near, those of one text in one; at most ``MAX_DEPTH``),
    ``beyond`` whether more matches than they hold.
    ``suggestions`` are whole queries worth trying. ``words`` is filled when nothing has all the words.
    ``period`` is there where the ``effective`` query names one and the request none. Where nothing
    matches in full, ``nearby`` says what the conditions leave out, and ``related`` are words kin to the
    query's if that is nothing.
    """

    original: str
    effective: str
    corrections: tuple[Correction, ...]
    total: int
    near_total: int
    rows: int
    page: int
    per_page: int
    hits: tuple[Hit, ...]
    facets: tuple[Facet, ...]
    suggestions: tuple[str, ...]
    words: tuple[WordCount, ...]
    version: str
    took_ms: float
    period: PeriodOffer | None = None
    nearby: Nearby | None = None
    related: tuple[WordCount, ...] = ()
    beyond: bool = False

    @property
    def pages(self) -> int:
        """How many pages of rows there are."""
        return -(-self.rows // self.per_page)


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """An article as the published generation holds it."""

    id: str
    original: str
    title: str
    lead: str
    body: tuple[Block, ...]
    published: datetime | None
    modified: datetime | None
    source: str
    source_title: str
    source_url: str
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    picture: Picture | None
    version: str


@dataclass(frozen=True, slots=True)
class SimilarArticle:
    """A neighbour of an article; ``score`` is for order only, ``reasons`` are up to four words of what both
    are about, the most telling first."""

    id: str
    title: str
    published: datetime | None
    source: str
    source_title: str
    score: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WordShare:
    """What a word gave to a part of a score; ``value`` is None where only words together give it."""

    word: str
    value: float | None


@dataclass(frozen=True, slots=True)
class ScorePart:
    """A summand of a score: one of ``ranking.PARTS_OF_SCORE``, "near", what puts near matches below full
    ones, or "reprint", what a row has from the best of its texts. ``label`` is Russian."""

    name: str
    label: str
    value: float
    words: tuple[WordShare, ...]


@dataclass(frozen=True, slots=True)
class FoundForm:
    """A form in which a word stands in an article; ``same`` as in the query. "" is the date's."""

    form: str
    count: int
    same: bool


@dataclass(frozen=True, slots=True)
class WordFound:
    """Where a word of the query stands in an article.

    ``state`` is "exact" (in the query's form), "form" (in other ones), "synonym" (only a synonym), "kin"
    (only words of its family) or "absent". ``articles`` says how many articles have it, ``places`` counts
    by part of the article, ``shown`` is a piece of text with the word in it.
    """

    word: str
    state: Literal["exact", "form", "synonym", "kin", "absent"]
    articles: int
    places: tuple[tuple[str, int], ...]
    forms: tuple[FoundForm, ...]
    shown: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an article is not shown; ``kind`` is "words", "excluded", "filter", "dates", "enough", "depth"
    or "empty", ``text`` a Russian sentence."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an article stands where it does in an answer, or is not in it.

    ``order`` says what put it there: "score" (the ``parts`` add up to ``score``), "engine" (beyond the
    rows that are ranked: no parts) or "date" (no score). ``place`` is that of its row, from 1 to ``rows``,
    and None where the article is in none; then there are ``obstacles``. A row may hold ``reprint_count``
    articles besides the one that is shown; ``folded_into`` is that one if it is another.
    ``missing`` says what of the query the article lacks, ``ignored`` are the stop words, ``documents``
    the articles of the whole index.
    """

    id: str
    original: str
    title: str
    published: datetime | None
    source_title: str
    asked: str
    effective: str
    corrections: tuple[Correction, ...]
    suggestions: tuple[str, ...]
    truncated: bool
    match: Literal["full", "near", "none"]
    order: Literal["score", "engine", "date", ""]
    place: int | None
    rows: int
    total: int
    near_total: int
    documents: int
    score: float | None
    parts: tuple[ScorePart, ...]
    words: tuple[WordFound, ...]
    missing: tuple[str, ...]
    ignored: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]
    version: str
    reprint_count: int = 0
    folded_into: Reprint | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """What the front page shows: how much there is, sections with counts, the newest articles."""

    total: int
    sources: tuple[Bucket, ...]
    categories: tuple[Bucket, ...]
    years: tuple[Bucket, ...]
    recent: tuple[Hit, ...]
    version: str
