"""Readers of sources, one a kind of site: ``detect`` finds out which, ``open_reader`` opens it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from corpus.address import source_id
from corpus.article import Source
from indexer.errors import (
    AddressRefusedError,
    ConnectionFailedError,
    FetchError,
    FetchTimeoutError,
    HttpStatusError,
    InvalidUrlError,
    NotJson,
    NotWordPressError,
    RestClosedError,
    RobotsUnavailableError,
    TlsError,
    UnexpectedAnswerError,
    UnknownHostError,
    UnreadableSourceError,
)
from indexer.extract import plain
from indexer.fetch import Fetched, Fetcher
from indexer.progress import Progress, silent
from indexer.sources import wordpress
from indexer.sources.reading import Failed, Found, Gone, Item, Reader, Refused
from indexer.sources.wordpress_rest import Rest, bases, connect, finding, home_of

__all__ = ["Failed", "Found", "Gone", "Item", "Reader", "Refused", "detect", "open_reader"]

_OUT_OF_REACH = (
    AddressRefusedError,
    ConnectionFailedError,
    FetchTimeoutError,
    InvalidUrlError,
    TlsError,
    UnknownHostError,
)
_ANY_STATUS = frozenset(range(200, 600)) - {301, 302, 303, 307, 308}
_REST_LINK = re.compile(r'<([^<>]+)>\s*;[^<>,]*rel="?https?://api\.w\.org/"?')
_TRACES = re.compile(r"/wp-(?:content|includes|json)/|api\.w\.org")


def open_reader(
    source: Source,
    fetcher: Fetcher,
    *,
    known: Mapping[str, str],
    cursor: Mapping[str, str],
    full: bool = False,
    progress: Progress = silent,
) -> Reader:
    """Return a reader for one reading of *source*.

    *known* is what the archive has of it (key -> stamp), *cursor* what the last reading that
    came to its end left. *full* means: fetch everything again. Raises UnreadableSourceError.
    """
    if source.kind == wordpress.KIND:
        return wordpress.WordPressReader(
            source, fetcher, known=known, cursor=cursor, full=full, progress=progress
        )
    raise UnreadableSourceError(source.id, source.kind)


def detect(url: str, fetcher: Fetcher) -> Source:
    """Return the source at *url*: its canonical address, kind and title.

    *url* may be any page of the site, and lack its scheme. Raises NotWordPressError where
    there is no WordPress whose posts can be read, FetchError where the site is out of reach.
    """
    page = _front(url.strip(), fetcher)
    candidates = _candidates(page)
    try:
        rest = connect(fetcher, candidates)
    except RestClosedError as error:
        seen = page.text()[:200_000] + page.headers.get("link", "")
        raise NotWordPressError(page.url, error.found, wordpress=bool(_TRACES.search(seen))) from error
    try:
        next(rest.pages("posts", {"_fields": "id"}))
    except (HttpStatusError, NotJson, UnexpectedAnswerError) as error:
        raise NotWordPressError(page.url, f"список записей — {finding(error)}", wordpress=True) from error
    home = _home(rest)
    return Source(id=source_id(home), url=home, kind=wordpress.KIND, title=plain(rest.site.name))


def _front(url: str, fetcher: Fetcher) -> Fetched:
    """Return the page at *url*, whatever it is: where it leads and what it links to are wanted."""
    if "://" not in url:
        try:
            return _front(f"https://{url}", fetcher)
        except (ConnectionFailedError, FetchTimeoutError, TlsError):
            return _front(f"http://{url}", fetcher)
    try:
        return fetcher.get(url, expect=_ANY_STATUS)
    except RobotsUnavailableError as error:
        if isinstance(error.__cause__, ConnectionFailedError | FetchTimeoutError):
            raise error.__cause__ from None  # the first thing that was asked for, but not what is wrong
        raise
    except _OUT_OF_REACH:
        raise
    except FetchError as error:  # forbidden, too large, a loop: REST may answer all the same
        return Fetched(error.url, url, 0, {}, b"")


def _candidates(page: Fetched) -> list[str]:
    """Return where REST may be: as the page announces, beside it, at the top of the site."""
    parts = urlsplit(page.url)
    folder = parts.path[: parts.path.rfind("/") + 1] or "/"
    places = [urlunsplit((parts.scheme, parts.netloc, path, "", "")) for path in (folder, "/")]
    announced = [
        base for base in _REST_LINK.findall(page.headers.get("link", "")) if _same_site(base, page.url)
    ]
    return list(dict.fromkeys([*announced, *bases(places[0]), *bases(places[1])]))


def _home(rest: Rest) -> str:
    """Return the address of the site, its host as the site itself spells it.

    That says whether «www.» belongs there. The scheme stays as it was reached: a certificate
    that the other one needs may be broken.
    """
    reached = home_of(rest.base)
    if not _same_site(rest.site.home, reached):
        return reached
    ours, own = urlsplit(reached), urlsplit(rest.site.home)
    return urlunsplit((ours.scheme, own.netloc, ours.path, "", ""))


def _same_site(url: str, other: str) -> bool:
    return _host(url) == _host(other)


def _host(url: str) -> str:
    """Return host and port as the archive names sources, without «www.» and Punycode."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return source_id(f"{parts.scheme}://{parts.netloc}")
