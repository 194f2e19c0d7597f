"""What tests of commands and of the worker share: commands as processes and in this one, waiting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from beds.fake_wordpress import FakeWordPress
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
