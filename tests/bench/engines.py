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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any

import numpy as np
import tantivy
from tantivy import Occur, Query

from bench.generate import articles, queries
from searchsvc import query as language
from searchsvc.analysis import Analyzer
from searchsvc.document import make_document
from searchsvc.engine import FORMS, TEXT, TITLE, AnyOf, Engine, Entry, Plan
from searchsvc.engine import Sequence as Phrase
from searchsvc.engines import open_engine
from searchsvc.planning import plan
from searchsvc.results import FACETS

DEPTH = 200
"""What the second stage of ranking is given."""

FEW = 10
"""With fewer full matches, those with any word are asked for too."""

BATCH = 2000
ANALYSED = 100_000
"""More articles are copies."""

RATE = "articles/s"


class Raw:
    """tantivy-py by hand."""

    def __init__(self, folder: Path) -> None:
        builder = tantivy.SchemaBuilder()
        for name in (TEXT, TITLE):
            builder.add_text_field(name, tokenizer_name="raw", index_option="position")
        for name in (FORMS, "tag", *FACETS):
            builder.add_text_field(name, fast=name in FACETS, tokenizer_name="raw", index_option="basic")
        for name in ("key", "length", "stamp", "day"):
            builder.add_integer_field(name, fast=True)
        self._schema = builder.build()
        folder.mkdir()
        self._index = tantivy.Index(self._schema, path=str(folder))
        self._writer: Any = self._index.writer(256 * 2**20, 1)
        self._searcher: Any = None

    def add(self, entry: Entry) -> None:
        """Add an article."""
        made = tantivy.Document()
        text = {term: at for term, (_, at) in entry.text.items()}
        for name, seats in ((TEXT, text), (TITLE, entry.title)):
            tokens = [tantivy.Token(term, place, 0, 0) for term, at in seats.items() for place in at]
            made.add_pre_tokenized_text(name, tantivy.PreTokenizedString("", tokens))
        for name, values in ((FORMS, entry.forms), ("tag", entry.tags), ("category", entry.categories)):
            for value in values:
                made.add_text(name, value)
        made.add_text("source", entry.source)
        made.add_text("year", str(entry.year))
        for name in ("key", "length", "stamp", "day"):
            made.add_integer(name, getattr(entry, name))
        self._writer.add_document(made)

    def commit(self) -> None:
        """Make all visible and open it."""
        self._writer.commit()
        self._writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    def search(self, asked: Plan) -> int:
        """Return the total; facets and keys are made and thrown away."""
        units = [(Occur.Must, self._query(unit)) for unit in asked.units]
        query = units[0][1] if len(units) == 1 else Query.boolean_query(units)
        found = self._first(query)
        if len(units) > 1 and found.count < FEW:
            self._first(Query.boolean_query([(Occur.Should, unit) for _, unit in units]))
        if asked.facets:
            wanted = {name: {"terms": {"field": name, "size": 1000}} for name in asked.facets}
            self._searcher.aggregate(query, wanted)
        return int(found.count)

    def _first(self, query: Query) -> Any:
        found = self._searcher.search(query, DEPTH)
        self._searcher.fast_field_values("key", [address for _, address in found.hits])
        return found

    def _query(self, clause: Any) -> Query:
        if isinstance(clause, AnyOf):
            made = [Query.term_query(self._schema, clause.field, term) for term in clause.terms]
        elif isinstance(clause, Phrase):
            offsets = [at for at, _ in clause.steps]
            made = [
                Query.phrase_query(self._schema, clause.field, list(zip(offsets, terms, strict=True)))
                for terms in itertools.product(*(terms for _, terms in clause.steps))
            ]
        else:
            made = [self._query(option) for option in clause.options]
        return made[0] if len(made) == 1 else Query.disjunction_max_query(made)


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
    """Print the table of one size."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        raw = Raw(folder / "raw")
        engines: dict[str, Engine] = {name: open_engine(name, folder / name) for name in names}
        writers: dict[str, Any] = {}
        for name, engine in engines.items():
            engine.create()
            writers[name] = engine.writer()
        adders = {"raw": raw.add} | {name: writer.add for name, writer in writers.items()}
        wall, spent = dict.fromkeys(adders, 0.0), dict.fromkeys(adders, 0.0)

        def timed(name: str, work: Callable[[], object]) -> None:
            start, cpu = perf_counter(), process_time()
            work()
            wall[name] += perf_counter() - start
            spent[name] += process_time() - cpu

        for batch in entries(size, kept):
            for name, add in adders.items():
                timed(name, lambda add=add, batch=batch: _each(add, batch))  # type: ignore[misc]
        timed("raw", raw.commit)
        for name, writer in writers.items():
            timed(name, lambda writer=writer: writer.commit("1"))  # type: ignore[misc]
        _print_table(size, raw, engines, wall, spent, folder)


def _each(add: Callable[[Entry], object], batch: Iterable[Entry]) -> None:
    for entry in batch:
        add(entry)


def _print_table(
    size: int,
    raw: Raw,
    engines: dict[str, Engine],
    wall: dict[str, float],
    spent: dict[str, float],
    folder: Path,
) -> None:
    columns = list(wall)
    print(f"### {size:,} articles\n\n| | {' | '.join(columns)} | ratio |\n|{'---|' * (len(columns) + 2)}")

    def row(title: str, values: dict[str, float], form: str) -> None:
        shown = [form.format(values[name]) for name in columns]
        ratio = values[columns[1]] / values["raw"]
        shown.append(f"{1 / ratio if title == RATE else ratio:.2f}")
        print(f"| {title} | {' | '.join(shown)} |", flush=True)

    row(RATE, {name: size / took for name, took in wall.items()}, "{:,.0f}")
    row("µs of CPU an article", {name: took / size * 1e6 for name, took in spent.items()}, "{:,.0f}")
    row("index, MB", {name: _size(folder / name) / 1e6 for name in columns}, "{:,.1f}")
    opened: dict[str, float] = {}
    asks: dict[str, Callable[[Plan], int]] = {"raw": raw.search}
    for name, engine in engines.items():
        start = perf_counter()
        snapshot = engine.snapshot()
        opened[name] = (perf_counter() - start) * 1000
        asks[name] = lambda asked, snapshot=snapshot: snapshot.search(asked).total  # type: ignore[misc]
    row("opening, ms", opened | {"raw": float("nan")}, "{:.1f}")
    print(f"| peak memory of all, MB | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} |")
    asked = plans(Analyzer())
    for warmth in ("first", "warm"):
        times = {title: _times(some, asks) for title, some in asked.items()}
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
        measure(size, ("tantivy", "whoosh") if asked.whoosh else ("tantivy",), asked.entries)


if __name__ == "__main__":
    main()
