"""Stored text and token places to segments: what stands around the words that were looked for."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from corpus.article import PART_GAP
from searchsvc.language.text import squeeze
from searchsvc.query.planning import Word
from searchsvc.results import Segment
from searchsvc.store.document import PARTS, rows_with
from searchsvc.store.records import Occurrences

SNIPPET_CHARS = 260
"""About three lines on a wide screen, six on a phone."""

_REACH = 40  # how far a snippet's edge may move to reach the beginning of a sentence or word
# A block without a mark at its end would run into the next one; a full stop is as long as the gap.
_BLOCK_END = re.compile(rf"(?<=[\w»)%]){PART_GAP}")
_SENTENCE_ENDS = ".!?…\n"
_SHOWN_PARTS = frozenset({PARTS.index("lead"), PARTS.index("body")})


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the query's words stand in a text: rising starts, stops, the word's number, the part."""

    starts: list[int]
    stops: list[int]
    words: list[int]
    parts: list[int]

    def within(self, parts: Container[int]) -> Marks:
        """Return those in *parts*."""
        kept = [row for row, part in enumerate(self.parts) if part in parts]
        columns = (self.starts, self.stops, self.words, self.parts)
        return Marks(*([column[row] for row in kept] for column in columns))


def find_marks(words: Sequence[Word], found: Occurrences) -> list[Marks]:
    """Return the places of *words* and their synonyms in each document of *found*, without weak words."""
    at: list[npt.NDArray[np.intp]] = []
    for word in words:
        mine = np.zeros(len(found.lemma), np.bool_) if word.weak else rows_with(found.lemma, word.lemmas)
        if word.exact:
            mine &= found.rows["form"] == word.form
        also = () if word.weak else tuple(found.runs(run).ravel() for run in word.also)
        at.append(np.concatenate([np.flatnonzero(mine), *also]))
    places = np.concatenate([np.empty(0, np.intp), *at])
    numbers = np.repeat(np.arange(len(at)), [len(mine) for mine in at])
    rows = found.rows[places]
    document, start = found.document[places], rows["start"].astype(np.int64)
    order = np.argsort(document << 32 | start, kind="stable")
    rows, start = rows[order], start[order]
    bounds = np.searchsorted(document[order], np.arange(len(found.days) + 1)).tolist()
    columns = [column.tolist() for column in (start, start + rows["size"], numbers[order], rows["part"])]
    return [Marks(*(column[first:last] for column in columns)) for first, last in pairwise(bounds)]


def title_segments(text: str, title: str, marks: Marks) -> tuple[Segment, ...]:
    """Return the title, which stands at the beginning of *text*, with its words marked."""
    return _segments(text[: len(title)], 0, marks) if title else ()


def snippet(
    text: str, title: str, tags: str, marks: Marks, *, size: int = SNIPPET_CHARS
) -> tuple[Segment, ...]:
    """Return about *size* characters of *text* between its title and its tags, where most of the
    query's words stand.

    Without any word there, it is the beginning of the lead or body. «…» shows that text was
    left out.
    """
    begin = len(title) + len(PART_GAP) if title else 0
    end = max(begin, len(text) - len(tags) - len(PART_GAP)) if tags else len(text)
    marks = marks.within(_SHOWN_PARTS)
    start = _sentence_start(text, _best_start(marks, size, begin), begin)
    stop = _word_stop(text, min(end, start + size))
    found = _segments(_BLOCK_END.sub(". ", text[start:stop]), start, marks)
    return _with_ellipses(found, before=start > begin, after=bool(text[stop:end].strip()))


def _with_ellipses(found: tuple[Segment, ...], *, before: bool, after: bool) -> tuple[Segment, ...]:
    """Show that text was left out; a hard space keeps the dots beside their word."""
    pieces = list(found)
    if before:
        pieces.insert(0, Segment("…\u00a0"))
    if after:
        pieces.append(Segment("\u00a0…"))
    if before and len(pieces) > 1 and not pieces[1].match:
        pieces[:2] = [Segment(pieces[0].text + pieces[1].text.lstrip())]
    if after and len(pieces) > 1 and not pieces[-2].match:
        pieces[-2:] = [Segment(pieces[-2].text.rstrip() + pieces[-1].text)]
    return tuple(pieces)


def _best_start(marks: Marks, size: int, begin: int) -> int:
    """Return the start of the first window with most distinct words, then most words."""
    room = max(1, size - 2 * _REACH)
    best, place = (0, 0), begin
    last = 0
    inside: Counter[int] = Counter()
    for row, start in enumerate(marks.starts):
        while last < len(marks.starts) and marks.starts[last] < start + room:
            inside[marks.words[last]] += 1
            last += 1
        score = (len(inside), last - row)
        if score > best:
            best, place = score, start
        inside[marks.words[row]] -= 1
        if not inside[marks.words[row]]:
            del inside[marks.words[row]]
    return place


def _sentence_start(text: str, start: int, begin: int) -> int:
    """Move *start* back to where a sentence begins if that is near, else some words back."""
    floor = max(begin, start - 2 * _REACH)
    if floor == begin:
        return begin
    for place in range(start - 1, floor, -1):
        if text[place - 1] in _SENTENCE_ENDS and text[place].isspace():
            return place + 1
    place = max(floor, start - _REACH)
    gap = text.find(" ", place, start)
    return gap + 1 if gap >= 0 else start


def _word_stop(text: str, stop: int) -> int:
    """Move *stop* back to the end of a word, unless that word is longer than the reach."""
    if stop >= len(text) or text[stop].isspace():
        return stop
    for place in range(stop, max(0, stop - _REACH), -1):
        if text[place - 1].isspace():
            return place - 1
    return stop


def _segments(text: str, offset: int, marks: Marks) -> tuple[Segment, ...]:
    """Cut *text*, which stands at *offset* of an article's text, at its marks."""
    found: list[Segment] = []
    place = 0
    stop = offset + len(text)
    for row in range(bisect_left(marks.starts, offset), bisect_left(marks.starts, stop)):
        begin, end = marks.starts[row] - offset, min(marks.stops[row], stop) - offset
        if begin < place:
            continue
        found += [Segment(text[place:begin]), Segment(text[begin:end], match=True)]
        place = end
    found.append(Segment(text[place:]))
    return _joined(found)


def _joined(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Drop empty segments and join neighbours of one kind, with white space as single spaces."""
    found: list[Segment] = []
    for segment in segments:
        if not segment.text:
            continue
        text = segment.text if segment.match else _one_line(segment.text)
        if found and found[-1].match == segment.match:
            found[-1] = Segment(found[-1].text + text, segment.match)
        else:
            found.append(Segment(text, segment.match))
    return tuple(found)


def _one_line(text: str) -> str:
    inside = squeeze(text)
    if not inside:
        return " "
    return (" " if text[0].isspace() else "") + inside + (" " if text[-1].isspace() else "")
