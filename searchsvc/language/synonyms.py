"""Abbreviations and synonyms: what else a query may be called in the texts.

A list is a plain file (``searchsvc/data/abbreviations.txt`` says how it is written). It acts on queries
alone: a changed list needs no reindexing. An abbreviation also finds its full forms, a full form also
finds the abbreviation; nothing is replaced twice, and what stands in quotes is meant as it is.
"""

from __future__ import annotations

import logging
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from searchsvc.errors import SynonymsError
from searchsvc.language.analysis import Analyzer, Token
from searchsvc.language.packaged import packaged_text
from searchsvc.language.text import fold
from searchsvc.language.wording import key_of

log = logging.getLogger(__name__)

CAPITALS_ONLY = "только заглавными"
"""The note of an abbreviation that is written like a common word."""

MAX_WORDS = 16
MAX_BYTES = 2_000_000
"""What a list may be at most: whatever is longer was not written by an editor."""

_PACKAGED = "abbreviations.txt"
_REPORTED = 3

Steps = tuple[tuple[str, ...], ...]
"""Words side by side, each with its plausible lemmas."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a list: an abbreviation and its full forms; none switch a packaged entry off."""

    short: str
    full: tuple[str, ...]
    capitals_only: bool = False


@dataclass(frozen=True, slots=True)
class Alternative:
    """What may stand in the place of the query's tokens number ``first`` to ``last``; ``text`` is as the
    list has it."""

    first: int
    last: int
    steps: Steps
    text: str


@dataclass(frozen=True, slots=True)
class _Rule:
    steps: Steps
    instead: Steps
    text: str
    capitals_only: bool


class Synonyms:
    """A list in force. Immutable."""

    def __init__(self, entries: Mapping[str, Entry], analyzer: Analyzer) -> None:
        self.entries = entries
        self.revision = f"{zlib.crc32(repr(sorted(entries.items())).encode()):08x}" if entries else "0"
        self._rules: dict[str, list[_Rule]] = {}
        self._forms = sorted((key_of(form), form) for entry in entries.values() for form in entry.full)
        for entry in entries.values():
            short = _steps(entry.short, analyzer)
            for form in entry.full:
                full = _steps(form, analyzer)
                self._add(_Rule(short, full, form, entry.capitals_only))
                if not entry.capitals_only:  # «Ким» is not to be found by «контрольный материал»
                    self._add(_Rule(full, short, entry.short, capitals_only=False))

    def _add(self, rule: _Rule) -> None:
        for lemma in rule.steps[0] if rule.steps and rule.instead else ():
            self._rules.setdefault(lemma, []).append(rule)

    def beginning(self, start: str) -> Iterator[str]:
        """Yield the full forms that begin with *start*, which is folded as titles are."""
        for key, form in self._forms[bisect_left(self._forms, (start, "")) :]:
            if not key.startswith(start):
                return
            yield form

    def alternatives(self, tokens: Sequence[Token]) -> Iterator[Alternative]:
        """Yield what else may stand for parts of *tokens*, which stand side by side in a query."""
        for first, token in enumerate(tokens):
            met: set[int] = set()
            for rule in (rule for lemma in token.lemmas for rule in self._rules.get(lemma, ())):
                if id(rule) not in met and _fits(rule, tokens[first : first + len(rule.steps)]):
                    met.add(id(rule))
                    yield Alternative(first, first + len(rule.steps) - 1, rule.instead, rule.text)


def _fits(rule: _Rule, tokens: Sequence[Token]) -> bool:
    if len(tokens) != len(rule.steps):
        return False
    if rule.capitals_only and any(token.form.upper() != token.form for token in tokens):
        return False
    pairs = zip(tokens, rule.steps, strict=True)
    return all(not set(token.lemmas).isdisjoint(step) for token, step in pairs)


def _steps(text: str, analyzer: Analyzer) -> Steps:
    return tuple(token.lemmas for token in analyzer.tokens(text) if not token.whole)


