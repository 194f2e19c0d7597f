"""Whoosh's posting lists by whole blocks: bytes to arrays and back.

A list of the codec W3 is ``W3Bl`` and then blocks: an int32, the block's length (negative: the
last one); a pickle (number of postings, last id, greatest weight, compressed?, codes of the
shortest and the longest field); a pickle, zlib'd where it says so, of (ids, weights, values).
Ids are deltas that start anew in each block. Weights are None (all 1), one number, or one a
posting.

Three things are ours, and plain Whoosh reads them without noticing. Numbers are pickled as an
``array`` instead of a tuple: a tenth of the time to load. The second pickle begins with a number
that is pushed and popped: how long ids and weights are, so that a reader who wants no positions
inflates no more than that. And before the values, their sizes are pushed and popped, so that
all positions of a list are taken out at once where each value is what we write.
"""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from searchsvc.engines.whoosh.pickles import PlainUnpickler, load
from searchsvc.engines.whoosh.values import Ints, Values, bounds_of, positions_of

Floats = npt.NDArray[np.float32]

MAGIC = b"W3Bl"
POSTINGS = 512
"""In a block of ours; Whoosh's have 128. Larger ones are decoded faster, a posting."""

_LENGTH = struct.Struct("!i")
_PROTOCOL = b"\x80\x03"
_HEAD = struct.Struct("<3sic")  # PROTO 3, BININT; the number; POP
_PUSH, _POP = _PROTOCOL + b"J", b"0"
_SIZES = struct.Struct("<I")
_END = b"\x87."
_FEW = 12
"""So many numbers are shorter as a tuple."""

_WORTH_COMPRESSING = 150
_SHORT = 1000
"""Bytes of a block that is inflated whole, which compares its checksum, too."""
_COMPRESSION = 1
_STORED = struct.Struct("<2sBHH")
_CHECK = struct.Struct("!I")


class UnknownFormError(Exception):
    """Not the form of list that this module knows."""


# --- reading ------------------------------------------------------------------------------


def read_postings(blob: bytes) -> tuple[Ints, Floats]:
    """Return ids in rising order and weights of a whole list."""
    ids, weights = [], []
    for number, compressed, data in _blocks(blob):
        deltas, stored = _prefix(data, number, compressed)
        ids.append(_ids(deltas, number))
        weights.append(_weights(stored, number))
    return _one(ids), _one(weights)


def read_whole(blob: bytes) -> tuple[Ints, Floats, Values | None]:
    """Return ids, weights and values of a whole list; no values where none are stored."""
    ids, weights = [], []
    values: list[Values] = []
    for number, compressed, data in _blocks(blob):
        inflated = zlib.decompress(data) if compressed else data
        laid_out = _laid_out(inflated, number)
        deltas, stored, some = _unpickled(inflated, number) if laid_out is None else laid_out
        ids.append(_ids(deltas, number))
        weights.append(_weights(stored, number))
        if some is not None:
            values.append(some if isinstance(some, Values) else Values.of(some))
    return _one(ids), _one(weights), Values.joined(values) if values else None


def _unpickled(data: bytes, number: int) -> tuple[Any, Any, tuple[bytes, ...] | None]:
    """Return ids, weights and values of a block as Whoosh does."""
    ids, weights, values = load(data)
    if values is not None and (not isinstance(values, tuple) or len(values) != number):
        raise UnknownFormError("values of another form")
    return ids, weights, values


def read_positions(blob: bytes) -> tuple[Ints, Ints, Ints]:
    """Return ids, how many positions each posting has, and all positions one after another."""
    ids, _, values = read_whole(blob)
    if values is None:
        raise UnknownFormError("no values")
    return ids, *positions_of(values)


def _laid_out(data: bytes, number: int) -> tuple[Any, Any, Values] | None:
    """Return ids, weights and values of a block of ours, None of one that is not or has no values."""
    push, length, pop = _HEAD.unpack_from(data.ljust(_HEAD.size))
    start = _HEAD.size + length
    if push != _PUSH or pop != _POP or data[start : start + 1] != b"B":
        return None
    (wide,) = _SIZES.unpack_from(data, start + 1)
    begin = start + 1 + _SIZES.size
    bounds = bounds_of(np.frombuffer(data[begin : begin + wide], f"<u{wide // number}").astype(np.int64))
    region = data[begin + wide + len(b"0(") : -len(_END) - 1]
    if len(bounds) != number + 1 or bounds[-1] != len(region):
        raise ValueError("values of other sizes than it says")
    ids, weights = load(_PROTOCOL + data[_HEAD.size : start] + b"\x86.")
    return ids, weights, Values(region, bounds)


def _blocks(blob: bytes) -> Iterator[tuple[int, bool, bytes]]:
    """Yield number of postings, whether compressed, and data of each block."""
    if blob[: len(MAGIC)] != MAGIC:
        raise UnknownFormError("no W3Bl at the beginning")
    place, last = len(MAGIC), False
    while not last:
        (length,) = _LENGTH.unpack_from(blob, place)
        last = length < 0
        place += _LENGTH.size
        block = io.BytesIO(blob[place : place + abs(length)])
        place += abs(length)
        number, _, _, compression, *_ = PlainUnpickler(block).load()
        yield number, bool(compression), block.read()


def _prefix(data: bytes, number: int, compressed: bool) -> tuple[Any, Any]:
    """Return ids and weights of a block, inflating no more than them where it says how long they are."""
    inflater = zlib.decompressobj()
    if compressed and len(data) > _SHORT:
        start = inflater.decompress(data, _HEAD.size + 200 + 8 * number)
    else:
        start = zlib.decompress(data) if compressed else data
    push, length, pop = _HEAD.unpack_from(start.ljust(_HEAD.size))
    if push != _PUSH or pop != _POP:
        ids, weights, _ = load(start + inflater.decompress(inflater.unconsumed_tail))
        return ids, weights
    missing = _HEAD.size + length - len(start)
    if missing > 0:
        start += inflater.decompress(inflater.unconsumed_tail, missing)
    ids, weights = load(_PROTOCOL + start[_HEAD.size : _HEAD.size + length] + b"\x86.")
    return ids, weights


