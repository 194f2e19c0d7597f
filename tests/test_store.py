"""The document store: rows with their time, a lexicon that counts exactly, nothing left of erased texts."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from beds.index import SITE, document, draft, files_with, lexicon, recount
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.article import Article, Paragraph, Source
from searchsvc.analysis import Analyzer
from searchsvc.document import Document
from searchsvc.errors import IndexDamagedError
from searchsvc.lexicon import WordFiles
from searchsvc.phrases import PhraseFiles
from searchsvc.records import RecordWriter
from searchsvc.reprints import ReprintWriter
from searchsvc.signatures import Signatures
from searchsvc.store import Store
from searchsvc.store_writer import KEEP_SECONDS, NEIGHBOUR, SHARED, StoreWriter

RARE = "Щелкопёрова"
ODD_WORDS = (
    "ёлка", "ЁЛКА", "1\u00a0250", "273-ФЗ", "учебно-методический", "ФГОСы", "C++", "2022-го", "Об\u0301раз",
    "iro@site.ru", "https://site.ru/" + "путь/" * 80, "щ" * 300, "EГЭ", "д’Артаньян", "02.08.2022", "№",
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def change(
    store: Store, sequence: int, documents: Iterable[Document] = (), removed: Iterable[str] = ()
) -> list[int]:
    """Bring changes into the store as a generation does and return the new keys."""
    new = list(documents)
    with store.writing() as writer:
        for article in (*removed, *(one.article.id for one in new)):
            writer.retire(article, sequence)
        return [writer.add(one, sequence) for one in new]


# Rows and their time


def test_an_article_is_read_as_it_was_at_each_change(store: Store, analyzer: Analyzer) -> None:
    first, second, third = (draft(1, text) for text in ("раз", "два", "три"))
    change(store, 10, [document(first, analyzer, 1)])
    change(store, 20, [document(second, analyzer, 2)])
    change(store, 30, removed=[first.id])
    change(store, 40, [document(third, analyzer, 3)])
    times = (
        (9, None),
        (10, first),
        (19, first),
        (20, second),
        (29, second),
        (30, None),
        (39, None),
        (40, third),
    )
    for sequence, article in times:
        assert store.article("a001", sequence) == article
        cards = store.cards(["a001"], sequence)
        assert [card.title for card in cards.values()] == ([article.title] if article else [])
    revisions = [store.contents(at).get("a001") for at in (9, 15, 25, 35, 45)]
    assert revisions == [None, 1, 2, None, 3]


def test_the_key_of_a_replaced_row_goes_on_giving_the_old_text(store: Store, analyzer: Analyzer) -> None:
    [old] = change(store, 1, [document(draft(1, "прежде"), analyzer)])
    [new] = change(store, 2, [document(draft(1, "теперь"), analyzer, 2)])
    found = store.documents([old, new])
    assert [found[key].text for key in (old, new)] == [draft(1, "прежде").text, draft(1, "теперь").text]


def test_the_body_comes_back_block_by_block_and_a_card_with_its_dates(
    store: Store, analyzer: Analyzer
) -> None:
    undated = replace(draft(2), published=None)
    keys = change(store, 1, [document(article, analyzer) for article in (draft(1), undated)])
    assert [store.article(article.id, 1) for article in (draft(1), undated)] == [draft(1), undated]
    cards = [store.documents(keys)[key].card for key in keys]
    assert [card.published for card in cards] == [draft(1).published, None]
    assert cards[0].published is not None
    assert cards[0].published.utcoffset() == draft(1).published.utcoffset()  # type: ignore[union-attr]
    assert (cards[0].url, cards[0].source) == (draft(1).url, SITE.id)
    assert (cards[0].categories, cards[0].tags) == (draft(1).categories, draft(1).tags)
    assert [store.records.day(key) for key in keys] == [draft(1).published.toordinal(), 0]  # type: ignore[union-attr]


def test_a_block_that_fails_writes_nothing(store: Store, path: Path, analyzer: Analyzer) -> None:
    change(store, 1, [document(draft(1), analyzer)])
    before = lexicon(path)
    with pytest.raises(ZeroDivisionError), store.writing() as writer:  # noqa: PT012
        writer.retire("a001", 2)
        writer.add(document(draft(2), analyzer), 2)
        1 / 0
    assert (store.contents(9), lexicon(path)) == ({"a001": 1}, before)


def test_rows_that_ended_long_ago_are_pruned_and_younger_ones_kept(
    store: Store, path: Path, analyzer: Analyzer
) -> None:
    [old] = change(store, 1, [document(draft(1), analyzer)])
    [recent] = change(store, 2, [document(draft(2), analyzer)])
    change(store, 3, removed=["a001", "a002"])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE document SET ended = ended - ? WHERE key = ?", (KEEP_SECONDS + 1, old))
    with store.writing() as writer:
        writer.prune(0)
    assert set(store.documents([old, recent])) == {recent}


# Undoing what a killed writer left


def test_undoing_takes_back_what_was_added_and_what_was_ended(
    store: Store, path: Path, analyzer: Analyzer
) -> None:
    change(store, 5, [document(draft(number), analyzer) for number in (1, 2)])
    before = lexicon(path)
    change(store, 7, [document(draft(1, RARE), analyzer, 2), document(draft(3), analyzer)], removed=["a002"])
    assert store.contents(7) == {"a001": 2, "a003": 1}
    with store.writing() as writer:
        writer.undo_after(5)
    assert store.contents(9) == {"a001": 1, "a002": 1}
    assert lexicon(path) == before


def test_the_keys_of_undone_rows_are_never_given_again(store: Store, analyzer: Analyzer) -> None:
    change(store, 5, [document(draft(1), analyzer)])
    undone = change(store, 7, [document(draft(2), analyzer)])
    with store.writing() as writer:
        writer.undo_after(5)
    assert not set(undone) & set(change(store, 7, [document(draft(2), analyzer)]))


def test_rows_of_several_lost_changes_are_undone_together(
    store: Store, path: Path, analyzer: Analyzer
) -> None:
    change(store, 5, [document(draft(1), analyzer)])
    before = lexicon(path)
    for sequence in (6, 7, 8):
        change(store, sequence, [document(draft(1, f"{RARE} {sequence}"), analyzer, sequence)])
    with store.writing() as writer:
        writer.undo_after(5)
    assert (store.contents(9), lexicon(path)) == ({"a001": 1}, before)


# The lexicon

texts = st.lists(st.sampled_from((*ODD_WORDS, "школа", "школы", "учитель")), max_size=6).map(" ".join)
steps = st.lists(
    st.tuples(
        st.dictionaries(st.integers(0, 3), st.none() | texts, max_size=3),  # None removes
        st.sampled_from(("kept", "kept", "lost", "erased")),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_after_any_history_the_lexicon_is_what_a_recount_gives(
    analyzer: Analyzer, history: list[tuple[dict[int, str | None], str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "store.db")
        store = Store.create(path)
        present: dict[int, Article] = {}
        committed = 0
        for sequence, (changes, fate) in enumerate(history, 1):
            texts = {number: text for number, text in changes.items() if text is not None}
            now = {number: replace(draft(number), body=(Paragraph(text),)) for number, text in texts.items()}
            gone = [draft(number).id for number in changes if number not in now]
            with store.writing() as writer:
                writer.undo_after(committed)
                for article in (*gone, *(one.id for one in now.values())):
                    writer.retire(article, sequence)
                for one in now.values():
                    writer.add(document(one, analyzer, sequence), sequence)
                if fate == "erased":
                    for article in gone:
                        writer.erase(article)
            if fate == "lost":  # the engine's commit did not come: the next change begins with undoing it
                continue
            committed = sequence
            present = {number: one for number, one in present.items() if number not in changes} | now
        with store.writing() as writer:
            writer.undo_after(committed)
        assert lexicon(path) == recount(document(one, analyzer) for one in present.values())
        assert set(store.contents(committed)) == {one.id for one in present.values()}
        store.close()


def test_a_form_is_counted_once_an_article_and_unknown_forms_not_at_all(
    store: Store, analyzer: Analyzer
) -> None:
    twice = replace(draft(1), body=(Paragraph("Мудрёный мудрёный МУДРЕНЫЙ"),))
    change(store, 1, [document(twice, analyzer), document(replace(twice, id="a002"), analyzer)])
    assert (store.form_count("мудреный"), store.form_count("нет-такого")) == (2, 0)
    change(store, 2, removed=["a001", "a002"])
    assert store.form_count("мудреный") == 0


# Erasing


@pytest.mark.parametrize("reader_open", [False, True])
def test_nothing_of_an_erased_text_is_left_in_any_file(
    store: Store, path: Path, analyzer: Analyzer, reader_open: bool
) -> None:
    change(store, 1, [document(draft(number), analyzer) for number in range(20)])
    change(store, 2, [document(draft(1, f"{RARE} первая"), analyzer, 2)])
    change(store, 3, [document(draft(1, f"{RARE} вторая"), analyzer, 3)])
    with closing(sqlite3.connect(path)) as connection:
        bodies = [row[0] for row in connection.execute("SELECT body FROM document WHERE article = 'a001'")]
    other = Store(path)
    if reader_open:
        assert "a001" in other.contents(3)
    assert files_with(path.parent, RARE)
    with store.writing() as writer:
        writer.erase("a001")
    store.settle(vacuum=True)
    assert files_with(path.parent, RARE) == []
    left = b"".join(file.read_bytes() for file in path.parent.rglob("*") if file.is_file())
    assert not any(body[10:60] in left for body in bodies)
    assert store.form_count(RARE.lower().replace("ё", "е")) == 0
    assert set(other.contents(3)) == {draft(number).id for number in range(20) if number != 1}
    other.close()


def test_keys_survive_the_vacuum(store: Store, analyzer: Analyzer) -> None:
    keys = change(store, 1, [document(draft(number), analyzer) for number in range(9)])
    with store.writing() as writer:
        writer.erase("a004")
    store.settle(vacuum=True)
    left = {key: draft(number).id for number, key in enumerate(keys) if number != 4}
    assert {key: stored.card.id for key, stored in store.documents(keys).items()} == left


def test_counts_of_forms_are_exact_however_few_are_held_in_memory(
    store: Store, path: Path, analyzer: Analyzer
) -> None:
    kept = [document(draft(number, f"слово{number}"), analyzer) for number in range(10)]
    with (
        closing(sqlite3.connect(path)) as connection,
        closing(RecordWriter(path.parent, 0)) as records,
        closing(Signatures(path.parent)) as signatures,
        closing(ReprintWriter(path.parent, 0)) as reprints,
        connection,
    ):
        files = WordFiles(path.parent), PhraseFiles(path.parent)
        writer = StoreWriter(connection, records, signatures, reprints, *files, forms_held=5)
        for one in (*kept, document(draft(11, "лишнее"), analyzer)):
            writer.add(one, 1)
        for number in (11, 3, 3):
            writer.retire(draft(number).id, 2)
        writer.add(kept[3], 2)
        writer.flush()
    assert lexicon(path) == recount(kept)


# Reading many at once


def test_more_keys_than_one_statement_takes_are_read(store: Store, analyzer: Analyzer) -> None:
    one = document(draft(1), analyzer)
    with store.writing() as writer:
        names = [f"b{number}" for number in range(1203)]
        keys = [writer.add(replace(one, article=replace(one.article, id=name)), 1) for name in names]
    assert list(store.documents(keys)) == keys
    assert len(store.records.occurrences(keys[::-1], ()).days) == 1203
    assert len(store.cards(names, 1)) == 1203


def test_threads_read_whole_states_while_a_writer_writes(store: Store, analyzer: Analyzer) -> None:
    rounds = 40
    published = [1]
    change(store, 1, [document(draft(number, "круг 1"), analyzer, 1) for number in range(5)])
    done = threading.Event()

    def read() -> int:
        looks = 0
        while not done.wait(0.002) or not looks:  # the writer gets on in between
            sequence = published[-1]
            assert store.contents(sequence) == {draft(number).id: sequence for number in range(5)}
            articles = [store.article(draft(number).id, sequence) for number in range(5)]
            assert articles == [draft(number, f"круг {sequence}") for number in range(5)]
            looks += 1
        return looks

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for sequence in range(2, rounds):
                texts = [draft(number, f"круг {sequence}") for number in range(5)]
                change(store, sequence, [document(one, analyzer, sequence) for one in texts])
                published.append(sequence)
        finally:
            done.set()
        assert all(reader.result() for reader in readers)


def test_a_store_closed_under_a_reader_goes_on_answering_it(
    store: Store, path: Path, analyzer: Analyzer
) -> None:
    change(store, 1, [document(draft(1), analyzer)])
    assert store.contents(1)
    store.close()
    assert store.contents(1) == {"a001": 1}
    assert not [link for link in Path("/proc/self/fd").iterdir() if link.exists() and link.resolve() == path]


# What is kept beside the documents


def test_sources_are_replaced_as_a_whole(store: Store) -> None:
    with store.writing() as writer:
        writer.put_sources([SITE, Source("b", "https://b", "import")])
    assert {name: source.title for name, source in store.sources().items()} == {SITE.id: SITE.title, "b": "b"}
    with store.writing() as writer:
        writer.put_sources([SITE])
    assert set(store.sources()) == {SITE.id}


def neighbours(store: Store, article: str, sequence: int) -> list[tuple[str, float]]:
    return [(one.article, one.score) for one in store.nearest(article, sequence).neighbours]


def test_neighbours_and_statistics_are_kept_and_empty_where_there_are_none(
    store: Store, analyzer: Analyzer
) -> None:
    one, two = change(store, 1, [document(draft(1), analyzer), document(draft(2), analyzer)])
    with store.writing() as writer:
        writer.put_lists(
            [(one, np.array([(two, 0.5, (7,) * SHARED), (404, 0.4, (8,) * SHARED)], NEIGHBOUR).tobytes())]
        )
        writer.put_statistic("one", b"\x00\x01")
        assert (writer.statistic("one"), writer.statistic("other")) == (b"\x00\x01", b"")
        assert (len(writer.list_of(one)), writer.list_of(two)) == (2 * NEIGHBOUR.itemsize, b"")
    assert (neighbours(store, "a001", 1), neighbours(store, "a002", 1)) == ([("a002", 0.5)], [])
    change(store, 2, removed=["a002"])
    assert neighbours(store, "a001", 2) == neighbours(store, "a404", 2) == []
    assert neighbours(store, "a001", 1) == [("a002", 0.5)]  # an older snapshot


# Files that are not a store


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def rubbish(path: Path) -> None:
    path.write_bytes(os.urandom(50_000))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def overwritten(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE contact (name TEXT)")


@pytest.mark.parametrize("damage", [missing, empty, rubbish, truncated, overwritten, foreign])
def test_a_file_that_is_no_store_is_an_error_with_a_remedy(
    path: Path, analyzer: Analyzer, damage: Callable[[Path], None]
) -> None:
    made = Store.create(path)
    [key] = change(made, 1, [document(draft(1), analyzer)])
    change(made, 1, [document(draft(number), analyzer) for number in range(2, 30)])
    made.settle()
    made.close()
    damage(path)
    store = Store(path)
    reads = (lambda: store.documents([key]), lambda: store.contents(1), lambda: store.article("a001", 1))
    for use in (*reads, lambda: change(store, 2, [document(draft(1), analyzer)])):
        with pytest.raises(IndexDamagedError, match="searchsvc rebuild") as caught:
            use()
        assert str(path.parent) in str(caught.value)
    assert damage is not missing or not path.exists()
