"""RawPage to Article: the door of extraction. Only this file and blocks.py know the HTML library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag

from corpus.article import Article, Block, Heading, Picture, RawPage
from indexer.blocks import UNSEEN, attribute, blocks, blocks_of, is_text, measure, parse
from indexer.charset import decode
from indexer.clutter import absolute, paired_shortcodes, strip_shortcodes
from indexer.errors import ExtractionError
from indexer.lines import tidy
from indexer.structures import BLOCKS
from searchsvc.language.text import fold

__all__ = ["blocks", "extract", "plain"]

_OFFSET = re.compile(r"([+-])([0-9]{1,2}):?([0-9]{2})")
_WIDEST_OFFSET = timedelta(hours=14)  # UTC+14, Kiribati; a larger difference is a broken date
_YEARS = range(
    1900, 2200
)  # beyond them is a placeholder («0001-01-01»), and arithmetic overflows near the ends

_READ_ON = re.compile(
    r"\s*(?:(?:читать|читайте) (?:далее|дальше|полностью|ещё)|continue reading|read more)\b.{0,300}$"
    r"|\s*подробнее\s*[»→›.…]*$",
    re.IGNORECASE,
)
_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:…|\.\.\.)\s*\]|…|\.\.\.)\s*$")
_BRACKETED_ELLIPSIS = re.compile(r"\s*\[\s*(?:…|\.\.\.)\s*\]\s*$")
_RAW = frozenset({"iframe"})  # the parser takes what stands inside for text, tags and all
_UNSEEN_IN_EXCERPTS = _RAW | {"script", "style"}  # wp_strip_all_tags() keeps the text of all others
_WORD = re.compile(r"\w+")
_HEADINGS_READ = 3  # <h1> of a page: logo, slogan, title; every further one would cost time
_FEW_WORDS = 8  # fewer can be found in order in any text by chance
_SKIPPED = 5000  # characters of captions and tables that WordPress leaves out of an automatic excerpt

Post = dict[str, object]


def extract(page: RawPage) -> Article:
    """Return the article on *page*, without an id.

    Reads a WordPress REST post (``application/json``, context "reader" = "wordpress") or a
    whole page (``text/html``). Raises ExtractionError, and nothing else, where there is no
    article to read, or only a password would show it.
    """
    media_type = page.media_type.partition(";")[0].strip().lower()
    if media_type == "application/json" and page.context.get("reader") == "wordpress":
        return _from_wordpress(page)
    if media_type == "text/html":
        return _from_html(page)
    raise ExtractionError(page.url or page.key, f"формат «{page.media_type}» не поддерживается")


def plain(html: str) -> str:
    """Return the text of a title or a name: one line, tags dropped, entities decoded exactly once.

    A title can hold a live ``<script>``: nothing of it is kept. What an entity spells
    («&lt;b&gt;») stays as text, so the result must be escaped like any other.
    """
    return _text(html, UNSEEN | _RAW)


def _text(html: str, unseen: AbstractSet[str]) -> str:
    if "<" not in html and "&" not in html:
        return tidy(html)
    parts: list[str] = []
    stack: list[PageElement] = [parse(html)]
    while stack:
        node = stack.pop()
        if isinstance(node, Tag):
            apart = [NavigableString(" ")] if node.name in BLOCKS or node.name == "br" else []
            inside = [] if node.name in unseen else node.contents
            stack += [*apart, *reversed(inside), *apart]
        elif is_text(node):
            parts.append(str(node))
    return tidy("".join(parts))


# --- WordPress ---------------------------------------------------------------------------------


def _from_wordpress(page: RawPage) -> Article:
    subject = page.url or page.key
    post = _post(page, subject)
    content, title = post.get("content"), post.get("title")
    if content is None and title is None:
        raise ExtractionError(subject, "в ответе нет ни заголовка (title), ни текста (content)")
    if isinstance(content, dict) and content.get("protected") is True:
        raise ExtractionError(subject, "запись закрыта паролем")
    html = _rendered(content)
    url = absolute(_string(post.get("link")), page.url) or page.url
    body = blocks(html, url)
    offset = _offset(page.context.get("offset", ""))
    return Article(
        id="",
        source=page.source,
        url=url,
        title=plain(_rendered(title)),
        lead=_lead(_rendered(post.get("excerpt")), html, body),
        body=body,
        published=_local_moment(_string(post.get("date")), _string(post.get("date_gmt")), offset),
        modified=_local_moment(_string(post.get("modified")), _string(post.get("modified_gmt")), offset),
        categories=_names(page.context.get("categories", "")),
        tags=_names(page.context.get("tags", "")),
        picture=_picture(page.context.get("picture", ""), url) or _embedded_picture(post, url),
    )


def _post(page: RawPage, subject: str) -> Post:
    try:
        post = json.loads(page.body)
    # Nesting of some thousand brackets exhausts the decoder's stack.
    except (ValueError, RecursionError) as error:
        raise ExtractionError(subject, "ответ сайта не читается как JSON") from error
    if not isinstance(post, dict):
        raise ExtractionError(subject, "в ответе сайта не запись WordPress")
    return post


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _rendered(value: object) -> str:
    return _string(value.get("rendered") if isinstance(value, dict) else value)


def _json(text: str) -> object:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _names(text: str) -> tuple[str, ...]:
    """Read the JSON list of names of categories or tags; each name once, in the given order."""
    names = _json(text)
    if not isinstance(names, list):
        return ()
    return tuple(dict.fromkeys(filter(None, (plain(name) for name in names if isinstance(name, str)))))


def _picture(text: str, base_url: str) -> Picture | None:
    picture = _json(text)
    if not isinstance(picture, dict):
        return None
    url = absolute(_string(picture.get("url")), base_url)
    return Picture(url, plain(_string(picture.get("alt")))) if url else None


def _embedded_picture(post: Post, base_url: str) -> Picture | None:
    """Read the featured picture that ``_embed`` brings."""
    embedded = post.get("_embedded")
    media = embedded.get("wp:featuredmedia") if isinstance(embedded, dict) else None
    first = media[0] if isinstance(media, list) and media else None
    if not isinstance(first, dict):
        return None
    url = absolute(_string(first.get("source_url")), base_url)
    return Picture(url, plain(_string(first.get("alt_text")))) if url else None


def _lead(excerpt_html: str, content_html: str, body: Iterable[Block]) -> str:
    """Return the excerpt where an editor wrote it, "" where WordPress cut it from the text."""
    paired = paired_shortcodes(content_html + excerpt_html)
    text = strip_shortcodes(_READ_ON.sub("", plain(excerpt_html)), paired)
    is_cut = _ELLIPSIS.search(text) is not None
    beginning = _ELLIPSIS.sub("", text)
    if not _WORD.search(beginning):
        return ""
    if _begins(beginning, "\n".join(block.text for block in body), is_cut=is_cut):
        return ""
    # WordPress cuts from the whole content, with what we leave out of the body.
    whole = strip_shortcodes(_text(content_html, _UNSEEN_IN_EXCERPTS), paired)
    return "" if _begins(beginning, whole, is_cut=is_cut) else tidy(_BRACKETED_ELLIPSIS.sub("", text))


def _begins(excerpt: str, content: str, *, is_cut: bool) -> bool:
    """Tell whether *excerpt* is the beginning of *content*, perhaps less captions and tables."""
    words = _words(excerpt)
    found = _words(content[: 4 * len(excerpt) + _SKIPPED])
    # Letters alone: WordPress joins the words of neighbouring cells.
    if "".join(found).startswith("".join(words)):
        return True
    if is_cut:
        words.pop()  # themes cut by characters, too
    rest = iter(found)
    return len(words) >= _FEW_WORDS and all(word in rest for word in words)


def _words(text: str) -> list[str]:
    return [fold(word) for word in _WORD.findall(text)]


# --- dates -------------------------------------------------------------------------------------


def _offset(text: str) -> timezone | None:
    match = _OFFSET.fullmatch(text.strip())
    if not match:
        return None
    distance = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if distance > _WIDEST_OFFSET:
        return None
    return timezone(-distance if match[1] == "-" else distance)


def _moment(text: str, offset: timezone | None) -> datetime | None:
    """Read a date of ISO 8601, an unaware one as of *offset* (UTC where that is unknown)."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=offset or UTC)


