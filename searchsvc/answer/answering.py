"""An answer to one query from one view: parse, plan, one call of the engine, the second stage over its
candidates, one read of the store for the page.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from math import ceil
from operator import itemgetter

import numpy as np

from corpus.article import tag_line
from searchsvc.answer.cards import hit_of, reprint_of
from searchsvc.answer.explain import Explainer, missing_units
from searchsvc.answer.folding import Row, Rows, first_of_texts, texts
from searchsvc.answer.nearby import find_nearby, narrowed, recounted, word_counts
from searchsvc.answer.related import related_words
from searchsvc.answer.snippet import Marks, find_marks, snippet, title_segments
from searchsvc.correction.repair import OTHER_LETTERS, repair_query
from searchsvc.correction.vocabulary import kin_of, vocabulary_in
from searchsvc.engine import MAX_UNITS, TEXT, AnyOf, Candidate, Matches, Plan
from searchsvc.errors import IndexDamagedError
from searchsvc.generation.live import View
from searchsvc.language.analysis import Analyzer
from searchsvc.query import syntax as query
from searchsvc.query.filters import countable, facets_of, selection
from searchsvc.query.periods import find_period
from searchsvc.query.planning import Planned, plan
from searchsvc.ranking import Statistics, families_of, rank, stop_words_of
from searchsvc.results import (
    MAX_DEPTH,
    SHOWN_REPRINTS,
    Correction,
    Hit,
    Nearby,
    PeriodOffer,
    ResultPage,
    SearchRequest,
    WordCount,
)
from searchsvc.store.stored import Stored

RERANKED = 200
"""Texts that the second stage orders; those below keep the engine's order. Twice as many gain nothing
(``docs/quality.md``)."""

DEEPEST = 4 * MAX_DEPTH
"""Articles that are looked at for ``MAX_DEPTH`` rows where reprints make them fewer. Behind more than three
copies of every text nobody pages on; what an answer costs has its bound."""

MARGIN = 1.1
STEP = 500
"""So many times more articles are asked for than give ``MAX_DEPTH`` rows on the average, in such steps:
asking again costs as much once more, and a few reprints more or less are to move nothing."""

DOUBTED_BELOW = 10
MANY_TIMES = 10
"""Where a query has fewer hits, words are doubted that no dictionary and fewer articles have: one article is
enough to have a typo. What they may be instead is suggested if that has so many times more hits."""

DOUBTED_WORDS = 2
"""In queries with hits that have more words nothing is doubted: an article has all of them. To look what a
word may be instead takes 2-4 ms."""

NEAR_BELOW = 10
"""Near matches follow where fewer articles than this have all the words, however many a page shows."""

Candidates = tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The engine's matches for one query text, in the order rows are shown.

    ``by_score`` says whether that is the order of scores, ``ranked`` which of them the second stage gave;
    ``corrections`` led to the text, ``suggestions`` lead on from it.
    """

    text: str
    planned: Planned
    matches: Matches
    rows: Rows
    scores: Mapping[int, float]
    by_score: bool
    ranked: frozenset[int] = frozenset()
    corrections: tuple[Correction, ...] = ()
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of results; not ``complete`` if a text was purged while it was made."""

    shown: ResultPage
    complete: bool


class Answering:
    """Answers queries from one view; with *names* those that articles mention can be counted."""

    def __init__(self, view: View, analyzer: Analyzer, *, names: bool, today: date) -> None:
        self._view = view
        self._analyzer = analyzer
        self._names = names
        self._today = today

    def answer(self, request: SearchRequest) -> Answer:
        """Answer the query, or the repaired one where that alone has hits.

        Conditions do not matter to that: what is found without them decides how the words are read, and
        what is then shown may be nothing but the conditions that leave nothing.
        """
        answer = self._answer(request.text, request)
        if request.correct == "off" or answer.matches.total >= DOUBTED_BELOW:
            return answer
        if answer.matches.total:
            return self._doubted(answer, request)
        vocabulary = vocabulary_in(self._view, self._analyzer)
        repair = repair_query(request.text, vocabulary)
        if repair is not None:
            better = self._answer(repair.text, request)
            known = bool(better.rows or any(better.matches.unit_counts))
            if known and request.correct == "auto" and repair.sure:
                better = replace(better, corrections=repair.corrections)
                return better if better.matches.total else self._doubted(better, request)
            if (repair.sure and known) or better.matches.total or vocabulary.hits(repair.text):
                return replace(answer, suggestions=(repair.text,))
        return self._doubted(answer, request)

    def _doubted(self, answer: Answer, request: SearchRequest) -> Answer:
        """Suggest what rare words that no dictionary has may stand for, where that has many times more hits.

        Where all else was typed in other letters, such words were, too: then it is the answer.
        """
        counted = zip(answer.planned.words, answer.matches.word_counts, strict=False)
        rare = [word.text for word, count in counted if count < DOUBTED_BELOW]
        found = answer.matches.total and len(answer.matches.word_counts) > DOUBTED_WORDS
        if found or all(map(self._analyzer.is_known, rare)):
            return answer
        doubting = vocabulary_in(self._view, self._analyzer, fewest=DOUBTED_BELOW)
        repair = repair_query(request.text, doubting)
        if repair is None or not repair.sure or repair.text == answer.text:
            return answer
        if doubting.hits(repair.text) < max(1, MANY_TIMES * doubting.hits(answer.text)):
            return answer
        if answer.corrections and {one.kind for one in repair.corrections} <= OTHER_LETTERS:
            return replace(self._answer(repair.text, request), corrections=repair.corrections)
        return replace(answer, suggestions=(repair.text,))

    def _answer(self, text: str, request: SearchRequest) -> Answer:
        planned = plan(query.parse(text), self._analyzer, self._view.synonyms)
        wanted = selection(request, planned, self._view)
        # Without words there is nothing to be relevant to: a section is read from its newest article.
        order = "-date" if request.sort == "relevance" and not planned.units else request.sort
        matches = Matches(0, (), 0, (), (), (), 0, 0.0, {})
        if wanted.units or wanted.filters or wanted.days:
            matches = self._found(request, planned, replace(wanted, order=order))
        store, by_date = self._view.generation.store, order != "relevance"
        head, tail = ((), matches.full) if by_date else self._to_rank(matches.full)
        full, scores = self._ordered(head, tail, planned, matches)
        near_head, near_tail = self._to_rank(matches.near)
        near, near_scores = self._ordered(near_head, near_tail, planned, matches)
        near_scores = _below(min(scores.values(), default=None), near_scores)
        rows = Rows((*full, *near), len(full), store, by_date=by_date, fold=request.fold)
        ranked = frozenset(map(itemgetter(0), (*head, *near_head)))
        return Answer(text, planned, matches, rows, scores | near_scores, not by_date, ranked)

    def _found(self, request: SearchRequest, planned: Planned, wanted: Plan) -> Matches:
        """Return what matches, deep enough for all rows there may be, whatever page is asked for."""
        store = self._view.generation.store
        spread = store.reprints.spread() if request.fold else 1.0
        depth = MAX_DEPTH if spread == 1 else min(ceil(MAX_DEPTH * MARGIN * spread / STEP) * STEP, DEEPEST)
        limit = self._near_limit()
        matches = self._view.snapshot.search(
            replace(
                wanted,
                words=planned.word_clauses,
                depth=depth,
                facets=countable(request, names=self._names),
                near_below=NEAR_BELOW if len(planned.units) > 1 else 0,
                near_limit=limit,
            )
        )
        if not matches.total:
            matches = self._with_parts(matches, planned, wanted)
        if not matches.total and not matches.near:
            return self._with_kin(matches, planned, replace(wanted, order="relevance"))
        while spread > 1 and depth < min(matches.total, DEEPEST) and texts(matches.full, store) < MAX_DEPTH:
            depth = min(2 * depth, DEEPEST)
            matches = replace(matches, full=self._view.snapshot.search(replace(wanted, depth=depth)).full)
        return matches

    def _with_parts(self, matches: Matches, planned: Planned, wanted: Plan) -> Matches:
        """Add articles that have parts of a hyphenated word where none has all («школа-интернат»)."""
        units = (*wanted.units, *(part.clause for part in planned.parts))
        if not planned.parts or len(units) > MAX_UNITS:
            return matches
        found = self._view.snapshot.search(
            replace(wanted, units=units, near_below=NEAR_BELOW, near_limit=self._near_limit())
        )
        return replace(matches, near=found.near, near_total=found.near_total, unit_counts=found.unit_counts)

    def _with_kin(self, matches: Matches, planned: Planned, wanted: Plan) -> Matches:
        """Add articles that have kin of a word that none has («директор» for «директорский»).

        Phrases, titles and very forms are asked for as they are.
        """
        if not all(isinstance(unit.clause, AnyOf) and unit.clause.field == TEXT for unit in planned.units):
            return matches
        counted = zip(planned.words, matches.word_counts, strict=True)
        words = [word.text for word, count in counted if not (count or word.weak)]
        kin = kin_of(words, self._view.generation.store.lexicon(), self._analyzer)
        if not kin:
            return matches
        found = self._view.snapshot.search(replace(wanted, units=(AnyOf(kin),), depth=self._near_limit()))
        near = tuple(candidate._replace(units=0) for candidate in found.full)
        return replace(matches, near=near, near_total=len(near))

    def _period(self, request: SearchRequest, text: str) -> PeriodOffer | None:
        """Return the period that *text* names, if it has articles and the request names none itself."""
        if request.since or request.until or request.filters.get("year"):
            return None
        period = find_period(text, self._today)
        if period is None:
            return None
        within = replace(request, text=period.rest, since=period.since, until=period.until)
        planned = plan(query.parse(period.rest), self._analyzer, self._view.synonyms)
        total = self._view.snapshot.search(selection(within, planned, self._view)).total
        return PeriodOffer(period.since, period.until, period.rest, total) if total else None

    def _nearby(self, request: SearchRequest, answer: Answer) -> Nearby | None:
        """Return what is found under other conditions, where these leave nothing of words the archive has."""
        matches = answer.matches
        if matches.total or not all(matches.unit_counts):
            return None
        return find_nearby(request, answer.text, answer.planned, self._view, self._analyzer)

    def _words(self, request: SearchRequest, answer: Answer) -> tuple[WordCount, ...]:
        """Return how many articles have each word, if none has all of them."""
        if answer.matches.total:
            return ()
        words = word_counts(answer.planned, answer.matches.unit_counts)
        return narrowed(words, request, answer.text, self._view, self._analyzer)

    def _related(self, request: SearchRequest, answer: Answer) -> tuple[WordCount, ...]:
        """Return kin of the query's words, of those first that no article has; if the conditions leave
        articles to some of them, only these."""
        counted = zip(answer.planned.words, answer.matches.word_counts, strict=False)
        words = sorted(
            (count > 0, place, word.text) for place, (word, count) in enumerate(counted) if not word.weak
        )
        found = related_words(
            [text for _, _, text in words],
            self._view.generation.store.lexicon(),
            self._analyzer,
            frequency=self._view.snapshot.frequency,
            synonyms=self._view.synonyms,
        )
        found = recounted(found, self._view, self._analyzer)
        found = narrowed(found, request, answer.text, self._view, self._analyzer)
        return tuple(word for word in found if word.total) or found

    def _near_limit(self) -> int:
        """Return how many near matches are asked for: ``RERANKED`` texts as copied as this archive's are."""
        spread = self._view.generation.store.reprints.spread()
        return RERANKED if spread == 1 else min(ceil(RERANKED * MARGIN * spread), DEEPEST)

    def _to_rank(self, found: Candidates) -> tuple[Candidates, Candidates]:
        """Part candidates into those that the second stage orders and the rest; of many one of each text.

        Without folding, too: it changes the rows, not their order. Further copies come below.
        """
        store = self._view.generation.store
        if len(found) <= RERANKED or store.reprints.spread() == 1:
            return found[:RERANKED], found[RERANKED:]
        first = dict.fromkeys(first_of_texts(found, store)[:RERANKED])
        rest = (candidate for place, candidate in enumerate(found) if place not in first)
        return tuple(found[place] for place in first), tuple(rest)

    def _ordered(
        self, head: Candidates, tail: Candidates, planned: Planned, matches: Matches
    ) -> tuple[Candidates, dict[int, float]]:
        """Put *head* into the second stage's order; *tail* keeps its own below.

        Of equal ones the lesser key comes first, whatever the engine.
        """
        if not head or not planned.words:
            return (*head, *tail), dict(map(itemgetter(0, 1), (*head, *tail)))
        keys = [candidate.key for candidate in head]
        evidence = self._view.generation.store.records.occurrences(
            keys, families_of(planned.words), stop_words_of(planned.words)
        )
        statistics = Statistics(matches.documents, matches.average_length, matches.word_counts)
        nearness = self._view.generation.nearness(keys, planned.text)
        scores = rank(planned.words, evidence, statistics, nearness=nearness)
        order = np.lexsort((np.array(keys), -scores))
        ranked = {head[row].key: float(scores[row]) for row in order}
        # Below the second stage the engine's scores only keep their order, under the last of it.
        ranked |= _below(float(scores.min()), dict(map(itemgetter(0, 1), tail)))
        return (*(head[row] for row in order), *tail), ranked

    def page(self, request: SearchRequest, answer: Answer, started: float) -> Page:
        """Return the page of rows that *request* asks for; *started* is when, by ``time.perf_counter``."""
        first = (request.page - 1) * request.per_page
        shown = answer.rows.part(first, request.per_page)
        keys = [row.shown.key for row in shown]
        others = [key for row in shown for key in row.others[:SHOWN_REPRINTS]]
        stored = self._view.generation.store.documents(keys, cards=others)
        words = answer.planned.words if request.highlight else ()
        marked = find_marks(words, self._view.generation.store.records.occurrences(keys, families_of(words)))
        hits = tuple(
            self._hit(row, stored, marks, answer)
            for row, marks in zip(shown, marked, strict=True)
            if row.shown.key in stored
        )
        if request.explain:
            explained = self.explainer(request, answer).rows(first + 1, shown, stored)
            hits = tuple(
                replace(hit, explanation=one) for hit, one in zip(hits, explained.values(), strict=True)
            )
        matches = answer.matches
        nearby = self._nearby(request, answer)
        page = ResultPage(
            original=request.text,
            effective=answer.text,
            corrections=answer.corrections,
            total=matches.total,
            near_total=matches.near_total,
            rows=len(answer.rows),
            page=request.page,
            per_page=request.per_page,
            hits=hits,
            facets=facets_of(matches, request, self._view),
            suggestions=answer.suggestions,
            words=self._words(request, answer),
            version=self._view.version,
            took_ms=(time.perf_counter() - started) * 1000,
            period=self._period(request, answer.text),
            nearby=nearby,
            related=() if matches.total or nearby else self._related(request, answer),
            beyond=answer.rows.cut or matches.total > len(matches.full),
        )
        return Page(page, complete=stored.keys() >= {*keys, *others})

    def _hit(self, row: Row, found: Mapping[int, Stored], marks: Marks, answer: Answer) -> Hit:
        stored = found[row.shown.key]
        title = stored.card.title
        if marks.starts and marks.starts[-1] > len(stored.text):  # the date stands at the end
            raise IndexDamagedError(
                self._view.generation.folder, f"запись документа {stored.key} не к его тексту"
            )
        return hit_of(
            stored.card,
            self._view,
            title=title_segments(stored.text, title, marks),
            snippet=snippet(stored.text, title, tag_line(stored.card.tags), marks),
            score=answer.scores.get(row.best.key, row.best.score),
            missing=missing_units(answer.planned, row.shown.units),
            reprints=tuple(
                reprint_of(found[key].card, self._view) for key in row.others[:SHOWN_REPRINTS] if key in found
            ),
            reprint_count=len(row.others),
        )

    def explainer(self, request: SearchRequest, answer: Answer) -> Explainer:
        """Return what says why rows of an answer stand where they do."""
        return Explainer(
            view=self._view,
            asked=request.text,
            effective=answer.text,
            corrections=answer.corrections,
            suggestions=answer.suggestions,
            truncated=query.parse(answer.text).truncated,
            planned=answer.planned,
            matches=answer.matches,
            scores=answer.scores,
            by_score=answer.by_score,
            ranked=answer.ranked,
            row_count=len(answer.rows),
        )


def _below(floor: float | None, scores: dict[int, float]) -> dict[int, float]:
    """Squeeze *scores* under *floor*, keeping their order: a score is to say what comes first."""
    if floor is None:
        return scores
    known = np.fromiter(scores.values(), np.float64, len(scores))
    return dict(zip(scores, (floor - 1 / (1 + np.maximum(known, 0.0))).tolist(), strict=True))
