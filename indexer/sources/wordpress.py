"""WordPress by its REST: what is new, changed, closed or gone since the archive was filled.

The list of all posts is read in a form without texts (5,000 posts: 0.2 MB) and compared with
the archive's stamps; only what differs is fetched. Before that, what the site calls recent is
fetched anew, whatever its stamp: a stamp cannot tell two edits of one second apart.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from corpus.article import RawPage, Source
from indexer.errors import (
    BodyTooLargeError,
    FetchError,
    FetchTimeoutError,
    HttpStatusError,
    NotJson,
    TruncatedBodyError,
)
from indexer.fetch import Fetcher
from indexer.progress import Progress, silent
from indexer.sources.reading import Failed, Found, Gone, Item, Refused
from indexer.sources.wordpress_posts import (
    LIST_FIELDS,
    Listed,
    Names,
    Pictures,
    address,
    chunks,
    listed,
    post_id,
    post_key,
)
from indexer.sources.wordpress_rest import PER_PAGE, Thing, bases, connect, home_of

__all__ = ["KIND", "OVERLAP", "WordPressReader"]

KIND = "wordpress"

OVERLAP = timedelta(minutes=10)
"""How far back of the last reading's start «recent» reaches: the clocks of a site's machines differ."""

_log = logging.getLogger(__name__)

_POST_FIELDS = (  # no "author"
    "id,date,date_gmt,modified,modified_gmt,slug,status,type,link,title,content,excerpt,"
    "featured_media,categories,tags"
)
_SWEEPS = 2  # a list that changed under our hands is read once more
_ABSENCES = 3  # readings that a post must be missing from where no list was complete (crawling.md)
_SPLIT = 10  # a bad post is found in steps of 100, 10, 1: three rounds of retries
_TOO_MUCH = (BodyTooLargeError, FetchTimeoutError, NotJson, TruncatedBodyError)


class WordPressReader:
    """Reads *source*; *known* is what the archive has of it (key -> stamp).

    *cursor* is what the last complete reading left. *full* fetches every post, whatever its
    stamp. ``Reader`` says what is promised.
    """

    def __init__(
        self,
        source: Source,
        fetcher: Fetcher,
        *,
        known: Mapping[str, str],
        cursor: Mapping[str, str],
        full: bool = False,
        progress: Progress = silent,
    ) -> None:
        self._source = source
        self._fetcher = fetcher
        self._known = {key: stamp for key, stamp in known.items() if post_id(key) is not None}
        self._before = cursor
        self._full = full
        self._progress = progress
        self._done: set[int] = set()
        self._shown: set[str] = set()
        self._after: dict[str, str] = {}

    @property
    def listed(self) -> Collection[str]:
        """Keys of the posts seen in lists so far, closed ones among them."""
        return self._shown

    def cursor(self) -> dict[str, str]:
        """Return the site's local time when this reading began, and posts whose absence is in doubt."""
        return self._after

    def items(self) -> Iterator[Item]:
        """Yield posts that are new, changed or closed, then those that are gone."""
        rest = connect(self._fetcher, bases(self._source.url))
        self._rest, self._names, self._pictures = rest, Names(rest), Pictures(rest)
        if rest.site.offset is not None:
            self._after["since"] = _local(rest.site.now + rest.site.offset)
        if self._known and not self._full:
            yield from self._read(self._recent())
        posts, complete = self._sweep()
        yield from self._read(self._differing(posts.values()))
        yield from self._missing(posts, complete=complete)

    # Lists

    def _recent(self) -> list[Listed]:
        """Return the posts edited or published since a little before the last reading.

        ``modified_after`` misses a scheduled post that went live: its modified date is the day
        it was written; ``after`` knows. Both are exclusive and in the site's local time.
        """
        if "since" not in self._before:
            return []
        since = _local(datetime.fromisoformat(self._before["since"]) - OVERLAP)
        found: dict[int, Listed] = {}
        for parameter, order in (("modified_after", "modified"), ("after", "date")):
            wanted = {parameter: since, "orderby": order, "order": "desc", "_fields": LIST_FIELDS}
            for page in self._rest.pages("posts", wanted):
                fresh = [thing for thing in page.things if str(thing.get(order, "")) > since]
                found.update({thing["id"]: listed(thing) for thing in fresh})
                if len(fresh) < len(page.things):
                    break  # before WordPress 5.7 there was no modified_after, and all posts come
        self._show(found.values())
        return list(found.values())

    def _sweep(self) -> tuple[dict[int, Listed], bool]:
        """Return all posts that the site lists, and whether the list was complete.

        In the order of ids, so that a post published meanwhile comes last and moves no other.
        """
        posts: dict[int, Listed] = {}
        wanted = {"orderby": "id", "order": "asc", "_fields": LIST_FIELDS}
        for _ in range(_SWEEPS):
            seen: set[int] = set()
            totals: set[int | None] = set()
            for page in self._rest.pages("posts", wanted):
                seen |= {thing["id"] for thing in page.things}
                totals.add(page.total)
                posts.update({thing["id"]: listed(thing) for thing in page.things})
                self._progress("Список записей", page.number, page.pages)
            if totals == {len(seen)}:
                break
            said = sorted(str(total) for total in totals)
            _log.warning("sweep_incomplete source=%s seen=%d totals=%s", self._source.id, len(seen), said)
        self._show(posts.values())
        return posts, totals == {len(seen)}

    def _differing(self, posts: Iterable[Listed]) -> list[Listed]:
        """Return the posts that are not as the archive has them."""
        of_interest = list(posts)
        self._names.load(of_interest)
        return [
            post
            for post in of_interest
            if self._full or post.closed or self._known.get(post.key) != self._names.stamp(post)
        ]

    def _show(self, posts: Iterable[Listed]) -> None:
        self._shown |= {post.key for post in posts}

    # Posts

    def _read(self, posts: Sequence[Listed]) -> Iterator[Item]:
        """Fetch the posts that were not dealt with yet."""
        new = [post for post in posts if post.id not in self._done]
        self._done |= {post.id for post in new}
        yield from (Refused(post.key, post.closed) for post in new if post.closed)
        ids = [post.id for post in new if not post.closed]
        for number, some in enumerate(chunks(ids, PER_PAGE)):
            yield from self._fetch(some)
            self._progress("Загрузка записей", number * PER_PAGE + len(some), len(ids))

    def _fetch(self, ids: Sequence[int]) -> Iterator[Item]:
        """Fetch posts at once; where that fails for what they hold, in smaller and smaller parts."""
        try:
            things = self._rest.by_ids("posts", ids, _POST_FIELDS)
        except FetchError as error:
            if not _may_be_content(error):
                raise
            failure = error
        else:
            yield from self._pages(things)
            vanished = set(ids) - {thing["id"] for thing in things}
            yield from (Failed(post_key(each), "запись исчезла во время обхода") for each in vanished)
            return
        if len(ids) > 1:
            for part in chunks(ids, max(len(ids) // _SPLIT, 1)):
                yield from self._fetch(part)
            return
        # Is it this post, or is it the site? A list without texts must still come.
        next(self._rest.pages("posts", {"_fields": "id"}))
        yield Failed(post_key(ids[0]), _reason(failure))

    def _pages(self, things: Sequence[Thing]) -> Iterator[Item]:
        posts = [listed(thing) for thing in things]
        self._names.load(posts)
        self._pictures.load(things)
        for thing, post in zip(things, posts, strict=True):
            if post.closed:  # just now, or before WordPress 5.3, whose lists did not tell
                yield Refused(post.key, post.closed)
            else:
                yield Found(self._page(thing, post), self._names.stamp(post))

    def _page(self, thing: Thing, post: Listed) -> RawPage:
        names = {taxonomy: json.dumps(names) for taxonomy, names in self._names.of(post).items()}
        return RawPage(
            source=self._source.id,
            key=post.key,
            url=address(thing, otherwise=f"{home_of(self._rest.base)}?p={post.id}"),
            fetched=datetime.now(UTC),
            media_type="application/json",
            body=json.dumps(thing).encode("ascii"),
            context={
                "reader": KIND,
                "offset": self._rest.site.offset_text,
                "picture": self._pictures.of(thing),
                **names,
            },
        )

    # Absence

    def _missing(self, posts: Mapping[int, Listed], *, complete: bool) -> Iterator[Item]:
        """Yield as gone what the archive has, no list showed and the site does not show when asked.

        A post can slip through a list that changes while it is read. So every absent one is
        asked for, together with one that is there: an answer without that one proves nothing.
        """
        absent = [number for key in self._known.keys() - self._shown if (number := post_id(key)) is not None]
        witness = max(posts, default=None)
        doubts: dict[str, int] = {}
        for ids in chunks(sorted(absent), PER_PAGE - 1):
            asked = ids if witness is None else [*ids, witness]
            answered = {
                thing["id"]: listed(thing) for thing in self._rest.by_ids("posts", asked, LIST_FIELDS)
            }
            if witness is not None and witness not in answered:
                _log.warning("absence_unproved source=%s posts=%d", self._source.id, len(ids))
                continue
            there = [answered[number] for number in ids if number in answered]
            self._show(there)
            yield from self._read(self._differing(there))
            for key in (post_key(number) for number in ids if number not in answered):
                times = _doubts(self._before).get(key, 0) + 1
                if complete or times >= _ABSENCES:
                    yield Gone(key, "источник больше не показывает запись")
                else:
                    doubts[key] = times
        if doubts:
            self._after["absent"] = json.dumps(doubts)


def _may_be_content(error: FetchError) -> bool:
    """Tell whether the fault may lie in one of the posts: PHP ends with 500, or prints a warning."""
    broken = isinstance(error, HttpStatusError) and error.status >= 500
    return broken or isinstance(error, _TOO_MUCH)


def _reason(error: FetchError) -> str:
    match error:
        case HttpStatusError(status=status):
            return f"сайт ответил {status}"
        case NotJson():
            return "ответ не в формате JSON"
        case BodyTooLargeError():
            return "ответ слишком велик"
        case FetchTimeoutError():
            return "сайт не успел ответить"
        case _:
            return "ответ оборвался"


def _local(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


def _doubts(cursor: Mapping[str, str]) -> dict[str, int]:
    doubts: dict[str, int] = json.loads(cursor.get("absent", "{}"))
    return doubts
