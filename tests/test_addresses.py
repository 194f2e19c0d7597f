"""What may be asked for, and whom we may connect to."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable

import pytest
from beds.fetching import Clock, Open
from beds.site import Internet, Reply, Site, redirect
from hypothesis import given
from hypothesis import strategies as st

from indexer import addresses
from indexer.errors import (
    AddressRefusedError,
    HttpStatusError,
    InvalidUrlError,
    UnknownHostError,
)

pytest_plugins = ["beds.fixtures"]

# --- addresses: what may be asked for -----------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://school.ru/", "http"),
        ("file:///etc/passwd", "http"),
        ("javascript:alert(1)", "http"),
        ("school.ru/news", "http"),
        ("http://school.ru:22/", "порт 22"),
        ("http://school.ru:6379/", "порт 6379"),
        ("http://school.ru:0/", "порт 0"),
        ("http://school.ru:99999/", "с ошибкой"),
        ("http://user:password@school.ru/", "пароль"),
        ("http://school.ru\\@evil.ru/", "пароль"),
        ("http:///news", "нет имени"),
        ("http://school..ru/", "имя сайта"),
        ("http://school ru/", "имя сайта"),
        (f"http://{'я' * 70}.ru/", "имя сайта"),
        ("http://[::1%25eth0]/", "IPv6"),
        ("http://school.ru/\r\nX-Evil:1", "управляющие"),
        ("http://school.ru/\ud800", "символы"),
    ],
)
def test_address_that_is_no_web_page_is_refused(fetcher: Open, url: str, reason: str) -> None:
    with pytest.raises(InvalidUrlError, match=reason):
        fetcher().get(url)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("http://минобр.рф/", "http://xn--90anlffn.xn--p1ai/"),
        ("HTTP://School.RU./", "http://school.ru/"),
        ("http://a.ru", "http://a.ru/"),
        ("http://a.ru:80/?", "http://a.ru/"),
        ("https://a.ru:443/#top", "https://a.ru/"),
        ("http://a.ru/новости/", "http://a.ru/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/"),
        ("http://a.ru/%d0%bd?q=%EF%F0", "http://a.ru/%d0%bd?q=%EF%F0"),
        ("http://a.ru/100% за?a[b]=1 2", "http://a.ru/100%25%20%D0%B7%D0%B0?a[b]=1%202"),
        ("http://a.ru/open/../closed/./x", "http://a.ru/closed/x"),
        ("http://a.ru/open/%2e%2E/closed/..", "http://a.ru/"),
        ("http://[2001:0db8::0001]:8080/", "http://[2001:db8::1]:8080/"),
    ],
)
def test_address_is_written_one_way(written: str, sent: str) -> None:
    assert addresses.parse(written).url == sent
    assert addresses.parse(sent).url == sent


@given(st.text(), st.text())
def test_any_text_is_an_address_written_one_way_or_refused(start: str, location: str) -> None:
    base = addresses.parse("http://школа.рф/news/")
    reads: list[Callable[[], addresses.Target]]
    reads = [lambda: addresses.parse("http://" + start), lambda: base.join(location)]
    for read in reads:
        try:
            target = read()
        except InvalidUrlError:
            continue
        assert target.url.isascii()
        assert re.fullmatch(r"[!-~]+", target.path)
        assert addresses.parse(target.url) == target


def test_cyrillic_host_and_path_reach_the_site(site: Site, fetcher: Open) -> None:
    path = "/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/"
    site.on(path, Reply(b"ok"), host="xn--90anlffn.xn--p1ai")

    fetched = fetcher().get(site.url("/новости/", host="минобр.рф"))

    assert fetched.url == site.url(path, host="xn--90anlffn.xn--p1ai")
    assert fetched.requested == site.url("/новости/", host="минобр.рф")


def test_errors_show_addresses_as_people_write_them(site: Site, fetcher: Open) -> None:
    with pytest.raises(HttpStatusError, match=r"http://минобр\.рф:\d+/новости%2F"):
        fetcher().get(site.url("/новости%2F", host="минобр.рф"))


# --- addresses: whom we may connect to ----------------------------------------------------------

INNER = [
    *("127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "2002:7f00:1::", "2002:c0a8:101::1"),
    *("64:ff9b::10.0.0.1", "64:ff9b:1::1", "2001:0:7f00:1::", "not an address"),
]
OUTER = [
    *("8.8.8.8", "95.173.136.70", "100.63.0.1", "2a02:6b8::2:242", "::ffff:8.8.8.8"),
    *("2002:808:808::1", "64:ff9b::8.8.8.8"),
]


@pytest.mark.parametrize("address", INNER)
def test_inner_address_is_never_connected_to(fetcher: Open, internet: Internet, address: str) -> None:
    polite = fetcher(allow_private=False, resolve=lambda host, port: [address])

    with pytest.raises(AddressRefusedError, match=r"«школа\.рф».*--allow-private") as caught:
        polite.get("http://школа.рф/")

    assert (caught.value.host, caught.value.address) == ("xn--80atdl2c.xn--p1ai", address)
    assert internet.connected == []


@pytest.mark.parametrize("address", OUTER)
def test_public_address_is_public(address: str) -> None:
    assert addresses.is_public(address)


def test_one_inner_address_among_public_ones_refuses_the_host(fetcher: Open, internet: Internet) -> None:
    polite = fetcher(allow_private=False, resolve=lambda host, port: ["8.8.8.8", "10.0.0.1"])

    with pytest.raises(AddressRefusedError):
        polite.get("http://school.ru/")
    assert internet.connected == []


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::1]/", "http://127.1/", "http://2130706433/"])
def test_loopback_is_refused_in_every_spelling(fetcher: Open, url: str) -> None:
    with pytest.raises(AddressRefusedError):
        fetcher(allow_private=False, resolve=addresses.resolve).get(url)


def test_connection_goes_to_the_very_address_that_was_checked(
    site: Site, fetcher: Open, internet: Internet
) -> None:
    """A name that answers differently the second time gains nothing: it is asked once a request."""
    internet.lead("8.8.8.8", site)
    site.on("/", Reply(b"public"))
    answers = iter([["8.8.8.8"], ["8.8.8.8"], ["127.0.0.1"]])
    polite = fetcher(allow_private=False, resolve=lambda host, port: next(answers))

    assert polite.get("http://school.ru/").body == b"public"  # robots.txt, then the page
    with pytest.raises(AddressRefusedError):
        polite.get("http://school.ru/")  # the kept connection does not help either

    assert set(internet.connected) == {"8.8.8.8"}


def test_kept_connection_is_left_when_the_name_leads_elsewhere(fetcher: Open, internet: Internet) -> None:
    now = ["8.8.8.8"]
    polite = fetcher(allow_private=False, resolve=lambda host, port: now)
    with Site() as old, Site() as new:
        internet.lead("8.8.8.8", old)
        internet.lead("8.8.4.4", new)
        old.on("/", Reply(b"old"))
        new.on("/", Reply(b"new"))

        before = polite.get("http://school.ru/").body
        now[:] = ["8.8.4.4"]
        after = polite.get("http://school.ru/").body

    assert (before, after, internet.connected) == (b"old", b"new", ["8.8.8.8", "8.8.4.4"])


def test_redirect_from_a_public_site_to_loopback_is_refused(
    site: Site, fetcher: Open, internet: Internet
) -> None:
    internet.lead("8.8.8.8", site)
    site.on("/", redirect("http://localhost/admin"))
    names = {"school.ru": ["8.8.8.8"], "localhost": ["127.0.0.1"]}
    polite = fetcher(allow_private=False, resolve=lambda host, port: names[host])

    with pytest.raises(AddressRefusedError, match="localhost"):
        polite.get("http://school.ru/")

    assert set(internet.connected) == {"8.8.8.8"}


def test_next_address_is_tried_when_one_does_not_answer(
    site: Site, fetcher: Open, internet: Internet
) -> None:
    site.on("/", Reply(b"ok"))
    internet.lead("8.8.4.4", site)
    both = fetcher(allow_private=False, resolve=lambda host, port: ["8.8.8.8", "8.8.4.4"])

    assert both.get("http://school.ru/").body == b"ok"
    assert internet.connected == ["8.8.8.8", "8.8.4.4"]


def test_environment_proxies_are_not_used(site: Site, fetcher: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    site.on("/", Reply(b"direct"))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert fetcher().get(site.url("/")).body == b"direct"


def test_host_without_addresses_is_unknown(fetcher: Open) -> None:
    with pytest.raises(UnknownHostError):
        fetcher(resolve=lambda host, port: []).get("http://school.ru/")


def test_unknown_host_is_not_asked_for_again(fetcher: Open, clock: Clock) -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(UnknownHostError, match="Такого имени нет"):
        fetcher(resolve=nobody).get("http://school.ru/")
    assert clock.naps == []


def test_silent_name_server_is_asked_again(site: Site, fetcher: Open, clock: Clock) -> None:
    site.on("/", Reply(b"ok"))
    answers: list[list[str] | None] = [None, ["127.0.0.1"], ["127.0.0.1"]]

    def sometimes(host: str, port: int) -> list[str]:
        answer = answers.pop(0)
        if answer is None:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return answer

    assert fetcher(resolve=sometimes).get(site.url("/", host="school.ru")).body == b"ok"
    assert len(clock.naps) == 1
