"""Addresses: what is one source, what is one page."""

from __future__ import annotations

import pytest

from corpus.archive import normal_address, source_id


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.School5.RU/", "school5.ru"),
        ("http://school5.ru", "school5.ru"),
        ("https://school5.ru/news/", "school5.ru/news"),
        ("https://school5.ru:8080/", "school5.ru:8080"),
        ("https://school5.ru:443/", "school5.ru"),
        ("https://xn--5-8sb2aeo2d.xn--p1ai/", "школ5а.рф"),
        ("https://ШКОЛА.РФ", "школа.рф"),
        ("https://user:secret@school5.ru/#top", "school5.ru"),
        ("  Мой архив ", "Мой архив"),
        ("school5.ru", "school5.ru"),
        ("http://[broken", "http://[broken"),
        ("https://school5.ru:port/", "https://school5.ru:port/"),
        ("https://[::1]:8000/", "[::1]:8000"),
    ],
)
def test_source_id_is_the_address_without_its_dress(url: str, expected: str) -> None:
    assert source_id(url) == expected


@pytest.mark.parametrize(
    "same",
    [
        "http://school5.ru/новости/день-учителя",
        "https://www.school5.ru/новости/день-учителя/",
        "https://SCHOOL5.ru/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/день-учителя",
        "https://school5.ru/%d0%bd%d0%be%d0%b2%d0%be%d1%81%d1%82%d0%b8/день-учителя#comments",
        " https://school5.ru:443/новости/день-учителя/ ",
    ],
)
def test_spellings_of_one_page_have_one_normal_address(same: str) -> None:
    assert normal_address(same) == "school5.ru/новости/день-учителя"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.ru/News", "https://a.ru/news"),
        ("https://a.ru/?id=1", "https://a.ru/?id=2"),
        ("https://a.ru/news", "https://b.ru/news"),
        ("https://a.ru/a%2Fb", "https://a.ru/a/b"),
        ("https://a.ru/a%3Fb", "https://a.ru/a?b"),
        ("https://a.ru/?a=1%26b", "https://a.ru/?a=1&b"),
        ("https://a.ru/%25D0", "https://a.ru/%D0"),
        ("https://a.ru/%ED%EE%E2", "https://a.ru/%ED%EE%E3"),  # windows-1251
    ],
)
def test_different_pages_never_become_one(one: str, other: str) -> None:
    assert normal_address(one) != normal_address(other)


def test_bytes_that_are_no_utf8_compare_whatever_the_case_of_the_escapes() -> None:
    assert normal_address("https://a.ru/%ED%EE") == normal_address("http://www.a.ru/%ed%ee/")


def test_a_decoded_host_equals_its_punycode() -> None:
    assert normal_address("https://школа.рф/о-нас") == normal_address("http://xn--80atdl2c.xn--p1ai/о-нас")
