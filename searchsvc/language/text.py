"""Normalisation of Russian text.

Two grades. ``clean`` is what the archive stores: nothing a reader can see is changed.
``fold`` is what forms are compared by, in documents and queries alike: case, ё, stress
marks and Latin look-alikes do not matter to it.
"""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
"""Characters that are dropped from stored text and tolerated inside words."""

_DROP = re.compile(f"[{INVISIBLE}\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_MARKS = re.compile("[\u0300-\u036f]")
_HARD_SPACES = "\u00a0\u202f\u2009"
_SPACES = re.compile(rf"\s\s+|[^\S {_HARD_SPACES}]")  # all but a space, plain or hard, that stands alone

# Pairs that look alike in print. Upper case has more of them than lower case.
_LATIN_TO_CYRILLIC = str.maketrans("ABCEHKMOPTXYaceopxy", "АВСЕНКМОРТХУасеорху")
_CYRILLIC_TO_LATIN = str.maketrans("АВСЕНКМОРТХУасеорхуіІ", "ABCEHKMOPTXYaceopxyiI")
# NFC puts a grave accent, the mark of a secondary stress, into these letters.
_STRESSED = str.maketrans("ѐѝЀЍ", "еиЕИ")
# «бóльшая» with a Latin ó: some keyboards have no other way to mark the stress.
_ACCENTED = re.compile("[\u00c0-\u00ff]")
_TYPED = str.maketrans({"\u2010": "-", "\u2011": "-", "’": "'"})
LATIN = re.compile("[A-Za-z]")
CYRILLIC = re.compile("[А-яЁё]")
DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that only turn the direction of writing; they come along from documents."""

_SLAVIC = re.compile("[А-яЁёІі]")
_LATIN_ONLY = re.compile("[DFGIJLNQRSUVWZbdfghijklmnqrstuvwz]")
_CYRILLIC_ONLY = re.compile("[БГДЖЗИЙЛПФЦЧШЩЪЫЬЭЮЯбвгджзийклмнптфцчшщъыьэюяЁё]")


def clean(text: str) -> str:
    """Return *text* in NFC without invisible and control characters (tab and line feed stay)."""
    return unicodedata.normalize("NFC", _DROP.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def squeeze(text: str) -> str:
    """Return *text* with every run of white space as one space, ends trimmed.

    A hard or thin space that stands alone stays what it is: it holds «1 250» together.
    """
    if text.isprintable() and "  " not in text:  # of white space only single spaces: nothing to do
        return text.strip()
    return _SPACES.sub(lambda run: " " if run[0].strip(_HARD_SPACES) else run[0][0], text).strip()


def unmix(word: str) -> str:
    """Return a word of mixed alphabets in the one it was meant in, where that is certain.

    «EГЭ» with a Latin E becomes Cyrillic, «Wоrd» with a Cyrillic о becomes Latin. A word
    whose letters of both alphabets have no look-alikes («Образовfybt») stays as it is.
    """
    if word.isascii() or not (LATIN.search(word) and _SLAVIC.search(word)):
        return word
    if not _LATIN_ONLY.search(word):
        return word.translate(_LATIN_TO_CYRILLIC)
    if not _CYRILLIC_ONLY.search(word):
        return word.translate(_CYRILLIC_TO_LATIN)
    return word


def strip_marks(word: str) -> str:
    """Return *word* without invisible characters, stress and other marks; й and ё are kept.

    Marks of Latin letters go too («café» is found by «cafe»).
    """
    if word.isascii():
        return word
    word = unicodedata.normalize("NFC", _DROP.sub("", word))
    if _SLAVIC.search(word):
        word = _ACCENTED.sub(lambda match: unicodedata.normalize("NFD", match.group())[0], word)
        return _MARKS.sub("", word).translate(_STRESSED)
    return _MARKS.sub("", unicodedata.normalize("NFD", word))


def plain(word: str) -> str:
    """Return *word* as a keyboard has it: no marks, one alphabet, the simple hyphen and apostrophe."""
    return unmix(strip_marks(word)).translate(_TYPED)


def fold(word: str) -> str:
    """Return the form under which *word* is compared: plain, in lower case, ё as е."""
    return _MARKS.sub("", plain(word).lower()).replace("ё", "е")  # «İ» in lower case has a mark
