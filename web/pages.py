"""The pages that readers see: front page, search, article, help."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from flask import Blueprint, g, render_template, request, url_for
from markupsafe import Markup

from corpus.article import Attachment, Block, Heading
from searchsvc.engine import NAMES
from searchsvc.query.syntax import parse
from searchsvc.results import MAX_DEPTH, ArticlePage, Hit, ResultPage, SearchRequest
from web.answers import made_from
from web.forms import (
    FILTERS,
    PageRequest,
    read_number,
    read_page,
)
from web.links import on_page, page_pairs, sorted_by, toggled, without, written
from web.nearby import ways
from web.querylog import QueryLog, Reading, entry
from web.words import cut, long_date

if TYPE_CHECKING:
    from searchsvc.search import SearchService

EXAMPLES = ("наставничество", '"итоги ЕГЭ"', "j,hfpjdfybt")
PICTURES = "searchsvc.pictures"
"""In a request's environment: whether the page shows pictures of other sites."""

SIMILAR = 5
SIMILAR_TITLE = 60
FACETS_SHOWN = 8
RECENT_SHOWN = 5
MUCH_READ = 5
FEWEST_MUCH_READ = 3
NAMES_SHOWN = 5
FIELD_NAMES = {"year": "Год", "category": "Раздел", "source": "Источник", "tag": "Метка"}
FIELD_NAMES |= {"person": "Люди", "organisation": "Организации", "place": "Места"}
CONDITION_NAMES = FIELD_NAMES | {"person": "Человек", "organisation": "Организация", "place": "Место"}
MONTH_NAMES = (
    *("январь", "февраль", "март", "апрель", "май", "июнь"),
    *("июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"),
)
HOSTS = {
    "rutube.ru": "RuTube",
    "vk.com": "ВКонтакте",
    "vkvideo.ru": "VK Видео",
    "youtube.com": "YouTube",
    "youtu.be": "YouTube",
    "dzen.ru": "Дзен",
    "t.me": "Telegram",
    "ok.ru": "Одноклассники",
}

HEADING_CHARS = 80
"""So much of a query is in a heading; the box above has all of it."""

