"""An article survives its spelling in JSON, in the archive and in a row of JSON Lines."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from corpus.article import (
    Article,
    Attachment,
    Embed,
    Heading,
    ListBlock,
    Paragraph,
    Picture,
    Quote,
    Table,
)
from corpus.codec import article_from_dict, article_to_dict, canonical_json
from corpus.jsonl import read_lines, read_row

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
words = texts.filter(bool)
urls = st.text("abcабв0-_/%.", max_size=12).map("https://school5.ru/".__add__)
offsets = st.timedeltas(timedelta(hours=-12), timedelta(hours=14)).map(
    lambda delta: timezone(timedelta(minutes=delta // timedelta(minutes=1)))
)
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=offsets)
blocks = st.one_of(
    st.builds(Paragraph, texts),
    st.builds(Heading, texts, st.integers(2, 6)),
    st.builds(ListBlock, st.lists(texts).map(tuple), st.booleans()),
    st.builds(Quote, texts),
    st.builds(Table, st.lists(st.lists(texts).map(tuple)).map(tuple)),
    st.builds(Embed, urls, texts),
    st.builds(Attachment, urls, texts),
)
articles = st.builds(
    Article,
    id=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    source=st.just("school5.ru"),
    url=urls,
    title=texts,
    lead=texts,
    body=st.lists(blocks).map(tuple),
    published=st.none() | moments,
    modified=st.none() | moments,
    categories=st.lists(words).map(tuple),
    tags=st.lists(words).map(tuple),
    picture=st.none() | st.builds(Picture, urls, texts),
    aliases=st.lists(urls, unique=True).map(sorted).map(tuple),
)


def offsets_of(article: Article) -> list[timedelta | None]:
    """Equality of moments says nothing of their offsets."""
    return [moment.utcoffset() if moment else None for moment in (article.published, article.modified)]


@given(articles)
def test_an_article_comes_back_from_json_as_it_was(article: Article) -> None:
    back = article_from_dict(json.loads(canonical_json(article_to_dict(article))))
    assert back == article
    assert offsets_of(back) == offsets_of(article)


@given(articles)
def test_an_article_comes_back_from_a_row_as_it_was(article: Article) -> None:
    row = article_to_dict(article) | {"source": "https://school5.ru"}
    line = json.dumps(row, ensure_ascii=False) + "\n"
    for stream in (io.StringIO(line, newline=""), io.BytesIO(line.encode())):
        [(number, found)] = read_lines(stream)
        assert number == 1
        assert isinstance(found, dict)
        back = read_row(found).article
        assert back == article
        assert offsets_of(back) == offsets_of(article)


@given(articles)
def test_canonical_json_does_not_depend_on_the_order_of_keys(article: Article) -> None:
    row = article_to_dict(article)
    assert canonical_json(row) == canonical_json(dict(reversed(row.items())))
