"""Extraction of articles: cases in ``extract/``, each a page beside what it must become."""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus.article import Paragraph, RawPage
from corpus.codec import article_to_dict, blocks_to_list
from indexer.errors import ExtractionError
from indexer.extract import blocks, extract, plain
from searchsvc.text import clean

CASES = Path(__file__).parent / "extract"
BASE = "https://shkola.example/novosti/"
LINK = "https://shkola.example/2024/kubok/"


def expected_of(case: str) -> Any:
    return json.loads((CASES / f"{case}.expected.json").read_text(encoding="utf-8"))


def names(*, suffix: str, kind: type) -> list[str]:
    stems = sorted(path.name.removesuffix(suffix) for path in CASES.glob(f"*{suffix}"))
    found = [stem for stem in stems if not stem.endswith(".expected") and isinstance(expected_of(stem), kind)]
    assert found, "without its cases this file would pass by testing nothing"
    return found


def page_of(body: str | bytes, media_type: str = "text/html", **context: str) -> RawPage:
    content = body.encode() if isinstance(body, str) else body
    return RawPage(
        "shkola.example", "post:1", BASE, datetime(2025, 1, 1, tzinfo=UTC), media_type, content, context
    )


def post_of(fields: dict[str, Any], **context: str) -> RawPage:
    post = {"link": LINK, "title": {"rendered": "Кубок"}, "content": {"rendered": "<p>Текст.</p>"}} | fields
    return page_of(
        json.dumps(post), "application/json", **({"reader": "wordpress", "offset": "+03:00"} | context)
    )


def texts(html: str) -> list[str]:
    return [block.text for block in blocks(html, BASE)]


@pytest.mark.parametrize("case", names(suffix=".html", kind=list))
def test_a_piece_of_html_becomes_the_expected_blocks(case: str) -> None:
    html = (CASES / f"{case}.html").read_text(encoding="utf-8")
    assert blocks_to_list(blocks(html, BASE)) == expected_of(case)


@pytest.mark.parametrize("case", names(suffix=".html", kind=dict))
def test_a_whole_page_becomes_the_expected_article(case: str) -> None:
    page = page_of((CASES / f"{case}.html").read_bytes(), offset="+05:00")
    assert article_to_dict(extract(page)) == expected_of(case)


@pytest.mark.parametrize("case", names(suffix=".json", kind=dict))
def test_a_wordpress_post_becomes_the_expected_article(case: str) -> None:
    given_ = json.loads((CASES / f"{case}.json").read_text(encoding="utf-8"))
    page = page_of(json.dumps(given_["post"]), "application/json", **given_["context"])
    assert article_to_dict(extract(page)) == expected_of(case)


# --- titles and names --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Рубрика", "Рубрика"),
        ("Наука &amp; жизнь", "Наука & жизнь"),
        ("&amp;laquo;", "&laquo;"),
        ("&lt;script&gt;", "<script>"),
        ("a<script>alert(1)</script>b<style>c</style>", "ab"),
        ("Сло<b>во</b><br>дня<p>Абзац</p>конец", "Слово дня Абзац конец"),
        ("  Много\n\t пробелов&nbsp; тут ", "Много пробелов тут"),
        ("1&nbsp;000 при&shy;зов", "1\u00a0000 призов"),
        ("и\u0306 \ud800\x07", "й"),
        ("novosti.html", "novosti.html"),
        ("https://shkola.example/", "https://shkola.example/"),
        ("5 < 7", "5 < 7"),
        ("", ""),
    ],
)
def test_plain_text_of_a_title(html: str, text: str) -> None:
    assert plain(html) == text


# --- WordPress ---------------------------------------------------------------------------------

BEGINNING = (
    "Команды из двадцати шести школ области собрали роботов, которые сами находят выход из лабиринта "
    "и не задевают стен."
)


