"""Crawling a site that breaks, lies or changes while it is read: nothing is lost or believed too early."""

from __future__ import annotations

import pytest
from beds.crawling import Crawl, articles, on
from beds.fake_wordpress import FakeWordPress, Query, html, reply
from beds.site import Reply

from corpus.archive import Archive
from indexer.crawl import CrawlReport
from indexer.exchange import Limits

pytest_plugins = ["beds.fixtures", "beds.crawl_fixtures"]

# --- absence --------------------------------------------------------------------------------


def test_removed_posts_go_and_come_back_as_the_same_articles(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 151))
    run()
    before = articles(archive)
    taken = {number: wordpress.posts.pop(number) for number in range(1, 21)}

    assert run().removed == 20
    assert articles(archive).keys() == set(range(21, 151))
    wordpress.posts |= taken
    assert run().new == 20
    assert {number: article.id for number, article in articles(archive).items()} == {
        number: article.id for number, article in before.items()
    }


def test_loss_of_a_fifth_is_held_back_until_it_is_accepted(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 151))
    run()
    wordpress.remove(range(1, 31))
    wordpress.add(500)

    report = run()

    assert (report.removed, report.held_back, report.new) == (0, 30, 1)
    assert "30 из 150" in report.problem
    assert "searchsvc crawl school.ru --accept-removals" in report.problem
    assert archive.count() == 151
    assert run().held_back == 30
    accepted = run(accept_removals=True)
    assert (accepted.removed, accepted.held_back, accepted.problem) == (30, 0, "")
    assert articles(archive).keys() == wordpress.posts.keys()


def test_suddenly_empty_site_loses_nothing(wordpress: FakeWordPress, archive: Archive, run: Crawl) -> None:
    wordpress.add(1, 2, 3)
    run()
    wordpress.posts.clear()

    report = run()

    assert (report.removed, report.held_back) == (0, 3)
    assert "--accept-removals" in report.problem
    assert run(accept_removals=True).removed == 3


def test_list_that_changes_between_its_pages_costs_no_article(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 251))
    run()

    def meanwhile(route: str, query: Query) -> None:
        # One goes from the first page and one comes at the end: the total stays, and 101 slips through.
        if query.get("orderby") == "id" and query["page"] == "2" and 50 in wordpress.posts:
            wordpress.remove([50])
            wordpress.add(600)

    wordpress.trouble = meanwhile
    report = run()

    assert (report.new, report.removed, report.failed, report.problem) == (1, 0, {}, "")
    assert 101 in articles(archive)
    assert run().removed == 1
    assert articles(archive).keys() == wordpress.posts.keys()


def test_list_that_shrinks_while_it_is_read_is_read_again(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 202))
    run()

    def meanwhile(route: str, query: Query) -> None:
        if query.get("orderby") == "id" and query["page"] == "3" and 50 in wordpress.posts:
            wordpress.remove([50])

    wordpress.trouble = meanwhile
    wordpress.requests.clear()
    report = run()

    assert (report.problem, report.failed) == ("", {})
    assert [query["page"] for query in wordpress.asked("posts") if query.get("orderby") == "id"] == list(
        "12312"
    )
    wordpress.trouble = lambda route, query: None
    run()
    assert articles(archive).keys() == wordpress.posts.keys()


@pytest.mark.parametrize("surplus", [3, None])
def test_list_that_is_never_complete_is_believed_after_three_crawls(
    wordpress: FakeWordPress, archive: Archive, run: Crawl, surplus: int | None
) -> None:
    wordpress.add(*range(1, 11))
    run()
    if surplus is None:
        wordpress.without_totals = True
    else:
        wordpress.extra_total = surplus
    wordpress.remove([4])

    assert [run().removed for _ in range(3)] == [0, 0, 1]
    assert articles(archive).keys() == wordpress.posts.keys()
    assert run().problem == ""


def test_absence_is_not_believed_where_the_site_does_not_show_what_is_there(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 11))
    run()
    wordpress.remove([4])
    empty = reply([], **{"X-WP-Total": "0", "X-WP-TotalPages": "0"})
    wordpress.trouble = lambda route, query: empty if "include" in query and route == "posts" else None

    assert run().removed == 0
    assert archive.count() == 10


def test_new_post_at_the_address_of_a_deleted_one_stays(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 11))
    run()
    wordpress.remove([4])
    wordpress.add(99, slug="zapis-4", title="Новая статья по старому адресу")

    run()

    assert articles(archive).keys() == wordpress.posts.keys()
    assert archive.get(archive.find(wordpress.url("/zapis-4/"))).title == "Новая статья по старому адресу"


