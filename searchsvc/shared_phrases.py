"""Which phrases the titles of many articles share, and which tags are phrases."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from searchsvc.lexicon import Entry
from searchsvc.stopwords import STOP_WORDS
from searchsvc.text import fold, plain
from searchsvc.wording import folded, key_of, plain_text, runs_of

LEAST_ARTICLES = 3
"""Articles whose titles share a phrase; what two share is often one news item printed twice."""

LONGEST_PHRASE = 5
"""Words of a phrase."""

MOSTLY = 0.8
"""A phrase is left out where this share of its articles go on with the same word: «единый
государственный» would stand beside «единый государственный экзамен»."""

Ints = npt.NDArray[np.int64]
Spelling = Callable[[str], str]
"""Gives the spelling that the archive has most often for a word, as it is where it does not know it."""


def phrases_of(title: str, tags: Iterable[str]) -> Counter[tuple[str, str]]:
    """Return what an article adds to each phrase that may be filed, with its spelling where it is a tag."""
    found: Counter[tuple[str, str]] = Counter()
    grams = set()
    for run in runs_of(title):
        forms = [folded(token) for token in run]
        for first in range(len(forms)):
            for stop in range(first + 2, min(first + LONGEST_PHRASE, len(forms)) + 1):
                if _opens(forms[first]) and forms[stop - 1] not in STOP_WORDS:
                    grams.add(" ".join(forms[first:stop]))
    found.update((gram, "") for gram in grams)
    found.update({key_of(tag): plain_text(tag) for tag in tags if _is_phrase(runs_of(tag))}.items())
    return found


def _opens(form: str) -> bool:
    return form not in STOP_WORDS and not form.isdigit()


def _is_phrase(runs: Sequence[Sequence[str]]) -> bool:
    return len(runs) == 1 and 2 <= len(runs[0]) <= LONGEST_PHRASE


class Row(NamedTuple):
    """A document as phrases are made of it."""

    key: int
    title: str
    tags: tuple[str, ...]
    present: bool


class _Positions:
    """The words of all titles and tags end to end, as numbers."""

    def __init__(self, rows: Iterable[Row], spelling: Spelling) -> None:
        self.forms: dict[str, int] = {}
        self.spellings: dict[str, int] = {}
        form, spelt, document, left, tag = (array("q") for _ in range(5))
        for number, row in enumerate(rows):
            loud = row.title.isupper()
            for place, run in enumerate(runs_of(row.title)):
                for at, token in enumerate(run):
                    # A capital at the beginning is the title's, not the word's.
                    shown = spelling(fold(token)) if loud or not (place or at) else plain(token)
                    form.append(self.forms.setdefault(folded(token), len(self.forms)))
                    spelt.append(self.spellings.setdefault(shown, len(self.spellings)))
                    document.append(2 * number)
                    left.append(len(run) - at)
                    tag.append(0)
            for runs in {one: runs_of(one) for one in row.tags}.values():
                for at, token in enumerate(runs[0] if _is_phrase(runs) else ()):
                    form.append(self.forms.setdefault(folded(token), len(self.forms)))
                    spelt.append(self.spellings.setdefault(plain(token), len(self.spellings)))
                    document.append(2 * number + 1)
                    left.append(len(runs[0]) - at)
                    tag.append(len(runs[0]) if at == 0 else -1)
        self.form, self.spelt, self.document, self.left, self.tag = (
            np.frombuffer(column, np.int64) for column in (form, spelt, document, left, tag)
        )
        names = list(self.forms)
        self.opens = np.array([_opens(name) for name in names], bool)
        self.closes = np.array([name not in STOP_WORDS for name in names], bool)


def shared_phrases(rows: Iterable[Row], spelling: Spelling, *, least: int = LEAST_ARTICLES) -> list[Entry]:
    """Return the phrases that titles of at least *least* articles share, and all tags of several words.

    All phrases of one length are numbered at once: a longer one is a shorter one and a word.
    """
    words = _Positions(rows, spelling)
    found: dict[str, Entry] = {}
    shorter: dict[int, Entry] = {}
    gram, spelt = words.form, words.spelt
    names, shown = list(words.forms), list(words.spellings)
    for size in range(2, LONGEST_PHRASE + 1):
        before = gram
        gram, spelt = _longer(gram, words.form, size), _longer(spelt, words.spelt, size)
        last = np.roll(words.form, 1 - size)
        fits = words.left >= size
        in_title = fits & (words.tag == 0)
        in_title[in_title] = words.opens[words.form[in_title]] & words.closes[last[in_title]]
        at = np.flatnonzero(in_title | (fits & (words.tag == size)))
        longer: dict[int, Entry] = {}
        for place, variants, titles, tags in _counted(at, gram, spelt, words.document, least):
            spellings = [" ".join(shown[n] for n in words.spelt[one : one + size]) for one, _ in variants]
            counts = (count for _, count in variants)
            best = min(zip(spellings, counts, strict=True), key=lambda pair: (-pair[1], _loudness(pair[0])))
            form = " ".join(names[n] for n in words.form[place : place + size])
            found[form] = Entry(form, best[0], titles + tags)
            if not tags:  # what an editor made a tag is whole
                longer[int(gram[place])] = found[form]
            whole = shorter.get(int(before[place]))
            if whole is not None and titles >= MOSTLY * whole.documents:
                found.pop(whole.form, None)
        shorter = longer
    return sorted(found.values())


def _longer(gram: Ints, word: Ints, size: int) -> Ints:
    """Number the sequences of *size* words by those of one word less and the word that follows."""
    if not len(gram):
        return gram
    _, numbers = np.unique(gram << 32 | np.roll(word, 1 - size), return_inverse=True)
    return np.asarray(numbers, np.int64)


def _counted(
    at: Ints, gram: Ints, spelt: Ints, document: Ints, least: int
) -> Iterator[tuple[int, list[tuple[int, int]], int, int]]:
    """Yield for each phrase that counts a place of it, its spellings (place, number), titles and tags."""
    if not len(at):
        return
    _, number = np.unique(gram[at], return_inverse=True)
    pairs = np.unique(number * (int(document.max()) + 1) + document[at])
    owner, by_tag = pairs // (int(document.max()) + 1), pairs % (int(document.max()) + 1) % 2 == 1
    titles = np.bincount(owner[~by_tag], minlength=int(number.max()) + 1)
    tags = np.bincount(owner[by_tag], minlength=int(number.max()) + 1)
    kept = (titles >= least) | (tags > 0)
    at, number = at[kept[number]], number[kept[number]]
    order = np.lexsort((spelt[at], number))
    at, number = at[order], number[order]
    new = np.flatnonzero(np.diff(number << 32 | spelt[at], prepend=-1))
    counts = np.diff(new, append=len(at))
    variants: list[tuple[int, int]] = []
    for place, (start, count) in enumerate(zip(new.tolist(), counts.tolist(), strict=True)):
        variants.append((int(at[start]), count))
        if place + 1 == len(new) or number[new[place + 1]] != number[start]:
            own = int(number[start])
            yield variants[0][0], variants, int(titles[own]), int(tags[own])
            variants = []


def _loudness(spelling: str) -> tuple[int, int, str]:
    return sum(map(str.isupper, spelling)), -spelling.count("ё"), spelling
