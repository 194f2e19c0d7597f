"""The service: a request to a page of results, an article, its neighbours.

Every answer is made from one view of the published generation (``searchsvc.answer.answering``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from math import inf

from searchsvc.answer.answering import NEAR_BELOW, Answering, Page
from searchsvc.answer.cards import hit_of, neighbour_of, page_of, reprint_of
from searchsvc.answer.obstacles import Search, obstacles_to
from searchsvc.answer.reasons import reasons
from searchsvc.completion.company import EVERYTHING
from searchsvc.completion.suggest import Completer
from searchsvc.correction.vocabulary import vocabulary_in
from searchsvc.engine import NAMES, Plan
from searchsvc.errors import (
    BadRequestError,
    FingerprintError,
    GenerationError,
    IndexWithoutNamesError,
    NotFoundError,
)
from searchsvc.generation.generation import Generation
from searchsvc.generation.live import LiveIndex, Pinned, View
from searchsvc.language.analysis import Analyzer
from searchsvc.naming.names import NAMES_VERSION, NameRules
from searchsvc.query import syntax as query
from searchsvc.query.filters import as_typed, facets_of, with_names
from searchsvc.results import (
    FACETS,
    MAX_DEPTH,
    SHOWN_REPRINTS,
    ArticlePage,
    Bucket,
    Explanation,
    Hit,
    Overview,
    ReprintPage,
    ResultPage,
    SearchRequest,
    Segment,
    SimilarArticle,
    Suggestion,
)

RECENT = 6

WITHOUT_VECTORS = (
    "Поиск с учётом смысла включён, но индекс построен без него: пока ищем только по словам. "
    "Перестройте индекс: searchsvc rebuild"
)

WITHOUT_NAMES = (
    'Поиск по людям, организациям и местам выключен. Включить: names = "on" в настройках, '
    "затем searchsvc rebuild"
)

ATTEMPTS = 3
"""How often a search is answered anew because a purge took away what it was to show."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether searches are answered, and whether the answers are as good as they should be."""

    ready: bool
    degraded: bool
    reason: str = ""


