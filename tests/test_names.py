"""Names in texts: where they are, what they are in the nominative, which are one.

``python tests/test_names.py`` prints precision and recall by kind.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import Hold
from hypothesis import given
from hypothesis import strategies as st
from test_names_data import DRAWN, SENTENCES

from corpus.article import Article, Paragraph
from searchsvc.analysis import Analyzer
from searchsvc.errors import NamesMissingError
from searchsvc.names import MAX_TEXT, MOST_NAMES, Mention, Named, NameFinder, NameRules
from searchsvc.naming.words import Kind, words_of

KINDS: tuple[Kind, ...] = ("person", "organisation", "place")


@dataclass(frozen=True)
class Figures:
    """Precision and recall of names of one kind, and the share of those found whose nominative is right."""

    precision: float
    recall: float
    normal: float


def measured(find: Callable[[str], list[Mention]], sentences: list[Any], kind: str) -> Figures:
    """Compare what is found with the labels: kind, beginning and end must be the same."""
    right = found = wanted = normal = 0
    for sentence in sentences:
        labels = {name["text"]: name["normal"] for name in sentence["names"] if name["kind"] == kind}
        mentions = {
            sentence["text"][one.start : one.stop]: one.normal
            for one in find(sentence["text"])
            if one.kind == kind
        }
        common = labels.keys() & mentions.keys()
        right, found, wanted = right + len(common), found + len(mentions), wanted + len(labels)
        normal += sum(labels[text].casefold() == mentions[text].casefold() for text in common)
    return Figures(right / found, right / wanted, normal / right)


@pytest.fixture(scope="module")
def finder(analyzer: Analyzer) -> NameFinder:
    """A finder with its model loaded once."""
    return NameFinder(analyzer)


@pytest.fixture(scope="module")
def rules(analyzer: Analyzer) -> NameRules:
    """The rules alone."""
    return NameRules(analyzer)


SETS = {"sentences": SENTENCES, "drawn": DRAWN}


@pytest.mark.parametrize("name", SETS)
def test_labelled_names_are_found_as_well_as_they_were(
    finder: NameFinder, hold_floors: Hold, name: str
) -> None:
    path = Path(__file__).parent / "names" / f"{name}.jsonl"
    of_set = hashlib.sha256(path.read_bytes()).hexdigest()
    found = {kind: asdict(measured(finder.mentions, SETS[name], kind)) for kind in KINDS}
    hold_floors(f"names-{name}", of_set, found)


ARTICLE = """Школа № 5 встречает гостей

Петрова Елена Ивановна стала директором гимназии № 5 Белогорска. Педагоги поздравили Елену Петрову.

«Спасибо», — ответила Е. Петрова. За Е. И. Петровой приехали из Института развития образования.

