"""A long run of searches on the real server with syncs between: memory and open files must not grow.

PYTHONPATH=.:tests python -m bench.soak [--engine whoosh] [--requests 100000] [--articles 2000]

Passes if the server's own memory in the last tenth of the run is what it was after the first fifth, save
a tenth or 20 MB, whichever is more; descriptors and deleted files that are still mapped may not grow. Exit
code 1 otherwise. Pages of mapped files are told, too, but may grow: each sync adds revisions to the files,
and those replaced go ten minutes later.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlencode

from bench.generate import WordModel
from bench.load import ENGINES
from bench.rounds import Rounds
from bench.serving import Client, Held, Server, Tally, at_work, done, serving
from searchsvc.bootstrap import open_archive
from searchsvc.settings import load_settings

SYNC_SECONDS = 3.0
CHANGED = 20
SAMPLES = 100
WARM, SETTLED = 0.2, 0.3
"""What is held between these shares of the run is compared with the last tenth."""

GROWTH = 0.10
GROWTH_BYTES = 20 * 2**20
MORE_FILES = 3
"""Descriptors that may come: the store's, where one more thread reads at once than did before."""

MORE_THREADS = 2
"""Tantivy has one of its own for a moment while a state is opened."""

MORE_DELETED = 8
"""Deleted files that may be mapped beyond those before: a state goes a moment after the next has come."""

_SYMBOLS = "\"()*?:-+|&^~[]{}<>/\\%'.,;!№«»—aбщ1 "
_CLIENTS = 4


def requests(chance: random.Random, size: int, batch: int) -> Iterator[str]:
    """Yield paths for ever, nearly all of them new: words, phrases, filters, facets, rubbish, articles."""
    model = WordModel()
    long = [word for word in model.words if len(word) > 4]

    def words(number: int, of: int) -> str:
        return " ".join(chance.sample(long[:of], number))

    def article() -> str:
        one = chance.randrange(size + batch)
        return f"g{one:07}" if one < size else f"r{one - size:04}"

    def api(**values: object) -> str:
        return "/api/v1/search?" + urlencode(values)

    def rubbish() -> str:
        return "".join(chance.choices(_SYMBOLS, k=chance.randint(1, 60)))

    makers = (
        lambda: api(q=words(1, 3000)),
        lambda: api(q=words(3, 3000), page=chance.randint(1, 5)),
        lambda: api(q=words(2, 60), per_page=100),
        lambda: api(q=f'"{words(2, 40)}"', facets=""),
        lambda: api(q=words(1, 200), category=chance.choice(model.categories), sort="-date"),
        lambda: api(
            q=words(2, 200), source=f"source-{chance.randint(1, 3)}.example", **{"from": "2018-01-01"}
        ),
        lambda: api(q=f"{words(1, 100)} -{words(1, 100)}"),
        lambda: api(q=rubbish()),
        lambda: (
            "/search?"
            + urlencode({"q": rubbish(), "page": rubbish(), "from": rubbish(), "category": rubbish()})
        ),
        lambda: "/search?" + urlencode({"q": words(2, 1000), "page": chance.randint(1, 3)}),
        lambda: "/search?" + urlencode({"q": f"{words(1, 100)}ъъ {words(1, 100)}"}),
        lambda: f"/articles/{article()}",
        lambda: f"/api/v1/articles/{article()}",
        lambda: f"/api/v1/articles/{article()}/similar",
        lambda: f"/articles/{quote(rubbish())}",
        lambda: "/",
    )
    while True:
        yield chance.choice(makers)()


