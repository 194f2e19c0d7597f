"""Records in mapped files: what is written is found, what is taken back or destroyed is gone."""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchsvc.errors import IndexDamagedError
from searchsvc.store.document import BEGINNING, KIN_BITS, RECORD, Record, code
from searchsvc.store.records import Records, RecordWriter

MARK = 0xFEEDBEEF
"""A lemma that is looked for in the files' bytes."""


def made(seed: int, size: int, lemmas: int = 9) -> Record:
    """Return a record of *size* rows in order of position."""
    chance = random.Random(seed)
    rows = [
        (lemma, family, chance.randrange(2**32), place, place // 9, place % 5, 5, place * 6)
        for place in range(size)
        for lemma in [chance.randrange(lemmas)]
        for family in [lemma // 2 << KIN_BITS - 1]
    ]
    return np.array(rows, RECORD)


def written(folder: Path, records: dict[int, Record], *, last: int = 0) -> Records:
    if not (folder / "records.rows").exists():
        Records.create(folder)
    with closing(RecordWriter(folder, last)) as writer:
        for key, record in records.items():
            writer.append(key, record, 700_000 + key, 10 * key)
        writer.finish()
    return Records(folder)


def expected(records: Iterable[Record], families: set[int]) -> list[tuple[int, ...]]:
    """Return (document, family, lemma, start) of every row that a plain reading finds, sorted: families
    that are the same but for their last bits are kin."""
    kin = {family >> KIN_BITS for family in families}
    return sorted(
        (number, int(row["family"]), int(row["lemma"]), int(row["start"]))
        for number, record in enumerate(records)
        for row in record
        if int(row["family"]) >> KIN_BITS in kin
    )


@given(
    sizes=st.lists(st.integers(0, 70), min_size=1, max_size=6),
    families=st.sets(
        st.integers(0, 10).map(lambda number: number << KIN_BITS - 1) | st.sampled_from([2**32 - 1, 2**31]),
        max_size=5,
    ),
    asked=st.lists(st.integers(0, 5), max_size=9),
)
@settings(deadline=None, max_examples=60)
def test_occurrences_are_what_a_plain_reading_finds(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], families: set[int], asked: list[int]
) -> None:
    records = {key: made(key, size) for key, size in enumerate(sizes, 1)}
    for key, record in records.items():
        if len(record) > 2:
            record["lemma"][1 + key % 2] = record["family"][1 + key % 2] = 2**32 - 1
    read = written(tmp_path_factory.mktemp("records"), records)
    keys = [1 + number % len(sizes) for number in asked]
    found = read.occurrences(keys, families)
    columns = (found.document, found.family, found.lemma, found.rows["start"])
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    assert sorted(rows) == expected([records[key] for key in keys], families)
    assert found.document.tolist() == sorted(found.document.tolist())
    assert found.days.tolist() == [700_000 + key for key in keys]
    assert found.lengths.tolist() == [10 * key for key in keys]
    for number, key in enumerate(keys):
        early = records[key][:BEGINNING]
        assert found.beginnings[number] == (early["position"][-1] if len(early) else 0)


@given(
    sizes=st.lists(st.integers(0, 70), min_size=1, max_size=4),
    wanted=st.sets(st.integers(0, 12), max_size=6),
    families=st.sets(st.integers(8, 10).map(lambda number: number << KIN_BITS - 1), max_size=2),
)
@settings(deadline=None, max_examples=40)
def test_of_lemmas_wanted_once_there_is_a_row_a_document_where_they_stand_at_all(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], wanted: set[int], families: set[int]
) -> None:
    records = {key: made(key, size, lemmas=11) for key, size in enumerate(sizes, 1)}
    read = written(tmp_path_factory.mktemp("records"), records)
    codes = [code(lemma // 2 << KIN_BITS - 1, lemma) for lemma in wanted] + [2**64 - 1]
    found = read.occurrences([*records], families, codes)
    every = read.occurrences([*records], families)
    there = sorted(
        (number, lemma)
        for number, record in enumerate(records.values())
        for lemma in wanted & set(record["lemma"].tolist())
    )
    pairs = [*zip(found.document.tolist(), found.lemma.tolist(), strict=True)]
    assert sorted(pairs) == sorted([*there, *zip(every.document.tolist(), every.lemma.tolist(), strict=True)])
    assert found.document.tolist() == sorted(found.document.tolist())


def test_a_record_comes_back_in_order_of_position(tmp_path: Path) -> None:
    records = {1: made(1, 30), 4: made(4, 0), 7: made(7, 5)}
    read = written(tmp_path, records)
    for key, record in records.items():
        assert np.array_equal(read.record(key), record)
        assert read.day(key) == 700_000 + key
    assert len(read.record(5)) == read.day(5) == 0  # between two keys: never given to a document
    assert len(read.occurrences([], [1]).days) == 0


def test_a_reader_sees_what_is_appended_after_it_was_opened(tmp_path: Path) -> None:
    read = written(tmp_path, {1: made(1, 20)})
    before = read.record(1)
    written(tmp_path, {2: made(2, 20)}, last=1)
    assert np.array_equal(read.record(2), made(2, 20))
    assert np.array_equal(read.record(1), before)


def test_what_was_never_finished_is_written_over(tmp_path: Path) -> None:
    read = written(tmp_path, {1: made(1, 20)})
    lost = made(2, 500)
    lost["lemma"] = MARK
    with closing(RecordWriter(tmp_path, 1)) as writer:
        writer.append(2, lost, 1, 1)
    assert MARK.to_bytes(4, "little") in (tmp_path / "records.lemmas").read_bytes()
    written(tmp_path, {2: made(3, 10)}, last=1)
    assert MARK.to_bytes(4, "little") not in (tmp_path / "records.lemmas").read_bytes()
    assert np.array_equal(read.record(1), made(1, 20))
    assert np.array_equal(read.record(2), made(3, 10))


def test_a_wiped_record_is_gone_from_the_files_and_the_others_stay(tmp_path: Path) -> None:
    secret = made(2, 40)
    secret["lemma"] = secret["family"] = secret["form"] = MARK
    read = written(tmp_path, {1: made(1, 20), 2: secret, 3: made(3, 20)})
    assert len(read.record(2)) == 40
    with closing(RecordWriter(tmp_path, 3)) as writer:
        writer.wipe([2, 2, 900])
        writer.finish()
    for path in tmp_path.iterdir():
        assert MARK.to_bytes(4, "little") not in path.read_bytes()
    assert len(read.record(2)) == 0
    assert read.occurrences([1, 2, 3], [MARK]).document.tolist() == []
    assert np.array_equal(read.record(3), made(3, 20))


@pytest.mark.parametrize("name", ["records.places", "records.lemmas", "records.rows"])
@pytest.mark.parametrize("damage", ["missing", "short", "empty"])
def test_a_file_that_is_not_whole_is_told(tmp_path: Path, name: str, damage: str) -> None:
    written(tmp_path, {1: made(1, 20), 2: made(2, 20)})
    path = tmp_path / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-5] if damage == "short" else b"")
    with pytest.raises(IndexDamagedError, match="searchsvc rebuild"):
        Records(tmp_path).occurrences([1, 2], [1])
    if name == "records.places":
        with pytest.raises(IndexDamagedError):
            Records(tmp_path).record(2)
    with pytest.raises(IndexDamagedError), closing(RecordWriter(tmp_path, 2)) as writer:
        writer.append(3, made(3, 5), 1, 1)


def test_a_key_that_was_never_given_is_damage(tmp_path: Path) -> None:
    read = written(tmp_path, {1: made(1, 3)})
    for key in (99, -1):
        with pytest.raises(IndexDamagedError):
            read.occurrences([key], [1])
