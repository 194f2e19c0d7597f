"""What a reader gets where the words, or the conditions beside them, leave nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from web.app import create_app


@pytest.fixture
def client(sample_service: SearchService, tmp_path: Path) -> FlaskClient:
    return create_app(sample_service, Settings(data_dir=tmp_path, query_log=False)).test_client()


def page(client: FlaskClient, path: str) -> BeautifulSoup:
    """Return the page at *path*."""
    answer = client.get(quote(path, safe="/?=&"))
    assert answer.status_code == 200
    return BeautifulSoup(answer.data, "lxml")


def text(tree: BeautifulSoup, selector: str) -> str:
    """Return the text of what *selector* finds, spaces made plain."""
    return " ".join(" ".join(tag.get_text() for tag in tree.select(selector)).split())


def titles(client: FlaskClient, path: str) -> list[str]:
    """Return the titles of a feed's entries."""
    feed = BeautifulSoup(client.get(quote(path, safe="/?=&")).data, "xml")
    return [entry.title.get_text() for entry in feed.find_all("entry")]


# --- a repair under conditions ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant", "conditions"),
    [
        ("yfcnfdybxtcndj", "наставничество", {"since": date(2020, 1, 1), "until": date(2020, 2, 1)}),
        ("наставничиство", "наставничество", {"since": date(2020, 1, 1), "until": date(2020, 2, 1)}),
        ("nastavnichestvo", "наставничество", {"filters": {"category": ("Питание",)}}),
        ("Образовfybt раздел:Конкурсы-которых-нет", "Образование раздел:Конкурсы-которых-нет", {}),
        ("Образовfybt год:1999", "Образование год:1999", {}),
    ],
)
def test_conditions_that_leave_nothing_do_not_keep_a_query_from_its_repair(
    sample_service: SearchService, typed: str, meant: str, conditions: dict[str, Any]
) -> None:
    right = sample_service.search(SearchRequest(meant, **conditions))
    assert right.total == 0
    assert right.nearby is not None
    found = sample_service.search(SearchRequest(typed, **conditions))
    assert (found.effective, found.nearby) == (meant, right.nearby)
    assert found.corrections
    assert (found.suggestions, found.related) == ((), ())
    only_suggested = sample_service.search(SearchRequest(typed, correct="suggest", **conditions))
    assert (only_suggested.effective, only_suggested.suggestions) == (typed, (meant,))
    left = sample_service.search(SearchRequest(typed, correct="off", **conditions))
    assert (left.effective, left.suggestions) == (typed, ())


def test_what_is_only_suggested_is_suggested_under_conditions_too(sample_service: SearchService) -> None:
    free = sample_service.search(SearchRequest("олимпиады школярой"))
    assert free.suggestions
    bound = sample_service.search(SearchRequest("олимпиады школярой год:1999"))
    assert bound.suggestions == (f"{free.suggestions[0]} год:1999",)


def test_a_repaired_page_without_results_says_so_and_offers_the_way_out(client: FlaskClient) -> None:
    tree = page(client, "/search?q=наставничиство&from=2020-01-01&to=2020-02-01")
    assert text(tree, "h1") == "По запросу «наставничество» ничего не найдено"
    assert text(tree, ".corrected") == "Опечатка исправлена. Искать «наставничиство»"
    assert "за всё время (9 статей)" in text(tree, ".suggested")
    (feed,) = {str(tag["href"]) for tag in tree.select("[href^='/feed']")}
    assert feed.startswith("/feed?q=" + quote("наставничество"))


# --- feeds ------------------------------------------------------------------------------------------


def test_the_feed_of_a_faulty_query_follows_its_repair(client: FlaskClient) -> None:
    for typed in ("Образовfybt", "j,hfpjdfybt"):
        assert titles(client, f"/feed?q={typed}") == titles(client, "/feed?q=образование") != []


def test_the_feed_of_a_query_that_is_meant_as_it_stands_follows_it(client: FlaskClient) -> None:
    asked = page(client, "/search?q=j,hfpjdfybt&correct=off")
    (feed,) = {str(tag["href"]) for tag in asked.select("[href^='/feed']")}
    assert feed == "/feed?q=j,hfpjdfybt&correct=off"
    assert titles(client, feed) == []
