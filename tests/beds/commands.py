"""What tests of commands and of the worker share: commands as processes and in this one, waiting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beds.fake_wordpress import FakeWordPress, Query
from beds.site import Reply
from corpus.archive import Archive
from corpus.article import Source
from searchsvc.settings import Settings

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]
"""Runs a command on a data folder: ``Run(*arguments, folder=None, stdin=b"") -> Done``."""


def environment(folder: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a command on the data folder *folder*, with no settings from outside."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SEARCHSVC_")}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return ours | {"PYTHONPATH": path, "SEARCHSVC_DATA_DIR": str(folder)} | dict(extra or {})


@contextmanager
def started(
    folder: Path, *arguments: str, extra: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start ``searchsvc`` as a process that does not outlive the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "web.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment(folder, extra),
        cwd=cwd or folder.parent,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def command(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    extra: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> Done:
    """Run ``searchsvc`` as a process and wait for it."""
    done = subprocess.run(
        [sys.executable, "-m", "web.cli", *arguments],
        input=stdin,
        capture_output=True,
        env=environment(folder, extra),
        cwd=folder.parent,
        timeout=timeout,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def row(values: Mapping[str, object]) -> bytes:
    """Return a row of JSON Lines."""
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def rows(*items: Mapping[str, object]) -> bytes:
    """Return rows of JSON Lines."""
    return b"".join(row(item) for item in items)


def news(number: int, **fields: Any) -> dict[str, Any]:
    """Return an article to import."""
    return {
        "url": f"https://school5.ru/{number}/",
        "title": f"Новость номер {number}",
        "body": "Ученики посадили сад.\n\nДиректор доволен.",
        "source": "https://school5.ru/",
    } | fields


def hits(searchsvc: Run, text: str, folder: Path | None = None) -> int:
    """Return how many articles a query finds."""
    return int(json.loads(searchsvc("query", text, "--json", folder=folder).out)["total"])


def eventually(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until *condition* holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def add_school(settings: Settings, site: FakeWordPress, name: str = "school.ru") -> None:
    """Make the site a source that needs no pauses."""
    with Archive.open(settings.archive_address) as archive:
        archive.add_source(
            Source(id=name, url=site.url("/"), kind="wordpress", allow_private=True, delay=0.0)
        )


class Gate:
    """Holds the site's answers back from the second request for posts on, until it is opened."""

    def __init__(self, site: FakeWordPress) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self._asked = 0
        site.trouble = self._trouble

    def _trouble(self, route: str, query: Query) -> Reply | None:
        self._asked += route == "posts"
        if self._asked > 1 and route == "posts":
            self.reached.set()
            self.opened.wait(30)
        return None
