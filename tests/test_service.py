"""The rest of the service: articles, neighbours, the overview, the version, readiness."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from corpus.article import Article
from indexer.pipeline import sync
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.errors import NoIndexError, NotFoundError
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings, load_settings


def test_an_article_is_as_the_archive_has_it(
    sample_service: SearchService, sample_settings: Settings
) -> None:
    with open_archive(sample_settings) as archive:
        for kept, _ in list(archive.articles())[:10]:
            page = sample_service.article(kept.id)
            assert (page.title, page.lead, page.body) == (kept.title, kept.lead, kept.body)
            assert (page.published, page.modified) == (kept.published, kept.modified)
            assert (page.categories, page.tags, page.picture) == (kept.categories, kept.tags, kept.picture)
            assert page.original == kept.url
            assert page.source_url == archive.source(kept.source).url


@pytest.mark.parametrize("article_id", ["nope", "", "a\x00", "a011'--", "A011", "я" * 1000])
def test_an_unknown_article_is_an_error_that_names_it(sample_service: SearchService, article_id: str) -> None:
    for ask in (sample_service.article, sample_service.similar):
        with pytest.raises(NotFoundError) as caught:
            ask(article_id)
        assert caught.value.article_id == article_id


def test_neighbours_are_at_most_as_many_as_asked_for(sample_service: SearchService) -> None:
    hits = sample_service.search(SearchRequest("школа", per_page=100)).hits
    most = {hit.id: sample_service.similar(hit.id, 20) for hit in hits}
    article_id = max(most, key=lambda name: len(most[name]))
    assert len(most[article_id]) > 5
    assert sample_service.similar(article_id) == most[article_id][:5]
    assert sample_service.similar(article_id, 1) == most[article_id][:1]
    assert sample_service.similar(article_id, 0) == ()


def test_the_overview_tells_what_there_is(sample_service: SearchService, sample_settings: Settings) -> None:
    overview = sample_service.overview()
    with open_archive(sample_settings) as archive:
        kept = [article for article, _ in archive.articles()]
    assert overview.total == len(kept)
    assert sum(bucket.count for bucket in overview.sources) == len(kept)
    assert sum(bucket.count for bucket in overview.years) == len(kept)
    assert overview.sources == sample_service.sources()
    newest = sorted(kept, key=lambda article: article.published or datetime.min.replace(tzinfo=UTC))
    assert [hit.id for hit in overview.recent] == [article.id for article in newest[:-7:-1]]
    assert overview.version == sample_service.version()


def test_the_version_stays_while_nothing_changes_and_is_that_of_every_answer(
    sample_service: SearchService,
) -> None:
    version = sample_service.version()
    assert sample_service.search(SearchRequest("музей")).version == version
    assert sample_service.article("a011").version == version
    assert sample_service.version() == version


@pytest.fixture
def own_service(own_sample: Settings, analyzer: Analyzer) -> Iterator[SearchService]:
    service, live = open_service(own_sample, analyzer)
    yield service
    live.close()


def change(target: Settings, analyzer: Analyzer, *articles: Article) -> None:
    with open_archive(target) as archive:
        for article in articles:
            archive.put(article)
        sync(archive, open_generations(target), analyzer)


def test_an_edited_article_is_found_by_its_new_words_and_the_version_tells(
    own_sample: Settings, own_service: SearchService, analyzer: Analyzer
) -> None:
    version = own_service.version()
    with open_archive(own_sample) as archive:
        article = archive.get("a011")
    change(own_sample, analyzer, replace(article, title="Гранитный карьер"))
    assert own_service.version() != version
    assert [hit.id for hit in own_service.search(SearchRequest("гранитный карьер")).hits] == ["a011"]
    assert own_service.article("a011").title == "Гранитный карьер"


def test_a_service_without_an_index_is_not_ready_and_says_what_to_do(
    tmp_path: Path, analyzer: Analyzer
) -> None:
    with closing(LiveIndex(open_generations(load_settings(data_dir=tmp_path)))) as live:
        service = SearchService(live, analyzer)
        readiness = service.readiness()
        assert not readiness.ready
        assert "searchsvc rebuild" in readiness.reason
        with pytest.raises(NoIndexError):
            service.search(SearchRequest("школа"))


def test_a_service_with_another_analysis_answers_and_says_it_is_degraded(sample_settings: Settings) -> None:
    other = Analyzer(threshold=0.4)
    with closing(LiveIndex(open_generations(sample_settings))) as live:
        service = SearchService(live, other)
        readiness = service.readiness()
        assert (readiness.ready, readiness.degraded) == (True, True)
        assert "searchsvc rebuild" in readiness.reason
        assert service.search(SearchRequest("школа")).total


def test_an_index_of_another_schema_is_refused_with_its_remedy(
    own_sample: Settings, analyzer: Analyzer
) -> None:
    generations = open_generations(own_sample)
    manifest = generations.folder / generations.pointer().generation / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"schema": 0}))
    with closing(LiveIndex(generations)) as live:
        readiness = SearchService(live, analyzer).readiness()
    assert (readiness.ready, readiness.degraded) == (False, True)
    assert "searchsvc rebuild" in readiness.reason


def test_an_index_that_becomes_unreadable_is_answered_from_what_is_held(
    own_sample: Settings, own_service: SearchService
) -> None:
    before = own_service.search(SearchRequest("музей"))
    open_generations(own_sample).pointer_path.write_text("{")
    assert own_service.search(SearchRequest("музей")).hits == before.hits
    readiness = own_service.readiness()
    assert (readiness.ready, readiness.degraded) == (True, True)
    assert "searchsvc rebuild" in readiness.reason


def test_a_good_index_is_ready(sample_service: SearchService) -> None:
    readiness = sample_service.readiness()
    assert (readiness.ready, readiness.degraded, readiness.reason) == (True, False, "")