@pytest.mark.parametrize(
    "excerpt",
    [
        "",
        "<p>[&hellip;]</p>",
        "<p>Команды из двадцати шести школ области [&hellip;]</p>",
        "<p>Команды из двадцати шести школ области собрали ро&#8230;</p>",
        '<p>Команды из двадцати шести <a href="/x">Читать далее <span>«Кубок»</span></a></p>',
        "<p>КОМАНДЫ из двадцати шести школ...  Подробнее »</p>",
        f"<p>{BEGINNING} Продолжение следует.Район Час</p>",
    ],
)
def test_an_automatic_excerpt_is_no_lead(excerpt: str) -> None:
    content = (
        f"<p>{BEGINNING}</p><p>Продолжение следует.</p><table><tr><th>Район<th>Час<tr><td>1<td>2</table>"
    )
    fields = {"content": {"rendered": content}, "excerpt": {"rendered": excerpt}}
    assert extract(post_of(fields)).lead == ""


@pytest.mark.parametrize(
    "before",
    ["<figure><figcaption>Подпись под снимком</figcaption></figure>", "<table><tr><th>Район<th>Час</table>"],
)
def test_an_automatic_excerpt_skips_pictures_and_tables(before: str) -> None:
    excerpt = f"<p>{BEGINNING[:80]} [&hellip;]</p>"
    fields = {"content": {"rendered": f"{before}<p>{BEGINNING}</p>"}, "excerpt": {"rendered": excerpt}}
    assert extract(post_of(fields)).lead == ""


def test_an_automatic_excerpt_of_what_is_left_out_of_the_body_is_no_lead() -> None:
    content = (
        '<p>Кубок наш.</p><div class="social-share">Поделиться: ВКонтакте</div><noscript>Включите</noscript>'
    )
    excerpt = "<p>Кубок наш. Поделиться: ВКонтакте Включите</p>"
    assert extract(post_of({"content": {"rendered": content}, "excerpt": {"rendered": excerpt}})).lead == ""


def test_an_automatic_excerpt_with_a_shortcode_is_no_lead() -> None:
    content = "<p>Нажмите [su_button url=»x»]Записаться[/su_button] и ждите.</p>"
    assert extract(post_of({"content": {"rendered": content}, "excerpt": {"rendered": content}})).lead == ""


@pytest.mark.parametrize(
    ("excerpt", "lead"),
    [
        ("<p>Кто &#171;победил&#187; и почему.</p>", "Кто «победил» и почему."),
        ("<p>Кто победил [&hellip;] <a>Читать далее</a></p>", "Кто победил"),
        ("<p>Кто победил…</p>", "Кто победил…"),
    ],
)
def test_an_excerpt_of_an_editor_is_the_lead(excerpt: str, lead: str) -> None:
    fields = {"content": {"rendered": f"<p>{BEGINNING}</p>"}, "excerpt": {"rendered": excerpt}}
    assert extract(post_of(fields)).lead == lead


@pytest.mark.parametrize(
    ("local", "gmt", "offset", "published"),
    [
        ("2013-10-05T10:00:00", "2013-10-05T06:00:00", "+03:00", "2013-10-05T10:00:00+04:00"),
        ("2024-01-01T03:00:00", "2023-12-31T16:00:00", "", "2024-01-01T03:00:00+11:00"),
        ("2024-01-01T10:00:00", "2024-01-01T04:15:00", "", "2024-01-01T10:00:00+05:45"),
        ("2024-01-01T10:00:00", "2024-01-01T10:00:00", "+03:00", "2024-01-01T10:00:00+00:00"),
        ("2024-01-01T10:00:00", "2024-01-01T13:30:00", "", "2024-01-01T10:00:00-03:30"),
        ("2024-01-01T10:00:00", "0000-00-00T00:00:00", "+07:00", "2024-01-01T10:00:00+07:00"),
        ("2024-01-01T10:00:00", "2020-05-05T00:00:00", "-03:30", "2024-01-01T10:00:00-03:30"),
        ("2024-01-01T10:00:00", "2024-01-01T07:00:07", "+03:00", "2024-01-01T10:00:00+03:00"),
        ("2024-01-01T10:00:00", "", "+99:00", "2024-01-01T10:00:00+00:00"),
        ("2024-01-01T10:00:00+08:00", "", "+03:00", "2024-01-01T10:00:00+08:00"),
        ("", "2024-01-01T07:00:00", "+03:00", "2024-01-01T07:00:00+00:00"),
    ],
)
def test_a_date_keeps_the_offset_the_site_had_then(local: str, gmt: str, offset: str, published: str) -> None:
    article = extract(post_of({"date": local, "date_gmt": gmt}, offset=offset))
    assert article.published is not None
    assert article.published.isoformat() == published


