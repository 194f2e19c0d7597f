"""Lists of neighbours beside brute force: after a rebuild, and after changes one by one and together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from test_signatures import cosines

from corpus.article import Article, Paragraph
from searchsvc.likeness.reprints import Text, find_groups
from searchsvc.likeness.similar import (
    COPY_COSINE,
    COPY_SUSPECT,
    NEAR_DATE,
    NEAR_DAYS,
    SEEN,
    rebuild_neighbours,
    update_neighbours,
)
from searchsvc.likeness.telling import Frequencies
from searchsvc.store.document import PARTS, RECORD, Document, Record
from searchsvc.store.signatures import TAIL, WIDTH, Signatures
from searchsvc.store.store import Store
from searchsvc.store.store_writer import KEPT, NEIGHBOUR, NEIGHBOURS

_WANTED = 3 * NEIGHBOURS
_LEAST = 0.04

Lists = dict[str, list[tuple[str, float]]]


def document(number: int, *, topics: int = 20, like: int | None = None, words: int = 30) -> Document:
    """Return article *number*, a record of so many words of its topic and of all; no text is needed.

    With *like* it is a reprint of that one, under another title and date.
    """
    chance = np.random.default_rng(number if like is None else like)
    topic = chance.integers(topics)
    common, own = chance.integers(900, size=words), chance.integers(60, size=words)
    record = np.zeros(words, RECORD)
    record["lemma"] = _lemmas(np.where(chance.random(words) < 0.4, 1_000 * (topic + 1) + own, common))
    record["position"] = np.arange(words)
    record["part"] = PARTS.index("body")
    record["part"][:4] = PARTS.index("title")
    chance = np.random.default_rng(10**6 + number)
    if like is not None:
        record["lemma"][:4] = _lemmas(chance.integers(900, size=4))
    published = datetime.fromordinal(735_000 + int(chance.integers(3_000))).replace(tzinfo=UTC)
    article = Article(
        id=name(number),
        source="s",
        url=f"https://s/{number}",
        title="",
        body=(Paragraph("."),),
        published=None if number % 10 == 0 else published,
    )
    return Document(article, 1, "", (), (), record)


def _lemmas(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    return numbers.astype(np.uint32) * np.uint32(2_654_435_761) + np.uint32(1)


def name(number: int) -> str:
    return f"n{number:06}"


def listed(store: Store, article: str, sequence: int) -> list[tuple[str, float]]:
    """Return the ids and scores of an article's neighbours."""
    return [(one.article, one.score) for one in store.nearest(article, sequence).neighbours]


@dataclass(slots=True)
class Library:
    """A store and what is in it."""

    path: Path
    store: Store
    keys: dict[str, int]
    records: dict[int, Record]
    names: dict[int, str]
    sequence: int = 1

    @classmethod
    def of(cls, path: Path, documents: Iterable[Document]) -> Library:
        made = cls(path, Store.create(path / "store.db"), {}, {}, {})
        with made.store.writing() as writer:
            for one in documents:
                made._note(writer.add(one, 1), one)
        with made.store.writing() as writer:
            find_groups(writer, 1)
            rebuild_neighbours(writer)
        return made

    def change(self, documents: Sequence[Document], removed: Iterable[int] = (), *, tail: int = TAIL) -> None:
        """Do what a generation does for changed articles."""
        self.sequence += 1
        with self.store.writing() as writer:
            for article in (*map(name, removed), *(one.article.id for one in documents)):
                writer.retire(article, self.sequence)
                self.keys.pop(article, None)
            changed = {}
            for one in documents:
                key = writer.add(one, self.sequence)
                day = one.article.published.toordinal() if one.article.published else 0
                changed[key] = (day, one.record)
                self._note(key, one)
            if changed:
                find_groups(writer, min(changed))
            update_neighbours(writer, changed, tail=tail)

    def _note(self, key: int, one: Document) -> None:
        self.keys[one.article.id] = key
        self.records[key] = one.record
        self.names[key] = one.article.id

    def lists(self) -> Lists:
        """Return what readers are given."""
        return {article: listed(self.store, article, self.sequence) for article in self.keys}

    def brute_force(self, articles: Iterable[str]) -> Lists:
        """Return what the lists should be: every pair compared."""
        keys = np.array(sorted(self.keys.values()))
        with closing(Signatures(self.path)) as signatures:
            slots, days = signatures.slots(keys), signatures.places(keys)["day"].astype(np.float64)
        table = cosines(slots, slots)
        groups = self.store.reprints.of(keys.tolist()).tolist()
        texts = [Text.of(self.records[key], int(day)) for key, day in zip(keys.tolist(), days, strict=True)]
        found: Lists = {}
        for article in articles:
            own = int(np.searchsorted(keys, self.keys[article]))
            near = np.exp(-np.abs(days - days[own]) / NEAR_DAYS) * ((days > 0) & (days[own] > 0))
            scores = table[own] * (1 + NEAR_DATE * near)
            order = [row for row in np.lexsort((keys, -scores)) if row != own and table[own, row] >= _LEAST]
            kept: list[int] = []
            for row in order[:_WANTED]:
                if groups[row] in {groups[own], *(groups[other] for other in kept)}:
                    continue
                if table[own, row] >= COPY_SUSPECT and texts[own].same_as(texts[row]):
                    continue
                if len(kept) < SEEN and any(table[row, other] >= COPY_COSINE for other in kept):
                    continue
                kept.append(int(row))
            found[article] = [
                (self.names[int(keys[row])], round(float(scores[row]), 4)) for row in kept[:NEIGHBOURS]
            ]
        return found


