"""Do two engines answer alike? Queries through both over one archive, the first rows compared.

Compared are the answers of the whole search (as the site gives them, after the second stage) and of
the engines alone. Where a query gets other rows, ``explain`` says what parts the two lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.resources import files
from itertools import combinations, pairwise
from pathlib import Path

from corpus.archive import Archive
from corpus.article import Article
from corpus.jsonl import import_rows
from indexer.evaluate import fill, workplace
from indexer.pipeline import rebuild
from indexer.progress import Progress, silent
from searchsvc.answer.answering import NEAR_BELOW, RERANKED
from searchsvc.bootstrap import open_archive
from searchsvc.engine import Plan
from searchsvc.engines import ENGINES
from searchsvc.evaluation import Figures, JudgedQuery, rank_biased_overlap, read_judged
from searchsvc.generation.generations import Generations
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.language.text import clean
from searchsvc.query import syntax as query
from searchsvc.query.planning import plan
from searchsvc.results import FACETS, MAX_DEPTH, SearchRequest
from searchsvc.search import SearchService

FIRST = 20
"""Rows compared of each query."""

ALIKE = 0.8
"""A query whose lists overlap less is explained."""

ENOUGH = 200
"""A set of fewer queries is completed with some made of the articles."""

CLOSE = 0.05
"""Scores that differ by a smaller share of the greater one are near."""

_WORDS = 8
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s")


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows best first with their scores, counts of matches and facets, the query as it was answered."""

    ids: Sequence[str]
    scores: Sequence[float]
    counts: object = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class Unlike:
    """A query whose answers differ: where ("search" or "engine"), how much, why (Russian)."""

    query: str
    kind: str
    level: str
    rbo: float
    why: str


def compare_engines(
    folder: Path | None = None,
    *,
    queries: Path | None = None,
    engines: tuple[str, str] = (ENGINES[0], ENGINES[1]),
    alike: float = ALIKE,
    progress: Progress = silent,
) -> Figures:
    """Answer the queries of a judged set (none given: the sample's) with two engines and compare.

    Return "queries" and how many of them are "judged", "engines", the mean overlap of the first rows
    of the whole "search" and of the "engine" alone, the "least" of both, and "unlike": the rows of
    ``Unlike`` of queries whose lists overlap less than *alike*, least alike first.

    Raises:
        EvaluationError: the set is not of the layout. EngineMissingError: an engine is not installed.
    """
    sample = Path(str(files("corpus") / "sample"))
    judged = read_judged(folder or sample / "judged", queries).queries
    with workplace() as settings, ExitStack() as held:
        analyzer = Analyzer()
        with open_archive(settings) as archive:
            if folder is None:
                _fill_with_sample(archive, sample / "articles.jsonl")
            else:
                fill(archive, folder / "corpus.jsonl")
            asked = completed(judged, (article for article, _ in archive.articles()), analyzer)
            for engine in engines:
                generations = Generations(settings.data_dir / engine)
                rebuild(archive, generations, analyzer, engine=engine, progress=progress)
        sides = [_Side(settings.data_dir / engine, analyzer) for engine in engines]
        for side in sides:
            held.callback(side.live.close)
        found = _compare(sides, asked, alike, progress)
    own = len({one.text for one in judged})
    return {"engines": list(engines), "queries": len(asked), "judged": own, **found}


def completed(
    judged: Sequence[JudgedQuery], articles: Iterable[Article], analyzer: Analyzer
) -> tuple[JudgedQuery, ...]:
    """Return *judged*, completed to ``ENOUGH`` with queries made of *articles* by rule, in their order."""
    asked = {one.text: one for one in judged}
    made = derived(sorted(articles, key=lambda article: article.id), analyzer)
    while len(asked) < ENOUGH and (one := next(made, None)) is not None:
        asked.setdefault(one.text, one)
    return tuple(asked.values())


def derived(articles: Sequence[Article], analyzer: Analyzer) -> Iterator[JudgedQuery]:
    """Yield a query of another kind from each article in turn, until every article has given all kinds.

    Kinds: a headline; its longest words in their dictionary form; two of its words as a phrase; the
    beginning of the text's first sentence.
    """
    kinds = ("headline", "inflected", "phrase", "sentence")
    for turn in range(len(kinds)):
        for number, article in enumerate(articles):
            kind = kinds[(number + turn) % len(kinds)]
            if text := _query(kind, article, analyzer):
                yield JudgedQuery(f"{kind}-{article.id}", text, kind)


def _query(kind: str, article: Article, analyzer: Analyzer) -> str:
    if kind == "headline":
        return article.title
    if kind == "sentence":
        body = next((text for name, text in article.parts() if name == "body"), "")
        return " ".join(_SENTENCE_END.split(body, maxsplit=1)[0].split()[:_WORDS])
    tokens = [token for token in analyzer.tokens(article.title) if not token.whole and not token.stop_word]
    if kind == "phrase":
        pairs = (two for two in pairwise(tokens) if two[1].position == two[0].position + 1)
        first, second = max(pairs, key=lambda two: len(two[0].form + two[1].form), default=(None, None))
        return f'"{article.title[first.start : second.stop]}"' if first and second else ""
    longest = sorted(sorted(tokens, key=lambda token: -len(token.form))[:3], key=lambda token: token.position)
    return " ".join(token.lemmas[0] for token in longest)


