"""What on a page is not the article: rules about names, lines, shortcodes and addresses, as data.

Nothing here knows the HTML library: blocks.py asks these questions while it walks a page.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

# --- elements, by class and id -----------------------------------------------------------------

SMALL = 300  # letters; longer than a row of share buttons, shorter than an article
LARGE = 3000  # unlinked letters; ten related posts with excerpts fit

_SMALL_NAMES = re.compile(
    r"-(?:share2?|shares?|sharing|sharer|shariff|sharedaddy|yashare|socials?|sociallikes|likely|pluso"
    r"|addtoany|a2a|addthis|uptolike|heateor|ssba|goodshare|like-buttons?"
    r"|entry-meta|entry-footer|post-meta|post-info|posted-on|post-views|postviews|views-count|view-count"
    r"|breadcrumbs?|page-links|post-nav-links|post-navigation|nav-links|pagination"
    r"|print-link|print-button|printfriendly|pf-print|print-no"
    r"|special-version|bvi-open|bvi-link|versiya-dlya-slabovidyashchikh"
    r"|screen-reader-text|sr-only|visually-hidden|skip-link)-"
)
_LARGE_NAMES = re.compile(
    r"-(?:yarpp|related-?posts?|related-news|related-articles|related-content|jp-relatedposts"
    r"|crp-related|similar-posts|similar-news|read-also|rpwe|ez-toc-container|toc-container|lwptoc"
    r"|comments-area|comment-list|commentlist|comment-respond)-"
    r"|(?:^-|---)(?:related|respond|comments)(?:---|-$)"
)
_ALWAYS_NAMES = re.compile(
    r"-wp-block-(?:latest-posts|latest-comments|query|archives|categories|tag-cloud|calendar|page-list"
    r"|navigation|post-navigation-link|post-terms|comments|search|loginout|social-links|rss)-"
    r"|-wp-block-file--(?:button|embed)-|-wp-embedded-content-"
)
_UNFOLDED = re.compile(
    r"-(?:tabs?|tabpanel|panels?|pane|accordion|collapse|collapsible|spoiler|toggle|faq|details|answer)-"
)


def is_clutter(label: str, letters: int, unlinked: int) -> bool:
    """Tell whether an element is there to share, to lead elsewhere or to count.

    *label* comes from ``element_label``. *letters* and *unlinked* (those outside links)
    are how much the element holds: themes put such words into the names of wrappers of
    whole articles, too.
    """
    return bool(
        _ALWAYS_NAMES.search(label)
        or (letters <= SMALL and _SMALL_NAMES.search(label))
        or (unlinked <= LARGE and _LARGE_NAMES.search(label))
    )


def element_label(names: str) -> str:
    """Return an element's classes and id in the form that the rules are written for: «-a-b---c-»."""
    return "-" + "---".join(names.lower().replace("_", "-").split()) + "-"


def is_unfolded_on_click(label: str) -> bool:
    """Tell whether a hidden element is hidden only until a reader opens it (tab, accordion, spoiler)."""
    return _UNFOLDED.search(label) is not None


# --- lines -------------------------------------------------------------------------------------

_NETWORK = (
    r"(?:в\s?контакте|вк|vk|telegram|телеграм|одноклассник(?:и|ах)|ok|whatsapp|viber|twitter|facebook|мой мир"
    r"|max|дзен|pinterest|livejournal|x|e-?mail|с?копировать ссылку)"
)
_SHARE_LINE = (
    r"(?:поделиться|поделитесь|рассказать друзьям|share(?: this)?)"
    r"(?: (?:в|с|этой?|соц\S*|сетях|ссылкой|новостью|записью|статьёй|друзьями|страницей))*"
    rf"\s*[:!]?(?:[\s,]*{_NETWORK})*"
)
_COUNTER_LINE = (
    r"(?:(?:количество|число|всего) )?(?:просмотр(?:ов|ы)?|прочтений|посещений|post views)"
    r"(?: (?:страницы|записи|статьи|новости|материала))?\s*[:—–-]?\s*[0-9][0-9\s]*"
    r"(?:[,;(]?\s*(?:из них )?(?:за )?(?:сегодня|сутки|день|всего)\s*[:—–-]?\s*[0-9]*\)?)*"
    r"|[0-9][0-9\s]*просмотр(?:ов|а)?"
)
_SERVICE_LINE = (
    r"(?:перейти на )?версия (?:сайта )?для слабовидящих|обычная версия(?: сайта)?"
    r"|версия для печати|(?:печать|распечатать|напечатать)(?: страницу| статью| новость| текст)?"
    r"|возврат к списку|назад к списку|к списку новостей"
)
_SHARE = re.compile(_SHARE_LINE, re.IGNORECASE)
_SERVICE = re.compile(_SERVICE_LINE, re.IGNORECASE)
_LINE = re.compile(rf"(?:{_SHARE_LINE}|{_COUNTER_LINE}|{_SERVICE_LINE})\.?", re.IGNORECASE)
_LINE_LIMIT = 200
_PARTS = re.compile(r"\s*[|•·/]\s*")

