"""``searchsvc status``: what there is, how old it is, what needs somebody's hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from web.commands.base import Command, with_settings
from web.commands.sources import KINDS, NONE_YET, source_json
from web.commands.work import is_there
from web.console import dump, say
from web.words import articles, counted, grouped, long_date, milliseconds, moment, plural, size

if TYPE_CHECKING:
    from corpus.archive import Archive, Run
    from corpus.article import Source
    from indexer.desk import Job
    from searchsvc.generation.generation import Generation
    from searchsvc.generation.live import LiveIndex
    from searchsvc.language.analysis import Analyzer
    from searchsvc.search import SearchService
    from searchsvc.settings import Settings

SILENT_AFTER = timedelta(days=90)
"""A site whose newest article is older has been forgotten, or our way of reading it broke."""

FAILING_RUNS = 3
"""Crawls in a row that went wrong make a source one that keeps failing."""

CANARY_ROUNDS = 2
CANARY_SECONDS = 0.4
"""Spent on measuring searches: who asks for the state does not wait for it."""

Facts = dict[str, Any]


@click.command("status", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Вывести JSON")
@with_settings
def status(settings: Settings, as_json: bool) -> None:
    """Показать состояние: источники, последние обходы, индекс, задания, исполнитель.

    Источник, обходы которого не удаются, и источник, который давно молчит, помечены «!».

    \b
    Пример:
      searchsvc status
      searchsvc status --json
    """
    facts = gather(settings)
    if as_json:
        dump(facts)
    else:
        for line in told(facts):
            say(line)


# Gathering


def gather(settings: Settings, *, slow_ms: float | None = None) -> Facts:
    """Return everything that ``status`` shows; makes no file that is not there.

    *slow_ms* is from when on searches are too slow (``canaries.SLOW_MS`` unless given).
    """
    from indexer.worker import worker_is_running
    from searchsvc.errors import GenerationError

    facts: Facts = {
        "data_dir": str(settings.data_dir),
        "archive": {"exists": False, "articles": 0, "sequence": 0, "bytes": 0},
        "sources": [],
    }
    newest: dict[str, datetime | None] = {}
    with _service(settings, slow_ms) as (service, index):
        if is_there(settings.archive_address):
            from searchsvc.bootstrap import open_archive

            with open_archive(settings) as archive:
                sources = archive.sources()
                if index["generation"]:
                    try:
                        newest = {each.id: _newest(service, each.id) for each in sources}
                    except GenerationError as error:
                        index |= {"state": "damaged", "problem": str(error)}
                facts["archive"] = _archive(settings, archive)
                runs = archive.last_runs()
                facts["sources"] = [_source(archive, each, runs, newest) for each in sources]
    facts["index"] = index
    index["behind"] = max(0, facts["archive"]["sequence"] - index["sequence"])
    facts["queue"] = _queue(settings)
    facts["worker"] = {"running": worker_is_running(settings)}
    return facts


def _archive(settings: Settings, archive: Archive) -> Facts:
    path = settings.archive_address
    files = [] if "://" in str(path) else [Path(f"{path}{tail}") for tail in ("", "-wal")]
    return {
        "exists": True,
        "articles": archive.count(),
        "sequence": archive.last_sequence(),
        "bytes": sum(file.stat().st_size for file in files if file.exists()),
    }


@contextmanager
def _service(settings: Settings, slow_ms: float | None) -> Iterator[tuple[SearchService, Facts]]:
    """Yield the search and what can be said of its index."""
    from searchsvc.bootstrap import open_generations, open_service
    from searchsvc.errors import GenerationError, NoIndexError
    from searchsvc.language.analysis import Analyzer

    index: Facts = {"state": "ready", "problem": "", "generation": None, "previous": None}
    index |= {"engine": None, "created": None, "articles": 0, "sequence": 0, "bytes": 0}
    index |= {"latency": None, "outgrown": False, "faster_engine": None}
    analyzer = Analyzer()
    service, live = open_service(settings, analyzer)
    generations = open_generations(settings)
    try:
        readiness = service.readiness()
        if readiness.degraded or not readiness.ready:
            index["state"] = "degraded" if readiness.ready else "damaged"
            index["problem"] = readiness.reason
        try:
            pointer = generations.pointer()
            generation = generations.open(pointer.generation)
            index |= _generation(generation) | {"previous": pointer.previous or None}
            generation.close()
            if readiness.ready:
                index |= _latency(service, live, analyzer, slow_ms)
        except NoIndexError as error:
            index |= {"state": "none", "problem": str(error)}
        except GenerationError as error:
            index |= {"state": "damaged", "problem": str(error)}
        yield service, index
    finally:
        live.close()


def _generation(generation: Generation) -> Facts:
    snapshot = generation.engine.snapshot()
    return {
        "generation": generation.name,
        "engine": generation.manifest.engine,
        "created": generation.manifest.created,
        "articles": snapshot.documents,
        "sequence": generation.sequence(snapshot),
        "bytes": generation.size(),
    }


def _latency(service: SearchService, live: LiveIndex, analyzer: Analyzer, slow_ms: float | None) -> Facts:
    """Ask a handful of searches: how quick are they, is there an engine for more?"""
    from indexer.canaries import SLOW_MS, canaries, larger_engine, measure

    view = live.view()
    found = measure([service], canaries(view, analyzer), rounds=CANARY_ROUNDS, seconds=CANARY_SECONDS)
    if not found:
        return {}
    limit = SLOW_MS if slow_ms is None else slow_ms
    return {
        "latency": asdict(found[0]) | {"slow_ms": limit},
        "outgrown": found[0].p95_ms > limit,
        "faster_engine": larger_engine(view.generation.manifest.engine) or None,
    }


def _newest(service: SearchService, source: str) -> datetime | None:
    """Return when the newest article of *source* was published."""
    from searchsvc.results import SearchRequest

    request = SearchRequest("", per_page=1, sort="-date", filters={"source": (source,)}, highlight=False)
    hits = service.search(request).hits
    return hits[0].published if hits else None


def _source(
    archive: Archive, source: Source, runs: dict[str, Run], newest: dict[str, datetime | None]
) -> Facts:
    run = runs.get(source.id)
    latest = newest.get(source.id)
    state, remark = _state(archive, source, run, latest)
    return source_json(source, archive.count(source.id)) | {
        "state": state,
        "remark": remark,
        "newest": latest.isoformat() if latest else None,
        "last_crawl": {
            "started": run.started.isoformat(),
            "finished": run.finished.isoformat() if run.finished else None,
            "counts": run.counts,
            "problem": run.problem,
        }
        if run
        else None,
    }


def _state(archive: Archive, source: Source, run: Run | None, newest: datetime | None) -> tuple[str, str]:
    """Return "ok", "new", "failed", "failing" or "silent", and what to say about it."""
    from indexer.worker import IMPORTED

    if source.kind == IMPORTED:
        return "ok", ""
    if run is None:
        return "new", f"ещё не обходили: searchsvc crawl {source.id}"
    if run.problem:
        last = archive.runs(source.id, FAILING_RUNS)
        if len(last) == FAILING_RUNS and all(each.problem for each in last):
            return "failing", f"обходы не удаются: {FAILING_RUNS} подряд"
        return "failed", "последний обход не удался"
    age = datetime.now(UTC) - newest if newest else timedelta(0)
    if age > SILENT_AFTER:
        days = counted(age.days, "день", "дня", "дней")
        return "silent", f"молчит: новых статей нет {days}"
    return "ok", ""


def _queue(settings: Settings) -> Facts:
    queue: Facts = {"waiting": 0, "running": None, "failed": None}
    if is_there(settings.desk_address):
        from indexer.desk import Desk

        with Desk.open(settings.desk_address) as desk:
            running, ended = desk.running(), desk.last_ended()
            queue["waiting"] = desk.waiting()
        queue["running"] = _job(running) if running else None
        queue["failed"] = _job(ended) if ended and ended.state == "failed" else None
    return queue


def _job(job: Job) -> Facts:
    return {
        "id": job.id,
        "kind": job.kind,
        "arguments": job.arguments,
        "started": job.started.isoformat() if job.started else None,
        "stage": job.stage,
        "done": job.done,
        "total": job.total,
        "problem": job.problem,
    }


# Telling


def told(facts: Facts) -> Iterator[str]:
    """Yield the lines that show *facts*."""
    archive = facts["archive"]
    yield f"Папка данных: {facts['data_dir']}"
    if archive["exists"]:
        yield f"Архив:        {articles(archive['articles'])}, {size(archive['bytes'])}"
    else:
        yield "Архив:        ещё нет. С чего начать: searchsvc demo или searchsvc source add АДРЕС"
    yield from _index_lines(facts["index"])
    yield from _queue_lines(facts["queue"], facts["worker"]["running"])
    if archive["exists"]:
        yield ""
        yield "Источники:" if facts["sources"] else NONE_YET
    for source in facts["sources"]:
        yield from _source_lines(source)


def _index_lines(index: Facts) -> Iterator[str]:
    if index["state"] == "none":
        yield "Индекс:       ещё нет. Построить: searchsvc rebuild"
        return
    if index["generation"]:
        created = moment(datetime.fromisoformat(index["created"]))
        about = (index["generation"], index["engine"], articles(index["articles"]), size(index["bytes"]))
        yield f"Индекс:       {', '.join(about)}, построен {created}"
        yield from _latency_lines(index)
        if index["previous"]:
            yield f"              предыдущий: {index['previous']} (вернуться: searchsvc rollback)"
        if index["behind"]:
            changes = counted(index["behind"], "изменение", "изменения", "изменений")
            yield f"            ! отстаёт от архива на {changes}: searchsvc sync"
    else:
        yield "Индекс:       не открывается"
    if index["problem"]:
        yield f"            ! {index['problem']}"


def _latency_lines(index: Facts) -> Iterator[str]:
    if not (latency := index["latency"]):
        return
    usual, most = milliseconds(latency["p50_ms"]), milliseconds(latency["p95_ms"])
    number = counted(latency["queries"], "пробный запрос", "пробных запроса", "пробных запросов")
    yield f"              поиск: обычно {usual}, 95 % не дольше {most} ({number})"
    if index["outgrown"]:
        limit = milliseconds(latency["slow_ms"])
        if index["faster_engine"]:
            yield (
                f"            ! архив перерос движок {index['engine']}: поиск дольше {limit}. "
                f"Быстрее будет так: searchsvc rebuild --engine {index['faster_engine']}"
            )
        else:
            yield f"            ! поиск дольше {limit}, а движка быстрее нет: проверьте, чем занята машина"


def _queue_lines(queue: Facts, working: bool) -> Iterator[str]:
    yield f"Исполнитель:  {'работает' if working else 'не запущен (команды работают сами)'}"
    waiting = queue["waiting"]
    if waiting:
        verb = plural(waiting, "ждёт", "ждут", "ждут")
        yield f"Задания:      {verb} {counted(waiting, 'задание', 'задания', 'заданий')}"
        if not working:
            yield "            ! выполнять их некому: searchsvc worker"
    else:
        yield "Задания:      очередь пуста"
    if running := queue["running"]:
        done = f": {running['stage']} {grouped(running['done'])}" if running["stage"] else ""
        if running["total"]:
            done += f" из {grouped(running['total'])}"
        yield f"              № {running['id']} {_named(running)}{done}"
    if failed := queue["failed"]:
        yield f"            ! № {failed['id']} {_named(failed)} не выполнено: {failed['problem']}"


def _named(job: Facts) -> str:
    return f"{job['kind']} {job['arguments'].get('source', '')}".rstrip()


_COUNTS = {
    "new": "новых",
    "changed": "изменённых",
    "unchanged": "без изменений",
    "removed": "удалённых",
    "refused": "не взято",
    "failed": "с ошибкой",
    "held_back": "под вопросом",
}


def _source_lines(source: Facts) -> Iterator[str]:
    mark = "!" if source["state"] in {"failed", "failing", "silent"} else " "
    kind = KINDS.get(source["kind"], source["kind"])
    newest = datetime.fromisoformat(source["newest"]) if source["newest"] else None
    last = f", последняя от {long_date(newest)}" if newest else ""
    yield f"{mark} {source['id']} — {kind}, {articles(source['articles'])}{last}"
    if source["remark"]:
        yield f"    {source['remark']}"
    if crawl := source["last_crawl"]:
        counts = [
            f"{words} {crawl['counts'][name]}" for name, words in _COUNTS.items() if crawl["counts"].get(name)
        ]
        when = moment(datetime.fromisoformat(crawl["started"]))
        ending = "" if crawl["finished"] else " — идёт или был прерван"
        yield f"    обход {when}{ending}: {', '.join(counts) or 'ничего'}"
        if crawl["problem"]:
            yield f"    {crawl['problem']}"
