"""How plausible must a reading of a word be to be indexed? Lemmas found and searches answered by threshold.

    PYTHONPATH=.:tests python -m bench.lemmas LEMMAS.tsv [--known-item SET] [--thresholds .01 .03 ...]

LEMMAS.tsv: ``sent_id form lemma upos``. Recall is the share of its words whose lemma is among ours, figures
of searches are nDCG@10 without repair. The last row takes the best reading of each word alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from indexer.evaluate import indexed
from indexer.progress import silent
from searchsvc.analysis import Analyzer
from searchsvc.evaluation import read_judged
from searchsvc.text import fold

from .parts import values_of

THRESHOLDS = (0.001, 0.01, 0.03, 0.1, 0.2, 0.4)
NO_WORDS = frozenset(("PUNCT", "SYM", "NUM", "X"))
QUERIES = ("queries.jsonl", "queries-words.jsonl")


class BestReading(Analyzer):
    """Analysis with one lemma a word."""

    def _analyse(self, form: str) -> tuple[str, tuple[str, ...]]:
        folded, lemmas = super()._analyse(form)
        return folded, lemmas[:1]


def recall(path: Path, analyzer: Analyzer) -> tuple[float, float]:
    """Return the share of words whose lemma is among ours, and how many we have for a word."""
    found = lemmas = number = 0
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        _, form, lemma, part = line.split("\t")
        if part not in NO_WORDS:
            ours = analyzer.lemmas(form)
            found += fold(lemma) in ours
            lemmas += len(ours)
            number += 1
    return found / number, lemmas / number


def searched(news: Path, analyzer: Analyzer) -> Iterator[float]:
    """Yield nDCG@10 of each kind of queries."""
    with indexed(news / "corpus.jsonl", "whoosh", silent, analyzer) as (service, names):
        for name in QUERIES:
            values = values_of(service, names, read_judged(news, news / name))
            yield sum(values.values()) / len(values)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="bench.lemmas", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lemmas", type=Path, metavar="LEMMAS.tsv")
    parser.add_argument("--known-item", type=Path, metavar="SET")
    parser.add_argument("--thresholds", type=float, nargs="+", default=THRESHOLDS)
    given = parser.parse_args(arguments)
    queries = QUERIES if given.known_item else ()
    print(f"| {' | '.join(('threshold', 'recall', 'lemmas a word', *queries))} |")
    print(f"|{'---|' * (3 + len(queries))}")
    rows = {f"{threshold:g}": Analyzer(threshold=threshold) for threshold in given.thresholds}
    for name, analyzer in (rows | {"best reading only": BestReading()}).items():
        share, number = recall(given.lemmas, analyzer)
        figures = searched(given.known_item, analyzer) if given.known_item else ()
        row = [name, f"{share:.3f}", f"{number:.3f}", *(f"{value:.4f}" for value in figures)]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
