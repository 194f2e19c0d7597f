"""Canary searches: how quickly an index answers, asked through the real search about its own words.

The queries are made of the titles of its newest articles, by how many articles have their words: the
most frequent ones, which cost most, rare ones, several at once, phrases. Each is asked several times, in
turns of all indexes compared; the quickest answer counts, so that what else the machine does is not
taken for slowness.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from time import perf_counter

import numpy as np

from searchsvc.engine import Plan
from searchsvc.engines import ENGINES
from searchsvc.errors import GenerationError
from searchsvc.generation.generations import Generations, Pointer
from searchsvc.generation.live import LiveIndex, View
from searchsvc.language.analysis import Analyzer
from searchsvc.results import FACETS, SearchRequest
from searchsvc.search import SearchService

log = logging.getLogger(__name__)

SLOW_MS = 50.0
"""An archive has outgrown its engine where 95 % of the canaries take longer. With the page around it
an answer is then beyond the tenth of a second that people feel as at once."""

TITLES = 24
NEWEST = 200
ROUNDS = 5
SECONDS = 3.0

_SHORT = 3  # letters: shorter words are rarely looked for


@dataclass(frozen=True, slots=True)
class Latency:
    """How quickly the canaries were answered."""

    queries: int
    p50_ms: float
    p95_ms: float


def larger_engine(engine: str) -> str:
    """Return the engine for archives that outgrow *engine*, "" where there is none."""
    following = dict(pairwise(ENGINES))
    return following.get(engine, "")


def canaries(view: View, analyzer: Analyzer) -> tuple[str, ...]:
    """Return up to 14 queries of all kinds in turn; none where no article has a title of words."""
    store = view.generation.store
    newest = view.snapshot.search(Plan(order="-date", depth=NEWEST, near_below=0)).full
    some = newest[:: max(1, len(newest) // TITLES)][:TITLES]
    stored = store.documents([candidate.key for candidate in some])
    titles = [
        [
            token
            for token in analyzer.tokens(stored[candidate.key].card.title)
            if not token.whole and not token.stop_word and len(token.form) > _SHORT
        ]
        for candidate in some
        if candidate.key in stored
    ]
    forms = {token.folded for title in titles for token in title}
    counts = {form: store.form_count(form) for form in sorted(forms)}
    words = sorted(counts, key=lambda form: (-counts[form], form))
    pairs = sorted(
        {
            (first.folded, second.folded)
            for title in titles
            for first, second in pairwise(title)
            if second.position == first.position + 1
        },
        key=lambda pair: (-min(counts[form] for form in pair), pair),
    )
    kinds = (
        words[:4],
        [" ".join(token.form for token in title[:3]) for title in titles[:3]],
        [f'"{one} {two}"' for one, two in pairs[:2]],
        words[:-4:-1],
        [f"{one} {two}" for one, two in pairwise(words[:3])],
    )
    in_turn = (query for same in zip_longest(*kinds) for query in same if query)
    return tuple(dict.fromkeys(in_turn))


def measure(
    services: Sequence[SearchService],
    queries: Sequence[str],
    *,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
) -> list[Latency] | None:
    """Ask *queries* of each service in turns, *rounds* times; None where there was nothing to ask.

    It takes about *seconds* at most: queries not reached by then do not count, so those that tell
    most come first.
    """
    until = perf_counter() + seconds
    quickest: list[list[float]] = []
    for query in queries:
        times = [_asked_in_turn(services, query, backwards=turn % 2 == 1) for turn in range(rounds)]
        quickest.append([min(of_one) for of_one in zip(*times, strict=True)])
        if perf_counter() > until:
            break
    if not quickest:
        return None
    return [
        Latency(len(times), *(round(float(np.percentile(times, share)), 2) for share in (50, 95)))
        for times in zip(*quickest, strict=True)
    ]


def compare(generations: Generations, names: Sequence[str], analyzer: Analyzer) -> list[Latency | None]:
    """Measure finished generations in alternation, asking about the words of the last one.

    One that cannot be read, as may be the case with one that was replaced, has no figure.
    """
    with ExitStack() as held:
        services: dict[str, SearchService] = {}
        queries: tuple[str, ...] = ()
        for name in reversed(names):
            live = LiveIndex(_Only(generations, name), watch=True)
            held.callback(live.close)
            try:
                queries = queries or canaries(live.view(), analyzer)
                services[name] = _warm(SearchService(live, analyzer), queries)
            except GenerationError as error:  # what is published answers; a figure is not worth more
                log.warning("canaries.unmeasured generation=%s reason=%s", name, type(error).__name__)
        found = dict(zip(services, measure(list(services.values()), queries) or (), strict=False))
    return [found.get(name) for name in names]


class _Only(Generations):
    """The generations of a folder, as if *name* were the published one."""

    def __init__(self, generations: Generations, name: str) -> None:
        super().__init__(generations.folder, semantic=generations.semantic)
        self._name = name

    def pointer(self) -> Pointer:
        """Name the one."""
        return Pointer(self._name)


def _warm(service: SearchService, queries: Sequence[str]) -> SearchService:
    """Return *service* when it has answered all *queries* once."""
    for query in queries:
        service.search(SearchRequest(query, facets=FACETS))
    return service


def _asked_in_turn(services: Sequence[SearchService], query: str, *, backwards: bool) -> list[float]:
    """Return the milliseconds that each service took."""
    took = [0.0] * len(services)
    numbers = range(len(services))
    for number in reversed(numbers) if backwards else numbers:
        started = perf_counter()
        services[number].search(SearchRequest(query, facets=FACETS))
        took[number] = (perf_counter() - started) * 1000
    return took
