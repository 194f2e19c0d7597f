"""A load on the real server while its index is synced and rebuilt: no 5xx, no answer of two versions.

PYTHONPATH=.:tests python -m bench.load [--engine whoosh] [--seconds 60] [--articles 2000]

Clients look at every answer (``bench.rounds``); where wrk is installed, it presses beside them. Exit code 1
if anything was not as it should be.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from bench.rounds import WORD, Checker, Rounds
from bench.serving import Client, Server, Tally, at_work, done, serving
from searchsvc.bootstrap import open_archive
from searchsvc.settings import load_settings

ENGINES = ("whoosh", "tantivy")
SCRIPT = Path(__file__).with_name("load.lua")
KNOWN_AGAIN = 0.2
"""Share of requests that name the ETag of the answer before."""

PAUSE = 0.05
ARRIVAL_SECONDS = 30.0

Change = Callable[[bytes], str]
"""Brings rows into archive and index; returns what went wrong."""

Rebuild = Callable[[], str]


@dataclass
class Load:
    """A load: what changes, how, and what came of it."""

    rounds: Rounds
    change: Change
    rebuild: Rebuild
    tally: Tally = field(default_factory=Tally)
    begun: int = 0
    rebuilt: int = 0
    elapsed: float = 0.0
    wrk: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.checker = Checker(self.rounds)

    def run(self, server: Server, seconds: float, *, clients: int, wrk: int = 0, versions: int = 0) -> None:
        """Press for *seconds* with *clients* that check and *wrk* connections that only press.

        With *versions*, end as soon as so many were seen and a rebuild among them.
        """
        start = time.monotonic()
        jobs: list[Callable[[], object]] = [self._edit, self._rebuild]
        jobs += [lambda seed=seed: self._ask(server.port, seed) for seed in range(clients)]  # type: ignore[misc]
        if wrk:
            jobs.append(lambda: self._press(server, seconds, wrk))
        with at_work(self.tally, *jobs):
            while time.monotonic() - start < seconds and not (versions and self._enough(versions)):
                self._stop.wait(PAUSE)
            self._stop.set()
        self.elapsed = time.monotonic() - start
        self._arrive(server)
        if complaint := server.complaints():
            self.tally.failed(f"the server's log: {complaint}")

    @property
    def good(self) -> bool:
        """Whether everything was as it should be, and there was something to see."""
        wrong = self.tally.failures or self.checker.mixed or set(self.tally.statuses) - {200, 304}
        return not wrong and self.rebuilt > 0 and len(self.checker.versions) > 1

    def report(self) -> str:
        """Return the figures, one a line."""
        versions = self.checker.versions
        rounds = {self.rounds.number(version) for version in versions}
        generations = {version.split(".")[0] for version in versions}
        lines = [f"checked: {self.tally.figures(self.elapsed)}"]
        if self.wrk:
            p50, p95, p99 = (self.wrk[name] * 1000 for name in ("p50", "p95", "p99"))
            lines.append(
                f"wrk beside: {self.wrk['requests']:,} answers, "
                f"{self.wrk['requests'] / self.wrk['seconds']:,.0f} a second, "
                f"p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f} ms"
            )
        lines += [
            f"syncs: {self.begun}, rebuilds: {self.rebuilt}; seen by clients: {len(versions)} versions, "
            f"{len(rounds)} rounds, {len(generations)} generations",
            f"answers that mix versions: {self.checker.mixed.total()} {dict(self.checker.mixed) or ''}",
            f"failures: {len(self.tally.failures)}; {'passed' if self.good else 'NOT PASSED'}",
        ]
        return "\n".join([*lines, *(f"  {e}" for e in (*self.checker.examples, *self.tally.failures[:5]))])

    def _enough(self, versions: int) -> bool:
        seen = self.checker.versions.copy()
        return len(seen) >= versions and len({version.split(".")[0] for version in seen}) > 1

    def _edit(self) -> None:
        for number in itertools.count(1):
            if self._stop.wait(PAUSE):
                return
            rows = self.rounds.rows(number)
            self.begun = number
            if problem := self.change(rows):
                self.tally.failed(problem)

    def _rebuild(self) -> None:
        while not self._stop.wait(PAUSE):
            if problem := self.rebuild():
                self.tally.failed(problem)
            else:
                self.rebuilt += 1

    def _ask(self, port: int, seed: int) -> None:
        chance = random.Random(seed)
        client = Client(port, self.tally)
        tags: dict[str, str] = {}
        newest = -1
        for kind, path in self.rounds.requests(chance, lambda: self.begun):
            if self._stop.is_set():
                break
            known = tags.get(path) if chance.random() < KNOWN_AGAIN else None
            got = client.get(path, {"If-None-Match": known} if known else None)
            if got is None or got[0] != 200:
                continue
            tags[path] = got[1]
            number = self.checker.check(kind, path, got[1], got[2])
            if number is not None and number < newest:
                self.tally.failed(f"back from round {newest} to {number} at {path}")
            newest = max(newest, -1 if number is None else number)
        client.close()

    def _press(self, server: Server, seconds: float, connections: int) -> None:
        asked = itertools.islice(self.rounds.requests(random.Random(99), lambda: 5), 2000)
        paths = server.log.with_name("paths.txt")
        paths.write_text("".join(f"{path}\n" for _, path in asked), encoding="ascii")
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}s",
            "--timeout",
            "30s",
            "-s",
            str(SCRIPT),
        ]
        ended = subprocess.run(
            [*command, f"http://127.0.0.1:{server.port}/"],
            env=os.environ | {"LOAD_PATHS": str(paths)},
            capture_output=True,
            text=True,
            check=True,
        )
        self.wrk = json.loads(ended.stdout.splitlines()[-1])
        wrong = {name: self.wrk[name] for name in ("status", "connect", "read", "write", "timeout")}
        if any(wrong.values()):
            self.tally.failed(f"wrk: {wrong}")

    def _arrive(self, server: Server) -> None:
        """Make sure that the last change is what the site shows in the end."""
        client = Client(server.port, Tally())
        until = time.monotonic() + ARRIVAL_SECONDS
        while time.monotonic() < until:
            got = client.get(f"/api/v1/search?q={quote(WORD)}")
            if got and self.rounds.number(json.loads(got[2])["version"]) == self.begun:
                break
            time.sleep(0.1)
        else:
            self.tally.failed(f"the site never came to round {self.begun}")
        client.close()


def measure(engine: str, seconds: float, *, size: int, clients: int, connections: int) -> Load:
    """Build an archive, serve it and press; print the figures."""
    with tempfile.TemporaryDirectory(prefix="load-") as place:
        folder = Path(place) / "data"
        rounds = Rounds(size)
        with open_archive(load_settings(data_dir=folder)) as archive:
            rounds.fill(archive)
        assert not done(folder, "rebuild", "--engine", engine)
        load = Load(
            rounds,
            change=lambda rows: done(folder, "import", "-", stdin=rows),
            rebuild=lambda: done(folder, "rebuild", "--engine", engine),
        )
        with serving(folder) as server:
            load.run(server, seconds, clients=clients, wrk=connections)
    print(f"### {engine}, {size:,} articles and {rounds.batch} that change\n\n{load.report()}\n")
    return load


def main(arguments: Sequence[str] | None = None) -> int:
    """Press on each engine; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=ENGINES, action="append")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--articles", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=4, help="connections whose answers are checked")
    parser.add_argument("--wrk", type=int, default=8, help="connections of wrk, if it is installed")
    asked = parser.parse_args(arguments)
    connections = asked.wrk if shutil.which("wrk") else 0
    if not connections:
        print("wrk is not at work: only the clients that check press\n")
    loads = [
        measure(engine, asked.seconds, size=asked.articles, clients=asked.clients, connections=connections)
        for engine in asked.engine or ENGINES
    ]
    return 0 if all(load.good for load in loads) else 1


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
