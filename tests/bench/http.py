"""A search through HTTP beside a constant of the same size that a plain Flask route returns.

PYTHONPATH=.:tests python -m bench.http FOLDER_OR_SIZE [--number 200]

Starts the real site on a data folder (or on that many generated articles, built first) in a process of
its own and asks over one kept connection, in turns: a query that is new, the same again, the same with its
ETag (304), and the constant, from an application of one route behind the same server and its threads.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import random
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import quote

import numpy as np

from bench.generate import articles, queries
from searchsvc.settings import Settings, load_settings

SEARCHES = {"api": "/api/v1/search?q=", "page": "/search?q="}
CONSTANT = "/constant/"
LARGEST = 1_000_000
WARMING = 24
"""Searches before the clock starts: templates, connections and the sources' names are read by then."""

STARTING_SECONDS = 120.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print one Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", metavar="FOLDER_OR_SIZE", help="a data folder with an index, or a number")
    parser.add_argument("--engine", default="tantivy", help="the engine of an index that is built first")
    parser.add_argument("--number", type=int, default=200, help="new queries of each of four types")
    given = parser.parse_args(arguments)
    with _folder(given.what, given.engine) as folder:
        settings = load_settings(data_dir=folder, port=0)
        print(_described(settings), end="\n\n")
        with serving(settings) as port, Client(port) as client:
            for line in table(measure(client, given.number)):
                print(line)


@contextmanager
def _folder(what: str, engine: str) -> Iterator[Path]:
    if not what.isdigit():
        yield Path(what)
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        build(Path(place), int(what), engine)
        yield Path(place)


def build(folder: Path, size: int, engine: str) -> None:
    """Make an archive of *size* generated articles in *folder*, and its index."""
    from corpus.article import Source
    from indexer.pipeline import rebuild
    from searchsvc.analysis import Analyzer
    from searchsvc.bootstrap import open_archive, open_generations

    settings = Settings(data_dir=folder)
    with open_archive(settings) as archive:
        for number in (1, 2, 3):
            archive.add_source(
                Source(f"source-{number}.example", f"https://source-{number}.example/", "import")
            )
        with archive.batch():
            for article in articles(size):
                archive.put(article)
        rebuild(archive, open_generations(settings), Analyzer(), engine=engine)


def _described(settings: Settings) -> str:
    from searchsvc.bootstrap import open_generations
    from searchsvc.engine import Plan

    generation = open_generations(settings).current()
    try:
        engine, count = generation.manifest.engine, generation.engine.snapshot().search(Plan(depth=0)).total
    finally:
        generation.close()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {count:,} articles, {engine}, Python {platform.python_version()}, "
        f"{platform.machine()}, Flask {version('Flask')}, waitress {version('waitress')}"
    )


# --- the server ----------------------------------------------------------------------------


@contextmanager
def serving(settings: Settings) -> Iterator[int]:
    """Run the site in a process of its own and yield its port."""
    process = multiprocessing.get_context("spawn")
    ours, theirs = process.Pipe()
    child = process.Process(target=_serve, args=(settings, theirs), daemon=True)
    child.start()
    try:
        if not ours.poll(STARTING_SECONDS):
            raise TimeoutError("the site did not start")
        yield ours.recv()
    finally:
        ours.send("stop")
        child.join()


def _serve(settings: Settings, told: Connection) -> None:
    from web.server import Site, listen

    site = Site(settings, listen("127.0.0.1", 0), around=with_constant)
    site.start()
    told.send(site.port)
    told.recv()
    site.stop()


