"""Snippets: a piece of the text around the words looked for, whole words marked."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from beds.records import evidence
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.article import Article, ListBlock, Paragraph, tag_line
from searchsvc.answer.snippet import SNIPPET_CHARS, find_marks, snippet, title_segments
from searchsvc.language.analysis import Analyzer
from searchsvc.language.text import clean
from searchsvc.query.planning import Word, plan
from searchsvc.query.syntax import parse
from searchsvc.results import Segment
from searchsvc.store.document import make_document, term_hash

FILLER = "Ветер принёс дождь и холод. " * 40
LONG_SENTENCE = "ветер принёс дождь и холод, " * 40


def article(*body: str, title: str = "", lead: str = "", tags: tuple[str, ...] = ()) -> Article:
    return Article("1", "s", "u", title, lead, tuple(map(Paragraph, body)), tags=tags)


def looked_for(query: str, analyzer: Analyzer) -> tuple[Word, ...]:
    return plan(parse(query), analyzer).words


def shown(one: Article, query: str, analyzer: Analyzer) -> tuple[Segment, ...]:
    document = make_document(one, 1, analyzer)
    marks = find_marks(looked_for(query, analyzer), evidence(document.record))[0]
    return snippet(document.text, one.title, tag_line(one.tags), marks)


def titled(title: str, query: str, analyzer: Analyzer, *, body: str = "") -> tuple[Segment, ...]:
    one = article(body, title=title)
    document = make_document(one, 1, analyzer)
    return title_segments(
        document.text,
        title,
        find_marks(looked_for(query, analyzer), evidence(document.record))[0],
    )


def written(segments: tuple[Segment, ...]) -> str:
    """Write segments as a line with marked words in brackets."""
    return "".join(f"[{segment.text}]" if segment.match else segment.text for segment in segments)


# --- what is marked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "query", "marked"),
    [
        ("В школьных музеях, у музеев.", "школьный музей", "В [школьных] [музеях], у [музеев]."),
        ("Образова́ние детей", "образование", "[Образова́ние] детей"),
        ("Ёлка и елки", "ёлки", "[Ёлка] и [елки]"),
        ("Учащиеся учатся", "учащихся", "[Учащиеся] [учатся]"),
        ("Сдали EГЭ и ЕГЭ", "егэ", "Сдали [EГЭ] и [ЕГЭ]"),  # one with a Latin E
        ("Закон 273-ФЗ, статья 273", "273-фз", "Закон [273]-[ФЗ], статья [273]"),
        ("В 2022-м и 2022 году", "2022", "В [2022-м] и [2022] году"),
        ("Собрали 1\u00a0250 книг", "1250", "Собрали [1\u00a0250] книг"),
        ("Язык C++ и почта", "c++", "Язык [C++] и почта"),
        ("Музеи и музея", "!музея", "Музеи и [музея]"),
        ("Музей и школа в городе", "музей и в", "[Музей] и школа в городе"),
        ("И в городе", "и в", "[И] [в] городе"),
        ("Музей школы", '"музей школы"', "[Музей] [школы]"),
        ("Музей школы", "лагерь", "Музей школы"),
        ("Музей школы", "школа -музей", "Музей [школы]"),
    ],
)
def test_whole_words_are_marked_as_they_stand(analyzer: Analyzer, text: str, query: str, marked: str) -> None:
    assert written(shown(article(text), query, analyzer)) == marked
    assert written(titled(text, query, analyzer)) == marked


def test_title_and_snippet_have_each_their_own_marks(analyzer: Analyzer) -> None:
    one = article("О музее рассказали детям.", title="Музей школы", lead="Открыт музей.")
    assert written(shown(one, "музей", analyzer)) == "Открыт [музей]. О [музее] рассказали детям."
    assert written(titled("Музей школы", "музей", analyzer, body="О музее.")) == "[Музей] школы"
    assert titled("", "музей", analyzer, body="О музее.") == ()


def test_tags_are_neither_shown_nor_marked(analyzer: Analyzer) -> None:
    one = article("Открыта школа.", title="Новость", tags=("музей", "ЕГЭ и ОГЭ"))
    assert written(shown(one, "музей егэ", analyzer)) == "Открыта школа."
    assert shown(article(title="Новость", tags=("музей",)), "музей", analyzer) == ()
    assert shown(article(tags=("музей",)), "музей", analyzer) == ()
    assert written(shown(article("Музей.", tags=("музей",)), "музей", analyzer)) == "[Музей]."


def test_an_article_of_nothing_but_a_title_has_no_snippet(analyzer: Analyzer) -> None:
    assert shown(article(title="Музей школы"), "музей", analyzer) == ()


def test_blocks_and_lines_are_shown_as_one_line(analyzer: Analyzer) -> None:
    one = Article("1", "s", "u", "", "Лид\tздесь", (ListBlock(("музей  один", "дом")), Paragraph("Конец")))
    assert written(shown(one, "музей", analyzer)) == "Лид здесь. [музей] один дом. Конец"


# --- which piece is shown ---------------------------------------------------------------------


def test_without_any_word_there_the_beginning_is_shown(analyzer: Analyzer) -> None:
    found = written(shown(article(FILLER, title="Музей", lead="Лид."), "музей", analyzer))
    assert found.startswith("Лид. Ветер принёс дождь")
    assert found.endswith("\u00a0…")


def test_text_left_out_is_shown_by_dots_on_the_side_where_it_was(analyzer: Analyzer) -> None:
    def sides(*body: str) -> tuple[bool, bool]:
        found = written(shown(article(*body), "музей", analyzer))
        assert "[" in found
        return found.startswith("…\u00a0"), found.endswith("\u00a0…")

    assert sides("Открыт музей.") == (False, False)
    assert sides(f"Открыт музей. {FILLER}") == (False, True)
    assert sides(f"{FILLER} Открыт музей.") == (True, False)
    assert sides(f"{FILLER} Открыт музей. {FILLER}") == (True, True)
    assert sides(f"{LONG_SENTENCE} музей {LONG_SENTENCE}") == (True, True)


def test_the_piece_with_most_different_words_is_shown(analyzer: Analyzer) -> None:
    one = article(f"Музей и музей, музей. {FILLER} В школьном музее дети. {FILLER} Музей снова и музей.")
    assert "В [школьном] [музее] [дети]" in written(shown(one, "школьный музей детей", analyzer))


def test_of_pieces_with_equal_words_the_first_is_shown(analyzer: Analyzer) -> None:
    one = article(f"{FILLER} Первый музей здесь. {FILLER} Второй музей там.")
    assert "Первый [музей] здесь" in written(shown(one, "музей", analyzer))


def test_a_piece_begins_with_a_sentence_where_one_is_near(analyzer: Analyzer) -> None:
    found = written(shown(article(f"{FILLER}Сегодня утром открыли музей. {FILLER}"), "музей", analyzer))
    assert found.startswith("…\u00a0Сегодня утром открыли [музей].")


def test_a_piece_begins_and_ends_with_whole_words(analyzer: Analyzer) -> None:
    one = article(f"{LONG_SENTENCE}музей {LONG_SENTENCE}")
    text = written(shown(one, "музей", analyzer)).strip("…\u00a0").replace("[", "").replace("]", "")
    assert set(text.replace(",", "").split()) <= set(one.text.replace(",", "").split())


def test_a_word_longer_than_a_snippet_is_cut(analyzer: Analyzer) -> None:
    for query in ("а" * 1000, "музей"):
        found = shown(article("а" * 1000), query, analyzer)
        assert written(found).strip("…[]\u00a0").replace("]", "") == "а" * SNIPPET_CHARS
        assert any(segment.match for segment in found) == (query != "музей")


# --- any text at all --------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["музей", "музеев", "школа", "школьных", "273-ФЗ", "учебно-методический", "C++", "и", "10-А",
     "образова́ние", "1\u00a0250", "iro@site.ru", "🎓", *".!,\n\t«»", "длинноеслово" * 8]
)  # fmt: skip
GAPS = st.sampled_from([" ", " ", " ", "", "\n", "  ", ". ", "\u00a0"])
texts = st.lists(st.tuples(WORDS, GAPS), max_size=120).map(
    lambda pairs: clean("".join(word + gap for word, gap in pairs)).strip()
)
articles = st.builds(
    lambda title, lead, body, tags: article(*body, title=title, lead=lead, tags=tuple(tags)),
    st.just("") | texts,
    st.just("") | texts,
    st.lists(texts.filter(bool), max_size=3),
    st.lists(st.sampled_from(["Тэгъ", "Метка Ъ"]), max_size=2),
)
queries = st.lists(st.sampled_from(["музей", "школьный", "273-фз", "!музеев", "c++", "и", "совет", "1250"]))


@given(articles, queries.map(" ".join))
@settings(deadline=None)
def test_segments_are_a_piece_of_the_text_with_its_words_marked(
    analyzer: Analyzer, one: Article, query: str
) -> None:
    words = looked_for(query, analyzer)
    document = make_document(one, 1, analyzer)
    marks = find_marks(words, evidence(document.record))[0]
    for segments, text in (
        (title_segments(document.text, one.title, marks), one.title),
        (
            snippet(document.text, one.title, tag_line(one.tags), marks),
            "\n\n".join(part for name, part in one.parts() if name in {"lead", "body"}),
        ),
    ):
        assert all(segment.text for segment in segments)
        assert all(left.match != right.match for left, right in pairwise(segments))
        whole = "".join(segment.text for segment in segments)
        # A full stop parts blocks that end without a mark.
        assert re.sub(r"[\s.…]", "", whole) in re.sub(r"[\s.…]", "", text)
        for segment in segments:
            if segment.match:
                assert segment.text in text
                [first, *_] = analyzer.tokens(segment.text)
                lemmas = set(map(term_hash, first.lemmas))
                assert any(
                    term_hash(first.folded) == word.form if word.exact else lemmas & word.lemmas
                    for word in words
                    if not word.weak
                )
    assert len(whole) <= SNIPPET_CHARS + len("…\u00a0\u00a0…")
    assert "Ъ" not in whole
    assert "ъ" not in whole


@given(articles, st.sampled_from(["музей", "школьный", "c++", "273"]))
@settings(deadline=None)
def test_a_word_that_stands_in_lead_or_body_is_marked_in_the_snippet(
    analyzer: Analyzer, one: Article, query: str
) -> None:
    [lemma] = analyzer.lemmas(query)
    stands = any(
        lemma in token.lemmas and not token.whole
        for name, part in one.parts()
        if name in {"lead", "body"}
        for token in analyzer.tokens(part)
    )
    assert any(segment.match for segment in shown(one, query, analyzer)) == stands
