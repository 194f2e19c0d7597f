"""Words for what makes two articles near: readable, of the article's own text, in their own case."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from beds.index import Bed
from conftest import SAMPLE

from corpus.article import Article, Paragraph
from searchsvc.answer.reasons import MOST, reasons
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.search import SearchService
from searchsvc.store.document import make_document, term_hash

IDS = [json.loads(line)["id"] for line in SAMPLE.read_text(encoding="utf-8").splitlines()]


def words(
    analyzer: Analyzer, text: str, *lemmas: str, title: str = "Запись", archive: str = ""
) -> tuple[str, ...]:
    """Return the words for *lemmas* in an article, the archive having the forms of it and of *archive*."""
    made = make_document(Article("1", "s", "u", title, "", (Paragraph(text),)), 1, analyzer)
    forms = Counter(token.folded for token in analyzer.tokens(f"{text} {title} {archive}"))
    (found,) = reasons(
        [tuple(map(term_hash, lemmas))],
        made.record,
        made.text,
        analyzer=analyzer,
        documents=lambda form: forms[form],
    )
    return found


@pytest.mark.parametrize(
    ("text", "lemma", "shown"),
    [
        ("Говорили о наставничестве и детях.", "наставничество", "наставничество"),
        ("Помощь ребенку и семье", "ребенок", "ребёнок"),
        ("Наставничество нужно всем.", "наставничество", "наставничество"),  # a sentence's own capital
        ("Школа по ФГОС, сдают ФГОСы и ФГОСа", "фгос", "ФГОС"),
        ("ФГОС введён. ФГОС обновлён", "фгос", "ФГОС"),
        ("Класс для детей с РАС", "раса", "РАС"),  # not a race
        ("Приказ по 273-ФЗ", "273-фз", "273-ФЗ"),
        ("Пишут на Python и C++", "python", "Python"),
        ("Выступила Елена Петрова, слово Петровой", "петров", "Петрова"),
        ("Слово Петрова, рассказ Петровым", "петров", "Петров"),
        ("К нам приехал Пётр. Пётр рад", "петр", "Пётр"),
        ("Пётр рад", "петр", "Пётр"),
        ("Город Санкт-Петербург, в Санкт-Петербурге", "санкт-петербург", "Санкт-Петербург"),
        ("Музей «Краевед» и краеведы", "краевед", "краевед"),  # written in both ways
        ("Обсудили учебно-методический план", "учебно-методический", "учебно-методический"),
    ],
)
def test_a_term_is_shown_as_a_dictionary_or_the_text_has_it(
    analyzer: Analyzer, text: str, lemma: str, shown: str
) -> None:
    assert words(analyzer, text, lemma) == (shown,)


@pytest.mark.parametrize(
    ("text", "lemma"),
    [
        ("Для всех и каждого", "для"),
        ("Собрали 1493 подписи", "1493"),
        ("Иванов А. С. пришёл", "а"),
        ("Провели урок", "провести"),
        ("Уроки вели старшеклассники", "вели"),  # Veli is a name too, but is written otherwise
        ("Мы оцифруемся вскоре", "оцифруемся"),  # of no dictionary, and no guess is confirmed
        ("Школа", "нигде"),
    ],
)
def test_what_is_no_topic_is_not_shown(analyzer: Analyzer, text: str, lemma: str) -> None:
    assert words(analyzer, text, lemma) == ()


@pytest.mark.parametrize(
    ("text", "lemma"),
    [
        ("Лагерь в Усть-Лужске, дорога до Усть-Лужска", "усть"),
        ("Лагерь в Усть-Лужске, дорога до Усть-Лужска", "лужске"),
        ("Пришёл экс-директор лицея", "экс"),
        ("Играла рок-группа", "рок"),
        ("Слово взял Степан, благодарили Эдуарда", "эдуарда"),  # Эдуард or Эдуарда, nothing tells
        ("Рассказ о директоре Лаптева", "лаптев"),  # a man's genitive, or a woman
        ("Приехали к Милошу, ждали Милоша", "милоша"),
        ("Купили на 300 тыс рублей", "тыс"),
        ("Это другой, хороший и больший зал", "другой"),
        ("Это другой, хороший и больший зал", "хороший"),
        ("Это другой, хороший и больший зал", "больший"),
        ("Сдать до июля", "июль"),
        ("Сбор в воскресенье", "воскресенье"),
        ("Код: <img thumb left>", "thumb"),
        ("Пишите на сайт lyceum.example", "lyceum"),
    ],
)
def test_halves_scraps_and_doubtful_names_are_not_shown(analyzer: Analyzer, text: str, lemma: str) -> None:
    archive = "экс рок тыс эдуарда милоша лужске усть"
    assert words(analyzer, text, lemma, archive=archive) == ()


@pytest.mark.parametrize(
    ("text", "lemma", "shown"),
    [
        ("Приехала Юлия, ждали Юлию", "юлия", "Юлия"),
        ("Директор Лаптев рад, слово Лаптева", "лаптев", "Лаптев"),
        ("Говорил Эдуард, благодарили Эдуарда", "эдуард", "Эдуард"),
        ("Пришёл заместитель, школьник-волонтёр", "волонтер", "волонтёр"),  # the last of a compound
        ("Лагерь в Усть-Лужске, и Лужск рад", "лужск", "Лужск"),  # written alone, too
    ],
)
def test_a_name_or_part_that_is_sure_is_shown(analyzer: Analyzer, text: str, lemma: str, shown: str) -> None:
    assert words(analyzer, text, lemma) == (shown,)


def test_a_latin_word_in_lower_case_is_shown_if_the_title_has_it(analyzer: Analyzer) -> None:
    assert words(analyzer, "Учим scratch", "scratch", title="Кружок: scratch") == ("scratch",)
    assert words(analyzer, "Учим scratch", "scratch") == ()


def test_of_two_readings_the_one_is_shown_that_the_archive_has(analyzer: Analyzer) -> None:
    text = "Задания по математике"
    assert words(analyzer, text, "математика", "математик", archive="математика") == ("математика",)
    assert words(analyzer, text, "математика", "математик", archive="математик") == ("математик",)
    both = "Задания по математике, занят математикой"  # the text itself tells
    assert words(analyzer, both, "математик", "математика", archive="математик") == ("математика",)


def test_a_guessed_word_is_shown_once_the_archive_confirms_it(analyzer: Analyzer) -> None:
    assert words(analyzer, "Были в Верхнелужске", "верхнелужск") == ()
    assert words(analyzer, "Были в Верхнелужске", "верхнелужск", archive="Верхнелужск") == ("Верхнелужск",)


def test_a_title_in_capitals_makes_no_abbreviations(analyzer: Analyzer) -> None:
    assert words(analyzer, "Текст", "музей", title="ШКОЛЬНЫЙ МУЗЕЙ") == ("музей",)


def test_kin_are_shown_once_and_nouns_before_adjectives(analyzer: Analyzer) -> None:
    text = "Школьный музей, школа, школьники, приказ 273-ФЗ и ФЗ, редкие старые экспонаты и выставка"
    assert words(analyzer, text, "школьный", "школа", "музей", "школьник") == ("школа", "музей")
    assert words(analyzer, text, "273-фз", "фз") == ("273-ФЗ",)
    assert words(analyzer, text, "редкий", "музей", "старый") == ("музей", "редкий")
    assert words(analyzer, text, "старый", "музей", "экспонат", "школа", "выставка", "приказ") == (
        "музей",
        "экспонат",
        "школа",
        "выставка",
    )


def test_neighbours_in_the_sample_have_words_that_both_texts_have(
    sample_service: SearchService, analyzer: Analyzer
) -> None:
    lemmas = {
        name: {
            lemma
            for token in analyzer.tokens(_text(sample_service, name))
            for lemma in (*token.lemmas, token.folded)
        }
        for name in IDS
    }
    sizes: Counter[int] = Counter()
    for name in IDS:
        for near in sample_service.similar(name, 5):
            sizes[len(near.reasons)] += 1
            assert len(set(near.reasons)) == len(near.reasons) <= MOST
            for word in near.reasons:
                assert word.lower() not in STOP_WORDS
                both = lemmas[name] & lemmas[near.id]
                assert both & {lemma for token in analyzer.tokens(word) for lemma in token.lemmas}, word
    assert sizes[0] == 0
    assert sizes[1] < 0.05 * sizes.total()


def _text(service: SearchService, name: str) -> str:
    page = service.article(name)
    blocks = json.dumps([str(block) for block in page.body], ensure_ascii=False)
    return " ".join((page.title, page.lead, blocks, *page.tags))


# --- states of an archive ---------------------------------------------------------------------

MUSEUM = "Школьный музей открыл выставку о краеведах. Экспонаты собирали ветераны посёлка."
VETERANS = "Ветераны передали краеведам редкие экспонаты, их покажет музей на выставке."

THIRD = "Экспонаты для выставки собрали краеведы, а школьный музей их хранит."


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Iterator[Bed]:
    made = Bed.open(tmp_path, analyzer)
    yield made
    made.archive.close()


def article(name: str, text: str) -> Article:
    return Article(name, "iro.example", f"https://iro.example/{name}/", "", "", (Paragraph(text),))


def test_a_reader_of_an_older_state_gets_the_words_of_that_state(bed: Bed) -> None:
    bed.archive.put(article("one", MUSEUM))
    bed.archive.put(article("two", VETERANS))
    bed.rebuild()
    live = LiveIndex(bed.generations)
    old = SearchService(live, bed.analyzer).pinned()
    before = {near.id: near.reasons for near in old.similar("one")}
    assert {"выставка", "экспонат"} <= set(before["two"])
    bed.archive.put(article("one", "В столовой новое меню, каши и компот. Ветераны довольны: экспонаты."))
    bed.sync()
    assert {near.id: near.reasons for near in old.similar("one")} == before
    fresh = LiveIndex(bed.generations)
    now = {near.id: near.reasons for near in SearchService(fresh, bed.analyzer).similar("one")}
    assert set(now["two"]) == {"ветеран", "экспонат"}
    for one in (live, fresh):
        one.close()


def test_nothing_of_a_purged_article_stays_in_the_lists_of_others(bed: Bed) -> None:
    for name, text in (("one", MUSEUM), ("two", VETERANS), ("three", THIRD)):
        bed.archive.put(article(name, text))
    bed.rebuild()
    with bed.generations.current().store.writing() as writer:
        (gone,) = writer.keys("two")
    bed.archive.remove("two", "снята")
    bed.sync()
    generation = bed.generations.current()
    with generation.writing():
        generation.erase(["two"])
    with generation.store.writing() as writer:
        lists = [writer.list_of(key) for name in ("one", "three") for key in writer.keys(name)]
    assert any(lists)
    assert not any(gone.to_bytes(4, "little") == packed[:4] for packed in lists)
    generation.close()
