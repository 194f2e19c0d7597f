"""Figures to a Markdown table a size and one picture of growth.

PYTHONPATH=.:tests python -m bench.draw bench.json [another.json ...] [--write docs]

Of several files the later one's figures of a system count. ``--write`` puts the tables between the marks in
performance.md and the picture beside it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.chart import Line, chart
from bench.jobs import Figures
from bench.prepared import FILTERED
from bench.systems import ENGINES, SYSTEMS, TITLES

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
PICTURE = "performance.svg"
DRAWN = {"frequent words, any": "Any of two frequent words", FILTERED: "Frequent words, filter and facets"}
NONE = "—"

_ALONE: dict[str, tuple[str, bool]] = {  # title, whether more is better
    "articles_per_second": ("articles/s", True),
    "cpu_microseconds": ("µs of CPU an article", False),
    "index_mb": ("index, MB", False),
    "build_mb": ("memory of building, MB", False),
    "reader_mb": ("memory of a reader, MB", False),
    "reader_own_mb": ("of it not of mapped files, MB", False),
    "opening_ms": ("opening, ms", False),
}
_WHOLE = {
    "whole_per_second": "articles/s of a rebuild",
    "whole_cpu_ms": "ms of CPU an article of a rebuild",
    "generation_mb": "generation, MB",
    "rebuild_mb": "memory of a rebuild, MB",
    "server_mb": "memory of the server, MB",
    "http_bytes": "an answer, bytes",
}


def merged(runs: Iterable[Figures]) -> list[Figures]:
    """Return one run a size, smallest first; later figures of a system replace earlier ones."""
    found: dict[int, Figures] = {}
    for run in runs:
        known = found.setdefault(run["size"], {"size": run["size"], "runs": [], "systems": {}, "whole": {}})
        known["runs"].append(run["taken"] | {"analysis": run["analysis"]})
        known["systems"] |= run["systems"]
        known["whole"] |= run.get("whole", {})
        left_out = known.get("left_out", {}) | run["left_out"]
        known["left_out"] = {name: why for name, why in left_out.items() if name not in known["systems"]}
    return [found[size] for size in sorted(found)]


def tables(runs: Iterable[Figures]) -> Iterator[str]:
    """Yield the lines of Markdown."""
    for run in merged(runs):
        yield from (f"### {run['size']:,} articles", "")
        for one in run["runs"]:
            yield f"{_taken(one)}  "
        yield ""
        if run["systems"]:
            yield from _alone(run["systems"])
        for name, why in run["left_out"].items():
            yield f"- Not measured: {TITLES.get(name, name)} ({why})"
        if any(one.get("reused") for one in run["systems"].values()):
            yield "- Figures of building are those of an earlier run with the same articles."
        yield ""
        if run["whole"]:
            yield from _whole(run["whole"])
            yield ""


def _taken(taken: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in taken["versions"].items())
    analysis = taken["analysis"]
    load = f"{taken['load']:.1f} before, {taken.get('load_after', taken['load']):.1f} after"
    return (
        f"{taken['date']}, commit {taken['commit']}, {taken['model']}, {taken['cpus']} CPUs, "
        f"{taken['memory_gb']} GB, load {load}; {versions}. Analysis of one process: "
        f"{analysis['articles']:,.0f} articles/s ({analysis['words']:,.0f} words/s), forms never seen before "
        f"{analysis['forms']:,.0f}/s."
    )


def _alone(systems: Mapping[str, Figures]) -> Iterator[str]:
    names = [name for name in SYSTEMS if name in systems]
    yield f"| engine alone | {' | '.join(TITLES[name] for name in names)} |"
    yield f"|{'---|' * (len(names) + 1)}"

    def row(title: str, value: Callable[[Figures], list[float] | None], *, more: bool = False) -> str:
        cells = {name: value(systems[name]) for name in names}
        ours = [cells[name] for name in ENGINES if name in cells]
        shown = [_cell(cells[name], [] if name in ENGINES else ours, more=more) for name in names]
        return f"| {title} | {' | '.join(shown)} |"

    for key, (title, more) in _ALONE.items():
        yield row(title, lambda one, key=key: [one[key]] if key in one else None, more=more)  # type: ignore[misc]
    kinds = dict.fromkeys(kind for one in systems.values() for kind in one.get("searches", {}))
    for warmth in ("first", "warm"):
        for kind in kinds:
            yield row(
                f"{kind}, {warmth}, ms",
                lambda one, kind=kind, warmth=warmth: one.get("searches", {}).get(kind, {}).get(warmth),  # type: ignore[misc]
            )
    first = systems[names[0]].get("found", {})
    shares = [_share(systems[name].get("found", {}), first) for name in names]
    yield f"| matches, of those {TITLES[names[0]]} | {' | '.join(shares)} |"
    floor = min(one["floor_mb"] for one in systems.values())
    if not set(ENGINES).isdisjoint(names):
        yield from ("", "- In brackets: how many times better ours is, on each engine of ours in the table.")
    yield f"- Memory is the peak; a process with our modules and nothing open has {floor:,.0f} MB."


def _share(found: Mapping[str, float], first: Mapping[str, float]) -> str:
    """Return how many matches a system finds where both tell, of those that the first finds."""
    both = found.keys() & first.keys()
    whole = sum(first[kind] for kind in both)
    return f"{sum(found[kind] for kind in both) / whole:.1%}" if whole else NONE


def _whole(whole: Mapping[str, Figures]) -> Iterator[str]:
    names = [name for name in ENGINES if name in whole]
    both = len(names) == 2
    ratio = " Whoosh by Tantivy |" if both else ""
    yield f"| the whole | {' | '.join(TITLES[name] for name in names)} |{ratio}"
    yield f"|{'---|' * (len(names) + 1 + both)}"

    def row(title: str, values: Sequence[list[float] | None], notes: Sequence[str]) -> str:
        shown = [_cell(value, [], more=False) + note for value, note in zip(values, notes, strict=True)]
        if both:
            left, right = values
            shown.append(number(left[0] / right[0]) if left and right and right[0] else NONE)
        return f"| {title} | {' | '.join(shown)} |"

    without = ["" if whole[name].get("neighbours", True) else " (without neighbours)" for name in names]
    for key, title in _WHOLE.items():
        values = [[whole[name][key]] if key in whole[name] else None for name in names]
        yield row(title, values, without if key == "whole_per_second" else [""] * len(names))
    for what in dict.fromkeys(what for name in names for what in whole[name].get("http", {})):
        title = (
            f"{what}, ms"
            if what in {"constant", "the same again", "not changed (304)"}
            else f"{what}, new, ms"
        )
        values = [whole[name].get("http", {}).get(what) for name in names]
        notes = [
            f" ({number(value[0] / whole[name]['http']['constant'][0])})"
            if value and what != "constant"
            else ""
            for name, value in zip(names, values, strict=True)
        ]
        yield row(f"HTTP: {title}", values, notes)


def _cell(value: list[float] | None, ours: Sequence[list[float] | None], *, more: bool) -> str:
    """Return figures with how many times ours on each engine is better than they are."""
    if value is None:
        return NONE
    times = [
        NONE
        if not our or not our[0] or not value[0]
        else number(our[0] / value[0] if more else value[0] / our[0])
        for our in ours
    ]
    return " / ".join(map(number, value)) + (f" ({' · '.join(times)})" if ours else "")


def number(value: float) -> str:
    """Return three digits or more of *value*."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def picture(runs: Iterable[Figures]) -> str:
    """Return the growth of the median time of searches asked for the first time, as SVG."""
    of_sizes = merged(runs)
    panels = {}
    for kind, title in DRAWN.items():
        lines = []
        for at, name in enumerate(SYSTEMS):
            points = [
                (float(run["size"]), float(run["systems"][name]["searches"][kind]["first"][0]))
                for run in of_sizes
                if kind in run["systems"].get(name, {}).get("searches", {})
            ]
            if points:
                lines.append(Line(TITLES[name], at, points))
        panels[title] = lines
    return chart("Median time of a search asked for the first time, ms, by number of articles", panels)


def write(folder: Path, runs: Sequence[Figures]) -> None:
    """Put the tables between the marks of performance.md in *folder*, and the picture beside it."""
    page = folder / "performance.md"
    (folder / PICTURE).write_text(picture(runs), encoding="utf-8")
    alternative = "Median time of a search by number of articles; the table has the figures"
    inside = "\n".join([BEGIN, "", f"![{alternative}]({PICTURE})", "", *tables(runs), END])
    text, count = re.subn(
        f"{BEGIN}.*{END}", lambda _: inside, page.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"{page}: the marks {BEGIN} and {END} are to stand there once")
    page.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables of the files given, or write them."""
    parser = argparse.ArgumentParser(
        prog="bench.draw", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="+", type=Path, help="files that the bench left")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write performance.md and .svg there")
    given = parser.parse_args(arguments)
    runs = [run for path in given.results for run in json.loads(path.read_text(encoding="utf-8"))["runs"]]
    if given.write:
        write(given.write, runs)
    else:
        print("\n".join(tables(runs)))


if __name__ == "__main__":
    sys.exit(main())
