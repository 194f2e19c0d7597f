"""Phrases and titles of the archive for completion, as files of words beside the lexicon.

    phrases/000001.words     word sequences that titles share, and tags: folded, as written most often,
                             articles
    titles/000001.words      folded titles, each with the key of its document
    sequences/000001.words   words that stand side by side in articles (``searchsvc.sequences``)

A rebuild writes them, and a sync anew when enough articles came. Between two files a table in the store
counts what articles that came or went did to a filed phrase, so that one that no article has any more is
not offered; titles of documents that came later are read from their rows. Titles are checked by their rows,
which know when an article was withdrawn; sequences are asked for when they are offered.
"""

from __future__ import annotations

import json
import re
import sqlite3
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from searchsvc.errors import IndexDamagedError
from searchsvc.lexicon import Entry, Lexicon, WordFiles, Words
from searchsvc.stopwords import STOP_WORDS
from searchsvc.text import fold, plain, strip_marks

SCHEMA = """
CREATE TABLE phrase_change (
    form TEXT PRIMARY KEY, spelling TEXT NOT NULL, documents INTEGER NOT NULL
) WITHOUT ROWID;
"""

LEAST_ARTICLES = 3
"""Articles whose titles share a phrase; what two share is often one news item printed twice."""

LONGEST_PHRASE = 5
"""Words of a phrase."""

MOSTLY = 0.8
"""A phrase is left out where this share of its articles go on with the same word: «единый
государственный» would stand beside «единый государственный экзамен»."""

UNFILED_LEAST = 200
UNFILED_SHARE = 50
"""New files are written once 200 articles came, in large archives a fiftieth of them. 100,000 titles take
some seconds; readers take 2,000 titles in with every change that they see, some 40 ms."""

SEQUENCES_SHARE = 10
"""Sequences are counted anew once a tenth of the archive is new: of 100,000 articles it takes some 20 s,
and what is new is offered by its words and titles meanwhile."""

_FILED = "phrases"
_SEQUENCES = "sequences"
_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"[^\W_]+(?:[-‐‑'’./][^\W_]+)*")
_SPACE = re.compile(r"\s+")

Ints = npt.NDArray[np.int64]
Spelling = Callable[[str], str]
"""Gives the spelling that the archive has most often for a word, as it is where it does not know it."""


@lru_cache(maxsize=200_000)
def _folded(token: str) -> str:
    return " ".join(map(fold, _WORD.findall(token)))


def key_of(text: str) -> str:
    """Return what titles and phrases are compared by: folded words, one space between two."""
    return " ".join(filter(None, map(_folded, _TOKEN.findall(strip_marks(text)))))


def runs_of(text: str) -> list[list[str]]:
    """Return the words of a title or tag in runs: other marks than spaces part them."""
    runs: list[list[str]] = []
    end = -1
    text = strip_marks(text)
    for match in _TOKEN.finditer(text):
        if end >= 0 and _SPACE.fullmatch(text, end, match.start()):
            runs[-1].append(match.group())
        else:
            runs.append([match.group()])
        end = match.end()
    return runs


def phrases_of(title: str, tags: Iterable[str]) -> Counter[tuple[str, str]]:
    """Return what an article adds to each phrase that may be filed, with its spelling where it is a tag."""
    found: Counter[tuple[str, str]] = Counter()
    grams = set()
    for run in runs_of(title):
        forms = [_folded(token) for token in run]
        for first in range(len(forms)):
            for stop in range(first + 2, min(first + LONGEST_PHRASE, len(forms)) + 1):
                if _opens(forms[first]) and forms[stop - 1] not in STOP_WORDS:
                    grams.add(" ".join(forms[first:stop]))
    found.update((gram, "") for gram in grams)
    found.update({key_of(tag): plain_text(tag) for tag in tags if _is_phrase(runs_of(tag))}.items())
    return found


def plain_text(text: str) -> str:
    """Return *text* with every word as a keyboard has it."""
    return " ".join(map(plain, text.split()))


def _opens(form: str) -> bool:
    return form not in STOP_WORDS and not form.isdigit()


def _is_phrase(runs: Sequence[Sequence[str]]) -> bool:
    return len(runs) == 1 and 2 <= len(runs[0]) <= LONGEST_PHRASE


