"""What a reader of a source is: the items it yields and the protocol that ``indexer.crawl`` relies on.

A reader knows one kind of site and nothing of the archive: it is given what the archive holds
(key -> stamp) and says, lazily, what is new, what may not be kept and what is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from corpus.article import RawPage


@dataclass(frozen=True, slots=True)
class Found:
    """A page that is new, or not as the archive has it. ``stamp`` is the source's change mark of it."""

    page: RawPage
    stamp: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The source lists it, but not for everybody: it is never kept, and what is kept of it goes at once."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It is there, but could not be fetched; what the archive has of it stays."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The source has it no more, and has said so in a reading whose list worked."""

    key: str
    reason: str


Item = Found | Refused | Failed | Gone


class Reader(Protocol):
    """One reading of one source; used once."""

    @property
    def listed(self) -> Collection[str]:
        """Keys that the source was seen to show so far."""
        ...

    def items(self) -> Iterator[Item]:
        """Yield what differs from the archive, each key at most once, as it is fetched.

        Raises FetchError when the source cannot be read any further; what was yielded
        before holds.
        """
        ...

    def cursor(self) -> dict[str, str]:
        """Return what the next reading wants to know of this one, once ``items`` came to its end."""
        ...
