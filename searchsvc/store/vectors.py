"""Vectors of the sentences of all documents of a generation, in mapped files beside its store.

    vectors.places   by key: the document's first row and its number of rows
    vectors.rows     a row a sentence: a signed byte for each number of its vector

Only generations that were built with the encoder have them. They are written within the store's
transaction; how the files are kept is ``searchsvc.store.rowfiles``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from searchsvc.store.rowfiles import Layout, RowReader, RowWriter

WIDTH = 512
"""Numbers of a vector."""

PLACE = np.dtype([("first", "<u8"), ("rows", "<u4")])
ROW = np.dtype(("i1", (WIDTH,)))

HIGHEST = 0.2
"""The number that the greatest byte stands for; greater ones are cut, one in millions. A byte a number
costs no quality, half the numbers would (docs/quality.md)."""

GATHERED = 2_000
"""Sentences that are gathered before they are encoded: the more at once, the quicker. So many are encoded in
a thread of their own while the next ones are analysed; numpy lets go of the interpreter's lock meanwhile."""

_LAYOUT = Layout(("vectors.places", "vectors.rows"), (PLACE, ROW), "файлы векторов")
_UNIT = HIGHEST / 127

Floats = npt.NDArray[np.float64]
Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]


class Vectors:
    """The vectors of the generation in *folder*, mapped. Safe from many threads."""

    def __init__(self, folder: Path) -> None:
        self._rows = RowReader(folder, _LAYOUT)

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make empty files in *folder*."""
        _LAYOUT.create(folder)

    def nearness(self, keys: Sequence[int], query: npt.NDArray[np.float32]) -> Floats:
        """Return, for each document of *keys*, the cosine of *query* and its nearest sentence.

        A document without any, as one that was wiped, has 0.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        places, rows = self._rows.of(keys)
        own = places[np.asarray(keys, np.int64)]
        sizes = own["rows"].astype(np.int64)
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        at = np.arange(total) + np.repeat(own["first"].astype(np.int64) - ends + sizes, sizes)
        cosines = rows[at].astype(np.float32) @ (query * np.float32(_UNIT))
        best = np.zeros(len(keys))
        some = np.flatnonzero(sizes)
        if len(some):
            best[some] = np.maximum.reduceat(cosines, (ends - sizes)[some])
        return best

    def require(self, key: int) -> None:
        """Make sure that the document of *key* and all before it can be there.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        self._rows.of([key])


@dataclass(frozen=True, slots=True)
class _Batch:
    """Sentences of some documents, so many of each."""

    keys: list[int]
    sizes: list[int]
    sentences: list[str]


class VectorWriter:
    """Appends to the files and wipes; one at a time, within a transaction of the store.

    *last_key* is the greatest key that the store has, 0 where it has none. *encode* is called for what is
    appended only: whatever was encoded can be wiped without an encoder.
    """

    def __init__(self, folder: Path, last_key: int, encode: Encode) -> None:
        self._encode = encode
        self._rows = RowWriter(folder, _LAYOUT, last_key)
        self._gathered = _Batch([], [], [])
        self._aside = ThreadPoolExecutor(1, "vectors")
        self._begun: tuple[_Batch, Future[npt.NDArray[np.float32]]] | None = None

    def append(self, key: int, sentences: Sequence[str]) -> None:
        """Keep the vectors of *sentences* under *key*."""
        batch = self._gathered
        batch.keys.append(key)
        batch.sizes.append(len(sentences))
        batch.sentences.extend(sentences)
        if len(batch.sentences) >= GATHERED:
            self._end_begun()
            self._begun = batch, self._aside.submit(self._encode, batch.sentences)
            self._gathered = _Batch([], [], [])

    def wipe(self, keys: Iterable[int]) -> None:
        """Overwrite the vectors of *keys*, none of them just appended, with zeros."""
        self._rows.wipe(keys)

    def finish(self) -> None:
        """Encode what is gathered and bring everything to the disk, rows before their places."""
        self._end_begun()
        batch, self._gathered = self._gathered, _Batch([], [], [])
        if batch.keys:
            self._write(batch, self._encode(batch.sentences))
        self._rows.finish()

    def close(self) -> None:
        """Let go of the files. Where ``finish`` was not reached, the next writer wipes what was appended."""
        self._aside.shutdown(cancel_futures=True)
        self._rows.close()

    def _end_begun(self) -> None:
        """Wait for the batch that is being encoded, and write it."""
        if self._begun is not None:
            batch, encoded = self._begun
            self._begun = None
            self._write(batch, encoded.result())

    def _write(self, batch: _Batch, encoded: npt.NDArray[np.float32]) -> None:
        rows = np.clip(np.rint(encoded / _UNIT), -127, 127).astype(np.int8)
        for key, vectors in zip(batch.keys, np.split(rows, np.cumsum(batch.sizes)[:-1]), strict=True):
            self._rows.append(key, np.zeros(1, PLACE), vectors)