def assert_same(found: Lists, expected: Lists) -> None:
    """The same neighbours with the same scores; those that are equally near in any order."""
    for article, wanted in expected.items():
        assert [score for _, score in found[article]] == pytest.approx(
            [score for _, score in wanted], abs=2e-4
        ), article
        least = min((score for _, score in wanted), default=0) + 3e-4
        assert {other for other, score in found[article] if score > least} == {
            other for other, score in wanted if score > least
        }, article


def test_a_rebuild_finds_what_brute_force_finds(tmp_path: Path) -> None:
    documents = [document(number) for number in range(300)]
    documents += [document(300 + number, like=number) for number in range(40)]
    library = Library.of(tmp_path, documents)
    found = library.lists()
    assert_same(found, library.brute_force(library.keys))
    for number in range(40):
        assert name(number) not in dict(found[name(300 + number)])
        assert name(300 + number) not in dict(found[name(number)])
    assert sum(len(one) == NEIGHBOURS for one in found.values()) > 150


def test_among_thousands_the_nearest_are_found_without_looking_at_all(tmp_path: Path) -> None:
    number = 20 * WIDTH * NEIGHBOURS // 6  # from where on there is a bound
    library = Library.of(tmp_path, (document(one, topics=60) for one in range(number)))
    some = [name(one) for one in range(0, number, 40)]
    assert_same({one: listed(library.store, one, 1) for one in some}, library.brute_force(some))


def test_of_long_articles_the_lists_hold_the_nearest_by_all_their_terms(tmp_path: Path) -> None:
    library = Library.of(tmp_path, (document(number, words=120) for number in range(250)))
    library.change([document(number, words=120) for number in range(250, 270)])
    found, expected = library.lists(), library.brute_force(library.keys)
    for article, wanted in expected.items():
        scores = dict(wanted)
        for other, score in found[article]:
            assert score == pytest.approx(scores.get(other, score), abs=2e-4)
        assert {other for other, _ in wanted[:3]} <= {other for other, _ in found[article]}


def test_newcomers_come_into_every_list_they_belong_to(tmp_path: Path) -> None:
    library = Library.of(tmp_path, (document(number) for number in range(250)))
    for number in range(250, 262):
        library.change([document(number)])
    library.change([document(number) for number in range(262, 290)])
    assert_same(library.lists(), library.brute_force(library.keys))


def test_of_all_near_articles_mostly_copies_a_list_finds_the_others(tmp_path: Path) -> None:
    others = [document(number, topics=1) for number in range(30)]
    library = Library.of(
        tmp_path, others + [document(100 + number, topics=1, like=3) for number in range(90)]
    )
    found = {other for other, _ in listed(library.store, name(3), 1)}
    assert found
    assert found <= {name(number) for number in range(30)} - {name(3)}


def test_changed_and_removed_articles_leave_the_lists_and_come_back_as_they_are_now(tmp_path: Path) -> None:
    library = Library.of(tmp_path, (document(number) for number in range(200)))
    before = library.lists()
    moved = document(400, topics=1)  # article 7 on another topic
    library.change([Document(document(7).article, 2, "", (), (), moved.record)], removed=[11, 12, 13])
    after = library.lists()
    gone = {name(number) for number in (11, 12, 13)}
    expected = library.brute_force(library.keys)
    assert_same({name(7): after[name(7)]}, {name(7): expected[name(7)]})
    for article, found in after.items():
        if article == name(7):
            continue
        names = [other for other, _ in found]
        assert not gone & set(names)
        assert (name(7) in names) == (name(7) in dict(expected[article]))
        stayed = [other for other, _ in before[article] if other not in gone | {name(7)}]
        kept = [other for other in names if other in stayed]
        assert kept == stayed[: len(kept)]
        assert len(kept) >= min(len(stayed), NEIGHBOURS - 1)  # name(7) may have taken a place
    # An older snapshot goes on with the old state, up to lists that were written anew.
    old = listed(library.store, name(7), 1)
    assert [other for other, _ in old] == [other for other, _ in before[name(7)]]


def test_an_erased_article_is_in_no_list_and_a_later_one_finds_its_neighbours(tmp_path: Path) -> None:
    library = Library.of(tmp_path, (document(number) for number in range(120)))
    with library.store.writing() as writer:
        writer.erase(name(5))
    del library.keys[name(5)]
    library.change([document(200)])
    assert all(name(5) not in dict(found) for found in library.lists().values())
    expected = library.brute_force([name(200)])
    assert_same({name(200): library.lists()[name(200)]}, expected)


