"""Words between a store and its lexicon: how a document spells them, what came and went, all of them read."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby

from searchsvc.errors import IndexDamagedError
from searchsvc.language.analysis import MAX_WORD, folded_form, spelt_form
from searchsvc.store.lexicon import Entry, Lexicon, WordFiles, Words

FILED = "lexicon"
"""Names the statistic that holds the number of the file of words that counts."""

_QUIET = re.compile(f"[а-я]{{1,{MAX_WORD}}}")


def read_lexicon(connection: sqlite3.Connection, files: WordFiles) -> Lexicon:
    """Return the words of a store: those of its file, and what came and went since.

    Raises:
        IndexDamagedError: the file is missing or broken.
    """
    missing = -1
    while True:
        number, new, gone = _state(connection)
        try:
            return Lexicon(files.open(number) if number else Words.build(()), new, gone)
        except FileNotFoundError as error:
            if number == missing:
                raise _damaged(files, error) from error
            missing = number  # a writer has put another one in its place just now
        except (OSError, ValueError) as error:
            raise _damaged(files, error) from error


def _state(connection: sqlite3.Connection) -> tuple[int, Words, list[str]]:
    """Return the number of the file that counts, 0 for none, and what came and went since it was written."""
    connection.execute("BEGIN")  # all of one state
    try:
        number = connection.execute("SELECT value FROM statistic WHERE name = ?", (FILED,)).fetchone()
        absent = connection.execute("SELECT form FROM form_change WHERE NOT present")
        gone = [form for (form,) in absent]
        new = connection.execute(
            "SELECT form, spelling, documents FROM form_change JOIN form USING (form) "
            "WHERE present ORDER BY form"
        )
        return int(number[0]) if number else 0, Words.build(entries_of(new)), gone
    finally:
        connection.execute("ROLLBACK")


def _damaged(files: WordFiles, error: Exception) -> IndexDamagedError:
    return IndexDamagedError(files.generation, f"файл слов не читается ({error})")


def entries_of(rows: Iterable[tuple[str, str, int]]) -> Iterator[Entry]:
    """Yield a word of the lexicon for the rows (form, spelling, documents) of each form, in their order."""
    for form, found in groupby(rows, key=lambda row: row[0]):
        counts = {spelling: documents for _, spelling, documents in found}
        best = min(counts, key=lambda spelling: (-counts[spelling], _loudness(spelling)))
        yield Entry(form, best, sum(counts.values()))


def spelt(forms: Iterable[str]) -> dict[str, str]:
    """Return the folded forms of a document's words, each with its quietest spelling there: a word that
    stands at the beginning of a sentence too has no capital."""
    found: dict[str, str] = {}
    for written in set(forms):
        quiet = _QUIET.fullmatch(written)  # as most words are
        form, spelling = (written, written) if quiet else _folded_and_spelt(written)
        known = found.get(form)
        if known is None or (known != spelling and _loudness(spelling) < _loudness(known)):
            found[form] = spelling
    return found


@lru_cache(maxsize=100_000)
def _folded_and_spelt(written: str) -> tuple[str, str]:
    return folded_form(written), spelt_form(written)


def _loudness(spelling: str) -> tuple[int, int, str]:
    return sum(map(str.isupper, spelling)), -spelling.count("ё"), spelling