def _local_moment(local: str, gmt: str, offset: timezone | None) -> datetime | None:
    """Read a date as WordPress gives it, twice: by the site's clock and by Greenwich.

    Their difference is the site's offset at that time, whatever its setting is now.
    """
    here, there = _moment(local, UTC), _moment(gmt, UTC)
    if here and there:
        distance = here - there
        if abs(distance) <= _WIDEST_OFFSET and distance % timedelta(minutes=1) == timedelta(0):
            offset = timezone(distance) if distance else UTC
    return _moment(local, offset) if here else _moment(gmt, UTC)


# --- whole pages -------------------------------------------------------------------------------


def _from_html(page: RawPage) -> Article:
    subject = page.url or page.key
    soup = parse(decode(page.body, page.context.get("content_type") or page.media_type))
    metas = _metas(soup)
    base = absolute(_first_attribute(soup, "base", "href"), page.url) or page.url
    root = _article_root(soup)
    title = _page_title(soup, metas)
    body = _without_title(blocks_of(root, base), title) if root else ()
    if root is None or not body:
        raise ExtractionError(subject, "на странице не нашлось текста статьи")
    url = _canonical(soup, base) or page.url
    offset = _offset(page.context.get("offset", ""))
    picture = absolute(metas.get("og:image", ""), base)
    return Article(
        id="",
        source=page.source,
        url=url,
        title=title,
        body=body,
        published=_page_date(soup, root, metas, offset),
        modified=_moment(metas.get("article:modified_time", ""), offset),
        categories=_names(page.context.get("categories", "")),
        tags=_names(page.context.get("tags", "")),
        picture=Picture(picture, tidy(metas.get("og:image:alt", ""))) if picture else None,
        aliases=(page.url,) if page.url and page.url != url else (),
    )


