"""JSON Lines in and out: how articles come from elsewhere and how an archive moves.

A plain export has a row an article. A full one has everything that a new archive needs: rows of
kind "source" first, behind each article its "revision" and "page" rows, last the pages that belong
to no article. What is exported, imported into an empty archive and exported again is the same,
byte by byte.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from itertools import islice
from typing import IO, Literal

from corpus.address import source_id
from corpus.archive import Archive, Outcome
from corpus.article import RawPage, Revision, Source
from corpus.errors import ArchiveError, ArchiveUnavailableError, RowError, UnknownSourceError
from corpus.export import BATCH, Progress, lines, write_rows
from corpus.fields import Clean
from corpus.rows import (
    MOSCOW_TIME,
    ImportRow,
    PageRow,
    RevisionRow,
    SourceRow,
    read_page,
    read_revision,
    read_row,
    read_source,
    unpacked,
)

__all__ = [
    "ImportReport",
    "ImportRow",
    "RowError",
    "import_rows",
    "lines",
    "read_lines",
    "read_row",
    "write_rows",
]

LINE_LIMIT = 10_000_000
"""Characters (bytes of a binary stream) of the longest line taken: no article comes near."""

Stream = IO[str] | IO[bytes]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did to articles; *failed* has (line number, what is wrong), lines from 1."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)


def import_rows(
    archive: Archive,
    stream: Stream,
    *,
    on_error: Literal["stop", "skip"],
    clean: Clean | None = None,
    default_offset: tzinfo = MOSCOW_TIME,
    progress: Progress | None = None,
) -> ImportReport:
    """Put the rows of *stream* (text or UTF-8 bytes) into the archive.

    "stop" is all or none: every row is checked first, and a report with failures means that
    nothing was written; "skip" takes the good rows, 500 a transaction. Without an id a row is
    matched by its key and addresses. Unknown sources are made (kind "import"), known ones stay
    as they are. *progress* is called with the number of rows dealt with.
    """
    intake = _Intake(archive, progress)
    if on_error == "skip":
        found = _units(stream, clean, default_offset)
        while chunk := list(islice(found, BATCH)):  # read before the write lock is taken
            with archive.batch():
                intake.take(chunk)
        return intake.report()
    with _rereadable(stream) as (again, start):
        failed = [
            (number, str(unit))
            for number, unit in _units(again, clean, default_offset)
            if isinstance(unit, RowError)
        ]
        if failed:
            return ImportReport(failed=failed)
        again.seek(start)
        with suppress(_UndoneError), archive.batch():
            intake.take(_units(again, clean, default_offset))
            if intake.failed:
                raise _UndoneError
    return ImportReport(failed=intake.failed) if intake.failed else intake.report()


def read_lines(stream: Stream) -> Iterator[tuple[int, dict[str, object] | RowError]]:
    """Yield (line number, object) of each line; a line that is none is a RowError.

    Blank lines and a byte order mark are passed over. Lines above ``LINE_LIMIT`` are refused
    without being held in memory.
    """
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline(LINE_LIMIT + 1)
        except UnicodeDecodeError:  # a text stream of the wrong encoding cannot go on
            yield number, RowError("Файл не в кодировке UTF-8")
            return
        if not line:
            return
        if len(line) > LINE_LIMIT and line[-1:] not in ("\n", b"\n"):
            while (rest := stream.readline(LINE_LIMIT)) and rest[-1:] not in ("\n", b"\n"):
                pass
            yield number, RowError(f"Строка длиннее {LINE_LIMIT // 1_000_000} МБ")
            continue
        try:
            text = line if isinstance(line, str) else line.decode()
            text = text.removeprefix("\ufeff").strip() if number == 1 else text.strip()
            if text:
                yield number, _object(text)
        except UnicodeDecodeError:
            yield number, RowError("Строка не в кодировке UTF-8")
        except RowError as error:
            yield number, error


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise RowError(f"Строка не разобрана как JSON: ошибка у знака {error.colno}") from error
    except (ValueError, RecursionError) as error:  # NaN, numbers without end, endless nesting
        raise RowError("Строка не разобрана как JSON") from error
    if not isinstance(value, dict):
        raise RowError("В строке не объект JSON")
    return value


def _refuse(constant: str) -> object:
    raise ValueError(constant)


@dataclass(slots=True)
class _Story:
    """An article row with the revision rows behind it."""

    row: ImportRow
    history: list[RevisionRow] = field(default_factory=list)

    def add(self, revision: RevisionRow) -> None:
        if revision.row.article.id != self.row.article.id:
            raise RowError("редакция стоит не за строкой своей статьи", "id")
        if self.history and revision.number <= self.history[-1].number:
            raise RowError("номера редакций должны расти", "number")
        self.history.append(revision)


_Row = ImportRow | RevisionRow | PageRow | SourceRow
_Unit = _Story | RawPage | SourceRow


def _checked(
    stream: Stream, clean: Clean | None, default_offset: tzinfo
) -> Iterator[tuple[int, _Row | RowError]]:
    for number, found in read_lines(stream):
        row: _Row | RowError
        try:
            if isinstance(found, RowError):
                row = found
            elif found.get("kind") == "revision":
                row = read_revision(found, clean=clean, default_offset=default_offset)
            elif found.get("kind") == "page":
                row = read_page(found)
            elif found.get("kind") == "source":
                row = read_source(found)
            else:  # a foreign "kind" is an unknown field like any other
                row = read_row(found, clean=clean, default_offset=default_offset)
        except RowError as error:
            row = error
        yield number, row


def _units(
    stream: Stream, clean: Clean | None, default_offset: tzinfo
) -> Iterator[tuple[int, _Unit | RowError]]:
    """Yield the rows, an article with its revisions and a page's parts as one, under one line number."""
    number, began = 0, 0
    story: _Story | None = None
    parts: list[PageRow] = []
    for number, row in _checked(stream, clean, default_offset):
        try:
            if isinstance(row, RevisionRow):
                if story is None:
                    raise RowError("редакция стоит не за строкой своей статьи", "id")  # noqa: TRY301
                story.add(row)
                continue
            if story:
                yield began, story
                story = None
            if isinstance(row, ImportRow):
                story, began = _Story(row), number
            elif isinstance(row, PageRow):
                page = _joined(parts, row)
                if page:
                    yield number, page
            else:
                yield number, row
        except RowError as error:
            yield number, error
    if story:
        yield began, story
    if parts:
        yield number, RowError("у последней страницы нет всех частей", "part")


