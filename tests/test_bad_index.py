"""Engines that are not there, indexes that are broken, foreign or gone: on every engine the same.

There is a clear error with the command that mends it; the site goes on or says 503 in Russian; the
archive is as it was; a rebuild heals everything.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from beds.commands import Run
from beds.index import Bed
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache

from searchsvc.bootstrap import open_service
from searchsvc.engines import ENGINES
from searchsvc.language.analysis import Analyzer
from searchsvc.settings import Settings
from web.app import create_app

pytest_plugins = ["beds.school"]

SOON = 2.0
PAGES = ("/", "/search?q=школа", '/search?q="лид записи"', "/search?q=учитель+экзамен", "/articles/a001")
CALLS = ("/api/v1/search?q=урок&facets=source", "/api/v1/articles/a002", "/api/v1/articles/a002/similar")


@dataclass(frozen=True, slots=True)
class Site:
    """A running site over an archive of eight articles."""

    bed: Bed
    settings: Settings
    templates: Path

    @contextmanager
    def running(self) -> Iterator[FlaskClient]:
        """Run the site as a server does, with its watcher."""
        service, live = open_service(self.settings, self.bed.analyzer, watch=True)
        app = create_app(service, self.settings)
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(self.templates))  # compiled once for all
        with closing(live):
            yield app.test_client()

    @property
    def generation(self) -> Path:
        """The folder of what is published."""
        return self.bed.index / self.bed.generations.pointer().generation

    def archive(self) -> list[str]:
        """Return all that the archive holds."""
        with closing(sqlite3.connect(self.settings.data_dir / "archive.db")) as connection:
            return list(connection.iterdump())


@pytest.fixture(scope="module", params=ENGINES)
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, analyzer: Analyzer
) -> Path:
    """A data folder with eight articles, indexed by each engine; not to be changed."""
    folder = tmp_path_factory.mktemp(request.param)
    bed = Bed.open(folder, analyzer, engine=request.param)
    bed.put(range(8))
    bed.rebuild()
    bed.archive.close()
    return folder


@pytest.fixture
def site(built: Path, settings: Settings, analyzer: Analyzer) -> Iterator[Site]:
    shutil.copytree(built, settings.data_dir)
    engine = next(name for name in ENGINES if built.name.startswith(name))
    bed = Bed.open(settings.data_dir, analyzer, engine=engine)
    made = Site(
        bed,
        Settings(data_dir=settings.data_dir, query_log=False, engine=engine, answer_cache_mb=0),
        built.parent,
    )
    before = made.archive()
    yield made
    assert made.archive() == before
    bed.archive.close()


def statuses(client: FlaskClient) -> set[int]:
    """Ask for everything; a refusal is a Russian page that names nothing inside."""
    found = set()
    for path in (*PAGES, *CALLS):
        answer = client.get(path)
        found.add(answer.status_code)
        if answer.status_code == 503:
            assert answer.headers["Retry-After"] == "30"
            wanted = "Поиск временно недоступен" if path in CALLS else "<h1>Поиск ненадолго остановлен</h1>"
            assert wanted in answer.text
            assert "g000001" not in answer.text
            assert "Traceback" not in answer.text
    assert found <= {200, 503}
    return found


def assert_healed(site: Site, client: FlaskClient) -> None:
    """A rebuild heals a site that runs."""
    site.bed.rebuild()
    until = time.monotonic() + SOON
    while statuses(client) != {200}:
        assert time.monotonic() < until, "not seen in time"
        time.sleep(0.05)
    assert client.get("/readyz").status_code == 200


# Under a running site


def test_a_folder_removed_under_a_running_site(site: Site) -> None:
    with site.running() as client:
        assert statuses(client) == {200}
        shutil.rmtree(site.bed.index)
        with ThreadPoolExecutor(4) as readers:
            list(readers.map(lambda _: statuses(client), range(8)))
        assert_healed(site, client)


def replaced(path: Path, rubbish: bytes) -> None:
    path.unlink()  # a mapped file that is cut short takes the process with it
    path.write_bytes(rubbish)


def removed(path: Path, rubbish: bytes) -> None:
    path.unlink()


def overwritten(path: Path, rubbish: bytes) -> None:
    with path.open("r+b") as file:
        file.write(rubbish)


@pytest.mark.parametrize("spoil", [replaced, removed, overwritten])
def test_files_spoilt_under_a_running_site(site: Site, spoil: Callable[[Path, bytes], None]) -> None:
    chance = random.Random(3)
    with site.running() as client:
        client.get("/search?q=школа")
        for path in sorted(site.generation.rglob("*")):
            # Who writes into a file that Tantivy has mapped must expect anything.
            touched = path.is_file() and (spoil is not overwritten or path.parent == site.generation)
            if touched and path.suffix not in {".lock", ".holder"}:
                spoil(path, chance.randbytes(path.stat().st_size))
                statuses(client)
        assert_healed(site, client)


# Opened anew


def rubbish_in_engine(folder: Path) -> None:
    for path in (folder / "engine").iterdir():
        replaced(path, b"rubbish" * 1000)


def rubbish_in_store(folder: Path) -> None:
    replaced(folder / "store.db", b"rubbish" * 1000)


def no_engine(folder: Path) -> None:
    shutil.rmtree(folder / "engine")


def nothing(folder: Path) -> None:
    shutil.rmtree(folder)


def changed_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def newer_schema(folder: Path) -> None:
    changed_manifest(folder, schema=99, compression="zstd")


def newer_engine(folder: Path) -> None:
    changed_manifest(folder, engine="elastic")


def newer_fields(folder: Path) -> None:
    changed_manifest(folder, shards=3)


SPOILERS = [rubbish_in_engine, rubbish_in_store, no_engine, nothing, newer_schema, newer_engine, newer_fields]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_an_index_that_cannot_be_opened(site: Site, searchsvc: Run, spoil: Callable[[Path], None]) -> None:
    spoil(site.generation)
    for command in (["query", "школа"], ["sync"]):
        done = searchsvc(*command)
        assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1), done.err
        assert "searchsvc rebuild" in done.err
    told = searchsvc("status")
    assert told.code == 0
    assert "searchsvc rebuild" in told.out
    with site.running() as client:
        assert statuses(client) == {503}
        assert client.get("/readyz").status_code == 503
        assert client.get("/help").status_code == 200
        assert_healed(site, client)


# Engines that are not there


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the library of an engine one that is not installed."""

    def without(engine: str) -> None:
        ours = f"searchsvc.engines.{engine}"
        for name in list(sys.modules):
            if name.split(".")[0] == engine or name == ours or name.startswith(f"{ours}."):
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, engine, None)

    return without