_RELATED_WORDS = (
    r"(?:похожие|другие|последние|связанные) (?:записи|новости|статьи|материалы|публикации)"
    r"|(?:читайте|смотрите|см\.) (?:также|ещё|еще)|читать также|что ещё почитать"
    r"|(?:материалы|новости|записи|публикации|статьи|ещё|еще) по теме|вам (?:может|будет) (?:быть )?интересно"
)
_RELATED = re.compile(_RELATED_WORDS, re.IGNORECASE)
_AROUND = " \t:.…!—–-"


def is_clutter_line(line: str) -> bool:
    """Tell whether a whole line is a counter, a share label, a print or a «для слабовидящих» link."""
    if len(line) > _LINE_LIMIT:
        return False
    return all(_LINE.fullmatch(part) for part in _PARTS.split(line) if part)


def is_share_label(line: str) -> bool:
    """Tell whether a line asks to share the page (even as a heading)."""
    return len(line) <= _LINE_LIMIT and _SHARE.fullmatch(line) is not None


def is_service_link(text: str) -> bool:
    """Tell whether a link leads to the page's twin for printing or for the visually impaired."""
    return len(text) <= _LINE_LIMIT and _SERVICE.fullmatch(text.strip(_AROUND)) is not None


def opens_related(line: str) -> bool:
    """Tell whether a line is a heading of a list of other articles («Читайте также»)."""
    return len(line) <= _LINE_LIMIT and _RELATED.fullmatch(line.strip(_AROUND)) is not None


def after_related(line: str) -> str | None:
    """Return what follows «Читайте также» at the start of *line*, None where it does not start so."""
    match = _RELATED.match(line)
    return line[match.end() :] if match else None


# --- shortcodes --------------------------------------------------------------------------------

# Brackets inside are impossible (WordPress' own limit) and the length is bounded, so that
# a text of brackets only costs linear time.
_SHORTCODE = re.compile(r"\[(/?)([A-Za-z][A-Za-z0-9_-]{0,60})(\s[^\[\]]{0,1000})?\s?/?\]")
_ATTRIBUTE = re.compile(r"\s+[A-Za-z][\w-]*\s?=\s?\S")
_SELF_CLOSING = re.compile(
    r"gallery|playlist|audio|video|embed|toc|ez-toc|divider|spacer|clear|nextpage|more|breadcrumbs?|sitemap|poll"
    r"|contact-form(?:-7)?|wpforms|rev_slider|ngg\w*|nggallery|table|google-?map|yandex_?map|post-views|views"
    r"|addtoany|social_share|ya_share|likely|printfriendly|print_link|wp_ulike|(?:vc|su|et_pb|fusion|av)_\w+"
)
_APART = re.compile(r"row|col|tab|spoiler|accordion|toggle|section|box|list|quote|note|slide|caption|gallery")


def paired_shortcodes(text: str) -> frozenset[str]:
    """Return the names that *text* both opens and closes in brackets: those are markup."""
    opened: set[str] = set()
    closed: set[str] = set()
    for slash, name, _ in _SHORTCODE.findall(text):
        (closed if slash else opened).add(name)
    return frozenset(opened & closed)


def strip_shortcodes(text: str, paired: frozenset[str]) -> str:
    """Return *text* without the markup of shortcodes; what stands between them stays.

    Ordinary brackets stay, too: «[1]», «[…]», «[приказ]», «[Smith, 2020]».
    """

    def replaced(match: re.Match[str]) -> str:
        slash, name, rest = match.groups()
        known = _SELF_CLOSING.fullmatch(name)
        bare = not (rest and rest.strip(" /"))
        if not (name in paired or (known and bare) or (not slash and rest and _ATTRIBUTE.match(rest))):
            return match[0]
        return "\n\n" if _APART.search(name) else ""

    return _SHORTCODE.sub(replaced, text) if "[" in text else text


