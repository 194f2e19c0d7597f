"""The service: a request to a page of results, an article, its neighbours.

Every answer is made from one view of the published generation. A search is: parse, plan, one
call of the engine, the second stage over its candidates, one read of the store for the page.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import islice
from math import inf

import numpy as np

from corpus.article import tag_line
from searchsvc import query
from searchsvc.analysis import Analyzer
from searchsvc.cards import hit_of, neighbour_of, page_of, reprint_of
from searchsvc.engine import Candidate, Matches, Plan
from searchsvc.errors import (
    BadRequestError,
    FingerprintError,
    GenerationError,
    IndexDamagedError,
    IndexWithoutNamesError,
    NotFoundError,
)
from searchsvc.explain import Explainer, missing_units
from searchsvc.filters import as_typed, countable, days_of, excluded_values, facets_of, merged, with_names
from searchsvc.folding import FOLDED, Row, folded, unfolded
from searchsvc.live import LiveIndex, Pinned, View
from searchsvc.names import NAMES_VERSION, NameRules
from searchsvc.obstacles import Search, obstacles_to
from searchsvc.periods import find_period
from searchsvc.planning import Planned, plan
from searchsvc.ranking import Statistics, families_of, rank, stop_words_of
from searchsvc.reasons import reasons
from searchsvc.repair import repair_query
from searchsvc.results import (
    FACETS,
    MAX_DEPTH,
    SHOWN_REPRINTS,
    ArticlePage,
    Bucket,
    Correction,
    Explanation,
    Hit,
    Overview,
    PeriodOffer,
    Reprint,
    ResultPage,
    SearchRequest,
    Segment,
    SimilarArticle,
    WordCount,
)
from searchsvc.snippet import Marks, find_marks, snippet, title_segments
from searchsvc.store import Stored

RERANKED = 200
"""Candidates that the second stage orders; the engine's order follows (decision 4)."""

NEAR_BELOW = 10
"""Near matches follow where fewer articles than this have all the words (decision 11)."""

RECENT = 6

