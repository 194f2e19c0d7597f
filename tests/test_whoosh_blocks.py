"""Posting lists by whole blocks: as Whoosh writes them, as it reads them, and nothing that runs."""

from __future__ import annotations

import os
import pickle
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whoosh.codec.whoosh3 import W3LeafMatcher, W3PostingsWriter, W3TermInfo
from whoosh.filedb.filestore import RamStorage
from whoosh.formats import Existence, Format, Positions

from searchsvc.engines.whoosh import blocks
from searchsvc.engines.whoosh.values import Values, pickled_positions

Posting = tuple[int, float, tuple[int, ...]]


def ours(postings: Sequence[Posting], codes: Sequence[int] | None = None) -> blocks.Made:
    """Return a list with positions as we write it."""
    times = np.array([len(at) for _, _, at in postings], np.int64)
    flat = np.array([place for _, _, at in postings for place in at], np.int64)
    return blocks.make(
        np.array([number for number, _, _ in postings], np.int64),
        np.array([weight for _, weight, _ in postings], np.float32),
        pickled_positions(times, flat),
        None if codes is None else np.array(codes, np.uint8),
    )


def theirs(postings: Sequence[Posting], form: Format) -> bytes:
    """Return a list as Whoosh writes it."""
    storage = RamStorage()
    file = storage.create_file("list")
    writer = W3PostingsWriter(file, blocklimit=128)
    writer.start_postings(form, W3TermInfo())
    for number, weight, at in postings:
        writer.add_posting(number, weight, form.encode(at) if isinstance(form, Positions) else b"", 1)
    writer.finish_postings()
    file.close()
    return bytes(storage.files["list"])


def plainly(blob: bytes, form: Format) -> list[Posting]:
    """Return what Whoosh's matcher finds in a list."""
    storage = RamStorage()
    file = storage.create_file("list")
    file.write(blob)
    file.close()
    matcher = W3LeafMatcher(storage.open_file("list"), 0, len(blob), form)
    found = []
    while matcher.is_active():
        at = tuple(matcher.value_as("positions")) if isinstance(form, Positions) else ()
        found.append((matcher.id(), matcher.weight(), at))
        matcher.next()
    return found


def decoded(blob: bytes) -> list[Posting]:
    """Return what we find in a list; both ways of reading find the same."""
    ids, weights, values = blocks.read_whole(blob)
    shorter = blocks.read_postings(blob)
    assert shorter[0].tolist() == ids.tolist()
    assert shorter[1].tolist() == weights.tolist()
    places: list[tuple[int, ...]] = [()] * len(ids)
    if values is None:
        with pytest.raises(blocks.UnknownFormError):
            blocks.read_positions(blob)
    else:
        same, times, flat = blocks.read_positions(blob)
        assert same.tolist() == ids.tolist()
        ends = np.cumsum(times).tolist()
        places = [tuple(flat[end - number : end].tolist()) for end, number in zip(ends, times, strict=True)]
    return list(zip(ids.tolist(), weights.tolist(), places, strict=True))


def spread(
    number: int, gap: int, weight: Callable[[int], float], places: Callable[[int], Any]
) -> list[Posting]:
    return [(one * gap + one % 2, weight(one), tuple(places(one))) for one in range(number)]


LISTS = {
    "one": spread(1, 7, lambda _: 2.5, lambda _: [3]),
    "few": spread(11, 3, lambda one: 1 + one / 2, lambda one: range(one)),
    "an array's worth": spread(12, 3, lambda _: 1.0, lambda one: range(0, 600 * one, 600)),
    "two and a half blocks": spread(1300, 5, lambda one: one % 9 / 2, lambda one: range(one % 7)),
    "one weight": spread(600, 300, lambda _: 4.0, lambda one: [one, one + 1]),
    "far apart": spread(600, 70_000, lambda one: float(one), lambda one: [one * 200]),
    "long values": spread(40, 2, lambda _: 1.0, lambda one: range(0, 90 * one * one, one * 9 or 1)),
    "very far positions": spread(20, 2, lambda _: 1.0, lambda one: [0, 70_000 + one, 2**30 + one]),
}


@pytest.mark.parametrize("name", LISTS)
def test_what_we_write_is_read_by_whoosh_and_by_us(name: str) -> None:
    blob = ours(LISTS[name]).blob
    assert plainly(blob, Positions()) == LISTS[name]
    assert decoded(blob) == LISTS[name]


