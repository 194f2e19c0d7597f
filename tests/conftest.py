"""Fixtures that many tests share: the sample archive, indexed once, and a service over it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from corpus.jsonl import import_rows
from indexer.pipeline import rebuild
from searchsvc.analysis import Analyzer
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.floors import Floors, Measured, hold
from searchsvc.search import SearchService
from searchsvc.settings import Settings, load_settings
from searchsvc.text import clean

FLOORS = Path(__file__).parent / "floors"

SAMPLE = Path(__file__).parent.parent / "corpus" / "sample" / "articles.jsonl"

# Tests start many a process: none of them is to compile our modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that change the files in ``FLOORS``; without them a run compares only."""
    parser.addoption("--raise-floors", action="store_true", help="raise floors under what is measured")
    parser.addoption("--lower-floors", action="store_true", help="and lower those that figures fell below")


Hold = Callable[[str, str, Measured], None]


@pytest.fixture
def hold_floors(request: pytest.FixtureRequest) -> Hold:
    """Hold figures against the floors of a name; they are of the set with that hash."""
    lower = bool(request.config.getoption("--lower-floors"))

    def held(name: str, of_set: str, measured: Measured) -> None:
        path = FLOORS / f"{name}.json"
        if lower or request.config.getoption("--raise-floors"):
            hold(path, of_set, measured, lower=lower)
        floors = Floors.read(path)
        assert floors.of_set == of_set, (
            f"the set has changed: judge what is new in it, then --lower-floors ({path})"
        )
        assert floors.floors.keys() == measured.keys(), f"not every kind has a floor: --raise-floors ({path})"
        assert not list(floors.fallen(measured)), (
            f"figures have fallen: mend that, or --lower-floors ({path})"
        )

    return held


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    """One analyzer for all tests: its dictionary takes a while to load."""
    return Analyzer()


@pytest.fixture(scope="session")
def sample_data(tmp_path_factory: pytest.TempPathFactory, analyzer: Analyzer) -> Path:
    """A data folder with the sample archive, indexed; not to be changed."""
    folder = tmp_path_factory.mktemp("sample")
    settings = load_settings(data_dir=folder)
    with open_archive(settings) as archive, SAMPLE.open("rb") as rows:
        assert not import_rows(archive, rows, on_error="stop", clean=clean).failed
        rebuild(archive, open_generations(settings), analyzer, engine="whoosh")
    return folder


@pytest.fixture
def own_sample(sample_data: Path, tmp_path: Path) -> Settings:
    """Settings of a copy of the sample that a test may change."""
    folder = tmp_path / "data"
    shutil.copytree(sample_data, folder)
    return load_settings(data_dir=folder)


@pytest.fixture(scope="session")
def sample_settings(sample_data: Path) -> Settings:
    """Settings of the shared sample."""
    return load_settings(data_dir=sample_data)


@pytest.fixture(scope="session")
def sample_service(sample_settings: Settings, analyzer: Analyzer) -> Iterator[SearchService]:
    """The search service over the shared sample."""
    service, live = open_service(sample_settings, analyzer)
    yield service
    live.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a real component that could not be tested is a failure, not a skip."""
    report = yield
    if os.environ.get("CI") and report.skipped and item.get_closest_marker("component"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: a real component was not tested: {report.longrepr}"
    return report
