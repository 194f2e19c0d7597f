"""The archive keeps its promises about articles, sources, pages and the change log."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from corpus.archive import Archive, Outcome
from corpus.article import Article, Paragraph, RawPage, Revision, Source
from corpus.errors import ArchiveError, UnknownArticleError, UnknownSourceError

NOW = datetime(2024, 9, 1, 7, 0, tzinfo=UTC)
SITE = Source(id="school5.ru", url="https://school5.ru", kind="wordpress", title="Школа № 5")
DRAFT = Article(
    id="",
    source="school5.ru",
    url="https://school5.ru/den-znaniy/",
    title="День знаний",
    body=(Paragraph("Первый звонок прозвенел."),),
    published=datetime(2024, 9, 1, 10, 0, tzinfo=timezone(timedelta(hours=5))),
)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "archive.db", clock=lambda: NOW) as opened:
        opened.add_source(SITE)
        yield opened


def at(path: str, **changes: object) -> Article:
    return replace(DRAFT, url=f"https://school5.ru/{path}", **changes)  # type: ignore[arg-type]


def page(key: str = "post:1", body: bytes = b"<p>", url: str = DRAFT.url) -> RawPage:
    return RawPage("school5.ru", key, url, NOW, "text/html", body, {"zone": "+05:00"})


def log(archive: Archive) -> list[tuple[str, str, int]]:
    return [(change.article_id, change.kind, change.revision) for change in archive.changes(0)]


# Putting


def test_a_new_article_gets_an_opaque_id_and_revision_one(archive: Archive) -> None:
    stored = archive.put(DRAFT)
    assert re.fullmatch(r"[a-z2-7]{16}", stored.article.id)
    assert (stored.revision, stored.outcome) == (1, Outcome.NEW)
    assert archive.get(stored.article.id) == replace(DRAFT, id=stored.article.id) == stored.article
    assert archive.put(at("other/")).article.id != stored.article.id


def test_a_date_keeps_the_offset_of_its_source(archive: Archive) -> None:
    back = archive.get(archive.put(DRAFT).article.id).published
    assert back is not None
    assert back.utcoffset() == timedelta(hours=5)


def test_equal_content_writes_nothing(archive: Archive) -> None:
    first = archive.put(DRAFT)
    again = archive.put(DRAFT)
    assert (again.revision, again.outcome, again.article) == (1, Outcome.UNCHANGED, first.article)
    assert len(archive.changes(0)) == 1


def test_a_change_makes_the_next_revision_and_a_line_of_the_log(archive: Archive) -> None:
    article_id = archive.put(DRAFT).article.id
    stored = archive.put(replace(DRAFT, title="День знаний прошёл"))
    assert (stored.article.id, stored.revision, stored.outcome) == (article_id, 2, Outcome.CHANGED)
    assert archive.revision_of(article_id) == 2
    assert log(archive) == [(article_id, "replaced", 1), (article_id, "replaced", 2)]
    assert [(old.number, old.recorded, old.article.title) for old in archive.revisions(article_id)] == [
        (1, NOW, "День знаний"),
        (2, NOW, "День знаний прошёл"),
    ]


def test_the_id_is_stronger_than_the_key_and_the_key_than_the_address(archive: Archive) -> None:
    one = archive.put(at("one/"), key="post:1").article.id
    two = archive.put(at("two/"), key="post:2").article.id
    assert archive.put(at("three/", id=one), key="post:2").article.id == one
    assert archive.keys("school5.ru") == {"post:2": (one, "")}
    assert archive.put(at("two/"), key="post:2").article.id == one
    assert archive.find(two) == two


def test_an_article_keeps_its_id_when_its_slug_changes(archive: Archive) -> None:
    article_id = archive.put(at("old/"), key="post:1").article.id
    stored = archive.put(at("new/"), key="post:1")
    assert (stored.article.id, stored.outcome) == (article_id, Outcome.CHANGED)
    assert stored.article.aliases == ("https://school5.ru/old/",)
    assert archive.find("http://www.school5.ru/old") == archive.find("https://school5.ru/new/") == article_id
    back = archive.put(at("old/"), key="post:1").article
    assert (back.url, back.aliases) == ("https://school5.ru/old/", ("https://school5.ru/new/",))


@pytest.mark.parametrize(
    "spelling",
    [
        "http://school5.ru/%D0%B4%D0%B5%D0%BD%D1%8C",
        "https://www.School5.ru/день/",
        "https://school5.ru/день#top",
    ],
)
def test_an_article_is_matched_by_any_spelling_of_its_address(archive: Archive, spelling: str) -> None:
    article_id = archive.put(at("день")).article.id
    stored = archive.put(replace(DRAFT, url=spelling, title="Иначе"))
    assert (stored.article.id, stored.article.aliases) == (article_id, ())


def test_an_article_is_matched_by_an_alias_on_either_side(archive: Archive) -> None:
    article_id = archive.put(at("a/", aliases=("https://school5.ru/b/",))).article.id
    assert archive.put(at("b/")).article.id == article_id
    assert archive.put(at("c/", aliases=("https://school5.ru/a/",))).article.id == article_id


def test_new_aliases_alone_are_a_change(archive: Archive) -> None:
    archive.put(DRAFT)
    more = replace(DRAFT, aliases=("https://school5.ru/?p=1",))
    assert (archive.put(more).outcome, archive.put(more).outcome) == (Outcome.CHANGED, Outcome.UNCHANGED)
    assert archive.put(DRAFT).article.aliases == ("https://school5.ru/?p=1",)


def test_an_address_of_another_source_is_another_article(archive: Archive) -> None:
    archive.add_source(Source(id="mirror", url="https://mirror.ru", kind="feed"))
    one = archive.put(DRAFT).article.id
    two = archive.put(replace(DRAFT, source="mirror")).article.id
    assert one != two
    assert archive.find(DRAFT.url) in {one, two}


def test_an_old_slug_given_to_a_new_article_does_not_make_them_one(archive: Archive) -> None:
    old = archive.put(at("first/"), key="post:1").article.id
    archive.put(at("second/"), key="post:1")
    new = archive.put(at("first/", title="Новая"), key="post:2").article.id
    assert new != old
    assert archive.find("https://school5.ru/first/") == new
    assert archive.put(at("second/"), key="post:1").outcome is Outcome.UNCHANGED
    assert archive.find("https://school5.ru/first/") == new


def test_an_article_that_took_in_a_removed_one_is_found_by_its_address(archive: Archive) -> None:
    gone = archive.put(at("a/"), key="post:1").article.id
    merged = at("b/", aliases=("https://school5.ru/a/",))
    stays = archive.put(merged, key="post:2").article.id
    assert archive.find("https://school5.ru/a/") == gone
    archive.remove(gone, "301")
    assert archive.put(merged, key="post:2").outcome is Outcome.UNCHANGED
    assert archive.find("https://school5.ru/a/") == stays


def test_articles_that_swap_their_slugs_stay_two(archive: Archive) -> None:
    one = archive.put(at("a/", title="Один"), key="post:1").article.id
    two = archive.put(at("b/", title="Два"), key="post:2").article.id
    for _ in range(2):
        assert archive.put(at("b/", title="Один"), key="post:1").article.id == one
        assert archive.put(at("a/", title="Два"), key="post:2").article.id == two
    assert (archive.find("https://school5.ru/a"), archive.find("https://school5.ru/b")) == (two, one)


def test_a_site_that_is_read_by_another_reader_keeps_its_articles(archive: Archive) -> None:
    article_id = archive.put(DRAFT, key=DRAFT.url).article.id
    assert archive.put(DRAFT, key="post:1").article.id == article_id
    assert archive.keys("school5.ru") == {"post:1": (article_id, "")}


def test_an_unknown_id_is_kept(archive: Archive) -> None:
    assert archive.put(replace(DRAFT, id="Kept_1-a")).article.id == "Kept_1-a"
    other = archive.put(at("other/", id="other", aliases=(DRAFT.url,)))
    assert (other.article.id, other.outcome) == ("other", Outcome.NEW)
    assert archive.find(DRAFT.url) == "Kept_1-a"


@pytest.mark.parametrize("bad", ["a/b", "ы", "a" * 65, "a b", "a\n"])
def test_a_malformed_id_is_refused(archive: Archive, bad: str) -> None:
    with pytest.raises(ArchiveError, match="Идентификатор"):
        archive.put(replace(DRAFT, id=bad))
    assert archive.count() == 0


def test_what_could_not_be_stored_faithfully_is_refused(archive: Archive) -> None:
    with pytest.raises(ArchiveError, match="без часового пояса"):
        archive.put(replace(DRAFT, published=datetime(2024, 9, 1)))
    with pytest.raises(ArchiveError, match="UTF-16"):
        archive.put(replace(DRAFT, title="\ud800"))
    with pytest.raises(UnknownSourceError):
        archive.put(replace(DRAFT, source="nobody.ru"))


def test_history_from_another_archive_keeps_its_numbers(archive: Archive) -> None:
    before = replace(DRAFT, title="Как было")
    past = [Revision("x", 2, NOW, before), Revision("x", 5, NOW, DRAFT)]
    stored = archive.put(DRAFT, history=past)
    assert stored.revision == 5
    assert [old.number for old in archive.revisions(stored.article.id)] == [2, 5]
    assert archive.put(replace(DRAFT, title="Иначе"), history=past).revision == 6
    with pytest.raises(ArchiveError, match="не по порядку"):
        archive.put(at("z/"), history=past[::-1])


# Keys and stamps


def test_a_stamp_is_stored_even_when_the_content_is_unchanged(archive: Archive) -> None:
    article_id = archive.put(DRAFT, key="post:1", stamp="2024-09-01T05:00:00").article.id
    assert archive.put(DRAFT, key="post:1", stamp="2024-09-02").outcome is Outcome.UNCHANGED
    assert archive.keys("school5.ru") == {"post:1": (article_id, "2024-09-02")}
    archive.put(DRAFT, key="post:1")
    assert archive.keys("school5.ru") == {"post:1": (article_id, "2024-09-02")}


def test_keys_are_those_of_current_articles_of_the_source(archive: Archive) -> None:
    article_id = archive.put(DRAFT, key="post:1", stamp="s").article.id
    archive.put(at("no-key/"))
    archive.remove(article_id, "404")
    assert archive.keys("school5.ru") == archive.keys("nobody.ru") == {}


# Reading


def test_articles_come_by_id_whatever_their_number(archive: Archive) -> None:
    with archive.batch():
        for number in range(1203):
            archive.put(at(f"{number}/", id=f"n{number:04}"))
        archive.remove("n0500", "404")
    found = [article.id for article, revision in archive.articles() if revision == 1]
    assert found == sorted(found)
    assert len(found) == archive.count() == archive.count("school5.ru") == 1202
    assert archive.count("nobody.ru") == len(list(archive.articles("nobody.ru"))) == 0


def test_one_may_write_while_reading_articles(archive: Archive) -> None:
    with archive.batch():
        for number in range(600):
            archive.put(at(f"{number}/", id=f"n{number:04}"))
    seen = 0
    for article, _ in archive.articles():
        archive.put(replace(article, title="Новое"))
        seen += 1
    assert seen == 600


def test_what_is_unknown_is_said(archive: Archive) -> None:
    for call in (archive.get, archive.revision_of, archive.find, archive.revisions, archive.purge):
        with pytest.raises(UnknownArticleError, match="nothing"):
            call("nothing")


# Removing


def test_a_removed_article_is_gone_but_keeps_its_revisions(archive: Archive) -> None:
    article_id = archive.put(DRAFT).article.id
    assert archive.remove(article_id, "404") is True
    assert archive.remove(article_id, "404") is False
    assert archive.remove("nothing", "404") is False
    assert log(archive)[1:] == [(article_id, "removed", 1)]
    assert len(archive.revisions(article_id)) == 1
    assert archive.find(DRAFT.url, removed=True) == article_id
    for call in (archive.get, archive.revision_of, archive.find):
        with pytest.raises(UnknownArticleError):
            call(article_id)


def test_an_article_that_comes_back_has_its_old_id_and_a_new_revision(archive: Archive) -> None:
    article_id = archive.put(DRAFT, key="post:1").article.id
    archive.remove(article_id, "404")
    back = archive.put(DRAFT, key="post:9")
    assert (back.article.id, back.revision, back.outcome) == (article_id, 2, Outcome.NEW)
    assert log(archive)[-1] == (article_id, "replaced", 2)


def test_an_article_that_comes_back_does_not_have_its_old_stamp(archive: Archive) -> None:
    article_id = archive.put(DRAFT, key="post:1", stamp="2024-09-01").article.id
    archive.remove(article_id, "404")
    archive.put(DRAFT, key="post:1")
    assert archive.keys("school5.ru") == {"post:1": (article_id, "")}


def test_purge_leaves_one_line_of_the_log(archive: Archive) -> None:
    archive.put(at("other/", id="other"))
    archive.put(replace(DRAFT, id="secret"), key="post:1")
    archive.put(replace(DRAFT, id="secret", title="Иначе", aliases=("https://school5.ru/?p=1",)))
    archive.keep_page(page())
    archive.keep_page(page("by-address", url="http://www.school5.ru/?p=1"))
    archive.keep_page(page("post:2", url="https://school5.ru/other/"))
    assert archive.purge(DRAFT.url) == "secret"
    assert log(archive) == [("other", "replaced", 1), ("secret", "purged", 2)]
    assert archive.last_sequence() == 4
    assert archive.page_keys("school5.ru") == ["post:2"]
    with pytest.raises(UnknownArticleError):
        archive.revisions("secret")
    with pytest.raises(UnknownArticleError):
        archive.find(DRAFT.url, removed=True)


def test_a_removed_article_can_be_purged(archive: Archive) -> None:
    article_id = archive.put(DRAFT).article.id
    archive.remove(article_id, "404")
    assert archive.purge(article_id) == article_id
    assert log(archive) == [(article_id, "purged", 1)]


# The change log


def test_sequence_numbers_rise_and_are_never_used_twice(archive: Archive) -> None:
    assert archive.last_sequence() == 0
    for number in range(5):
        archive.put(at(f"{number}/", id=f"n{number}"))
    archive.purge("n4")
    archive.purge("n3")
    assert [change.sequence for change in archive.changes(0)] == [1, 2, 3, 6, 7]
    assert [change.article_id for change in archive.changes(2, limit=2)] == ["n2", "n4"]
    assert archive.changes(7) == []
    assert archive.last_sequence() == 7
    assert archive.changes(6)[0].at == NOW


# Batches


def test_a_batch_is_undone_as_a_whole(archive: Archive) -> None:
    kept = archive.put(at("kept/")).article.id
    with suppress(ZeroDivisionError), archive.batch():
        archive.put(DRAFT)
        archive.remove(kept, "404")
        archive.keep_page(page())
        assert archive.count() == 1
        raise ZeroDivisionError
    assert [article.id for article, _ in archive.articles()] == [kept]
    assert archive.page("school5.ru", "post:1") is None
    assert archive.last_sequence() == 1


def test_a_batch_is_seen_by_others_only_when_it_is_kept(archive: Archive) -> None:
    seen: list[int] = []
    look = threading.Thread(target=lambda: seen.append(archive.count()))
    with archive.batch():
        archive.put(DRAFT)
        look.start()
        look.join()
    assert (seen, archive.count()) == ([0], 1)


def test_all_that_is_read_in_still_is_of_one_state(archive: Archive, tmp_path: Path) -> None:
    first = archive.put(at("1/")).article.id
    with archive.still():
        assert archive.count() == 1
        with Archive.open(tmp_path / "archive.db") as other:
            other.put(at("2/"))
            assert other.count() == 2
        with archive.still():
            assert archive.count() == 1
        assert [change.article_id for change in archive.changes(0)] == [first]
    assert archive.count() == 2


def test_a_batch_sees_in_still_what_it_writes_and_errors_of_still_pass(archive: Archive) -> None:
    with archive.batch(), archive.still():
        archive.put(at("1/"))
        assert archive.count() == 1
    with pytest.raises(ZeroDivisionError), archive.still():
        raise ZeroDivisionError
    archive.put(at("2/"))
    assert archive.count() == 2


def test_a_batch_in_a_batch_is_undone_by_itself(archive: Archive) -> None:
    with archive.batch():
        archive.put(at("outer/"))
        with suppress(ZeroDivisionError), archive.batch():
            archive.put(at("inner/"))
            raise ZeroDivisionError
    assert [article.url for article, _ in archive.articles()] == ["https://school5.ru/outer/"]


def test_threads_may_write_at_once(archive: Archive) -> None:
    def write(name: str) -> None:
        for number in range(20):
            archive.put(at(f"{name}/{number}/"), key=f"{name}:{number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert archive.count() == archive.last_sequence() == 80
