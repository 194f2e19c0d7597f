"""A WordPress that is only its REST, for what a real one cannot be made to do: lie, break, change in between.

Answers as 6.1 does: lists with X-WP-Total, include, order, modified_after and after in local time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .site import Reply, Seen, Site

OFFSET = timedelta(hours=3)
Query = dict[str, str]
Trouble = Callable[[str, Query], Reply | None]
"""Is shown every request, its route ("posts", "" for the root) and query; what it returns is answered."""


@dataclass(slots=True)
class Post:
    """A post; times are UTC."""

    id: int
    title: str
    text: str
    modified: str = "2024-03-01T06:00:00"
    date: str = "2024-03-01T06:00:00"
    slug: str = ""
    status: str = "publish"
    protected: bool = False
    categories: tuple[int, ...] = (1,)
    tags: tuple[int, ...] = ()
    featured_media: int = 0


def reply(value: object, **headers: str) -> Reply:
    """Return *value* as JSON."""
    return Reply(json.dumps(value).encode(), headers={"Content-Type": "application/json", **headers})


def html(status: int = 200) -> Reply:
    """Return what a site shows to people."""
    page = "<!doctype html><html><body>Сайт обновляется</body></html>"
    return Reply(page.encode(), status=status, headers={"Content-Type": "text/html; charset=utf-8"})


class FakeWordPress(Site):
    """Its ``posts`` may be changed at any moment."""

    def __init__(self, number: int = 0) -> None:
        super().__init__()
        self.posts: dict[int, Post] = {}
        self.terms = {"categories": {1: "Школы", 2: "Дети &amp; спорт"}, "tags": {5: "ЕГЭ"}}
        self.trouble: Trouble = lambda route, query: None
        self.extra_total = 0
        self.without_totals = False
        self.add(*range(1, number + 1))

    def add(self, *ids: int, **fields: Any) -> None:
        """Add posts."""
        for number in ids:
            text = f"Текст записи номер {number} о школе."
            self.posts[number] = Post(**{"id": number, "title": f"Запись {number}", "text": text, **fields})

    def remove(self, ids: Iterable[int]) -> None:
        """Delete posts."""
        for number in ids:
            del self.posts[number]

    def asked(self, route: str) -> list[Query]:
        """Return the queries that *route* was asked with."""
        found = (urlsplit(seen.path) for seen in self.requests)
        return [dict(parse_qsl(parts.query)) for parts in found if parts.path == f"/wp-json/wp/v2/{route}"]

    def answer(self, seen: Seen) -> Reply:
        told = super().answer(seen)
        parts = urlsplit(seen.path)
        if told.status != 404 or not parts.path.startswith("/wp-json/"):
            return told
        route = parts.path.removeprefix("/wp-json/").removeprefix("wp/v2/")
        query = dict(parse_qsl(parts.query))
        return self.trouble(route, query) or self._rest(route, query)

    def _rest(self, route: str, query: Query) -> Reply:
        if route == "":
            root = {"name": "Школа &amp; сад", "home": self.url(""), "gmt_offset": 3}
            return reply({**root, "namespaces": ["wp/v2"]})
        if route == "posts":
            return self._list([self.shown(post, query) for post in self._chosen(query)], query)
        terms = [{"id": number, "name": name} for number, name in self.terms.get(route, {}).items()]
        return self._list([term for term in terms if str(term["id"]) in query["include"].split(",")], query)

    def _chosen(self, query: Query) -> list[Post]:
        posts = [post for post in self.posts.values() if post.status == "publish"]
        if "include" in query:
            posts = [post for post in posts if str(post.id) in query["include"].split(",")]
        for parameter, field in (("modified_after", "modified"), ("after", "date")):
            if parameter in query:
                since = datetime.fromisoformat(query[parameter]) - OFFSET
                posts = [post for post in posts if datetime.fromisoformat(getattr(post, field)) > since]
        order = query.get("orderby", "date")
        down = query.get("order", "desc") == "desc"
        return sorted(posts, key=lambda post: (getattr(post, order), post.id), reverse=down)

    def _list(self, things: list[dict[str, Any]], query: Query) -> Reply:
        size, page = int(query.get("per_page", "10")), int(query.get("page", "1"))
        pages = -(-len(things) // size)
        if size > 100 or page > max(pages, 1):
            return Reply(b'{"code":"rest_post_invalid_page_number"}', status=400)
        total = {"X-WP-Total": str(len(things) + self.extra_total), "X-WP-TotalPages": str(pages)}
        if self.without_totals:
            total = {}
        return reply(things[(page - 1) * size : page * size], **total)

    def shown(self, post: Post, query: Query | None = None) -> dict[str, Any]:
        """Return what REST says of *post*; without its text where ``_fields`` does not ask for that."""
        shown = {name: value for name, value in asdict(post).items() if name not in {"text", "protected"}}
        for name in ("date", "modified"):
            gmt = datetime.fromisoformat(shown[name])
            shown |= {name: (gmt + OFFSET).isoformat(), f"{name}_gmt": shown[name]}
        content: dict[str, object] = {"protected": post.protected}
        if "content.protected" not in (query or {}).get("_fields", ""):
            content["rendered"] = "" if post.protected else f"<p>{post.text}</p>"
        link = self.url(f"/{post.slug or f'zapis-{post.id}'}/")
        return {**shown, "link": link, "title": {"rendered": post.title}, "content": content}
