"""The lexicon: a mapped file of the words people wrote, right after every change, without what went."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from beds.index import document, draft, recount
from hypothesis import given, settings
from hypothesis import strategies as st

from searchsvc.errors import IndexDamagedError
from searchsvc.language.analysis import Analyzer
from searchsvc.language.letters import LONGEST, bags, codes, sound_bags
from searchsvc.store.document import Document
from searchsvc.store.lexicon import Entry, Lexicon, WordFiles, Words
from searchsvc.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store.db")


def change(
    store: Store, new: Iterable[Document] = (), removed: Iterable[str] = (), *, least: int = 10**9
) -> None:
    with store.writing() as writer:
        for article in removed:
            writer.retire(article, 1)
        for one in new:
            writer.add(one, 1)
        writer.file_words(least=least)


def counts(lexicon: Lexicon) -> dict[str, int]:
    return {entry.form: entry.documents for entry in lexicon.beginning("")}


def spelling(lexicon: Lexicon, form: str) -> str:
    entry = lexicon.entry(form)
    assert entry is not None
    return entry.spelling


# --- words in a file --------------------------------------------------------------------------

entries = st.dictionaries(
    st.text(alphabet="абвёя-'z1/ \U0001f393", min_size=1, max_size=8) | st.text("щ", max_size=60),
    st.tuples(st.text(max_size=4), st.integers(0, 2**32 - 1)),
    max_size=30,
).map(lambda found: sorted(Entry(form, spelt or form, count) for form, (spelt, count) in found.items()))


@given(entries, st.text("абя", max_size=3))
@settings(deadline=None)
def test_a_file_gives_back_the_words_it_was_made_of(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Entry], start: str
) -> None:
    path = tmp_path_factory.mktemp("words") / "one.words"
    Words.build(rows).write(path)
    words = Words.open(path)
    assert [words.entry(number) for number in range(len(words))] == rows
    assert [words.find(row.form) for row in rows] == list(range(len(rows)))
    assert words.find("нет такого") == words.find("\ud800") == -1
    assert [words.form(number) for number in words.beginning(start)] == [
        row.form for row in rows if row.form.startswith(start)
    ]


@given(entries)
@settings(deadline=None)
def test_words_of_letters_stand_by_length_with_their_letters_and_bags(rows: list[Entry]) -> None:
    words = Words.build(rows)
    seen = []
    for length in range(-1, LONGEST + 3):
        group = words.group(length)
        forms = [words.form(int(number)) for number in group.numbers]
        seen += forms
        if forms:
            assert {len(form) for form in forms} == {length}
            assert np.array_equal(group.letters, codes(forms, length))
            assert np.array_equal(group.bags, bags(group.letters))
            assert np.array_equal(group.sounds, sound_bags(group.letters))
    spellable = [
        row.form for row in rows if 2 <= len(row.form) <= LONGEST and not set(row.form) - set("абвщя-'z")
    ]
    assert sorted(seen) == spellable


def test_bags_of_words_differ_by_what_their_letters_differ_by() -> None:
    def apart(one: str, two: str) -> tuple[int, int]:
        first, second = codes([one], len(one)), codes([two], len(two))
        return (
            int(np.bitwise_count(bags(first) ^ bags(second))[0]),
            int(np.bitwise_count(sound_bags(first) ^ sound_bags(second))[0]),
        )

    two = codes(["топот", "сссск"], 5)
    for bag in (bags, sound_bags):  # a single word goes another way
        assert [int(bag(two[row : row + 1])[0]) for row in (0, 1)] == bag(two).tolist()
    assert apart("школа", "шокла") == (0, 0)
    assert apart("школа", "школ") == (1, 1)
    assert apart("школа", "шкала") == (2, 0)  # another letter, the same sound
    assert apart("объект", "обект") == (1, 0)
    assert apart("книга", "ппрут")[1] > 4


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1], lambda data: b"x" + data[1:], lambda _: b"", lambda d: d + d]
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "one.words"
    Words.build([Entry("школа", "школа", 1)]).write(path)
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ValueError, match=r"one\.words"):
        Words.open(path)


def test_who_has_a_file_mapped_reads_on_after_it_was_swept_away(tmp_path: Path) -> None:
    files = WordFiles(tmp_path)
    files.create()
    files.write(1, Words.build([Entry("школа", "школа", 1)]))
    words = files.open(1)
    files.write(2, Words.build([]))
    files.sweep(2)
    assert [path.name for path in (tmp_path / "lexicon").iterdir()] == ["000002.words"]
    assert (words.find("школа"), len(files.open(2))) == (0, 0)


def test_a_file_grows_with_the_words_and_not_with_the_texts(tmp_path: Path) -> None:
    def size(documents: int, words: int) -> int:
        rows = [Entry(f"слово{number:06}", f"слово{number:06}", documents) for number in range(words)]
        Words.build(rows).write(tmp_path / "one.words")
        return (tmp_path / "one.words").stat().st_size

    assert size(1, 1000) == size(1_000_000, 1000)
    assert size(1, 2000) - size(1, 1000) < 64 * 1000


# --- the lexicon of a store -------------------------------------------------------------------


def test_words_come_and_go_with_their_articles(store: Store, analyzer: Analyzer) -> None:
    one, two, three = (
        document(draft(n, text), analyzer) for n, text in enumerate(("лес", "сад лес", "пруд"))
    )
    change(store, [one], least=0)
    assert counts(store.lexicon()) == recount([one])
    change(store, [two, three])
    assert set(counts(store.lexicon())) == set(recount([one, two, three]))
    change(store, removed=[two.article.id, three.article.id])
    assert counts(store.lexicon()) == recount([one])
    change(store, removed=[one.article.id])
    assert counts(store.lexicon()) == {}
    assert len(store.lexicon()) == 0
    assert "лес" not in store.lexicon()
    change(store, [three])
    assert set(counts(store.lexicon())) == set(recount([three]))
    change(store, least=0)
    assert counts(store.lexicon()) == recount([three])


texts = st.lists(
    st.sampled_from(["ёлка", "Ёлка", "ЁЛКА", "елка", "школа", "Школа", "ФГОС", "лес", "сад"]), max_size=4
).map(" ".join)


@given(st.lists(st.tuples(st.integers(1, 3), texts | st.none(), st.booleans()), max_size=8))
@settings(deadline=None, max_examples=40)
def test_after_any_changes_the_words_are_those_of_the_articles(
    tmp_path_factory: pytest.TempPathFactory,
    analyzer: Analyzer,
    changes: list[tuple[int, str | None, bool]],
) -> None:
    store = Store.create(tmp_path_factory.mktemp("store") / "store.db")
    present: dict[str, Document] = {}
    change(store, least=0)
    for number, text, filed in changes:
        name = draft(number).id
        new = [] if text is None else [document(draft(number, text), analyzer)]
        change(store, new, [name], least=0 if filed else 10**9)
        present.pop(name, None)
        present |= {one.article.id: one for one in new}
        assert set(counts(store.lexicon())) == set(recount(present.values()))
        if filed:
            assert counts(store.lexicon()) == recount(present.values())
    store.close()


def test_a_word_is_shown_as_it_was_written_most_often(store: Store, analyzer: Analyzer) -> None:
    texts = [
        "Белогорск",
        "белогорск Белогорск",
        "Белогорск ФГОС ФГОСы",
        "учебный и ребёнок",
        "Учебный ребёнок ребенок",
    ]
    change(store, [document(draft(n, text), analyzer) for n, text in enumerate(texts)], least=0)
    lexicon = store.lexicon()
    assert spelling(lexicon, "белогорск") == "Белогорск"
    assert spelling(lexicon, "фгос") == "ФГОС"
    assert spelling(lexicon, "фгосы") == "ФГОСы"
    assert spelling(lexicon, "учебный") == "учебный"
    assert spelling(lexicon, "ребенок") == "ребёнок"
    assert lexicon.entry("нет-такого") is None
    change(store, removed=[draft(0).id, draft(2).id])
    change(store, least=0)
    assert spelling(store.lexicon(), "белогорск") == "белогорск"


def test_a_change_that_fails_leaves_the_words_as_they_were(
    store: Store, analyzer: Analyzer, tmp_path: Path
) -> None:
    one, two = document(draft(1, "лес"), analyzer), document(draft(2, "сад"), analyzer)
    change(store, [one], least=0)

    def failing() -> None:
        with store.writing() as writer:
            writer.add(two, 2)
            writer.file_words()
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert counts(store.lexicon()) == recount([one])
    change(store, [two], least=0)  # over the file that the failed one left
    assert counts(store.lexicon()) == recount([one, two])
    assert [path.name for path in (tmp_path / "lexicon").iterdir()] == ["000002.words"]


def test_what_a_killed_writer_stored_is_undone_in_the_words_too(store: Store, analyzer: Analyzer) -> None:
    one, two = document(draft(1, "лес"), analyzer), document(draft(2, "сад"), analyzer)
    change(store, [one], least=0)
    with store.writing() as writer:
        writer.retire(one.article.id, 2)
        writer.add(two, 2)
        writer.file_words()
    with store.writing() as writer:
        writer.undo_after(1)
    assert set(counts(store.lexicon())) == set(recount([one]))


def test_a_lexicon_without_its_file_is_damaged(store: Store, analyzer: Analyzer, tmp_path: Path) -> None:
    change(store, [document(draft(1, "лес"), analyzer)], least=0)
    assert store.check() == "ok"
    file = tmp_path / "lexicon" / "000001.words"
    file.write_bytes(file.read_bytes()[:-1])
    store.renew()
    with pytest.raises(IndexDamagedError, match="файл слов не читается"):
        store.lexicon()
    assert "файл слов" in store.check()
    file.unlink()
    with pytest.raises(IndexDamagedError, match="файл слов не читается"):
        store.lexicon()


def test_a_lexicon_of_words_given_knows_them_in_any_order() -> None:
    lexicon = Lexicon.of([Entry("школа", "школа", 3), Entry("бюджет", "бюджет", 1)])
    assert [entry.form for entry in lexicon.beginning("")] == ["бюджет", "школа"]
    assert "школа" in lexicon
    assert 5 not in lexicon


def test_readers_get_the_words_while_files_are_exchanged(store: Store, analyzer: Analyzer) -> None:
    one = document(draft(1, "лес"), analyzer)
    change(store, [one], least=0)
    done = threading.Event()

    def read() -> int:
        rounds = 0
        while not done.is_set():
            store.renew()
            assert "лес" in store.lexicon()
            rounds += 1
        return rounds

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        for _ in range(60):
            change(store, least=0)
        done.set()
        assert reader.result() > 1
