"""Engines alone, without texts and ranking: ours beside raw tantivy-py on the same tokens.

Raw tantivy-py is what one would write by hand: the same terms at the same positions, scored by
Tantivy, the first 200 with their keys, the total, facets where they are asked for, articles with any of
the words where few have all. It knows no weights, settles no ties, counts no units and does not tell which
of them an article has.

Times of searches are of the processor, so that other work on the machine does not count; both sides
search in the thread that asks. Beyond 100,000 articles, of each analysed one there are copies with a fifth
of the words taken out and a fifth of another's put in.

PYTHONPATH=.:tests python -m bench.engines [--whoosh] [--entries FILE] [10000 100000 ...]
"""

from __future__ import annotations

import argparse
import itertools
import pickle
import platform
import random
import resource
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time, thread_time

import numpy as np
import tantivy

from bench.generate import articles, queries
from bench.prepared import DEPTH, Prepared
from bench.systems import SYSTEMS, System
from searchsvc.engine import Entry, Plan
from searchsvc.language.analysis import Analyzer
from searchsvc.query import syntax as language
from searchsvc.query.planning import plan
from searchsvc.results import FACETS
from searchsvc.store.document import make_document

BATCH = 2000
ANALYSED = 100_000
"""More articles are copies."""

RATE = "articles/s"
_NO_TEXTS = ("", "", "", "")


def entries(size: int, kept: Path | None = None) -> Iterator[list[Entry]]:
    """Yield the generated articles analysed, in batches, so that analysis is not timed; *kept* is a file
    that holds them from the run before."""
    analysed = itertools.islice(itertools.chain.from_iterable(_analysed(size, kept)), min(size, ANALYSED))
    chance = random.Random(7)
    left, key = size, 0
    while batch := list(itertools.islice(analysed, BATCH)):
        for copy in range(-(-size // ANALYSED)):
            made = [_copy(entry, chance.choice(batch), chance) for entry in batch] if copy else batch
            made = [_named(entry, key + number) for number, entry in enumerate(made[:left], 1)]
            left, key = left - len(made), key + len(made)
            yield made


def _analysed(size: int, kept: Path | None) -> Iterator[list[Entry]]:
    if kept and kept.exists():
        with kept.open("rb") as file:
            while file.peek(1):
                yield pickle.load(file)
        return
    analyzer = Analyzer()
    numbered = enumerate(articles(min(size, ANALYSED)), 1)
    made = (make_document(article, 1, analyzer).entry(key) for key, article in numbered)
    while batch := list(itertools.islice(made, BATCH)):
        if kept:
            with kept.open("ab") as file:
                pickle.dump(batch, file)
        yield batch


def _copy(entry: Entry, other: Entry, chance: random.Random) -> Entry:
    """Return an article much like *entry*, so that no two have the same score for that."""
    text = {term: seats for term, seats in entry.text.items() if chance.random() < 0.8}
    text = {term: seats for term, seats in other.text.items() if chance.random() < 0.2} | text
    stamp = None if entry.stamp is None else entry.stamp + chance.randrange(86_400)
    return replace(entry, text=text, stamp=stamp, length=sum(len(at) for _, at in text.values()))


def _named(entry: Entry, key: int) -> Entry:
    """Return *entry* with a key and an id that are its own."""
    return replace(entry, key=key, article_id=f"{key * 2_654_435_761 % 2**32:08x}{key:07}")


def plans(analyzer: Analyzer) -> dict[str, list[Plan]]:
    """Return the searches by type."""
    found: dict[str, list[Plan]] = {}
    for name, texts in queries().items():
        parsed = [plan(language.parse(text), analyzer) for text in texts]
        units = [tuple(unit.clause for unit in one.units) for one in parsed]
        found[name] = [
            Plan(some, words=one.word_clauses, depth=DEPTH)
            for some, one in zip(units, parsed, strict=True)
            if some
        ]
    found["frequent words, facets"] = [replace(one, facets=FACETS) for one in found["frequent words"]]
    return found


def measure(size: int, names: Sequence[str], kept: Path | None) -> None:
    """Print the table of one size; *names* are of ``SYSTEMS``, "raw" the first."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        systems = {name: SYSTEMS[name](Path(place, name)) for name in names}
        wall, spent = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)

        def timed(name: str, work: Callable[[], object]) -> None:
            start, cpu = perf_counter(), process_time()
            work()
            wall[name] += perf_counter() - start
            spent[name] += process_time() - cpu

        for system in systems.values():
            system.create()
        for batch in entries(size, kept):
            articles = [Prepared(entry, _NO_TEXTS) for entry in batch]
            for name, system in systems.items():
                timed(name, lambda system=system, articles=articles: deque(map(system.add, articles), 0))  # type: ignore[misc]
        for name, system in systems.items():
            timed(name, system.finish)
        _print_table(size, systems, wall, spent)


def _print_table(
    size: int, systems: dict[str, System], wall: dict[str, float], spent: dict[str, float]
) -> None:
    columns = list(systems)
    print(f"### {size:,} articles\n\n| | {' | '.join(columns)} | ratio |\n|{'---|' * (len(columns) + 2)}")

    def row(title: str, values: dict[str, float], form: str) -> None:
        shown = [form.format(values[name]) for name in columns]
        ratio = values[columns[1]] / values["raw"]
        shown.append(f"{1 / ratio if title == RATE else ratio:.2f}")
        print(f"| {title} | {' | '.join(shown)} |", flush=True)

    row(RATE, {name: size / took for name, took in wall.items()}, "{:,.0f}")
    row("µs of CPU an article", {name: took / size * 1e6 for name, took in spent.items()}, "{:,.0f}")
    row("index, MB", {name: _size(system.folder) / 1e6 for name, system in systems.items()}, "{:,.1f}")
    opened: dict[str, float] = {}
    for name, system in systems.items():
        start = perf_counter()
        system.open()
        opened[name] = (perf_counter() - start) * 1000
    row("opening, ms", opened, "{:.1f}")
    print(f"| peak memory of all, MB | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} |")
    asked = plans(Analyzer())
    for warmth in ("first", "warm"):
        times = {
            title: _times(some, {name: system.ask for name, system in systems.items()})
            for title, some in asked.items()
        }
        times["all of these"] = {name: [t for some in times.values() for t in some[name]] for name in columns}
        for title, taken in times.items():
            for percent in (50, 95):
                values = {name: float(np.percentile(taken[name], percent)) for name in columns}
                row(f"{title}, {warmth}, p{percent} ms", values, "{:.2f}")
    print()


def _times(plans: list[Plan], asks: dict[str, Callable[[Plan], int]]) -> dict[str, list[float]]:
    """Return milliseconds of the processor by engine, asked in turns."""
    times: dict[str, list[float]] = {name: [] for name in asks}
    for one in plans:
        totals = set()
        for name, ask in asks.items():
            start = thread_time()
            totals.add(ask(one))
            times[name].append((thread_time() - start) * 1000)
        assert len(totals) == 1, (one, totals)
    return times


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a Markdown table for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--whoosh", action="store_true", help="the Whoosh engine too")
    parser.add_argument("--entries", type=Path, help="a file to keep analysed articles in")
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000])
    asked = parser.parse_args(arguments)
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {platform.machine()}, ", end="")
    print(f"tantivy-py {tantivy.__version__}\n")
    for size in asked.sizes:
        measure(size, ("raw", "tantivy", "whoosh") if asked.whoosh else ("raw", "tantivy"), asked.entries)


if __name__ == "__main__":
    main()
