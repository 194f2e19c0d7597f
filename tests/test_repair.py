"""Repair of queries, word by word, towards words that the archive has: layout, typos, spaces, two faults."""

from __future__ import annotations

import re

import pytest
from beds.words import vocabulary_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from searchsvc.correction.glued import taken_apart
from searchsvc.correction.keyboard import TO_LATIN, TO_RUSSIAN, repair_layout
from searchsvc.correction.repair import proposals, repair_query
from searchsvc.correction.trigrams import looks_like_a_word
from searchsvc.correction.vocabulary import Vocabulary
from searchsvc.language.text import fold

WORDS = """
образование приказ министерства министерство учитель года егэ огэ приём жюри объявлен хор эксперт школа школе
школы в на под и итоги июнь вебинар бюджет ребёнок съезд 1-й класс классы 273-фз онлайн-урок
worldskills junior it cloud school test
"""
MARKS = ".,;:?!/'`\"()"
KNOWN = frozenset(map(fold, WORDS.split()))
ARCHIVE = vocabulary_of(WORDS.split())
EMPTY = vocabulary_of([])
known = ARCHIVE.has


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
    assert repair_layout(typed, ARCHIVE) == meant


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
    assert repair_layout(typed, ARCHIVE) == meant


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
    assert repair_layout(typed, ARCHIVE) == meant


@pytest.mark.parametrize("word", sorted(KNOWN))
def test_every_known_word_is_found_again_from_the_other_layout(word: str) -> None:
    russian = word.translate(TO_RUSSIAN)
    for typed in (word.translate(TO_LATIN), russian, word[:1] + word[1:].translate(TO_LATIN)):
        if not known(typed):
            assert repair_layout(typed, ARCHIVE) in {word, None}
    if not word.isascii() and not known(typed_in_latin(word)):
        assert repair_layout(typed_in_latin(word), ARCHIVE) == word


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
    assert repair_layout(typed, ARCHIVE) == meant


@pytest.mark.parametrize(
    "word", ["школа", "школу?", "школа,", "school", "абракадабра", "xyz", "2022", "№5", "🎓", "."]
)
def test_what_is_known_or_cannot_be_read_otherwise_stays(word: str) -> None:
    assert repair_layout(word, ARCHIVE) is None


def test_a_known_word_stays_even_where_its_other_reading_is_known_too() -> None:
    assert repair_layout("cfl", vocabulary_of(["cfl", "сад"])) is None
    assert repair_layout("cfl", vocabulary_of(["сад"])) == "сад"


# --- whole queries ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ghbrfp vbybcnthcndf", "приказ министерства"),
        ("приказ vbybcnthcndf", "приказ министерства"),
        ("  ghbrfp \t vbybcnthcndf ", "  приказ \t министерства "),
        ("ghbrfp, vbybcnthcndf", "приказ, министерства"),
        ("ghbrfp xyz", "приказ xyz"),
        ("xyzzy yt d irjkt", "xyzzy не в школе"),
        ("ghbrfp 2022 №5", "приказ 2022 №5"),
        ("ghbrfp OR школа", "приказ OR школа"),
    ],
)
def test_each_word_of_a_query_is_repaired_by_itself(typed: str, meant: str) -> None:
    found = repair_query(typed, ARCHIVE)
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
    assert repair_query(text, ARCHIVE) is None


