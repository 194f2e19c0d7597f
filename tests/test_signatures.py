"""Signatures on the disk: cosines as plain arithmetic has them, nothing left of what was wiped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from searchsvc.errors import IndexDamagedError
from searchsvc.store.signatures import INVERTED, SLOT, TERMS, WIDTH, Signatures

NOBODY = np.empty(0, np.int64)
WORDS = 300
DOCUMENTS = 700
LAST = DOCUMENTS


def slots_of(number: int, seed: int = 1) -> npt.NDArray[np.void]:
    """Return *number* signatures of 0 to ``TERMS`` terms, unit vectors."""
    chance = np.random.default_rng(seed)
    vocabulary = np.unique(chance.integers(1, 2**32, WORDS, dtype=np.uint32))
    found = np.zeros(number, SLOT)
    for slot in found:
        size = chance.integers(0, TERMS + 1)
        weights = np.sort(chance.random(size).astype(np.float32) + 0.1)[::-1]
        slot["term"][:size] = chance.choice(vocabulary, size, replace=False)
        slot["weight"][:size] = weights / max(float(np.linalg.norm(weights)), 1.0)
    return found


def cosines(left: npt.NDArray[np.void], right: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    """Return the cosine of each of *left* with each of *right*, by a table of all terms."""
    terms = np.unique(np.concatenate([left["term"].ravel(), right["term"].ravel()]))
    tables = []
    for slots in (left, right):
        table = np.zeros((len(slots), len(terms)))
        for row, slot in zip(table, slots, strict=True):
            used = slot["weight"] > 0
            row[np.searchsorted(terms, slot["term"][used])] = slot["weight"][used]
        tables.append(table)
    return np.asarray(tables[0] @ tables[1].T)


def heaviest(slots: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Return *slots* with the terms alone that are in the postings."""
    found = slots.copy()
    found["weight"][:, INVERTED:] = 0
    return found


