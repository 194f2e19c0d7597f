"""Runs for judged sets, made by the product's own pipeline in a temporary data folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Any

from corpus.archive import Archive
from corpus.article import Article, Paragraph, Source
from corpus.jsonl import read_row
from indexer.baselines import PlainBM25, read_documents, readings
from indexer.pipeline import rebuild
from indexer.progress import Progress, silent
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.comparison import VALUES, Setting, changes, difference, fingerprint, read_run
from searchsvc.errors import EvaluationError
from searchsvc.evaluation import (
    Answered,
    Figures,
    JudgedSet,
    by_query,
    library,
    read_judged,
    read_rows,
    score,
)
from searchsvc.language.analysis import Analyzer
from searchsvc.language.text import clean
from searchsvc.results import Correct, SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings, load_settings

DEPTH = 100
"""Results taken of each query: recall@100 looks no deeper."""

_SOURCE = "evaluation"


def evaluate_search(
    folder: Path,
    *,
    queries: Path | None = None,
    engine: str = "whoosh",
    correct: Correct = "auto",
    per_query: bool = False,
    compare: bool = False,
    against: Path | None = None,
    progress: Progress = silent,
) -> Figures:
    """Index the corpus of *folder*, answer its queries as the site would, and score the answers.

    The list is judged as readers see it: near matches after full ones. "set" tells the files apart from
    those of other sets. ``per_query`` adds nDCG@10 by query under "by_query". ``compare`` adds the figures of
    plain rankings of the same documents under "compare" (``baselines.readings``), each with "to_ours":
    what ours gains over it. ``against`` names an earlier run; under "against" is what has been gained since,
    with the queries that "changed" most.

    Raises:
        EvaluationError: the set is not of the layout, the run is not of this set, or the extra
            ``evaluate`` is missing.
    """
    library("ir_measures")  # before minutes of work, not after
    judged = read_judged(folder, queries)
    corpus = folder / "corpus.jsonl"
    of_set = fingerprint(corpus, *judged.files)
    ids = frozenset(query.id for query in judged.queries)
    past = read_run(against, Setting("search", "ndcg@10", ids, of_set)) if against else None
    analyzer = Analyzer()
    with indexed(corpus, engine, progress, analyzer) as (service, names):
        answers = _answer(service, names, judged, correct, progress)
    figures = _figures(judged, answers, per_query) | {"set": of_set}
    ours = by_query(judged, answers)
    if compare:
        figures["compare"] = {
            name: _figures(judged, plain, per_query)
            | {"to_ours": difference(by_query(judged, plain), ours, _kinds(judged))}
            for name, plain in _plain_answers(corpus, judged, analyzer, progress)
        }
    if past is not None:
        texts = {query.id: query.text for query in judged.queries}
        figures["against"] = changes(past, ours, texts=texts, kinds=_kinds(judged))
    return figures


def _figures(judged: JudgedSet, answers: list[Answered], per_query: bool) -> Figures:
    return score(judged, answers) | ({VALUES: by_query(judged, answers)} if per_query else {})


def _kinds(judged: JudgedSet) -> dict[str, str]:
    return {query.id: query.kind for query in judged.queries}


def _plain_answers(
    corpus: Path, judged: JudgedSet, analyzer: Analyzer, progress: Progress
) -> Iterator[tuple[str, list[Answered]]]:
    """Yield the name of each plain ranking and what it answers."""
    names, documents = read_documents(corpus)
    variants = readings(analyzer)
    for number, (name, reading) in enumerate(variants.items(), 1):
        index = PlainBM25(documents, reading)
        answers = []
        for query in judged.queries:
            started = perf_counter()
            found = index.search(query.text, DEPTH)
            took = (perf_counter() - started) * 1000
            answers.append(Answered(query, [names[place] for place in found], took))
        yield name, answers
        progress("Сравнение", number, len(variants))


@contextmanager
def indexed(
    corpus: Path, engine: str, progress: Progress, analyzer: Analyzer | None = None
) -> Iterator[tuple[SearchService, dict[str, str]]]:
    """Index a corpus in a temporary folder; give the service and the documents' own ids by article id."""
    with workplace() as settings, open_archive(settings) as archive:
        analyzer = analyzer or Analyzer()
        names = fill(archive, corpus)
        rebuild(archive, open_generations(settings), analyzer, engine=engine, progress=progress)
        service, live = open_service(settings, analyzer)
        try:
            yield service, names
        finally:
            live.close()


