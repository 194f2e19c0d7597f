"""What the suite runs in processes of their own; each opens the engine for itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from searchsvc.engine import AnyOf, Engine, Entry, Plan

from .cases import entry

Opener = Callable[[Path], Engine]

ARTICLES = 12
COMMITS = 30
PATIENCE = 30.0
"""Seconds after which a process gives up, so that no test hangs."""


def tagged(number: int, mark: str) -> Entry:
    """Return article *number* as the commit with *mark* writes it."""
    text, title = f"общее слово-{mark}", f"заголовок-{mark}"
    return entry(f"a{number}", text, key=number, title=title, tags=[mark], source=f"s{mark}")


def write_commits(opener: Opener, folder: Path, started: Any) -> None:
    """Rewrite all articles in each of ``COMMITS`` commits, compacting now and then."""
    engine = opener(folder)
    started.wait(PATIENCE)
    for number in range(1, COMMITS + 1):
        with engine.writer() as writer:
            for article in range(ARTICLES):
                writer.replace(tagged(article, str(number)))
            writer.commit(str(number), compact=number % 7 == 0)


def read_commits(opener: Opener, folder: Path, started: Any, answers: Any) -> None:
    """Search one snapshot after another until the last commit is seen; report marks and faults."""
    engine = opener(folder)
    snapshot = engine.snapshot()
    started.set()
    marks = [snapshot.mark]
    faults: list[str] = []
    until = time.monotonic() + PATIENCE
    while snapshot.mark != str(COMMITS) and time.monotonic() < until and not faults:
        snapshot = engine.snapshot(snapshot)
        mark = snapshot.mark
        if mark != marks[-1]:
            marks.append(mark)
        faults = inconsistencies(snapshot.search, mark)
    answers.put((marks, faults))


def inconsistencies(search: Callable[[Plan], Any], mark: str) -> list[str]:
    """Return what in the answers does not fit the commit with *mark*."""
    units = (AnyOf(("общее",)), AnyOf((f"слово-{mark}",)), AnyOf((f"заголовок-{mark}",), "title"))
    found = search(Plan(units=units, filters={"tag": (mark,)}, facets=("source",)))
    everything = search(Plan(units=(AnyOf(("общее",)),), facets=("source",)))
    wanted = {
        "filtered": (found.total, ARTICLES),
        "counts": (tuple(found.unit_counts), (ARTICLES,) * 3),
        "facets": (dict(found.facets["source"]), {f"s{mark}": ARTICLES}),
        "all": (everything.total, ARTICLES),
        "all facets": (dict(everything.facets["source"]), {f"s{mark}": ARTICLES}),
        "keys": (sorted(row.key for row in everything.full), list(range(ARTICLES))),
        "documents": (everything.documents, ARTICLES),
    }
    return [f"{mark}: {name} is {one}, not {two}" for name, (one, two) in wanted.items() if one != two]


def hold_writer(opener: Opener, folder: Path, started: Any) -> None:
    """Open a writer, add an article, say so, and wait to be killed."""
    with opener(folder).writer() as writer:
        writer.add(entry("lost", "утрата"))
        started.set()
        time.sleep(PATIENCE)