_NESTED = str.maketrans("«»", "„“")


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter or date in force: what it says, and the search without it."""

    name: str
    label: str
    without: SearchRequest


@dataclass(frozen=True, slots=True)
class Part:
    """Blocks of a body shown together: neighbouring attachments are one list.

    ``level`` is a heading's level on our page, where the title is the first.
    """

    kind: str
    blocks: tuple[Block, ...]
    level: int = 0


class Pages:
    """The views of the site over a service."""

    def __init__(self, service: SearchService, log: QueryLog | None = None) -> None:
        self._service = service
        self._log = log

    def blueprint(self) -> Blueprint:
        """Return the routes of the pages."""
        routes = Blueprint("pages", __name__)
        routes.add_url_rule("/", "index", self.index)
        routes.add_url_rule("/search", "search", self.search)
        routes.add_url_rule("/articles/<article_id>", "article", self.article)
        routes.add_url_rule("/articles/<article_id>/reprints", "reprints", self.reprints)
        routes.add_url_rule("/help", "help", self.help)
        return routes

    def index(self) -> str:
        """Show the front page."""
        service = self._service.pinned()
        overview = service.overview()
        made_from(overview.version)
        return render_template(
            "index.html", overview=overview, examples=EXAMPLES, much_read=self._much_read(service)
        )

    def search(self) -> str:
        """Show results, or what to do where there are none."""
        asked = with_names_or_a_note(self._service, read_page(request.args))
        if not page_pairs(on_page(replace(asked.search, sort="relevance", correct="auto"), 1)):
            overview = self._service.overview()
            made_from(overview.version)
            return render_template(
                "search_empty.html",
                asked=asked.search,
                notes=asked.notes,
                overview=overview,
                examples=EXAMPLES,
            )
        service = self._service.pinned()
        page, asked = _answer(service, asked)
        made_from(page.version, entry("page", asked.search, page))
        in_force = tuple(conditions(service, asked.search, page))
        return render_template(
            "search.html",
            page=page,
            asked=asked.search,
            notes=asked.notes,
            conditions=in_force,
            ways=ways(asked.search, page, _labels(in_force, page.effective)),
            overview=None if page.hits else service.overview(),
            much_read=() if page.hits else self._much_read(service),
            steps=steps(page.page, page.pages),
            field_names=FIELD_NAMES,
            facets_shown={
                facet.field: NAMES_SHOWN if facet.field in NAMES else FACETS_SHOWN for facet in page.facets
            },
            filter_names=FILTERS,
            recent_shown=RECENT_SHOWN,
        )

    def article(self, article_id: str) -> str:
        """Show an article with its neighbours."""
        service = self._service.pinned()
        article = service.article(article_id)
        made_from(article.version, Reading(article.id))
        request.environ[PICTURES] = bool(article.picture and safe_url(article.picture.url))
        return render_template(
            "article.html",
            article=article,
            parts=tuple(parts(article.body)),
            same=service.reprints(article_id),
            similar=service.similar(article_id, SIMILAR),
            similar_title=SIMILAR_TITLE,
            linked=linked_data(article),
        )

    def reprints(self, article_id: str) -> str:
        """Show where else an article was published; past the last page that one is shown."""
        service, number = self._service.pinned(), read_number(request.args)
        found = service.reprints(article_id, number)
        if number > max(found.pages, 1):
            found = service.reprints(article_id, max(found.pages, 1))
        made_from(found.version)
        return render_template("reprints.html", found=found, steps=steps(found.page, found.pages))

    def _much_read(self, service: SearchService) -> tuple[Hit, ...]:
        """Return what is much read and still there, nothing where that is too little for a list."""
        found = service.articles(self._log.most_read())[:MUCH_READ] if self._log else ()
        return found if len(found) >= FEWEST_MUCH_READ else ()

    def help(self) -> str:
        """Explain the query language."""
        return render_template("help.html")


def _answer(service: SearchService, asked: PageRequest) -> tuple[ResultPage, PageRequest]:
    """Search; a page that does not exist is replaced by the last one, with a note."""
    wanted, notes = asked.search, list(asked.notes)
    number = wanted.page
    wanted = on_page(wanted, min(number, MAX_DEPTH // wanted.per_page))
    page = _found(service, wanted)
    if wanted.page > max(page.pages, 1):
        wanted = on_page(wanted, max(page.pages, 1))
        page = _found(service, wanted)
    if number > wanted.page and page.rows:
        notes.append(f"Страницы {number} нет — показана последняя, {wanted.page}-я.")
    return page, PageRequest(wanted, tuple(notes))


def with_names_or_a_note(service: SearchService, asked: PageRequest) -> PageRequest:
    """Leave filters by name out where these are off, and say so."""
    named = [value for field in NAMES for value in asked.search.filters.get(field, ())]
    if not named or service.has_names():
        return asked
    values = ", ".join(f"«{value}»" for value in named)
    note = f"Искать по людям, организациям и местам здесь сейчас нельзя: условие {values} не учтено."
    return PageRequest(without(asked.search, *NAMES), (*asked.notes, note))


def _found(service: SearchService, wanted: SearchRequest) -> ResultPage:
    """Search; without words nothing is more relevant than the newest."""
    newest = not wanted.text and wanted.sort == "relevance"
    return service.search(sorted_by(wanted, "-date") if newest else wanted)


def conditions(service: SearchService, asked: SearchRequest, page: ResultPage) -> Iterator[Condition]:
    """Yield the filters and dates in force, with labels from *page*."""
    labels = {(facet.field, b.value): b.label for facet in page.facets for b in facet.buckets}
    if asked.filters.get("source"):
        labels |= {("source", bucket.value): bucket.label for bucket in service.sources()}
    if asked.since or asked.until:
        yield Condition("dates", period(asked.since, asked.until), without(asked, "dates"))
    for name in FILTERS:
        for value in asked.filters.get(name, ()):
            label = labels.get((name, value), value)
            yield Condition(name, f"{CONDITION_NAMES[name]}: {label}", toggled(asked, name, value))


def _labels(in_force: Iterable[Condition], text: str) -> dict[str, str]:
    """Return what each kind of condition is called, those typed into the query *text* too: its value, or
    its name where it has several."""
    found: dict[str, list[str]] = {}
    for condition in in_force:
        found.setdefault(condition.name, []).append(condition.label)
    for name, values in parse(text).filters().items():
        labels = found.setdefault(name, [])
        labels += [f"{CONDITION_NAMES[name]}: {value}" for value in values]
    return CONDITION_NAMES | {name: labels[0] for name, labels in found.items() if len(set(labels)) == 1}


def address(asked: SearchRequest, *, absolute: bool = False) -> str:
    """Return the canonical address of a search page."""
    if absolute:
        return written(url_for("pages.search", _external=True), page_pairs(asked))
    if "search_page" not in g:  # once a request: a result page has forty such addresses
        g.search_page = url_for("pages.search")
    return written(g.search_page, page_pairs(asked))


def steps(page: int, pages: int) -> tuple[int, ...]:
    """Return the numbers a pager shows: first, last and two around; 0 stands for a gap."""
    near = sorted({1, pages, *range(max(1, page - 2), min(pages, page + 2) + 1)})
    shown: list[int] = []
    for number in near:
        if shown and number - shown[-1] == 2:
            shown.append(number - 1)
        elif shown and number - shown[-1] > 2:
            shown.append(0)
        shown.append(number)
    return tuple(shown)


def parts(body: tuple[Block, ...]) -> Iterator[Part]:
    """Yield what an article's body shows, headings levelled so that none skips a level."""
    open_levels: list[int] = []
    for kind, run in groupby(body, type):
        blocks = tuple(run)
        if kind is Attachment:
            yield Part("attachments", blocks)
            continue
        for block in blocks:
            if isinstance(block, Heading):
                while open_levels and open_levels[-1] >= block.level:
                    open_levels.pop()
                open_levels.append(block.level)
            yield Part(kind.__name__.lower(), (block,), min(1 + len(open_levels), 6))


