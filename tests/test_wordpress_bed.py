"""The WordPress test bed itself: it must do what the tests that stand on it believe."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from beds.wordpress import PublicPost, WordPress, missing

pytestmark = pytest.mark.component

POSTS = "/wp-json/wp/v2/posts"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPress]:
    """One seeded site for the module; a machine without the packages fails here, by name."""
    assert missing() == []
    with WordPress.start(tmp_path_factory.mktemp("wordpress")) as running:
        yield running


def get(url: str) -> tuple[int, Message, bytes]:
    """Return status, headers and body of a GET, whatever the status."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def rest(site: WordPress, handle: str) -> Any:
    """Return REST's answer for one post."""
    return json.loads(get(f"{site.url}{POSTS}/{site.posts[handle]}")[2])


def status(site: WordPress, handle: str) -> int:
    """Return the HTTP status of REST for one post."""
    return get(f"{site.url}{POSTS}/{site.posts[handle]}")[0]


def listed(site: WordPress) -> set[int]:
    """Return the ids of both pages of the list."""
    ids: set[int] = set()
    for page in (1, 2):
        ids |= {post["id"] for post in json.loads(get(f"{site.url}{POSTS}?per_page=100&page={page}")[2])}
    return ids


def public(site: WordPress, handle: str) -> PublicPost:
    """Return what the database says of a published post."""
    (post,) = [post for post in site.expected() if post["id"] == site.posts[handle]]
    return post


def test_rest_lists_every_public_post_over_two_pages(site: WordPress) -> None:
    code, headers, _ = get(f"{site.url}{POSTS}?per_page=100")
    assert code == 200
    assert headers["X-WP-TotalPages"] == "2"
    assert headers["X-WP-Total"] == str(len(site.expected()))
    assert listed(site) == {post["id"] for post in site.expected()}
    assert get(f"{site.url}{POSTS}?per_page=100&page=3")[0] == 400


def test_posts_that_are_not_public_answer_401(site: WordPress) -> None:
    handles = ["private", "draft", "pending", "trashed", "future", "future-2"]
    assert [status(site, handle) for handle in handles] == [401] * len(handles)


def test_protected_posts_are_listed_without_their_text(site: WordPress) -> None:
    content = rest(site, "protected")["content"]
    assert content == {"rendered": "", "protected": True}
    assert public(site, "protected")["protected"]


def test_markup_reaches_rest_as_it_was_stored(site: WordPress) -> None:
    def body(handle: str) -> str:
        return str(rest(site, handle)["content"]["rendered"])

    assert rest(site, "empty-title")["title"]["rendered"] == ""
    assert "<script>" in rest(site, "script-title")["title"]["rendered"]
    assert '[su_button url="x"]' in public(site, "shortcode")["content"]
    assert "[su_button" in body("shortcode")
    assert "pollSecretToken" in body("script-style")
    assert "<o:p>" in body("word")
    assert "wp-block-latest-posts__list" in body("latest-posts")
    assert "rutube.ru/play/embed/" in body("embed-rutube")
    assert "и\u0306" in body("nfd")
    assert public(site, "entities-title")["title"] == "«Точка роста» & школа: новое в сельских классах"


def test_attached_files_are_real(site: WordPress) -> None:
    for name, magic in (("prikaz-412.pdf", b"%PDF-1.4"), ("otkrytie.png", b"\x89PNG")):
        code, _, body = get(f"{site.url}/wp-content/uploads/2023/09/{name}")
        assert (code, body[: len(magic)]) == (200, magic)


def test_the_page_the_sitemap_and_the_feed_answer(site: WordPress) -> None:
    assert "entry-content" in get(public(site, "blocks")["link"])[2].decode()
    assert b"<sitemap>" in get(f"{site.url}/wp-sitemap.xml")[2]
    assert get(f"{site.url}/feed/")[2].count(b"<item>") == 10