ATTEMPTS = 3
"""How often a search is answered anew because a purge took away what it was to show."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether searches are answered, and whether the answers are as good as they should be."""

    ready: bool
    degraded: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    """The engine's matches for one query text, in the order rows are shown.

    ``by_score`` says whether that is the order of scores; ``corrections`` led to the text,
    ``suggestions`` lead on from it.
    """

    text: str
    planned: Planned
    matches: Matches
    rows: tuple[Row, ...]
    scores: Mapping[int, float]
    by_score: bool
    corrections: tuple[Correction, ...] = ()
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of results; not ``complete`` if a text was purged while it was made."""

    shown: ResultPage
    complete: bool


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
            BadRequestError: deeper than ``MAX_DEPTH`` or dates that exclude one another.
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
        whole, _ = with_names(whole, view, self._rules)
        store = view.generation.store
        key = store.find(article, view.sequence)
        stored = store.documents([] if key is None else [key])
        if key not in stored:
            raise NotFoundError(article)
        answer = self._answered(whole, view)
        explainer = _explainer(whole, view, answer)
        candidates = {one.key: one for one in (*answer.matches.full, *answer.matches.near)}
        for place, row in enumerate(answer.rows, 1):
            if key == row.shown.key or key in row.others:
                found = explainer.rows(place, [candidates[key]], stored)[key]
                into = store.documents((), cards=[row.shown.key] if key in row.others else ())
                return replace(found, folded_into="".join(one.card.id for one in into.values()))
        search = Search(whole, query.parse(answer.text), answer.planned, answer.matches, NEAR_BELOW)
        return explainer.absent(stored[key], *obstacles_to(stored[key], search, view, self._analyzer))

    def _attempt(self, request: SearchRequest, view: View, started: float) -> _Page:
        """Answer from one view. A purge may take a text away from a view that is still in use."""
        request, typed = with_names(request, view, self._rules)
        page = self._page(request, view, self._answered(request, view), started)
        return replace(page, shown=replace(page.shown, facets=as_typed(page.shown.facets, typed)))

    def _answered(self, request: SearchRequest, view: View) -> _Answer:
        """Answer the query, or the repaired one where that alone has hits."""
        answer = self._answer(request.text, request, view)
        if not answer.matches.total and request.correct != "off":
            known = cache(lambda word: self._known(word, view))  # each kind of repair asks anew
            repair = repair_query(request.text, known, self._analyzer.is_known)
            if repair is not None:
                better = self._answer(repair.text, request, view)
                if better.rows and request.correct == "auto":
                    return replace(better, corrections=repair.corrections)
                if better.rows:
                    return replace(answer, suggestions=(repair.text,))
        return answer

    def _answer(self, text: str, request: SearchRequest, view: View) -> _Answer:
        planned = plan(query.parse(text), self._analyzer, view.synonyms)
        selection = _selection(request, planned, view)
        if not selection.units and not selection.filters and not selection.days:
            empty = Matches(0, (), 0, (), (), (), 0, 0.0, {})
            return _Answer(text, planned, empty, (), {}, by_score=False)
        # Without words there is nothing to be relevant to: a section is read from its newest article.
        order = "-date" if request.sort == "relevance" and not planned.units else request.sort
        matches = view.snapshot.search(
            replace(
                selection,
                words=planned.word_clauses,
                order=order,
                depth=min(FOLDED + request.page * request.per_page, MAX_DEPTH),
                facets=countable(request, view, names=self._names),
                near_below=NEAR_BELOW if len(planned.units) > 1 else 0,
                near_limit=RERANKED,
            )
        )
        full, scores = self._ordered(matches.full, order == "relevance", planned, matches, view)
        near, near_scores = self._ordered(matches.near, True, planned, matches, view)
        near_scores = _below(min(scores.values(), default=None), near_scores)
        found = (full + near)[:MAX_DEPTH]
        rows = (
            folded(found, len(full), view.generation.store, by_date=order != "relevance")
            if request.fold
            else unfolded(found)
        )
        return _Answer(text, planned, matches, rows, scores | near_scores, order == "relevance")

    def _period(self, request: SearchRequest, view: View) -> PeriodOffer | None:
        """Return the period that the query names, if it has articles and the request names none itself."""
        if request.since or request.until:
            return None
        period = find_period(request.text, self._today())
        if period is None:
            return None
        narrowed = replace(request, text=period.rest, since=period.since, until=period.until)
        planned = plan(query.parse(period.rest), self._analyzer, view.synonyms)
        total = view.snapshot.search(_selection(narrowed, planned, view)).total
        return PeriodOffer(period.since, period.until, period.rest, total) if total else None

    def _ordered(
        self, found: Sequence[Candidate], by_score: bool, planned: Planned, matches: Matches, view: View
    ) -> tuple[tuple[Candidate, ...], dict[int, float]]:
        """Put the first candidates into the second stage's order; the rest keep theirs below."""
        if not by_score or not planned.words or not found:
            return tuple(found), {candidate.key: candidate.score for candidate in found}
        head, tail = found[:RERANKED], found[RERANKED:]
        evidence = view.generation.store.records.occurrences(
            [candidate.key for candidate in head], families_of(planned.words), stop_words_of(planned.words)
        )
        statistics = Statistics(matches.documents, matches.average_length, matches.word_counts)
        scores = rank(planned.words, evidence, statistics)
        order = np.argsort(-scores, kind="stable")
        ranked = {head[row].key: float(scores[row]) for row in order}
        # Below the second stage the engine's scores only keep their order, under the last of it.
        ranked |= _below(float(scores.min()), {candidate.key: candidate.score for candidate in tail})
        return (*(head[row] for row in order), *tail), ranked

    def _page(self, request: SearchRequest, view: View, answer: _Answer, started: float) -> _Page:
        first = (request.page - 1) * request.per_page
        shown = answer.rows[first : first + request.per_page]
        keys = [row.shown.key for row in shown]
        others = [key for row in shown for key in row.others[:SHOWN_REPRINTS]]
        stored = view.generation.store.documents(keys, cards=others)
        words = answer.planned.words if request.highlight else ()
        marked = find_marks(words, view.generation.store.records.occurrences(keys, families_of(words)))
        hits = tuple(
            self._hit(row, stored, marks, answer, view)
            for row, marks in zip(shown, marked, strict=True)
            if row.shown.key in stored
        )
        if request.explain:
            explained = _explainer(request, view, answer).rows(
                first + 1, [row.shown for row in shown], stored
            )
            hits = tuple(
                replace(hit, explanation=one) for hit, one in zip(hits, explained.values(), strict=True)
            )
        matches = answer.matches
        counts = (
            tuple(
                WordCount(unit.text, count)
                for unit, count in zip(answer.planned.units, matches.unit_counts, strict=True)
            )
            if not matches.total and matches.unit_counts
            else ()
        )
        page = ResultPage(
            original=request.text,
            effective=answer.text,
            corrections=answer.corrections,
            total=matches.total,
            near_total=matches.near_total,
            rows=min(MAX_DEPTH, matches.total + matches.near_total)
            - sum(len(row.others) for row in answer.rows),
            page=request.page,
            per_page=request.per_page,
            hits=hits,
            facets=facets_of(matches, request, view),
            suggestions=answer.suggestions,
            words=counts,
            version=view.version,
            took_ms=(time.perf_counter() - started) * 1000,
            period=self._period(request, view),
        )
        return _Page(page, complete=stored.keys() >= {*keys, *others})

    def _hit(self, row: Row, found: Mapping[int, Stored], marks: Marks, answer: _Answer, view: View) -> Hit:
        stored = found[row.shown.key]
        title = stored.card.title
        if marks.starts and marks.starts[-1] > len(stored.text):  # the date stands at the end
            raise IndexDamagedError(view.generation.folder, f"запись документа {stored.key} не к его тексту")
        return hit_of(
            stored.card,
            view,
            title=title_segments(stored.text, title, marks),
            snippet=snippet(stored.text, title, tag_line(stored.card.tags), marks),
            score=answer.scores.get(row.best.key, row.best.score),
            missing=missing_units(answer.planned, row.shown.units),
            reprints=tuple(
                reprint_of(found[key].card, view) for key in row.others[:SHOWN_REPRINTS] if key in found
            ),
            reprint_count=len(row.others),
        )

    def _known(self, word: str, view: View) -> bool:
        """Say whether the archive has every part of *word*, in this form or another of its lemmas."""
        tokens = [token for token in self._analyzer.tokens(word) if not token.whole]
        covered = sum(token.stop - token.start for token in tokens)
        if not tokens or covered < len(word.strip("-‐‑")) - word.count("-"):
            return False
        return all(
            view.generation.store.form_count(token.folded) > 0
            or (self._analyzer.is_known(token.form) and view.snapshot.frequency(token.lemmas) > 0)
            for token in tokens
        )

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

    def reprints(self, article_id: str) -> tuple[Reprint, ...]:
        """Return other articles that are the same text, the earliest first, ``SHOWN_REPRINTS`` at most."""
        view = self._live.view()
        found = view.generation.store.reprint_cards(article_id, view.sequence)
        found.sort(key=lambda card: (card.published.timestamp() if card.published else inf, card.id))
        return tuple(reprint_of(card, view) for card in found[:SHOWN_REPRINTS])

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
        if self._live.problem:
            return Readiness(True, True, self._live.problem)
        if view.generation.manifest.analysis != self._analyzer.fingerprint:
            return Readiness(True, True, str(FingerprintError("другой разбор слов")))
        if self._names and view.generation.manifest.names != NAMES_VERSION:
            return Readiness(True, True, str(IndexWithoutNamesError()))
        return Readiness(True, False)


