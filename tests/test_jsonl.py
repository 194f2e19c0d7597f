"""JSON Lines in and out: nothing is lost on the way, and what is broken is named."""

from __future__ import annotations

import base64
import io
import json
import os
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from corpus import jsonl
from corpus.archive import Archive
from corpus.article import (
    Article,
    Attachment,
    Embed,
    Heading,
    ListBlock,
    Paragraph,
    Picture,
    Quote,
    RawPage,
    Source,
    Table,
)
from corpus.jsonl import ImportReport, RowError, import_rows, lines, read_lines, write_rows

NOW = datetime(2024, 9, 1, 7, 0, tzinfo=UTC)
PLUS_5 = timezone(timedelta(hours=5))
RICH = Article(
    id="rich-1",
    source="school5.ru",
    url="https://school5.ru/den-znaniy/",
    title="День знаний — «первый звонок»\u2028",
    lead="1 сентября",
    body=(
        Paragraph("Звонок\nпрозвенел."),
        Heading("Программа", 3),
        ListBlock(("линейка", "урок"), ordered=True),
        Quote("Учиться!"),
        Table((("класс", "час"), ("5 «А»",))),
        Embed("https://rutube.ru/1", "Видео"),
        Attachment("/files/plan.pdf", "План"),
    ),
    published=datetime(2024, 9, 1, 10, 0, tzinfo=PLUS_5),
    modified=datetime(2024, 9, 1, 11, 30, 15, tzinfo=UTC),
    categories=("Новости",),
    tags=("1 сентября", "школа"),
    picture=Picture("https://school5.ru/1.jpg", "Линейка"),
    aliases=("https://school5.ru/?p=1",),
)
ROW: dict[str, Any] = {"url": "https://school5.ru/1/", "title": "Заголовок", "body": "Текст"}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(tmp_path / "archive.db", clock=lambda: NOW) as opened:
        yield opened


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Archive]:
    later = NOW + timedelta(days=30)
    with Archive.open(tmp_path / "copy.db", clock=lambda: later) as opened:
        yield opened


@pytest.fixture
def full(archive: Archive) -> Archive:
    """An archive with two sources, revisions, pages of all kinds and something removed."""
    archive.add_source(
        Source("school5.ru", "https://school5.ru", "wordpress", "Школа № 5", allow_private=True, delay=2.5)
    )
    archive.add_source(Source("лицей.рф", "https://www.лицей.рф/", "feed"))
    archive.set_cursor("school5.ru", {"modified": "2024-09-01T05:00:00"})
    archive.put(replace(RICH, url="https://school5.ru/old/", title="Как было"), key="post:1")
    archive.put(RICH, key="post:1", stamp="2024-09-01")
    archive.put(Article("", "лицей.рф", "https://лицей.рф/a/", "", body=()))
    gone = archive.put(Article("", "лицей.рф", "https://лицей.рф/b/", "Убрано"), key="b").article.id
    archive.remove(gone, "404")
    noise = os.urandom(5_000_000)  # two rows: it cannot be compressed
    pages = {"post:1": b"<p>\xd0", "post:2": noise, "empty": b""}
    for key, body in pages.items():
        archive.keep_page(
            RawPage("school5.ru", key, "https://school5.ru/", NOW, "text/html", body, {"a": "б"})
        )
    return archive


def exported(archive: Archive, *, full: bool = False) -> str:
    stream = io.StringIO(newline="")
    write_rows(archive, stream, full=full)
    return stream.getvalue()


def stream_of(*rows: object) -> io.BytesIO:
    texts = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    return io.BytesIO("".join(f"{text}\n" for text in texts).encode())


# There and back


