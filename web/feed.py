"""What a search will find tomorrow: its newest articles as an Atom feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from feedgenerator import Atom1Feed
from flask import Blueprint, Response, request, url_for

from searchsvc.language.text import clean, squeeze
from searchsvc.results import Correct, Hit, Reprint, SearchRequest, Segment
from web.answers import made_from
from web.forms import PageRequest, read_page
from web.links import new_search, on_page, page_pairs, sorted_by, written
from web.pages import conditions, with_names_or_a_note

if TYPE_CHECKING:
    from searchsvc.search import SearchService

ENTRIES = 30
"""Newest articles of a feed: more than a query gets between two looks of a reader of feeds."""

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When a feed was updated that has had no article yet: a moment that stays."""


class _Atom(Atom1Feed):  # type: ignore[misc]
    """As the library makes it, but an empty feed does not change each time it is asked for."""

    def latest_post_date(self) -> datetime:
        return max((entry["updateddate"] for entry in self.items), default=NEVER)


class Feed:
    """The view of feeds over a service."""

    def __init__(self, service: SearchService, site_title: str) -> None:
        self._service = service
        self._site_title = site_title

    def blueprint(self) -> Blueprint:
        """Return the route."""
        routes = Blueprint("feed", __name__)
        routes.add_url_rule("/feed", "feed", self.feed)
        return routes

    def feed(self) -> Response:
        """Answer with the newest articles that match in full; without a query, with the newest of all.

        A query is repaired as on the page, which promises its readers what it shows.
        Programs ask again and again, so that it is not a search for the log. What has no date is no news.
        Filters by name are left out where these are off, with a subtitle: the feed goes on under its id.
        """
        service = self._service.pinned()
        wanted = followed(read_page(request.args).search)
        whole = not page_pairs(replace(wanted, correct="auto"))
        asked, notes = _usable(service, wanted)
        page = service.search(
            replace(
                asked,
                since=date.min if whole else asked.since,
                sort="-date",
                per_page=ENTRIES,
                facets=(),
            )
        )
        made_from(page.version)
        labels = [squeeze(page.effective), *(one.label for one in conditions(service, asked, page))]
        feed = _Atom(
            title=clean(" — ".join([*filter(None, labels), self._site_title])),
            link=url_for("pages.index", _external=True)
            if whole
            else written(url_for("pages.search", _external=True), page_pairs(wanted)),
            feed_url=address(wanted, absolute=True),
            feed_guid=address(wanted, absolute=True),
            description=None,
            subtitle=clean(" ".join(notes)) or None,
            language="ru",
            author_name=clean(self._site_title),
        )
        for hit, published in _first_published(service, page.hits):
            feed.add_item(**_entry(hit, published))
        return Response(feed.writeString("utf-8"), content_type=feed.content_type)


def followed(asked: SearchRequest) -> SearchRequest:
    """Return the search that a feed of *asked* follows, whatever its order and page."""
    correct: Correct = "auto" if asked.correct == "auto" else "off"
    return on_page(replace(sorted_by(asked, "relevance"), correct=correct), 1)


def _usable(service: SearchService, wanted: SearchRequest) -> tuple[SearchRequest, tuple[str, ...]]:
    """Return the search as the page makes it, and what that tells its reader."""
    found = with_names_or_a_note(service, PageRequest(wanted))
    return found.search, found.notes


def address(asked: SearchRequest | None = None, *, absolute: bool = False) -> str:
    """Return the address of the feed of a search, without one that of the whole archive."""
    pairs = page_pairs(followed(asked or new_search()))
    return written(url_for("feed.feed", _external=absolute), pairs)


def _first_published(service: SearchService, hits: Sequence[Hit]) -> list[tuple[Hit, datetime]]:
    """Return what is dated and matches in full, with its moment, the newest first: of each text the earliest
    of its copies that were found.

    A row of the search shows the newest; an entry named after that would be news with every reprint.
    """
    earliest = {hit.id: _earliest(hit) for hit in hits if hit.published and not hit.missing}
    cards = {card.id: card for card in service.articles([one for _, one in earliest.values()])}
    found = []
    for hit in hits:
        moment, name = earliest.get(hit.id, (None, ""))
        card = cards.get(name)
        if moment and card:
            found.append((replace(card, snippet=hit.snippet), moment))
    return sorted(found, key=lambda entry: entry[1], reverse=True)


def _earliest(hit: Hit) -> tuple[datetime, str]:
    """Return when and under which id the first of a row's articles was published."""
    copies: tuple[Hit | Reprint, ...] = (hit, *hit.reprints)
    return min((one.published, one.id) for one in copies if one.published)


def _entry(hit: Hit, published: datetime) -> dict[str, Any]:
    link = url_for("pages.article", article_id=hit.id, _external=True)
    return {
        "title": clean(_plain(hit.title)),
        "link": link,
        "unique_id": link,
        "description": escape(clean(_plain(hit.snippet)), quote=False) or None,  # the library calls it HTML
        "author_name": clean(hit.source_title or hit.source) or None,
        "pubdate": published,
        "updateddate": max(published, hit.modified or published),
        "categories": [clean(category) for category in hit.categories],
    }


def _plain(segments: tuple[Segment, ...]) -> str:
    return "".join(segment.text for segment in segments)
