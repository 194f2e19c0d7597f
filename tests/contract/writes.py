"""What a writer leaves behind."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from searchsvc.engine import Engine, Plan

from .bed import BROKEN, Bed, assert_agree, keys, term, write
from .cases import entry
from .model import Model


class Writes(Bed):
    """Upserts, deletions, broken batches, marks."""

    def test_an_upsert_leaves_one_copy(self, engine: Engine) -> None:
        write(engine, [entry("a", "старое общее", key=1, source="old", date="2020-01-01")])
        for mark in range(2, 6):
            new = entry("a", f"новое{mark} общее", key=mark, source="new")
            snapshot = write(engine, [new], str(mark), compact=mark == 4)
            searches = [Plan(facets=("source", "year")), term("общее"), term("старое"), term("новое2")]
            assert_agree(snapshot, Model([new]), searches)
            assert keys(snapshot.search(term("общее"))) == [mark]

    def test_deleting_what_is_not_there_changes_nothing(self, engine: Engine) -> None:
        write(engine, [entry("a", "весть")])
        assert write(engine, [], "2", deleted=["b", "", "весть"]).documents == 1

    def test_an_article_may_be_deleted_and_added_at_once(self, engine: Engine) -> None:
        write(engine, [entry("a", "старое", key=1)])
        with engine.writer() as writer:
            writer.delete("a")
            writer.add(entry("a", "новое", key=2))
            writer.commit("2")
        assert keys(engine.snapshot().search(Plan())) == [2]

    def test_an_id_that_comes_twice_in_a_batch_never_leaves_two_copies(self, engine: Engine) -> None:
        try:
            snapshot = write(engine, [entry("a", "первое", key=1), entry("a", "второе", key=2)])
        except ValueError:  # refused, as Whoosh does
            assert engine.snapshot().documents == 0
        else:
            assert keys(snapshot.search(Plan())) == [2]

    def test_an_exception_in_a_batch_leaves_nothing(self, engine: Engine) -> None:
        former = write(engine, [entry("a", "весть", key=1)])
        with pytest.raises(ZeroDivisionError), engine.writer() as writer:  # noqa: PT012
            writer.add(entry("b", "весть", key=2))
            writer.delete("a")
            1 / 0
        assert engine.snapshot(former) is former
        assert keys(engine.snapshot().search(Plan())) == [1]
        assert write(engine, [entry("c", "весть")], "2").documents == 2

    def test_an_entry_that_cannot_be_written_leaves_nothing(self, engine: Engine) -> None:
        former = write(engine, [entry("a", "весть", key=1)])
        with pytest.raises(UnicodeEncodeError), engine.writer() as writer:  # noqa: PT012
            writer.add(entry("b", "весть"))
            writer.add(BROKEN)
        assert engine.snapshot(former) is former
        assert write(engine, [], "2").documents == 1

    def test_an_entry_that_cannot_be_written_never_lends_its_words_to_the_next(self, engine: Engine) -> None:
        former = write(engine, [], "0")
        next_one = entry("b", "весть", key=2)
        with suppress(Exception), engine.writer() as writer:
            with suppress(UnicodeEncodeError):
                writer.add(BROKEN)
            writer.add(next_one)
            writer.commit("1")
        snapshot = engine.snapshot()
        state = Model([next_one] if snapshot.mark == "1" else [])
        assert_agree(snapshot, state, [term("весть"), term("утрата"), Plan(facets=("source",))])
        assert snapshot.mark == "1" or engine.snapshot(former) is former

    def test_leaving_without_a_commit_leaves_nothing(self, engine: Engine, folder: Path) -> None:
        former = write(engine, [entry("a", "весть")])
        files = sorted(path.name for path in folder.iterdir())
        for _ in range(3):
            with engine.writer() as writer:
                writer.add(entry("b", "весть"))
                writer.delete("a")
            with engine.writer():
                pass
        assert sorted(path.name for path in folder.iterdir()) == files
        assert engine.snapshot(former) is former
        assert engine.snapshot().documents == 1

    def test_many_commits_do_not_leave_their_files_behind(self, engine: Engine, folder: Path) -> None:
        for mark in range(12):
            write(engine, [entry("a", "весть " * 500, key=mark)], str(mark), compact=mark % 4 == 3)
        once = self.made(folder.with_name("once"))
        write(once, [entry("a", "весть " * 500)], compact=True)
        assert _size(folder) < 2 * _size(folder.with_name("once"))

    @pytest.mark.parametrize("mark", ["1", "", "поколение 7, правка «б»\n\t'\"\\", "🎓" * 500])
    def test_a_mark_comes_back_as_it_was_given(self, engine: Engine, mark: str) -> None:
        assert write(engine, [entry("a", "весть")], mark).mark == mark
        assert engine.snapshot().mark == mark

    def test_a_commit_without_changes_has_a_mark_too(self, engine: Engine) -> None:
        assert write(engine, [], "сначала").mark == "сначала"
        former = write(engine, [entry("a", "весть")], "затем")
        snapshot = write(engine, [], "пусто")
        assert (snapshot.mark, former.mark, snapshot.documents) == ("пусто", "затем", 1)
        assert write(engine, [], "сжато", compact=True).mark == "сжато"

    def test_deleting_everything_leaves_an_empty_index(self, engine: Engine) -> None:
        articles = [entry(name, "весть", source=name) for name in "abc"]
        for compact in (False, True):
            write(engine, articles)
            snapshot = write(engine, [], "2", deleted="abc", compact=compact)
            assert_agree(snapshot, Model(), [Plan(facets=("source",)), term("весть")])
        assert write(engine, articles, "3").documents == 3


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