def _explainer(request: SearchRequest, view: View, answer: _Answer) -> Explainer:
    return Explainer(
        view=view,
        asked=request.text,
        effective=answer.text,
        corrections=answer.corrections,
        suggestions=answer.suggestions,
        truncated=query.parse(answer.text).truncated,
        planned=answer.planned,
        matches=answer.matches,
        scores=answer.scores,
        by_score=answer.by_score,
        ranked=frozenset(candidate.key for candidate in answer.matches.full[:RERANKED]),
        lent={row.shown.key: answer.scores[row.best.key] for row in answer.rows if row.shown is not row.best},
    )


def _check(request: SearchRequest) -> None:
    if request.page < 1 or request.per_page < 1:
        raise BadRequestError("page", "Страницы считаются с единицы.")
    if request.page > 1 and (request.page - 1) * request.per_page >= MAX_DEPTH:
        raise BadRequestError(
            "page", f"Глубже {MAX_DEPTH} результатов листать нельзя: уточните запрос или даты."
        )
    if request.since and request.until and request.since > request.until:
        raise BadRequestError("from", "Начало периода позже его конца.")


def _selection(request: SearchRequest, planned: Planned, view: View) -> Plan:
    """Return the plan of what matches in full, of which nothing but the number is wanted."""
    return Plan(
        units=tuple(unit.clause for unit in planned.units),
        excluded=(*planned.excluded, *excluded_values(planned, view)),
        filters=merged(planned.filters, request.filters, view),
        days=days_of(request, planned),
        depth=0,
        near_below=0,
    )


def _below(floor: float | None, scores: dict[int, float]) -> dict[int, float]:
    """Squeeze *scores* under *floor*, keeping their order: a score is to say what comes first."""
    if floor is None:
        return scores
    return {key: floor - 1 / (1 + max(score, 0.0)) for key, score in scores.items()}
