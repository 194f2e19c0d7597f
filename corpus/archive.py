"""The archive: articles with their revisions, raw pages, crawl runs and the change log.

It is the truth: every index is rebuilt from it. ``Archive`` is the only door; the rooms behind it
are ``ledger`` (articles), ``harvest`` (what crawling leaves) and ``database`` (transactions, errors).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from corpus import harvest, ledger
from corpus.address import normal_address, source_id
from corpus.article import Article, Change, RawPage, Revision, Source
from corpus.database import Database
from corpus.harvest import Run
from corpus.ledger import Entry, Outcome, Stored

__all__ = ["Archive", "Entry", "Outcome", "Run", "Stored", "normal_address", "source_id"]

_ARTICLES_AT_ONCE = 500
_PAGES_AT_ONCE = 20  # a page may have megabytes


def _now() -> datetime:
    return datetime.now(UTC)


class Archive:
    """An open archive; a context manager. Every thread may use it at once.

    Each call is a transaction of its own, except inside ``batch``. A method that fails for
    reasons of the database raises ArchiveUnavailableError, ArchiveBusyError if another process
    keeps the write lock for more than ten seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, address: str | Path, *, clock: Callable[[], datetime] = _now) -> Self:
        """Open the archive at *address*: a file's path (made with its folders), or a database URL.

        The schema is brought up to date; processes that open at once wait for one another.
        Raises ArchiveUnavailableError, ArchiveVersionError for a later release's archive.
        """
        return cls(Database(address), clock)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def batch(self) -> AbstractContextManager[None]:
        """Make one transaction of all this thread does inside: kept at a clean exit, else undone.

        The database's write lock is held all the while, so fetch first and write then. A batch
        in a batch is undone by itself and kept with the outer one.
        """
        return self._database.batch()

    def still(self) -> AbstractContextManager[None]:
        """Let all that this thread reads inside be of one state, while others go on writing.

        The state is that of the first thing read. Keep it short: SQLite's log grows meanwhile.
        """
        return self._database.still()

    # Sources

    def add_source(self, source: Source) -> Source:
        """Add *source*, or bring the one with its id up to date (its ``added`` stays).

        An empty id is made of the address; a new source's ``added`` defaults to now.
        """
        named = replace(source, id=source.id or source_id(source.url), added=source.added or self._clock())
        with self._database.writing() as connection:
            return harvest.add_source(connection, named)

    def source(self, id_or_url: str) -> Source:
        """Return a source; raises UnknownSourceError."""
        with self._database.reading() as connection:
            return harvest.find_source(connection, id_or_url)

    def sources(self) -> list[Source]:
        """Return all sources by id."""
        with self._database.reading() as connection:
            return harvest.all_sources(connection)

    def remove_source(self, id_or_url: str) -> int:
        """Remove a source with its articles, raw pages, cursor and runs; return the number of articles.

        The articles are logged as removed and keep their revisions, and their ids should the
        source be added again. Raises UnknownSourceError.
        """
        with self._database.writing() as connection:
            source = harvest.find_source(connection, id_or_url).id
            gone = ledger.remove_all(connection, source, reason="source removed", now=self._clock())
            harvest.drop_source(connection, source)
            return gone

    # Articles

    def put(
        self,
        article: Article,
        *,
        key: str | None = None,
        stamp: str = "",
        history: Sequence[Revision] = (),
    ) -> Stored:
        """Store *article* as the newest state of the article it is; make a new one if it is none.

        It is the article with its id, else with its (source, *key*), else of its source with
        its url or one of its aliases. An address alone does not join what the source itself
        tells apart: two current articles with different keys are one only if both have the
        same url now. A given id that is nobody's is kept, unless an article has its key or
        (where keys do not contradict) its very url.

        Aliases only grow; a former url becomes one. Equal content writes nothing but key and
        *stamp* (the source's own change mark, "modified_gmt"; empty leaves the former one).
        *history* are the revisions of an article that comes from another archive, the oldest
        first; it counts only when the article is new.

        Raises UnknownSourceError, and ArchiveError for a malformed id or a date without offset.
        """
        with self._database.writing() as connection:
            return ledger.put(connection, article, key=key, stamp=stamp, history=history, now=self._clock())

    def get(self, article_id: str) -> Article:
        """Return a current article; raises UnknownArticleError."""
        with self._database.reading() as connection:
            return ledger.get(connection, article_id)[0]

    def revision_of(self, article_id: str) -> int:
        """Return the number of a current article's revision; raises UnknownArticleError."""
        with self._database.reading() as connection:
            return ledger.get(connection, article_id)[1]

    def find(self, id_or_url: str, *, removed: bool = False) -> str:
        """Return the id of the current article with this id or address, now or formerly.

        With *removed*, of a removed one, too. Raises UnknownArticleError.
        """
        with self._database.reading() as connection:
            return ledger.find(connection, id_or_url, removed=removed)

    def articles(self, source: str | None = None) -> Iterator[tuple[Article, int]]:
        """Yield the current articles with their revisions, by id.

        No transaction stays open between two of them: what changes meanwhile may be seen or not.
        """
        for entry in self.entries(source):
            yield entry.article, entry.revision

    def entries(self, source: str | None = None) -> Iterator[Entry]:
        """Yield what ``articles`` does, with each article's key and stamp."""
        last = ""
        while True:
            with self._database.reading() as connection:
                found = ledger.after(connection, last, source, _ARTICLES_AT_ONCE)
            yield from found
            if len(found) < _ARTICLES_AT_ONCE:
                return
            last = found[-1].article.id

    def count(self, source: str | None = None) -> int:
        """Return the number of current articles."""
        with self._database.reading() as connection:
            return ledger.count(connection, source)

    def revisions(self, article_id: str) -> list[Revision]:
        """Return all revisions, the oldest first, of a removed article, too.

        Raises UnknownArticleError.
        """
        with self._database.reading() as connection:
            return ledger.revisions_of(connection, article_id)

    def keys(self, source: str) -> dict[str, tuple[str, str]]:
        """Return key -> (article id, stamp) of the source's current articles that have a key."""
        with self._database.reading() as connection:
            return ledger.keys(connection, source)

    def remove(self, article_id: str, reason: str) -> bool:
        """Remove an article, keeping its revisions and its raw page; False if it was gone already."""
        with self._database.writing() as connection:
            return ledger.remove(connection, article_id, reason=reason, now=self._clock())

    def purge(self, id_or_url: str) -> str:
        """Destroy an article, current or removed: revisions, aliases, raw pages; return its id.

        Its bytes are overwritten in the file (inside a batch: when the batch is kept). Of the change
        log one line "purged" remains. Copies made by ``backup`` keep it. Raises UnknownArticleError.
        """
        with self._database.writing() as connection:
            article_id = ledger.purge(connection, id_or_url, now=self._clock())
        self._database.forget_deleted()
        return article_id

    def forget_purged(self) -> None:
        """Finish what a killed ``purge`` may have left out: overwrite the bytes of deleted texts."""
        self._database.forget_deleted()

    # The change log

    def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """Return up to *limit* changes with a sequence number above *after*, in order."""
        with self._database.reading() as connection:
            return ledger.changes_after(connection, after, limit)

    def last_sequence(self) -> int:
        """Return the newest sequence number, 0 when nothing ever changed."""
        with self._database.reading() as connection:
            return ledger.last_sequence(connection)

    # Raw pages

    def keep_page(self, page: RawPage) -> None:
        """Keep *page* in place of an earlier one of its source and key; raises UnknownSourceError."""
        with self._database.writing() as connection:
            harvest.keep_page(connection, page)

    def page(self, source: str, key: str) -> RawPage | None:
        """Return the page kept under *key*, or None."""
        with self._database.reading() as connection:
            return harvest.page(connection, source, key)

    def pages(self, source: str | None = None) -> Iterator[RawPage]:
        """Yield the kept pages by source and key; like ``articles``, no transaction stays open."""
        last = ("", "")
        while True:
            with self._database.reading() as connection:
                found = harvest.pages_after(connection, last, source, _PAGES_AT_ONCE)
            yield from found
            if len(found) < _PAGES_AT_ONCE:
                return
            last = (found[-1].source, found[-1].key)

    def page_keys(self, source: str) -> list[str]:
        """Return the keys of the source's kept pages, in order."""
        with self._database.reading() as connection:
            return list(harvest.page_keys(connection, source))

    def drop_page(self, source: str, key: str) -> None:
        """Delete a kept page if there is one."""
        with self._database.writing() as connection:
            harvest.drop_page(connection, source, key)

    # Crawling

    def cursor(self, source: str) -> dict[str, str]:
        """Return where the crawl of *source* stopped, empty at first."""
        with self._database.reading() as connection:
            return harvest.cursor(connection, source)

    def set_cursor(self, source: str, values: Mapping[str, str]) -> None:
        """Replace the cursor of *source*; raises UnknownSourceError."""
        with self._database.writing() as connection:
            harvest.set_cursor(connection, source, values)

    def start_run(self, source: str, at: datetime) -> int:
        """Note that a crawl of *source* began; return the run's id. Raises UnknownSourceError."""
        with self._database.writing() as connection:
            return harvest.start_run(connection, source, at)

    def finish_run(self, run_id: int, at: datetime, counts: Mapping[str, int], problem: str = "") -> None:
        """Note how a run ended; raises ArchiveError when its source was removed meanwhile."""
        with self._database.writing() as connection:
            harvest.finish_run(connection, run_id, at, counts, problem)

    def last_runs(self) -> dict[str, Run]:
        """Return source -> its newest run; sources never crawled are missing."""
        with self._database.reading() as connection:
            return harvest.last_runs(connection)

    def runs(self, source: str, limit: int = 10) -> list[Run]:
        """Return the newest *limit* runs of *source*, the newest first."""
        with self._database.reading() as connection:
            return harvest.runs_of(connection, source, limit)

    # Care

    def backup(self, path: Path) -> None:
        """Copy the archive as it is now into the new file *path*, while others go on writing.

        Raises ArchiveError if the file exists, or for a database that is not SQLite.
        """
        self._database.backup(path)
