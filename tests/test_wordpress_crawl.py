"""Crawling a real WordPress: what the archive holds is what the site shows, article by article."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from beds.wordpress import PublicPost, WordPress, missing

from corpus.archive import Archive
from corpus.article import Article, Source
from indexer.crawl import CrawlReport, add_source, crawl, reextract
from indexer.errors import HttpStatusError, NotWordPressError
from indexer.fetch import Fetched, Fetcher
from indexer.sources.wordpress import OVERLAP
from searchsvc.language.text import clean

pytestmark = pytest.mark.component

SITE_ZONE = ZoneInfo("Europe/Moscow")

SECRETS = [
    *("вертолётик", "бирюзовый-сейф", "незабудка", "недоделкино", "полуфабрикатия", "мусоропроводия"),
    *("redaktor", "Пресс-служба"),
]
"""Words of posts that are not for everybody, and of the author."""

CLUTTER = [
    *("Похожие записи", "pollSecretToken", "Голосуйте!", "Включите JavaScript", "взломано", "su_button"),
    *("Поделиться:", "Просмотров:", "MsoNormal", "WordDocument", "черновик: добавить", "&amp;"),
    *("wp-block", "<p>", "</"),
]
"""What must not be in the text of any article."""

TEXTS = {
    "shortcode": (["Выберите кружок", "Текст", "опорный центр"], ["[su_button", "url="]),
    "latest-posts": (["чем запомнилась неделя"], ["Последний звонок"]),
    "related": (["Мята, душица и зверобой"], ["экологическую тропу"]),
    "share": (["сто шесть проектов"], ["Одноклассники", "Версия для печати"]),
    "script-style": (["хотят мелодию вместо треска"], [".poll-vote"]),
    "word": (["Общие положения", "Рябиновского района"], ["mso-", "<o:p>"]),
    "blocks": (["Описать фонд.", "Музей живёт", "Заозёрный\t14\t9"], []),
    "embed-rutube": (["снял изгиб горизонта", "Запуск со двора"], ["iframe"]),
    "nextpage": (["Часть первая.", "Часть вторая."], ["nextpage"]),
    "more": (["провели три дня", "старую мельницу"], ["Читать полностью"]),
    "nfd": (["Юный пожарный должен надеть боевой костюм"], ["и\u0306"]),
    "invisible": (["На форуме обсудят профессиональные стандарты"], ["\u00ad", "\u200b", "\ufeff"]),
    "entities-title": (["«Точка роста» открылись ещё в одиннадцати"], ["&laquo;", "nbsp"]),
    "comments": (["две трети семей"], ["жилетки в клетку", "гимнастёрках"]),
    "empty-title": (["фотографию первого снега"], []),
}
"""Handle -> what its text has, what it has not."""


class CountingFetcher(Fetcher):
    """Notes what was asked for."""

    def __init__(self) -> None:
        super().__init__(
            user_agent="searchsvc-test/1.0", delay=0, allow_private=True, sleep=lambda _seconds: None
        )
        self.asked: list[str] = []

    def get(self, url: str, **options: object) -> Fetched:  # type: ignore[override]
        fetched = super().get(url, **options)  # type: ignore[arg-type]
        self.asked.append(fetched.url)
        return fetched


class Newsroom:
    """An archive with the bed as its one source."""

    def __init__(self, folder: Path, site: WordPress) -> None:
        self.site = site
        self.locks = folder / "locks"
        self.archive = Archive.open(folder / "archive.db")
        self.fetcher = CountingFetcher()
        self.source: Source = add_source(
            self.archive, site.url, fetcher=self.fetcher, allow_private=True, delay=0
        )

    def crawl(self, **options: bool) -> CrawlReport:
        """Crawl as a command of its own does: with a new fetcher."""
        self.fetcher.close()
        self.fetcher = CountingFetcher()
        return crawl(self.archive, self.source, self.fetcher, locks=self.locks, **options)

    def articles(self) -> dict[int, Article]:
        """Return the current articles by WordPress id."""
        keys = self.archive.keys(self.source.id)
        return {int(key.removeprefix("post:")): self.archive.get(found) for key, (found, _) in keys.items()}

    def article(self, handle: str) -> Article:
        """Return one article."""
        return self.articles()[self.site.posts[handle]]

    def close(self) -> None:
        """Close what is open."""
        self.fetcher.close()
        self.archive.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WordPress]:
    assert missing() == []
    with WordPress.start(tmp_path_factory.mktemp("wordpress")) as running:
        yield running


@pytest.fixture
def newsroom(tmp_path: Path, site: WordPress) -> Iterator[Newsroom]:
    newsroom = Newsroom(tmp_path, site)
    yield newsroom
    newsroom.close()


def plain(text: str) -> str:
    """Return *text* as the archive stores one line of it."""
    return " ".join(clean(text).split())


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def assert_equal(article: Article, post: PublicPost) -> None:
    """Compare one article with what the database says of its post."""
    shown = f"{post['id']} {post['title']}"
    assert article.url == post["link"], shown
    assert article.title == plain(post["title"]), shown
    for moment, field in ((article.published, "date_gmt"), (article.modified, "modified_gmt")):
        assert moment == utc(post[field]), shown  # type: ignore[literal-required]
        assert moment.utcoffset() == moment.astimezone(SITE_ZONE).utcoffset(), shown
    assert sorted(article.categories) == sorted(post["categories"]), shown
    assert sorted(article.tags) == sorted(post["tags"]), shown
    if not re.search(r"[<\[&\"]", post["content"]):  # markup has tests of its own
        # WordPress itself sets dashes, quotes and dots.
        words = re.findall(r"\w+", plain(post["content"]))
        assert re.findall(r"\w+", " ".join(block.text for block in article.body)) == words, shown
    for clutter in (*CLUTTER, *SECRETS):
        assert clutter not in article.text, f"{clutter} in {shown}"


def assert_in_step(newsroom: Newsroom) -> None:
    """Compare the archive with the site, article by article."""
    public = {post["id"]: post for post in newsroom.site.expected() if not post["protected"]}
    articles = newsroom.articles()
    assert articles.keys() == public.keys()
    for number, post in public.items():
        assert_equal(articles[number], post)
    assert newsroom.archive.count() == len(public)
    kept = b"".join(page.body for page in newsroom.archive.pages()).decode("unicode_escape")
    for secret in SECRETS:
        assert secret not in kept


def test_source_is_known_by_its_address_and_title(newsroom: Newsroom) -> None:
    source = newsroom.source
    assert source.url == newsroom.site.url + "/"
    assert source.id == newsroom.site.url.removeprefix("http://")
    assert (source.kind, source.title) == ("wordpress", "Образование Верхнелужской области")
    post = newsroom.site.expected()[0]["link"]
    assert add_source(newsroom.archive, post, fetcher=newsroom.fetcher, allow_private=True).id == source.id
    assert len(newsroom.archive.sources()) == 1


def test_first_crawl_takes_every_public_post_as_it_is(newsroom: Newsroom) -> None:
    report = newsroom.crawl()

    public = [post for post in newsroom.site.expected() if not post["protected"]]
    assert report.problem == ""
    assert (report.new, report.changed, report.unchanged, report.removed) == (len(public), 0, 0, 0)
    assert report.refused == {"запись закрыта паролем": len(newsroom.site.expected()) - len(public)}
    assert report.failed == {}
    assert_in_step(newsroom)
    (run,) = newsroom.archive.runs(newsroom.source.id)
    assert run.finished
    assert run.counts == report.counts()


@pytest.mark.parametrize("handle", TEXTS)
def test_text_has_what_was_written_and_nothing_else(crawled: Newsroom, handle: str) -> None:
    has, lacks = TEXTS[handle]
    text = crawled.article(handle).text
    for part in has:
        assert part in text
    for part in lacks:
        assert part not in text


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory, site: WordPress) -> Iterator[Newsroom]:
    """The site as it was seeded, crawled once."""
    newsroom = Newsroom(tmp_path_factory.mktemp("crawled"), site)
    newsroom.crawl()
    yield newsroom
    newsroom.close()


def test_pictures_embeds_and_files_come_along(crawled: Newsroom) -> None:
    picture = crawled.article("image").picture
    assert picture is not None
    assert picture.url.endswith("/wp-content/uploads/2023/09/otkrytie.png")
    (embed,) = crawled.article("embed-rutube").embeds
    assert "rutube.ru" in embed.url
    (attachment,) = crawled.article("pdf-link").attachments
    assert attachment.url.endswith("/prikaz-412.pdf")


def test_reextract_over_the_kept_pages_changes_nothing(crawled: Newsroom) -> None:
    before = crawled.articles()
    report = reextract(crawled.archive, locks=crawled.locks)
    assert (report.changed, report.new, report.failed) == (0, 0, {})
    assert report.unchanged == len(before)
    assert crawled.articles() == before


def test_second_crawl_sees_every_kind_of_change(newsroom: Newsroom) -> None:
    site = newsroom.site
    site.create("locked", "Пока только для своих", "<p>Текст для всех.</p>", password="тайна")
    newsroom.crawl()
    before = newsroom.articles()
    old_address = newsroom.article("plain-09").url

    site.edit("plain-01", title="Исправленный заголовок", content="<p>Исправленный текст о конкурсе.</p>")
    site.delete("plain-02")
    site.trash("plain-03")
    site.draft("plain-04")
    site.make_private("plain-05")
    site.protect("plain-06", "тайна")
    site.publish_scheduled("future")
    site.backdate("import-2014")
    site.recategorise("plain-07", ["Архив", "Новая рубрика"])
    site.retag("plain-08", ["новая метка"])
    site.rename_slug("plain-09", "sovsem-drugoj-adres")
    site.create("fresh", "Свежая новость", "<p>Сегодня открыли школу.</p>", categories=["Школы"])
    site.protect("locked", "")
    report = newsroom.crawl()

    assert report.problem == ""
    assert (report.new, report.changed, report.removed) == (4, 4, 5)
    assert report.unchanged == len(before) - 9
    assert_in_step(newsroom)
    after = newsroom.articles()
    assert {number: after[number].id for number in before.keys() & after.keys()} == {
        number: article.id for number, article in before.items() if number in after
    }
    assert newsroom.article("plain-09").aliases == (old_address,)
    assert newsroom.archive.find(old_address) == newsroom.article("plain-09").id
    assert newsroom.article("fresh").text == "Свежая новость\n\nСегодня открыли школу."
    protected = f"post:{site.posts['plain-06']}"
    assert newsroom.archive.page(newsroom.source.id, protected) is None

    sequence = newsroom.archive.last_sequence()
    third = newsroom.crawl()

    assert (third.new, third.changed, third.removed, third.problem) == (0, 0, 0, "")
    assert third.unchanged == len(after)
    assert newsroom.archive.last_sequence() == sequence
    # The site's time, not UTC: in Moscow it is three hours later.
    queries = [parse_qs(urlsplit(url).query) for url in newsroom.fetcher.asked]
    (recent,) = [query["modified_after"][0] for query in queries if "modified_after" in query]
    age = datetime.now(SITE_ZONE).replace(tzinfo=None) - datetime.fromisoformat(recent)
    assert OVERLAP <= age < OVERLAP + timedelta(minutes=3)
    # Root, twice the recent, two pages of the list, names of categories and tags, what is recent.
    assert len(newsroom.fetcher.asked) <= 9, newsroom.fetcher.asked

    site.protect("plain-06", "")
    site.publish("plain-04")
    assert newsroom.crawl().new == 2
    back = newsroom.articles()
    for handle in ("plain-04", "plain-06"):
        assert back[site.posts[handle]].id == before[site.posts[handle]].id


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_closed_rest_loses_nothing_and_says_so(newsroom: Newsroom, status: int) -> None:
    newsroom.crawl()
    before = newsroom.articles()
    sequence = newsroom.archive.last_sequence()

    newsroom.site.rest_off(status)
    try:
        report = newsroom.crawl()
        with pytest.raises(NotWordPressError if status < 500 else HttpStatusError, match=str(status)):
            add_source(newsroom.archive, newsroom.site.url, fetcher=newsroom.fetcher, allow_private=True)
    finally:
        newsroom.site.rest_on()

    assert str(status) in report.problem
    assert "ничего не удалено" in report.problem
    assert report.removed == report.held_back == 0
    assert newsroom.articles() == before
    assert newsroom.archive.last_sequence() == sequence
    assert newsroom.archive.runs(newsroom.source.id)[0].problem == report.problem
    assert newsroom.crawl().problem == ""


def test_plain_permalinks_give_the_same_articles(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.crawl()
    before = newsroom.articles()

    newsroom.site.plain_permalinks()
    try:
        report = newsroom.crawl()
        assert_in_step(newsroom)
        after = newsroom.articles()
        found = add_source(newsroom.archive, newsroom.site.url, fetcher=newsroom.fetcher, allow_private=True)
    finally:
        newsroom.site.pretty_permalinks()

    assert report.problem == ""
    assert (report.changed, report.new, report.removed) == (len(before), 0, 0)
    assert {number: article.id for number, article in after.items()} == {
        number: article.id for number, article in before.items()
    }
    assert all(after[number].aliases == (article.url,) for number, article in before.items())
    assert found.id == newsroom.source.id
    newsroom.crawl()
    assert_in_step(newsroom)
