"""Judged sets in, figures out: nDCG, MRR, recall by a library, never by formulas of our own.

What no library we have measures is here: how far two rankings agree (``rank_biased_overlap``).

A set is a folder in BEIR layout: ``corpus.jsonl`` {_id, title, text, optional published, tags},
``queries.jsonl`` {_id, text, optional kind}, ``qrels.tsv`` (or ``qrels/test.tsv``) with a header
line and the columns query, document, score.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from searchsvc.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query of a set; ``kind`` is "" where the set names none."""

    id: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Queries with grades by query and document; queries without a grade are left out.

    ``files`` are those that both were read from.
    """

    queries: tuple[JudgedQuery, ...]
    grades: Mapping[str, Mapping[str, int]]
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """What a query got: documents, best first, and how long it took."""

    query: JudgedQuery
    documents: Sequence[str]
    took_ms: float


Figures = dict[str, Any]


def read_rows(path: Path, *fields: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON Lines file, each with "_id" and *fields*.

    Raises:
        EvaluationError: the file is missing or a line is no such object.
    """
    wanted = ("_id", *fields)
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _row(line, wanted, f"{path}, строка {number}")
    except OSError as error:
        raise EvaluationError(
            f"Не читается {path}: {error.strerror}. Нужна папка в раскладке BEIR."
        ) from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path}: не UTF-8 ({error}).") from error


def _row(line: str, wanted: Sequence[str], place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise EvaluationError(f"{place}: не JSON ({error}).") from error
    if not isinstance(row, dict) or not all(name in row for name in wanted):
        raise EvaluationError(f"{place}: нужен объект с полями {', '.join(wanted)}.")
    return row


def read_judged(folder: Path, queries: Path | None = None) -> JudgedSet:
    """Read the queries and grades of a set; *queries* names another file of queries.

    Raises:
        EvaluationError: a file is missing or not of the layout.
    """
    grades: dict[str, dict[str, int]] = {}
    path = next(
        (path for path in (folder / "qrels.tsv", folder / "qrels" / "test.tsv") if path.is_file()), None
    )
    if path is None:
        raise EvaluationError(f"В папке {folder} нет qrels.tsv (или qrels/test.tsv).")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path}: не UTF-8 ({error}).") from error
    for number, line in enumerate(lines[1:], 2):
        columns = line.split("\t")
        if len(columns) != 3:
            raise EvaluationError(f"{path}, строка {number}: нужны три столбца через табуляцию.")
        try:
            grades.setdefault(columns[0], {})[columns[1]] = int(float(columns[2]))
        except (ValueError, OverflowError) as error:
            raise EvaluationError(f"{path}, строка {number}: оценка «{columns[2]}» не число.") from error
    asked = queries or folder / "queries.jsonl"
    rows = read_rows(asked, "text")
    found = tuple(JudgedQuery(str(row["_id"]), str(row["text"]), str(row.get("kind", ""))) for row in rows)
    judged = tuple(query for query in found if query.id in grades)
    if not judged:
        raise EvaluationError(f"В папке {folder} ни один запрос не имеет оценок.")
    return JudgedSet(judged, grades, (asked, path))


def score(judged: JudgedSet, answers: Sequence[Answered]) -> Figures:
    """Return figures over all queries and, under "by_kind", over each kind.

    Raises:
        EvaluationError: the extra ``evaluate`` is not installed.
    """
    figures = _score(judged, answers)
    kinds = sorted({answer.query.kind for answer in answers} - {""})
    figures["by_kind"] = {
        kind: _score(judged, [answer for answer in answers if answer.query.kind == kind]) for kind in kinds
    }
    return figures


def by_query(judged: JudgedSet, answers: Sequence[Answered]) -> dict[str, float]:
    """Return nDCG@10 by query id."""
    measures = library("ir_measures")
    qrels, run = _library_rows(judged, answers)
    found = dict.fromkeys((answer.query.id for answer in answers), 0.0)
    found.update(
        {row.query_id: float(row.value) for row in measures.iter_calc([measures.nDCG @ 10], qrels, run)}
    )
    return found


def _score(judged: JudgedSet, answers: Sequence[Answered]) -> Figures:
    measures = library("ir_measures")
    wanted = {
        "ndcg@10": measures.nDCG @ 10,
        "mrr@10": measures.RR @ 10,
        "recall@100": measures.R @ 100,
        "success@10": measures.Success @ 10,
    }
    qrels, run = _library_rows(judged, answers)
    values = measures.calc_aggregate(list(wanted.values()), qrels, run) if run else {}
    times = [answer.took_ms for answer in answers]
    return {
        "queries": len(answers),
        **{name: round(float(values.get(measure, 0.0)), 4) for name, measure in wanted.items()},
        "dead_ends": round(sum(not answer.documents for answer in answers) / len(answers), 4),
        "p50_ms": round(float(np.percentile(times, 50)), 2),
        "p95_ms": round(float(np.percentile(times, 95)), 2),
    }


def library(name: str) -> Any:
    """Return a module that only evaluation needs.

    Raises:
        EvaluationError: the extra ``evaluate`` is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise EvaluationError(
            f"Для оценки качества нужен дополнительный набор (нет {name.partition('.')[0]}): "
            "pip install 'searchsvc[evaluate]'."
        ) from error


def _library_rows(judged: JudgedSet, answers: Sequence[Answered]) -> tuple[list[Any], list[Any]]:
    measures = library("ir_measures")
    qrels = [
        measures.Qrel(answer.query.id, document, grade)
        for answer in answers
        for document, grade in judged.grades[answer.query.id].items()
    ]
    run = [
        measures.ScoredDoc(answer.query.id, document, float(-place))
        for answer in answers
        for place, document in enumerate(answer.documents)
    ]
    return qrels, run


PERSISTENCE = 0.9
"""How likely a reader looks at the next row: the first ten weigh 86 % of the agreement."""


def rank_biased_overlap(one: Sequence[str], two: Sequence[str], p: float = PERSISTENCE) -> float:
    """Return how far two rankings without ties agree: 1 the same, 0 nothing in common; two empty ones agree.

    Extrapolated RBO, equation 32 of Webber, Moffat, Zobel, "A similarity measure for indefinite
    rankings" (ACM TOIS 28:4, 2010): agreement beyond the end goes on as it is there. With X(d) the
    documents both have among their first d, s and l the shorter and the longer length::

        (1-p)/p * (sum[d=1..l] X(d)/d * p^d + sum[d=s+1..l] X(s)*(d-s)/(s*d) * p^d)
            + ((X(l)-X(s))/l + X(s)/s) * p^l
    """
    short, long = sorted((one, two), key=len)
    if not short:
        return 1.0 if not long else 0.0
    seen_short: set[str] = set()
    seen_long: set[str] = set()
    common: list[int] = []
    for depth, document in enumerate(long):
        seen_long.add(document)
        seen_short.update(short[depth : depth + 1])
        common.append(len(seen_short & seen_long))
    end = common[len(short) - 1]
    total = 0.0
    for depth, overlap in enumerate(common, 1):
        beyond = end * (depth - len(short)) / len(short) if depth > len(short) else 0.0
        total += (overlap + beyond) / depth * p**depth
    tail = (common[-1] - end) / len(long) + end / len(short)
    return (1 - p) / p * total + tail * p ** len(long)