def test_a_row_has_everything_of_an_article(full: Archive) -> None:
    rows = [json.loads(line) for line in exported(full).split("\n") if line]
    row = next(row for row in rows if row["id"] == "rich-1")
    assert row == {
        "id": "rich-1",
        "url": "https://school5.ru/den-znaniy/",
        "title": "День знаний — «первый звонок»\u2028",
        "lead": "1 сентября",
        "body": [
            {"type": "paragraph", "text": "Звонок\nпрозвенел."},
            {"type": "heading", "level": 3, "text": "Программа"},
            {"type": "list", "ordered": True, "items": ["линейка", "урок"]},
            {"type": "quote", "text": "Учиться!"},
            {"type": "table", "rows": [["класс", "час"], ["5 «А»"]]},
            {"type": "embed", "url": "https://rutube.ru/1", "caption": "Видео"},
            {"type": "attachment", "url": "/files/plan.pdf", "title": "План"},
        ],
        "published": "2024-09-01T10:00:00+05:00",
        "modified": "2024-09-01T11:30:15+00:00",
        "categories": ["Новости"],
        "tags": ["1 сентября", "школа"],
        "aliases": ["https://school5.ru/?p=1", "https://school5.ru/old/"],
        "picture": {"url": "https://school5.ru/1.jpg", "alt": "Линейка"},
        "embeds": [{"type": "embed", "url": "https://rutube.ru/1", "caption": "Видео"}],
        "attachments": [{"type": "attachment", "url": "/files/plan.pdf", "title": "План"}],
        "source": "https://school5.ru",
        "source_title": "Школа № 5",
        "key": "post:1",
    }


def test_a_full_export_has_sources_first_and_what_belongs_to_an_article_behind_it(full: Archive) -> None:
    rows = [json.loads(line) for line in lines(full, full=True)]
    kinds = [(row.get("kind", "article"), row.get("id") or row.get("key")) for row in rows]
    rich = kinds.index(("article", "rich-1"))
    assert [kind for kind, _ in kinds[:2]] == ["source", "source"]
    assert kinds[rich + 1 : rich + 4] == [("revision", "rich-1"), ("revision", "rich-1"), ("page", "post:1")]
    assert kinds[-3:] == [("page", "empty"), ("page", "post:2"), ("page", "post:2")]
    assert zlib.decompress(base64.b64decode(rows[rich + 3]["body"])) == b"<p>\xd0"


@pytest.mark.parametrize("whole", [False, True])
def test_an_export_imported_and_exported_again_is_the_same_byte_by_byte(
    full: Archive, empty: Archive, whole: bool
) -> None:
    first = exported(full, full=whole)
    report = import_rows(empty, io.BytesIO(first.encode()), on_error="stop")
    assert report == ImportReport(new=2)
    assert exported(empty, full=whole) == first
    assert max(map(len, first.split("\n"))) < jsonl.LINE_LIMIT


def test_a_full_export_moves_all_but_what_was_removed(full: Archive, empty: Archive) -> None:
    import_rows(empty, io.StringIO(exported(full, full=True), newline=""), on_error="skip")
    assert empty.sources() == full.sources()
    assert empty.cursor("school5.ru") == full.cursor("school5.ru")
    assert empty.revisions("rich-1") == full.revisions("rich-1")
    assert empty.keys("school5.ru") == {"post:1": ("rich-1", "2024-09-01")}
    assert list(empty.pages()) == list(full.pages())
    assert empty.put(RICH, key="post:1").revision == full.revision_of("rich-1") == 2


def test_the_same_export_again_changes_nothing(full: Archive, empty: Archive) -> None:
    for whole in (True, True, False):
        import_rows(empty, io.BytesIO(exported(full, full=whole).encode()), on_error="stop")
    assert empty.last_sequence() == 2
    assert exported(empty, full=True) == exported(full, full=True)


def test_a_revision_made_during_the_export_does_not_get_into_it(full: Archive, empty: Archive) -> None:
    rows = []
    for line in lines(full, full=True):
        rows.append(line)
        if line.startswith('{"id": "rich-1"'):
            full.put(replace(RICH, title="Только что"), key="post:1")
    import_rows(empty, io.StringIO("".join(rows), newline=""), on_error="stop")
    assert empty.revision_of("rich-1") == 2
    assert [old.article.title for old in empty.revisions("rich-1")] == ["Как было", RICH.title]


def test_known_sources_keep_their_settings(full: Archive, empty: Archive) -> None:
    empty.add_source(Source("school5.ru", "http://www.school5.ru/", "sitemap", "Своя", delay=9))
    before = empty.source("school5.ru")
    import_rows(empty, io.BytesIO(exported(full, full=True).encode()), on_error="stop")
    assert empty.source("school5.ru") == before
    assert empty.cursor("school5.ru") == {}