# --- addresses ---------------------------------------------------------------------------------

_URL_LIMIT = 2000  # what browsers and servers take
_FILES = (
    ".pdf",
    ".doc",
    ".docx",
    ".odt",
    ".rtf",
    ".xls",
    ".xlsx",
    ".ods",
    ".ppt",
    ".pptx",
    ".zip",
    ".rar",
    ".7z",
)
_PROVIDER = re.compile(
    r"https?://(?:[\w-]+\.)?(?:"
    r"rutube\.ru/(?:video|play|shorts|pl)/|vk(?:video)?\.(?:com|ru)/(?:\S*[?=/])?(?:video|clip|wall|playlist)"
    r"|youtube(?:-nocookie)?\.com/(?:watch|embed|shorts|live|playlist)|youtu\.be/[\w-]"
    r"|t\.me/(?:s/)?\w+/[0-9]|(?:dzen|zen\.yandex)\.ru/(?:video|embed|shorts|a|media)\b"
    r"|ok\.ru/(?:video|live)|my\.mail\.ru/\S*video|vimeo\.com/[0-9]|smotrim\.ru/(?:video|live)|plvideo\.ru/"
    r"|(?:music\.)?yandex\.ru/(?:album|efir)|soundcloud\.com/\w|coub\.com/view"
    r")\S*",
    re.IGNORECASE,
)
# Frames that show nothing of the article: counters, captchas, "like" buttons, state service banners.
_NOT_SHOWN = re.compile(
    r"https?://(?:[\w-]+\.)*(?:googletagmanager\.com|mc\.yandex\.ru|doubleclick\.net|google\.com/recaptcha"
    r"|facebook\.com/(?:plugins|v[0-9.]+/plugins)/(?:like|share|page)|vk\.(?:com|ru)/(?:widget_|share)"
    r"|platform\.twitter\.com/widgets/(?:tweet_button|follow)|pos\.gosuslugi\.ru|share\.yandex\.ru)",
    re.IGNORECASE,
)
_VIEWER = re.compile(
    r"https?://(?:docs\.google\.com/(?:viewer|gview)|drive\.google\.com/viewerng|view\.officeapps\.live\.com/)",
    re.IGNORECASE,
)
_NO_CAPTION = re.compile(
    r"(?:(?:youtube|rutube|vk|vimeo|dzen) )?(?:video player|video|player|iframe|embed)|видео(?:плеер)?"
    r"|встроенное видео|embedded? (?:content|video)",
    re.IGNORECASE,
)


def absolute(url: str, base_url: str) -> str:
    """Return *url* as a whole http(s) address, "" where it cannot be one."""
    url = "".join(url.split())
    if not url or len(url) > _URL_LIMIT or not url.isprintable():
        return ""
    try:
        whole = urljoin(base_url, url)
        parts = urlsplit(whole)
    except ValueError:
        return ""
    return whole if parts.scheme in ("http", "https") and parts.netloc else ""


def is_file(url: str) -> bool:
    """Tell whether an absolute address names a document or an archive to download."""
    return urlsplit(url).path.lower().endswith(_FILES)


def file_name(url: str) -> str:
    """Return the readable last part of an address."""
    return unquote(urlsplit(url).path).rsplit("/", 1)[-1]


def viewed_file(url: str) -> str:
    """Return the file that an address shows, itself or through an online viewer, or ""."""
    if _VIEWER.match(url):
        query = parse_qs(urlsplit(url).query)
        url = absolute((query.get("url") or query.get("src") or [""])[0], url)
    return url if url and is_file(url) else ""


def is_provider(url: str) -> bool:
    """Tell whether a line or an address is that of a video or post which sites show in place."""
    return _PROVIDER.fullmatch(url) is not None


def is_shown(url: str) -> bool:
    """Tell whether a frame of this address shows something to a reader."""
    return _NOT_SHOWN.match(url) is None


def caption_of(title: str) -> str:
    """Return a frame's *title* where it says something, "" where it only names the player."""
    return "" if _NO_CAPTION.fullmatch(title) else title
