"""What crawling leaves in the archive: sources, raw pages, cursors and runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from corpus.archive import Archive, Outcome, Run
from corpus.article import Article, RawPage, Source
from corpus.errors import ArchiveError, UnknownSourceError

NOW = datetime(2024, 9, 1, 7, 0, tzinfo=UTC)
SITE = Source(id="school5.ru", url="https://school5.ru", kind="wordpress", title="Школа № 5")
DRAFT = Article(id="", source="school5.ru", url="https://school5.ru/den-znaniy/", title="День знаний")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "archive.db", clock=lambda: NOW) as opened:
        opened.add_source(SITE)
        yield opened


def page(key: str = "post:1", body: bytes = b"<p>") -> RawPage:
    return RawPage("school5.ru", key, DRAFT.url, NOW, "text/html", body, {"zone": "+05:00"})


def test_a_source_is_added_once_and_brought_up_to_date(archive: Archive) -> None:
    assert archive.source("school5.ru") == replace(SITE, added=NOW)
    changed = replace(SITE, title="Школа", kind="feed", delay=2.5, allow_private=True)
    later = replace(changed, added=NOW + timedelta(days=1))
    assert archive.add_source(later) == replace(changed, added=NOW) == archive.source("school5.ru")
    assert len(archive.sources()) == 1


def test_a_source_without_an_id_gets_one_of_its_address(archive: Archive) -> None:
    assert archive.add_source(Source(id="", url="https://www.Лицей.рф/", kind="feed")).id == "лицей.рф"
    assert [source.id for source in archive.sources()] == ["school5.ru", "лицей.рф"]


@pytest.mark.parametrize("name", ["school5.ru", "http://www.school5.ru/", "www.school5.ru", " SCHOOL5.ru/ "])
def test_a_source_is_found_however_its_address_is_typed(archive: Archive, name: str) -> None:
    assert archive.source(name).id == "school5.ru"


def test_a_source_with_an_id_of_its_own_is_found_by_its_address(archive: Archive) -> None:
    archive.add_source(Source(id="ministry", url="https://minobr.ru", kind="sitemap"))
    assert archive.source("http://minobr.ru/").id == "ministry"


def test_a_removed_source_takes_its_articles_pages_cursor_and_runs(archive: Archive) -> None:
    stored = archive.put(DRAFT, key="post:1")
    gone = archive.put(replace(DRAFT, url="https://school5.ru/gone/")).article.id
    archive.remove(gone, "404")
    archive.keep_page(page())
    archive.set_cursor("school5.ru", {"after": "1"})
    archive.start_run("school5.ru", NOW)
    assert archive.remove_source("https://school5.ru/") == 1
    assert archive.changes(0)[-1].kind == "removed"
    assert (archive.sources(), archive.count(), archive.last_runs()) == ([], 0, {})
    assert (list(archive.pages()), archive.cursor("school5.ru")) == ([], {})
    with pytest.raises(UnknownSourceError):
        archive.remove_source("school5.ru")
    archive.add_source(SITE)
    back = archive.put(DRAFT)
    assert (back.article.id, back.revision, back.outcome) == (stored.article.id, 2, Outcome.NEW)


def test_the_latest_page_of_a_key_is_kept(archive: Archive) -> None:
    archive.keep_page(page(body=b"old"))
    newer = page(body="новая".encode("cp1251"))
    archive.keep_page(newer)
    archive.keep_page(page("post:2"))
    assert archive.page("school5.ru", "post:1") == newer
    assert list(archive.pages()) == list(archive.pages("school5.ru")) == [newer, page("post:2")]
    archive.drop_page("school5.ru", "post:1")
    archive.drop_page("school5.ru", "post:1")
    assert archive.page("school5.ru", "post:1") is None


def test_pages_are_streamed_in_order(archive: Archive) -> None:
    archive.add_source(Source(id="a.ru", url="https://a.ru", kind="feed"))
    with archive.batch():
        for number in range(45):
            archive.keep_page(page(f"post:{number:02}"))
            archive.keep_page(replace(page(f"post:{number:02}"), source="a.ru"))
    found = [(kept.source, kept.key) for kept in archive.pages()]
    assert found == sorted(found)
    assert len(found) == 90
    assert len(list(archive.pages("a.ru"))) == 45


def test_a_page_is_kept_compressed(archive: Archive, tmp_path: Path) -> None:
    archive.keep_page(page(body=b"school " * 1_000_000))
    archive.close()
    assert (tmp_path / "archive.db").stat().st_size < 300_000


def test_a_cursor_is_what_was_set_last(archive: Archive) -> None:
    assert archive.cursor("school5.ru") == {}
    archive.set_cursor("school5.ru", {"modified": "2024-09-01", "page": "3"})
    archive.set_cursor("school5.ru", {"modified": "2024-09-02"})
    assert archive.cursor("school5.ru") == {"modified": "2024-09-02"}


def test_runs_are_kept_by_source(archive: Archive) -> None:
    archive.add_source(Source(id="a.ru", url="https://a.ru", kind="feed"))
    first = archive.start_run("school5.ru", NOW)
    archive.finish_run(first, NOW, {"new": 3, "failed": 1}, problem="robots.txt")
    second = archive.start_run("school5.ru", NOW)
    assert archive.last_runs() == {"school5.ru": Run(second, "school5.ru", NOW, None, {}, "")}
    assert archive.runs("school5.ru") == [
        Run(second, "school5.ru", NOW, None, {}, ""),
        Run(first, "school5.ru", NOW, NOW, {"new": 3, "failed": 1}, "robots.txt"),
    ]
    assert [run.id for run in archive.runs("school5.ru", limit=1)] == [second]
    assert archive.runs("a.ru") == []


def test_what_belongs_to_no_source_is_refused(archive: Archive) -> None:
    with pytest.raises(UnknownSourceError):
        archive.keep_page(replace(page(), source="nobody.ru"))
    with pytest.raises(UnknownSourceError):
        archive.set_cursor("nobody.ru", {})
    with pytest.raises(UnknownSourceError):
        archive.start_run("nobody.ru", NOW)
    with pytest.raises(ArchiveError, match="Обход № 7"):
        archive.finish_run(7, NOW, {})
