"""The terminal: safe streams, results on stdout, progress and complaints on stderr.

A bar is drawn where somebody looks at it; elsewhere (a log, a pipe) plain lines come, a
few seconds apart.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

from web.words import grouped

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from indexer.progress import Progress

LINE_SECONDS = 3.0
"""Between two plain lines of progress."""

QUIET_SECONDS = 1.0
"""Work that is over sooner needs no lines at all."""

DRAW_SECONDS = 0.05
"""Between two updates of a bar: work may report thousands of steps a second."""


def make_streams_safe() -> None:
    """Write UTF-8 whatever the locale says, and never fail on a character."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal of another encoding would show rubbish: there only the errors change.
            foreign = stream.isatty() and (stream.encoding or "").lower().replace("-", "") != "utf8"
            stream.reconfigure(encoding=None if foreign else "utf-8", errors="replace")


def say(text: str = "") -> None:
    """Print a result."""
    click.echo(text)


def note(text: str) -> None:
    """Print something that is not the result: on stderr."""
    click.echo(text, err=True)


def looked_at(stream: TextIO) -> bool:
    """Tell whether a person sees what is written to *stream*."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def progress(*, beside_results: bool = False) -> Iterator[Progress]:
    """Yield what shows progress on stderr until the block ends.

    No bar is drawn where results (*beside_results*) go to the same terminal meanwhile.
    """
    if not looked_at(sys.stderr) or (beside_results and sys.stdout.isatty()):
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[count]}", markup=False),
        TimeElapsedColumn(),
    )
    shown = RichProgress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # results are written there meanwhile, and it may be a file
    )
    with shown:
        yield Bar(shown)


class Lines:
    """Progress as plain lines on stderr."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = clock() + QUIET_SECONDS

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Print a line if the last one is old enough."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + LINE_SECONDS
        count = _count(done, total)
        note(f"{stage}: {count}" if count else f"{stage}…")


class Bar:
    """Progress as a bar, one at a time: a new stage takes the place of the last one."""

    def __init__(self, drawn: RichProgress) -> None:
        self._drawn = drawn
        self._task: TaskID | None = None
        self._stage = ""
        self._last = float("-inf")

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Move the bar."""
        now = time.monotonic()
        if stage == self._stage and now - self._last < DRAW_SECONDS and done != total:
            return
        self._last = now
        if stage != self._stage or self._task is None:
            if self._task is not None:
                self._drawn.remove_task(self._task)
            self._task = self._drawn.add_task(stage, total=total, count="")
            self._stage = stage
        self._drawn.update(self._task, completed=done, total=total, count=_count(done, total))


def _count(done: int, total: int | None) -> str:
    if total is None:
        return grouped(done) if done else ""
    return f"{grouped(done)} из {grouped(total)}" if done else ""


class _Handler(logging.Handler):
    """Writes to what is stderr at the moment, so that lines go above a bar that is being drawn."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            self.handleError(record)


def configure_logging(level: str) -> None:
    """Send log lines of *level* and above to stderr; a second call changes the level."""
    root = logging.getLogger()
    if not any(isinstance(handler, _Handler) for handler in root.handlers):
        handler = _Handler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        root.addHandler(handler)
    root.setLevel(level)
    # Waitress warns of every request that waits a moment for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def dump(value: Any) -> None:
    """Print *value* as JSON that people can read."""
    import json

    say(json.dumps(value, ensure_ascii=False, indent=2))


def confirmed(question: str) -> bool:
    """Ask somebody who sits at the terminal; a script has made up its mind."""
    if not (sys.stdin.isatty() and looked_at(sys.stderr)):
        return True
    note(f"{question} [да/нет]")
    return sys.stdin.readline().strip().lower() in {"да", "д", "yes", "y"}
