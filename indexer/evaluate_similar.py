"""Judged pairs of texts through the product's own pipeline: does «Похожие записи» find the same story?

A set is a folder with ``docs.jsonl`` {_id, title, text, optional published, tags} and ``pairs.tsv``: a header
line and the columns a, b, same (1 or 0). Judged is the content score from which the lists are made, before
reprints are left out and a list ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.baselines import PlainCosine, read_documents, readings
from indexer.evaluate import fill, workplace
from indexer.pipeline import rebuild
from indexer.progress import Progress, silent
from searchsvc.bootstrap import open_archive, open_generations
from searchsvc.comparison import VALUES, Setting, changes, difference, fingerprint, read_run
from searchsvc.errors import EvaluationError
from searchsvc.evaluation import Figures, library, read_rows
from searchsvc.language.analysis import Analyzer
from searchsvc.likeness.similar import content_scores
from searchsvc.store.store_writer import StoreWriter

ENGINE = "tantivy"
"""Neighbours are the same on every engine; this one indexes quickest."""


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """Two texts by their ids, and whether they tell the same story."""

    one: str
    other: str
    same: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of other texts with one text, by id; what is missing has 0, or less than any partner.

    ``looked_at`` are those from which its list is chosen, None: all.
    """

    scores: Mapping[str, float]
    took_ms: float
    looked_at: frozenset[str] | None = None


def evaluate_similar(
    folder: Path,
    *,
    per_query: bool = False,
    compare: bool = False,
    against: Path | None = None,
    progress: Progress = silent,
) -> Figures:
    """Index the texts of *folder* and judge their content scores by its pairs.

    "mrr" is over both texts of each same-story pair, by the rank of the partner among all other texts.
    A text with several partners takes part with each, the others ranking before it or not, as the published
    figures have it; "mrr_first" is over texts, by whichever partner comes first. "best_f1" and "auc"
    threshold the score of a pair, None if all pairs are judged alike. "looked_at" is the share of partners
    among the texts from which a list is chosen. Times are for scoring all texts, which no list needs.
    ``per_query`` adds the reciprocal ranks under "by_query", by "text partner". "set", "compare" and
    "against" are as in ``evaluate_search``, of the reciprocal ranks.

    Raises:
        EvaluationError: the set is not of the layout, the run is not of this set, or the extra
            ``evaluate`` is missing.
    """
    pairs = read_pairs(folder)
    docs = folder / "docs.jsonl"
    of_set = fingerprint(docs, folder / "pairs.tsv")
    past = (
        read_run(against, Setting("similar", "mrr", frozenset(_questions(pairs)), of_set))
        if against
        else None
    )
    analyzer = Analyzer()
    with _indexed(docs, progress, analyzer) as (writer, keys):
        found = _score(writer, keys, pairs, progress)
    result = {**figures(pairs, found, texts=len(keys), per_query=per_query), "set": of_set}
    ours = ranks(pairs, found)
    if compare:
        result["compare"] = {
            name: {
                **figures(pairs, plain, texts=len(keys), per_query=per_query),
                "to_ours": difference(ranks(pairs, plain), ours),
            }
            for name, plain in _plain_scores(docs, pairs, analyzer, progress)
        }
    if past is not None:
        result["against"] = changes(past, ours, texts=_told(docs, pairs))
    return result


def read_pairs(folder: Path) -> tuple[JudgedPair, ...]:
    """Read ``pairs.tsv`` of *folder*.

    Raises:
        EvaluationError: it is missing, not of the layout, or no pair in it is of one story.
    """
    path = folder / "pairs.tsv"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise EvaluationError(
            f"Не читается {path}: {error.strerror}. Нужна папка с docs.jsonl и pairs.tsv."
        ) from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path}: не UTF-8 ({error}).") from error
    found = []
    for number, line in enumerate(lines[1:], 2):
        columns = line.split("\t")
        if len(columns) != 3 or columns[2] not in {"0", "1"} or columns[0] == columns[1]:
            raise EvaluationError(
                f"{path}, строка {number}: нужны через табуляцию два разных текста и 1 или 0."
            )
        found.append(JudgedPair(columns[0], columns[1], columns[2] == "1"))
    if not any(pair.same for pair in found):
        raise EvaluationError(f"{path}: ни одной пары об одном и том же (с единицей в третьем столбце).")
    return tuple(found)


