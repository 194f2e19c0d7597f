"""The suite is whole: every engine runs it, and a new engine's file stays small."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from searchsvc.engines import ENGINES, open_engine

from . import test_tantivy, test_whoosh
from .suite import EngineContract

SUBJECTS = {
    subject.opened: subject
    for module in (test_whoosh, test_tantivy)
    for subject in vars(module).values()
    if inspect.isclass(subject) and issubclass(subject, EngineContract) and subject is not EngineContract
}

MAX_LINES = 10


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_runs_the_suite(engine: str, tmp_path: Path) -> None:
    assert type(open_engine(engine, tmp_path)) in SUBJECTS


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=lambda subject: subject.__name__)
def test_an_engine_needs_no_more_than_ten_lines_and_leaves_nothing_out(subject: type[EngineContract]) -> None:
    assert len(Path(inspect.getfile(subject)).read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    left_out = [name for name in vars(subject) if name.startswith("test_")]
    assert left_out == [], "a subclass must not put other tests in the place of the suite's"