def by_key(signatures: Signatures, slot: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    """Return the rough cosines of keys 0 to ``LAST`` with *slot*."""
    found = np.zeros(2 * LAST)
    for first, values in signatures.rough_cosines(slot):
        assert len(values) % WIDTH == 0
        found[first : first + len(values)] += values
    assert not found[LAST + 1 :].any()
    return found[: LAST + 1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Signatures.create(tmp_path)
    return tmp_path


@pytest.fixture
def signatures(folder: Path) -> Iterator[Signatures]:
    with closing(Signatures(folder)) as made:
        made.put(1, slots_of(DOCUMENTS), np.arange(DOCUMENTS))
        yield made


def test_rough_cosines_are_those_of_the_heaviest_terms_wherever_they_are_kept(
    signatures: Signatures, folder: Path
) -> None:
    slots = slots_of(DOCUMENTS)
    expected = cosines(heaviest(slots), heaviest(slots))
    signatures.seal(300, NOBODY)
    signatures.seal(301, NOBODY)
    signatures.seal(640, NOBODY)
    assert signatures.sealed == 640
    signatures.invert_tail(LAST, NOBODY)
    for number in (0, 299, 300, 500, 699):
        assert by_key(signatures, slots[number])[1:] == pytest.approx(expected[number], abs=1e-6)
    with closing(Signatures(folder)) as again:
        again.invert_tail(LAST, NOBODY)
        assert (by_key(again, slots[5]) == by_key(signatures, slots[5])).all()


def test_what_each_shared_term_gives_adds_up_to_the_cosine(signatures: Signatures) -> None:
    slots = slots_of(DOCUMENTS)
    expected = cosines(slots, slots)
    keys = np.array([1, 77, 300, LAST])
    for number in (0, 299, 699):
        terms, shares = signatures.shares(slots[number], keys)
        assert shares.sum(axis=1) == pytest.approx(expected[number][keys - 1], abs=1e-6)
        assert set(terms[shares > 0].tolist()) <= set(slots[number]["term"].tolist())
    assert not signatures.shares(np.zeros(1, SLOT)[0], keys)[1].any()
    assert not signatures.shares(slots[5], np.array([9_999]))[1].any()


def test_unknown_terms_and_empty_signatures_are_near_to_nothing(signatures: Signatures) -> None:
    signatures.seal(LAST, NOBODY)
    strange = slots_of(1, seed=7)[0]
    strange["term"] = np.arange(1, TERMS + 1)
    assert not by_key(signatures, strange).any()
    assert not by_key(signatures, np.zeros(1, SLOT)[0]).any()


def test_without_documents_there_is_nothing_near(folder: Path) -> None:
    with closing(Signatures(folder)) as empty:
        assert empty.sealed == 0
        empty.seal(0, NOBODY)
        empty.invert_tail(0, NOBODY)
        assert not by_key(empty, slots_of(1, seed=3)[0]).any()


def test_the_dead_are_left_out_of_postings(signatures: Signatures) -> None:
    slots = slots_of(DOCUMENTS)
    dead = np.array([3, 400, 650])
    signatures.seal(600, dead)
    signatures.invert_tail(LAST, dead)
    for number in dead.tolist():
        found = by_key(signatures, slots[number - 1])
        assert not found[dead].any()
        assert found.any()


def test_days_and_bounds_are_kept_and_zero_where_there_are_none(signatures: Signatures) -> None:
    signatures.put_bounds(7, floor=0.25)
    signatures.put_bounds(8, reach=0.5)
    signatures.put_bounds(8, floor=0.75)
    keys = np.array([7, 8, 9_999])
    assert signatures.places(keys)["day"].tolist() == [6, 7, 0]
    assert signatures.places(keys)["floor"].tolist() == [0.25, 0.75, 0]
    assert signatures.places(keys)["reach"].tolist() == [0, 0.5, 0]
    assert not signatures.slots(keys)[2]["weight"].any()


@pytest.mark.parametrize("sealed", [0, 350, LAST])
def test_nothing_of_a_wiped_signature_is_left(signatures: Signatures, folder: Path, sealed: int) -> None:
    slots = slots_of(DOCUMENTS)
    lonely = np.zeros(1, SLOT)
    lonely["term"][0, :3] = (0x0BADCAFE, 0x0BADF00D, 0x7EADBEEF)
    lonely["weight"][0, :3] = np.array([0.123456, 0.654321, 0.73], np.float32)
    signatures.put(200, lonely, np.array([123_456]))
    signatures.seal(sealed, NOBODY)
    signatures.wipe(np.array([200, 20_000]))
    signatures.wipe(np.array([200]))
    files = [path.read_bytes() for path in (folder / "neighbours").iterdir()]
    for value in (*lonely["weight"][0, :3], *lonely["term"][0, :3]):
        assert not any(value.tobytes() in data for data in files)
    assert not any(np.int32(123_456).tobytes() in data for data in files)
    signatures.invert_tail(LAST, NOBODY)
    assert by_key(signatures, lonely[0])[200] == 0
    expected = cosines(heaviest(slots[9:10]), heaviest(slots))[0]
    expected[199] = 0
    assert by_key(signatures, slots[9])[1:] == pytest.approx(expected, abs=1e-6)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [cut, empty])
def test_damaged_postings_are_an_error_with_the_remedy(
    signatures: Signatures, folder: Path, harm: Callable[[Path], None]
) -> None:
    signatures.seal(LAST, NOBODY)
    (postings,) = (folder / "neighbours").glob("*.postings")
    harm(postings)
    with closing(Signatures(folder)) as broken, pytest.raises(IndexDamagedError, match="searchsvc rebuild"):
        list(broken.rough_cosines(slots_of(1)[0]))


@pytest.mark.parametrize("name", ["slots", "places"])
def test_a_missing_file_is_an_error_with_the_remedy(folder: Path, name: str) -> None:
    (folder / "neighbours" / name).unlink()
    with closing(Signatures(folder)) as broken:
        with pytest.raises(IndexDamagedError, match="searchsvc rebuild"):
            broken.put(1, slots_of(1), np.array([5]))
        with pytest.raises(IndexDamagedError, match="searchsvc rebuild"):
            getattr(broken, name)(np.array([1]))


@pytest.mark.parametrize("name", ["slots", "places"])
@pytest.mark.parametrize("harm", [cut, empty])
def test_a_file_that_ends_before_the_postings_is_not_taken_for_empty_signatures(
    signatures: Signatures, folder: Path, name: str, harm: Callable[[Path], None]
) -> None:
    signatures.seal(LAST, NOBODY)
    harm(folder / "neighbours" / name)
    for use in (lambda one: list(one.rough_cosines(slots_of(1)[0])), lambda one: one.wipe(np.array([3]))):
        with closing(Signatures(folder)) as broken, pytest.raises(IndexDamagedError, match=f"{name} короче"):
            use(broken)