def test_progress_and_the_number_of_articles_are_told(archive: Archive, empty: Archive) -> None:
    rows = [ROW | {"url": f"https://school5.ru/{number}/"} for number in range(1001)]
    told: list[int] = []
    assert import_rows(archive, stream_of(*rows), on_error="skip", progress=told.append).new == 1001
    assert told == [500, 1000, 1001]
    told.clear()
    assert write_rows(archive, io.StringIO(), progress=told.append) == 1001
    assert told == [500, 1000, 1001]
    assert len(list(lines(archive))) == 1001


# Rows of others


def test_a_small_row_is_enough(archive: Archive) -> None:
    rows = stream_of(ROW | {"body": "Один\nи ещё.\r\n\r\n  \nДва.\n", "unknown": {"x": [1]}, "kind": "news"})
    assert import_rows(archive, rows, on_error="stop") == ImportReport(new=1)
    [(article, revision)] = archive.articles()
    assert revision == 1
    assert article.body == (Paragraph("Один\nи ещё."), Paragraph("Два."))
    source = archive.source(article.source)
    assert (source.id, source.url, source.kind) == ("school5.ru", "https://school5.ru/", "import")


def test_a_row_without_an_id_is_matched_by_its_address(archive: Archive) -> None:
    rows = [
        ROW,
        ROW | {"url": "http://www.school5.ru/1", "title": "Иначе"},
        ROW | {"url": "https://school5.ru/2/"},
    ]
    assert import_rows(archive, stream_of(*rows), on_error="stop") == ImportReport(new=2, changed=1)
    assert import_rows(archive, stream_of(rows[1]), on_error="stop") == ImportReport(unchanged=1)


# What is broken


def test_stop_writes_nothing_and_names_every_broken_row(archive: Archive) -> None:
    rows = [ROW, "{broken", ROW | {"url": "https://school5.ru/2/"}, ROW | {"title": None}, "[]"]
    report = import_rows(archive, stream_of(*rows), on_error="stop")
    assert (report.new, report.changed, report.unchanged) == (0, 0, 0)
    assert [number for number, _ in report.failed] == [2, 4, 5]
    assert report.failed[1] == (4, "Поле «title»: нет обязательного поля")
    assert (archive.count(), archive.sources(), archive.last_sequence()) == (0, [], 0)


def test_skip_takes_the_good_rows(archive: Archive) -> None:
    rows = [ROW, "{broken", ROW | {"url": "https://school5.ru/2/"}, ROW | {"body": None}]
    report = import_rows(archive, stream_of(*rows), on_error="skip")
    assert (report.new, [number for number, _ in report.failed]) == (2, [2, 4])
    assert archive.count() == 2


def test_stop_takes_a_row_back_that_only_the_archive_refuses(archive: Archive) -> None:
    def unclean(text: str) -> str:
        return "\ud800" if text == "плохо" else text

    rows = [ROW, ROW | {"url": "https://school5.ru/2/", "title": "плохо"}]
    stopped = import_rows(archive, stream_of(*rows), on_error="stop", clean=unclean)
    assert ([number for number, _ in stopped.failed], stopped.new, archive.count()) == ([2], 0, 0)
    skipped = import_rows(archive, stream_of(*rows), on_error="skip", clean=unclean)
    assert ([number for number, _ in skipped.failed], skipped.new, archive.count()) == ([2], 1, 1)


@pytest.mark.parametrize("text_mode", [False, True])
def test_a_pipe_can_be_imported_all_or_none(archive: Archive, text_mode: bool) -> None:
    reading, writing = os.pipe()
    rows = [ROW | {"url": f"https://school5.ru/{number}/"} for number in range(700)]

    def feed() -> None:
        with open(writing, "wb") as stream:  # noqa: PTH123 - a descriptor
            stream.write(stream_of(*rows).getvalue())

    feeder = threading.Thread(target=feed)
    feeder.start()
    with open(reading, "r" if text_mode else "rb") as stream:  # noqa: PTH123
        assert import_rows(archive, stream, on_error="stop").new == 700
    feeder.join()