@pytest.mark.parametrize("date", ["", "вчера", "0001-01-01T00:00:00", "-0001-11-30T00:00:00", None, 5])
def test_a_date_that_is_none_stays_unknown(date: object) -> None:
    assert extract(post_of({"date": date, "date_gmt": date})).published is None


def test_fields_of_wrong_types_are_taken_for_absent() -> None:
    fields = {"link": 5, "title": ["x"], "excerpt": 7, "date": {}, "_embedded": {"wp:featuredmedia": [None]}}
    article = extract(post_of(fields, categories="{", tags='{"a": 1}', picture="[1]"))
    assert (article.url, article.title, article.lead) == (BASE, "", "")
    assert (article.categories, article.tags, article.picture) == ((), (), None)
    assert article.body == (Paragraph("Текст."),)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://[", "", "file:///etc/passwd"])
def test_a_picture_without_a_real_address_is_none(url: str) -> None:
    assert extract(post_of({}, picture=json.dumps({"url": url, "alt": "x"}))).picture is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>403</html>",
        b"\xff\xfe\xfa",
        b"[]",
        b"null",
        b'"text"',
        b'{"code": "rest_forbidden", "data": {"status": 401}}',
        b"[" * 200_000,
        b'{"title": ' * 100_000,
        b'{"id": ' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_post_is_an_extraction_error(body: bytes) -> None:
    with pytest.raises(ExtractionError, match="Не удалось извлечь") as caught:
        extract(page_of(body, "application/json", reader="wordpress"))
    assert caught.value.subject == BASE


def test_a_protected_post_is_refused() -> None:
    content = {"rendered": "", "protected": True}
    with pytest.raises(ExtractionError, match="паролем"):
        extract(post_of({"content": content, "excerpt": {"rendered": "Тайна", "protected": True}}))


@pytest.mark.parametrize(
    ("media_type", "reader"),
    [("application/pdf", ""), ("application/json", ""), ("application/json", "joomla")],
)
def test_an_unknown_format_is_refused(media_type: str, reader: str) -> None:
    with pytest.raises(ExtractionError, match="не поддерживается"):
        extract(page_of("{}", media_type, reader=reader))


# --- whole pages -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<html><body><p>Текст вне статьи</p></body></html>",
        "<article></article>",
        "<main><h1>Только заголовок</h1></main>",
        "<article><div class=share>Поделиться</div></article>",
    ],
)
def test_a_page_without_an_article_is_an_extraction_error(html: str) -> None:
    with pytest.raises(ExtractionError, match="не нашлось текста"):
        extract(page_of(html))


def test_a_page_in_windows_1251_that_says_so_nowhere_is_read() -> None:
    html = "<title>Приём</title><article><p>Приём граждан ведёт отдел образования.</p></article>"
    article = extract(page_of(html.encode("cp1251"), "text/html; charset=utf-8"))
    assert article.title == "Приём"
    assert article.body == (Paragraph("Приём граждан ведёт отдел образования."),)


# --- hostile markup ----------------------------------------------------------------------------

TAGS = [
    *(
        "div",
        "p",
        "b",
        "a",
        "span",
        "pre",
        "q",
        "br",
        "img",
        "o:p",
        "noindex",
        "details",
        "summary",
        "h1",
        "h3",
    ),
    *("ul", "ol", "li", "table", "tr", "td", "th", "blockquote", "cite", "figure", "figcaption"),
    *("iframe", "video", "form", "button", "select", "textarea", "script", "style", "template", "svg"),
]
SECRET = "sekretny_zheton"
# Each piece is whole: half a tag before a script would make text of it in a browser, too.
PIECES = st.one_of(
    st.sampled_from([f"<{tag}>" for tag in TAGS if tag != "script"]),
    st.sampled_from([f"</{tag}>" for tag in TAGS]),
    st.sampled_from(
        ['<p class="share">', '<a href="x.pdf">', '<div style="display:none">', "<!-- x -->", "<![if x]>"]
    ),
    st.sampled_from(
        ["слово", " ", "\n", "&nbsp;", "1", "[a b=1]", "[/a]", "[gallery]", "Читайте также", "&lt;", "«»"]
    ),
    st.sampled_from(
        [f"<script>{SECRET}</script>", f"<SCRIPT type=x>'<p>{SECRET}'</SCRIPT >", "https://rutube.ru/video/1"]
    ),
    st.text(alphabet="аяЁ 5.\u00ad\u200b\u0301\x00\x07\ud800\u2028", max_size=5),
)


