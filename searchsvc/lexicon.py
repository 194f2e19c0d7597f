"""The lexicon: the words people wrote in the archive, as arrays that processes share.

    lexicon/000001.words    folded words in order, the articles that have each, how it was spelt most often;
                            and for spelling the same words by length, with their letters and bags

A file is never changed: a new one is written beside it when enough has changed (``store_writer``), and
readers of the old one keep it mapped. What came or went since a file was written is a short table in the
store, read into a further ``Words`` and a set. Size: about 60 bytes a word, however long the texts.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from heapq import nsmallest
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from searchsvc.letters import LONGEST, SPELLABLE, Bags, Codes, bags, codes, sound_bags
from searchsvc.mapped import mapped

Array = npt.NDArray[Any]

_MAGIC = int.from_bytes(b"words  1", "little")
_HEAD = np.dtype("<u8")
_LENGTHS = LONGEST + 2


class Entry(NamedTuple):
    """A word of the archive: folded, as it was spelt most often, and how many articles have it."""

    form: str
    spelling: str
    documents: int


@dataclass(frozen=True, slots=True)
class Group:
    """The spellable words of one length: ``numbers`` of the words, and what is known of their letters."""

    numbers: npt.NDArray[np.uint32]
    bags: Bags
    sounds: Bags
    letters: Codes


class Words:
    """Words in order of their folded form, with numbers from 0. Safe from many threads."""

    def __init__(self, parts: Sequence[Array]) -> None:
        (
            self._bags,
            self._sounds,
            self._numbers,
            self._starts,
            self.documents,
            self._ends,
            self._odd,
            self._odd_ends,
            self._letters,
            text,
            odd_text,
        ) = parts
        self._parts = tuple(parts)
        self._text = text.data
        self._end_of = self._ends.data  # items of a memoryview are quicker than an array's
        self._odd_text = odd_text.data
        starts = self._starts.tolist()
        self._first_letters = list(
            accumulate((size * (starts[size + 1] - starts[size]) for size in range(_LENGTHS - 1)), initial=0)
        )

    @classmethod
    def build(cls, entries: Iterable[Entry]) -> Words:
        """Make words of *entries*, which are in order of their forms."""
        rows = list(entries)
        forms = [row.form for row in rows]
        spellable: list[list[int]] = [[] for _ in range(_LENGTHS)]
        for number, form in enumerate(forms):
            if SPELLABLE.fullmatch(form):
                spellable[len(form)].append(number)
        matrices = [
            codes([forms[number] for number in numbers], size) if numbers else np.zeros((0, size), np.uint8)
            for size, numbers in enumerate(spellable)
        ]
        odd = [number for number, row in enumerate(rows) if row.spelling != row.form]
        text, ends = _packed(forms)
        odd_text, odd_ends = _packed([rows[number].spelling for number in odd])
        return cls(
            (
                np.concatenate([bags(matrix) for matrix in matrices]),
                np.concatenate([sound_bags(matrix) for matrix in matrices]),
                np.array([number for numbers in spellable for number in numbers], "<u4"),
                np.cumsum([0, *(len(numbers) for numbers in spellable[:-1])]).astype("<u4"),
                np.array([row.documents for row in rows], "<u4"),
                ends,
                np.array(odd, "<u4"),
                odd_ends,
                np.concatenate([matrix.ravel() for matrix in matrices]),
                text,
                odd_text,
            )
        )

    @classmethod
    def open(cls, path: Path) -> Words:
        """Map a file that ``write`` made.

        Raises:
            OSError: it cannot be opened. ValueError: it is not whole, or something else.
        """
        data = mapped(path, np.dtype("u1"))
        head = data[: _HEAD.itemsize * (1 + len(_KINDS))]
        if len(head) < _HEAD.itemsize * (1 + len(_KINDS)) or head.view(_HEAD)[0] != _MAGIC:
            raise ValueError(f"{path.name}: не файл слов")
        sizes = head.view(_HEAD)[1:].tolist()
        ends = list(accumulate(sizes, initial=len(head)))
        if ends[-1] != len(data):
            raise ValueError(f"{path.name}: {len(data)} != {ends[-1]}")
        return cls(
            [data[start:stop].view(kind) for start, stop, kind in zip(ends, ends[1:], _KINDS, strict=False)]
        )

    def write(self, path: Path) -> None:
        """Write a file for ``open``; it is on the disk, whole, when this returns."""
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(np.array([_MAGIC, *(part.nbytes for part in self._parts)], _HEAD).tobytes())
            for part in self._parts:
                file.write(part.tobytes())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)

    def __len__(self) -> int:
        return len(self.documents)

    def form(self, number: int) -> str:
        """Return the folded form of a word."""
        return str(self._bytes(number), "utf-8")

    def entry(self, number: int) -> Entry:
        """Return all there is of a word."""
        form = self.form(number)
        at = int(np.searchsorted(self._odd, number))
        spelling = form
        if at < len(self._odd) and self._odd[at] == number:
            spelling = str(_piece(self._odd_text, self._odd_ends, at), "utf-8")
        return Entry(form, spelling, int(self.documents[number]))

    def find(self, form: str) -> int:
        """Return the number of a folded word, -1 for one that is not there."""
        wanted = form.encode("utf-8", "replace")
        at = bisect_left(_Sequence(len(self), self._bytes), wanted)
        return at if at < len(self) and self._bytes(at) == wanted else -1

    def beginning(self, start: str) -> range:
        """Return the numbers of the words that begin with the folded letters *start*."""
        wanted = start.encode("utf-8", "replace")
        cut = _Sequence(len(self), lambda number: self._bytes(number)[: len(wanted)])
        first = bisect_left(cut, wanted)
        if first == len(self) or not self._bytes(first).startswith(wanted):
            return range(first, first)
        return range(first, bisect_left(cut, wanted + b"\0", first))

    def group(self, length: int) -> Group:
        """Return the spellable words of *length* letters; there may be none."""
        if not 0 <= length < _LENGTHS - 1:
            return Group(self._numbers[:0], self._bags[:0], self._sounds[:0], np.zeros((0, 0), np.uint8))
        span = slice(int(self._starts[length]), int(self._starts[length + 1]))
        letters = self._letters[self._first_letters[length] : self._first_letters[length + 1]]
        return Group(
            self._numbers[span], self._bags[span], self._sounds[span], letters.reshape(-1, max(length, 1))
        )

    def _bytes(self, number: int) -> bytes:
        start = self._end_of[number - 1] if number else 0
        return bytes(self._text[start : self._end_of[number]])


_KINDS: tuple[np.dtype[Any], ...] = tuple(
    np.dtype(kind) for kind in ("<u8", "<u8", "<u4", "<u4", "<u4", "<u4", "<u4", "<u4", "u1", "u1", "u1")
)


class _Sequence(Sequence[bytes]):
    """What ``bisect`` asks for: a length and items."""

    def __init__(self, size: int, item: Callable[[int], bytes]) -> None:
        self._size = size
        self._item = item

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, number: Any) -> Any:
        return self._item(number)


def _packed(texts: Sequence[str]) -> tuple[Array, Array]:
    """Return texts end to end in UTF-8, and where each ends."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([len(one) for one in encoded], dtype=np.int64).astype("<u4")
    return np.frombuffer(b"".join(encoded), np.uint8), ends


