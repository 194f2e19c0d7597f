"""Values of a list's postings: a frequency of four bytes and a pickled list of positions, as deltas.

Those that we write are made, and taken out again, all at once by whole arrays.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from searchsvc.engines.whoosh.pickles import load

Ints = npt.NDArray[np.int64]

_FREQUENCY_BYTES = 4
_WIDTHS = np.zeros(256, np.int64)
"""Bytes that follow each opcode that pushes a number."""
_WIDTHS[[ord("K"), ord("M"), ord("J")]] = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Values:
    """Pickled values of postings, one after another; ``bounds`` says where each begins and the last ends."""

    region: memoryview | bytes
    bounds: Ints

    @classmethod
    def of(cls, values: Sequence[bytes]) -> Values:
        """Pickle values."""
        items = [_start(len(value)) + value for value in values]
        return cls(b"".join(items), bounds_of(np.fromiter(map(len, items), np.int64, len(items))))

    @classmethod
    def joined(cls, several: Sequence[Values]) -> Values:
        """Put values one after another."""
        sizes = np.concatenate([np.diff(some.bounds) for some in several])
        return cls(b"".join([some.region for some in several]), bounds_of(sizes))

    def kept(self, keep: npt.NDArray[np.bool_]) -> Values:
        """Return those that *keep* names."""
        ends = self.bounds[1:][keep].tolist()
        begins = self.bounds[:-1][keep].tolist()
        pieces = [self.region[begin:end] for begin, end in zip(begins, ends, strict=True)]
        return Values(b"".join(pieces), bounds_of(np.diff(self.bounds)[keep]))


def bounds_of(sizes: Ints) -> Ints:
    """Return where each begins and the last ends."""
    bounds = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=bounds[1:])
    return bounds


def _start(size: int) -> bytes:
    return b"C%c" % size if size < 256 else b"B" + struct.pack("<I", size)


def pickled_positions(times: Ints, positions: Ints) -> Values:
    """Return values of postings.

    Each posting has *times* of the *positions*. What is written is what
    ``whoosh.formats.Positions`` writes, but for the pickle's protocol and memo.
    """
    starts = np.cumsum(times) - times
    deltas = positions.copy()
    deltas[1:] -= positions[:-1]
    some = times > 0
    deltas[starts[some]] = positions[starts[some]]
    largest = np.zeros(len(times), np.int64)
    if len(deltas):
        largest[some] = np.maximum.reduceat(deltas, starts[some])
    width = np.where(largest < 1 << 8, 1, np.where(largest < 1 << 16, 2, 4))
    size = _FREQUENCY_BYTES + 4 + times * (1 + width)
    long = size > 255
    bounds = bounds_of(size + np.where(long, 5, 2))
    begins, ends = bounds[:-1], bounds[1:]
    made = np.zeros(int(bounds[-1]), np.uint8)
    made[begins] = np.where(long, ord("B"), ord("C"))
    made[begins + 1] = size & 255
    for byte in (1, 2, 3):
        made[begins[long] + 1 + byte] = size[long] >> 8 * byte & 255
    body = ends - size
    for byte in range(_FREQUENCY_BYTES):
        made[body + 3 - byte] = times >> 8 * byte & 255
    made[body + 4], made[body + 5] = ord("]"), ord("(")
    wide = np.repeat(width, times)
    at = np.repeat(body + 6, times) + (np.arange(len(deltas)) - np.repeat(starts, times)) * (1 + wide)
    made[at] = np.array([0, *b"KM", 0, ord("J")], np.uint8)[wide]
    made[at + 1] = deltas & 255
    for byte in (1, 2, 3):
        has = wide > byte
        if has.any():
            made[at[has] + 1 + byte] = deltas[has] >> 8 * byte & 255
    made[ends - 2], made[ends - 1] = ord("e"), ord(".")
    return Values(made.data, bounds)


def positions_of(values: Values) -> tuple[Ints, Ints]:
    """Return how many positions each posting has, and all positions one after another."""
    found = _unpacked(np.frombuffer(values.region, np.uint8), values.bounds)
    return _unpickled(load(b"(" + bytes(values.region) + b"t.")) if found is None else found


def _unpacked(made: npt.NDArray[np.uint8], bounds: Ints) -> tuple[Ints, Ints] | None:
    """Undo ``pickled_positions``; None if it did not make that."""
    begins, ends = bounds[:-1], bounds[1:]
    body = begins + np.where(made[begins] == ord("C"), 2, 5)
    width = _WIDTHS[made[body + 6]]
    times = (ends - body - _FREQUENCY_BYTES - 4) // (1 + width)
    first = np.repeat(body + 6 - (np.cumsum(times) - times) * (1 + width), times)
    step = np.repeat(1 + width, times)
    at = first + np.arange(len(step)) * step
    if not ((made[body + 4] == ord("]")).all() and (_WIDTHS[made[at]] + 1 == step).all()):
        return None
    deltas = made[at + 1].astype(np.int64)
    for byte in (1, 2, 3):
        has = np.flatnonzero(step > byte + 1)
        if len(has):
            deltas[has] |= made[at[has] + 1 + byte].astype(np.int64) << 8 * byte
    return times, _running(deltas, times)


def _unpickled(values: Sequence[bytes]) -> tuple[Ints, Ints]:
    # The opcodes of a tuple around all lists make one pickle of them.
    lists = load(b"(" + b"".join([value[_FREQUENCY_BYTES:-1] for value in values]) + b"t.")
    if len(lists) != len(values):
        raise ValueError("a posting without a list of positions")
    times = np.fromiter(map(len, lists), np.int64, len(lists))
    deltas = np.fromiter(chain.from_iterable(lists), np.int64, int(times.sum()))
    return times, _running(deltas, times)


def _running(deltas: Ints, times: Ints) -> Ints:
    """Sum up deltas, anew for each of the postings that have *times* of them."""
    sums = np.cumsum(deltas)
    starts = np.cumsum(times) - times
    before = np.where(starts > 0, sums[starts - 1], 0) if len(sums) else starts
    running: Ints = sums - np.repeat(before, times)
    return running
