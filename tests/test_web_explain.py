"""``explain=true``: for whoever the settings allow it, the same numbers as in the search itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from beds.counting import Counting
from flask.testing import FlaskClient

from searchsvc.errors import SettingsError
from searchsvc.search import SearchService
from searchsvc.settings import Settings, load_settings
from web.app import create_app

Make = Callable[..., FlaskClient]
ASKED = "/api/v1/search?q=наставник+робот+экзамен&per_page=20&explain=true"


@pytest.fixture
def make(sample_service: SearchService, tmp_path: Path) -> Make:
    """Return a function that makes clients of sites over the sample, with settings as given."""

    def client(service: object = sample_service, **given: Any) -> FlaskClient:
        config = Settings(data_dir=tmp_path, query_log=False, **given)
        return create_app(cast(SearchService, service), config).test_client()

    return client


def test_it_is_off_until_the_administrator_switches_it_on(make: Make) -> None:
    answer = make().get(ASKED)
    assert (answer.status_code, answer.content_type) == (403, "application/problem+json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers
    body = answer.get_json(force=True)
    assert body["title"] == "Не разрешено"
    assert "Администратор может включить их настройкой explain" in body["detail"]
    assert body["errors"] == [{"parameter": "explain", "reason": "объяснения на этом сайте выключены"}]
    assert make().get(ASKED.replace("true", "false")).status_code == 200


def test_it_is_a_setting_with_two_values(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().explain == "off"
    monkeypatch.setenv("SEARCHSVC_EXPLAIN", "on")
    assert load_settings().explain == "on"
    monkeypatch.setenv("SEARCHSVC_EXPLAIN", "да")
    with pytest.raises(SettingsError, match="explain: одно из"):
        load_settings()


def test_every_result_is_explained_and_adds_up(make: Make) -> None:
    body = make(explain="on").get(ASKED).json
    assert body is not None
    assert len(body["results"]) == 20
    for place, result in enumerate(body["results"], 1):
        found = result["explanation"]
        assert set(found) == {
            *("match", "order", "place", "score", "parts", "words", "missing", "ignored", "documents")
        }
        assert (found["place"], found["score"]) == (place, result["score"])
        assert found["match"] == ("near" if "missing" in result else "full")
        assert sum(part["value"] for part in found["parts"]) == pytest.approx(result["score"], abs=1e-9)
        for part in found["parts"]:
            assert set(part) == {"name", "label", "value", "words"}
            gave = [one["value"] for one in part["words"] if one["value"] is not None]
            assert not gave or sum(gave) == pytest.approx(part["value"], abs=1e-9)
    words = body["results"][0]["explanation"]["words"]
    assert [one["word"] for one in words] == ["наставник", "робот", "экзамен"]
    assert set(words[0]) == {"word", "state", "articles", "places", "forms", "shown"}
    assert set(words[0]["forms"][0]) == {"form", "count", "same"}
    assert set(words[0]["shown"][0]) == {"text", "match"}


def test_by_date_there_is_no_score_to_explain(make: Make) -> None:
    body = make(explain="on").get("/api/v1/search?q=школа&sort=-date&explain=1").json
    assert body is not None
    for result in body["results"]:
        found = result["explanation"]
        assert (found["order"], found["score"], found["parts"]) == ("date", None, [])


def test_it_stands_beside_chosen_fields_and_in_the_links(make: Make) -> None:
    body = make(explain="on").get("/api/v1/search?q=школа&fields=id&explain=true").json
    assert body is not None
    assert {tuple(result) for result in body["results"]} == {("id", "explanation")}
    assert body["links"]["self"].endswith("&fields=id&explain=true")
    assert body["links"]["next"].endswith("&page=2&fields=id&explain=true")


def test_what_is_not_asked_for_is_not_there(make: Make) -> None:
    plain = make(explain="on").get(ASKED.removesuffix("&explain=true")).json
    assert plain is not None
    assert not any("explanation" in result for result in plain["results"])
    asked = make(explain="on").get(ASKED).json
    assert asked is not None
    for result in asked["results"]:
        del result["explanation"]
    assert asked["results"] == plain["results"]


@pytest.mark.parametrize("value", ["да", "2", "yes"])
def test_a_value_that_is_neither_is_refused(make: Make, value: str) -> None:
    for state in ("on", "off"):
        answer = make(explain=state).get(f"/api/v1/search?q=школа&explain={value}")
        assert answer.status_code == 400


def test_explained_and_plain_answers_are_kept_apart(make: Make, sample_service: SearchService) -> None:
    counting = Counting(sample_service)
    client = make(counting, explain="on")
    plain = ASKED.removesuffix("&explain=true")
    first, other = client.get(ASKED), client.get(plain)
    assert first.headers["ETag"] != other.headers["ETag"]
    assert (client.get(ASKED).data, client.get(plain).data) == (first.data, other.data)
    assert counting.searches == 2
    assert client.get(ASKED, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_an_answer_of_before_is_not_confirmed_once_it_is_off(make: Make) -> None:
    etag = make(explain="on").get(ASKED).headers["ETag"]
    assert make(explain="off").get(ASKED, headers={"If-None-Match": etag}).status_code == 403


def test_pages_do_not_know_it(make: Make) -> None:
    client = make(explain="on")
    assert client.get("/search?q=школа&explain=true").data == client.get("/search?q=школа").data
