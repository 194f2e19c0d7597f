"""The real server as a process, what it holds of the machine, and clients that keep their connections."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from beds.commands import command, environment

START_SECONDS = 60.0
ANSWER_SECONDS = 30.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Held:
    """What a process holds: bytes in memory (all, its own, of files), descriptors, threads, deleted maps.

    *strays* are the descriptors but for the engine's present files: how many there are is its matter.
    """

    resident: int
    anonymous: int
    files: int
    descriptors: int
    strays: int
    threads: int
    deleted: int


@dataclass(frozen=True)
class Server:
    """``searchsvc serve`` at work on a data folder; its log is the file *log*."""

    pid: int
    port: int
    log: Path

    def held(self) -> Held:
        """Return what the process holds now (Linux)."""
        place = Path("/proc") / str(self.pid)
        lines = (place / "status").read_text(encoding="ascii", errors="replace").splitlines()
        status = dict(line.split(":", 1) for line in lines if ":" in line)
        sizes = [int(status[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon", "RssFile")]
        maps = (place / "maps").read_text(encoding="utf-8", errors="replace")
        opened = self.opened()
        present = sum("/engine/" in path and not path.endswith("(deleted)") for path in opened)
        return Held(
            *sizes,
            descriptors=len(opened),
            strays=len(opened) - present,
            threads=int(status["Threads"]),
            deleted=maps.count("(deleted)"),
        )

    def opened(self) -> list[str]:
        """Return what each descriptor stands for."""
        found = []
        for path in (Path("/proc") / str(self.pid) / "fd").iterdir():
            with suppress(FileNotFoundError):
                found.append(str(path.readlink()))
        return found

    def complaints(self) -> str:
        """Return the end of the log where it tells of an error, else ""."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        told = re.search(r"Traceback|request_failed|index_unavailable|index\.watch failed|unreadable", text)
        return text[told.start() : told.start() + 3000] if told else ""


@contextmanager
def serving(folder: Path, extra: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Start ``searchsvc serve`` on the data folder *folder* and a free port; it ends with the block."""
    log = folder.parent / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "web.cli", "serve", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(folder, {"PYTHONUNBUFFERED": "1"} | dict(extra or {})),
            cwd=folder.parent,
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not (told := _ADDRESS.search(log.read_text(encoding="utf-8", errors="replace"))):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8')}")
            time.sleep(0.02)
        yield Server(process.pid, int(told[1]), log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def done(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run ``searchsvc`` as a process; return what it complained of, "" for a success."""
    ended = command(folder, *arguments, stdin=stdin, timeout=600)
    return "" if ended.code == 0 else f"searchsvc {' '.join(arguments)} ended with {ended.code}: {ended.err}"


@dataclass
class Tally:
    """What clients saw. Thread-safe."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, status: int, seconds: float) -> None:
        """Count an answer."""
        with self.lock:
            self.statuses[status] += 1
            self.seconds.append(seconds)

    def failed(self, what: str) -> None:
        """Count a connection that broke, or anything else that must not be."""
        with self.lock:
            self.failures.append(what)

    def figures(self, elapsed: float) -> str:
        """Return number, rate, percentiles and statuses of the answers of *elapsed* seconds."""
        p50, p95, p99 = np.percentile(self.seconds or [0.0], (50, 95, 99)) * 1000
        statuses = ", ".join(f"{status}: {count:,}" for status, count in sorted(self.statuses.items()))
        number = len(self.seconds)
        return (
            f"{number:,} answers in {elapsed:,.0f} s, {number / elapsed:,.0f} a second, "
            f"p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f} ms; by status {statuses or 'none'}"
        )

    @property
    def refused(self) -> int:
        """How many answers were of status 500 and above."""
        return sum(count for status, count in self.statuses.items() if status >= 500)


class Client:
    """One connection, kept; a broken one is counted and made anew."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._tally = tally
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str, bytes] | None:
        """Return status, ETag and body; None if the connection broke."""
        begin = time.perf_counter()
        try:
            self._connection.request("GET", path, headers=dict(headers or {}))
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._tally.failed(f"{type(error).__name__}: {error} at {path}")
            self._connection.close()
            return None
        self._tally.add(answer.status, time.perf_counter() - begin)
        return answer.status, answer.getheader("ETag", ""), body

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def at_work(tally: Tally, *jobs: Callable[[], object]) -> Iterator[None]:
    """Run each of *jobs* in a thread and wait for all at the end; what they raise is counted."""

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:
            tally.failed(f"{type(error).__name__}: {error}")
            raise

    threads = [threading.Thread(target=run, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
