"""One table: ours on each engine beside what others would write, on the same generated articles in one run.

Each system indexes the same lemmas, in a process of its own; then all are asked the same searches in turns,
each by a reader of its own. After that whole generations are built and searched through HTTP, beside a
constant of the same size from the same server. 1,000,000 articles are measured when asked for.

Needs ``pip install -e '.[bench]'``.

PYTHONPATH=.:tests python -m bench [10000 100000 1000000] [--skip naive] [--keep FOLDER [--reuse]]
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench import draw
from bench.http import ask_sites, percentiles, told
from bench.jobs import Figures, Reader, run
from bench.machine import taken
from bench.prepared import asked, prepare
from bench.systems import ENGINES, SYSTEMS, TITLES
from searchsvc.language.analysis import Analyzer


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure; ``left_out`` says of systems that are not measured why not."""

    systems: tuple[str, ...]
    left_out: Mapping[str, str]
    whole: bool = True
    http: bool = True
    neighbours: bool = True
    reuse: bool = False
    queries: int = 60
    processes: int = 1
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables, keep the figures."""
    given = _parser().parse_args(arguments)
    options = _options(given)
    runs = []
    with _place(given.keep) as folder:
        for size in given.sizes:
            runs.append(measure(folder, size, options))
            given.results.write_text(json.dumps({"runs": runs}, indent=1, ensure_ascii=False) + "\n")
            print("\n".join(draw.tables(runs[-1:])), flush=True)
    if given.write:
        draw.write(given.write, runs)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000, 100_000], help="numbers of articles")
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="these systems")
    parser.add_argument("--skip", nargs="+", choices=SYSTEMS, default=[], help="all but these systems")
    parser.add_argument("--no-whole", action="store_true", help="engines alone: no generations, no HTTP")
    parser.add_argument("--no-http", action="store_true", help="no searches through HTTP")
    parser.add_argument("--no-neighbours", action="store_true", help="generations without similar articles")
    parser.add_argument("--queries", type=int, default=60, help="searches of each type")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep what is made: FOLDER/prepared, FOLDER/SIZE/SYSTEM, data folders FOLDER/SIZE/data-ENGINE",
    )
    parser.add_argument(
        "--reuse", action="store_true", help="use indexes kept by a run before, with its figures"
    )
    parser.add_argument("--results", type=Path, default=Path("bench.json"), help="where the figures go")
    parser.add_argument(
        "--write", type=Path, metavar="FOLDER", help="draw into performance.md and .svg there"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="for analysis beforehand")
    return parser


def _options(given: argparse.Namespace) -> Options:
    left_out = {
        name: "left out by --only or --skip"
        for name in SYSTEMS
        if name not in given.only or name in given.skip
    }
    for name in ("tantivy", "raw", "bm25s"):
        if name not in left_out and find_spec(SYSTEMS[name].package) is None:
            left_out[name] = f"{SYSTEMS[name].package} is not installed"
    return Options(
        systems=tuple(name for name in SYSTEMS if name not in left_out),
        left_out=left_out,
        whole=not given.no_whole,
        http=not (given.no_whole or given.no_http),
        neighbours=not given.no_neighbours,
        reuse=given.reuse,
        queries=given.queries,
        processes=given.processes,
    )


@contextmanager
def _place(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
    else:
        with tempfile.TemporaryDirectory(prefix="bench-") as place:
            yield Path(place)


def measure(folder: Path, size: int, options: Options) -> Figures:
    """Return all figures of one size; what failed is told in ``left_out`` and the rest goes on."""
    found: Figures = {"size": size, "taken": taken(), "left_out": dict(options.left_out)}
    place = folder / str(size)
    place.mkdir(exist_ok=True)
    options.say(f"{size:,} articles: analysis")
    found["analysis"] = prepare(folder / "prepared", size, processes=options.processes)
    searches = asked(Analyzer(), number=options.queries)
    (place / "plans").write_bytes(pickle.dumps(searches))
    made = Made(folder / "prepared", place, size, found["analysis"]["made_with"])
    found["systems"] = _built(made, options, found["left_out"])
    options.say("asking in turns")
    _ask(place, searches, found["systems"], found["left_out"])
    if options.whole:
        found["whole"] = _generations(made, options, found["left_out"])
    if options.http:
        options.say("asking through HTTP")
        ask_sites(place, searches, found["whole"], found["left_out"])
    found["taken"]["load_after"] = os.getloadavg()[0]
    return found


@dataclass(frozen=True, slots=True)
class Made:
    """Prepared articles, and the place of what is made of them."""

    prepared: Path
    place: Path
    size: int
    made_with: str

    def once(self, own: Path, reuse: bool, make: Callable[[], Figures]) -> Figures:
        """Make what is in the folder *own*; with *reuse*, return the figures of having made it before."""
        kept = own.with_name(f"{own.name}.json")
        if reuse and kept.exists() and own.exists():
            figures = dict(json.loads(kept.read_text()))
            if figures["made_with"] == self.made_with:
                return figures | {"reused": True}
        kept.unlink(missing_ok=True)
        shutil.rmtree(own, ignore_errors=True)
        figures = make() | {"made_with": self.made_with}
        kept.write_text(json.dumps(figures))
        return figures


def _built(made: Made, options: Options, left_out: dict[str, str]) -> Figures:
    figures: Figures = {}
    for name in options.systems:
        options.say(f"building {TITLES[name]}")
        own = made.place / name

        def make(name: str = name, own: Path = own) -> Figures:
            return run("build", system=name, folder=str(own), prepared=str(made.prepared), size=made.size)

        with told(name, left_out):
            figures[name] = made.once(own, options.reuse, make)
    return figures


def _generations(made: Made, options: Options, left_out: dict[str, str]) -> Figures:
    figures: Figures = {}
    for engine in (name for name in ENGINES if name in options.systems):
        options.say(f"building a whole generation {TITLES[engine]}")
        own = made.place / f"data-{engine}"

        def make(engine: str = engine, own: Path = own) -> Figures:
            own.mkdir()
            others = [made.place / f"data-{name}" / "archive.db" for name in figures]
            if others:  # closed, so that the file is all of it
                shutil.copy(others[0], own)
            else:
                run("archive", folder=str(own), size=made.size)
            return run(
                "rebuild",
                folder=str(own),
                engine=engine,
                prepared=str(made.prepared),
                size=made.size,
                neighbours=options.neighbours,
            )

        with told(f"generation, {engine}", left_out):
            figures[engine] = made.once(own, options.reuse, make)
    return figures


# --- engines alone -------------------------------------------------------------------------


def _ask(
    place: Path, searches: Mapping[str, Sequence[Any]], figures: Figures, left_out: dict[str, str]
) -> None:
    """Ask all systems in turns, each search twice: all of a type for the first time, then all again."""
    with ExitStack() as held:
        readers: dict[str, Reader] = {}
        for name in figures:
            with told(name, left_out):
                readers[name] = Reader(name, place / name, place / "plans", place / f"{name}.log")
                held.callback(readers[name].close)
                figures[name] |= {"opening_ms": readers[name].opening_ms, "searches": {}}
        totals: dict[str, dict[str, int]] = {}
        for kind, some in searches.items():
            able = {name: one for name, one in readers.items() if kind not in SYSTEMS[name].cannot}
            times: dict[tuple[str, str], list[float]] = {}
            for warmth in ("first", "warm"):
                for number in range(len(some)):
                    for name, reader in _turned(able, number):
                        with told(name, left_out):
                            took, total = reader.ask(kind, number)
                            times.setdefault((name, warmth), []).append(took)
                            if total is not None and warmth == "first":
                                known = totals.setdefault(kind, {})
                                known[name] = known.get(name, 0) + total
                        if name in left_out:
                            del readers[name], able[name]
            for (name, warmth), list_ in times.items():
                figures[name]["searches"].setdefault(kind, {})[warmth] = percentiles(list_)
        for name, reader in readers.items():
            figures[name] |= reader.memory()
            figures[name]["found"] = {kind: known[name] for kind, known in totals.items() if name in known}
    for name in left_out:
        figures.pop(name, None)


def _turned(items: Mapping[str, Reader], number: int) -> list[tuple[str, Reader]]:
    """Return the items beginning with another one each time: none follows the same neighbour always."""
    listed = list(items.items())
    at = number % max(len(listed), 1)
    return listed[at:] + listed[:at]


if __name__ == "__main__":
    main()
