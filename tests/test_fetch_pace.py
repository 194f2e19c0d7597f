"""How often and how many times the fetcher asks."""

from __future__ import annotations

import threading
import time

import pytest
from beds.fetching import Clock, Open
from beds.site import Reply, Site, gzipped, redirect

from indexer.errors import (
    RETRIED_STATUSES,
    HttpStatusError,
    RetryTooLateError,
)
from indexer.fetch import Limits

pytest_plugins = ["beds.fixtures"]

# --- pauses -------------------------------------------------------------------------------------


def test_requests_to_one_host_are_apart_by_the_delay(site: Site, fetcher: Open, clock: Clock) -> None:
    site.on("/", redirect("/new"))
    site.on("/new", Reply())
    polite = fetcher(delay=1.5)

    polite.get(site.url("/"))  # robots.txt, redirect, page: two pauses
    assert clock.naps == [1.5, 1.5]
    clock.now += 1
    polite.get(site.url("/new"))
    assert clock.naps[2:] == [0.5]
    clock.now += 9
    polite.get(site.url("/new"))
    assert clock.naps[3:] == []


def test_hosts_do_not_wait_for_each_other(site: Site, fetcher: Open, clock: Clock) -> None:
    site.on("/", Reply())
    polite = fetcher(delay=5)

    for host in ("a.ru", "b.ru", "c.ru"):
        polite.get(site.url("/", host=host))

    assert clock.naps == [5, 5, 5], "one pause each, between robots.txt and the page"


@pytest.mark.parametrize(("asked", "kept"), [("3", 3.0), ("0.5", 2.0), ("3600", 60.0), ("nonsense", 2.0)])
def test_crawl_delay_raises_the_pause_up_to_a_minute(
    site: Site, fetcher: Open, clock: Clock, asked: str, kept: float
) -> None:
    site.on("/robots.txt", Reply(f"User-agent: *\nCrawl-delay: {asked}".encode()))
    site.on("/", Reply())
    polite = fetcher(delay=2)

    polite.get(site.url("/"))
    polite.get(site.url("/"))

    assert clock.naps == [kept, kept]


def test_pause_begins_when_the_answer_has_ended(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(delay=0.15))
    polite = fetcher(delay=0.1, clock=time.monotonic, sleep=time.sleep)
    started = time.monotonic()

    polite.get(site.url("/"))
    polite.get(site.url("/"))

    assert time.monotonic() - started >= 2 * 0.15 + 2 * 0.1


def test_one_request_at_a_time_reaches_a_host(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(b"ok", delay=0.03))
    polite = fetcher()
    failures: list[Exception] = []

    def ask() -> None:
        try:
            polite.get(site.url("/"))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(site.paths()) == 6
    assert site.most_at_once == 1
    assert site.paths(robots=True).count("/robots.txt") == 1


def test_different_hosts_are_asked_at_the_same_time(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(delay=0.3))
    polite = fetcher()
    threads = [
        threading.Thread(target=polite.get, args=(site.url("/", host=host),)) for host in ("a.ru", "b.ru")
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert site.most_at_once == 2


def test_connection_is_used_again(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(b"x" * 100_000), gzipped(b"y"), Reply(b"z", chunked=True), Reply(b"end"))
    polite = fetcher()

    bodies = [polite.get(site.url("/")).body[:1] for _ in range(4)]

    assert bodies == [b"x", b"y", b"z", b"e"]
    assert len({seen.connection for seen in site.requests}) == 1


# --- retries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(RETRIED_STATUSES))
def test_passing_refusals_are_tried_four_times(site: Site, fetcher: Open, clock: Clock, status: int) -> None:
    site.on("/", Reply(status=status))

    with pytest.raises(HttpStatusError) as caught:
        fetcher().get(site.url("/"))

    assert (caught.value.status, len(site.paths())) == (status, 4)
    first, second, third = clock.naps
    assert 1 <= first <= 2 <= second <= 3 <= 4 <= third <= 5


def test_pauses_between_tries_differ(site: Site, fetcher: Open, clock: Clock) -> None:
    site.on("/", Reply(status=503))
    for _ in range(2):
        with pytest.raises(HttpStatusError):
            fetcher().get(site.url("/"))

    assert clock.naps[:3] != clock.naps[3:]


def test_page_that_comes_at_last_is_returned(site: Site, fetcher: Open) -> None:
    site.on("/", Reply(status=502), Reply(raw=b""), Reply(b"half", declared=100), Reply(b"ok"))

    assert fetcher().get(site.url("/")).body == b"ok"
    assert len(site.paths()) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 410, 501])
def test_lasting_refusals_are_not_tried_again(site: Site, fetcher: Open, clock: Clock, status: int) -> None:
    site.on("/", Reply(status=status))

    with pytest.raises(HttpStatusError):
        fetcher().get(site.url("/"))
    assert (len(site.paths()), clock.naps) == (1, [])


def test_delay_is_kept_between_tries(site: Site, fetcher: Open, clock: Clock) -> None:
    site.on("/", Reply(status=503), Reply(b"ok"))

    fetcher(delay=20).get(site.url("/"))

    robots_pause, backoff, rest = clock.naps
    assert robots_pause == 20
    assert backoff + rest == pytest.approx(20)


NOON = "Wed, 18 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": "120"}, 120, 120),
        ({"Retry-After": "0"}, 1, 2),
        ({"Retry-After": "Wed, 18 Nov 2026 12:00:30 GMT", "Date": NOON}, 30, 30),
        ({"Retry-After": "Wed, 18 Nov 2026 11:00:00 GMT", "Date": NOON}, 1, 2),
        ({"Retry-After": "soon"}, 1, 2),
        ({"Retry-After": "-5"}, 1, 2),
        ({"Retry-After": ""}, 1, 2),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(
    site: Site, fetcher: Open, clock: Clock, status: int, headers: dict[str, str], least: float, most: float
) -> None:
    site.on("/", Reply(status=status, headers=headers), Reply(b"ok"))

    assert fetcher().get(site.url("/")).body == b"ok"
    assert least <= sum(clock.naps) <= most


@pytest.mark.parametrize("value", ["121", "Wed, 18 Nov 2026 12:02:01 GMT"])
def test_longer_retry_after_fails_at_once(site: Site, fetcher: Open, clock: Clock, value: str) -> None:
    site.on("/", Reply(status=429, headers={"Retry-After": value, "Date": NOON}))

    with pytest.raises(RetryTooLateError, match="через 121 с") as caught:
        fetcher().get(site.url("/"))

    assert (caught.value.status, caught.value.retry_after) == (429, 121)
    assert (len(site.paths()), clock.naps) == (1, [])


def test_other_pages_of_the_host_wait_for_its_retry_after_too(
    site: Site, fetcher: Open, clock: Clock
) -> None:
    site.on("/a", Reply(status=503, headers={"Retry-After": "30"}))
    site.on("/b", Reply(b"ok"))
    polite = fetcher(limits=Limits(attempts=1))
    with pytest.raises(HttpStatusError):
        polite.get(site.url("/a"))

    polite.get(site.url("/b"))

    assert clock.naps == [30]
