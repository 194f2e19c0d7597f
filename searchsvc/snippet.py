"""Stored text and token places to segments: what stands around the words that were looked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corpus.article import PART_GAP
from searchsvc.document import PARTS, Record, rows_with
from searchsvc.planning import Word
from searchsvc.results import Segment
from searchsvc.text import squeeze

SNIPPET_CHARS = 260
"""About three lines on a wide screen, six on a phone."""

_REACH = 40  # how far a snippet's edge may move to reach the beginning of a sentence or word
# A block without a mark at its end would run into the next one; a full stop is as long as the gap.
_BLOCK_END = re.compile(rf"(?<=[\w»)%]){PART_GAP}")
_SENTENCE_ENDS = ".!?…\n"
_SHOWN_PARTS = (PARTS.index("lead"), PARTS.index("body"))


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the query's words stand in a text: rising starts, stops, and the word's number."""

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]
    parts: npt.NDArray[np.int64]


def find_marks(words: Sequence[Word], lemmas: npt.NDArray[np.uint32], rows: Record) -> Marks:
    """Return the places of *words* in a document, given its rows and their lemmas (those of the words
    will do); weak words are not marked."""
    places, numbers = [], []
    for number, word in enumerate(words):
        if not word.weak:
            mine = rows_with(lemmas, word.lemmas)
            if word.exact:
                mine &= rows["form"] == word.form
            at = np.flatnonzero(mine)
            places.append(at)
            numbers.append(np.full(len(at), number))
    if not places:
        empty = np.empty(0, np.int64)
        return Marks(empty, empty, empty, empty)
    found = rows[np.concatenate(places)]
    start = found["start"].astype(np.int64)
    order = np.argsort(start, kind="stable")
    start = start[order]
    return Marks(
        start,
        start + found["size"][order],
        np.concatenate(numbers)[order],
        found["part"][order].astype(np.int64),
    )


def title_segments(text: str, title: str, marks: Marks) -> tuple[Segment, ...]:
    """Return the title, which stands at the beginning of *text*, with its words marked."""
    return _segments(text, 0, len(title), marks) if title else ()


def snippet(
    text: str, title: str, tags: str, marks: Marks, *, size: int = SNIPPET_CHARS
) -> tuple[Segment, ...]:
    """Return about *size* characters of *text* between its title and its tags, where most of the
    query's words stand.

    Without any word there, it is the beginning of the lead or body. «…» shows that text was
    left out.
    """
    begin = len(title) + len(PART_GAP) if title else 0
    text = text[: max(begin, len(text) - len(tags) - len(PART_GAP))] if tags else text
    text = _BLOCK_END.sub(". ", text)
    inside = np.isin(marks.parts, _SHOWN_PARTS)
    start = _best_start(marks.starts[inside], marks.words[inside], size, begin)
    start = _sentence_start(text, start, begin)
    stop = _word_stop(text, min(len(text), start + size))
    marks = Marks(marks.starts[inside], marks.stops[inside], marks.words[inside], marks.parts[inside])
    found = _segments(text, start, stop, marks)
    return _with_ellipses(found, before=start > begin, after=stop < len(text.rstrip()))


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


def _best_start(starts: npt.NDArray[np.int64], words: npt.NDArray[np.int64], size: int, begin: int) -> int:
    """Return the start of the first window with most distinct words, then most words."""
    if not len(starts):
        return begin
    room = max(1, size - 2 * _REACH)
    best, place = (0, 0), begin
    for row in range(len(starts)):
        last = int(np.searchsorted(starts, starts[row] + room))
        score = (len(set(words[row:last].tolist())), last - row)
        if score > best:
            best, place = score, int(starts[row])
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


def _segments(text: str, start: int, stop: int, marks: Marks) -> tuple[Segment, ...]:
    found: list[Segment] = []
    place = start
    first, last = np.searchsorted(marks.starts, (start, stop))
    for row in range(int(first), int(last)):
        begin, end = int(marks.starts[row]), min(int(marks.stops[row]), stop)
        if begin < place:
            continue
        found += [Segment(text[place:begin]), Segment(text[begin:end], match=True)]
        place = end
    found.append(Segment(text[place:stop]))
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
    parts = squeeze(text).split(" ") if squeeze(text) else []
    if not parts:
        return " "
    return (" " if text[0].isspace() else "") + " ".join(parts) + (" " if text[-1].isspace() else "")
