"""One changed or new article: how long until a searcher in another process sees it.

PYTHONPATH=.:tests python -m bench.sync FOLDER [--changes 30] [--new]

FOLDER is a data folder with archive and index (`bench.rebuild --folder` makes one). Articles are changed
one after another; each is brought in by a sync in this process, and another process, which watches as
a server does, says when it sees it. A few more are brought in by the command, whose start counts, too.
With ``--new`` articles come that were not there before.
"""

from __future__ import annotations

import argparse
import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from multiprocessing.queues import Queue
from pathlib import Path
from time import monotonic, process_time, sleep

import numpy as np

from bench.generate import articles
from corpus.archive import Archive
from corpus.article import Article
from indexer.pipeline import sync
from searchsvc.generation.generations import Generations
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer

_LOOK = 0.002
_PATIENCE = 120.0
_BY_COMMAND = 5

Seen = tuple[int, float]


Waited = tuple[float, float, float]
"""Seconds of a sync, of its own work, and until another process saw the change."""


def watch(index: Path, seen: Queue[Seen], last: int) -> None:
    """Tell of each sequence and the time it came into sight, up to *last*."""
    with closing(LiveIndex(Generations(index), watch=True)) as live:
        sequence = live.view().sequence
        seen.put((sequence, monotonic()))
        while sequence < last:
            sleep(_LOOK)
            if (now := live.view().sequence) != sequence:
                sequence = now
                seen.put((sequence, monotonic()))


def measure(folder: Path, changes: int, *, new: bool = False) -> None:
    """Change articles, or bring *new* ones, and print percentiles of the wait."""
    analyzer = Analyzer()
    generations = Generations(folder / "index")
    with Archive.open(folder / "archive.db") as archive:
        sync(archive, generations, analyzer)
        with closing(generations.current()) as generation:
            engine, documents = generation.manifest.engine, generation.engine.snapshot().documents
        chance = np.random.default_rng(archive.last_sequence())
        made = articles(changes + _BY_COMMAND, first=archive.count())
        ids = [article.id for _, (article, _) in zip(range(2_000), archive.articles(), strict=False)]
        # Without a word of the new text: one that nobody has analysed before would measure the analyser.
        last = archive.last_sequence() + changes + _BY_COMMAND
        context = multiprocessing.get_context("spawn")
        seen: Queue[Seen] = context.Queue()
        watcher = context.Process(target=watch, args=(folder / "index", seen, last), daemon=True)
        watcher.start()
        seen.get(timeout=_PATIENCE)

        def changed(number: int) -> Article:
            article = archive.get(str(chance.choice(ids)))
            return replace(article, lead=f"{article.lead} {number}", tags=article.tags[::-1])

        def arriving() -> Article:
            name = f"new-{archive.last_sequence()}"
            return replace(next(made), id=name, url=f"https://bench.example/{name}")

        def change(number: int, bring_in: Callable[[], object]) -> Waited:
            archive.put(arriving() if new else changed(number))
            wanted, start, worked = archive.last_sequence(), monotonic(), process_time()
            bring_in()
            done, worked = monotonic() - start, process_time() - worked
            sequence, at = 0, 0.0
            while sequence < wanted:
                sequence, at = seen.get(timeout=_PATIENCE)
            return done, worked, at - start

        rows = [change(number, lambda: sync(archive, generations, analyzer)) for number in range(changes)]
        command = [
            sys.executable, "-c", "import sys; from web.cli import run; sys.exit(run(sys.argv[1:]))",
            "--data-dir", str(folder), "sync",
        ]  # fmt: skip
        commands = [
            change(number, lambda: subprocess.run(command, check=True, capture_output=True))
            for number in range(_BY_COMMAND)
        ]
        watcher.join(_PATIENCE)
    what = "times one new article" if new else "changes of one article"
    print(f"{documents:,} articles, {engine}, {changes} {what}\n")
    tell(rows, commands)


def tell(rows: Sequence[Waited], commands: Sequence[Waited]) -> None:
    """Print percentiles of what syncs took here, and by the command."""
    print("| ms | p50 | p95 | most |\n|---|---|---|---|")
    done, worked, visible = zip(*rows, strict=True)
    by_command, _, visible_by_command = zip(*commands, strict=True)
    for name, seconds in (
        ("sync", done),
        ("its own work (CPU)", worked),
        ("until another process sees it", visible),
        ("the command, its start in it", by_command),
        ("until another process sees it, by the command", visible_by_command),
    ):
        values = np.array(seconds) * 1000
        print(
            f"| {name} | {np.median(values):,.0f} | {np.percentile(values, 95):,.0f} | {values.max():,.0f} |"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the folder given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--changes", type=int, default=30)
    parser.add_argument("--new", action="store_true", help="bring new articles instead")
    given = parser.parse_args(arguments)
    measure(given.folder, given.changes, new=given.new)


if __name__ == "__main__":
    main()