@dataclass
class Soak:
    """A soak and what came of it."""

    folder: Path
    rounds: Rounds
    number: int
    tally: Tally = field(default_factory=Tally)
    samples: list[tuple[float, Held]] = field(default_factory=list)
    opened: list[list[str]] = field(default_factory=list)
    syncs: int = 0
    elapsed: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self, server: Server) -> None:
        """Ask, sync and sample until the requests are done."""
        start = time.monotonic()
        share = -(-self.number // _CLIENTS)
        clients = [lambda seed=seed: self._ask(server.port, seed, share) for seed in range(_CLIENTS)]
        with at_work(self.tally, self._sync, lambda: self._sample(server)):
            with at_work(self.tally, *clients):
                pass
            self._stop.set()
        self.elapsed = time.monotonic() - start
        if complaint := server.complaints():
            self.tally.failed(f"the server's log: {complaint}")

    def grown(self) -> list[str]:
        """Say what grew more than it may."""
        before, after = self._window(WARM, SETTLED), self._window(0.9, 1.0)
        if not before or not after:
            return ["too few samples"]
        found = []
        was, now = (median(held.anonymous for held in part) for part in (before, after))
        if now - was > max(GROWTH * was, GROWTH_BYTES):
            found.append(f"own memory: from {was / 2**20:.1f} to {now / 2**20:.1f} MB")
        for name, more in (("strays", MORE_FILES), ("threads", MORE_THREADS), ("deleted", MORE_DELETED)):
            was, now = (max(getattr(held, name) for held in part) for part in (before, after))
            if now > was + more:
                found.append(f"{name}: from {was} to {now}")
        if found:
            more = Counter(self.opened[-1]) - Counter(self.opened[len(self.opened) // 4])
            found.append(f"opened since: {dict(more)}")
        return found

    @property
    def good(self) -> bool:
        """Whether nothing grew and nothing failed."""
        return not (self.grown() or self.tally.failures or self.tally.refused)

    def report(self) -> str:
        """Return the figures, a table over the run, and what grew."""
        lines = [
            f"{self.tally.figures(self.elapsed)}; {self.syncs} syncs of {self.rounds.batch} articles",
            "",
            "| of the run | resident, MB | own | of files | descriptors | strays | threads | deleted |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for number in range(10):
            part = self._window(number / 10, (number + 1) / 10)
            if part:
                sizes = (
                    median(getattr(h, name) for h in part) / 2**20
                    for name in ("resident", "anonymous", "files")
                )
                counts = (
                    max(getattr(h, name) for h in part)
                    for name in ("descriptors", "strays", "threads", "deleted")
                )
                cells = [
                    f"{number * 10}-{number * 10 + 10} %",
                    *(f"{s:.1f}" for s in sizes),
                    *map(str, counts),
                ]
                lines.append(f"| {' | '.join(cells)} |")
        grown = self.grown()
        verdict = "passed" if self.good else "NOT PASSED"
        failures = f"failures: {len(self.tally.failures)}"
        lines += ["", f"grown: {'; '.join(grown) or 'nothing'}; {failures}; {verdict}"]
        return "\n".join([*lines, *(f"  {failure}" for failure in self.tally.failures[:5])])

    def _window(self, begin: float, end: float) -> list[Held]:
        return [held for at, held in self.samples if begin <= at <= end]

    def _ask(self, port: int, seed: int, number: int) -> None:
        client = Client(port, self.tally)
        for path in itertools.islice(
            requests(random.Random(seed), self.rounds.size, self.rounds.batch), number
        ):
            client.get(path)
        client.close()

    def _sync(self) -> None:
        for number in itertools.count(1):
            if self._stop.wait(SYNC_SECONDS):
                return
            if problem := done(self.folder, "import", "-", stdin=self.rounds.rows(number)):
                self.tally.failed(problem)
            self.syncs = number

    def _sample(self, server: Server) -> None:
        for number in itertools.count():
            while (share := len(self.tally.seconds) / self.number) < number / SAMPLES:
                if self._stop.wait(0.02):
                    return
            self.samples.append((share, server.held()))
            self.opened.append(server.opened())
            if share >= 1:
                return


def measure(engine: str, number: int, size: int) -> Soak:
    """Build an archive, serve it and ask; print the figures."""
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        folder = Path(place) / "data"
        rounds = Rounds(size, CHANGED)
        with open_archive(load_settings(data_dir=folder)) as archive:
            rounds.fill(archive)
        assert not done(folder, "rebuild", "--engine", engine)
        soak = Soak(folder, rounds, number)
        with serving(folder) as server:
            soak.run(server)
    print(f"### {engine}, {size:,} articles\n\n{soak.report()}\n")
    return soak


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak each engine; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=ENGINES, action="append")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--articles", type=int, default=2000)
    asked = parser.parse_args(arguments)
    soaks = [measure(engine, asked.requests, asked.articles) for engine in asked.engine or ENGINES]
    return 0 if all(soak.good for soak in soaks) else 1


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
