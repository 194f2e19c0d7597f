"""What the parts of the suite share: how an engine is opened, filled and compared with the model."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from searchsvc.engine import AnyOf, Engine, Entry, Matches, Plan, Snapshot

from . import model
from .cases import entry
from .chance import Chance
from .model import Model, assert_agrees

BROKEN = entry(
    "broken", {"утрата": (9.0, (0,)), "\ud800": (1.0, (1,))}, key=9, forms=["утрата"], source="нет", length=99
)
"""An entry with half a surrogate pair in its text, that no engine can write."""


def write(
    engine: Engine,
    entries: Iterable[Entry],
    mark: str = "1",
    *,
    deleted: Iterable[str] = (),
    compact: bool = False,
) -> Snapshot:
    """Commit deletions and entries; return the state they leave."""
    with engine.writer() as writer:
        for article_id in deleted:
            writer.delete(article_id)
        for one in entries:
            writer.replace(one)
        writer.commit(mark, compact=compact)
    return engine.snapshot()


def term(text: str, field: str = "text", **options: Any) -> Plan:
    """Return a search for one term."""
    return Plan(units=(AnyOf((text,), field),), **options)


def keys(found: Matches) -> list[int]:
    """Return the keys of the full matches."""
    return [row.key for row in found.full]


def plans(seed: int, count: int) -> list[Plan]:
    """Return random searches."""
    chance = Chance(random.Random(seed))
    return [chance.plan() for _ in range(count)]


def assert_agree(snapshot: Snapshot, model: Model, searches: Iterable[Plan]) -> None:
    """Compare an engine's state with the model's."""
    assert snapshot.documents == len(model.entries)
    for plan in searches:
        expected = model.search(plan)
        assert_agrees(snapshot.search(plan), expected, plan)
        assert snapshot.answers(plan) == (expected.total > 0), plan
        some = snapshot.some(plan)
        assert len(some.keys) == len(set(some.keys)) == min(expected.total, plan.depth), plan
        assert set(some.keys) <= {one.key for one in expected.full}, plan
        assert some.all <= (expected.total <= plan.depth), plan
        assert some.all >= (expected.total < plan.depth), plan


class Bed:
    """``opened`` opens the engine on a folder, in this process or in another: it must be picklable."""

    opened: ClassVar[staticmethod[[Path], Engine]]
    exact_scores: ClassVar[bool] = True
    """Whether the engine's scores are those of the model, or its own (see ``assert_agrees``)."""

    @pytest.fixture(autouse=True)
    def _scores(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(model, "EXACT_SCORES", self.exact_scores)

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Return where ``engine`` keeps its index."""
        return tmp_path / "index"

    @pytest.fixture
    def engine(self, folder: Path) -> Engine:
        """Return an engine with an empty index."""
        return self.made(folder)

    @classmethod
    def made(cls, folder: Path) -> Engine:
        """Return an engine with an empty index in *folder*."""
        engine = cls.opened(folder)
        engine.create()
        return engine
