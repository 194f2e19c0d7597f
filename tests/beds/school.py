"""The site that tests of commands crawl; a test module names this one in its ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from beds.fake_wordpress import FakeWordPress


@pytest.fixture
def school() -> Iterator[FakeWordPress]:
    """A site with three posts."""
    with FakeWordPress(3) as site:
        yield site
