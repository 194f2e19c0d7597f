"""Names as filters and facets: through index, search, page and API, on every engine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient

from corpus.archive import Archive
from corpus.article import Article, Paragraph, Source
from indexer.pipeline import purge, rebuild, sync
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.engines import ENGINES
from searchsvc.errors import BadRequestError, FingerprintError, NamesMissingError
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.naming.names import name_finder
from searchsvc.results import ALL_FACETS, SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings, load_settings
from web.app import create_app

SITE = Source("iro.example", "https://iro.example", "import", "Институт развития образования")
TEXTS = {
    "a1": "Гимназию № 5 возглавила Елена Петрова. Раньше она работала в Белогорске.",
    "a2": "Коллеги Елены Петровой приехали из Белогорска в гимназию № 5.",
    "a3": "Конкурс выиграл Нурлан Байжанов из Казани. За него болела Елена Петрова.",
    "a4": "В школе сегодня тихо.",
}


def article(name: str, text: str) -> Article:
    return Article(
        id=name, source=SITE.id, url=f"https://iro.example/{name}", title="Новость", body=(Paragraph(text),)
    )


@pytest.fixture(scope="module", params=ENGINES)
def indexed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, analyzer: Analyzer
) -> Settings:
    """Settings with names on, of an archive that is indexed with them; not to be changed."""
    folder = tmp_path_factory.mktemp("names")
    made = load_settings(data_dir=folder, names="on", engine=request.param, query_log=False)
    with open_archive(made) as archive:
        archive.add_source(SITE)
        for name, text in TEXTS.items():
            archive.put(article(name, text))
        built(made, archive, analyzer)
    return made


@pytest.fixture
def settings(indexed: Settings, tmp_path: Path) -> Settings:
    """Settings of a copy that a test may change."""
    folder = tmp_path / "data"
    shutil.copytree(indexed.data_dir, folder)
    return load_settings(data_dir=folder, names="on", engine=indexed.engine, query_log=False)


def built(settings: Settings, archive: Archive, analyzer: Analyzer) -> None:
    rebuild(
        archive,
        open_generations(settings),
        analyzer,
        engine=settings.engine,
        names=settings.names == "on",
    )


@pytest.fixture
def service(settings: Settings, analyzer: Analyzer) -> Iterator[SearchService]:
    service, live = open_service(settings, analyzer)
    yield service
    live.close()


@pytest.fixture
def client(service: SearchService, settings: Settings) -> FlaskClient:
    return create_app(service, settings).test_client()


def counted(service: SearchService, text: str = "новость", **filters: str) -> dict[str, dict[str, int]]:
    """Return labels and counts by field."""
    chosen = {name: (value,) for name, value in filters.items()}
    page = service.search(SearchRequest(text, filters=chosen, facets=ALL_FACETS))
    return {
        facet.field: {bucket.label: bucket.count for bucket in facet.buckets if bucket.count}
        for facet in page.facets
    }


def ids(service: SearchService, text: str = "", **filters: str) -> set[str]:
    chosen = {name: (value,) for name, value in filters.items()}
    return {hit.id for hit in service.search(SearchRequest(text, filters=chosen)).hits}


def test_declined_names_are_counted_as_one(service: SearchService) -> None:
    found = counted(service)
    assert found["person"] == {"Елена Петрова": 3, "Нурлан Байжанов": 1}
    assert found["organisation"] == {"Гимназия № 5": 2}
    assert found["place"] == {"Белогорск": 2, "Казань": 1}
    assert counted(service, person="Нурлан Байжанов")["place"] == {"Казань": 1}


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("person", "Елена Петрова", {"a1", "a2", "a3"}),
        ("person", "петровой елены", {"a1", "a2", "a3"}),
        ("organisation", "гимназии № 5", {"a1", "a2"}),
        ("place", "КАЗАНИ", {"a3"}),
        ("place", "Орск", set()),
    ],
)
def test_a_name_filters_in_whatever_form_it_is_typed(
    service: SearchService, field: str, value: str, wanted: set[str]
) -> None:
    assert ids(service, **{field: value}) == wanted


def test_filters_by_name_ignore_case_and_number_signs(
    settings: Settings, service: SearchService, analyzer: Analyzer
) -> None:
    with open_archive(settings) as archive:
        archive.put(article("b1", "В школе №12 открылась выставка. Её готовили в МГУ."))
        for number in range(20, 50):  # more values than a facet shows, all of them more frequent
            archive.put(article(f"c{number}", f"Учеников собрала школа № {number}."))
            archive.put(article(f"d{number}", f"Ждала гостей школа № {number}."))
            archive.put(article(f"e{number}", f"Закрылась школа № {number}."))
        archive.put(article("b2", "Ученики школы N 12 были на курсах в МГУ."))
        sync(archive, open_generations(settings), analyzer)
    for typed in ("мгу", "Мгу", "Школа №12", "ШКОЛЫ № 12", "школа n 12"):
        assert ids(service, organisation=typed) == {"b1", "b2"}, typed


def test_a_name_that_was_typed_is_shown_as_it_is_counted(service: SearchService) -> None:
    request = SearchRequest("", filters={"person": ("нурланом байжановым",)}, facets=("person",))
    (facet,) = service.search(request).facets
    shown = [(one.value, one.label, one.count, one.selected) for one in facet.buckets]
    assert shown == [
        ("Елена Петрова", "Елена Петрова", 3, False),
        ("нурланом байжановым", "Нурлан Байжанов", 1, True),
    ]


def test_an_article_that_changes_changes_its_names(
    settings: Settings, service: SearchService, analyzer: Analyzer
) -> None:
    with open_archive(settings) as archive:
        archive.put(article("a3", "Конкурс выиграла Алиса Ким."))
        archive.put(article("a5", "О Белогорске рассказала Алиса Ким."))
        archive.remove("a1", "снята")
        sync(archive, open_generations(settings), analyzer)
    found = counted(service)
    assert found["person"] == {"Алиса Ким": 2, "Елена Петрова": 1}
    assert found["place"] == {"Белогорск": 2}


def test_a_purged_name_is_gone_from_the_facets(
    settings: Settings, service: SearchService, analyzer: Analyzer
) -> None:
    with open_archive(settings) as archive:
        purge(archive, open_generations(settings), analyzer, "a3")
    assert counted(service)["person"] == {"Елена Петрова": 2}
    files = [path for path in settings.index_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if "Байжанов".encode() in path.read_bytes()]


def test_a_page_shows_names_below_the_other_facets(client: FlaskClient) -> None:
    page = client.get("/search?q=новость&person=Елена+Петрова").text
    places = [page.index(f'id="facet-{name}"') for name in ("source", "person", "organisation", "place")]
    assert places == sorted(places)
    assert "Люди" in page
    assert "Организации" in page
    assert "Места" in page
    assert "Человек: Елена Петрова" in page
    assert "/search?q=%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D1%8C&amp;person=" in page


def test_the_api_counts_names_when_asked(client: FlaskClient) -> None:
    plain = client.get("/api/v1/search?q=новость").json
    assert set(plain["facets"]) == {"source", "category", "year"}
    found: Any = client.get("/api/v1/search?q=новость&facets=person,place&place=белогорск").json
    assert found["total"] == 2
    assert found["facets"]["person"] == [{"value": "Елена Петрова", "label": "Елена Петрова", "count": 2}]
    assert {row["label"]: row["count"] for row in found["facets"]["place"]} == {"Белогорск": 2, "Казань": 1}


def refused(service: SearchService, settings: Settings) -> None:
    """Names are neither counted nor filtered by, and whoever tries is told so."""
    request = SearchRequest("новость", filters={"person": ("Елена Петрова",)})
    for asked in (service.search, lambda asked: service.explain(asked, "a1")):
        with pytest.raises(BadRequestError, match="людям") as caught:
            asked(request)
        assert (caught.value.parameter, "searchsvc rebuild" in str(caught.value)) == ("person", True)
    client = create_app(service, settings).test_client()
    answer: Any = client.get("/api/v1/search?q=новость&place=Казань")
    assert (answer.status_code, answer.json["errors"][0]["parameter"]) == (422, "place")
    assert client.get("/api/v1/search?q=новость&facets=person").json["facets"] == {"person": []}
    page = client.get("/search?q=новость&person=Елена+Петрова&year=2023").text
    assert "условие «Елена Петрова» не учтено" in page
    assert "Человек" not in page
    assert "person=" not in page
    assert "условие «Казань» не учтено" in client.get("/search?place=Казань").text
    assert client.get("/feed?q=новость&person=Елена+Петрова").status_code == 400


def test_where_they_are_off_nothing_shows_and_nothing_is_looked_for(
    settings: Settings, analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = load_settings(data_dir=settings.data_dir, engine=settings.engine, query_log=False)
    service, live = open_service(off, analyzer)
    assert counted(service) == counted(service) | {"person": {}, "organisation": {}, "place": {}}
    refused(service, off)  # of an index that has them
    monkeypatch.setattr("indexer.pipeline.name_finder", None)  # would fail if it were called
    with open_archive(off) as archive:
        built(off, archive, analyzer)
    assert counted(service) == counted(service) | {"person": {}, "organisation": {}, "place": {}}
    refused(service, off)
    page = create_app(service, off).test_client().get("/search?q=новость").text
    assert "Люди" not in page
    assert not service.readiness().degraded
    live.close()


def test_an_index_without_names_is_degraded_where_they_are_on(settings: Settings, analyzer: Analyzer) -> None:
    with open_archive(settings) as archive:
        rebuild(archive, open_generations(settings), analyzer, engine=settings.engine)
    service, live = open_service(settings, analyzer)
    readiness = service.readiness()
    assert (readiness.ready, readiness.degraded) == (True, True)
    assert "searchsvc rebuild" in readiness.reason
    assert counted(service)["person"] == {}
    refused(service, settings)
    live.close()


def test_a_sync_goes_on_as_the_index_was_built(settings: Settings, analyzer: Analyzer) -> None:
    """The setting counts for new indexes: in one index all articles are treated alike."""
    off = load_settings(data_dir=settings.data_dir, engine=settings.engine, query_log=False)
    with open_archive(off) as archive:
        archive.put(article("a6", "Из Орска приехала Алиса Ким."))
        sync(archive, open_generations(off), analyzer)
    service, live = open_service(settings, analyzer)
    assert counted(service)["place"]["Орск"] == 1
    live.close()


def test_another_version_of_the_search_for_names_wants_a_rebuild(
    settings: Settings, analyzer: Analyzer
) -> None:
    with closing(open_generations(settings).current()) as generation:
        manifest = generation.folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"names": "0"}))
    with open_archive(settings) as archive:
        archive.put(article("a6", "Из Орска приехала Алиса Ким."))
        with pytest.raises(FingerprintError, match="searchsvc rebuild"):
            sync(archive, open_generations(settings), analyzer)


def test_without_the_package_an_index_with_names_stays_and_a_purge_goes_through(
    settings: Settings, analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_finder.cache_clear()
    monkeypatch.setattr(
        "searchsvc.naming.find_spec", lambda name: None if name == "natasha" else find_spec(name)
    )
    with open_archive(settings) as archive:
        purge(archive, open_generations(settings), analyzer, "a3")
        archive.put(article("a6", "Из Орска приехала Алиса Ким."))
        with pytest.raises(NamesMissingError):
            sync(archive, open_generations(settings), analyzer)
    service, live = open_service(settings, analyzer)
    assert counted(service)["person"] == {"Елена Петрова": 2}
    live.close()
    with pytest.raises(NamesMissingError, match="searchsvc"):
        load_settings(data_dir=settings.data_dir, names="on")


def test_a_watching_index_counts_names_before_readers_come(settings: Settings) -> None:
    live = LiveIndex(open_generations(settings), watch=True)
    snapshot: Any = live.view().snapshot
    if settings.engine == "whoosh":
        assert set(snapshot.segments[0]._names._read) == {"person", "organisation", "place"}
    live.close()


def test_an_empty_page_resets_names_too(client: FlaskClient) -> None:
    shown = client.get("/search?q=гимназия+абракадабра&person=Нет&place=Нигде").text
    (target,) = re.findall(r'<a class="plain" href="([^"]*)">сбросить всё', shown)
    assert unquote(target) == "/search?q=гимназия+абракадабра"
