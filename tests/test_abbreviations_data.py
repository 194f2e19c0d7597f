"""The packaged list of abbreviations keeps the form that its header promises."""

from __future__ import annotations

import re
from importlib.resources import files

from searchsvc.language.text import fold

ENTRIES: list[tuple[str, tuple[str, ...], str]] = []
"""Left side, full forms, note; read once."""

for _line in (files("searchsvc") / "data" / "abbreviations.txt").read_text(encoding="utf-8").splitlines():
    _entry, _, _note = _line.partition("#")
    if _entry.strip():
        _left, _sign, _right = _entry.partition("=")
        ENTRIES.append((_left.strip(), tuple(form.strip() for form in _right.split("|")), _note.strip()))

ABBREVIATION = re.compile(r"^(?=(?:.*[А-ЯЁA-Z\d]){2})[\w-]+$")
PHRASE_OF_ABBREVIATIONS = re.compile(r"^[А-ЯЁ]{2,}(?: [А-ЯЁ]{2,})+$")  # «ФГОС НОО»
PROJECT = re.compile(r"^«[\w -]+»$")
PLAIN = re.compile(r"^[а-яё]+(?: [а-яё]+)*$|^[А-ЯЁ][а-яё]+$|^[A-Z][a-z]+$")
LATIN, CYRILLIC = re.compile("[A-Za-z]"), re.compile("[А-Яа-яЁё]")


def test_an_entry_has_a_left_side_and_full_forms_of_letters() -> None:
    for left, forms, note in ENTRIES:
        assert any(kind.match(left) for kind in (ABBREVIATION, PHRASE_OF_ABBREVIATIONS, PROJECT, PLAIN)), left
        for form in forms:
            assert re.fullmatch(r"[\w«»,-]+(?: [\w«»,-]+)*", form), form
            assert fold(form) != fold(left)
        assert note in {"", "только заглавными"}, left


def test_no_word_mixes_latin_and_cyrillic_letters() -> None:
    for left, forms, _ in ENTRIES:
        for word in re.findall(r"\w+", " ".join((left, *forms))):
            assert not (LATIN.search(word) and CYRILLIC.search(word)), word


def test_nothing_is_said_twice() -> None:
    lefts = [fold(left) for left, _, _ in ENTRIES]
    assert len(lefts) == len(set(lefts))
    for left, forms, _ in ENTRIES:
        assert len({fold(form) for form in forms}) == len(forms), left


def test_only_abbreviations_must_be_typed_in_capitals() -> None:
    marked = [left for left, _, note in ENTRIES if note]
    assert {"КИМ", "РАС"} <= set(marked)
    assert all(left.isupper() for left in marked)


def test_at_least_150_abbreviations_have_a_full_form_of_several_words() -> None:
    spelled = [
        left
        for left, forms, _ in ENTRIES
        if ABBREVIATION.match(left) and any(" " in form or "-" in form for form in forms)
    ]
    assert len(spelled) >= 150
    assert {
        "ЕГЭ",
        "ФГОС",
        "СПО",
        "ДОУ",
        "МБОУ",
        "ГАУДПО",
        "ИРО",
        "ЦНППМ",
        "ППк",
        "ОВЗ",
        "НОКО",
        "РДДМ",
    } <= set(spelled)
