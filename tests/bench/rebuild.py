"""A whole rebuild: time by part of the work, the neighbours' share of it, memory by stage.

PYTHONPATH=.:tests python -m bench.rebuild 100000 [--engine tantivy] [--folder FOLDER]

FOLDER keeps archive and index for `bench.sync`, `bench.repair` and others; an archive that is there is used
as it is. Times are of this process's own work (CPU), beside the clock's. What the engine does is what no
other part accounts for: with Tantivy threads of its own do much of it.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic, process_time, thread_time
from typing import Any

from bench.generate import articles
from bench.jobs import memory
from bench.machine import taken
from corpus.archive import Archive
from corpus.article import Source
from indexer import pipeline
from searchsvc.generation import generation
from searchsvc.generation.generations import Generations
from searchsvc.language.analysis import Analyzer
from searchsvc.store.groups import GroupWriter
from searchsvc.store.store_writer import StoreWriter

NEIGHBOURS = "neighbours"
PARTS: tuple[tuple[str, object, str], ...] = (
    ("analysis", pipeline, "make_document"),
    ("rows and records", StoreWriter, "add"),
    ("lexicon", StoreWriter, "_count"),
    ("lexicon", StoreWriter, "file_words"),
    ("phrases and titles", StoreWriter, "file_phrases"),
    ("reprints", GroupWriter, "put"),
    ("reprints", generation, "find_groups"),
    (NEIGHBOURS, generation, "rebuild_neighbours"),
    ("verification", pipeline, "verify"),
)
"""Functions a rebuild spends its time in, where each is looked up; what one calls of another counts there."""

ENGINE = "engine, reading the archive, the rest"
_AT_ONCE = 1000
_LOOK = 0.1  # seconds between two looks at memory


class Parts:
    """Adds up what the main thread spends in some functions, each without what it calls of the others."""

    def __init__(self) -> None:
        self.times: defaultdict[str, float] = defaultdict(float)
        self._stack: list[str] = []
        self._last = thread_time()

    def _note(self) -> None:
        now = thread_time()
        if self._stack:
            self.times[self._stack[-1]] += now - self._last
        self._last = now

    def _timed(self, name: str, work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self._note()
        self._stack.append(name)
        try:
            return work(*arguments, **options)
        finally:
            self._note()
            self._stack.pop()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Time ``PARTS`` within the block."""
        before = [(place, name, getattr(place, name)) for _, place, name in PARTS]
        for part, place, name in PARTS:
            timed = partial(self._timed, part, getattr(place, name))
            setattr(place, name, _method(timed) if isinstance(place, type) else timed)
        try:
            yield
        finally:
            for place, name, work in before:
                setattr(place, name, work)


def _method(work: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *arguments, **options: work(self, *arguments, **options)


class Memory:
    """Looks at this process's memory by stage: the most it held, the most that was its own, not mapped."""

    def __init__(self) -> None:
        self.most: dict[str, tuple[float, float]] = {}
        self._stage = "before"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Take in that *stage* is at work, as ``Progress``."""
        self._stage = stage

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK):
            held, own = self.most.get(self._stage, (0.0, 0.0))
            self.most[self._stage] = (max(held, memory("VmRSS")), max(own, memory("RssAnon")))


def fill(folder: Path, size: int) -> None:
    """Put *size* generated articles into the archive in *folder*, if it has none."""
    made = articles(size)
    with Archive.open(folder / "archive.db") as archive:
        if archive.count():
            return
        for number in (1, 2, 3):
            archive.add_source(
                Source(f"source-{number}.example", f"https://source-{number}.example/", "import")
            )
        while part := list(islice(made, _AT_ONCE)):
            with archive.batch():
                for article in part:
                    archive.put(article)


def measure(folder: Path, engine: str) -> None:
    """Rebuild the index in *folder* and print what it took."""
    parts = Parts()
    started = process_time(), monotonic()
    with Archive.open(folder / "archive.db") as archive, Memory() as watched, parts.counted():
        report = pipeline.rebuild(
            archive, Generations(folder / "index"), Analyzer(), engine=engine, progress=watched
        )
    whole, clock = process_time() - started[0], monotonic() - started[1]
    parts.times[ENGINE] = whole - sum(parts.times.values())
    print(
        f"{report.articles:,} articles, {engine}, commit {taken()['commit']}: "
        f"{report.size / 1e6:,.0f} MB on disk, {whole:,.0f} s of CPU "
        f"({report.articles / whole:,.0f} articles/s), {clock:,.0f} by the clock\n"
    )
    print("| part | CPU s | share | ms an article |\n|---|---|---|---|")
    for part, spent in sorted(parts.times.items(), key=lambda one: -one[1]):
        print(f"| {part} | {spent:,.1f} | {spent / whole:.1%} | {spent / report.articles * 1e3:.2f} |")
    print("\n| stage | most memory, MB | most of its own, MB |\n|---|---|---|")
    for stage, (held, own) in watched.most.items():
        print(f"| {stage} | {held:,.0f} | {own:,.0f} |")


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill a folder and measure a rebuild of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("size", type=int)
    parser.add_argument("--engine", default="tantivy", choices=("tantivy", "whoosh"))
    parser.add_argument("--folder", type=Path, help="a data folder to keep")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = given.folder or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        fill(folder, given.size)
        measure(folder, given.engine)


if __name__ == "__main__":
    main()