def test_terms_change_without_a_new_modified_date(site: WordPress) -> None:
    before = public(site, "plain-01")
    site.recategorise("plain-01", ["Архив", "Новая рубрика"])
    site.retag("plain-01", ["новая метка"])
    after = public(site, "plain-01")
    assert after["modified_gmt"] == before["modified_gmt"]
    assert sorted(after["categories"]) == ["Архив", "Новая рубрика"]
    assert after["tags"] == ["новая метка"]


def test_an_edit_changes_the_modified_date(site: WordPress) -> None:
    before = public(site, "plain-02")
    site.edit("plain-02", title="Исправлено: 5 > 4", content=r"<p>Путь C:\школа & «сад»</p>")
    after = public(site, "plain-02")
    assert after["modified_gmt"] > before["modified_gmt"]
    assert (after["title"], after["content"]) == ("Исправлено: 5 > 4", r"<p>Путь C:\школа & «сад»</p>")
    assert after["link"] == before["link"]


def test_a_scheduled_post_goes_live_with_its_old_modified_date(site: WordPress) -> None:
    site.publish_scheduled("future")
    post = public(site, "future")
    assert post["modified_gmt"] == "2024-11-01T07:00:00"
    assert post["date_gmt"] > "2025"
    assert status(site, "future") == 200


def test_posts_can_be_added_and_taken_away(site: WordPress) -> None:
    site.create("new", "Свежая новость", "<p>Текст</p>", categories=["ЕГЭ"], tags=["срочно"])
    assert public(site, "new")["categories"] == ["ЕГЭ"]
    site.backdate("import")
    assert public(site, "import")["modified_gmt"] == "2014-03-05T06:00:00"
    site.protect("new", "тайна")
    assert rest(site, "new")["content"]["protected"]
    site.protect("new", "")
    for take in (site.draft, site.make_private, site.trash):
        take("new")
        assert status(site, "new") == 401
        site.publish("new")
        assert status(site, "new") == 200
    site.delete("new")
    assert status(site, "new") == 404


def test_an_old_slug_leads_to_the_new_address(site: WordPress) -> None:
    old = public(site, "plain-03")["link"]
    site.rename_slug("plain-03", "novyj-adres")
    new = public(site, "plain-03")["link"]
    assert new.endswith("/novyj-adres/")
    with urllib.request.urlopen(old, timeout=30) as answer:
        assert answer.url == new


@pytest.mark.parametrize("code", [401, 403])
def test_rest_can_be_closed_and_opened(site: WordPress, code: int) -> None:
    site.rest_off(code)
    paths = ["/wp-json/", POSTS, f"{POSTS}/{site.posts['blocks']}", "/?rest_route=/wp/v2/posts"]
    assert [get(site.url + path)[0] for path in paths] == [code] * len(paths)
    site.rest_on()
    assert [get(site.url + path)[0] for path in paths] == [200] * len(paths)


def test_plain_permalinks_leave_rest_under_its_parameter(site: WordPress) -> None:
    pretty = public(site, "blocks")["link"]
    site.plain_permalinks()
    assert public(site, "blocks")["link"] == f"{site.url}/?p={site.posts['blocks']}"
    assert get(f"{site.url}/?rest_route=/wp/v2/posts")[1]["X-WP-Total"]
    assert not get(f"{site.url}{POSTS}")[1]["X-WP-Total"]
    site.pretty_permalinks()
    assert public(site, "blocks")["link"] == pretty
    assert get(pretty)[0] == 200
    assert get(f"{site.url}{POSTS}")[0] == 200


def test_the_block_theme_has_other_markup(site: WordPress) -> None:
    site.switch_theme("twentytwentythree")
    page = get(public(site, "blocks")["link"])[2].decode()
    site.switch_theme("twentytwentyone")
    assert "wp-block-post-content" in page
    assert "<article" not in page


def test_nothing_is_left_after_stop(tmp_path: Path) -> None:
    with WordPress.start(tmp_path) as site:
        pids, url = site.pids, site.url
        assert set(pids) == {"mariadbd", "php-fpm", "nginx"}
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)