def test_newcomers_are_found_again_once_they_are_sealed(tmp_path: Path) -> None:
    library = Library.of(tmp_path, (document(number) for number in range(50)))
    library.change([document(number) for number in range(50, 150)], tail=10)
    library.change([document(150)], removed=[60], tail=10)
    with closing(Signatures(tmp_path)) as signatures:
        assert signatures.sealed == 150
    library.change([document(151), document(70)], tail=10)
    some = [name(number) for number in (150, 151, 70)]
    assert_same({one: library.lists()[one] for one in some}, library.brute_force(some))


def test_a_change_that_failed_and_is_done_again_leaves_the_same_lists(tmp_path: Path) -> None:
    library = Library.of(tmp_path, (document(number) for number in range(120)))
    one = document(203)
    with pytest.raises(ZeroDivisionError), library.store.writing() as writer:  # noqa: PT012
        update_neighbours(writer, {writer.add(one, 2): (one.article.published.toordinal(), one.record)})  # type: ignore[union-attr]
        1 / 0
    library.change([document(201)])
    library.change([document(201), one])
    assert_same(library.lists(), library.brute_force(library.keys))


def test_a_list_holds_some_more_than_are_shown(tmp_path: Path) -> None:
    library = Library.of(tmp_path, (document(number) for number in range(250)))
    with library.store.writing() as writer:
        sizes = {key: len(np.frombuffer(writer.list_of(key), NEIGHBOUR)) for key in library.names}
    full = library.names[next(key for key, size in sizes.items() if size == KEPT)]
    shown = [other for other, _ in listed(library.store, full, 1)]
    library.change([], removed=[int(other[1:]) for other in shown[: KEPT - NEIGHBOURS]])
    assert len(listed(library.store, full, 2)) == NEIGHBOURS


def test_an_archive_grown_by_small_syncs_has_the_lists_of_a_rebuild(tmp_path: Path) -> None:
    for folder in ("grown", "built"):
        (tmp_path / folder).mkdir()
    grown = Library.of(tmp_path / "grown", (document(number) for number in range(3)))
    for number in range(3, 90, 7):
        grown.change([document(one) for one in range(number, min(number + 7, 90))])
    with grown.store.writing() as writer:  # leaves a hole in the records
        writer.erase(name(30))
    del grown.keys[name(30)]
    # Counted over 24, 52 and, here, 104: of these one is replaced, two are dead, one was erased.
    moved = Document(document(7).article, 2, "", (), (), document(400, topics=1).record)
    last = [*(document(number) for number in range(90, 107)), moved]
    grown.change(last, removed=[50, 51])
    assert len(grown.keys) == 104
    stayed = [document(number) for number in range(90) if number not in {7, 30, 50, 51}]
    built = Library.of(tmp_path / "built", [*stayed, *last])
    assert grown.lists() == built.lists()
    for library in (grown, built):
        for number in range(107, 120):
            library.change([document(number)])
    assert grown.lists() == built.lists()
    assert_same(grown.lists(), grown.brute_force(grown.keys))


def test_copies_alone_bring_no_recount_and_other_texts_do(tmp_path: Path) -> None:
    library = Library.of(tmp_path, (document(number) for number in range(40)))
    library.change([document(100 + number, like=3) for number in range(60)])
    with library.store.writing() as writer:
        assert Frequencies.read(writer).documents == 40
    library.change([document(number) for number in range(40, 80)])
    with library.store.writing() as writer:
        assert Frequencies.read(writer).documents == 80


def test_an_older_reader_keeps_the_lists_of_what_a_recount_leaves_out(tmp_path: Path) -> None:
    library = Library.of(tmp_path, (document(number) for number in range(60)))
    before = listed(library.store, name(4), 1)
    library.change([document(number) for number in range(60, 130)], removed=[4])
    assert listed(library.store, name(4), 1) == before
    assert all(name(4) not in dict(found) for found in library.lists().values())


def test_a_recount_that_failed_and_is_done_again_leaves_the_lists_of_a_rebuild(tmp_path: Path) -> None:
    for folder in ("grown", "built"):
        (tmp_path / folder).mkdir()
    grown = Library.of(tmp_path / "grown", (document(number) for number in range(60)))
    more = [document(number) for number in range(60, 130)]
    before = grown.lists()
    with pytest.raises(ZeroDivisionError), grown.store.writing() as writer:  # noqa: PT012
        changed = {writer.add(one, 2): (0, one.record) for one in more}
        find_groups(writer, min(changed))
        update_neighbours(writer, changed)
        1 / 0
    assert grown.lists() == before
    grown.change(more)
    built = Library.of(tmp_path / "built", (document(number) for number in range(130)))
    assert grown.lists() == built.lists()