@pytest.mark.parametrize("name", LISTS)
def test_what_whoosh_writes_is_read_by_us(name: str) -> None:
    assert decoded(theirs(LISTS[name], Positions())) == LISTS[name]
    bare = [(number, weight, ()) for number, weight, _ in LISTS[name]]
    assert decoded(theirs(bare, Existence())) == bare


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.integers(0, 2**31 - 1),
        st.tuples(
            st.floats(0, 1000, width=32),
            st.sets(st.integers(0, 2**31 - 1), max_size=5).map(sorted).map(tuple),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_any_list_is_read_as_it_was_written(drawn: dict[int, tuple[float, tuple[int, ...]]]) -> None:
    postings = [(number, *drawn[number]) for number in sorted(drawn)]
    blob = ours(postings).blob
    assert decoded(blob) == plainly(blob, Positions()) == postings
    assert decoded(theirs(postings, Positions())) == postings


def test_a_list_without_values_and_weights_is_read_as_it_was_written() -> None:
    ids = np.arange(0, 4000, 3)
    blob = blocks.make(ids, None, None, None).blob
    assert plainly(blob, Existence()) == decoded(blob) == [(number, 1.0, ()) for number in ids.tolist()]


def test_what_the_term_index_is_told_is_what_whoosh_would_tell() -> None:
    made = ours(LISTS["two and a half blocks"], [one % 40 + 3 for one in range(1300)])
    weights = [weight for _, weight, _ in LISTS["two and a half blocks"]]
    assert (made.weight, made.greatest, made.shortest, made.longest) == (sum(weights), 4.0, 3, 42)


@pytest.mark.parametrize("write", [ours, lambda some: theirs(some, Positions())], ids=["ours", "theirs"])
def test_values_taken_from_lists_make_one_list(write: Callable[[Any], Any]) -> None:
    one, two = LISTS["long values"], LISTS["two and a half blocks"]
    parts = []
    for postings in (one, two):
        made = write(postings)
        parts.append(blocks.read_whole(made if isinstance(made, bytes) else made.blob))
    keep = np.arange(len(two)) % 3 > 0
    assert parts[0][2]
    assert parts[1][2]
    again = blocks.make(
        np.concatenate([parts[0][0], parts[1][0][keep] + 100]),
        np.concatenate([parts[0][1], parts[1][1][keep]]),
        Values.joined([parts[0][2], parts[1][2].kept(keep)]),
        None,
    )
    left = [(number + 100, weight, at) for (number, weight, at), kept in zip(two, keep, strict=True) if kept]
    assert plainly(again.blob, Positions()) == decoded(again.blob) == one + left


def test_ids_and_weights_need_no_more_than_the_beginning_of_a_block() -> None:
    postings = spread(512, 3, lambda one: one / 2, lambda one: range(0, 50 * one, 17 + one))
    blob = ours(postings).blob
    cut = blob[: len(blob) // 2]
    assert blocks.read_postings(cut)[0].tolist() == [number for number, _, _ in postings]
    with pytest.raises(zlib.error):
        blocks.read_whole(cut)


def block(data: bytes, number: int = 1, compression: int = 0) -> bytes:
    """Return a list of one block."""
    info = pickle.dumps((number, 0, 1.0, compression, 0, 0), 2)
    return blocks.MAGIC + struct.pack("!i", -len(info) - len(data)) + info + data


class Running:
    """Makes a folder where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def test_nothing_in_a_block_runs(tmp_path: Any) -> None:
    trap = Running(str(tmp_path / "trapped"))
    info = pickle.dumps(trap, 2)
    lists = [
        block(pickle.dumps(((0,), None, trap), 2)),
        block(zlib.compress(pickle.dumps((trap, None, None), 4)), compression=3),
        blocks.MAGIC + struct.pack("!i", -len(info)) + info,
    ]
    for blob in lists:
        for read in (blocks.read_postings, blocks.read_whole, blocks.read_positions):
            with pytest.raises(pickle.UnpicklingError, match="mkdir in a posting list"):
                read(blob)
    value = b"\0\0\0\1" + pickle.dumps(trap, 2)
    with pytest.raises(pickle.UnpicklingError, match="mkdir"):
        blocks.read_positions(block(pickle.dumps(((0,), None, (value,)), 2)))
    assert not (tmp_path / "trapped").exists()
    pickle.loads(pickle.dumps(trap))
    assert (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    "blob",
    [
        b"W4Bl" + ours(LISTS["few"]).blob[4:],
        block(pickle.dumps(((0,), None, b"four"), 2)),
        block(pickle.dumps(((0,), None, (b"", b"")), 2)),
    ],
    ids=["another magic", "values of a fixed size", "more values than postings"],
)
def test_a_form_that_is_not_known_is_told_from_damage(blob: bytes) -> None:
    with pytest.raises(blocks.UnknownFormError):
        blocks.read_whole(blob)


@pytest.mark.parametrize("data", [((0, 1), None, None), ((0,), (1.0, 1.0), None)], ids=["ids", "weights"])
def test_a_block_of_another_length_than_it_says_is_refused(data: Any) -> None:
    for read in (blocks.read_postings, blocks.read_whole, blocks.read_positions):
        with pytest.raises(ValueError, match="a block"):
            read(block(pickle.dumps(data, 2)))
