"""What Whoosh's writer leaves: segments that are merged in time, batches larger than memory."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from contract.bed import assert_agree, plans, write
from contract.cases import entry
from contract.chance import Chance
from contract.model import Model

from searchsvc.engine import Entry
from searchsvc.engines.whoosh import WhooshEngine
from searchsvc.engines.whoosh import write as module
from searchsvc.errors import IndexDamagedError


@pytest.fixture
def engine(tmp_path: Path) -> WhooshEngine:
    made = WhooshEngine(tmp_path / "index")
    made.create()
    return made


def names(engine: WhooshEngine) -> list[tuple[str, int]]:
    """Return name and size of each segment."""
    return [(segment.name, segment.documents) for segment in engine.snapshot().segments]


def test_small_segments_are_merged_as_they_become_many(engine: WhooshEngine) -> None:
    chance = Chance(random.Random(41))
    left = {f"{number}": chance.entry(f"{number}", number) for number in range(150)}
    write(engine, left.values(), "0")
    most = 0
    for mark in range(1, 60):
        entries = [chance.entry(f"{(mark * 7) % 170}", 1000 + mark)]
        gone = [f"{mark}"] if mark % 5 == 0 else []
        snapshot = write(engine, entries, f"{mark}", deleted=gone)
        for article_id in gone:
            left.pop(article_id, None)
        left |= {one.article_id: one for one in entries}
        most = max(most, len(names(engine)))
        if mark % 6 == 0:
            assert_agree(snapshot, Model(list(left.values())), plans(mark, 6))
    assert most == module.MOST_SEGMENTS


def test_a_large_segment_is_merged_only_when_that_is_asked_for(
    engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGE", 40)
    chance = Chance(random.Random(42))
    write(engine, [chance.entry(f"{number}", number) for number in range(50)])
    large = names(engine)[0]
    for number in range(100, 130):
        write(engine, [chance.entry(f"{number}", number)])
    assert large in names(engine)
    write(engine, [], compact=True)
    assert [size for _, size in names(engine)] == [80]
    once = names(engine)
    write(engine, [], compact=True)
    assert names(engine) == once  # nothing to gain


def many(count: int) -> list[Entry]:
    chance = Chance(random.Random(43))
    return [chance.entry(f"{number}", number) for number in range(count)]


def test_a_batch_larger_than_memory_is_one_commit_of_several_segments(
    engine: WhooshEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(engine, many(20), "old")
    monkeypatch.setattr(module, "GATHERED_BYTES", 30_000)
    former = engine.snapshot()
    with engine.writer() as writer:
        for one in many(400):
            writer.replace(one)
        assert engine.snapshot(former) is former
        writer.commit("new")
    snapshot = engine.snapshot()
    assert 2 < len(snapshot.segments) <= module.MOST_SEGMENTS
    assert snapshot.mark == "new"
    assert_agree(snapshot, Model(many(400)), plans(44, 30))


def test_a_broken_batch_larger_than_memory_leaves_nothing(
    engine: WhooshEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(engine, many(20), "old")
    files = sorted((tmp_path / "index").iterdir())
    monkeypatch.setattr(module, "GATHERED_BYTES", 30_000)
    with pytest.raises(ZeroDivisionError), engine.writer() as writer:  # noqa: PT012
        for one in many(200):
            writer.replace(one)
        assert len(list((tmp_path / "index").glob("*.seg"))) > 1
        1 / 0
    assert sorted((tmp_path / "index").iterdir()) == files
    assert engine.snapshot().documents == 20


def test_any_byte_of_a_segment_that_changed_is_noticed_at_opening(
    engine: WhooshEngine, tmp_path: Path
) -> None:
    write(engine, many(60))
    path = next((tmp_path / "index").glob("*.seg"))
    whole = path.read_bytes()
    chance = random.Random(45)
    for _ in range(25):
        place = chance.randrange(len(whole))
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << chance.randrange(8)
        path.write_bytes(spoilt)
        with pytest.raises(IndexDamagedError, match=r"контрольная сумма.*searchsvc rebuild"):
            WhooshEngine(tmp_path / "index").snapshot()
        with pytest.raises(IndexDamagedError), engine.writer() as writer:  # noqa: PT012
            writer._entries[0].delete_document(0)  # or there would be nothing to compact
            writer.commit("2", compact=True)
    path.write_bytes(whole)
    assert engine.snapshot().documents == 60


def test_a_posting_of_a_document_that_is_not_there_is_damage(engine: WhooshEngine, tmp_path: Path) -> None:
    write(engine, [entry(f"{number}", {"школа": (1.0, (0,))}, key=number) for number in range(3)])
    segment = engine.snapshot().segments[0]
    segment._files.size = 2  # as if its last document had never been
    with pytest.raises(IndexDamagedError, match="not there"):
        segment.postings("text", "школа")
    with pytest.raises(IndexDamagedError, match="not there"):
        segment.positions("text", "школа")