class SearchService:
    """Answers searches; with *names* those that articles mention can be counted. Thread-safe."""

    def __init__(
        self,
        live: LiveIndex | Pinned,
        analyzer: Analyzer,
        *,
        names: bool = False,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._live = live
        self._analyzer = analyzer
        self._today = today
        self._names = names
        self._rules = NameRules(analyzer)

    def pinned(self) -> SearchService:
        """Return a service for one page: all its answers are made from one state of the index."""
        live = self._live
        return (
            self
            if isinstance(live, Pinned)
            else SearchService(Pinned(live), self._analyzer, names=self._names, today=self._today)
        )

    # --- searching -------------------------------------------------------------------------

    def search(self, request: SearchRequest) -> ResultPage:
        """Answer *request*.

        A query without hits is repaired if that can be done (``correct`` "auto"), else the
        repaired one is suggested.

        Raises:
            BadRequestError: deeper than ``MAX_DEPTH``, dates that exclude one another, or a filter by a
                name where these are off (``has_names``).
            GenerationError: there is no index that can be read.
        """
        started = time.perf_counter()
        _check(request)
        page = self._attempt(request, self._live.view(), started)
        for _ in range(ATTEMPTS):
            if page.complete:
                break
            page = self._attempt(request, self._live.renewed(), started)
        return page.shown

    def explain(self, request: SearchRequest, article: str) -> Explanation:
        """Say why an article (its id or address) stands where it does in the answer to *request*, or is
        not in it. Which page is asked for does not matter.

        Raises:
            NotFoundError: the published generation holds no such article.
            BadRequestError, GenerationError: as ``search``.
        """
        whole = replace(request, page=1, per_page=MAX_DEPTH, facets=())
        _check(whole)
        view = self._live.view()
        self._check_names(whole, view)
        whole, _ = with_names(whole, view, self._rules)
        store = view.generation.store
        key = store.find(article, view.sequence)
        stored = store.documents([] if key is None else [key])
        if key not in stored:
            raise NotFoundError(article)
        answering = self._answering(view)
        answer = answering.answer(whole)
        explainer = answering.explainer(whole, answer)
        candidates = {one.key: one for one in (*answer.matches.full, *answer.matches.near)}
        place = answer.rows.place(key)
        if place is not None:
            (row,) = answer.rows.part(place, 1)
            found = explainer.member(candidates[key], row, place + 1, stored[key])
            if key == row.shown.key:
                return found
            into = store.documents((), cards=[row.shown.key]).get(row.shown.key)  # None: purged meanwhile
            return replace(found, folded_into=reprint_of(into.card, view) if into else None)
        search = Search(whole, query.parse(answer.text), answer.planned, answer.matches, NEAR_BELOW)
        return explainer.absent(stored[key], *obstacles_to(stored[key], search, view, self._analyzer))

    def _attempt(self, request: SearchRequest, view: View, started: float) -> Page:
        """Answer from one view. A purge may take a text away from a view that is still in use."""
        self._check_names(request, view)
        request, typed = with_names(request, view, self._rules)
        answering = self._answering(view)
        page = answering.page(request, answering.answer(request), started)
        return replace(page, shown=replace(page.shown, facets=as_typed(page.shown.facets, typed)))

    def has_names(self) -> bool:
        """Whether names can be counted and filtered by: they are on, and the index has them."""
        return self._counts_names(self._live.view())

    def _counts_names(self, view: View) -> bool:
        return self._names and bool(view.generation.manifest.names)

    def _check_names(self, request: SearchRequest, view: View) -> None:
        field = next((name for name in NAMES if request.filters.get(name)), None)
        if field and not self._counts_names(view):
            raise BadRequestError(field, WITHOUT_NAMES)

    def _answering(self, view: View) -> Answering:
        return Answering(view, self._analyzer, names=self._counts_names(view), today=self._today())

    # --- articles --------------------------------------------------------------------------

    def article(self, article_id: str) -> ArticlePage:
        """Return an article as the published generation holds it.

        Raises:
            NotFoundError: it holds no such article.
        """
        view = self._live.view()
        article = view.generation.store.article(article_id, view.sequence)
        if article is None:
            raise NotFoundError(article_id)
        return page_of(article, view)

    def articles(self, ids: Sequence[str]) -> tuple[Hit, ...]:
        """Return those of the articles of *ids* that the published generation holds, in their order."""
        view = self._live.view()
        cards = view.generation.store.cards(ids, view.sequence)
        return tuple(
            hit_of(cards[one], view, title=(Segment(cards[one].title),)) for one in ids if one in cards
        )

    def reprints(self, article_id: str, page: int = 1, per_page: int = SHOWN_REPRINTS) -> ReprintPage:
        """Return a page of the other articles that are the same text, the earliest first; one past the
        last is empty.

        Raises:
            NotFoundError: the published generation holds no such article.
        """
        view = self._live.view()
        store = view.generation.store
        own = store.cards([article_id], view.sequence).get(article_id)
        if own is None:
            raise NotFoundError(article_id)
        found = store.reprint_cards(article_id, view.sequence)
        found.sort(key=lambda card: (card.published.timestamp() if card.published else inf, card.id))
        first = (page - 1) * per_page
        shown = tuple(reprint_of(card, view) for card in found[first : first + per_page])
        return ReprintPage(own.id, own.title, len(found), page, per_page, shown, view.version)

    def suggest(
        self, text: str, limit: int = 8, *, narrowed: SearchRequest = EVERYTHING
    ) -> tuple[Suggestion, ...]:
        """Return up to *limit* queries that complete *text*, the likeliest of each kind first.

        Of *narrowed* filters and dates count: what is offered has an article that they let through.

        Raises:
            BadRequestError: a filter by a name where these are off (``has_names``).
            GenerationError: there is no index that can be read.
        """
        view = self._live.view()
        self._check_names(narrowed, view)
        narrowed, _ = with_names(narrowed, view, self._rules)
        vocabulary = vocabulary_in(view, self._analyzer)
        return Completer(view, self._analyzer, vocabulary, narrowed).suggestions(text, limit)

    def similar(self, article_id: str, limit: int = 5) -> tuple[SimilarArticle, ...]:
        """Return up to *limit* neighbours of an article, nearest first; no search is made.

        Raises:
            NotFoundError: the published generation holds no such article.
        """
        view = self._live.view()
        store = view.generation.store
        nearest = store.nearest(article_id, view.sequence)
        cards = store.cards([article_id, *(one.article for one in nearest.neighbours)], view.sequence)
        if article_id not in cards:
            raise NotFoundError(article_id)
        found = (one for one in nearest.neighbours if one.article in cards and one.article != article_id)
        shown = list(islice(found, limit))
        why = reasons(
            [one.shared for one in shown],
            store.records.record(nearest.key),
            nearest.text,
            analyzer=self._analyzer,
            documents=store.form_count,
        )
        return tuple(
            neighbour_of(cards[one.article], one.score, words, view)
            for one, words in zip(shown, why, strict=True)
        )

    # --- the whole -------------------------------------------------------------------------

    def overview(self) -> Overview:
        """Return what there is: counts by source, section and year, and the newest articles."""
        view = self._live.view()
        matches = view.snapshot.search(Plan(order="-date", depth=RECENT, facets=FACETS, near_below=0))
        stored = view.generation.store.documents([candidate.key for candidate in matches.full])
        facets = {
            facet.field: facet.buckets for facet in facets_of(matches, SearchRequest("", facets=FACETS), view)
        }
        return Overview(
            total=matches.total,
            sources=facets["source"],
            categories=facets["category"],
            years=facets["year"],
            recent=tuple(
                hit_of(item.card, view, title=(Segment(item.card.title),))
                for candidate in matches.full
                if (item := stored.get(candidate.key)) is not None
            ),
            version=view.version,
        )

    def sources(self) -> tuple[Bucket, ...]:
        """Return every source with its title and number of articles, most articles first."""
        view = self._live.view()
        matches = view.snapshot.search(Plan(depth=0, facets=("source",), near_below=0))
        return facets_of(matches, SearchRequest("", facets=("source",)), view)[0].buckets

    def version(self) -> str:
        """Return the version token; it changes when any answer may."""
        return self._live.view().version

    def readiness(self) -> Readiness:
        """Try the index with a search and compare fingerprints."""
        try:
            view = self._live.view()
            view.snapshot.search(Plan(depth=1, near_below=0))
        except FingerprintError as error:
            return Readiness(False, True, str(error))
        except GenerationError as error:
            return Readiness(False, False, str(error))
        reason = self._live.problem or self._lacking(view.generation)
        return Readiness(True, bool(reason), reason)

    def _lacking(self, generation: Generation) -> str:
        """Say what keeps a generation from the answers that the settings ask for, "" if nothing does."""
        if generation.manifest.analysis != self._analyzer.fingerprint:
            return str(FingerprintError("другой разбор слов"))
        if self._names and generation.manifest.names != NAMES_VERSION:
            return str(IndexWithoutNamesError())
        return WITHOUT_VECTORS if generation.lacks_vectors else ""


def _check(request: SearchRequest) -> None:
    if request.page < 1 or request.per_page < 1:
        raise BadRequestError("page", "Страницы считаются с единицы.")
    if request.page > 1 and (request.page - 1) * request.per_page >= MAX_DEPTH:
        raise BadRequestError(
            "page", f"Глубже {MAX_DEPTH} результатов листать нельзя: уточните запрос или даты."
        )
    if request.since and request.until and request.since > request.until:
        raise BadRequestError("from", "Начало периода позже его конца.")