class _Row(NamedTuple):
    """A document as phrases are made of it."""

    key: int
    title: str
    tags: tuple[str, ...]
    present: bool


class _Positions:
    """The words of all titles and tags end to end, as numbers."""

    def __init__(self, rows: Iterable[_Row], spelling: Spelling) -> None:
        self.forms: dict[str, int] = {}
        self.spellings: dict[str, int] = {}
        form, spelt, document, left, tag = (array("q") for _ in range(5))
        for number, row in enumerate(rows):
            loud = row.title.isupper()
            for place, run in enumerate(runs_of(row.title)):
                for at, token in enumerate(run):
                    # A capital at the beginning is the title's, not the word's.
                    shown = spelling(fold(token)) if loud or not (place or at) else plain(token)
                    form.append(self.forms.setdefault(_folded(token), len(self.forms)))
                    spelt.append(self.spellings.setdefault(shown, len(self.spellings)))
                    document.append(2 * number)
                    left.append(len(run) - at)
                    tag.append(0)
            for runs in {one: runs_of(one) for one in row.tags}.values():
                for at, token in enumerate(runs[0] if _is_phrase(runs) else ()):
                    form.append(self.forms.setdefault(_folded(token), len(self.forms)))
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


def shared_phrases(rows: Iterable[_Row], spelling: Spelling, *, least: int = LEAST_ARTICLES) -> list[Entry]:
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


# --- in the store --------------------------------------------------------------------------------


