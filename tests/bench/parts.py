"""What each part of the second stage gives: the same searches with one part weighed otherwise.

    PYTHONPATH=.:tests python -m bench.parts SET [SET ...] [--part NAME ...] [--factors 0 ...] [--base 1]

A set is a folder in BEIR layout, or that and a file of queries (``SET:queries-words.jsonl``). Each is
indexed once; the whole search answers, without repair, near matches after full ones. Figures are nDCG@10;
those of a part are gains in thousandths over all parts as they are, or, with ``--base``, over the part's
weight times that factor; * p < .05 by a paired permutation test. "meaning" says something with
SEARCHSVC_SEMANTIC=on only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from indexer.evaluate import indexed
from indexer.progress import silent
from searchsvc import answering, ranking
from searchsvc.analysis import Analyzer
from searchsvc.comparison import SIGNIFICANT, difference
from searchsvc.evaluation import Answered, JudgedSet, by_query, read_judged
from searchsvc.planning import Word
from searchsvc.records import Occurrences
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService

PARTS: Mapping[str, Sequence[str]] = {
    "title": ("TITLE",),
    "beginning": ("LEAD",),
    "sentence": ("SENTENCE",),
    "window": ("WINDOW",),
    "form": ("FORM",),
    "name": ("NAME",),
    "kin": ("NEAR_KIN", "DISTANT_KIN"),
    "stop": ("STOP_WORD",),
    "date": ("PER_YEAR",),
    "meaning": ("MEANING",),
    "short": ("SHORT_TEXT",),
}
"""The constants of ``ranking`` that weigh each part; "short" is how much longer BM25 thinks each text."""

Values = Mapping[str, float]


@contextmanager
def weighed(names: Sequence[str], factor: float) -> Iterator[None]:
    """Multiply constants of the second stage for a while."""
    with patch.multiple(ranking, **{name: getattr(ranking, name) * factor for name in names}):
        yield


def measure(
    sets: Sequence[tuple[Path, Path | None]],
    parts: Sequence[str],
    factors: Sequence[float],
    *,
    base: float = 1.0,
    kinds: bool = False,
    engine: str = "whoosh",
) -> str:
    """Return the table of *parts*, a row for each factor."""
    columns: dict[str, dict[str, str]] = {}
    for folder, asked in groupby(sets, key=lambda one: one[0]):
        with indexed(folder / "corpus.jsonl", engine, silent, Analyzer()) as (service, names):
            for _, queries in asked:
                judged = read_judged(folder, queries)
                title = folder.name if queries is None else queries.stem
                print(f"{title}: {len(judged.queries)} queries", file=sys.stderr, flush=True)
                found = _measured(service, names, judged, parts, factors, base)
                columns |= _columns(title, judged, found, kinds)
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[row, *(column[row] for column in columns.values())] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _measured(
    service: SearchService,
    names: Mapping[str, str],
    judged: JudgedSet,
    parts: Sequence[str],
    factors: Sequence[float],
    base: float,
) -> dict[str, tuple[Values, Values | None]]:
    """Return nDCG@10 by query, and that by which it is judged, for each row of the table."""
    ours = values_of(service, names, judged)

    def values(part: str, factor: float) -> Values:
        if factor == 1:
            return ours
        with weighed(PARTS[part], factor):
            return values_of(service, names, judged)

    with patch.object(answering, "rank", _as_they_come):
        engine = values_of(service, names, judged)
    found: dict[str, tuple[Values, Values | None]] = {
        "engine alone": (engine, None),
        "all parts": (ours, None),
    }
    for part in parts:
        over = values(part, base)
        if base != 1:
            found[f"{part} × {base:g}"] = (over, None)
        for factor in factors:
            if factor != base:
                row = f"{part} × {factor:g}" if factor else f"without {part}"
                found[row] = (values(part, factor), over)
    return found


def _as_they_come(
    words: Sequence[Word], found: Occurrences, statistics: ranking.Statistics, *, nearness: object = None
) -> npt.NDArray[np.float64]:
    """Score candidates so that they stay in the engine's order."""
    return -np.arange(len(found.days), dtype=np.float64)


def values_of(service: SearchService, names: Mapping[str, str], judged: JudgedSet) -> Values:
    """Return nDCG@10 by query, without repair, each text judged for itself."""
    answers = []
    for query in judged.queries:
        page = service.search(SearchRequest(query.text, correct="off", fold=False, highlight=False))
        answers.append(Answered(query, [names[hit.id] for hit in page.hits], page.took_ms))
    return by_query(judged, answers)


def _columns(
    title: str, judged: JudgedSet, found: Mapping[str, tuple[Values, Values | None]], kinds: bool
) -> dict[str, dict[str, str]]:
    groups = {title: {query.id for query in judged.queries}}
    if kinds:
        every = sorted({query.kind for query in judged.queries})
        groups = {
            f"{title}, {kind}": {query.id for query in judged.queries if query.kind == kind} for kind in every
        }
    return {
        name: {"queries": str(len(ids))} | {row: _told(*values, ids) for row, values in found.items()}
        for name, ids in groups.items()
    }


def _told(values: Values, over: Values | None, ids: set[str]) -> str:
    mine = {name: value for name, value in values.items() if name in ids}
    if over is None:
        return f"{sum(mine.values()) / len(mine):.4f}".lstrip("0")
    gained = difference({name: over[name] for name in mine}, mine)
    thousandths = f"{1000 * gained['difference']:+.1f}" if gained["difference"] else "0"
    return f"{thousandths}{'*' if gained['p'] < SIGNIFICANT else ''}"


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="bench.parts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", metavar="SET")
    every = [name for name in PARTS if name != "meaning"]
    parser.add_argument("--part", nargs="+", choices=PARTS, default=every)
    parser.add_argument("--factors", nargs="+", type=float, default=[0.0])
    parser.add_argument("--base", type=float, default=1.0)
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--engine", default="whoosh")
    given = parser.parse_args(arguments)
    sets = []
    for name in given.sets:
        folder, _, queries = name.partition(":")
        sets.append((Path(folder), Path(folder) / queries if queries else None))
    print(measure(sets, given.part, given.factors, base=given.base, kinds=given.kinds, engine=given.engine))


if __name__ == "__main__":
    main()