def test_words_outside_the_quotes_are_repaired() -> None:
    found = repair_query('ghbrfp "ghbrfp" «irjkf d» vbybcnthcndf', ARCHIVE)
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
@example("бюджетGHBTV ")
@example("\ud800 ghbrfp")
@example("Пcloud ")
@settings(deadline=None)
def test_only_known_words_are_proposed_and_a_repaired_query_is_not_repaired_again(text: str) -> None:
    found = repair_query(text, ARCHIVE)
    if found is None:
        return
    assert found.text != text
    assert found.corrections
    for correction in found.corrections:
        assert correction.original in text
        assert correction.replacement in found.text
        assert not known(correction.original)
        for piece in correction.replacement.split(" "):
            words = {piece.lstrip("("), piece.lstrip(MARKS)}  # in the other layout marks are letters
            both = re.search("[a-z]", correction.original, re.I) and re.search(
                "[а-я]", correction.original, re.I
            )
            by_looks = correction.kind == "layout" and (both or looks_like_a_word(fold(piece.strip(MARKS))))
            assert by_looks or any(
                (known(word[:stop]) or ARCHIVE.is_word(word[:stop])) and not word[stop:].strip(MARKS)
                for word in words
                for stop in range(len(word) + 1)
            )
    if found.sure:
        again = repair_query(found.text, ARCHIVE)
        assert again is None or not again.sure


@given(queries)
@settings(deadline=None)
def test_an_archive_without_words_proposes_the_other_layout_alone(text: str) -> None:
    found = repair_query(text, EMPTY)
    assert found is None or {one.kind for one in found.corrections} == {"layout"}


@given(st.lists(vocabulary, max_size=6).map(" ".join))
@settings(deadline=None)
def test_a_query_of_words_that_the_archive_has_stays(text: str) -> None:
    assert repair_query(text, ARCHIVE) is None
    assert repair_query(text.upper(), ARCHIVE) is None


def test_every_key_has_one_letter_in_each_layout() -> None:
    assert "".join(map(chr, TO_RUSSIAN)).translate(TO_RUSSIAN).translate(TO_LATIN) == "".join(
        map(chr, TO_RUSSIAN)
    )
    assert set("абвгдеёжзийклмнопрстуфхцчшщъыьэюя") < set(map(chr, TO_LATIN))


# --- words written as one, or in two ------------------------------------------------------------


def put_apart(word: str, vocabulary: Vocabulary) -> str | None:
    """Return the likeliest pair of words that *word* may be, None where there is none."""
    options = taken_apart(word, vocabulary)
    return options[0].word if options else None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("приказминистерства", "приказ министерства"),
        ("ПриказМинистерства", "Приказ Министерства"),
        ("егэитоги", "егэ итоги"),
        ("бюджетcloud", "бюджет cloud"),
        ("ЕГЭИтоги", "ЕГЭ Итоги"),
        ("онлайн-урокшколы", "онлайн-урок школы"),
    ],
)
def test_two_words_of_the_archive_are_put_apart(typed: str, meant: str) -> None:
    assert put_apart(typed, ARCHIVE) == meant


def test_a_capital_inside_tells_where_words_meet() -> None:
    both = vocabulary_of({"приказ": 9, "приказы": 1, "школы": 1, "ышколы": 9})
    assert put_apart("приказышколы", both) == "приказ ышколы"
    assert put_apart("приказыШколы", both) == "приказы Школы"


def test_words_that_articles_have_together_are_likelier() -> None:
    words = dict.fromkeys(["приказ", "ышколы"], 90) | dict.fromkeys(["приказы", "школы"], 80)
    assert put_apart("приказышколы", vocabulary_of(words)) == "приказ ышколы"
    assert put_apart("приказышколы", vocabulary_of(words, hits="приказы школы".__eq__)) == "приказы школы"


def test_a_word_of_the_dictionary_is_not_taken_apart_though_the_archive_lacks_it() -> None:
    words = vocabulary_of(["супер", "маркет", "предметные", "мета", "итоги"])
    for word in ("супермаркет", "метапредметные"):
        assert put_apart(word, words) is None
        found = repair_query(f"итоги {word}", words)
        assert found is None or not found.sure


@pytest.mark.parametrize("text", ["приказ1школы", '"приказминистерства"', "ВсОШ", "НКО"])
def test_what_looks_meant_is_not_taken_apart(text: str) -> None:
    assert repair_query(text, ARCHIVE) is None


