"""Searches through HTTP: the site on each engine in turns, beside a constant of the same size.

PYTHONPATH=.:tests python -m bench.http FOLDER [--number 60]

FOLDER holds data-whoosh and data-tantivy (one will do), as ``python -m bench --keep`` leaves them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.jobs import Figures, JobError, memory
from bench.prepared import asked
from bench.site import Client, address, serving
from bench.systems import ENGINES
from searchsvc.language.analysis import Analyzer

WARMING = 12
"""Requests before the clock starts: templates and the sources' names are read by then."""


@contextmanager
def told(what: str, left_out: dict[str, str]) -> Iterator[None]:
    """Go on where something fails, and keep why."""
    try:
        yield
    except JobError as error:
        lines = str(error).strip().splitlines()
        left_out[what] = f"failed: {lines[-1] if lines else error}"
        print(f"{what} failed: {error}", file=sys.stderr)


def percentiles(times: Sequence[float]) -> list[float]:
    """Return p50 and p95."""
    return [float(value) for value in np.percentile(times, (50, 95))]


def ask_sites(
    place: Path, searches: Mapping[str, Sequence[tuple[str, Any]]], figures: Figures, left_out: dict[str, str]
) -> None:
    """Ask the sites in turns: each search new, a constant of its size, the search again, and its ETag."""
    with ExitStack() as held:
        sites: dict[str, Client] = {}
        for engine in figures:
            with told(f"http, {engine}", left_out):
                sites[engine] = held.enter_context(
                    serving(place / f"data-{engine}", place / f"serve-{engine}.log")
                )
        order = (*searches, "all types", "the same again", "not changed (304)", "constant", "bytes")
        times: dict[str, dict[str, list[float]]] = {engine: {what: [] for what in order} for engine in sites}
        for engine, site in sites.items():
            with told(f"http, {engine}", left_out):
                for year in range(WARMING):
                    site.get(address("", f"дата:{2014 + year}"))
                    site.constant(1000)
        for kind, some in searches.items():
            for text, _ in some:
                for engine, site in sites.items():
                    if f"http, {engine}" not in left_out:
                        with told(f"http, {engine}", left_out):
                            for what, took in _request(site, address(kind, text), kind):
                                times[engine][what].append(took)
        for engine, site in sites.items():
            if f"http, {engine}" not in left_out:
                sizes = times[engine].pop("bytes")
                figures[engine]["http"] = {what: percentiles(some) for what, some in times[engine].items()}
                figures[engine]["http_bytes"] = float(np.median(sizes))
                figures[engine]["server_mb"] = memory("VmHWM", site.pid)


def _request(site: Client, path: str, kind: str) -> Iterable[tuple[str, float]]:
    new = site.get(path)
    constant = site.constant(new.size)
    again = site.get(path)
    unchanged = site.get(path, tag=again.tag, status=304)
    return [
        (kind, new.took),
        ("all types", new.took),
        ("constant", constant),
        ("constant", site.constant(new.size)),
        ("the same again", again.took),
        ("not changed (304)", unchanged.took),
        ("bytes", float(new.size)),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table: p50 and p95 of each type, and p50 by the constant's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--number", type=int, default=60, help="searches of each type")
    given = parser.parse_args(arguments)
    figures: Figures = {name: {} for name in ENGINES if (given.folder / f"data-{name}").exists()}
    left_out: dict[str, str] = {}
    ask_sites(given.folder, asked(Analyzer(), number=given.number), figures, left_out)
    for what, why in left_out.items():
        print(f"left out: {what}: {why}")
    engines = [name for name in figures if "http" in figures[name]]
    print(f"| p50 / p95 ms (p50 by the constant's) | {' | '.join(engines)} |\n|{'---|' * (len(engines) + 1)}")
    for what in figures[engines[0]]["http"] if engines else ():
        cells = []
        for name in engines:
            (half, most), (constant, _) = figures[name]["http"][what], figures[name]["http"]["constant"]
            cells.append(f"{half:.2f} / {most:.2f} ({half / constant:.2f})")
        print(f"| {what} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
