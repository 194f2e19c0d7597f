"""One request within limits of bytes, time and trust, against a server that knows none."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from beds.fetching import Clock, Open
from beds.site import Internet, Reply, Site, certificate, gzipped

from indexer.errors import (
    BadEncodingError,
    BodyTooLargeError,
    ConnectionFailedError,
    FetchTimeoutError,
    RobotsUnavailableError,
    TlsError,
    TruncatedBodyError,
)
from indexer.fetch import Limits

pytest_plugins = ["beds.fixtures"]

MIB = 2**20

# --- TLS ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"), "school.ru")


@pytest.fixture
def secure_site(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Site]:
    with Site(tls=contexts[0]) as site:
        site.on("/", Reply(b"secret"))
        yield site


def test_certificate_is_checked_for_the_name_while_the_address_is_pinned(
    secure_site: Site, fetcher: Open, internet: Internet, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    internet.lead("8.8.8.8", secure_site)
    polite = fetcher(allow_private=False, resolve=lambda host, port: ["8.8.8.8"], tls=contexts[1])

    assert polite.get("https://school.ru/").body == b"secret"
    assert secure_site.requests[-1].host == "school.ru"
    assert secure_site.server_names == ["school.ru"], "robots.txt and the page share a connection"
    assert internet.connected == ["8.8.8.8"]


def test_second_name_of_an_address_does_not_ride_on_the_first_ones_certificate(
    secure_site: Site, fetcher: Open, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    both = fetcher(tls=contexts[1])

    assert both.get(secure_site.url("/", host="school.ru")).body == b"secret"
    with pytest.raises(TlsError, match="на другое имя"):
        both.get(secure_site.url("/", host="other.ru"))
    assert {seen.host for seen in secure_site.requests} == {f"school.ru:{secure_site.port}"}


def test_certificate_nobody_vouches_for_is_an_error_with_a_remedy(
    secure_site: Site, fetcher: Open, clock: Clock
) -> None:
    with pytest.raises(TlsError, match=r"подписан самим сайтом.*SSL_CERT_FILE"):
        fetcher(tls=None).get(secure_site.url("/", host="school.ru"))
    assert clock.naps == [], "a certificate does not get better by asking again"


def test_site_without_tls_on_the_tls_port_is_an_error_of_tls(site: Site, fetcher: Open) -> None:
    with pytest.raises(TlsError):
        fetcher().get(f"https://school.ru:{site.port}/")


# --- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"x" * 1001),
        Reply(b"x" * 1001, chunked=True),
        Reply(b"x" * 1001, until_close=True),
        gzipped(b"x" * 1001),
        gzipped(b"x" * 1001, chunked=True),
    ],
)
def test_body_beyond_the_limit_is_refused(site: Site, fetcher: Open, reply: Reply) -> None:
    site.on("/", reply)

    with pytest.raises(BodyTooLargeError):
        fetcher(limits=Limits(bytes=1000)).get(site.url("/"))
    assert len(site.paths()) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"x" * 1000),
        Reply(b"x" * 1000, chunked=True),
        Reply(b"x" * 1000, until_close=True),
        gzipped(b"x" * 1000),
        Reply(zlib.compress(b"x" * 1000), headers={"Content-Encoding": "deflate"}),
        Reply(zlib.compress(b"x" * 1000, wbits=-15), headers={"Content-Encoding": "Deflate"}),
        Reply(gzip.compress(b"x" * 600) + gzip.compress(b"x" * 400), headers={"Content-Encoding": "x-gzip"}),
        Reply(gzip.compress(b"x" * 1000) + b"\0\0\0", headers={"Content-Encoding": "gzip"}),
        Reply(b"x" * 1000, headers={"Content-Encoding": "utf-8"}),
    ],
)
def test_body_at_the_limit_is_read_however_it_is_packed(site: Site, fetcher: Open, reply: Reply) -> None:
    site.on("/", reply)

    assert fetcher(limits=Limits(bytes=1000)).get(site.url("/")).body == b"x" * 1000


def test_empty_body_said_to_be_compressed_is_empty(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(b"", headers={"Content-Encoding": "gzip"}))

    assert fetcher().get(site.url("/")).body == b""


def test_declared_size_beyond_the_limit_is_refused_unread(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(b"x" * 10, declared=10**12, delay=0))

    with pytest.raises(BodyTooLargeError, match="10 МБ"):
        fetcher().get(site.url("/"))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_bomb_takes_little_more_memory_than_the_limit(site: Site, fetcher: Open, encoding: str) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(64)) + packer.flush()
    site.on("/", Reply(bomb, headers={"Content-Encoding": encoding}))
    polite = fetcher(limits=Limits(bytes=2 * MIB))
    polite.allowed(site.url("/"))

    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLargeError):
            polite.get(site.url("/"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 6 * MIB


def test_thousands_of_tiny_members_do_not_stop_us(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(gzip.compress(b"") * 200_000, headers={"Content-Encoding": "gzip"}))
    started = time.monotonic()

    with pytest.raises(BadEncodingError):
        fetcher().get(site.url("/"))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"x" * 10, headers={"Content-Encoding": "br"}),
        Reply(b"x" * 10, headers={"Content-Encoding": "gzip, zstd"}),
        Reply(b"x" * 10, headers={"Content-Encoding": "gzip"}),
    ],
)
def test_body_that_cannot_be_decompressed_is_an_error(site: Site, fetcher: Open, reply: Reply) -> None:
    site.on("/", reply)

    with pytest.raises(BadEncodingError):
        fetcher().get(site.url("/"))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"x" * 10, declared=20),
        Reply(b"x" * 10, chunked=True, declared=1),
        Reply(gzip.compress(b"x" * 1000)[:-6], headers={"Content-Encoding": "gzip"}, until_close=True),
        Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf a chunk"),
    ],
)
def test_truncated_body_is_tried_again_and_never_taken_for_whole(
    site: Site, fetcher: Open, reply: Reply
) -> None:
    site.on("/", reply)

    with pytest.raises(TruncatedBodyError):
        fetcher().get(site.url("/"))
    assert len(site.paths()) == 4


@pytest.mark.parametrize("raw", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200])
def test_answer_that_is_not_http_is_a_failed_connection(site: Site, fetcher: Open, raw: bytes) -> None:
    site.on("/", Reply(raw=raw))

    with pytest.raises(ConnectionFailedError):
        fetcher().get(site.url("/"))
    assert len(site.paths()) == 4


SLOW = [
    Reply(b"x" * 100, drip=0.05),
    Reply(b"x" * 100, drip=0.05, until_close=True),
    Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 50, raw_drip=0.05),
    Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 99, raw_drip=0.01),
    Reply(delay=3.0),
]


@pytest.mark.parametrize("reply", SLOW, ids=["body", "until_close", "headers", "chunk_size", "silence"])
def test_limit_of_time_is_for_the_whole_answer(site: Site, fetcher: Open, reply: Reply) -> None:
    site.on("/", reply)
    hasty = fetcher(limits=Limits(seconds=0.3, attempts=1))
    hasty.allowed(site.url("/"))
    started = time.monotonic()

    with pytest.raises(FetchTimeoutError, match=r"за 0\.3 с"):
        hasty.get(site.url("/"))

    assert time.monotonic() - started < 1.5


def test_limit_of_time_holds_under_tls(
    secure_site: Site, fetcher: Open, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    secure_site.on("/", SLOW[1])
    hasty = fetcher(limits=Limits(seconds=0.3, attempts=1), tls=contexts[1])
    hasty.allowed(secure_site.url("/", host="school.ru"))

    with pytest.raises(FetchTimeoutError):
        hasty.get(secure_site.url("/", host="school.ru"))


def test_timeouts_are_tried_again(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(delay=0.8), Reply(b"ok"))

    assert fetcher(limits=Limits(seconds=0.5)).get(site.url("/")).body == b"ok"


def test_host_that_accepts_and_says_nothing_in_the_handshake_times_out(fetcher: Open) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"https://school.ru:{mute.getsockname()[1]}/"
        started = time.monotonic()
        with pytest.raises(RobotsUnavailableError) as caught:
            fetcher(limits=Limits(connect_seconds=0.2, attempts=1)).get(url)

    assert isinstance(caught.value.__cause__, FetchTimeoutError)
    assert time.monotonic() - started < 1.5


def test_time_spent_on_the_name_counts(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(b"late"))

    def slow(host: str, port: int) -> list[str]:
        time.sleep(0.15)
        return ["127.0.0.1"]

    late = fetcher(resolve=slow, limits=Limits(seconds=0.1, attempts=1))
    with pytest.raises(RobotsUnavailableError) as caught:
        late.get(site.url("/", host="school.ru"))

    assert isinstance(caught.value.__cause__, FetchTimeoutError)
    assert site.requests == []
