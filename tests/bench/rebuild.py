"""A whole rebuild: time by stage, the neighbours' share of it, memory.

PYTHONPATH=.:tests python -m bench.rebuild 100000 [--engine tantivy] [--folder FOLDER]

FOLDER keeps archive and index for `bench.sync`; an archive that is there is used as it is.
Times are of this process's own work (CPU), beside the clock's.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from time import monotonic, process_time

from bench.generate import articles
from corpus.archive import Archive
from corpus.article import Source
from indexer.pipeline import rebuild
from searchsvc.generation.generations import Generations
from searchsvc.language.analysis import Analyzer

NEIGHBOURS = "Поиск похожих записей"
_AT_ONCE = 1000


class Stages:
    """Adds up time by stage, from one call of ``progress`` to the next; notes memory at a stage's end."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}
        self.memory: dict[str, tuple[float, float]] = {}
        self._stage = ""
        self._last = (process_time(), monotonic())

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Note the time since the last call for the stage that was then."""
        now = (process_time(), monotonic())
        if self._stage:
            cpu, wall = self.times.setdefault(self._stage, [0.0, 0.0])
            self.times[self._stage] = [cpu + now[0] - self._last[0], wall + now[1] - self._last[1]]
            if stage != self._stage:
                self.memory[self._stage] = memory()
        self._stage, self._last = stage, now


def memory() -> tuple[float, float]:
    """Return the most memory this process has held so far and what of it now is its own, not mapped; MB."""
    own = next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("RssAnon")
    )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, own / 1024


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
    stages = Stages()
    with Archive.open(folder / "archive.db") as archive:
        report = rebuild(archive, Generations(folder / "index"), Analyzer(), engine=engine, progress=stages)
    stages("", 0, None)
    whole = sum(cpu for cpu, _ in stages.times.values())
    print(f"{report.articles:,} articles, {engine}, {report.size / 1e6:,.0f} MB on disk\n")
    print("| stage | CPU s | share | clock s | articles/s of CPU | peak so far, MB | own at its end, MB |")
    print("|---|---|---|---|---|---|---|")
    for stage, (cpu, wall) in stages.times.items():
        peak, own = stages.memory.get(stage, memory())
        print(
            f"| {stage} | {cpu:,.1f} | {cpu / whole:.0%} | {wall:,.1f} "
            f"| {report.articles / max(cpu, 1e-9):,.0f} | {peak:,.0f} | {own:,.0f} |"
        )
    share = stages.times[NEIGHBOURS][0] / whole
    print(f"\nNeighbours take {share:.0%} of the rebuild; peak memory {memory()[0]:,.0f} MB.")


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