def _piece(text: memoryview, ends: Array, number: int) -> bytes:
    start = int(ends[number - 1]) if number else 0
    return bytes(text[start : int(ends[number])])


class WordFiles:
    """Files of words in a folder of the generation in *folder*: one that counts, named by its number."""

    def __init__(self, folder: Path, name: str = "lexicon") -> None:
        self.generation = folder
        self._folder = folder / name

    def create(self) -> None:
        """Make the place for them."""
        self._folder.mkdir()

    def open(self, number: int) -> Words:
        """Map the file of *number*.

        Raises:
            OSError, ValueError: it is missing or not whole.
        """
        return Words.open(self._path(number))

    def write(self, number: int, words: Words) -> None:
        """Write a file; it counts once its number is kept in the store."""
        words.write(self._path(number))

    def sweep(self, number: int) -> None:
        """Delete all files but that of *number*. Who has one mapped goes on reading it."""
        for path in self._folder.iterdir():
            if path != self._path(number):
                with suppress(OSError):  # Windows: one that is mapped goes with a later change
                    path.unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06}.words"


class Lexicon:
    """The words of the archive: a file of most of them, and what came and went since."""

    def __init__(self, filed: Words, new: Words | None = None, gone: Iterable[str] = ()) -> None:
        self.parts = (filed,) if new is None or not len(new) else (filed, new)
        self._gone = frozenset(gone)
        self.total = sum(int(words.documents.sum(dtype=np.int64)) for words in self.parts)
        """Articles of all words, added up."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Lexicon:
        """Make a lexicon in memory; *entries* come in any order."""
        return cls(Words.build(sorted(entries)))

    def __len__(self) -> int:
        return sum(map(len, self.parts)) - len(self._gone)

    def __contains__(self, form: object) -> bool:
        return isinstance(form, str) and self.entry(form) is not None

    def entry(self, form: str) -> Entry | None:
        """Return a folded word with its spelling and count; None if no article has it."""
        if form in self._gone:
            return None
        for words in self.parts:
            number = words.find(form)
            if number >= 0:
                return words.entry(number)
        return None

    def beginning(self, start: str) -> Iterator[Entry]:
        """Yield the words that begin with the folded letters *start*."""
        for words in self.parts:
            for number in words.beginning(start):
                if not self.is_gone(words.form(number)):
                    yield words.entry(number)

    def frequent(self, start: str, most: int) -> list[Entry]:
        """Return the words with most articles that begin with the folded letters *start*, in that order.

        There may be fewer than *most* where many that the file still names are gone.
        """
        found: list[Entry] = []
        wanted = 2 * most if self._gone else most
        for words in self.parts:
            span = words.beginning(start)
            counts = words.documents[span.start : span.stop]
            places = counts.argpartition(-wanted)[-wanted:] if len(counts) > wanted else range(len(counts))
            found += [words.entry(span.start + int(place)) for place in places]
        there = (entry for entry in found if entry.form not in self._gone)
        return nsmallest(most, there, key=lambda entry: (-entry.documents, entry.form))

    def is_gone(self, form: str) -> bool:
        """Say whether no article has a word any more that the file still names."""
        return form in self._gone