@pytest.mark.parametrize(
    ("typed", "meant"), [("пед совет", "педсовет"), ("итоги Пед совета!", "итоги Педсовета!")]
)
def test_what_a_space_has_cut_is_put_together(typed: str, meant: str) -> None:
    found = repair_query(typed, vocabulary_of(["педсовет", "педсовета", "совет", "совета", "итоги"]))
    assert found is not None
    assert (found.text, [one.kind for one in found.corrections]) == (meant, ["split"])


@pytest.mark.parametrize("text", ["совет  школы", "совет-школы", "в низ", "совет школы"])
def test_words_of_the_archive_and_short_words_are_not_put_together(text: str) -> None:
    words = ["совет", "школы", "советшколы", "вниз", "низ"]
    assert repair_query(text, vocabulary_of(words, hits='"совет школы"'.__eq__)) is None


def test_two_words_of_the_archive_that_no_article_has_so_are_suggested_as_one() -> None:
    words = vocabulary_of({"роди": 1, "тели": 1, "родители": 90})
    found = repair_query("роди тели", words)
    assert found is not None
    assert (found.text, found.sure) == ("родители", False)


# --- typos --------------------------------------------------------------------------------------

SCHOOL = vocabulary_of(
    {
        "образование": 900, "образованием": 90, "олимпиада": 300, "учитель": 700, "учителя": 600,
        "приказ": 400, "министерство": 300, "воспитатель": 200, "Белогорск": 50, "ФГОС": 300,
        "региональный": 100, "ребёнок": 90, "что-то": 20, "Кузнецова": 9, "WorldSkills": 30,
        "педагог": 80, "конкурс": 500, "в": 999,
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("оброзование", "образование"),
        ("обрзование", "образование"),
        ("образоание", "образование"),
        ("олимпеада", "олимпиада"),
        ("олимпеадами", "олимпиадами"),  # a form that the archive lacks, of a word that it has
        ("учитиль", "учитель"),
        ("учиетль", "учитель"),
        ("УЧИТИЛЬ", "УЧИТЕЛЬ"),
        ("Воспетатель", "Воспитатель"),
        ("белагорск", "Белогорск"),
        ("региональнный", "региональный"),
        ("ребьонок", "ребёнок"),
        ("чтото", "что-то"),
        ("образоваааание", "образование"),
        ("Кузнецава", "Кузнецова"),
        ("worldskils", "WorldSkills"),
    ],
)
def test_a_typo_is_put_right_as_the_archive_spells_the_word(typed: str, meant: str) -> None:
    found = repair_query(f"{typed}?", SCHOOL)
    assert found is not None
    assert (found.text, found.sure) == (f"{meant}?", True)
    assert [one.kind for one in found.corrections] == ["typo"]


@pytest.mark.parametrize(
    "text",
    [
        "образования олимпиады учителям",  # other forms of its words
        "абракадабра", "ОГЭ", "ВсОШ", "ФГОСы", "учитель2", "2022-й", "Ненашева", "quadcopter", "уч",
        '"оброзование"', "«оброзование»", "!оброзование", "-оброзование", "тег:оброзование",
        "учитиль@school.ru",
    ],
)  # fmt: skip
def test_words_of_the_archive_names_abbreviations_and_what_is_marked_stay(text: str) -> None:
    assert repair_query(text, SCHOOL) is None


def test_a_word_of_the_dictionary_is_only_suggested_something_for() -> None:
    found = repair_query("педагогика", SCHOOL)
    assert found is None or not found.sure
    found = repair_query("воспитать", SCHOOL)
    assert found is not None
    assert (found.text, found.sure) == ("воспитатель", False)
    found = repair_query("воспитать оброзование", SCHOOL)
    assert found is not None
    assert (found.text, found.sure) == ("воспитать образование", True)