class SynonymBook:
    """The packaged list with the editor's own file over it, read again when the file changes.

    An entry of the file takes the place of the packaged one with the same left side.
    """

    def __init__(self, analyzer: Analyzer, path: Path | None = None) -> None:
        self._analyzer = analyzer
        self._path = path
        self._packaged: Mapping[str, Entry] | None = None
        self._state: tuple[int, ...] = ()
        self._synonyms: Synonyms | None = None
        self.problem = ""

    def current(self) -> Synonyms:
        """Return the list in force, looking whether the file has changed.

        A file that cannot be used leaves the list as it was, at the start the packaged one; ``problem``
        says why.
        """
        state = _state(self._path)
        if self._synonyms is None or state != self._state:
            try:
                self._synonyms = self.read()
                self.problem = ""
            except SynonymsError as error:
                self._synonyms = self._synonyms or self._with({})
                self.problem = str(error)
                log.error("synonyms.unreadable")
            self._state = state
        return self._synonyms

    def read(self) -> Synonyms:
        """Return the list as the file has it now.

        Raises:
            SynonymsError: the file cannot be used.
        """
        return self._with(read_entries(_text(self._path), str(self._path)) if self._path else {})

    def _with(self, own: Mapping[str, Entry]) -> Synonyms:
        if self._packaged is None:
            self._packaged = packaged_entries()
        return Synonyms({**self._packaged, **own}, self._analyzer)


def packaged_entries() -> dict[str, Entry]:
    """Return the entries of the packaged list by their folded left side."""
    return read_entries(packaged_text(_PACKAGED), _PACKAGED)


def _state(path: Path | None) -> tuple[int, ...]:
    """Tell one state of a file from another, of a missing one too."""
    if path is None:
        return ()
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = file.read(MAX_BYTES + 1)
        if len(found) > MAX_BYTES:
            raise SynonymsError(path, f"больше {MAX_BYTES // 1_000_000} МБ")
        return found.decode("utf-8-sig")
    except OSError as error:
        raise SynonymsError(path, f"не читается ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SynonymsError(path, f"не в кодировке UTF-8 (байт {error.start})") from error


def read_entries(text: str, name: str | Path) -> dict[str, Entry]:
    """Return the entries of a list by their folded left side; *name* is for messages.

    Raises:
        SynonymsError: some lines are no entries; the first are named.
    """
    found: dict[str, Entry] = {}
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        written, _, note = line.partition("#")
        if not written.strip():
            continue
        short, sign, right = written.partition("=")
        full = tuple(_spaced(form) for form in right.split("|") if _spaced(form))
        entry = Entry(_spaced(short), full, CAPITALS_ONLY in note)
        problem = _problem(entry, sign)
        if problem:
            problems.append(f"строка {number}: {problem}")
        left = fold(entry.short)
        found[left] = _joined(found[left], entry) if left in found else entry
    if problems:
        more = f" и ещё {len(problems) - _REPORTED}" if len(problems) > _REPORTED else ""
        raise SynonymsError(name, "; ".join(problems[:_REPORTED]) + more)
    return found


def _joined(entry: Entry, further: Entry) -> Entry:
    """Return what two lines with one left side say together."""
    full = tuple(dict.fromkeys((*entry.full, *further.full)))
    return Entry(entry.short, full, entry.capitals_only or further.capitals_only)


def _problem(entry: Entry, sign: str) -> str:
    if not sign:
        return "нет знака «=»"
    for side in (entry.short, *entry.full):
        if not any(letter.isalnum() for letter in side):
            return "слева от «=» нужно сокращение или слово"
        if len(side.split()) > MAX_WORDS:
            return f"больше {MAX_WORDS} слов"
        if fold(side) == fold(entry.short) and side is not entry.short:
            return f"«{entry.short}» по обе стороны"
    return ""


def _spaced(text: str) -> str:
    return " ".join(text.replace("«", " ").replace("»", " ").split())
