"""robots.txt by RFC 9309, as the fetcher keeps it."""

from __future__ import annotations

import socket

import pytest
from beds.fetching import Clock, Open
from beds.site import Internet, Reply, Site, gzipped, redirect

from indexer.errors import (
    RETRIED_STATUSES,
    ConnectionFailedError,
    DisallowedError,
    RobotsUnavailableError,
)
from indexer.fetch import Limits

pytest_plugins = ["beds.fixtures"]

MIB = 2**20


def robots(site: Site, *lines: str, host: str = "") -> None:
    site.on("/robots.txt", Reply("\n".join(lines).encode()), host=host)


def test_disallowed_address_is_not_asked_for(site: Site, fetcher: Open) -> None:
    robots(site, "User-agent: *", "Disallow: /closed/")
    polite = fetcher()

    with pytest.raises(DisallowedError, match=r"robots\.txt"):
        polite.get(site.url("/open/../closed/page"))

    assert site.paths(robots=True) == ["/robots.txt"]
    assert not polite.allowed(site.url("/closed/"))
    assert polite.allowed(site.url("/open"))


def test_rules_for_us_by_name_win_over_rules_for_all(site: Site, fetcher: Open) -> None:
    robots(site, "User-agent: *", "Disallow: /", "", "User-agent: SearchSvc", "Disallow: /x")

    assert fetcher().allowed(site.url("/news"))
    assert not fetcher().allowed(site.url("/x"))
    assert not fetcher(user_agent="other searchsvc").allowed(site.url("/news"))


@pytest.mark.parametrize("rule", ["/новости/", "/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/", "/*ости/$"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_cyrillic_paths_are_compared_decoded(site: Site, fetcher: Open, rule: str, encoding: str) -> None:
    site.on("/robots.txt", Reply(f"User-agent: *\nDisallow: {rule}".encode(encoding)))
    polite = fetcher()

    assert not polite.allowed(site.url("/новости/"))
    assert not polite.allowed(site.url("/%d0%bd%d0%be%d0%b2%d0%be%d1%81%d1%82%d0%b8/"))
    assert polite.allowed(site.url("/объявления/"))


def test_byte_order_mark_does_not_hide_the_first_line(site: Site, fetcher: Open) -> None:
    site.on("/robots.txt", Reply(b"\xef\xbb\xbfUser-agent: *\nDisallow: /"))

    assert not fetcher().allowed(site.url("/"))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_robots_that_is_not_there_allows_all(site: Site, fetcher: Open, status: int) -> None:
    site.on("/robots.txt", Reply(b"User-agent: *\nDisallow: /", status=status))
    site.on("/", Reply(b"ok"))

    assert fetcher().get(site.url("/")).body == b"ok"


@pytest.mark.parametrize("status", [500, 503, 501, 520, 429])
def test_robots_that_fails_forbids_all(site: Site, fetcher: Open, status: int) -> None:
    site.on("/robots.txt", Reply(status=status))
    polite = fetcher()

    with pytest.raises(RobotsUnavailableError, match=rf"RFC 9309.*{status}"):
        polite.get(site.url("/"))

    assert site.paths() == []
    assert not polite.allowed(site.url("/"))
    tries = 4 if status in RETRIED_STATUSES else 1
    assert site.paths(robots=True) == ["/robots.txt"] * tries, "a failure is remembered"


def test_site_that_does_not_answer_forbids_all(fetcher: Open) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://school.ru:{nobody.getsockname()[1]}/"
        with pytest.raises(RobotsUnavailableError, match="никто не отвечает") as caught:
            fetcher().get(url)
    assert isinstance(caught.value.__cause__, ConnectionFailedError)


def test_failure_of_robots_is_forgotten_after_a_while(site: Site, fetcher: Open, clock: Clock) -> None:
    site.on("/robots.txt", *[Reply(status=503)] * 4, Reply(status=404))
    polite = fetcher()
    assert not polite.allowed(site.url("/"))

    clock.now += 601

    assert polite.allowed(site.url("/"))


def test_robots_is_read_once_a_day_for_each_origin(site: Site, fetcher: Open, clock: Clock) -> None:
    robots(site, "User-agent: *", "Disallow: /a", host="a.ru")
    robots(site, "User-agent: *", "Disallow: /b", host="b.ru")
    polite = fetcher()

    for path, host, allowed in [("/a", "a.ru", False), ("/a", "b.ru", True), ("/b", "b.ru", False)]:
        assert polite.allowed(site.url(path, host=host)) is allowed
    assert len(site.requests) == 2
    clock.now += 24 * 3600 - 1
    polite.allowed(site.url("/", host="a.ru"))
    assert len(site.requests) == 2
    clock.now += 2
    polite.allowed(site.url("/", host="a.ru"))
    assert len(site.requests) == 3


def test_robots_is_followed_through_five_redirects(site: Site, fetcher: Open) -> None:
    site.on("/robots.txt", redirect("/r/1"))
    for number in range(1, 5):
        site.on(f"/r/{number}", redirect(f"/r/{number + 1}"))
    site.on("/r/5", Reply(b"User-agent: *\nDisallow: /"))

    assert not fetcher().allowed(site.url("/"))


def test_robots_behind_six_redirects_counts_as_missing(site: Site, fetcher: Open) -> None:
    site.on("/robots.txt", redirect("/robots.txt"))

    assert fetcher().allowed(site.url("/"))
    assert len(site.requests) == 6


def test_robots_that_leads_to_an_inner_address_forbids_all(
    site: Site, fetcher: Open, internet: Internet
) -> None:
    internet.lead("8.8.8.8", site)
    site.on("/robots.txt", redirect("http://inner.ru/robots.txt"))
    names = {"school.ru": ["8.8.8.8"], "inner.ru": ["10.0.0.1"]}

    with pytest.raises(RobotsUnavailableError):
        fetcher(allow_private=False, resolve=lambda host, port: names[host]).get("http://school.ru/")
    assert set(internet.connected) == {"8.8.8.8"}


def test_redirect_to_a_disallowed_address_is_not_followed(site: Site, fetcher: Open) -> None:
    robots(site, "User-agent: *", "Disallow: /closed", host="other.ru")
    site.on("/", redirect(site.url("/closed", host="other.ru")), host="school.ru")
    site.on("/closed", Reply(b"closed"))

    with pytest.raises(DisallowedError):
        fetcher().get(site.url("/", host="school.ru"))
    assert site.paths() == ["/"]


def test_long_robots_is_understood_as_far_as_it_was_read(site: Site, fetcher: Open) -> None:
    start = "User-agent: *\nDisallow: /closed/\n"
    padding = "#" * (500 * 1024 - len(start) - len("\nDisallow: /"))
    text = f"{start}{padding}\nDisallow: /archive/\n" + "#" * 2 * MIB
    site.on("/robots.txt", Reply(text.encode()))
    polite = fetcher(limits=Limits(bytes=1000))

    assert not polite.allowed(site.url("/closed/"))
    assert polite.allowed(site.url("/news/")), "the cut line «Disallow: /» is not taken for a rule"


def test_robots_that_is_a_gzip_bomb_is_cut_too(site: Site, fetcher: Open) -> None:
    site.on("/robots.txt", gzipped(b"User-agent: *\nDisallow: /x\n" + b"\n" * 20 * MIB))

    assert not fetcher().allowed(site.url("/x"))
    assert fetcher().allowed(site.url("/y"))
