"""Processes of their own that work on an index, to be killed at a moment of the test's choosing.

Kept free of pytest: the fork server loads this module once, so that a process costs little.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Set
from contextlib import closing
from pathlib import Path
from typing import Any

from beds.index import Bed
from searchsvc.generation.generations import Generations
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService

PATIENCE = 60.0
"""Seconds after which a process gives up, so that no test hangs."""

FILE_EVENTS = frozenset(
    {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "sqlite3.connect"}
)
"""Python's audit events before something is done to a file."""

WORK: dict[str, Callable[[Bed], object]] = {
    "sync": Bed.sync,
    "rebuild": Bed.rebuild,
    "rollback": Bed.rollback,
    "purge": lambda bed: bed.purge("a001"),
}


def servers() -> Any:
    """Return what starts processes that have this module loaded."""
    os.environ["PYTHONPATH"] = os.pathsep.join(
        map(str, (Path(__file__).parents[1], Path(__file__).parents[2]))
    )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def work(name: str, folder: Path, index: Path, fatal: int, events: Set[str], done: Any) -> None:
    """Do *name* on the bed in *folder*; be killed before the *fatal*-th of *events*, 0 for never.

    *done* counts these events, from 0 when the work begins.
    """
    analyzer = Analyzer()
    analyzer.lemmas("готово")
    bed = Bed.open(folder, analyzer, index)

    def count(event: str, _arguments: object) -> None:
        if event in events:
            done.value += 1
            if done.value == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    done.value = 0
    sys.addaudithook(count)
    WORK[name](bed)


def read(index: Path, last: str, started: Any, answers: Any) -> None:
    """Search again and again until version *last* is seen; report what each version said and when it came.

    An answer is (version, rounds that its articles are of, articles, seconds of the monotonic clock).
    """
    seen: list[tuple[str, frozenset[str], int, float]] = []
    with closing(LiveIndex(Generations(index), watch=True)) as live:
        service = SearchService(live, Analyzer())
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            page = service.search(SearchRequest("круг", per_page=100))
            text = " ".join(segment.text for hit in page.hits for segment in hit.snippet)
            rounds = frozenset(word for word in text.split() if word.isdigit() and len(word) == 5)
            answer = (page.version, rounds, len(page.hits))
            if not seen or seen[-1][:3] != answer:
                seen.append((*answer, time.monotonic()))
                started.set()
            if page.version == last:
                break
            time.sleep(0.005)
    answers.put(seen)
