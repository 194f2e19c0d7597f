"""Repair of queries: a wrong keyboard layout, word by word, towards words that the archive has."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from searchsvc.repair import TO_LATIN, TO_RUSSIAN, repair_glued, repair_layout, repair_query
from searchsvc.text import fold

WORDS = """
образование приказ министерства министерство учитель года егэ огэ приём жюри объявлен хор эксперт школа школе
школы в на под и итоги июнь вебинар бюджет ребёнок съезд 1-й класс классы 273-фз онлайн-урок
worldskills junior it cloud school test
"""
MARKS = ".,;:?!/'`\"()"
KNOWN = frozenset(map(fold, WORDS.split()))


def known(word: str) -> bool:
    return fold(word) in KNOWN


def typed_in_latin(text: str) -> str:
    return text.translate(TO_LATIN)


# --- one word ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ghbrfp", "приказ"),
        ("j,hfpjdfybt", "образование"),  # б is a comma
        ("tu'", "егэ"),  # э is an apostrophe
        (";.hb", "жюри"),
        ("j,]zdkty", "объявлен"),
        ("ht,`yjr", "ребёнок"),
        ("[jh", "хор"),
        ("c]tpl", "съезд"),
        ("<.l;tn", "Бюджет"),  # in capitals the keys of marks have others
        ("GHBRFP", "ПРИКАЗ"),
        ("Ghbrfp", "Приказ"),
        ("b.ym", "июнь"),
        ("jykfqy-ehjr", "онлайн-урок"),
        ("273-AP", "273-ФЗ"),
        ("1-q", "1-й"),
        ("d", "в"),
    ],
)
def test_a_russian_word_typed_in_latin_is_put_right(typed: str, meant: str) -> None:
    assert repair_layout(typed, known) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("цщкдвылшдды", "worldskills"),
        ("Сдщгв", "Cloud"),
        ("ШЕ", "IT"),
        ("огтшщк", "junior"),
        ("еуые", "test"),
    ],
)
def test_an_english_word_typed_in_russian_is_put_right(typed: str, meant: str) -> None:
    assert repair_layout(typed, known) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Образовfybt", "Образование"),
        ("Образованиt", "Образование"),
        ("Jбразование", "Образование"),
        ("j,hfзование", "образование"),
        ("вебbyfh", "вебинар"),
        ("dебинар", "вебинар"),
        ("онлайн-ehjr", "онлайн-урок"),
        ("обhfpование", "образование"),
        ("worldылшдды", "worldskills"),
    ],
)
def test_a_part_of_a_word_is_put_right(typed: str, meant: str) -> None:
    assert repair_layout(typed, known) == meant


@pytest.mark.parametrize("word", sorted(KNOWN))
def test_every_known_word_is_found_again_from_the_other_layout(word: str) -> None:
    russian = word.translate(TO_RUSSIAN)
    for typed in (word.translate(TO_LATIN), russian, word[:1] + word[1:].translate(TO_LATIN)):
        if not known(typed):
            assert repair_layout(typed, known) in {word, None}
    if not word.isascii() and not known(typed_in_latin(word)):
        assert repair_layout(typed_in_latin(word), known) == word


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ghbrfp,", "приказ,"),
        ("j,hfpjdfybt.", "образование."),
        ("ghbrfp?", "приказ?"),
        ("(ghbrfp)", "(приказ)"),
        ("ghbrfp...", "приказ..."),
        ("tu'?", "егэ?"),
        ("gjl", "под"),
        ("Образовfybt!", "Образование!"),
    ],
)
def test_marks_around_a_word_stay(typed: str, meant: str) -> None:
    assert repair_layout(typed, known) == meant


@pytest.mark.parametrize(
    "word", ["школа", "школу?", "школа,", "school", "абракадабра", "xyz", "2022", "№5", "🎓", "."]
)
def test_what_is_known_or_cannot_be_read_otherwise_stays(word: str) -> None:
    assert repair_layout(word, known) is None


def test_a_known_word_stays_even_where_its_other_reading_is_known_too() -> None:
    assert repair_layout("cfl", {"cfl", "сад"}.__contains__) is None
    assert repair_layout("cfl", {"сад"}.__contains__) == "сад"


# --- whole queries ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ghbrfp vbybcnthcndf", "приказ министерства"),
        ("приказ vbybcnthcndf", "приказ министерства"),
        ("  ghbrfp \t vbybcnthcndf ", "  приказ \t министерства "),
        ("ghbrfp, vbybcnthcndf", "приказ, министерства"),
        ("ghbrfp xyz", "приказ xyz"),
        ("itjkt yt d irjkt", "itjkt yt в школе"),
        ("ghbrfp 2022 №5", "приказ 2022 №5"),
        ("ghbrfp OR школа", "приказ OR школа"),
    ],
)
def test_each_word_of_a_query_is_repaired_by_itself(typed: str, meant: str) -> None:
    found = repair_query(typed, known)
    assert found is not None
    assert found.text == meant
    changed = [pair for pair in zip(typed.split(), meant.split(), strict=True) if pair[0] != pair[1]]
    assert [(one.original, one.replacement) for one in found.corrections] == changed
    assert {one.kind for one in found.corrections} == {"layout"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "школа",
        "абракадабра xyz",
        '"ghbrfp"',
        '"ghbrfp vbybcnthcndf irjks"',
        "«ghbrfp vbybcnthcndf irjks»",
        "„ghbrfp vbybcnthcndf irjks“",
        '"ghbrfp vbybcnthcndf',  # not closed: a phrase to the end
        "-ghbrfp",
        "!ghbrfp",
        "title:ghbrfp",
        "тег:ghbrfp",
        "https://ghbrfp",
        "ghbrfp@irjkf",
        "irjkf.ru",
        "2022 1493",
    ],
)
def test_quotes_operators_addresses_and_numbers_are_meant_as_they_are(text: str) -> None:
    assert repair_query(text, known) is None


def test_words_outside_the_quotes_are_repaired() -> None:
    found = repair_query('ghbrfp "ghbrfp" «irjkf d» vbybcnthcndf', known)
    assert found is not None
    assert found.text == 'приказ "ghbrfp" «irjkf d» министерства'


# --- any text at all --------------------------------------------------------------------------

vocabulary = st.sampled_from(sorted(KNOWN))
mistyped = vocabulary.flatmap(
    lambda word: st.integers(0, len(word)).flatmap(
        lambda cut: st.sampled_from(
            [
                word[:cut] + typed_in_latin(word[cut:]),
                typed_in_latin(word[:cut]) + word[cut:],
                typed_in_latin(word.upper()),
                word.translate(TO_RUSSIAN),
            ]
        )
    )
)
pieces = st.one_of(
    vocabulary, mistyped, st.text(max_size=6), st.sampled_from(['"', "«", "»", "OR", "-", ",", "?", "!"])
)
queries = st.lists(st.tuples(pieces, st.sampled_from([" ", " ", "", "\n"])), max_size=6).map(
    lambda pairs: "".join(piece + gap for piece, gap in pairs)
)


@given(queries)
@example("Эт")
@example("\ud800 ghbrfp")
@settings(deadline=None)
def test_only_known_words_are_proposed_and_a_repaired_query_needs_no_repair(text: str) -> None:
    found = repair_query(text, known)
    if found is None:
        return
    assert found.text != text
    assert found.corrections
    for correction in found.corrections:
        assert correction.original in text
        assert correction.replacement in found.text
        assert not known(correction.original)
        for piece in correction.replacement.split(" "):
            word = piece.lstrip("(" if correction.kind == "layout" else MARKS)
            assert any(known(word[:stop]) and not word[stop:].strip(MARKS) for stop in range(len(word) + 1))
    assert repair_query(found.text, known) is None


@given(queries)
@settings(deadline=None)
def test_an_archive_without_words_repairs_nothing(text: str) -> None:
    assert repair_query(text, lambda _: False) is None


@given(queries)
@settings(deadline=None)
def test_an_archive_that_has_every_word_repairs_nothing(text: str) -> None:
    assert repair_query(text, lambda _: True) is None


def test_every_key_has_one_letter_in_each_layout() -> None:
    assert "".join(map(chr, TO_RUSSIAN)).translate(TO_RUSSIAN).translate(TO_LATIN) == "".join(
        map(chr, TO_RUSSIAN)
    )
    assert set("абвгдеёжзийклмнопрстуфхцчшщъыьэюя") < set(map(chr, TO_LATIN))


# --- words written as one -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("приказминистерства", "приказ министерства"),
        ("ПриказМинистерства", "Приказ Министерства"),
        ("(бюджетшколы),", "(бюджет школы),"),
        ("егэитоги", "егэ итоги"),
    ],
)
def test_two_words_of_the_archive_are_put_apart(typed: str, meant: str) -> None:
    assert repair_glued(typed, known, lambda _: False) == meant


def test_a_capital_inside_tells_where_words_meet() -> None:
    both = {"приказ", "приказы", "школы", "ышколы"}
    assert repair_glued("приказыШколы", lambda word: word.lower() in both, lambda _: False) == "приказы Школы"


def test_a_word_of_the_dictionary_is_not_taken_apart_though_the_archive_lacks_it() -> None:
    assert repair_glued("приказминистерства", known, lambda _: True) is None
    found = repair_query("итоги приказминистерства", known, lambda _: False)
    assert found is not None
    assert (found.text, found.corrections[0].kind) == ("итоги приказ министерства", "glued")
    for text in ("вшколе", "приказ1школы", '"приказминистерства"'):
        assert repair_query(text, known) is None
