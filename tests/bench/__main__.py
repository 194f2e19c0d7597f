"""One table: ours beside plain Whoosh used naively, on the same articles in the same run.

PYTHONPATH=.:tests python -m bench [1000 10000 ...]
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np

from bench.generate import articles, queries
from bench.naive import NaiveWhoosh
from corpus.archive import Archive
from corpus.article import Article, Source
from indexer.pipeline import rebuild
from searchsvc.analysis import Analyzer
from searchsvc.document import make_document
from searchsvc.generation import Generations
from searchsvc.live import LiveIndex
from searchsvc.results import FACETS, SearchRequest
from searchsvc.search import SearchService

Row = tuple[str, str, str, str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a Markdown table for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", type=int, default=[1000, 10000])
    sizes = parser.parse_args(arguments).sizes
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {platform.machine()}, ", end="")
    print(f"Whoosh-Reloaded {version('Whoosh-Reloaded')}, numpy {np.__version__}\n")
    for size in sizes:
        print(f"### {size:,} articles\n")
        print("| | naive Whoosh | ours | ratio |\n|---|---|---|---|")
        for row in measure(size):
            print(f"| {' | '.join(row)} |", flush=True)
        print()


def measure(size: int) -> list[Row]:
    """Index and search *size* articles both ways."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        made = list(articles(size))
        analyzer = Analyzer()
        for article in made:  # lemmas of every form are cached before either is timed
            make_document(article, 1, analyzer)
        naive, naive_seconds = _timed_naive(folder / "naive", made)
        service, live, our_seconds = _timed_ours(folder / "ours", made, analyzer)
        rows = [
            _ratio("indexing, articles/s", size / naive_seconds, size / our_seconds, more=True),
            _ratio("index, MB", _size(folder / "naive") / 1e6, _size(folder / "ours" / "index") / 1e6),
        ]
        for name, texts in queries().items():
            rows += _compare(
                name,
                texts,
                lambda text: naive.search(text, facets=False),
                lambda text: _ask(service, text, ()),
            )
        rows += _compare(
            "frequent words, facets",
            queries()["frequent words"],
            lambda text: naive.search(text, facets=True),
            lambda text: _ask(service, text, FACETS),
        )
        names = [article.id for article in made[:: max(1, size // 60)]]
        rows += _compare("similar articles", names, naive.similar, lambda name: len(service.similar(name)))
        live.close()
        return rows


def _timed_naive(folder: Path, made: list[Article]) -> tuple[NaiveWhoosh, float]:
    naive = NaiveWhoosh(folder)
    started = perf_counter()
    naive.add(made)
    return naive, perf_counter() - started


def _timed_ours(
    folder: Path, made: list[Article], analyzer: Analyzer
) -> tuple[SearchService, LiveIndex, float]:
    """Time a whole rebuild: analysis, engine, store, lexicon, neighbours, verification."""
    generations = Generations(folder / "index")
    with Archive.open(folder / "archive.db") as archive:
        for source in {article.source for article in made}:
            archive.add_source(Source(source, f"https://{source}/", "import"))
        with archive.batch():
            for article in made:
                archive.put(article)
        started = perf_counter()
        rebuild(archive, generations, analyzer, engine="whoosh")
        seconds = perf_counter() - started
    live = LiveIndex(generations, watch=True)
    return SearchService(live, analyzer), live, seconds


def _ask(service: SearchService, text: str, facets: tuple[str, ...]) -> int:
    return service.search(SearchRequest(text, facets=facets, correct="off")).total


def _compare(
    name: str, texts: Sequence[str], theirs: Callable[[str], int], ours: Callable[[str], int]
) -> list[Row]:
    times: dict[str, list[float]] = {"theirs": [], "ours": []}
    for text in texts:
        for key, ask in (("theirs", theirs), ("ours", ours)):
            started = perf_counter()
            ask(text)
            times[key].append((perf_counter() - started) * 1000)
    return [
        _ratio(
            f"{name}, p{percent} ms",
            float(np.percentile(times["theirs"], percent)),
            float(np.percentile(times["ours"], percent)),
        )
        for percent in (50, 95)
    ]


def _ratio(name: str, theirs: float, ours: float, *, more: bool = False) -> Row:
    factor = ours / theirs if more else theirs / ours
    return (
        name,
        f"{theirs:,.2f}",
        f"{ours:,.2f}",
        f"{factor:.1f}x better" if factor >= 1 else f"{1 / factor:.1f}x worse",
    )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