def test_of_two_words_as_likely_the_one_is_taken_that_stands_with_the_others() -> None:
    words = {"приказ": 50, "победа": 2000, "победы": 2000}
    first = repair_query("победш приказ", vocabulary_of(words))
    assert first is not None
    other = {"победа приказ": "победы приказ", "победы приказ": "победа приказ"}[first.text]
    second = repair_query("победш приказ", vocabulary_of(words, hits=other.__eq__))
    assert second is not None
    assert second.text == other


@pytest.mark.parametrize(
    ("typed", "meant", "kind"),
    [
        ("j,hjpjdfybt", "образование", "layout"),
        ("оброзоdfybt", "образование", "layout"),
        ("obrozovanie", "образование", "translit"),
        ("konkurs obrozovanie", "конкурс образование", "translit"),
        ("приказминестерство", "приказ министерство", "glued"),
    ],
)
def test_two_faults_in_a_word_are_put_right(typed: str, meant: str, kind: str) -> None:
    found = repair_query(typed, SCHOOL)
    assert found is not None
    assert found.text == meant
    assert {one.kind for one in found.corrections} == {kind}


def test_look_alikes_are_no_keys_of_the_other_layout() -> None:
    assert repair_query("oбpaзoвaниe", SCHOOL) is None  # the archive has it
    assert repair_query("Pейганy", SCHOOL) is None
    found = repair_query("oбpoзoвaниe", SCHOOL)
    assert found is not None
    assert found.text == "образование"


def test_a_name_typed_in_both_layouts_is_read_though_the_archive_lacks_it() -> None:
    found = repair_query("Мирfvfh", SCHOOL)
    assert found is not None
    assert (found.text, found.corrections[0].kind) == ("Мирамар", "layout")


def test_english_words_are_no_russian_ones_in_latin_letters_unless_the_rest_is() -> None:
    words = vocabulary_of(["год", "педагог", "море", "тест", "НБА", "игрок", "тиф"])
    for text in ("god", "school more"):
        found = repair_query(text, words)
        assert found is None or not found.sure
    found = repair_query("god pedagog", words)
    assert found is not None
    assert (found.text, found.sure) == ("год педагог", True)
    found = repair_query("NBA igrok", words)
    assert found is not None
    assert found.text == "НБА игрок"


def test_an_english_word_typed_in_russian_needs_no_archive() -> None:
    for typed, meant in (("цштвщцы", "windows"), ("Пщщпду", "Google"), ("ысрщщд", "school")):
        found = repair_query(typed, EMPTY)
        assert found is not None
        assert found.text == meant
    for text in ("Google", "smart-доска", "VR-очки", "HR", "руки", "ok"):
        found = repair_query(text, vocabulary_of(["РК", "МК", "очки", "доска", "щл", "herb"]))
        assert found is None or not found.sure, text


# --- proposals ----------------------------------------------------------------------------------


def test_proposals_come_likeliest_first_without_the_word_itself() -> None:
    assert proposals("учитель", SCHOOL, 5)[0] == "учителя"
    assert proposals("оброзованием", SCHOOL, 2) == ["образованием", "образование"]
    assert proposals("ghbrfp", SCHOOL, 5) == ["приказ"]
    assert proposals("prikaz", SCHOOL, 5)[0] == "приказ"
    assert proposals("2022", SCHOOL, 5) == []


def test_proposals_for_a_query_begin_with_its_repair() -> None:
    found = proposals("приказ оброзованием", SCHOOL, 5)
    assert found[:2] == ["приказ образованием", "приказ образование"]
    assert proposals("приказ конкурс", SCHOOL, 5) == []


# --- words that nobody knows ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("продлёнка в школе", {"продлена": 90, "школе": 90, "в": 90}),  # news in general have it
        ("олимпиадникам вручили", {"олимпиад": 90, "никам": 9, "вручили": 90}),  # and its other forms
        ("дестабилизация", {"стабилизация": 90}),  # a prefix that makes words
        ("Хабибуллина", {"Хайбуллина": 1}),
    ],
)
def test_a_right_word_that_the_archive_lacks_stays(text: str, words: dict[str, int]) -> None:
    found = repair_query(text, vocabulary_of(words))
    assert found is None or not found.sure


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("агенство", "агентство"), ("дестанционное", "дистанционное"), ("програма", "программа")],
)
def test_a_usual_typo_is_no_word(typed: str, meant: str) -> None:
    found = repair_query(typed, vocabulary_of({meant: 90}))
    assert found is not None
    assert (found.text, found.sure) == (meant, True)