def test_an_engine_that_is_not_installed(site: Site, searchsvc: Run, without: Callable[[str], None]) -> None:
    engine = site.bed.engine
    with site.running() as client:
        assert statuses(client) == {200}
        without(engine)
        assert statuses(client) == {200}  # it goes on with what it has open
    for command in (["query", "школа"], ["sync"], ["rebuild", "--engine", engine]):
        done = searchsvc(*command)
        assert (done.code, done.out) == (1, "")
        assert f"«{engine}» не установлен" in done.err
        assert "pip install" in done.err
    assert "pip install" in searchsvc("status").out
    other = next(name for name in ENGINES if name != engine)
    with site.running() as client:
        assert statuses(client) == {503}
        assert searchsvc("rebuild", "--engine", other).code == 0
        assert statuses(client) == {200}


def test_an_unknown_engine_is_named_with_those_there_are(
    site: Site, searchsvc: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = searchsvc("rebuild", "--engine", "sphinx")
    assert (done.code, done.out) == (1, "")
    assert "Неизвестный движок «sphinx». Есть: whoosh, tantivy." in done.err
    assert "searchsvc rebuild --engine whoosh" in done.err
    monkeypatch.setenv("SEARCHSVC_ENGINE", "sphinx")
    for command in ("rebuild", "status", "serve"):  # a wrong setting stops everything at its start
        done = searchsvc(command)
        assert (done.code, done.out) == (2, "")
        assert "engine: одно из: 'whoosh' или 'tantivy'" in done.err
    monkeypatch.delenv("SEARCHSVC_ENGINE")
    assert [path.name for path in site.bed.index.glob("g*")] == ["g000001"]
    with site.running() as client:
        assert statuses(client) == {200}