def _metas(soup: BeautifulSoup) -> dict[str, str]:
    metas: dict[str, str] = {}
    for tag in soup.find_all("meta"):
        name = (attribute(tag, "property") or attribute(tag, "name")).lower()
        metas.setdefault(name, attribute(tag, "content").strip())
    return metas


def _first_attribute(soup: BeautifulSoup, element: str, name: str) -> str:
    return next((value for tag in soup.find_all(element) if (value := attribute(tag, name))), "")


def _article_root(soup: BeautifulSoup) -> Tag | None:
    """Return the element that holds the text: the first rule that matches, its fullest element."""
    sizes = measure(soup)
    in_article = _inside(soup, {"article"})
    matches: dict[int, list[Tag]] = {}
    for tag in soup.find_all(True):
        names = attribute(tag, "class").split()
        if "entry-content" in names:
            rule = 0 if id(tag) in in_article else 1
        elif "wp-block-post-content" in names or attribute(tag, "itemprop") == "articleBody":
            rule = 2
        elif tag.name in ("article", "main"):
            rule = 3 if tag.name == "article" else 4
        else:
            continue
        if sizes[id(tag)].text or sizes[id(tag)].frames:
            matches.setdefault(rule, []).append(tag)
    if not matches:
        return None
    return max(matches[min(matches)], key=lambda tag: sizes[id(tag)].text)


def _inside(soup: BeautifulSoup, names: set[str]) -> set[int]:
    """Return the identities of the elements that lie in one of these; parents come before children."""
    inside: set[int] = set()
    for tag in soup.find_all(True):
        if tag.parent and (tag.parent.name in names or id(tag.parent) in inside):
            inside.add(id(tag))
    return inside


def _page_title(soup: BeautifulSoup, metas: dict[str, str]) -> str:
    shared = tidy(metas.get("og:title", ""))
    headings = [
        text for tag in soup.find_all("h1", limit=_HEADINGS_READ) if (text := plain(tag.decode_contents()))
    ]
    # Plugins append the site's name to og:title; the heading on the page has none.
    own = next((text for text in headings if shared.startswith(text)), "")
    if own or shared or headings:
        return own or shared or headings[0]
    return tidy(soup.title.get_text()) if soup.title else ""


def _without_title(body: tuple[Block, ...], title: str) -> tuple[Block, ...]:
    is_title = bool(body) and isinstance(body[0], Heading) and fold(body[0].text) == fold(title)
    return body[1:] if is_title else body


def _page_date(
    soup: BeautifulSoup, root: Tag, metas: dict[str, str], offset: timezone | None
) -> datetime | None:
    """Return when the page says it was published: a meta element, then the likeliest ``<time>``."""
    near, within = _inside(soup, {"article", "main"}), {id(tag) for tag in root.find_all("time")}

    def likelihood(tag: Tag) -> tuple[bool, bool, bool]:
        # A sidebar's list of news has dates of its own, and so has a list put into the text.
        names = f"{attribute(tag, 'class')} {attribute(tag, 'itemprop')}"
        return (
            not any(name in names.lower() for name in ("published", "entry-date")),
            id(tag) in within,
            id(tag) not in near,
        )

    times = sorted((tag for tag in soup.find_all("time") if attribute(tag, "datetime")), key=likelihood)
    dates = [metas.get("article:published_time", ""), *(attribute(tag, "datetime") for tag in times)]
    return next((moment for date in dates if (moment := _moment(date, offset))), None)


def _canonical(soup: BeautifulSoup, base: str) -> str:
    """Return the page's own address as it names it; one on another site is somebody else's article."""
    links = [tag for tag in soup.find_all("link") if "canonical" in attribute(tag, "rel").lower().split()]
    url = absolute(attribute(links[0], "href"), base) if links else ""
    return url if url and _host(url) == _host(base) else ""


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")