@given(st.lists(PIECES, max_size=40).map("".join))
@example(f"<ul><script>{SECRET}</script><li>{SECRET[:3]}")
@example("<table><table><tr><td></table><th>")
@settings(max_examples=400, deadline=None)
def test_no_soup_of_tags_breaks_the_walk_or_shows_a_script(html: str) -> None:
    found = texts(html)
    assert SECRET not in "".join(found)
    assert SECRET not in plain(html)
    for text in found:
        assert text == clean(text)
        assert text == text.strip()
        assert "  " not in text


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_string_makes_extraction_fail(html: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        blocks(html, html)
        plain(html)
        extract(
            post_of(
                {"title": {"rendered": html}, "content": {"rendered": html}, "link": html}, categories=html
            )
        )


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_extraction_fail_but_by_its_own_error(body: bytes) -> None:
    for page in (page_of(b"<main>" + body), page_of(body, "application/json", reader="wordpress")):
        with contextlib.suppress(ExtractionError):
            assert extract(page).source == "shkola.example"


def seconds(work: Callable[[], object]) -> float:
    """Count this process's own work: other workers may use the core meanwhile."""
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<div>", "</div>"),
        ("<b>", "</b>"),
        ("<ul><li>", "</li></ul>"),
        ("<table><tr><td>", "</td></tr></table>"),
        ("<blockquote>", "</blockquote>"),
        ("<div class=share>", "</div>"),
        ("<figure>", "</figure>"),
        ("<a href=x>", "</a>"),
    ],
)
def test_five_thousand_nested_elements_cost_neither_stack_nor_time(opening: str, closing: str) -> None:
    html = opening * 5000 + "дно" + closing * 5000 + "<p>после</p>"
    assert seconds(lambda: blocks(html, BASE)) < 3  # 0.1 s measured
    found = "".join(texts(html))
    assert "после" in found
    assert plain(html).replace(" ", "") == "днопосле"


@pytest.mark.parametrize("piece", ["<p>x", "<div class=share>", "<table><tr><td>x"])
def test_five_megabytes_of_tags_are_read_in_bounded_time(
    piece: str, caplog: pytest.LogCaptureFixture
) -> None:
    html = "<article><blockquote>" + piece * (5_000_000 // len(piece))
    assert seconds(lambda: blocks(html, BASE)) < 30  # 2 to 4 s measured
    assert [record.message.split()[0] for record in caplog.records] == ["page_cut"]


@pytest.mark.parametrize("piece", ["[a b=", "<", "https://vk.com/", "Читать далее ", "\n \n"])
def test_a_megabyte_of_anything_is_read_in_bounded_time(piece: str) -> None:
    html = "<pre>" + piece * (1_000_000 // len(piece))
    post = post_of({"content": {"rendered": html}, "excerpt": {"rendered": html}})
    assert seconds(lambda: extract(post)) < 10  # 0.5 to 1 s measured, five times that for five megabytes


@pytest.mark.parametrize(
    "html",
    [
        "<blockquote><p>" + "<cite></cite>" * 20_000,
        "<blockquote class=twitter-tweet><a>x</a>" * 10_000,
        "<h1>h" * 20_000,
        "<article class=entry-content><time datetime=x>" * 10_000 + "x",
        "<span style='mso-list:Ignore'>" * 20_000 + "x",
    ],
)
def test_what_looks_around_itself_does_not_look_too_far(html: str) -> None:
    page = page_of(f"<main><p>Начало.</p>{html}")
    assert seconds(lambda: extract(page)) < 10  # 0.5 to 2 s measured; a minute where quadratic
