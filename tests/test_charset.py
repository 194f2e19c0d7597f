"""Text comes out of bytes whatever they are said to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.fetch import Fetched

TEXT = "Приём в школы: «Ёлка» № 5 — учителя"
HEAD = '<meta http-equiv="Content-Type" content="text/html; charset={}">'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html; charset=utf-8", TEXT.encode()),
        ("text/html; charset=windows-1251", TEXT.encode("cp1251")),
        ('text/html; charset="KOI8-R"', TEXT.replace("№", "N").replace("—", "-").encode("koi8-r", "ignore")),
        ("text/html", (HEAD.format("windows-1251") + TEXT).encode("cp1251")),
        ("text/html; charset=utf-8", (HEAD.format("utf-8") + TEXT).encode("cp1251")),
        ("text/html; charset=windows-1251", (HEAD.format("windows-1251") + TEXT).encode()),
        ("text/html; charset=iso-8859-1", TEXT.encode("cp1251")),
        ("text/xml", b'<?xml version="1.0" encoding="windows-1251"?>' + TEXT.encode("cp1251")),
        ("text/html; charset=windows-1251", b"\xef\xbb\xbf" + TEXT.encode()),
        ("text/html; charset=utf-8", b"\xff\xfe" + TEXT.encode("utf-16-le")),
        ("text/html; charset=utf-16le", TEXT.encode("utf-16-le")),
        ("text/html; charset=no-such; charset=base64", TEXT.encode()),
        ("", TEXT.encode("cp1251")),
        ("", TEXT.encode()),
    ],
)
def test_text_is_read_in_the_encoding_it_is_in(content_type: str, body: bytes) -> None:
    text = Fetched("http://a.ru/", "http://a.ru/", 200, {"content-type": content_type}, body).text()

    assert "Приём в школы" in text
    assert text.endswith("учителя")


def test_character_cut_in_half_does_not_spoil_the_text() -> None:
    body = (TEXT + "…").encode()[:-1]

    assert Fetched("http://a.ru/", "http://a.ru/", 200, {}, body).text().startswith(TEXT)


@given(st.binary(), st.sampled_from(["", "text/html; charset=utf-8", "text/html; charset=utf-16"]))
def test_any_bytes_are_text(body: bytes, content_type: str) -> None:
    headers = {"content-type": content_type}

    assert isinstance(Fetched("http://a.ru/", "http://a.ru/", 200, headers, body).text(), str)
