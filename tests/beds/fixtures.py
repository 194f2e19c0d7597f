"""Fixtures of all tests that fetch; a test module names this one in its ``pytest_plugins``."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from beds.fetching import AGENT, Clock, Open, loopback
from beds.site import Internet, Site
from indexer.fetch import Fetcher


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    internet = Internet()
    monkeypatch.setattr(socket.socket, "connect", internet.connect())
    return internet


@pytest.fixture(scope="module")
def system_trust() -> ssl.SSLContext:
    """What a fetcher trusts by default, read once: it takes longer than most tests here."""
    return ssl.create_default_context()


@pytest.fixture
def fetcher(clock: Clock, system_trust: ssl.SSLContext) -> Iterator[Open]:
    """Opens fetchers that need no waiting and may reach loopback, unless told otherwise."""
    opened: list[Fetcher] = []

    def open_fetcher(**options: Any) -> Fetcher:
        defaults = {"delay": 0, "allow_private": True, "resolve": loopback, "clock": clock}
        options = {"user_agent": AGENT, "sleep": clock.sleep, "tls": system_trust, **defaults, **options}
        opened.append(Fetcher(**options))
        return opened[-1]

    yield open_fetcher
    for each in opened:
        each.close()