def test_broken_full_rows_are_named(archive: Archive) -> None:
    article = ROW | {"id": "a"}
    old = article | {"kind": "revision", "number": 1, "recorded": "2024-09-01T00:00:00+00:00"}
    page = {"kind": "page", "source": "https://school5.ru", "key": "k", "url": "u", "media_type": "text/html"}
    page |= {"fetched": "2024-09-01", "body": base64.b64encode(zlib.compress(b"x")).decode()}
    half = page | {"part": 1, "parts": 2}
    cases: list[tuple[list[dict[str, Any]], int, str]] = [
        ([old], 1, "не за строкой своей статьи"),
        ([article, old | {"id": "b"}], 2, "не за строкой своей статьи"),
        ([article, old, old], 3, "должны расти"),
        ([article, old | {"number": 0}], 2, "«number»"),
        ([article, old | {"recorded": None}], 2, "«recorded»"),
        ([page | {"body": "?"}], 1, "base64"),
        ([page | {"body": "AAAA"}], 1, "повреждены"),
        ([page | {"body": page["body"][:8]}], 1, "обрываются"),
        ([page | {"fetched": None}], 1, "«fetched»"),
        ([page | {"context": {"a": 1}}], 1, "«context.a»"),
        ([page | {"part": 2, "parts": 2}], 1, "не на своём месте"),
        ([half, half | {"key": "other", "part": 2}], 2, "не на своём месте"),
        ([half], 1, "нет всех частей"),
        ([{"kind": "source", "id": "x"}], 1, "«url»"),
        ([{"kind": "source", "url": "https://x.ru", "delay": -1}], 1, "«delay»"),
    ]
    for rows, number, reason in cases:
        [(line, said)] = import_rows(archive, stream_of(*rows), on_error="stop").failed
        assert line == number, said
        assert reason in said
    assert archive.count() == 0


# Lines


@pytest.mark.parametrize("as_text", [False, True])
def test_marks_and_blank_lines_are_passed_over(as_text: bool) -> None:
    content = '\ufeff{"а": 1}\r\n\n  \r\n{}\n\n{"b": 2}'
    stream = io.StringIO(content) if as_text else io.BytesIO(content.encode())
    assert list(read_lines(stream)) == [(1, {"а": 1}), (4, {}), (6, {"b": 2})]
    assert list(read_lines(io.BytesIO(b"\n\n"))) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "не разобрана как JSON: ошибка у знака 2"),
        (b"[1]", "не объект JSON"),
        (b"null", "не объект JSON"),
        (b'{"a": NaN}', "не разобрана как JSON"),
        (b"[" * 100_000, "не разобрана как JSON"),
        (b"9" * 5000, "не разобрана как JSON"),
        ('{"а": "б"}'.encode("cp1251"), "не в кодировке UTF-8"),
    ],
)
def test_a_broken_line_is_told_with_its_number(line: bytes, reason: str) -> None:
    [(first, one), (second, error), (third, other)] = read_lines(io.BytesIO(b"{}\n" + line + b"\n{}\n"))
    assert (first, second, third, one, other) == (1, 2, 3, {}, {})
    assert reason in str(error)


def test_a_line_above_the_limit_is_refused_and_the_next_one_read() -> None:
    limit = jsonl.LINE_LIMIT
    fits = b'{"a": "' + b"x" * (limit - 9) + b'"}'
    assert len(fits) == limit
    content = fits + b"\n " + fits + b"\n{}\n" + fits * 3
    found = list(read_lines(io.BytesIO(content)))
    assert [number for number, _ in found] == [1, 2, 3, 4]
    assert [isinstance(each, RowError) for _, each in found] == [False, True, False, True]
    assert str(found[1][1]) == "Строка длиннее 10 МБ"


def test_a_text_stream_of_another_encoding_is_refused() -> None:
    stream = io.TextIOWrapper(io.BytesIO('{"а": 1}'.encode("cp1251")), encoding="utf-8")
    [(number, error)] = read_lines(stream)
    assert (number, str(error)) == (1, "Файл не в кодировке UTF-8")
