"""Writing: entries go through Tantivy's own writer; the mark is a document of the same commit."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

import tantivy

from searchsvc.engine import Entry
from searchsvc.engines.tantivy.fields import (
    MARK,
    OTHER,
    PADDING,
    document,
    mark_document,
    padding_document,
    register,
)
from searchsvc.engines.tantivy.files import reading
from searchsvc.errors import IndexBusyError, IndexDamagedError

HEAP_BYTES = 256 * 2**20
"""Postings gathered in memory before Tantivy writes a segment."""

THREADS = 1
"""Python fills one thread of Tantivy's at most, and each writes segments of its own."""

MERGE_FACTOR = 8
"""So many segments of a level Tantivy merges into one (the default of its LogMergePolicy)."""


class TantivyWriter:
    """Collects changes in a Tantivy writer; rolls it back where ``commit`` was not reached."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with reading(folder):
            if not tantivy.Index.exists(str(folder)):
                raise IndexDamagedError(folder, "в папке нет индекса Tantivy")
            index = register(tantivy.Index.open(str(folder)))
            try:
                self._writer = index.writer(HEAP_BYTES, THREADS)
            except ValueError as error:
                if "lock" not in str(error).lower():
                    raise
                raise IndexBusyError("Индекс Tantivy", "в него пишет другой процесс") from error
        self._open = True
        for path in folder.glob(".tmp*"):  # Tantivy renames these into place, if it lives to
            path.unlink(missing_ok=True)
        self._writer.garbage_collect_files()  # what a killed writer left behind

    def __enter__(self) -> TantivyWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            self._open = False
            self._writer.rollback()
            self._writer.garbage_collect_files()
            self._writer.wait_merging_threads()

    def add(self, entry: Entry) -> None:
        """Add an article that the index does not have."""
        self._writer.add_document(document(entry))

    def replace(self, entry: Entry) -> None:
        """Add an article, or put it in the place of the one with its id."""
        made = document(entry)
        self.delete(entry.article_id)
        self._writer.add_document(made)

    def delete(self, article_id: str) -> None:
        """Remove an article if it is there."""
        if article_id:  # the documents that are no articles have the empty one
            self._writer.delete_documents_by_term("id", article_id)

    def commit(self, mark: str, *, compact: bool = False) -> None:
        """Make all changes visible at once, with *mark*; then wait for merges, which readers need not."""
        self._writer.delete_documents_by_term(OTHER, MARK)
        self._writer.add_document(mark_document(mark))
        self._writer.commit()
        if compact:
            self._merge_all()
        self._open = False
        self._writer.garbage_collect_files()
        self._writer.wait_merging_threads()

    def _merge_all(self) -> None:
        """Bring Tantivy to merge all segments into one, which drops what was deleted.

        Its policy merges levels of ``MERGE_FACTOR`` segments; a level begins with the segment of
        most documents and takes in all that have not far fewer *living* ones. So the first is given by
        padding, all but one of it deleted again, and the number is filled up by single ones. Readers
        skip padding as they skip the mark; the next compaction drops it.
        """
        segments = self._segments()
        if len(segments) < 2 and not any(segment["deletes"] for segment in segments):
            return
        largest = max(segment["max_doc"] for segment in segments)
        self._writer.delete_documents_by_term(OTHER, PADDING)
        if largest >= SMALL_SEGMENT:
            for _ in range(largest):
                self._writer.add_document(padding_document())
            self._writer.delete_documents_by_term(OTHER, PADDING)
        for _ in range(MERGE_FACTOR):
            self._writer.add_document(padding_document())
            self._writer.commit()

    def _segments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self._folder / "meta.json").read_bytes())["segments"]
        return found


SMALL_SEGMENT = 10_000
"""Segments of fewer documents are one level whatever their size (LogMergePolicy's default)."""
