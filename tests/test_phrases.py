"""Phrases and titles for completion: what titles share and tags, counted right after every change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from beds.index import document, draft
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.article import Article
from searchsvc.analysis import Analyzer
from searchsvc.errors import IndexDamagedError
from searchsvc.phrases import UNFILED_LEAST, PhraseFiles
from searchsvc.shared_phrases import LONGEST_PHRASE, Row, phrases_of, shared_phrases
from searchsvc.store import Store
from searchsvc.wording import key_of, runs_of


def same(word: str) -> str:
    return word


def rows(*titles: str, tags: tuple[str, ...] = ()) -> list[Row]:
    return [Row(number, title, tags, present=True) for number, title in enumerate(titles, 1)]


def found(*titles: str, least: int = 2, tags: tuple[str, ...] = ()) -> dict[str, tuple[str, int]]:
    entries = shared_phrases(rows(*titles, tags=tags), same, least=least)
    return {entry.form: (entry.spelling, entry.documents) for entry in entries}


# --- what is a phrase -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Итоги ЕГЭ-2024: «Приём»", "итоги егэ 2024 прием"),
        ("учебно‑методический  совет", "учебно методический совет"),
        ("EГЭ и Word", "егэ и word"),  # a Latin E
        ("приказ № 1493", "приказ 1493"),
        ("бо́льшая", "большая"),
        ("— … —", ""),
    ],
)
def test_a_key_is_folded_words_alone(text: str, key: str) -> None:
    assert key_of(text) == key


def test_marks_part_the_words_of_a_title() -> None:
    assert runs_of("Учитель года — 2023: наш историк, учебно-методический") == [
        ["Учитель", "года"],
        ["2023"],
        ["наш", "историк"],
        ["учебно-методический"],
    ]


def test_what_titles_share_is_a_phrase() -> None:
    assert found("Итоги олимпиады школьников", "Где итоги олимпиады?", "Олимпиады итоги") == {
        "итоги олимпиады": ("итоги олимпиады", 2)
    }
    assert found("Итоги олимпиады", "Где итоги олимпиады?", least=3) == {}


def test_a_phrase_neither_begins_nor_ends_with_a_stop_word_nor_begins_with_a_number() -> None:
    shared = found("О приёме в школу на 5 дней", "Всё о приёме в школу на 5 дней")
    assert set(shared) == {"приеме в школу", "приеме в школу на 5", "школу на 5 дней"}


def test_a_phrase_that_mostly_goes_on_is_left_to_the_longer_one() -> None:
    three = ["Единый государственный экзамен", "Сдан единый государственный экзамен"]
    assert set(found(*three)) == {"единый государственный экзамен", "государственный экзамен"}
    others = "Единый государственный реестр", "Единый государственный сайт"
    assert "единый государственный" in found(*three, *others)


def test_tags_are_phrases_even_of_one_article() -> None:
    assert found("Ничего", tags=("Точка роста", "ФГОС", "а, б", "один два три четыре пять шесть")) == {
        "точка роста": ("Точка роста", 1)
    }


def test_a_phrase_is_spelt_as_most_often() -> None:
    titles = ("Сдаём итоги ЕГЭ", "Про итоги ЕГЭ", "Про Итоги егэ", "итоги ЕГЭ")
    assert found(*titles)["итоги егэ"] == ("итоги ЕГЭ", 4)


def test_the_capital_of_a_title_is_not_the_phrases() -> None:
    known = {"итоги": "итоги", "белогорск": "Белогорск", "егэ": "ЕГЭ"}
    titles = rows("Итоги ЕГЭ", "Итоги ЕГЭ", "ИТОГИ ЕГЭ", "Белогорск зимой", "БЕЛОГОРСК ЗИМОЙ")
    entries = shared_phrases(titles, lambda form: known.get(form, form), least=2)
    assert [entry.spelling for entry in entries] == ["Белогорск зимой", "итоги ЕГЭ"]


words = st.sampled_from(["школа", "Школа", "ЕГЭ", "в", "учебно-методический", "2024", "года", "—", "ёлка,"])
texts = st.lists(words, max_size=7).map(" ".join)


@given(st.lists(st.tuples(texts, st.lists(texts, max_size=2)), max_size=6), st.integers(1, 3))
@settings(deadline=None)
def test_phrases_are_counted_as_one_by_one(articles: list[tuple[str, list[str]]], least: int) -> None:
    counted: Counter[str] = Counter()
    in_titles: Counter[str] = Counter()
    for title, tags in articles:
        for (form, spelling), times in phrases_of(title, tags).items():
            counted[form] += times
            in_titles[form] += not spelling
    given_rows = [Row(n, title, tuple(tags), True) for n, (title, tags) in enumerate(articles, 1)]
    entries = shared_phrases(given_rows, same, least=least)
    assert [entry.form for entry in entries] == sorted({entry.form for entry in entries})
    for entry in entries:
        assert entry.documents == counted[entry.form]
        assert key_of(entry.spelling) == entry.form
    missing = {form for form in counted if in_titles[form] >= least} - {entry.form for entry in entries}
    for form in missing:  # left to one that goes on
        assert any(entry.form.startswith(f"{form} ") for entry in entries) or any(
            other.startswith(f"{form} ") for other in missing
        )


def test_no_phrases_of_no_titles() -> None:
    assert shared_phrases([], same) == []
    assert shared_phrases(rows("", "…"), same) == []


# --- in the store -----------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store.db")


def article(number: int, title: str, *tags: str) -> Article:
    return replace(draft(number), title=title, tags=tags)


def change(
    store: Store,
    analyzer: Analyzer,
    new: Iterable[Article] = (),
    removed: Iterable[str] = (),
    *,
    sequence: int = 1,
    always: bool = False,
) -> None:
    with store.writing() as writer:
        for name in removed:
            writer.retire(name, sequence)
        for one in new:
            writer.retire(one.id, sequence)
            writer.add(document(one, analyzer), sequence)
        writer.file_phrases(always=always)


def phrases(store: Store) -> set[str]:
    return {entry.spelling for entry in store.phrases().phrases.beginning("")}


def titles(store: Store, sequence: int) -> list[str]:
    keys = [entry.documents for entry in store.phrases().titles.beginning("")]
    return sorted(card.title for card in store.present(keys, sequence).values())


def test_a_phrase_lives_as_long_as_an_article_has_it(store: Store, analyzer: Analyzer) -> None:
    three = [article(n, f"Номер {n}: итоги олимпиады") for n in range(3)]
    change(store, analyzer, three, always=True)
    assert phrases(store) == {"итоги олимпиады"}
    change(store, analyzer, removed=[one.id for one in three[:2]])
    assert phrases(store) == {"итоги олимпиады"}
    change(store, analyzer, removed=[three[2].id])
    assert phrases(store) == set()
    change(store, analyzer, [three[1]])
    assert phrases(store) == {"итоги олимпиады"}
    change(store, analyzer, [article(1, "Совсем другое")])
    assert phrases(store) == set()


def test_a_new_tag_and_a_new_title_are_there_at_once(store: Store, analyzer: Analyzer) -> None:
    change(store, analyzer, [article(1, "Первая запись")], always=True)
    change(store, analyzer, [article(2, "Вторая запись", "Точка роста")], sequence=2)
    assert phrases(store) == {"Точка роста"}
    assert titles(store, 2) == ["Вторая запись", "Первая запись"]
    assert titles(store, 1) == ["Первая запись"]
    change(store, analyzer, removed=[draft(2).id, draft(1).id], sequence=3)
    assert phrases(store) == set()
    assert titles(store, 3) == []
    assert titles(store, 2) == ["Вторая запись", "Первая запись"]  # whoever still reads there


def test_what_a_killed_writer_stored_is_undone_in_the_phrases_too(store: Store, analyzer: Analyzer) -> None:
    three = [article(n, f"Номер {n}: итоги олимпиады", "Точка роста") for n in range(3)]
    change(store, analyzer, three, always=True)
    change(store, analyzer, removed=[one.id for one in three], sequence=2)
    assert phrases(store) == set()
    with store.writing() as writer:
        writer.undo_after(1)
    assert phrases(store) == {"итоги олимпиады", "Точка роста"}
    assert len(titles(store, 1)) == 3
    change(store, analyzer, [article(9, "Девятая", "Новая школа")], sequence=2, always=True)
    with store.writing() as writer:  # killed after new files were written
        writer.undo_after(1)
    assert phrases(store) == {"итоги олимпиады", "Точка роста"}
    assert len(titles(store, 1)) == 3


def test_new_files_are_written_once_enough_came(store: Store, analyzer: Analyzer, tmp_path: Path) -> None:
    def files() -> list[str]:
        return [path.name for path in sorted((tmp_path / "phrases").iterdir())]

    change(store, analyzer, [article(n, "Итоги олимпиады") for n in range(3)], always=True)
    change(store, analyzer, [article(n, "Итоги олимпиады") for n in range(3, UNFILED_LEAST)], sequence=2)
    assert files() == ["000001.words"]
    change(store, analyzer, [article(n, "Итоги олимпиады") for n in range(900, 903)], sequence=3)
    assert files() == ["000002.words"]
    assert [entry.documents for entry in store.phrases().phrases.beginning("")] == [UNFILED_LEAST + 3]


a_title = st.sampled_from(["школа года ЕГЭ", "Школа года", "года ЕГЭ", ""]) | st.none()
some_tags = st.sampled_from([(), ("Школа года",), ("Точка роста",)])


@given(st.lists(st.tuples(st.integers(1, 4), a_title, some_tags, st.booleans()), max_size=8))
@settings(deadline=None, max_examples=30)
def test_after_any_changes_every_phrase_shown_is_some_articles(
    tmp_path_factory: pytest.TempPathFactory,
    analyzer: Analyzer,
    changes: list[tuple[int, str | None, tuple[str, ...], bool]],
) -> None:
    store = Store.create(tmp_path_factory.mktemp("store") / "store.db")
    present: dict[int, Article] = {}
    change(store, analyzer, always=True)
    for sequence, (number, title, tags, always) in enumerate(changes, 2):
        new = [] if title is None else [article(number, title or "Запись", *tags)]
        change(store, analyzer, new, [draft(number).id], sequence=sequence, always=always)
        present.pop(number, None)
        present.update((number, one) for one in new)
        has = Counter(form for one in present.values() for form, _ in phrases_of(one.title, one.tags))
        shown = {entry.form for entry in store.phrases().phrases.beginning("")}
        assert shown <= set(has)
        assert {key_of(tag) for one in present.values() for tag in one.tags} <= shown
        assert titles(store, sequence) == sorted(one.title for one in present.values())
    store.close()


def test_phrases_without_their_file_are_damaged(store: Store, analyzer: Analyzer, tmp_path: Path) -> None:
    change(store, analyzer, [article(1, "Итоги", "Точка роста")], always=True)
    assert store.check() == "ok"
    for name in ("phrases", "titles", "sequences"):
        file = tmp_path / name / "000001.words"
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        store.renew()
        with pytest.raises(IndexDamagedError, match="файл фраз не читается"):
            store.phrases()
        file.unlink()
        with pytest.raises(IndexDamagedError, match="файл фраз не читается"):
            store.phrases()
        if name == "phrases":
            with pytest.raises(IndexDamagedError, match="файл фраз не читается"):
                change(store, analyzer, [article(2, "Итоги")])
        file.write_bytes(whole)
    assert store.check() == "ok"


def test_a_phrase_has_no_more_words_than_said() -> None:
    title = "один два три четыре пять шесть семь"
    assert max(len(form.split()) for form in found(title, title)) == LONGEST_PHRASE


def test_files_of_other_numbers_are_swept(tmp_path: Path) -> None:
    files = PhraseFiles(tmp_path)
    files.create()
    for name in ("phrases", "titles", "sequences"):
        (tmp_path / name / "000007.words").touch()
    files.sweep(8, 8)
    assert not list(tmp_path.rglob("*.words"))
