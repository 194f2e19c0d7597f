"""What is measured in processes of their own, so that memory is told honestly and nothing warms another.

``run`` starts ``python -m bench.jobs``, which does one job and prints its figures as JSON; a ``Reader`` goes
on answering, so that several can be asked in turns.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, TextIO

from bench.prepared import chunks
from bench.systems import SYSTEMS

MB = 1_000_000.0
_TAIL = 600  # characters of a failed job's complaint
_ROOT = Path(__file__).parents[2]

Figures = dict[str, Any]


class JobError(RuntimeError):
    """A job ended badly; says how."""


# --- jobs, each in a process of its own ---------------------------------------------------


def build(system: str, folder: str, prepared: str, size: int) -> Figures:
    """Index *size* prepared articles; reading them from their files is not timed."""
    floor = memory("VmRSS")
    made = SYSTEMS[system](Path(folder))
    wall = spent = 0.0

    def timed(work: Callable[[], object]) -> None:
        nonlocal wall, spent
        start, cpu = perf_counter(), process_time()
        work()
        wall += perf_counter() - start
        spent += process_time() - cpu

    timed(made.create)
    for chunk in chunks(Path(prepared), size):
        timed(lambda chunk=chunk: _each(made.add, chunk))  # type: ignore[misc]
    timed(made.finish)
    return {
        "articles_per_second": size / wall,
        "cpu_microseconds": spent / size * 1e6,
        "index_mb": _size(Path(folder)) / MB,
        "build_mb": memory("VmHWM"),
        "floor_mb": floor,
    }


def archive(folder: str, size: int) -> Figures:
    """Put *size* generated articles into the archive of the data folder *folder*."""
    from bench.generate import articles
    from corpus.article import Source
    from searchsvc.bootstrap import open_archive
    from searchsvc.settings import Settings

    with open_archive(Settings(data_dir=Path(folder))) as opened:
        for number in (1, 2, 3):
            source = f"source-{number}.example"
            opened.add_source(Source(source, f"https://{source}/", "import"))
        with opened.batch():
            for article in articles(size):
                opened.put(article)
    return {}


def rebuild(folder: str, engine: str, prepared: str, size: int, neighbours: bool) -> Figures:
    """Build a whole generation as ``searchsvc rebuild`` does, from analysis to verification.

    The lemmas of all forms are known before, as far as the analyzer's cache holds them.
    """
    import searchsvc.generation.generation
    from indexer import pipeline
    from searchsvc.bootstrap import open_archive, open_generations
    from searchsvc.language.analysis import Analyzer
    from searchsvc.settings import Settings

    if not neighbours:
        assert callable(searchsvc.generation.generation.rebuild_neighbours)
        searchsvc.generation.generation.rebuild_neighbours = lambda *_, **__: None
    analyzer = Analyzer()
    for chunk in chunks(Path(prepared), size):
        for article in chunk:
            for form in article.entry.forms:
                analyzer.lemmas(form)
    settings = Settings(data_dir=Path(folder))
    with open_archive(settings) as opened:
        start, cpu = perf_counter(), process_time()
        report = pipeline.rebuild(opened, open_generations(settings), analyzer, engine=engine)
        seconds, spent = perf_counter() - start, process_time() - cpu
    return {
        "whole_per_second": size / seconds,
        "whole_cpu_ms": spent / size * 1e3,
        "generation_mb": report.size / MB,
        "rebuild_mb": memory("VmHWM"),
        "neighbours": neighbours,
    }


def read(system: str, folder: str, plans: str, answers: TextIO) -> None:
    """Open an index, then answer lines "kind<tab>number" with milliseconds and total, until none comes."""
    asked = pickle.loads(Path(plans).read_bytes())
    opened = SYSTEMS[system](Path(folder))
    start = perf_counter()
    opened.open()
    _tell(answers, {"opening_ms": (perf_counter() - start) * 1000})
    for line in sys.stdin:
        kind, number = line.rstrip("\n").split("\t")
        if kind == "memory":
            _tell(answers, {"reader_mb": memory("VmHWM"), "reader_own_mb": memory("RssAnon")})
            continue
        plan = asked[kind][int(number)][1]
        start = perf_counter()
        total = opened.ask(plan)
        _tell(answers, {"ms": (perf_counter() - start) * 1000, "total": total})


def _tell(answers: TextIO, figures: Figures) -> None:
    answers.write(json.dumps(figures) + "\n")
    answers.flush()


def _each(work: Callable[[Any], object], items: Iterable[Any]) -> None:
    for item in items:
        work(item)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def memory(what: str, process: int | str = "self") -> float:
    """Return megabytes of a process: "VmHWM" its peak, "VmRSS" now, "RssAnon" now without files' pages.

    Not ``getrusage``: its peak begins with that of the process this one was forked from.
    """
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024 / MB
    raise LookupError(what)


# --- starting them ------------------------------------------------------------------------


def run(job: str, **arguments: Any) -> Figures:
    """Do *job* in a process of its own.

    Raises:
        JobError: it failed.
    """
    done = subprocess.run(
        _command(job, arguments), env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise JobError(done.stderr[-_TAIL:] or f"ended with {done.returncode}")
    return dict(json.loads(done.stdout))


class Reader:
    """A reader of an index in a process of its own."""

    def __init__(self, system: str, folder: Path, plans: Path, log: Path) -> None:
        self._log = log
        arguments = {"system": system, "folder": str(folder), "plans": str(plans)}
        with log.open("wb") as complaints:
            self._process = subprocess.Popen(
                _command("read", arguments),
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
            )
        try:
            self.opening_ms = float(self._receive()["opening_ms"])
        except JobError:
            self.close()
            raise

    def ask(self, kind: str, number: int) -> tuple[float, int | None]:
        """Return milliseconds and total of a search."""
        found = self._exchange(f"{kind}\t{number}\n")
        return found["ms"], found["total"]

    def memory(self) -> Figures:
        """Return the reader's memory so far."""
        return self._exchange("memory\t0\n")

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _exchange(self, line: str) -> Figures:
        assert self._process.stdin
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._failure() from error
        return self._receive()

    def _receive(self) -> Figures:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise self._failure()
        return dict(json.loads(line))

    def _failure(self) -> JobError:
        return JobError(self._log.read_text(encoding="utf-8", errors="replace")[-_TAIL:] or "ended early")


def environment() -> Mapping[str, str]:
    """Return the environment of a job: our modules, no settings from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEARCHSVC_")}
    return kept | {"PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'tests'}", "PYTHONUTF8": "1"}


def _command(job: str, arguments: Mapping[str, Any]) -> list[str]:
    return [sys.executable, "-m", "bench.jobs", job, json.dumps(arguments)]


def main() -> None:
    """Do the job that the arguments name."""
    job, arguments = sys.argv[1], json.loads(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no figure
    if job == "read":
        read(**arguments, answers=answers)
    else:
        _tell(answers, {"build": build, "archive": archive, "rebuild": rebuild}[job](**arguments))


if __name__ == "__main__":
    main()