def test_letters_that_make_no_word_are_sooner_a_typo_than_a_name() -> None:
    words = vocabulary_of({"лицей": 90})
    found = repair_query("лицсей", words)
    assert found is not None
    assert (found.text, found.sure) == ("лицей", True)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ыефкегз", "startup"),
        ("Пщщпду", "Google"),
        ("Hfvpfy", "Рамзан"),
        ("jkbvgbfle", "олимпиаду"),
        ("(ыефкегз)", "(startup)"),
        ("Пcloud", "Gcloud"),
    ],
)
def test_a_word_nobody_knows_is_read_in_the_other_layout_if_it_looks_like_one_there(
    typed: str, meant: str
) -> None:
    found = repair_query(typed, EMPTY)
    assert found is not None
    assert (found.text, found.corrections[0].kind) == (meant, "layout")


@pytest.mark.parametrize("text", ["Мкртчян", "Ыб", "skysmart", "LTCM", "ДГПУ", "Хрктв", "eTwinning", "вВДВ"])
def test_a_word_nobody_knows_that_makes_no_better_one_in_the_other_layout_stays(text: str) -> None:
    assert repair_query(text, EMPTY) is None


# --- one word tells of another --------------------------------------------------------------------


def test_small_words_go_with_others_in_the_other_layout_though_the_archive_has_their_letters() -> None:
    words = vocabulary_of(["школу", "хочу", "в", "d", "r"])
    found = repair_query("[jxe d irjke", words)
    assert found is not None
    assert found.text == "хочу в школу"
    assert repair_query("школу d", words) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("istoriya rossii", "история россии"),  # the archive has «rossii» of an address
        ("kanikuly v marte", "каникулы в марте"),
        ("kanikuly knyazhestva", "каникулы княжества"),  # a word of the dictionary alone
        ("kanikuly Windows", "каникулы Windows"),
        ("kanikuly RMO", "каникулы RMO"),
        ("den' kanikuly", "день каникулы"),
    ],
)
def test_the_other_words_of_a_query_in_latin_letters_are_read_so_too(typed: str, meant: str) -> None:
    words = {"история": 9, "россии": 90, "rossii": 1, "каникулы": 9, "v": 1, "в": 90, "марте": 9, "день": 9}
    found = repair_query(typed, vocabulary_of(words))
    assert found is not None
    assert found.text == meant


def test_a_quote_after_a_letter_is_a_letter_of_the_other_layout() -> None:
    words = vocabulary_of(["егэ", "по", "химии"])
    found = repair_query('TU" gj [bvbb', words)
    assert found is not None
    assert found.text == "ЕГЭ по химии"


@pytest.mark.parametrize(
    ("typed", "meant"), [("вы пускники", "выпускники"), ("об щежитие школы", "общежитие школы")]
)
def test_a_stop_word_may_be_the_beginning_of_what_a_space_has_cut(typed: str, meant: str) -> None:
    found = repair_query(typed, vocabulary_of(["выпускники", "общежитие", "школы", "вы", "об"]))
    assert found is not None
    assert (found.text, found.corrections[0].kind) == (meant, "split")


def test_an_abbreviation_with_a_letter_twice_is_suggested_without() -> None:
    found = repair_query("ЕГЭЭ", vocabulary_of(["ЕГЭ"]))
    assert found is not None
    assert (found.text, found.sure) == ("ЕГЭ", False)
    assert repair_query("ОГЭ", vocabulary_of(["ЕГЭ"])) is None
