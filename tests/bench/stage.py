"""What follows the engine, piece by piece: second stage of 200 candidates, the store's read, ten snippets.

PYTHONPATH=.:tests python -m bench.stage DATA_FOLDER [--number 200]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np

from corpus.article import tag_line
from searchsvc.answer.answering import RERANKED
from searchsvc.answer.snippet import find_marks, snippet, title_segments
from searchsvc.engine import Plan
from searchsvc.generation.generations import Generations
from searchsvc.language.analysis import Analyzer
from searchsvc.query import syntax as query
from searchsvc.query.planning import plan
from searchsvc.ranking import Statistics, families_of, rank, stop_words_of
from searchsvc.results import FACETS

from .generate import queries

Found = TypeVar("Found")


class Times:
    """Milliseconds by piece."""

    def __init__(self) -> None:
        self._taken: defaultdict[str, list[float]] = defaultdict(list)

    def of(self, piece: str, work: Callable[[], Found]) -> Found:
        """Do the work and remember how long it took."""
        start = perf_counter()
        found = work()
        self._taken[piece].append((perf_counter() - start) * 1000)
        return found

    def table(self) -> str:
        """Return p50 and p95 of each piece in Markdown."""
        rows = [
            f"| {piece} | {np.percentile(taken, 50):.2f} | {np.percentile(taken, 95):.2f} |"
            for piece, taken in self._taken.items()
        ]
        return "\n".join(["| ms | p50 | p95 |", "|---|---|---|", *rows])


def measure(folder: Path, number: int) -> str:
    """Ask the published index of a data folder, all kinds of queries in turns, each once."""
    generation = Generations(folder / "index").current()
    snapshot, store, analyzer = generation.engine.snapshot(), generation.store, Analyzer()
    times = Times()
    texts = [text for row in zip(*queries(number=number).values(), strict=True) for text in row]
    list(analyzer.tokens(" ".join(texts)))
    for text in texts:
        planned = times.of(
            "reading and planning the query", lambda text=text: plan(query.parse(text), analyzer)
        )
        asked = Plan(
            units=tuple(unit.clause for unit in planned.units),
            words=planned.word_clauses,
            depth=RERANKED,
            facets=FACETS,
        )
        matches = times.of("engine, with facets", lambda asked=asked: snapshot.search(asked))
        keys = [candidate.key for candidate in matches.full or matches.near]
        if len(keys) < RERANKED:
            continue
        evidence = times.of(
            "records of 200 candidates",
            lambda keys=keys, words=planned.words: store.records.occurrences(
                keys, families_of(words), stop_words_of(words)
            ),
        )
        statistics = Statistics(matches.documents, matches.average_length, matches.word_counts)
        times.of(
            "their scores",
            lambda words=planned.words, evidence=evidence, known=statistics: rank(words, evidence, known),
        )
        shown = keys[:10]
        stored = times.of("ten documents", lambda shown=shown: store.documents(shown))
        marks = times.of(
            "marks of ten",
            lambda shown=shown, words=planned.words: find_marks(
                words, store.records.occurrences(shown, families_of(words))
            ),
        )
        pages = [(stored[key].text, stored[key].card, one) for key, one in zip(shown, marks, strict=True)]
        times.of(
            "ten titles and snippets",
            lambda pages=pages: [
                (title_segments(text, card.title, one), snippet(text, card.title, tag_line(card.tags), one))
                for text, card, one in pages
            ],
        )
    return f"{snapshot.documents:,} articles, {generation.manifest.engine}\n\n{times.table()}"


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--number", type=int, default=100, help="queries of each type")
    asked = parser.parse_args(arguments)
    print(measure(asked.folder, asked.number))


if __name__ == "__main__":
    main()