class PhraseFiles:
    """The files of a generation's folder; the numbers of those that count are kept in the store."""

    def __init__(self, folder: Path) -> None:
        self.phrases = WordFiles(folder, "phrases")
        self.titles = WordFiles(folder, "titles")
        self.sequences = WordFiles(folder, "sequences")

    def create(self) -> None:
        """Make the place for them."""
        for files in (self.phrases, self.titles, self.sequences):
            files.create()

    def sweep(self, number: int, sequences: int) -> None:
        """Delete all files but those of *number*, and of *sequences*."""
        self.phrases.sweep(number)
        self.titles.sweep(number)
        self.sequences.sweep(sequences)


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases and titles as a reader has them. ``titles`` count no articles, but name a document's key;
    ``sequences`` may be of articles that went since they were filed."""

    phrases: Lexicon
    titles: Lexicon
    sequences: Lexicon


def read_phrases(connection: sqlite3.Connection, files: PhraseFiles) -> Phrases:
    """Return the phrases and titles of a store: those of its files, and what came and went since.

    Raises:
        IndexDamagedError: a file is missing or broken.
    """
    missing: tuple[int, int] | None = None
    while True:
        connection.execute("BEGIN")  # all of one state
        number, last = _filed(connection)
        sequences, _ = _filed(connection, _SEQUENCES)
        try:
            return _read(connection, files, number, last, sequences)
        except FileNotFoundError as error:
            if (number, sequences) == missing:
                raise _damaged(files, error) from error
            missing = number, sequences  # a writer has put others in their place just now
        except (OSError, ValueError) as error:
            raise _damaged(files, error) from error
        finally:
            connection.execute("ROLLBACK")


def _read(
    connection: sqlite3.Connection, files: PhraseFiles, number: int, last: int, sequences: int
) -> Phrases:
    if not number:
        return Phrases(Lexicon.of(()), Lexicon.of(()), Lexicon.of(()))
    filed = files.phrases.open(number)
    new, gone = [], []
    for form, spelling, change in connection.execute("SELECT * FROM phrase_change ORDER BY form"):
        at = filed.find(form)
        if at < 0 and change > 0:
            new.append(Entry(form, spelling, change))
        elif at >= 0 and int(filed.documents[at]) + change <= 0:
            gone.append(form)
    titles = Words.build(_titles(_rows(connection, after=last)))
    return Phrases(
        Lexicon(filed, Words.build(new), gone),
        Lexicon(files.titles.open(number), titles),
        Lexicon(files.sequences.open(sequences) if sequences else Words.build(())),
    )


class PhraseWriter:
    """What changes of documents do to phrases, within one transaction of the store."""

    def __init__(self, connection: sqlite3.Connection, files: PhraseFiles) -> None:
        self._connection = connection
        self._files = files
        self._words: Words | None = None
        self._changes: Counter[tuple[str, str]] = Counter()

    def count(self, title: str, tags: Iterable[str], change: int) -> None:
        """Take in that an article came (1) or went (-1); nothing to do before the first file.

        Raises:
            IndexDamagedError: the file of phrases is missing or not whole.
        """
        number, _ = _filed(self._connection)
        if not number:
            return
        if self._words is None:
            try:
                self._words = self._files.phrases.open(number)
            except (OSError, ValueError) as error:
                raise _damaged(self._files, error) from error
        for (form, spelling), times in phrases_of(title, tags).items():
            if spelling or self._words.find(form) >= 0:
                self._changes[form, spelling] += change * times

    def flush(self) -> None:
        """Write the changes gathered so far."""
        self._connection.executemany(
            "INSERT INTO phrase_change VALUES (?, ?, ?) ON CONFLICT (form) DO UPDATE SET "
            "documents = documents + excluded.documents, "
            "spelling = CASE spelling WHEN '' THEN excluded.spelling ELSE spelling END",
            [(form, spelling, change) for (form, spelling), change in self._changes.items() if change],
        )
        self._connection.execute("DELETE FROM phrase_change WHERE documents = 0")
        self._changes.clear()

    def file(
        self, spelling: Spelling, sequences: Callable[[], Iterable[Entry]], *, always: bool = True
    ) -> None:
        """Write new files; without *always* only those for which enough documents came since the last ones.

        *sequences* counts those of all documents, in order.
        """
        if always or self._is_due(_FILED, UNFILED_SHARE):
            number = _filed(self._connection)[0] + 1
            present = (row for row in _rows(self._connection) if row.present)
            self._files.phrases.write(number, Words.build(shared_phrases(present, spelling)))
            self._files.titles.write(number, Words.build(_titles(_rows(self._connection))))
            self._keep(_FILED, number)
            self._connection.execute("DELETE FROM phrase_change")
            self._changes.clear()
            self._words = None
        if always or self._is_due(_SEQUENCES, SEQUENCES_SHARE):
            number = _filed(self._connection, _SEQUENCES)[0] + 1
            self._files.sequences.write(number, Words.build(sequences()))
            self._keep(_SEQUENCES, number)

    def _is_due(self, name: str, share: int) -> bool:
        number, last = _filed(self._connection, name)
        count = self._connection.execute("SELECT count(*) FROM document").fetchone()[0]
        return not number or self._newest() - last >= max(UNFILED_LEAST, count // share)

    def _keep(self, name: str, number: int) -> None:
        value = f"{number} {self._newest()}".encode()
        self._connection.execute("INSERT OR REPLACE INTO statistic VALUES (?, ?)", (name, value))

    def _newest(self) -> int:
        return int(self._connection.execute("SELECT max(key) FROM document").fetchone()[0] or 0)

    def sweep(self) -> None:
        """Delete files that count no more."""
        self._files.sweep(_filed(self._connection)[0], _filed(self._connection, _SEQUENCES)[0])


def _damaged(files: PhraseFiles, error: Exception) -> IndexDamagedError:
    return IndexDamagedError(files.phrases.generation, f"файл фраз не читается ({error})")


def _filed(connection: sqlite3.Connection, name: str = _FILED) -> tuple[int, int]:
    """Return the number of the files that count, 0 for none, and the last key that is in them."""
    row = connection.execute("SELECT value FROM statistic WHERE name = ?", (name,)).fetchone()
    number, last = map(int, bytes(row[0]).split()) if row else (0, 0)
    return number, last


def _rows(connection: sqlite3.Connection, *, after: int = 0) -> Iterator[_Row]:
    """Yield all documents after a key, those that went too: a reader may still be where they are."""
    for key, card, until in connection.execute(
        "SELECT key, card, until FROM document WHERE key > ? ORDER BY key", (after,)
    ):
        values = json.loads(card)
        yield _Row(key, values["title"], tuple(values["tags"]), until is None)


def _titles(rows: Iterable[_Row]) -> list[Entry]:
    forms = ((key_of(row.title), row.key) for row in rows)
    return sorted(Entry(form, form, key) for form, key in forms if form)
