"""The analyzer: text to tokens. The tables say «position form = lemmas», a compound's whole with a star."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import SAMPLE
from hypothesis import example, given, settings
from hypothesis import strategies as st

from searchsvc.language.analysis import ANALYSIS_VERSION, LEMMA_THRESHOLD, MAX_WORD, Analyzer, folded_form
from searchsvc.language.text import fold

STRESS = "\u0301"
SOFT = "\u00ad"
HARD_SPACE = "\u00a0"
HARD_HYPHEN = "\u2011"

WORDS = {
    "школами": "0 школами = школа",
    "учителей": "0 учителей = учитель",
    "читали прочитанные книги": "0 читали = читать | 1 прочитанные = прочитать | 2 книги = книга",
    "детям лучших школ": "0 детям = ребенок | 1 лучших = хороший | 2 школ = школа",
    # A participle that has become a noun is found by both.
    "учащиеся": "0 учащиеся = учиться учащийся",
    "учащихся": "0 учащихся = учиться учащийся",
    "больного": "0 больного = больной",
    # Homonyms: every plausible lemma, best first; what one in a hundred means is left out.
    "банки": "0 банки = банк банка",
    "мыла": "0 мыла = мыло мыть",
    "за́мок": f"0 за{STRESS}мок = замок замокнуть",
    "стали": "0 стали = стать",
    # ё is е, in words of the dictionary and outside.
    "Ёлки елки Ещё": "0 Ёлки = елка | 1 елки = елка | 2 Ещё = еще",
    # Names keep apart what their stems would mix.
    "Елены": "0 Елены = елена",
    "С. А. Петрова": "0 С = с | 1 А = а | 2 Петрова = петров",
    "А.С.Пушкин": "0 А = а | 1 С = с | 2 Пушкин = пушкин",
    # A word that nobody knows meets itself.
    "гаудпый": "0 гаудпый = гаудпый",
    "слово.Слово": "0 слово = слово | 1 Слово = слово",
    "и/или": "0 и = и | 1 или = или",
    "snake_case": "0 snake = snake | 1 case = case",
    "-слово- (а)": "0 слово = слово | 1 а = а",
    "— «»… !": "",
    "": "",
}

ABBREVIATIONS = {
    "ЕГЭ егэ": "0 ЕГЭ = егэ | 1 егэ = егэ",
    "ИРО": "0 ИРО = иро",
    "ОВЗ, СПО": "0 ОВЗ = овз | 1 СПО = спо",
    "ФГОСы": "0 ФГОСы = фгосы фгос",
    "ФГОСа": "0 ФГОСа = фгоса фгос",
    "ВсОШ ВСОШ": "0 ВсОШ = всош | 1 ВСОШ = всош",
    "ЦНППМ": "0 ЦНППМ = цнппм",
    "СанПиН": "0 СанПиН = санпин",
    "вузы ВУЗ": "0 вузы = вуз | 1 ВУЗ = вуз",
    "EГЭ": "0 EГЭ = егэ",  # a Latin E
}

COMPOUNDS = {
    "учебно-методический совет": (
        "0* учебно-методический = учебно-методический | 0 учебно = учебный | "
        "1 методический = методический | 2 совет = совет"
    ),
    f"Санкт{HARD_HYPHEN}Петербурге": (
        f"0* Санкт{HARD_HYPHEN}Петербурге = санкт-петербург | 0 Санкт = санкт | 1 Петербурге = петербург"
    ),
    "педагог-психолог": (
        "0* педагог-психолог = педагог-психолог | 0 педагог = педагог | 1 психолог = психолог"
    ),
    "IT-куб": "0* IT-куб = it-куб | 0 IT = it | 1 куб = куб",
    "из-за": "0* из-за = из-за | 0 из = из | 1 за = за",
    "О’Коннор": "0* О’Коннор = о'коннор | 0 О = о | 1 Коннор = коннора коннор",
    "27-й": "0 27-й = 27",
    "в 2022-го": "0 в = в | 1 2022-го = 2022",
    "10-ти 90-х 1-м": "0 10-ти = 10 | 1 90-х = 90 | 2 1-м = 1",
    "10-А": "0* 10-А = 10-а | 0 10 = 10 | 1 А = а",
    "9А": "0 9А = 9а",
    "273-ФЗ": "0* 273-ФЗ = 273-фз | 0 273 = 273 | 1 ФЗ = фз",
    f"273{HARD_HYPHEN}ФЗ": f"0* 273{HARD_HYPHEN}ФЗ = 273-фз | 0 273 = 273 | 1 ФЗ = фз",
    "ФГОС-2021": "0* ФГОС-2021 = фгос-2021 | 0 ФГОС = фгос | 1 2021 = 2021",
    "COVID-19": "0* COVID-19 = covid-19 | 0 COVID = covid | 1 19 = 19",
    "5-9 классы": "0* 5-9 = 5-9 | 0 5 = 5 | 1 9 = 9 | 2 классы = класс",
    "5–9": "0 5 = 5 | 1 9 = 9",
}

NUMBERS = {
    "приказ № 1493": "0 приказ = приказ | 1 1493 = 1493",
    "№1493": "0 1493 = 1493",
    "1493н": "0 1493н = 1493н",
    f"1{HARD_SPACE}250": f"0 1{HARD_SPACE}250 = 1250",
    "1\u2009250 книг": "0 1\u2009250 = 1250 | 1 книг = книга",
    "1\u202f000\u202f000": "0 1\u202f000\u202f000 = 1000000",
    f"2022{HARD_SPACE}250": "0 2022 = 2022 | 1 250 = 250",
    f"12{HARD_SPACE}345{HARD_SPACE}6": f"0 12{HARD_SPACE}345 = 12345 | 1 6 = 6",
    "1 250": "0 1 250 = 1250",
    "14 1250": "0 14 = 14 | 1 1250 = 1250",
    "28 273-ФЗ": "0 28 = 28 | 1* 273-ФЗ = 273-фз | 1 273 = 273 | 2 ФЗ = фз",
    f"1{HARD_SPACE}250 273{HARD_HYPHEN}ФЗ": (
        f"0 1{HARD_SPACE}250 = 1250 | 1* 273{HARD_HYPHEN}ФЗ = 273-фз | 1 273 = 273 | 2 ФЗ = фз"
    ),
    "3,5": "0* 3,5 = 3,5 | 0 3 = 3 | 1 5 = 5",
    "02.08.2022": "0* 02.08.2022 = 02.08.2022 | 0 02 = 02 | 1 08 = 08 | 2 2022 = 2022",
    "2021/2022": "0* 2021/2022 = 2021/2022 | 0 2021 = 2021 | 1 2022 = 2022",
    "СП 2.4.3648-20": (
        "0 СП = сп | 1* 2.4.3648-20 = 2.4.3648-20 | 1 2 = 2 | 2 4 = 4 | 3 3648 = 3648 | 4 20 = 20"
    ),
    "9:00, 50 %": "0 9 = 9 | 1 00 = 00 | 2 50 = 50",
}

FOREIGN = {
    "C++ и C#": "0 C++ = c++ | 1 и = и | 2 C# = c#",
    "С++, С#": "0 С++ = c++ | 1 С# = c#",  # a Cyrillic С
    "почта iro@site.ru.": (
        "0 почта = почта | 1* iro@site.ru = iro@site.ru | 1 iro = iro | 2 site = site | 3 ru = ru"
    ),
    "(https://site.ru/a?b=1).": (
        "0* https://site.ru/a?b=1 = https://site.ru/a?b=1 | "
        "0 https = https | 1 site = site | 2 ru = ru | 3 a = a | 4 b = b | 5 1 = 1"
    ),
    "www.site.ru, да": "0* www.site.ru = www.site.ru | 0 www = www | 1 site = site | 2 ru = ru | 3 да = да",
    "site.ru/": "0* site.ru/ = site.ru | 0 site = site | 1 ru = ru",
    "don't": "0* don't = don't | 0 don = don | 1 t = t",
    "Wоrd": "0 Wоrd = word",  # a Cyrillic о
    "Образовfybt": "0 Образовfybt = образовfybt",
    "Café": "0 Café = cafe",
    "🎓школа👩\u200d🏫": "0 школа = школа",
    "👩\u200d🏫 🎓": "",
}

MARKED = {
    f"образова{STRESS}ние": f"0 образова{STRESS}ние = образование",
    f"обра{SOFT}зо{SOFT}ва{SOFT}ние": f"0 обра{SOFT}зо{SOFT}ва{SOFT}ние = образование",
    "\ufeffшкола\u200b": "0 школа\u200b = школа",
    "раи\u0306онный е\u0308лка": "0 раи\u0306онный = районный | 1 е\u0308лка = елка",
    f"ё{STRESS}лки-и{STRESS}голки": (
        f"0* ё{STRESS}лки-и{STRESS}голки = елка-иголка елки-иголка елки-иголки | "
        f"0 ё{STRESS}лки = елка | 1 и{STRESS}голки = иголка"
    ),
}

TABLES = {**WORDS, **ABBREVIATIONS, **COMPOUNDS, **NUMBERS, **FOREIGN, **MARKED}


def written(analyzer: Analyzer, text: str) -> str:
    return " | ".join(
        f"{token.position}{'*' if token.whole else ''} {token.form} = {' '.join(token.lemmas)}"
        for token in analyzer.tokens(text)
    )


@pytest.mark.parametrize(("text", "tokens"), TABLES.items(), ids=map(ascii, TABLES))
def test_text_gives_the_tokens_of_the_table(analyzer: Analyzer, text: str, tokens: str) -> None:
    assert written(analyzer, text) == tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("учащийся", "учащихся"),
        ("учиться", "учащихся"),
        ("цнппм", "ЦНППМ"),
        ("фгос", "ФГОСы"),
        ("всош", "ВсОШ"),
        ("огэ", "ОГЭ"),
        ("вузов", "ВУЗы"),
        ("ЁЛКА", "елку"),
        ("дети", "детям"),
        ("дети", "ребёнка"),
        ("27-го", "27-й"),
        ("1250", "1\u00a0250"),
        ("c++", "С++"),
        ("EГЭ", "егэ"),
        ("Иванова", "Ивановым"),
        ("научно-практическая", f"научно{HARD_HYPHEN}практической"),
        ("О'Коннор", "О’КОННОР"),
    ],
)
def test_forms_of_one_word_meet_in_a_lemma(analyzer: Analyzer, one: str, other: str) -> None:
    [left, *_] = analyzer.tokens(one)
    [right, *_] = analyzer.tokens(other)
    assert set(left.lemmas) & set(right.lemmas)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ЕГЭ", "ОГЭ"),
        ("Елена", "ель"),
        ("мел", "мель"),
        ("273-ФЗ", "273-ФГ"),
        ("10-А", "10-Б"),
        ("3,5", "35"),
    ],
)
def test_different_words_stay_apart(analyzer: Analyzer, one: str, other: str) -> None:
    [left, *_] = analyzer.tokens(one)
    [right, *_] = analyzer.tokens(other)
    assert not set(left.lemmas) & set(right.lemmas)


def test_a_stop_word_is_told_by_its_form_alone(analyzer: Analyzer) -> None:
    tokens = analyzer.tokens("Школа И её учителя, из-за чего были новые")
    marked = [token.form for token in tokens if token.stop_word]
    assert marked == ["И", "её", "из-за", "из", "за", "чего", "были"]


def test_lemmas_of_one_word_are_those_of_its_token(analyzer: Analyzer) -> None:
    for form in ("учащихся", "ФГОСы", "Ещё", "C"):
        [token] = analyzer.tokens(form)
        assert analyzer.lemmas(form) == token.lemmas


def test_a_word_is_known_if_the_dictionary_has_that_very_form(analyzer: Analyzer) -> None:
    assert analyzer.is_known("Учащихся")
    assert analyzer.is_known("учи\u0301тель")
    assert not analyzer.is_known("гаудпый")
    assert not analyzer.is_known("образовfybt")


def test_the_threshold_decides_which_lemmas_are_plausible() -> None:
    assert Analyzer(threshold=0.0).lemmas("стали") == ("стать", "сталь")
    assert Analyzer(threshold=0.9).lemmas("банки") == ("банки",)  # none is plausible: the form itself
    assert 0 < LEMMA_THRESHOLD < 0.5


def test_the_folded_form_of_a_token_can_be_had_from_its_text_alone(analyzer: Analyzer) -> None:
    for text in TABLES:
        for token in analyzer.tokens(text):
            assert folded_form(token.form) == token.folded


# --- any text at all --------------------------------------------------------------------------

ODDITIES = "абеёийЕГЭІabcCСF1250-‐‑–.,/@+#:’'_ \n\u00a0\u2009\u00ad\u0301\u0308\u200b🎓"
texts = st.text(st.sampled_from(ODDITIES) | st.characters(exclude_categories=[]), max_size=60) | st.lists(
    st.sampled_from(sorted(TABLES))
).map("".join)


@given(texts)
@example("_@_._")  # an address without a letter
@example("\ud800а")
@example("1\u0301\u00a0250-й")
@settings(deadline=None)
def test_any_text_gives_tokens_in_order_that_slice_it(analyzer: Analyzer, text: str) -> None:
    position, end = -1, 0
    whole_until = -1
    for token in analyzer.tokens(text):
        assert 0 <= token.start < token.stop <= len(text)
        assert text[token.start : token.stop] == token.form
        assert token.folded == folded_form(token.form)
        assert token.lemmas
        assert all(lemma and fold(lemma) == lemma for lemma in token.lemmas)
        assert len(set(token.lemmas)) == len(token.lemmas)
        if token.whole:
            assert token.start >= max(end, whole_until)
            assert token.position > position
            whole_until = token.stop
        else:
            assert token.start >= end
            assert token.position > position
            position, end = token.position, token.stop


@given(st.lists(st.sampled_from(sorted(TABLES)), max_size=6))
@settings(deadline=None)
def test_what_stands_apart_is_analysed_apart(analyzer: Analyzer, parts: list[str]) -> None:
    together = [(token.form, token.lemmas, token.whole) for token in analyzer.tokens(" \n ".join(parts))]
    apart = [(token.form, token.lemmas, token.whole) for part in parts for token in analyzer.tokens(part)]
    assert together == apart


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "text",
    [
        "1" * 5000,
        "1а" * 5000,
        "а" * 50_000,
        "-" * 50_000,
        "a.b-" * 20_000,
        "а-" * 20_000,
        f"1{HARD_SPACE}" * 20_000,
    ],
    ids=["digits", "digits and letters", "a word", "dashes", "labels", "hyphens", "spaced digits"],
)
def test_no_text_is_analysed_for_long(analyzer: Analyzer, text: str) -> None:
    started = time.process_time()
    for token in analyzer.tokens(text):
        assert len(token.folded) <= MAX_WORD
    assert time.process_time() - started < 5  # a quadratic analysis takes a minute, an exponential one years


# --- the same everywhere and at all times -----------------------------------------------------


def test_the_fingerprint_is_the_same_in_every_instance_and_process(analyzer: Analyzer) -> None:
    assert Analyzer().fingerprint == analyzer.fingerprint
    assert analyzer.fingerprint.startswith(f"{ANALYSIS_VERSION}-")
    script = "from searchsvc.language.analysis import Analyzer; print(Analyzer().fingerprint)"
    for seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(SAMPLE.parents[2])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.strip() == analyzer.fingerprint


def test_the_fingerprint_tells_another_analysis() -> None:
    assert Analyzer(threshold=0.4).fingerprint != Analyzer().fingerprint


def test_a_full_cache_changes_no_answer(analyzer: Analyzer) -> None:
    narrow = Analyzer(cache_forms=2)
    text = "Учащиеся школ стали читать. " * 3 + "ФГОСы, 273-ФЗ, учащиеся"
    assert written(narrow, text) == written(analyzer, text)


def test_threads_share_an_analyzer(analyzer: Analyzer) -> None:
    shared = Analyzer(cache_forms=100)
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()[:12]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda line: written(shared, line), lines))
    assert found == [written(analyzer, line) for line in lines]


def test_forms_met_before_are_analysed_much_faster() -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    fresh = Analyzer()
    fresh.lemmas("словарь")  # the dictionary loads once
    times = []
    for _ in range(2):
        started = time.process_time()
        for _ in fresh.tokens(text):
            pass
        times.append(time.process_time() - started)
    assert times[0] > 1.5 * times[1]


def test_other_forms_are_those_of_russian_words(analyzer: Analyzer) -> None:
    assert "школу" in analyzer.forms("Школа")
    assert "школа" not in analyzer.forms("Школа")
    for word in ("school", "\U00017000", "2022"):  # pymorphy raises on a letter without a name
        assert analyzer.forms(word) == []