def linked_data(article: ArticlePage) -> dict[str, Any]:
    """Return the article as schema.org's NewsArticle."""
    picture = article.picture
    described: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": article.title[:110],
        "description": article.lead,
        "inLanguage": "ru",
        "mainEntityOfPage": url_for("pages.article", article_id=article.id, _external=True),
        "datePublished": article.published.isoformat() if article.published else "",
        "dateModified": article.modified.isoformat() if article.modified else "",
        "articleSection": list(article.categories),
        "keywords": list(article.tags),
        "image": safe_url(picture.url) if picture else "",
        "isBasedOn": safe_url(article.original),
        "publisher": {"@type": "Organization", "name": article.source_title or article.source},
    }
    return {name: value for name, value in described.items() if value}


def safe_url(url: str) -> str:
    """Return *url* if a page may link to it (http or https with a host), else an empty string."""
    try:
        split = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if split.scheme in {"http", "https"} and split.hostname else ""


def site_name(url: str) -> str:
    """Return how people call the site of *url*."""
    host = (urlsplit(safe_url(url)).hostname or "").removeprefix("www.").removeprefix("m.")
    return HOSTS.get(host, host)


def file_name(url: str) -> str:
    """Return the name of a linked file, or its site where the address names none."""
    return PurePosixPath(unquote(urlsplit(safe_url(url)).path)).name or site_name(url)


def file_type(url: str) -> str:
    """Return the type of a linked file as its name tells it («PDF»), or an empty string."""
    suffix = PurePosixPath(unquote(urlsplit(safe_url(url)).path)).suffix[1:]
    return suffix.upper() if re.fullmatch("[A-Za-z0-9]{2,5}", suffix) else ""


def dotted_date(day: date) -> str:
    """Return a date as «02.08.2022»."""
    return f"{day.day:02}.{day.month:02}.{day.year:04}"


def period(since: date | None, until: date | None) -> str:
    """Return the period between two days, either of which may be open; months and years by their names."""
    if since and until and since.day == 1 and until.day == monthrange(until.year, until.month)[1]:
        if (since.year, since.month) == (until.year, until.month):
            return f"{MONTH_NAMES[since.month - 1]} {since.year}"
        if (since.month, until.month, until.year - since.year) == (9, 8, 1):
            return f"{since.year}/{until.year % 100:02} учебный год"
        if (since.month, until.month) == (1, 12):
            return f"{since.year} год" if since.year == until.year else f"{since.year}–{until.year} годы"
    if since and since == until:
        return long_date(since)
    start = f"с {long_date(since)}" if since else ""
    return f"{start} по {long_date(until)}".strip() if until else start


def later(modified: datetime | None, published: datetime | None) -> bool:
    """Return whether an article was changed on a later day than it appeared."""
    return bool(modified and published and modified.date() > published.date())


def nested(text: str) -> str:
    """Return *text* to stand between «», quotes in it as Russian has them inside of others."""
    return text.translate(_NESTED)


def quoted(text: str) -> Markup:
    """Return «text» for a page: short, and whatever direction its letters have its own."""
    return Markup("«<bdi>{}</bdi>»").format(nested(cut(text, HEADING_CHARS)))
