"""Which documents of a generation are one text, and the sketches by which that is found.

    reprints/groups     by key: the key of the document its group began with, its own where it is alone
    reprints/sketches   by key: the MinHash of its word quadruples; only the writer reads it

As with signatures, values nobody points at any more (of a change that never came) are overwritten by the
next document of that key, those of deleted documents are wiped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from searchsvc.store.document import Record
from searchsvc.store.mapped import Column
from searchsvc.store.shingles import BODY, shingles, words_of

LEAST = 10
"""Quadruples of a text too short to tell: «Завтра занятий не будет» is said by many."""

SKETCH = 32
_SEED = 1
_FOLDER = "reprints"
_WHAT = "файлы перепечаток"

_GROUP = np.dtype("<u4")
_SKETCH = np.dtype(("<u4", (SKETCH,)))

Ints = npt.NDArray[np.int64]
Sketches = npt.NDArray[np.uint32]


class Groups:
    """Which documents of the generation in *folder* are reprints of one another, for readers."""

    def __init__(self, folder: Path) -> None:
        self._groups = Column(folder / _FOLDER / "groups", _GROUP, _WHAT)
        self._sketches = Column(folder / _FOLDER / "sketches", _SKETCH, _WHAT)
        self._spread = 0.0

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make the files, empty."""
        (folder / _FOLDER).mkdir()
        for name in ("groups", "sketches"):
            (folder / _FOLDER / name).touch()

    def check(self, last: int) -> None:
        """Refuse files that end before the values of *last*.

        Raises:
            IndexDamagedError: they do, or are missing.
        """
        self._groups.require(last)
        self._sketches.require(last)

    def of(self, keys: Sequence[int]) -> Ints:
        """Return the groups of *keys*, as numbers that only their equality has a meaning of.

        Raises:
            IndexDamagedError: a file is missing or too short.
        """
        asked = np.asarray(keys, np.int64)
        found = self._groups.at(asked).astype(np.int64)
        if not found.all():  # of a document that was wiped meanwhile, or of files that are damaged
            self._groups.require(int(asked.max()))
            found[found == 0] = -asked[found == 0]
        return found

    def spread(self) -> float:
        """Return how many documents a text has on the average, as it was when first asked for, or since
        ``renew``; 1 where there are no reprints."""
        if not self._spread:
            groups = self._groups.all()
            known = groups[groups > 0]
            self._spread = len(known) / max(1, len(np.unique(known))) if len(known) else 1.0
        return self._spread

    def renew(self) -> None:
        """Look at all groups again when next asked for their spread: a commit may have changed it."""
        self._spread = 0.0

    def others(self, key: int) -> list[int]:
        """Return the keys of the documents in the group of *key*, ended ones too, but for itself."""
        groups = self._groups.all()
        group = int(groups[key]) if key < len(groups) else 0
        return [int(other) for other in np.flatnonzero(groups == group) if other != key] if group else []


class GroupWriter:
    """Changes groups and sketches; one at a time, within a transaction of the store.

    *last_key* is the greatest key that the store has, 0 where it has none.

    Raises:
        IndexDamagedError: a file is missing, or ends before it.
    """

    def __init__(self, folder: Path, last_key: int) -> None:
        self._groups = Column(folder / _FOLDER / "groups", _GROUP, _WHAT)
        self._sketches = Column(folder / _FOLDER / "sketches", _SKETCH, _WHAT)
        for column in (self._groups, self._sketches):
            column.require(last_key)

    def put(self, key: int, record: Record) -> None:
        """Keep the sketch of a document that has no group yet; *record* is in order of position."""
        self._sketches.write(key, sketch(record))
        self._groups.write(key, np.zeros(1, _GROUP))

    def put_groups(self, first: int, groups: Ints) -> None:
        """Keep the groups of the documents from *first* on."""
        self._groups.write(first, groups.astype(_GROUP))

    def groups(self) -> Ints:
        """Return the groups of all keys, 0 where there is none (yet, or any more)."""
        return self._groups.all().astype(np.int64)

    def sketches(self, last: int) -> Sketches:
        """Return the sketches of all keys up to *last*, mapped."""
        return self._sketches.all()[: last + 1]

    def wipe(self, keys: Iterable[int]) -> None:
        """Overwrite all there is of *keys*."""
        for key in keys:
            self._sketches.write(key, np.zeros(1, _SKETCH))
            self._groups.write(key, np.zeros(1, _GROUP))

    def finish(self) -> None:
        """Bring everything to the disk."""
        self._sketches.sync()
        self._groups.sync()

    def close(self) -> None:
        """Let go of the files."""
        self._sketches.close()
        self._groups.close()


def sketch(record: Record) -> Sketches:
    """Return the MinHash of a record's quadruples, zeros of a text too short to have reprints."""
    found = shingles(words_of(record[record["part"] == BODY])[1])
    if len(found) < LEAST:
        return np.zeros((1, SKETCH), np.uint32)
    bounds = np.array([0, len(found)], np.uint64)
    made = RMinHash.digest_matrix_from_flat_token_hashes(found, bounds, SKETCH, _SEED)
    return np.array(made.to_rows(), np.uint32)