@contextmanager
def judged_set(folder: Path | None) -> Iterator[Path]:
    """Give *folder* or, where it is None, the packaged sample with its judgements in the same layout."""
    if folder is not None:
        yield folder
        return
    sample = Path(str(files("corpus") / "sample"))
    with tempfile.TemporaryDirectory(prefix="searchsvc-sample-", ignore_cleanup_errors=True) as place:
        made = Path(place)
        for path in (sample / "judged").iterdir():
            shutil.copy(path, made)
        (made / "corpus.jsonl").write_text("".join(beir_lines(sample / "articles.jsonl")), encoding="utf-8")
        yield made


def beir_lines(rows: Path) -> Iterator[str]:
    """Yield the articles of a file of JSON Lines as lines of a BEIR corpus."""
    for line in rows.read_text(encoding="utf-8").splitlines():
        article = read_row(json.loads(line)).article
        row = {
            "_id": article.id,
            "title": article.title,
            "text": "\n\n".join(text for name, text in article.parts() if name in {"lead", "body"}),
            "published": article.published.isoformat() if article.published else None,
            "tags": article.tags,
        }
        yield f"{json.dumps(row, ensure_ascii=False)}\n"


@contextmanager
def workplace() -> Iterator[Settings]:
    """Give the settings of a temporary data folder, away from everybody's own."""
    with tempfile.TemporaryDirectory(prefix="searchsvc-evaluate-", ignore_cleanup_errors=True) as place:
        yield load_settings(data_dir=Path(place), archive_url="", desk_url="")


def fill(archive: Archive, corpus: Path) -> dict[str, str]:
    """Put the documents of a BEIR corpus into an empty archive; return their own ids by article id."""
    archive.add_source(Source(_SOURCE, "https://evaluation.invalid/", "import", "Оценка"))
    names: dict[str, str] = {}
    with archive.batch():
        for number, row in enumerate(read_rows(corpus), 1):
            article_id = f"d{number:07}"
            names[article_id] = str(row["_id"])
            archive.put(_article(article_id, number, row))
    return names


def _article(article_id: str, number: int, row: dict[str, Any]) -> Article:
    text = clean(str(row.get("text", "")))
    return Article(
        id=article_id,
        source=_SOURCE,
        url=f"https://evaluation.invalid/{number}",
        title=clean(str(row.get("title") or "")),
        body=tuple(Paragraph(line.strip()) for line in text.splitlines() if line.strip()),
        published=_moment(row.get("published"), row["_id"]),
        tags=tuple(clean(str(tag)) for tag in row.get("tags") or ()),
    )


def _moment(value: object, document: object) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise EvaluationError(f"Документ «{document}»: дата «{value}» не по ISO 8601.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _answer(
    service: SearchService, names: dict[str, str], judged: JudgedSet, correct: Correct, progress: Progress
) -> list[Answered]:
    answers = []
    service.search(_request("прогрев", correct))  # dictionaries load on the first search
    for number, query in enumerate(judged.queries, 1):
        started = perf_counter()
        page = service.search(_request(query.text, correct))
        took = (perf_counter() - started) * 1000
        answers.append(Answered(query, [names[hit.id] for hit in page.hits], took))
        progress("Запросы", number, len(judged.queries))
    return answers


def _request(text: str, correct: Correct) -> SearchRequest:
    """Return the one form in which sets are asked about."""
    return SearchRequest(text, per_page=DEPTH, correct=correct, fold=False)  # each article is judged