Институт развития образования (ИРО) помогает. Курсы ИРО начались в Белогорске, а не в РФ вообще; в Российской
Федерации их много. Встретились с Верой Игнатьевной. Н. Ф. Забегалова и Забегалова Н.Ф. спорили."""


def test_forms_of_a_name_are_one_in_the_nominative(finder: NameFinder) -> None:
    title, *body = ARTICLE.split("\n\n")
    article = Article(
        id="a", url="https://a.example/", source="a.example", title=title, lead=body[0],
        body=tuple(Paragraph(text) for text in body[1:]), tags=("Пётр Первый",),
    )  # fmt: skip
    assert finder.named(article) == Named(
        people=("Елена Петрова", "Вера Игнатьевна", "Н. Ф. Забегалова"),
        organisations=("Школа № 5", "Гимназия № 5", "ИРО"),
        places=("Белогорск", "Россия"),
    )


RULES = {
    "Собрание прошло на ул. Гликерии Ольшанской в г. Заречинске.": (
        "place ул. Гликерии Ольшанской; place Заречинск"
    ),
    "ООО «Ромашка» и МАОУ «Лицей № 5» заключили договор.": (
        "organisation ООО «Ромашка»; organisation МАОУ «Лицей № 5»"
    ),
    "Приказ Минпросвещения РФ и письмо Минфина пришли в администрацию города Заречинска.": (
        "organisation Минпросвещения РФ; organisation Минфин; organisation администрация города Заречинска"
    ),
    "Грамоту вручил Департамент образования и науки Светлоборской области.": (
        "organisation Департамент образования и науки Светлоборской области"
    ),
    "В школе «Наши дети» и у «Вектора» свои планы.": "organisation школа «Наши дети»",
    "Кафедру возглавил Шпынёв Л. Б. Вечером его поздравили.": "person Шпынёв Л. Б.",
    "Урок вёл Ахмед оглы Гаджиев, а об Александре II рассказал Соколов Пётр.": (
        "person Ахмед оглы Гаджиев; person Александр II; person Соколов Пётр"
    ),
    "Центр «Вега» имени Ю. А. Гагарина открыт.": "organisation Центр «Вега» имени Ю. А. Гагарина",
    "Ученики ездили на Белое море и в Республику Казахстан.": "place Белое море; place Республика Казахстан",
    "Автобус из Озерцов идёт в Саратов, а из Ростова в Киев.": (
        "place Озерцы; place Саратов; place Ростов; place Киев"
    ),
    "Единая Россия и Газпром помогут.": "organisation Единая Россия; organisation Газпром",
    # A full stop ends a name, but after an initial and «им.».
    "Гимназия имени Веры Оленевой. Учитель Пётр Рощин вёл урок.": (
        "organisation Гимназия имени Веры Оленевой; person Пётр Рощин"
    ),
    "Музей им. Лыкошина А. П. Экскурсии ведёт Анна Белова.": (
        "organisation Музей имени Лыкошина А. П.; person Анна Белова"
    ),
    "Лицей имени Героя Советского Союза Ю. А. Гагарина. Педагоги приехали.": (
        "organisation Лицей имени Героя Советского Союза Ю. А. Гагарина"
    ),
    "Ученики школы № 5 имени Гагарина. Директор Анна Белова поздравила всех.": (
        "organisation школа № 5 имени Гагарина; person Анна Белова"
    ),
    "Лицей имени Н. И. Лобачевского. Министр приехал утром.": "organisation Лицей имени Н. И. Лобачевского",
    "Сад №4, сад N4 и сад N 4, школа № 7 им. Ю.А.Гагарина, лицей «Физтех №9»": (
        "organisation Сад № 4; organisation сад № 4; organisation сад № 4; "
        "organisation школа № 7 имени Ю. А. Гагарина; organisation лицей «Физтех № 9»"
    ),
    "Фонд «Помоги им» и школа им Гагарина работают.": (
        "organisation Фонд «Помоги им»; organisation школа имени Гагарина"
    ),
    # Surnames that are adjectives, and those that only look so.
    "О Татьяне Боровой и Елене Черновой писали, с Ниной Беловой беседовали.": (
        "person Татьяна Боровая; person Елена Чернова; person Нина Белова"
    ),
    "Ирины Яровой дом. Об Ирине Яровой.": "person Ирина Яровая; person Ирина Яровая",
    "На Ольги Громовой музей жаловались.": "person Ольга Громова",
    # Families.
    "Выступили Иван и Мария Петровы.": "person Иван Петров; person Мария Петрова",
    "Победили Анна, Пётр и Савелий Ольшанские.": (
        "person Анна Ольшанская; person Пётр Ольшанский; person Савелий Ольшанский"
    ),
    "Грамоты вручили Олегу и Софье Высоцким.": "person Олег Высоцкий; person Софья Высоцкая",
    "Выступили Белова Анна, Роман и Глеб Сорокины.": (
        "person Белова Анна; person Роман Сорокин; person Глеб Сорокин"
    ),
    "Пришли Пётр и Анна Черных.": "person Анна Черных",
    # A surname in the genitive is of another.
    "Роман Тургенева читали. Анна Каренина Толстого.": "person Анна Каренина",
    "Лев Толстого рычал, а Ивана Коваля и Роман Петров слышали.": ("person Иван Коваль; person Роман Петров"),
    "Ездили в Набережные Челны, жили в Набережных Челнах.": "place Набережные Челны; place Набережные Челны",
    "Съездили в центр города, в новый дом культуры, зашли в школу.": "",
}


@pytest.mark.parametrize(("text", "names"), RULES.items())
def test_rules_find_what_they_are_for(finder: NameFinder, text: str, names: str) -> None:
    assert "; ".join(f"{one.kind} {one.normal}" for one in finder.mentions(text)) == names


MERGED = {
    "Елена Петрова | Елена Ивановна Петрова": "Елена Петрова",
    "Петрова Елена Ивановна | Е. И. Петрова | Елена Ивановна": "Елена Петрова",
    "Е. Петрова | Петрова Е. | Е.Петрова": "Е. Петрова",
    # The form «Петрова» was read as his.
    "Елена Петрова | Е. Петров": "Елена Петрова",
    # Two whom initials fit: nobody is told which.
    "Елена Петрова | Евгения Петрова | Е. Петрова": "Елена Петрова; Евгения Петрова; Е. Петрова",
    "Елена Ивановна Петрова | Е. А. Петрова": "Елена Петрова; Е. А. Петрова",
    "Елена Петрова | О. Петрова": "Елена Петрова; О. Петрова",
    "Вера Игнатьевна | Вера Игнатьевна Сомова": "Вера Сомова",
    "Вера Игнатьевна | Вера Павловна Сомова": "Вера Игнатьевна; Вера Сомова",
    "Петрова | Вера": "",
    "Петров А. Б. В. Г.": "А. Б. В. Г. Петров",
    "Семён Петров | Семен Петров": "Семён Петров",
    "Ким Чен Ын": "Ким Чен Ын",
    "А. Б. Петрова Сидорова": "",
}


@pytest.mark.parametrize(("names", "people"), MERGED.items())
def test_names_of_one_person_are_merged_within_an_article(rules: NameRules, names: str, people: str) -> None:
    mentions = [Mention("person", 0, 0, name) for name in names.split(" | ")]
    assert "; ".join(rules.merged(mentions).people) == people


ORGANISATIONS = {
    "Министерство просвещения РФ | Минпросвещения России | Минпросвещения": (
        "Министерство просвещения Российской Федерации"
    ),
    "Министерство спорта | министерство спорта Светлоборской области": (
        "Министерство спорта; Министерство спорта Светлоборской области"
    ),
    "Правительство РФ | правительство России | Союз журналистов России": (
        "Правительство Российской Федерации; Союз журналистов России"
    ),
    "Минобрнауки России | Министерство": "Минобрнауки Российской Федерации; Министерство",
    "Минпросвещения": "Министерство просвещения Российской Федерации",
    "Минпросвещения | Министерство просвещения": "Министерство просвещения Российской Федерации",
    "Министерство просвещения": "Министерство просвещения",
    "Минпросвещения | министерство просвещения Светлоборской области": (
        "Министерство просвещения; Министерство просвещения Светлоборской области"
    ),
    "Минпросвещения Светлоборской области": "Министерство просвещения Светлоборской области",
    # What the packaged list says of an abbreviation, if it is of one organisation.
    "ФИПИ | Федеральный институт педагогических измерений": "Федеральный институт педагогических измерений",
    "Рособрнадзор | Федеральная служба по надзору в сфере образования и науки": (
        "Федеральная служба по надзору в сфере образования и науки"
    ),
    "РАН | Российская академия наук": "Российская академия наук",
    "МГУ имени М. В. Ломоносова": "Московский государственный университет имени М. В. Ломоносова",
    "Институт развития образования | ИРО": "ИРО",
    "Институт развития образования Светлоборской области | ИРО": (
        "Институт развития образования Светлоборской области; ИРО"
    ),
    "Детская школа искусств": "Детская школа искусств",  # «ДШИ» is a legal form
    "МБОУ СОШ № 12 | ДШИ № 2": "МБОУ СОШ № 12; ДШИ № 2",
}


@pytest.mark.parametrize(("names", "merged"), ORGANISATIONS.items())
def test_an_organisation_is_one_however_it_is_written(rules: NameRules, names: str, merged: str) -> None:
    mentions = [Mention("organisation", 0, 0, name) for name in names.split(" | ")]
    assert "; ".join(rules.merged(mentions).organisations) == merged


TYPED = {
    ("person", "елены петровой"): "Елена Петрова",
    ("person", "ПЕТРОВА ЕЛЕНА"): "Елена Петрова",
    ("person", "Петровой Елене Ивановне"): "Елена Петрова",
    ("person", "А.П. Соколовой"): "А. П. Соколова",
    ("person", "петрову"): "Петров",
    ("person", "анны-марии штерн"): "Анна-Мария Штерн",
    ("person", "Ыыы Щщщь"): "Ыыы Щщщь",
    ("place", "белогорске"): "Белогорск",
    ("place", "рф"): "Россия",
    ("place", "светлоборской области"): "Светлоборская область",
    ("organisation", "институте развития образования"): "ИРО",
    ("organisation", 'лицея "Политех"'): "Лицей «Политех»",
    ("organisation", "МБОУ школы № 5"): "МБОУ школа № 5",
    ("organisation", "ИРО"): "ИРО",
    ("organisation", "минпросвещения"): "Министерство просвещения Российской Федерации",
    ("organisation", "фипи"): "Федеральный институт педагогических измерений",
    ("organisation", "ШКОЛЫ №12"): "Школа № 12",
    ("organisation", "ШКОЛА № 5 ИМ. Ю.А.ГАГАРИНА"): "Школа № 5 имени Ю. А. гагарина",
    ("organisation", "школа n 12"): "Школа № 12",
    ("organisation", "школа #12"): "Школа № 12",
    ("organisation", "мбоу сош №5"): "МБОУ СОШ № 5",
    ("organisation", "ИНСТИТУТ РАЗВИТИЯ ОБРАЗОВАНИЯ"): "ИРО",
    ("organisation", "минпросвещения рф"): "Министерство просвещения Российской Федерации",
    ("person", "ИРИНЫ ЯРОВОЙ"): "Ирина Яровая",
    ("place", "НАБЕРЕЖНЫХ ЧЕЛНАХ"): "Набережные Челны",
    ("place", "улице Гагарина"): "улица Гагарина",
    ("organisation", ""): "",
    ("person", ""): "",
    ("place", "  "): "  ",
}


@pytest.mark.parametrize(("typed", "shown"), TYPED.items())
def test_what_readers_type_becomes_what_facets_show(
    rules: NameRules, typed: tuple[Kind, str], shown: str
) -> None:
    assert rules.typed(*typed) == shown


@given(st.sampled_from(KINDS), st.text())
def test_anything_may_be_typed(rules: NameRules, kind: Kind, text: str) -> None:
    assert isinstance(rules.typed(kind, text), str)


@given(st.lists(st.sampled_from([sentence["text"] for sentence in SENTENCES]), max_size=3), st.data())
def test_names_lie_within_the_text_and_apart(
    finder: NameFinder, some: list[str], data: st.DataObject
) -> None:
    text = " ".join(some)
    text = text[data.draw(st.integers(0, len(text))) :]
    end = 0
    for mention in finder.mentions(text):
        assert end <= mention.start < mention.stop <= len(text)
        assert mention.normal
        end = mention.stop


def test_no_name_crosses_a_paragraph_or_a_bracket(finder: NameFinder) -> None:
    text = "Приехала Елена\n\nПетрова Анна Сергеевна (Сидорова) улыбнулась."
    shown = [text[one.start : one.stop] for one in finder.mentions(text)]
    assert "Петрова Анна Сергеевна" in shown
    assert not any("\n" in one or "(" in one for one in shown)


def test_long_articles_and_long_lists_are_cut(finder: NameFinder, rules: NameRules) -> None:
    letters = "абвгдежзиклмнопрстуфхцчшэюя"
    names = [Mention("person", 0, 0, f"Иван {a.upper()}{b}ров") for a in letters for b in letters]
    assert len(rules.merged(names).people) == MOST_NAMES
    article = Article(
        id="a", url="https://a.example/", source="a.example", title="Совещание",
        body=(Paragraph("слово " * (MAX_TEXT // 6)), Paragraph("Приехала Елена Петрова.")),
    )  # fmt: skip
    assert finder.named(article) == Named()


def test_sentences_begin_where_they_should() -> None:
    words = words_of("Учитель А. П. Петров из г. Орска. Ура! Новый\nабзац")
    assert [word.text for word in words if word.begins] == ["Учитель", "Ура", "Новый", "абзац"]
    assert [word.text for word in words if word.opens] == ["абзац"]


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, analyzer: Analyzer
) -> None:
    monkeypatch.setattr(
        "searchsvc.naming.find_spec", lambda name: None if name == "slovnet" else find_spec(name)
    )
    with pytest.raises(NamesMissingError, match=r"pip install 'searchsvc\[names\]'"):
        NameFinder(analyzer)


def test_without_the_files_of_the_model_the_error_says_so_too(
    monkeypatch: pytest.MonkeyPatch, analyzer: Analyzer
) -> None:
    finder = NameFinder(analyzer)
    monkeypatch.setattr("searchsvc.names.find_spec", lambda name: find_spec("slovnet"))
    with pytest.raises(NamesMissingError):
        finder.mentions("Елена Петрова")


if __name__ == "__main__":
    model = NameFinder(Analyzer())
    for title, rows in SETS.items():
        for one in KINDS:
            got = measured(model.mentions, rows, one)
            sys.stdout.write(
                f"{title:10} {one:13} precision {got.precision:.3f} recall {got.recall:.3f} "
                f"nominative {got.normal:.3f}\n"
            )
