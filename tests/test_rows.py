"""Foreign rows: what is taken, and how a wrong field is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from corpus.article import Article, Attachment, Embed, ListBlock, Paragraph, Picture, Table
from corpus.jsonl import ImportRow, RowError, read_row

PLUS_5 = timezone(timedelta(hours=5))
ROW: dict[str, Any] = {"url": "https://school5.ru/1/", "title": "Заголовок", "body": "Текст"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-09-01", datetime(2024, 9, 1, tzinfo=PLUS_5)),
        ("2024-09-01T10:30", datetime(2024, 9, 1, 10, 30, tzinfo=PLUS_5)),
        ("2024-09-01 10:30:00Z", datetime(2024, 9, 1, 10, 30, tzinfo=UTC)),
        (None, None),
        ("", None),
    ],
)
def test_a_date_without_offset_gets_the_one_passed_in(text: str | None, expected: datetime | None) -> None:
    found = read_row(ROW | {"published": text}, default_offset=PLUS_5).article.published
    assert found == expected
    assert (found and found.utcoffset()) == (expected and expected.utcoffset())


def test_a_date_without_offset_is_of_moscow_by_default() -> None:
    found = read_row(ROW | {"published": "2024-09-01"}).article.published
    assert found is not None
    assert found.isoformat() == "2024-09-01T00:00:00+03:00"


def test_links_the_body_has_not_are_put_behind_it() -> None:
    body = [{"type": "embed", "url": "https://a.ru/1", "caption": "Есть"}]
    embeds = [{"type": "embed", "url": "https://a.ru/1"}, {"url": "https://a.ru/2", "caption": "Ещё"}]
    row = ROW | {"body": body, "embeds": embeds, "attachments": ["https://a.ru/plan.pdf"]}
    assert read_row(row).article.body == (
        Embed("https://a.ru/1", "Есть"),
        Embed("https://a.ru/2", "Ещё"),
        Attachment("https://a.ru/plan.pdf"),
    )


def test_clean_is_applied_to_what_a_reader_sees_and_to_nothing_else() -> None:
    row = {
        "id": "id",
        "url": "https://school5.ru/a/",
        "title": "заголовок",
        "lead": "лид",
        "body": [
            {"type": "paragraph", "text": "абзац"},
            {"type": "list", "items": ["строка"]},
            {"type": "table", "rows": [["ячейка"]]},
            {"type": "embed", "url": "https://a.ru/v", "caption": "видео"},
        ],
        "attachments": [{"url": "/f.pdf", "title": "файл"}],
        "categories": ["новости"],
        "tags": ["школа"],
        "picture": {"url": "/p.jpg", "alt": "фото"},
        "aliases": ["https://school5.ru/b/"],
        "source": "https://school5.ru",
        "source_title": "сайт",
        "key": "post:1",
    }
    found = read_row(row, clean=str.upper)
    assert found == ImportRow(
        article=Article(
            id="id",
            source="school5.ru",
            url="https://school5.ru/a/",
            title="ЗАГОЛОВОК",
            lead="ЛИД",
            body=(
                Paragraph("АБЗАЦ"),
                ListBlock(("СТРОКА",)),
                Table((("ЯЧЕЙКА",),)),
                Embed("https://a.ru/v", "ВИДЕО"),
                Attachment("/f.pdf", "ФАЙЛ"),
            ),
            categories=("НОВОСТИ",),
            tags=("ШКОЛА",),
            picture=Picture("/p.jpg", "ФОТО"),
            aliases=("https://school5.ru/b/",),
        ),
        source_url="https://school5.ru",
        source_title="САЙТ",
        key="post:1",
    )


def test_a_tag_that_cleaning_leaves_empty_is_dropped() -> None:
    row = read_row(ROW | {"tags": ["\u00ad", "школа"]}, clean=lambda text: text.strip("\u00ad"))
    assert row.article.tags == ("школа",)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"url": None}, "url"),
    ({"url": "javascript:alert(1)"}, "url"),
    ({"url": "http://[x"}, "url"),
    ({"title": None}, "title"),
    ({"title": 5}, "title"),
    ({"title": "\ud800"}, "title"),
    ({"body": None}, "body"),
    ({"body": 1}, "body"),
    ({"body": ["текст"]}, "body[0]"),
    ({"body": [{"text": "x"}]}, "body[0].type"),
    ({"body": [{"type": "audio"}]}, "body[0].type"),
    ({"body": [{"type": "paragraph"}]}, "body[0].text"),
    ({"body": [{"type": "heading", "text": "x", "level": 7}]}, "body[0].level"),
    ({"body": [{"type": "heading", "text": "x", "level": True}]}, "body[0].level"),
    ({"body": [{"type": "list", "items": ["x", 1]}]}, "body[0].items[1]"),
    ({"body": [{"type": "list", "items": [], "ordered": "да"}]}, "body[0].ordered"),
    ({"body": [{"type": "table", "rows": ["x"]}]}, "body[0].rows[0]"),
    ({"body": [{"type": "table", "rows": [["x", None]]}]}, "body[0].rows[0][1]"),
    ({"body": [{"type": "embed"}]}, "body[0].url"),
    ({"lead": []}, "lead"),
    ({"id": "a/b"}, "id"),
    ({"published": "вчера"}, "published"),
    ({"published": 1725170400}, "published"),
    ({"modified": "0001-01-01"}, "modified"),
    ({"tags": "школа"}, "tags"),
    ({"categories": [1]}, "categories[0]"),
    ({"aliases": [None]}, "aliases[0]"),
    ({"picture": "a.jpg"}, "picture"),
    ({"picture": {"alt": "x"}}, "picture.url"),
    ({"embeds": [5]}, "embeds[0]"),
    ({"attachments": [{"title": "x"}]}, "attachments[0].url"),
    ({"source": 5}, "source"),
    ({"key": 5}, "key"),
    ({"stamp": 5}, "stamp"),
]


@pytest.mark.parametrize(("change", "field"), BROKEN)
def test_a_wrong_field_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(RowError) as caught:
        read_row(ROW | change)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"Поле «{field}»: ")


@pytest.mark.parametrize("name", ["url", "title", "body"])
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(RowError, match=f"«{name}»: нет обязательного поля"):
        read_row({key: value for key, value in ROW.items() if key != name})
