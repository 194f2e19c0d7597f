"""What the words of a query may be in other letters: in the other layout, or Russian in Latin letters.

One word says little («NBA» is «ТИФ» in the other layout): all words of the query are looked at together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from searchsvc.correction.faults import (
    READINGS_AMONG,
    Option,
    is_latin,
    misspelt_options,
    tells_of_translit,
    translit_among,
    translit_options,
)
from searchsvc.correction.keyboard import EDGE_MARKS, repair_layout, small_word, standing
from searchsvc.correction.vocabulary import Vocabulary
from searchsvc.language.text import CYRILLIC
from searchsvc.language.translit import MOST_READINGS

MOST_VAIN = 12
"""Words of a query that may be tried in vain. Who has more has pasted a text of another language; to try a
word takes 2-7 ms, and 85 of eleven Latin letters took 1.3 s."""

OTHER_READING = 2.0
"""What the other reading costs of a word that may be of the other layout or Russian in Latin letters."""


Chunk = re.Match[str]


class Reader:
    """Reads the words of one query. What was tried once is remembered; only so many are tried in vain."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._layout: dict[str, str | None] = {}
        self._options: dict[tuple[str, object], Sequence[Option]] = {}
        self._vain: set[str] = set()

    def layout(self, chunk: str) -> str | None:
        """Return *chunk* as it reads on the other keyboard layout, or None."""
        if chunk not in self._layout:
            self._layout[chunk] = repair_layout(chunk, self.vocabulary)
        return self._layout[chunk]

    def translit(self, chunk: str, *, most: int = MOST_READINGS) -> Sequence[Option]:
        """Return the words of the archive that *chunk*, in Latin letters, may be in Russian ones."""
        if not is_latin(chunk, self.vocabulary):
            return ()
        return self._tried(chunk, most, lambda: translit_options(chunk, self.vocabulary, most=most))

    def misspelt(self, word: str, *, sure: bool) -> Sequence[Option]:
        """Return what a misspelt word, or words written as one, may be; *sure* as in ``misspelt_options``."""
        bare = word.strip(EDGE_MARKS)
        if self.vocabulary.has(bare) or (sure and self.vocabulary.is_word(bare)):
            return ()
        return self._tried(word, sure, lambda: misspelt_options(word, self.vocabulary, sure=sure))

    def _tried(self, word: str, how: object, options: Callable[[], Sequence[Option]]) -> Sequence[Option]:
        found = self._options.get((word, how))
        if found is None:
            if len(self._vain) >= MOST_VAIN and word not in self._vain:
                return ()
            found = self._options[word, how] = options()
            if not found:
                self._vain.add(word)
        return found


def in_other_letters(chunks: Sequence[Chunk], reader: Reader, *, sure: bool) -> dict[int, Sequence[Option]]:
    """Return options for words typed in the other layout or in Latin letters, by their place.

    What can be either («NBA igroka») is what more of the others are.
    """
    vocabulary = reader.vocabulary
    layout: dict[int, Sequence[Option]] = {}
    either: dict[int, Sequence[Option]] = {}
    for chunk in chunks:
        fixed = reader.layout(chunk.group())
        if fixed is None:
            continue
        options = reader.translit(chunk.group(), most=READINGS_AMONG)
        if options and not standing(fixed, vocabulary):
            continue  # the archive has the one («egrul»), and only the dictionary the other
        layout[chunk.start()] = [Option(0.0, "layout", fixed)]
        if options:
            either[chunk.start()] = options
    if any(CYRILLIC.search(chunk.group()) is None for chunk in chunks if chunk.start() in layout):
        for chunk in chunks:  # the archive may have «r», but it was typed among Russian words
            if small := small_word(chunk.group()):
                layout.setdefault(chunk.start(), [Option(0.0, "layout", small)])
    rest = [chunk for chunk in chunks if chunk.start() not in layout]
    translit = _in_latin(chunks, reader, sure=sure) if _in_latin(rest, reader, sure=sure) else {}
    only_translit, only_layout = len(translit.keys() - layout.keys()), len(layout.keys() - either.keys())
    found: dict[int, Sequence[Option]] = {**translit, **layout}
    if only_translit > only_layout:
        found = {**layout, **translit}
    for start, options in either.items():  # with the others of the query it is found out which
        pair = [layout[start][0], options[0]]
        if only_translit > only_layout:
            pair.reverse()
        elif not only_translit and not only_layout:
            pair.sort(key=lambda option: _rank(option, vocabulary))
        one, other = pair
        found[start] = [one._replace(cost=0.0), other._replace(cost=OTHER_READING)]
    return found


def _rank(option: Option, vocabulary: Vocabulary) -> tuple[int, float]:
    """Order readings of the same word: abbreviations of the list first («ege»), then by cost."""
    word = option.replacement.strip(EDGE_MARKS)
    return -standing(word, vocabulary), option.cost + vocabulary.cost(word)


def _in_latin(chunks: Sequence[Chunk], reader: Reader, *, sure: bool) -> Mapping[int, Sequence[Option]]:
    """Read the words in Latin letters as Russian ones, if half of them or more can be.

    Who writes Russian in Latin letters writes all of it so: «Big Data» is English, though «дата» is a word.
    English words do not count either way, and go with the rest; what is not *sure* may be made of them alone.
    """
    vocabulary = reader.vocabulary
    read = {
        chunk.start(): (chunk.group(), reader.translit(chunk.group()))
        for chunk in chunks
        if is_latin(chunk.group(), vocabulary)
    }
    telling = {
        start: bool(options)
        for start, (word, options) in read.items()
        if not sure or tells_of_translit(word, options, vocabulary)
    }
    if not any(telling.values()) or 2 * sum(telling.values()) < len(telling) + (not sure):
        return {}
    found = {start: options for start, (_, options) in read.items() if options}
    rest = {chunk.start(): chunk.group() for chunk in chunks if chunk.start() not in found}
    among = {start: options for start, word in rest.items() if (options := translit_among(word, vocabulary))}
    return found | among if telling.keys() <= (found | among).keys() else found