def _joined(parts: list[PageRow], row: PageRow) -> RawPage | None:
    """Return the page when *row* is its last part, else None; *parts* is what came before."""
    if row.part != len(parts) + 1 or any(part.page.key != row.page.key for part in parts):
        parts.clear()
        raise RowError("часть страницы не на своём месте", "part")
    parts.append(row)
    if row.part < row.parts:
        return None
    body = b"".join(part.page.body for part in parts)
    parts.clear()
    return replace(row.page, body=unpacked(body))


class _UndoneError(Exception):
    """Takes a batch back."""


class _Intake:
    """Puts checked rows into the archive and counts."""

    def __init__(self, archive: Archive, progress: Progress | None) -> None:
        self._archive = archive
        self._progress = progress
        self._sources: dict[str, str] = {}
        self._outcomes: Counter[Outcome] = Counter()
        self._done = 0
        self.failed: list[tuple[int, str]] = []

    def take(self, units: Iterable[tuple[int, _Unit | RowError]]) -> None:
        for number, unit in units:
            try:
                self._put(unit)
            except ArchiveUnavailableError:
                raise
            except ArchiveError as error:
                self.failed.append((number, str(error)))
            self._done += 1
            if self._progress and self._done % BATCH == 0:
                self._progress(self._done)

    def report(self) -> ImportReport:
        if self._progress:
            self._progress(self._done)
        return ImportReport(
            new=self._outcomes[Outcome.NEW],
            changed=self._outcomes[Outcome.CHANGED],
            unchanged=self._outcomes[Outcome.UNCHANGED],
            failed=self.failed,
        )

    def _put(self, unit: _Unit | RowError) -> None:
        if isinstance(unit, RowError):
            raise unit
        if isinstance(unit, SourceRow):
            self._sources[unit.source.url] = self._source(unit.source, unit.cursor)
        elif isinstance(unit, RawPage):
            self._archive.keep_page(replace(unit, source=self._source_id(unit.source, "")))
        else:
            row = unit.row
            source = self._source_id(row.source_url, row.source_title)
            history = [
                Revision(
                    article_id=row.article.id,
                    number=revision.number,
                    recorded=revision.recorded,
                    article=replace(revision.row.article, source=source),
                )
                for revision in unit.history
            ]
            article = replace(row.article, source=source)
            stored = self._archive.put(article, key=row.key, stamp=row.stamp, history=history)
            self._outcomes[stored.outcome] += 1

    def _source_id(self, url: str, title: str) -> str:
        if url not in self._sources:
            made = Source(id=source_id(url), url=url, kind="import", title=title)
            self._sources[url] = self._source(made, {})
        return self._sources[url]

    def _source(self, source: Source, cursor: dict[str, str]) -> str:
        """Return the id of the archive's source at this address, made if there is none."""
        try:
            return self._archive.source(source.url).id
        except UnknownSourceError:
            made = self._archive.add_source(source)
            if cursor:
                self._archive.set_cursor(made.id, cursor)
            return made.id


@contextmanager
def _rereadable(stream: Stream) -> Iterator[tuple[Stream, int]]:
    """Yield a stream that can be read twice and where it starts: *stream* itself, or a copy of a pipe."""
    if stream.seekable():
        yield stream, stream.tell()
        return
    pipe = getattr(stream, "buffer", stream)  # the bytes below a text stream: JSON Lines are UTF-8
    with tempfile.TemporaryFile() as copy:
        while chunk := pipe.read(1 << 20):
            copy.write(chunk.encode() if isinstance(chunk, str) else chunk)
        copy.seek(0)
        yield copy, 0
