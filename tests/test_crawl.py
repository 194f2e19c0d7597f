"""What a crawl sees of a WordPress, and what else is done with what it has brought."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from beds.crawling import Crawl, articles, on
from beds.fake_wordpress import FakeWordPress, Query, reply
from beds.fetching import Open

from corpus.archive import Archive
from corpus.article import Source
from corpus.errors import ArchiveError
from indexer.crawl import CrawlReport, add_source, crawl, reextract
from indexer.errors import UnreadableSourceError

pytest_plugins = ["beds.fixtures", "beds.crawl_fixtures"]


def test_every_post_comes_with_names_dates_and_address(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 251))
    wordpress.add(7, title="ЕГЭ &amp; сроки", categories=(2, 1), tags=(5, 6))

    report = run()

    assert report == CrawlReport("school.ru", new=250)
    found = articles(archive)
    assert found.keys() == wordpress.posts.keys()
    assert found[7].title == "ЕГЭ & сроки"
    assert found[7].categories == ("Дети & спорт", "Школы")
    assert found[7].tags == ("ЕГЭ",), "a tag that the site does not show has no name"
    assert found[7].url == wordpress.url("/zapis-7/")
    assert found[7].published is not None
    assert found[7].published.isoformat() == "2024-03-01T09:00:00+03:00"
    assert archive.page_keys("school.ru") == sorted(f"post:{number}" for number in found)


def test_only_what_differs_is_fetched_again(wordpress: FakeWordPress, archive: Archive, run: Crawl) -> None:
    wordpress.add(*range(1, 251))
    run()
    wordpress.requests.clear()
    wordpress.posts[9].modified = "2024-05-01T00:00:00"
    wordpress.posts[9].text = "Новый текст."
    wordpress.posts[10].date = "2020-01-01T00:00:00"
    wordpress.posts[11].categories = (2,)
    wordpress.posts[12].slug = "drugoj-adres"

    report = run()

    assert (report.new, report.changed, report.unchanged) == (0, 4, 246)
    assert [query["include"] for query in wordpress.asked("posts") if "include" in query] == ["9,10,11,12"]
    assert articles(archive)[12].aliases == (wordpress.url("/zapis-12/"),)
    assert run(full=True).unchanged == 250


def test_renamed_category_changes_its_articles(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(1, 2)
    wordpress.add(3, categories=(2,))
    run()

    wordpress.terms["categories"][2] = "Спорт"

    assert run().changed == 1
    assert articles(archive)[3].categories == ("Спорт",)


def test_second_edit_within_one_second_is_seen(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    wordpress.add(1)
    wordpress.add(2, modified=now.isoformat(timespec="seconds"))
    run()

    wordpress.posts[2].text = "Исправлено в ту же секунду."
    report = run()

    assert report.changed == 1
    assert articles(archive)[2].body[0].text == "Исправлено в ту же секунду."
    (recent,) = [query for query in wordpress.asked("posts") if "modified_after" in query]
    since = datetime.fromisoformat(recent["modified_after"])
    assert abs(since - (now + timedelta(hours=3, minutes=-10))) < timedelta(minutes=1), (
        "local time, overlapping"
    )


def test_site_that_knows_no_modified_after_is_not_fetched_anew(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 251))
    run()
    wordpress.requests.clear()

    def old(route: str, query: Query) -> None:
        query.pop("modified_after", None)

    wordpress.trouble = old
    report = run()

    assert report.unchanged == 250
    assert len([query for query in wordpress.asked("posts") if "modified_after" in query]) == 1


def test_posts_that_are_not_for_everybody_are_refused_and_removed(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 41))
    run()
    for number in range(1, 31):
        wordpress.posts[number].protected = True

    report = run()

    # Not held back: of each of them the site itself says that it is closed.
    assert (report.removed, report.held_back, report.problem) == (30, 0, "")
    assert report.refused == {"запись закрыта паролем": 30}
    assert articles(archive).keys() == set(range(31, 41))
    assert archive.page("school.ru", "post:1") is None
    assert run().removed == 0

    wordpress.posts[1].protected = False
    assert run().new == 1


def test_status_that_a_plugin_lets_slip_into_the_list_is_refused(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(1, 2, 3)
    shown = [wordpress.shown(post) for post in wordpress.posts.values()]
    for status, post in zip(("future", "private", "publish"), shown, strict=True):
        post["status"] = status
    headers = {"X-WP-Total": "3", "X-WP-TotalPages": "1"}
    wordpress.trouble = on("posts", reply(shown, **headers), page="1")

    report = run()

    assert (report.new, report.refused) == (1, {"запись не опубликована": 2})


def test_reextract_renews_current_articles_and_brings_no_removed_one_back(
    wordpress: FakeWordPress, archive: Archive, run: Crawl, tmp_path: Path
) -> None:
    wordpress.add(*range(1, 11))
    run()
    wordpress.remove([4])
    run()
    good = articles(archive)
    archive.put(replace(good[5], title="Извлечено плохо"), key="post:5")

    report = reextract(archive, "school.ru", locks=tmp_path / "locks")

    assert (report.source, report.changed, report.unchanged, report.new) == ("school.ru", 1, 8, 0)
    assert articles(archive) == good
    wordpress.requests.clear()
    assert run().unchanged == 9
    assert not [query for query in wordpress.asked("posts") if "include" in query], "stamps stay"


def test_source_that_files_fill_cannot_be_crawled(archive: Archive, tmp_path: Path, fetcher: Open) -> None:
    source = archive.add_source(Source(id="archive-2010", url="http://archive.ru/", kind="import"))
    with pytest.raises(UnreadableSourceError, match="searchsvc import"):
        crawl(archive, source, fetcher(), locks=tmp_path)
    assert archive.runs(source.id) == []


def test_progress_tells_how_far_the_work_is(
    wordpress: FakeWordPress, archive: Archive, tmp_path: Path, fetcher: Open
) -> None:
    wordpress.add(*range(1, 151))
    told: list[tuple[str, int, int | None]] = []
    polite = fetcher()
    source = add_source(archive, wordpress.url("/"), fetcher=polite, delay=0)

    crawl(archive, source, polite, locks=tmp_path, progress=lambda *step: told.append(step))

    assert told == [
        *(("Список записей", page, 2) for page in (1, 2)),
        *(("Загрузка записей", done, 150) for done in (100, 150)),
    ]


def test_interrupted_crawl_is_noted_and_gone_on_with(
    wordpress: FakeWordPress, archive: Archive, run: Crawl, tmp_path: Path, fetcher: Open
) -> None:
    wordpress.add(*range(1, 151))
    source = archive.add_source(Source(id="school.ru", url=wordpress.url("/"), kind="wordpress"))

    def interrupt(stage: str, done: int, total: int | None) -> None:
        if stage == "Загрузка записей":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crawl(archive, source, fetcher(), locks=tmp_path / "locks", progress=interrupt)

    (interrupted,) = archive.runs(source.id)
    assert "Обход прерван" in interrupted.problem
    assert interrupted.counts["new"] == archive.count() == 100
    assert run().new == 50


def test_source_removed_while_it_is_crawled_ends_the_crawl(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(1)

    def remove(route: str, query: Query) -> None:
        if "include" in query and archive.sources():
            archive.remove_source("school.ru")

    wordpress.trouble = remove
    with pytest.raises(ArchiveError, match="источник"):
        run()
    assert archive.count() == 0