# --- a broken site --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Reply(b'{"code":"rest_forbidden"}', status=401), "401"),
        (html(403), "403"),
        (html(200), "JSON"),
        (Reply(b"", status=500), "500"),
        (reply({"code": "rest_disabled"}), "ожидался список"),
    ],
)
def test_site_that_closes_in_the_middle_of_its_list_loses_nothing(
    wordpress: FakeWordPress, archive: Archive, run: Crawl, answer: Reply, said: str
) -> None:
    wordpress.add(*range(1, 251))
    run()
    cursor = archive.cursor("school.ru")
    sequence = archive.last_sequence()
    wordpress.remove([3, 120])
    wordpress.trouble = on("posts", answer, page="2", orderby="id")

    report = run()

    assert said in report.problem
    assert "ничего не удалено" in report.problem
    assert (report.removed, report.held_back) == (0, 0)
    assert (archive.last_sequence(), archive.cursor("school.ru")) == (sequence, cursor)
    (last, _) = archive.runs("school.ru")
    assert last.problem == report.problem
    wordpress.trouble = lambda route, query: None
    assert run().removed == 2


@pytest.mark.parametrize("answer", [Reply(b"", status=503), html(403), Reply(b"[]", status=429)])
def test_site_that_closes_after_its_first_texts_is_gone_on_with(
    wordpress: FakeWordPress, archive: Archive, run: Crawl, answer: Reply
) -> None:
    wordpress.add(*range(1, 251))

    def closing(route: str, query: Query) -> Reply | None:
        served = [asked for asked in wordpress.asked("posts") if "include" in asked]
        return answer if len(served) > 1 else None

    wordpress.trouble = closing
    report = run()
    assert (report.new, bool(report.problem), report.failed) == (100, True, {})
    assert archive.cursor("school.ru") == {}

    wordpress.trouble = lambda route, query: None
    wordpress.requests.clear()
    assert (again := run()).new == 150
    assert again.unchanged == 100
    assert sum("include" in query for query in wordpress.asked("posts")) == 2
    assert articles(archive).keys() == wordpress.posts.keys()


@pytest.mark.parametrize(
    ("answer", "reason"), [(Reply(b"", status=500), "сайт ответил 500"), (html(), "ответ не в формате JSON")]
)
def test_post_that_breaks_the_site_fails_alone(
    wordpress: FakeWordPress, archive: Archive, run: Crawl, answer: Reply, reason: str
) -> None:
    wordpress.add(*range(1, 151))
    wordpress.trouble = lambda route, query: (
        answer if route == "posts" and "77" in query.get("include", "").split(",") else None
    )

    report = run()

    assert (report.new, report.failed, report.problem) == (149, {reason: 1}, "")
    wordpress.trouble = lambda route, query: None
    assert run().new == 1


def test_posts_too_large_together_are_fetched_in_parts(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 101), text="слово " * 200)

    assert run(limits=Limits(bytes=200_000)) == CrawlReport("school.ru", new=100)


@pytest.mark.parametrize("closed", [Reply(status=401), html()])
def test_site_that_does_not_show_its_files_has_articles_without_pictures(
    wordpress: FakeWordPress, archive: Archive, run: Crawl, closed: Reply
) -> None:
    wordpress.add(1)
    wordpress.add(2, featured_media=77)
    wordpress.trouble = on("media", closed)

    report = run()

    assert (report.new, report.problem) == (2, "")
    assert articles(archive)[2].picture is None


def test_cache_that_gives_one_page_again_and_again_is_named(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 251))
    wordpress.without_totals = True
    run()

    def cached(route: str, query: Query) -> None:
        query["page"] = "1"

    wordpress.trouble = cached
    report = run()

    assert "одна и та же страница" in report.problem
    assert archive.count() == 250


def test_post_that_became_closed_goes_even_if_the_crawl_fails_after_it(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(1, 2, 3)
    run()
    wordpress.posts[1].protected = True
    wordpress.posts[2].modified = "2024-09-01T00:00:00"
    wordpress.trouble = on("posts", Reply(status=401), include="2")

    report = run()

    assert "401" in report.problem
    assert (report.removed, articles(archive).keys()) == (1, {2, 3})


def test_answers_that_ignore_the_question_are_not_taken_for_posts(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(*range(1, 11))
    run()
    wordpress.posts[3].modified = "2024-09-01T00:00:00"
    shown = [wordpress.shown(post) for post in wordpress.posts.values()]
    wordpress.trouble = lambda route, query: reply(shown) if route == "posts" and "include" in query else None

    report = run()

    assert "не те записи" in report.problem
    assert archive.count() == 10


def test_post_without_text_is_counted_and_the_old_article_stays(
    wordpress: FakeWordPress, archive: Archive, run: Crawl
) -> None:
    wordpress.add(1, 2)
    run()
    before = articles(archive)
    wordpress.posts[1].modified = "2024-09-01T00:00:00"
    bare = {**wordpress.shown(wordpress.posts[1]), "title": None, "content": None}
    wordpress.trouble = lambda route, query: (
        reply([bare]) if query.get("include") == "1" and route == "posts" else None
    )

    report = run()

    assert sum(report.failed.values()) == 1
    assert (report.unchanged, report.problem) == (1, "")
    assert articles(archive) == before
