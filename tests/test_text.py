"""Normalisation: what the archive stores and what words are compared by."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from searchsvc.language.text import INVISIBLE, clean, fold, plain, squeeze, strip_marks, unmix

russian = st.text("абвгдеёжзийклмнопрстуфхцчшщъыьэюяАЕЁЙИОУЯ", min_size=1)
spiced = st.text(
    st.one_of(
        st.sampled_from("абеёийİАЕЁЙІіїѐѝabchkoxABCHKOX-‐‑'’1"),
        st.sampled_from("\u0300\u0301\u0306\u0308" + INVISIBLE),
        st.characters(),
    )
)


# --- clean: what is stored --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_text", "stored"),
    [
        ("обра\u00adзо\u00adва\u00adние", "образование"),
        ("\ufeffшко\u200bла\u200c и\u200d дом\u2060", "школа и дом"),
        ("и\u0306од е\u0308лка", "йод ёлка"),
        ("образова\u0301ние", "образова\u0301ние"),
        ("строка\r\nещё\rи ещё\n", "строка\nещё\nи ещё\n"),
        ("колонка\tдругая", "колонка\tдругая"),
        ("\x00ноль\x1b[0m\x7f\x85", "ноль[0m"),
        ("1\u00a0250 «ёлочки» — тире…", "1\u00a0250 «ёлочки» — тире…"),
        ("EГЭ Ёлка", "EГЭ Ёлка"),
        ("\ud83c👩🏫\udfff\ufffe\uffff", "👩🏫"),
        ("", ""),
    ],
)
def test_clean_changes_nothing_a_reader_can_see(given_text: str, stored: str) -> None:
    assert clean(given_text) == stored


@given(spiced | st.text(st.characters()))
@settings(deadline=None)
def test_clean_is_idempotent_and_gives_nfc_without_invisible_characters(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not set(cleaned) & set(INVISIBLE)
    assert all(mark in "\t\n" for mark in cleaned if unicodedata.category(mark) in {"Cc", "Cs"})
    cleaned.encode()


@given(spiced)
@settings(deadline=None)
def test_both_spellings_of_unicode_are_stored_alike(text: str) -> None:
    assert clean(unicodedata.normalize("NFD", clean(text))) == clean(text)


# --- squeeze ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_text", "squeezed"),
    [
        ("  школа \n\t № \u00a0 5 ", "школа № 5"),
        ("1\u00a0250 мест", "1\u00a0250 мест"),
        ("\u2009\u202f", ""),
        ("", ""),
        ("одно", "одно"),
    ],
)
def test_squeeze_leaves_single_spaces(given_text: str, squeezed: str) -> None:
    assert squeeze(given_text) == squeezed


@given(st.text())
@settings(deadline=None)
def test_squeeze_changes_white_space_only(text: str) -> None:
    squeezed = squeeze(text)
    assert squeeze(squeezed) == squeezed
    assert re.sub(r"\s", "", squeezed) == re.sub(r"\s", "", text)


# --- unmix: look-alikes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("EГЭ", "ЕГЭ"),  # a Latin E
        ("шкoлa", "школа"),  # a Latin o and a
        ("CАНПИН", "САНПИН"),
        ("Wоrd", "Word"),  # a Cyrillic о
        ("СOVID", "COVID"),  # a Cyrillic С
        ("PНP", "РНР"),  # could be either: Cyrillic is meant here
        ("Образовfybt", "Образовfybt"),  # keys of two layouts, the repair's work
        ("ЕГЭshnik", "ЕГЭshnik"),
        ("ЕГЭ", "ЕГЭ"),
        ("Word", "Word"),
        ("CTAPT", "CTAPT"),  # all Latin: a word of its own
        ("5А", "5А"),
        ("", ""),
    ],
)
def test_look_alikes_go_over_to_the_alphabet_that_was_meant(typed: str, meant: str) -> None:
    assert unmix(typed) == meant


@given(st.text("абвгдежзийклмнопрстуфхцчшщъыьэюя", min_size=2), st.data())
@settings(deadline=None)
def test_a_russian_word_survives_latin_letters_in_it(word: str, data: st.DataObject) -> None:
    word = f"щ{word}"  # a letter that no Latin one looks like
    latin = dict(zip("асеорхуАВСЕНКМОРТХУ", "aceopxyABCEHKMOPTXY", strict=True))
    typed = "".join(data.draw(st.sampled_from([letter, latin.get(letter, letter)])) for letter in word)
    assert unmix(typed) == word
    assert fold(typed) == fold(word)


# --- marks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "bare"),
    [
        ("образова\u0301ние", "образование"),
        ("де\u0300тса\u0301д", "детсад"),  # the secondary stress, which NFC melts into «ѐ»
        ("сѐстры", "сестры"),
        ("раи\u0306о\u0301нныи\u0306", "районный"),
        ("е\u0308\u0301лка", "ёлка"),
        ("обра\u00adзо\u200bвание\ufeff", "образование"),
        ("café", "cafe"),
        ("Ёж", "Ёж"),
        ("їжак", "їжак"),  # not a mark but another letter
        ("plain", "plain"),
    ],
)
def test_marks_go_but_the_letters_that_look_marked_stay(typed: str, bare: str) -> None:
    assert strip_marks(typed) == bare


# --- fold: what words are compared by ---------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Ёлка", "елка"),
        ("ЕЛКА", "елка"),
        ("е\u0308лка", "елка"),
        ("образова\u0301ние", "образование"),
        ("EГЭ", "егэ"),
        ("Бóльшая", "большая"),  # the stress typed as a Latin letter
        ("Районный", "районный"),
        ("Санкт\u2011Петербург", "санкт-петербург"),
        ("Санкт\u2010Петербург", "санкт-петербург"),
        ("О’Коннор", "о'коннор"),
        ("Café", "cafe"),
        ("273-ФЗ", "273-фз"),
        ("Образовfybt", "образовfybt"),
        ("", ""),
    ],
)
def test_fold_leaves_what_a_word_is_compared_by(typed: str, folded: str) -> None:
    assert fold(typed) == folded


def test_fold_keeps_apart_what_is_not_the_same() -> None:
    assert fold("йод") != fold("иод")
    assert fold("мел") != fold("мель")
    assert fold("cat") != fold("сат")  # an English word and a Russian one


@given(spiced)
@example("Яİ")  # whose lower case has two characters
@settings(deadline=None)
def test_fold_is_idempotent(word: str) -> None:
    assert fold(fold(word)) == fold(word)


@given(spiced)
@settings(deadline=None)
def test_plain_keeps_the_case_of_what_fold_compares(word: str) -> None:
    assert fold(plain(word)) == fold(word)


@given(russian, st.data())
@settings(deadline=None)
def test_invisible_characters_and_stress_do_not_matter(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word)))
    marks = f"{INVISIBLE}\u0300\u0301" if word[:place].endswith(tuple("аеиоуыэюяАЕИОУ")) else INVISIBLE
    for mark in marks:  # a stress stands on vowels
        assert fold(word[:place] + mark + word[place:]) == fold(word)


@given(russian)
@settings(deadline=None)
def test_spellings_of_unicode_case_and_yo_do_not_matter(word: str) -> None:
    for form in (unicodedata.normalize("NFD", word), word.upper(), word.lower(), word.replace("ё", "е")):
        assert fold(form) == fold(word)
    assert fold(word).count("й") == word.lower().count("й")
