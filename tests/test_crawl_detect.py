"""Finding out what site is at an address, and what an editor is told where it is none of ours."""

from __future__ import annotations

import socket

import pytest
from beds.fake_wordpress import FakeWordPress, html, reply
from beds.fetching import Open
from beds.site import Reply, Site, redirect

from corpus.archive import Archive
from indexer.crawl import add_source
from indexer.errors import (
    AddressRefusedError,
    ConnectionFailedError,
    HttpStatusError,
    NotWordPressError,
    UnknownHostError,
)
from indexer.sources import detect

pytest_plugins = ["beds.fixtures", "beds.crawl_fixtures"]

ROOT = {"name": "Сайт", "home": "", "gmt_offset": 3, "namespaces": ["oembed/1.0", "wp/v2"]}
POSTS = "per_page=100&page=1"


def answer_at(site: Site, base: str) -> None:
    """Put a WordPress without posts at the REST root *base*."""
    mark = "&" if "?" in base else "?"
    site.on(f"{base}{mark}_fields=name%2Chome%2Cgmt_offset%2Cnamespaces", reply(ROOT))
    site.on(f"{base}wp/v2/posts{mark}_fields=id&{POSTS}", reply([], **{"X-WP-Total": "0"}))


def test_title_and_address_are_the_sites_own(
    wordpress: FakeWordPress, archive: Archive, fetcher: Open
) -> None:
    source = add_source(archive, wordpress.url("/"), fetcher=fetcher(), allow_private=True, delay=2.5)

    assert (source.kind, source.title, source.url) == ("wordpress", "Школа & сад", wordpress.url("/"))
    assert (source.id, source.delay, source.allow_private) == (f"127.0.0.1:{wordpress.port}", 2.5, True)
    again = add_source(archive, wordpress.url("/news/x.html"), fetcher=fetcher(), title="Наша школа")
    assert (again.id, again.title, again.added) == (source.id, "Наша школа", source.added)


def test_own_address_decides_about_www_but_not_about_the_scheme(site: Site, fetcher: Open) -> None:
    answer_at(site, "/wp-json/")
    root = {**ROOT, "home": f"https://www.school.ru:{site.port}"}
    site.on("/wp-json/?_fields=name%2Chome%2Cgmt_offset%2Cnamespaces", reply(root))

    source = detect(site.url("/", host="school.ru"), fetcher())

    assert source.url == f"http://www.school.ru:{site.port}/"
    assert source.id == f"school.ru:{site.port}"


@pytest.mark.parametrize("home", ["https://other.ru", "http://[bad", "", 5])
def test_foreign_address_of_its_own_is_not_believed(site: Site, fetcher: Open, home: object) -> None:
    answer_at(site, "/wp-json/")
    site.on("/wp-json/?_fields=name%2Chome%2Cgmt_offset%2Cnamespaces", reply({**ROOT, "home": home}))

    assert detect(site.url("/"), fetcher()).url == site.url("/")


def test_rest_is_found_in_a_folder_behind_a_redirect(site: Site, fetcher: Open) -> None:
    site.on("/", redirect("/blog/"))
    answer_at(site, "/blog/wp-json/")

    assert detect(site.url("/"), fetcher()).url == site.url("/blog/")


def test_rest_is_found_where_the_page_announces_it(site: Site, fetcher: Open) -> None:
    link = f'<{site.url("/site/index.php?rest_route=/")}>; rel="https://api.w.org/"'
    site.on("/news/1/", Reply(b"<html>", headers={"Link": f'<x>; rel="next", {link}'}))
    answer_at(site, "/site/index.php?rest_route=/")

    assert detect(site.url("/news/1/"), fetcher()).url == site.url("/site/")


def test_address_without_scheme_is_tried_with_both(site: Site, fetcher: Open) -> None:
    answer_at(site, "/?rest_route=/")

    assert detect(f"127.0.0.1:{site.port}", fetcher()).url == site.url("/")


def test_closed_root_does_not_matter_where_posts_are_open(wordpress: FakeWordPress, fetcher: Open) -> None:
    wordpress.trouble = lambda route, query: Reply(status=401) if route == "" else None

    source = detect(wordpress.url("/"), fetcher())

    assert (source.url, source.title) == (wordpress.url("/"), "")


def test_site_of_another_make_is_told_from_a_closed_wordpress(site: Site, fetcher: Open) -> None:
    site.on("/", html())
    site.on("/?rest_route=%2F", html())
    with pytest.raises(NotWordPressError, match="не нашлось сайта на WordPress") as caught:
        detect(site.url("/"), fetcher())
    assert "/wp-json/ — ответ 404" in str(caught.value)
    assert "searchsvc import" in str(caught.value)

    site.on("/", Reply(b'<link href="/wp-content/themes/a.css">', headers={"Content-Type": "text/html"}))
    with pytest.raises(NotWordPressError, match="сделан на WordPress, но его REST API закрыт"):
        detect(site.url("/"), fetcher())


def test_page_in_place_of_data_is_named(site: Site, fetcher: Open) -> None:
    root = "_fields=name%2Chome%2Cgmt_offset%2Cnamespaces"
    for path in ("/", f"/wp-json/?{root}", f"/?rest_route=/&{root}"):
        site.on(path, html())
    with pytest.raises(NotWordPressError, match="/wp-json/ — страница вместо данных"):
        detect(site.url("/"), fetcher())


def test_open_root_with_closed_posts_is_refused_at_once(wordpress: FakeWordPress, fetcher: Open) -> None:
    wordpress.trouble = lambda route, query: Reply(status=403) if route == "posts" else None
    with pytest.raises(NotWordPressError, match=r"REST API закрыт \(список записей — ответ 403"):
        detect(wordpress.url("/"), fetcher())


def test_robots_that_forbid_rest_are_named(wordpress: FakeWordPress, fetcher: Open) -> None:
    wordpress.on("/robots.txt", Reply(b"User-agent: *\nDisallow: /wp-json/\nDisallow: /*?"))
    with pytest.raises(NotWordPressError, match=r"запрещено в robots\.txt"):
        detect(wordpress.url("/"), fetcher())


def test_site_out_of_reach_is_an_error_of_fetching(site: Site, fetcher: Open) -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.raises(UnknownHostError):
        detect("http://nowhere.example/", fetcher(resolve=nowhere))
    with pytest.raises(AddressRefusedError):
        detect(site.url("/"), fetcher(allow_private=False))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConnectionFailedError):
        detect(f"http://127.0.0.1:{port}/", fetcher())


def test_site_out_of_order_is_not_taken_for_another_make(wordpress: FakeWordPress, fetcher: Open) -> None:
    wordpress.on("/", Reply(status=503))
    wordpress.trouble = lambda route, query: Reply(status=503)
    with pytest.raises(HttpStatusError, match="503"):
        detect(wordpress.url("/"), fetcher())
