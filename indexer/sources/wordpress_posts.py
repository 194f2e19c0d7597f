"""What a WordPress site shows beside the text of its posts: marks of change, names of terms, pictures.

REST's answers are foreign input: a field that is missing or of another type reads as empty.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from indexer.addresses import parse
from indexer.errors import (
    DisallowedError,
    HttpStatusError,
    InvalidUrlError,
    NotJson,
    UnexpectedAnswerError,
)
from indexer.sources.wordpress_rest import PER_PAGE, Rest, Thing

LIST_FIELDS = (
    "id,date,date_gmt,modified,modified_gmt,status,link,featured_media,categories,tags,content.protected"
)
"""What lists are read with: enough for ``listed``, nothing that WordPress would have to render."""

TAXONOMIES = ("categories", "tags")


@dataclass(frozen=True, slots=True)
class Listed:
    """A post as a list shows it.

    ``closed`` says (in Russian) why it is not for everybody, empty if it is. ``mark`` changes
    with dates, address and picture. ``terms`` are the ids in each of TAXONOMIES.
    """

    id: int
    closed: str
    modified: str
    mark: str
    terms: tuple[tuple[int, ...], ...]

    @property
    def key(self) -> str:
        """The post's key in the archive."""
        return post_key(self.id)


def post_key(number: int) -> str:
    """Return the archive's key of a post."""
    return f"post:{number}"


def post_id(key: str) -> int | None:
    """Return the id in a key, None if it is not of a post."""
    number = key.removeprefix("post:")
    return int(number) if number != key and number.isascii() and number.isdigit() else None


def listed(thing: Thing) -> Listed:
    """Return what a list's or a post's own answer says of a post."""
    content = thing.get("content")
    closed = ""
    if isinstance(content, dict) and content.get("protected"):
        closed = "запись закрыта паролем"
    elif thing.get("status", "publish") != "publish":
        closed = "запись не опубликована"
    fields = [_text(thing, name) for name in ("date_gmt", "date", "link")]
    return Listed(
        id=thing["id"],
        closed=closed,
        modified=_text(thing, "modified_gmt"),
        mark=json.dumps([*fields, _whole(thing.get("featured_media"))]),
        terms=tuple(_ids(thing.get(taxonomy)) for taxonomy in TAXONOMIES),
    )


def address(thing: Thing, otherwise: str) -> str:
    """Return the post's own address, *otherwise* where that is none."""
    link = _text(thing, "link")
    try:
        parse(link)
    except InvalidUrlError:
        return otherwise
    return link


class Names:
    """Names of categories and tags, as REST writes them; each id is asked for once."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._names: dict[str, dict[int, str]] = {taxonomy: {} for taxonomy in TAXONOMIES}

    def load(self, posts: Iterable[Listed]) -> None:
        """Fetch the names that *posts* need and that are not known yet."""
        wanted: tuple[set[int], ...] = tuple(set() for _ in TAXONOMIES)
        for post in posts:
            for ids, more in zip(wanted, post.terms, strict=True):
                ids.update(more)
        for (taxonomy, known), ids in zip(self._names.items(), wanted, strict=True):
            for some in chunks(sorted(ids - known.keys()), PER_PAGE):
                things = self._rest.by_ids(taxonomy, some, "id,name")
                known.update(dict.fromkeys(some, ""))  # a term that is not shown has no name
                known.update({thing["id"]: _text(thing, "name") for thing in things})

    def of(self, post: Listed) -> dict[str, list[str]]:
        """Return the loaded names of a post by taxonomy."""
        return {
            taxonomy: [known[number] for number in ids if known[number]]
            for (taxonomy, known), ids in zip(self._names.items(), post.terms, strict=True)
        }

    def stamp(self, post: Listed) -> str:
        """Return what changes when anything does that an article is made of.

        Dates of change are not enough: neither new terms nor a new date move them. Terms count
        by name: when a category is renamed, nothing else of its posts changes.
        """
        parts = [post.mark, *(sorted(names) for names in self.of(post).values())]
        return f"{post.modified}#{hashlib.sha256(json.dumps(parts).encode('ascii')).hexdigest()[:16]}"


class Pictures:
    """Lead pictures. A site that does not show its files has none: nothing else depends on them."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._pictures: dict[int, str] = {0: ""}

    def load(self, things: Iterable[Thing]) -> None:
        """Fetch what is needed for *things* and not known yet."""
        wanted = {_whole(thing.get("featured_media")) for thing in things}
        for some in chunks(sorted(wanted - self._pictures.keys()), PER_PAGE):
            self._pictures.update(dict.fromkeys(some, ""))
            try:
                files = self._rest.by_ids("media", some, "id,source_url,alt_text")
            except (DisallowedError, NotJson, UnexpectedAnswerError):
                continue
            except HttpStatusError as error:
                if error.retryable or error.status >= 500:
                    raise
                continue
            for file in files:
                url, alt = _text(file, "source_url"), _text(file, "alt_text")
                self._pictures[file["id"]] = json.dumps({"url": url, "alt": alt}) if url else ""

    def of(self, thing: Thing) -> str:
        """Return the loaded picture of a post as JSON {url, alt}, empty where there is none."""
        return self._pictures[_whole(thing.get("featured_media"))]


def chunks(ids: Sequence[int], size: int) -> Iterator[list[int]]:
    """Yield *ids* in parts of *size*."""
    rest = iter(ids)
    while part := list(islice(rest, size)):
        yield part


def _text(thing: Thing, name: str) -> str:
    value = thing.get(name)
    # JSON can spell halves of characters, which no database takes.
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _ids(value: object) -> tuple[int, ...]:
    return tuple(number for number in value if isinstance(number, int)) if isinstance(value, list) else ()
