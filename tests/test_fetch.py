"""What a caller of the fetcher gets: answers, redirects, errors, a log."""

from __future__ import annotations

import logging
import re

import pytest
from beds.fetching import AGENT, Open
from beds.site import Reply, Site, redirect

from indexer.errors import (
    AddressRefusedError,
    BadEncodingError,
    BodyTooLargeError,
    ConnectionFailedError,
    DisallowedError,
    FetchError,
    FetchTimeoutError,
    HttpStatusError,
    InvalidUrlError,
    InvalidUserAgentError,
    NotJson,
    RetryTooLateError,
    RobotsUnavailableError,
    TlsError,
    TooManyRedirectsError,
    TruncatedBodyError,
    UnknownHostError,
)
from indexer.fetch import Fetched

pytest_plugins = ["beds.fixtures"]

# --- answers ------------------------------------------------------------------------------------


def test_page_comes_with_its_address_status_headers_and_body(site: Site, fetcher: Open) -> None:
    site.on("/news/", Reply("Новости".encode(), headers={"ETag": '"1"', "Content-Type": "text/html"}))

    fetched = fetcher().get(site.url("/news/"))

    assert fetched.url == fetched.requested == site.url("/news/")
    assert (fetched.status, fetched.body.decode(), fetched.redirected_from) == (200, "Новости", ())
    assert fetched.headers["etag"] == fetched.headers.get("ETAG") == '"1"'


def test_request_names_us_and_asks_only_for_what_can_be_decompressed(site: Site, fetcher: Open) -> None:
    site.on("/", Reply())

    fetcher().get(site.url("/"), headers={"If-None-Match": '"1"', "user-agent": "Mozilla", "host": "evil"})

    seen = site.requests[-1]
    assert seen.headers["User-Agent"] == AGENT
    assert seen.headers["Accept-Encoding"] == "gzip, deflate"
    assert seen.headers["If-None-Match"] == '"1"'
    assert seen.host == f"127.0.0.1:{site.port}"


def test_params_follow_the_query_that_is_there(site: Site, fetcher: Open) -> None:
    site.on("/?rest_route=/wp/v2/posts&search=%D0%95%D0%93%D0%AD&page=2", Reply(b"[]"))

    fetched = fetcher().get(site.url("/?rest_route=/wp/v2/posts"), params={"search": "ЕГЭ", "page": "2"})

    assert fetched.json() == []


def test_unchanged_answer_is_returned_only_where_expected(site: Site, fetcher: Open) -> None:
    site.on("/feed", Reply(status=304))

    assert fetcher().get(site.url("/feed"), expect={200, 304}).status == 304
    with pytest.raises(HttpStatusError) as caught:
        fetcher().get(site.url("/feed"))
    assert caught.value.status == 304


def test_unexpected_status_is_an_error_with_the_beginning_of_the_body(site: Site, fetcher: Open) -> None:
    site.on("/", Reply("Доступ запрещён ".encode() * 10_000, status=403))

    with pytest.raises(HttpStatusError, match="Сайт ответил 403") as caught:
        fetcher().get(site.url("/"))

    assert caught.value.body_start.startswith("Доступ запрещён")
    assert len(caught.value.body_start) <= 200
    assert site.paths() == ["/"], "a 403 does not get better by asking again"


@pytest.mark.parametrize(
    "broken",
    [
        Reply(b"half", status=404, declared=4000),
        Reply(b"not brotli", status=404, headers={"Content-Encoding": "br"}),
        Reply(b"not gzip", status=404, headers={"Content-Encoding": "gzip"}),
    ],
)
def test_status_of_a_refusal_counts_even_if_its_body_is_broken(
    site: Site, fetcher: Open, broken: Reply
) -> None:
    site.on("/", broken)

    with pytest.raises(HttpStatusError):
        fetcher().get(site.url("/"))


def test_expected_status_is_returned_with_all_of_its_body(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(b"x" * 100_000, status=503))

    fetched = fetcher().get(site.url("/"), expect={503})

    assert (fetched.status, len(fetched.body), len(site.paths())) == (503, 100_000, 1)


def test_answer_that_is_not_json_says_so(site: Site, fetcher: Open) -> None:
    site.on("/wp-json/", Reply(b"<html>", headers={"Content-Type": "text/html"}))

    with pytest.raises(NotJson, match="text/html"):
        fetcher().get(site.url("/wp-json/")).json()


def test_json_nested_beyond_measure_is_not_json() -> None:
    with pytest.raises(NotJson):
        Fetched("http://a.ru/", "http://a.ru/", 200, {}, b"[" * 1_000_000).json()