def figures(
    pairs: Sequence[JudgedPair], found: Mapping[str, Scored], *, texts: int, per_query: bool = False
) -> Figures:
    """Return the figures of scores *found* by text, as ``evaluate_similar`` names them."""
    by_pair = ranks(pairs, found)
    by_text = _reciprocal_ranks({one: (one, others) for one, others in _partners(pairs).items()}, found)
    times = [scored.took_ms for scored in found.values()]
    result: Figures = {
        "n": texts,
        "pairs": len(pairs),
        "same": sum(pair.same for pair in pairs),
        "mrr": _mean(by_pair),
        "mrr_first": _mean(by_text),
        **_thresholds(pairs, found),
        "looked_at": _mean(
            {name: float(_looked_at(found[one], other)) for name, (one, other) in _questions(pairs).items()}
        ),
        "p50_ms": round(float(np.percentile(times, 50)), 2),
        "p95_ms": round(float(np.percentile(times, 95)), 2),
    }
    if per_query:
        result[VALUES] = by_pair
    return result


def _looked_at(scored: Scored, other: str) -> bool:
    return scored.looked_at is None or other in scored.looked_at


def ranks(pairs: Sequence[JudgedPair], found: Mapping[str, Scored]) -> dict[str, float]:
    """Return the reciprocal rank of the partner for both texts of each same-story pair, by "text partner"."""
    questions = {name: (one, {other}) for name, (one, other) in _questions(pairs).items()}
    return _reciprocal_ranks(questions, found)


def _questions(pairs: Sequence[JudgedPair]) -> dict[str, tuple[str, str]]:
    return {
        f"{one} {other}": (one, other) for one, others in _partners(pairs).items() for other in sorted(others)
    }


def _partners(pairs: Sequence[JudgedPair]) -> dict[str, set[str]]:
    partners: dict[str, set[str]] = {}
    for pair in pairs:
        if pair.same:
            partners.setdefault(pair.one, set()).add(pair.other)
            partners.setdefault(pair.other, set()).add(pair.one)
    return partners


def _beside(pairs: Sequence[JudgedPair]) -> dict[str, set[str]]:
    """Return the texts with which each is judged."""
    beside: dict[str, set[str]] = {}
    for pair in pairs:
        beside.setdefault(pair.one, set()).add(pair.other)
        beside.setdefault(pair.other, set()).add(pair.one)
    return beside


def _needed(scores: Mapping[str, float], partners: Iterable[str], beside: Set[str]) -> dict[str, float]:
    """Return those of *scores* that a figure depends on: all of a set of thousands would fill the memory."""
    least = min((scores.get(name, 0.0) for name in partners), default=inf)
    return {name: score for name, score in scores.items() if score > 0 and (score >= least or name in beside)}


def _told(docs: Path, pairs: Sequence[JudgedPair]) -> dict[str, str]:
    """Return titles of text and partner by "text partner"."""
    titles = {str(row["_id"]): str(row.get("title") or "без заголовка") for row in read_rows(docs)}
    return {name: f"{titles[one]} — {titles[other]}" for name, (one, other) in _questions(pairs).items()}