def explain(one: Ranking, two: Ranking) -> str:
    """Say (in Russian) what parts two lists: other matches, equal or near scores, preselection.

    How far apart are two rows that change places? Each engine has its opinion; the smaller gap counts,
    since one that sees them as equal is enough to part the lists.
    """
    if one.counts != two.counts:
        return f"находят разное: {one.counts} и {two.counts}"
    if one.ids == two.ids:
        return "ничего"
    places = [{name: place for place, name in enumerate(each.ids)} for each in (one, two)]
    shown = sorted({*one.ids[:FIRST], *two.ids[:FIRST]})
    lost = [name for name in shown if max(found.get(name, MAX_DEPTH) for found in places) >= RERANKED]
    if lost:
        return f"предварительный отбор: из первых {FIRST} у другого движка нет среди {RERANKED}: {len(lost)}"
    gaps = [
        min(
            _gap(each.scores[found[a]], each.scores[found[b]])
            for each, found in zip((one, two), places, strict=True)
        )
        for a, b in combinations(shown, 2)
        if (places[0][a] < places[0][b]) != (places[1][a] < places[1][b])
    ]
    widest = max(gaps, default=0.0)
    if widest < 1e-6:
        return "равные оценки"
    share = f"{widest:.1%}".replace(".", ",")
    return f"{'близкие' if widest <= CLOSE else 'разные'} оценки: переставлены статьи с разницей до {share}"


def _gap(one: float, two: float) -> float:
    return abs(one - two) / (max(abs(one), abs(two)) or 1.0)


class _Side:
    """The archive behind one engine."""

    def __init__(self, folder: Path, analyzer: Analyzer) -> None:
        self.live = LiveIndex(Generations(folder))
        self._analyzer = analyzer
        self._service = SearchService(self.live, analyzer)
        self._view = self.live.view()

    def search(self, text: str, depth: int) -> Ranking:
        """Search as the site does."""
        page = self._service.search(
            SearchRequest(text, per_page=depth, facets=FACETS, highlight=False, fold=False)
        )
        facets = {
            facet.field: {bucket.value: bucket.count for bucket in facet.buckets} for facet in page.facets
        }
        counts = (page.total, page.near_total, facets)
        return Ranking(
            [hit.id for hit in page.hits], [hit.score for hit in page.hits], counts, page.effective
        )

    def engine(self, text: str, depth: int) -> Ranking:
        """Ask the engine alone, always as deep as anybody may look, and show *depth* rows."""
        matches = self._view.snapshot.search(_plan(text, self._analyzer))
        rows = (*matches.full, *matches.near)[:depth]
        stored = self._view.generation.store.documents([row.key for row in rows])
        counts = (matches.total, matches.near_total, matches.unit_counts, matches.facets)
        return Ranking([stored[row.key].card.id for row in rows], [row.score for row in rows], counts, text)


def _compare(
    sides: Sequence[_Side], asked: Sequence[JudgedQuery], alike: float, progress: Progress
) -> Figures:
    overlaps: dict[str, list[float]] = {"search": [], "engine": []}
    unlike: list[Unlike] = []
    for number, one in enumerate(asked, 1):
        text = one.text
        for level, ask in (("search", _Side.search), ("engine", _Side.engine)):
            first, second = (ask(side, text, FIRST) for side in sides)
            overlap = rank_biased_overlap(first.ids, second.ids)
            overlaps[level].append(overlap)
            if overlap < alike or first.counts != second.counts:
                why = explain(*(ask(side, text, MAX_DEPTH) for side in sides))
                unlike.append(Unlike(one.text, one.kind, level, round(overlap, 4), why))
            text = first.query  # the engine alone gets the query repaired
        progress("Запросы", number, len(asked))
    return {
        **{level: round(sum(found) / len(found), 4) for level, found in overlaps.items()},
        "least": {level: round(min(found), 4) for level, found in overlaps.items()},
        "unlike": [asdict(row) for row in sorted(unlike, key=lambda row: row.rbo)],
    }


def _plan(text: str, analyzer: Analyzer) -> Plan:
    planned = plan(query.parse(text), analyzer)
    return Plan(
        units=tuple(unit.clause for unit in planned.units),
        words=planned.word_clauses,
        excluded=planned.excluded,
        facets=FACETS,
        near_below=NEAR_BELOW if len(planned.units) > 1 else 0,
        near_limit=RERANKED,
    )


def _fill_with_sample(archive: Archive, rows: Path) -> None:
    with rows.open("rb") as stream:
        import_rows(archive, stream, on_error="stop", clean=clean)