def with_constant(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Put a plain Flask application of one route beside *app*: as many bytes as its address says."""
    from flask import Flask, Response

    plain = Flask("constant")
    body = b"x" * LARGEST

    @plain.get(f"{CONSTANT}<int:size>")
    def constant(size: int) -> Response:
        return Response(body[:size], mimetype="application/json")

    def either(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        chosen = plain if environ["PATH_INFO"].startswith(CONSTANT) else app
        return chosen(environ, start_response)

    return either


# --- the client ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and the milliseconds from the first byte sent to the last one read."""

    status: int
    tag: str
    size: int
    took: float


class Client:
    """One kept connection; as little work as can be, so that the server's is what is measured."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = self._connected()

    def _connected(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, path: str, tag: str = "") -> Answer:
        """Ask for *path*, with ``If-None-Match`` where *tag* is given."""
        condition = f"If-None-Match: {tag}\r\n" if tag else ""
        asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{condition}\r\n".encode("ascii")
        started = perf_counter()
        self._socket.sendall(asked)
        data = self._socket.recv(65536)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        lines = data[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        size = int(headers.get("content-length", 0))
        missing = size - (len(data) - end - 4)
        while missing > 0:
            missing -= len(self._more())
        if headers.get("connection", "").lower() == "close":  # a new one is part of the price
            self._socket.close()
            self._socket = self._connected()
        took = (perf_counter() - started) * 1000
        return Answer(int(lines[0].split(" ")[1]), headers.get("etag", ""), size, took)

    def _more(self) -> bytes:
        data = self._socket.recv(262_144)
        if not data:
            raise ConnectionError("the site closed the connection")
        return data


# --- measuring -----------------------------------------------------------------------------

Times = dict[str, list[float]]


def asked(number: int, seed: int = 2) -> list[tuple[str, str]]:
    """Return distinct queries with their types, in a random order."""
    found = {text: kind for kind, texts in queries(seed=seed, number=number).items() for text in texts}
    listed = [(kind, text) for text, kind in found.items()]
    random.Random(seed).shuffle(listed)
    return listed


def measure(client: Client, number: int) -> Times:
    """Return milliseconds by what was asked: new, again, unchanged (304) and constant, for API and page."""
    measured = asked(number)
    known = {text for _, text in measured}
    for _, text in [pair for pair in asked(WARMING, seed=3) if pair[1] not in known][:WARMING]:
        for path in SEARCHES.values():
            client.get(path + quote(text))
        client.get(f"{CONSTANT}1000")
    times: Times = {}
    for number, (kind, text) in enumerate(measured):
        name = list(SEARCHES)[number % len(SEARCHES)]  # not both: the second would not be new to the engine
        address = SEARCHES[name] + quote(text)
        new = _expect(client.get(address), 200)
        constants = [_expect(client.get(f"{CONSTANT}{new.size}"), 200).took]
        again = _expect(client.get(address), 200)
        unchanged = _expect(client.get(address, again.tag), 304)
        constants.append(_expect(client.get(f"{CONSTANT}{new.size}"), 200).took)
        for what, took in (
            *((f"{name}: constant", took) for took in constants),
            (f"{name}: 304", unchanged.took),
            (f"{name}: again", again.took),
            (f"{name}: new", new.took),
            (f"{name}: new, {kind}", new.took),
        ):
            times.setdefault(what, []).append(took)
    return times


def _expect(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise ValueError(f"status {answer.status} instead of {status}")
    return answer


def table(times: Times) -> Iterator[str]:
    """Yield the lines of a Markdown table: p50, p95 and how many times the constant's each is."""
    yield "| | number | p50 ms | p95 ms | p50 by the constant's | p95 by the constant's |"
    yield "|---|---|---|---|---|---|"
    for name in SEARCHES:
        constant = np.percentile(times[f"{name}: constant"], (50, 95))
        for what in [key for key in times if key.startswith(f"{name}:")]:
            middle, high = np.percentile(times[what], (50, 95))
            yield (
                f"| {what} | {len(times[what]):,} | {middle:.2f} | {high:.2f} | "
                f"{middle / constant[0]:.2f} | {high / constant[1]:.2f} |"
            )


if __name__ == "__main__":
    sys.exit(main())