def _plain_scores(
    docs: Path, pairs: Sequence[JudgedPair], analyzer: Analyzer, progress: Progress
) -> Iterator[tuple[str, dict[str, Scored]]]:
    """Yield the name of each plain way to compare texts and what it scores, by text."""
    names, documents = read_documents(docs)
    places = {name: place for place, name in enumerate(names)}
    variants = readings(analyzer)
    partners, beside = _partners(pairs), _beside(pairs)
    for number, (variant, reading) in enumerate(variants.items(), 1):
        cosines = PlainCosine(documents, reading)
        found = {}
        for name in dict.fromkeys(name for pair in pairs for name in (pair.one, pair.other)):
            started = perf_counter()
            scores = cosines.scores(places[name]).tolist()
            took = (perf_counter() - started) * 1000
            others = {other: score for other, score in zip(names, scores, strict=True) if other != name}
            found[name] = Scored(_needed(others, partners.get(name, ()), beside[name]), took)
        yield variant, found
        progress("Сравнение", number, len(variants))


@contextmanager
def _indexed(
    corpus: Path, progress: Progress, analyzer: Analyzer
) -> Iterator[tuple[StoreWriter, dict[str, int]]]:
    """Index a corpus in a temporary folder; give its store and the keys of its texts by their own ids."""
    with workplace() as settings, open_archive(settings) as archive:
        names = fill(archive, corpus)
        generations = open_generations(settings)
        rebuild(archive, generations, analyzer, engine=ENGINE, progress=progress)
        with closing(generations.current()) as generation, generation.store.writing() as writer:
            yield writer, {name: key for own, name in names.items() for key in writer.keys(own)}


def _score(
    writer: StoreWriter, keys: Mapping[str, int], pairs: Sequence[JudgedPair], progress: Progress
) -> dict[str, Scored]:
    """Score all texts with each text of a pair, as neighbours are scored when an index is built."""
    wanted = list(dict.fromkeys(name for pair in pairs for name in (pair.one, pair.other)))
    for name in wanted:
        if name not in keys:
            raise EvaluationError(f"Текста «{name}» из pairs.tsv нет в docs.jsonl.")
    names = {key: name for name, key in keys.items()}
    partners, beside = _partners(pairs), _beside(pairs)
    found: dict[str, Scored] = {}
    started = perf_counter()
    every = content_scores(writer, map(keys.__getitem__, wanted))
    for number, (others, scores, looked_at) in enumerate(every, 1):
        took = (perf_counter() - started) * 1000
        by_name = dict(zip(map(names.__getitem__, others.tolist()), scores.tolist(), strict=True))
        name = wanted[number - 1]
        found[name] = Scored(
            _needed(by_name, partners.get(name, ()), beside[name]),
            took,
            frozenset(names[key] for key in looked_at.tolist()),
        )
        progress("Тексты", number, len(wanted))
        started = perf_counter()
    return found


def _reciprocal_ranks(
    questions: Mapping[str, tuple[str, set[str]]], found: Mapping[str, Scored]
) -> dict[str, float]:
    """Return, for each question (a text, those it should find), 1 through the rank of the first found."""
    ir_measures = library("ir_measures")
    qrels, run = [], []
    for question, (text, wanted) in questions.items():
        scores = found[text].scores
        qrels += [ir_measures.Qrel(question, name, 1) for name in wanted]
        least = min(scores.get(name, 0.0) for name in wanted)
        # What scores less than all that is wanted changes no rank of it.
        run += [
            ir_measures.ScoredDoc(question, name, score) for name, score in scores.items() if score >= least
        ]
    result = dict.fromkeys(questions, 0.0)
    result.update(
        {row.query_id: float(row.value) for row in ir_measures.iter_calc([ir_measures.RR], qrels, run)}
    )
    return result


def _thresholds(pairs: Sequence[JudgedPair], found: Mapping[str, Scored]) -> dict[str, float | None]:
    same = np.array([pair.same for pair in pairs])
    scores: npt.NDArray[Any] = np.array([found[pair.one].scores.get(pair.other, 0.0) for pair in pairs])
    if same.all():
        return {"best_f1": None, "auc": None}
    metrics = library("sklearn.metrics")
    precision, recall, _ = metrics.precision_recall_curve(same, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return {"best_f1": round(float(f1.max()), 4), "auc": round(float(metrics.roc_auc_score(same, scores)), 4)}


def _mean(values: Mapping[str, float]) -> float:
    return round(sum(values.values()) / len(values), 4)