def _one(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)  # most lists are short


def _ids(deltas: Any, number: int) -> Ints:
    if len(deltas) != number:
        raise ValueError("a block of another length than it says")
    return np.array(deltas, np.int64).cumsum()


def _weights(stored: Any, number: int) -> Floats:
    if stored is None:
        return np.ones(number, np.float32)
    if isinstance(stored, float | int):
        return np.full(number, stored, np.float32)
    if len(stored) != number:
        raise ValueError("a block without a weight for each posting")
    return np.array(stored, np.float32)


# --- writing ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Made:
    """A list as bytes, and what Whoosh's term index says of it."""

    blob: bytes
    weight: float
    greatest: float
    shortest: int
    longest: int


def make(
    ids: npt.NDArray[np.integer[Any]],
    weights: Floats | None,
    values: Values | None,
    codes: npt.NDArray[np.uint8] | None,
) -> Made:
    """Return the list of postings with *ids* (rising) and *weights* (None: all 1).

    *codes* are the codes of the lengths of their fields.
    """
    number = len(ids)
    if number == 1:
        weight = 1.0 if weights is None else float(weights[0])
        return _single(int(ids[0]), weight, values, 0 if codes is None else int(codes[0]))
    deltas = ids.astype(np.int64)
    deltas[1:] -= ids[:-1]
    deltas[::POSTINGS] = ids[::POSTINGS]
    parts = [MAGIC]
    greatest, shortest, longest = 0.0, 255, 0
    for first in range(0, number, POSTINGS):
        end = min(first + POSTINGS, number)
        most, light = (1.0, None) if weights is None else _light(weights[first:end])
        some = (0, 0) if codes is None else (int(codes[first:end].min()), int(codes[first:end].max()))
        greatest, shortest, longest = max(greatest, most), min(shortest, some[0]), max(longest, some[1])
        head = _body(_narrow(deltas[first:end])) + _body(light)
        tail = b"N" if values is None else _tail(values, first, end)
        data = b"".join((_HEAD.pack(_PUSH, len(head), _POP), head, tail, _END))
        data = zlib.compress(data, _COMPRESSION) if len(data) > _WORTH_COMPRESSING else _stored(data)
        info = pickle.dumps((end - first, int(ids[end - 1]), most, _COMPRESSION, *some), 3)
        length = len(info) + len(data)
        parts += (_LENGTH.pack(-length if end == number else length), info, data)
    weight = float(number) if weights is None else float(weights.sum())
    return Made(b"".join(parts), weight, greatest, shortest, longest)


def _single(document: int, weight: float, values: Values | None, code: int) -> Made:
    """Return the list of one posting, as ``make`` does: most words stand in one article only."""
    head = _body((document,)) + _weight(weight)
    tail = b"N"
    if values is not None:
        region = values.region[int(values.bounds[0]) : int(values.bounds[1])]
        size = len(region)
        told = size.to_bytes(2 if size < 1 << 16 else 4, "little")
        tail = b"".join((b"B", _SIZES.pack(len(told)), told, b"0(", region, b"t"))
    data = b"".join((_HEAD.pack(_PUSH, len(head), _POP), head, tail, _END))
    data = zlib.compress(data, _COMPRESSION) if len(data) > _WORTH_COMPRESSING else _stored(data)
    info = pickle.dumps((1, document, weight, _COMPRESSION, code, code), 3)
    blob = b"".join((MAGIC, _LENGTH.pack(-len(info) - len(data)), info, data))
    return Made(blob, weight, weight, code, code)


@lru_cache(maxsize=1000)
def _weight(weight: float) -> bytes:
    return _body(None if weight == 1.0 else weight)


def _stored(data: bytes) -> bytes:
    """Return *data* as zlib puts it where it does not compress: quickly made, and with a checksum."""
    size = len(data)
    return _STORED.pack(b"\x78\x01", 1, size, size ^ 0xFFFF) + data + _CHECK.pack(zlib.adler32(data))


def _tail(values: Values, first: int, end: int) -> bytes:
    """Return the opcodes that push values as a tuple, before them their sizes pushed and popped."""
    bounds = values.bounds[first : end + 1]
    sizes = np.diff(bounds)
    told = sizes.astype("<u2" if int(sizes.max()) < 1 << 16 else "<u4").tobytes()
    region = values.region[bounds[0] : bounds[-1]]
    return b"".join((b"B", _SIZES.pack(len(told)), told, b"0(", region, b"t"))


def _narrow(numbers: Ints) -> Any:
    """Return numbers as what is soon pickled and soon loaded."""
    if len(numbers) < _FEW:
        return tuple(numbers.tolist())
    code = next(code for code in "BHI" if int(numbers.max()) < 1 << 8 * array(code).itemsize)
    return array(code, numbers.astype(code).tobytes())


def _light(weights: Floats) -> tuple[float, Any]:
    """Return the greatest weight and the weights as Whoosh stores them."""
    least, most = float(weights.min()), float(weights.max())
    if least == most:
        return most, None if most == 1.0 else most
    return most, tuple(weights.tolist()) if len(weights) < _FEW else array("f", weights.tobytes())


def _body(value: Any) -> bytes:
    """Return the opcodes that push *value*, without beginning and end of a pickle."""
    return pickle.dumps(value, 3)[2:-1]