# --- redirects ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_told(site: Site, fetcher: Open, status: int) -> None:
    site.on("/old", redirect("/mid?a=1", status))
    site.on("/mid?a=1", redirect(site.url("/new"), status))
    site.on("/new", Reply(b"here"))

    fetched = fetcher().get(site.url("/old"))

    assert fetched.body == b"here"
    assert fetched.url == site.url("/new")
    assert fetched.redirected_from == (site.url("/old"), site.url("/mid?a=1"))


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/новости/".encode(), "/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/"),
        ("/новости/".encode("cp1251"), "/%ED%EE%E2%EE%F1%F2%E8/"),
        (b" /a b ", "/a%20b"),
        (b"../up#top", "/up"),
    ],
)
def test_location_is_understood_as_sites_write_it(
    site: Site, fetcher: Open, location: bytes, path: str
) -> None:
    site.on(
        "/a/b/", Reply(raw=b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")
    )
    site.on("/a" + path if path == "/up" else path, Reply(b"here"))

    assert fetcher().get(site.url("/a/b/")).body == b"here"


def test_five_redirects_are_followed_and_not_one_more(site: Site, fetcher: Open) -> None:
    for number in range(6):
        site.on(f"/{number}", redirect(f"/{number + 1}"))
    site.on("/6", Reply(b"here"))

    assert fetcher().get(site.url("/1")).body == b"here"
    with pytest.raises(TooManyRedirectsError):
        fetcher().get(site.url("/0"))


def test_expected_redirect_is_returned(site: Site, fetcher: Open) -> None:
    site.on("/old", redirect("/new"))

    fetched = fetcher().get(site.url("/old"), expect={200, 301})

    assert (fetched.status, fetched.headers["location"], site.paths()) == (301, "/new", ["/old"])


def test_redirect_to_nowhere_is_an_unexpected_status(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(status=302))

    with pytest.raises(HttpStatusError, match="302"):
        fetcher().get(site.url("/"))


@pytest.mark.parametrize("to", ["ftp://school.ru/", "http://school.ru:25/", "http://a@b/", "http://[bad/"])
def test_redirect_to_what_may_not_be_fetched_is_refused(site: Site, fetcher: Open, to: str) -> None:
    site.on("/", redirect(to))

    with pytest.raises(InvalidUrlError):
        fetcher().get(site.url("/"))


def test_credentials_do_not_follow_to_another_site(site: Site, fetcher: Open) -> None:
    site.on("/", redirect(site.url("/there", host="other.ru")), host="school.ru")
    site.on("/there", Reply())
    secrets = {"Authorization": "Basic x", "Cookie": "a=1", "If-None-Match": '"1"'}

    fetcher().get(site.url("/", host="school.ru"), headers=secrets)

    first, second = (seen for seen in site.requests if seen.path != "/robots.txt")
    assert secrets.items() <= first.headers.items()
    assert {"Authorization", "Cookie"} & second.headers.keys() == set()
    assert second.headers["If-None-Match"] == '"1"'


# --- the rest -----------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", ["", " ", "1bot", "Робот/1.0", "bot\r\nX: y"])
def test_user_agent_without_a_name_for_robots_is_refused(fetcher: Open, agent: str) -> None:
    with pytest.raises(InvalidUserAgentError):
        fetcher(user_agent=agent)


def test_log_tells_events_and_no_bodies(site: Site, fetcher: Open, caplog: pytest.LogCaptureFixture) -> None:
    site.on("/old", redirect("/new"))
    site.on("/new", Reply(b"SECRET BODY", status=503), Reply(b"SECRET BODY"))

    with caplog.at_level(logging.DEBUG, logger="indexer"):
        fetcher().get(site.url("/old"))

    lines = [record.getMessage() for record in caplog.records if record.name.startswith("indexer")]
    events = [line.split()[0] for line in lines]
    assert events == ["fetch", "robots_absent", "fetch", "redirect", "fetch", "retry", "fetch"]
    assert all(re.search(r"\burl=http://127\.0\.0\.1:\d+/", line) for line in lines)
    assert "SECRET" not in "".join(lines)


def test_closed_fetcher_leaves_no_connection_open(site: Site, fetcher: Open) -> None:
    site.on("/", Reply())
    with fetcher() as polite:
        polite.get(site.url("/"))
        polite.close()
        polite.get(site.url("/"))

    assert len({seen.connection for seen in site.requests}) == 2


def test_every_error_carries_its_address_and_says_what_to_do() -> None:
    url = "http://school.ru/"
    errors: list[FetchError] = [
        InvalidUrlError(url, "причина"),
        AddressRefusedError(url, "school.ru", "10.0.0.1"),
        UnknownHostError(url, "school.ru", temporary=True),
        ConnectionFailedError(url, "причина"),
        TlsError(url, "school.ru", "причина"),
        FetchTimeoutError(url, 30),
        TruncatedBodyError(url),
        BodyTooLargeError(url, 2**20),
        BadEncodingError(url, "br"),
        TooManyRedirectsError(url, 5),
        *(HttpStatusError(url, status) for status in (300, 403, 404, 429, 500)),
        RetryTooLateError(url, 503, "", retry_after=600, limit=120),
        DisallowedError(url),
        RobotsUnavailableError(url, "причина"),
        NotJson(url, "text/html"),
    ]
    for error in errors:
        assert error.url == url
        assert len(re.findall(r"[.:] ?[А-Яа-я]", str(error))) >= 1, f"no advice in «{error}»"
        assert "school.ru" in str(error)
