"""The Whoosh engine makes an ordinary Whoosh index; what is its own beside the contract.

``tests/contract`` has what every engine must do.
"""

from __future__ import annotations

import pickle
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract.bed import term, write
from contract.cases import entry
from contract.chance import LEMMAS, Chance
from whoosh import index as plain
from whoosh import query
from whoosh.filedb.filestore import FileStorage
from whoosh.writing import IndexingError

from searchsvc.engine import FORMS, TEXT, TITLE, AnyOf, Entry, Plan, Sequence
from searchsvc.engines.whoosh import WhooshEngine, WhooshSnapshot
from searchsvc.engines.whoosh.storage import _OVERHEAD as OVERHEAD
from searchsvc.engines.whoosh.storage import PostingCache
from searchsvc.errors import IndexDamagedError

Postings = dict[str, dict[str, tuple[float, tuple[int, ...]]]]
"""Term -> article id -> weight, positions."""

"""What the cache counts for an entry beside its arrays."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def engine(folder: Path) -> WhooshEngine:
    made = WhooshEngine(folder)
    made.create()
    return made


def opened(engine: WhooshEngine) -> WhooshSnapshot:
    return engine.snapshot()


def written(entries: Iterable[Entry], field: str) -> Postings:
    """What an index should hold in *field*."""
    found: Postings = defaultdict(dict)
    for one in entries:
        bare: dict[str, Iterable[str]] = {
            FORMS: one.forms,
            "source": (one.source,),
            "category": one.categories,
            "tag": one.tags,
            "year": (str(one.year),) if one.year else (),
        }
        postings: dict[str, tuple[float, tuple[int, ...]]] = {
            value: (1.0, ()) for value in bare.get(field, ()) if value
        }
        if field == TEXT:
            postings = dict(one.text)
        elif field == TITLE:
            postings = {text: (float(len(at)), at) for text, at in one.title.items()}
        for text, posting in postings.items():
            found[text][one.article_id] = posting
    return dict(found)


def read(reader: Any, field: str) -> Postings:
    """What plain Whoosh finds in *field*, deleted articles left out."""
    found: Postings = {}
    for text in reader.lexicon(field):
        articles = {}
        for leaf, _ in reader.leaf_readers():
            if (field, text) not in leaf:
                continue
            ids = leaf.column_reader("id")
            matcher = leaf.postings(field, text)
            while matcher.is_active():
                positions = tuple(matcher.value_as("positions")) if field in {TEXT, TITLE} else ()
                articles[ids[matcher.id()]] = (matcher.weight(), positions)
                matcher.next()
        if articles:
            found[reader.schema[field].from_bytes(text)] = articles
    return found


def grown(engine: WhooshEngine) -> dict[str, Entry]:
    """Write several segments with replacements and deletions; return what is left."""
    chance = Chance(random.Random(1))
    left: dict[str, Entry] = {}
    for mark, (first, count) in enumerate(((0, 300), (280, 100), (370, 50), (5, 3))):
        entries = [chance.entry(f"{number:03}", number) for number in range(first, first + count)]
        deleted = sorted(left)[mark::17]
        write(engine, entries, str(mark), deleted=deleted)
        for article_id in deleted:
            del left[article_id]
        left |= {one.article_id: one for one in entries}
    return left


@pytest.mark.parametrize("compact", [False, True])
def test_plain_whoosh_reads_the_postings_that_were_written(
    engine: WhooshEngine, folder: Path, compact: bool
) -> None:
    left = grown(engine)
    if compact:
        write(engine, [], "compact", compact=True)
    assert len(opened(engine).segments) == (1 if compact else 4)
    with plain.open_dir(str(folder), indexname="searchsvc").reader() as reader:
        assert reader.doc_count() == len(left)
        for field in (TEXT, TITLE, FORMS, "source", "category", "tag", "year"):
            wanted = written(left.values(), field)
            assert read(reader, field) == wanted
            if compact:  # else frequencies go on counting the deleted
                found = {text: reader.doc_frequency(field, text) for text in wanted}
                assert found == {text: len(articles) for text, articles in wanted.items()}


def test_plain_whoosh_reads_the_columns_that_were_written(engine: WhooshEngine, folder: Path) -> None:
    left = grown(engine)
    found = {}
    with plain.open_dir(str(folder), indexname="searchsvc").reader() as reader:
        columns = {name: reader.column_reader(name) for name in ("id", "key", "day", "stamp", "length")}
        for number in reader.all_doc_ids():
            article_id, key, day, stamp, length = (column[number] for column in columns.values())
            found[article_id] = (key, day or None, stamp if stamp > -(2**62) else None, length)
    assert found == {name: (one.key, one.day, one.stamp, one.length) for name, one in left.items()}


def test_plain_whoosh_finds_the_same_articles(engine: WhooshEngine, folder: Path) -> None:
    left = grown(engine)
    ids = {one.key: name for name, one in left.items()}
    snapshot = opened(engine)
    with plain.open_dir(str(folder), indexname="searchsvc").searcher() as searcher:
        column = searcher.reader().column_reader("id")

        def plainly(wanted: query.Query) -> set[str]:
            return {column[number] for number in searcher.docs_for_query(wanted)}

        def ours(*units: Any, **options: Any) -> set[str]:
            found = snapshot.search(Plan(units=units, depth=10_000, **options))
            return {ids[row.key] for row in found.full}

        for one, two in zip(LEMMAS, LEMMAS[1:] + LEMMAS[:1], strict=True):
            left_term, right_term = query.Term(TEXT, one), query.Term(TEXT, two)
            assert plainly(left_term) == ours(AnyOf((one,)))
            assert plainly(query.Term(TITLE, one)) == ours(AnyOf((one,), TITLE))
            assert plainly(query.And([left_term, right_term])) == ours(AnyOf((one,)), AnyOf((two,)))
            assert plainly(query.Or([left_term, right_term])) == ours(AnyOf((one, two)))
            assert plainly(left_term - right_term) == ours(AnyOf((one,)), excluded=(AnyOf((two,)),))
            assert plainly(query.Phrase(TEXT, [one, two])) == ours(Sequence(((0, (one,)), (1, (two,)))))


def test_posting_lists_longer_than_a_block_are_read_whole(engine: WhooshEngine) -> None:
    count = 1000  # a block has 128
    texts = [{"слово": (1.0 + number % 7, (number % 5, 9))} for number in range(count)]
    write(engine, [entry(f"{number}", text, key=number) for number, text in enumerate(texts)])
    (segment,) = opened(engine).segments
    ids, weights = segment.postings(TEXT, "слово")
    assert ids.tolist() == list(range(count))
    assert weights.tolist() == [1.0 + number % 7 for number in range(count)]
    found = opened(engine).search(Plan(units=(Sequence(((0, ("слово",)), (5, ("слово",)))),), depth=count))
    assert sorted(row.key for row in found.full) == [number for number in range(count) if number % 5 == 4]


def test_a_commit_opens_only_what_is_new(engine: WhooshEngine) -> None:
    write(engine, [entry("a", "весть"), entry("b", "весть")])
    former = opened(engine)
    write(engine, [entry("c", "весть")], "2")
    grown_by_one = engine.snapshot(former)
    write(engine, [], "3", deleted=["a"])
    less_one = engine.snapshot(grown_by_one)
    assert grown_by_one.segments[0] is former.segments[0]
    assert less_one.segments[0] is not former.segments[0]
    assert less_one.segments[0].facts is former.segments[0].facts
    assert less_one.segments[1] is grown_by_one.segments[1]


class Overtaken(WhooshEngine):
    """An engine whose index moves on between the look at the folder and the opening of its files."""

    commits = 0

    def _open(self, storage: FileStorage, number: int, old: WhooshSnapshot | None) -> WhooshSnapshot:
        if self.commits:
            self.commits -= 1
            write(WhooshEngine(self._folder), [entry("a", "весть")], f"{self.commits}", compact=True)
        return super()._open(storage, number, old)


def test_a_state_that_vanishes_while_it_is_opened_gives_way_to_the_next(
    engine: WhooshEngine, folder: Path
) -> None:
    write(engine, [entry("a", "весть")], "first")
    overtaken = Overtaken(folder)
    overtaken.commits = 3
    snapshot = overtaken.snapshot()
    assert (snapshot.mark, snapshot.documents, overtaken.commits) == ("0", 1, 0)
    overtaken.commits = 3
    assert overtaken.snapshot(snapshot) is snapshot


def test_an_id_comes_once_in_a_batch(engine: WhooshEngine) -> None:
    with engine.writer() as writer:
        writer.add(entry("a", "раз"))
        with pytest.raises(ValueError, match="commit first"):
            writer.replace(entry("a", "два"))
        with pytest.raises(ValueError, match="commit first"):
            writer.delete("a")
        writer.commit("1")
    assert opened(engine).search(term("раз")).total == opened(engine).documents == 1


def test_an_abandoned_writer_can_do_nothing_more(engine: WhooshEngine) -> None:
    with engine.writer() as writer:
        pass
    with pytest.raises(IndexingError, match="closed"):
        writer.add(entry("a", "весть"))
    with pytest.raises(IndexingError, match="closed"):
        writer.commit("1")
    assert opened(engine).documents == 0


def test_the_cache_keeps_within_its_bound_and_forgets_the_oldest() -> None:
    loads: list[str] = []

    def loader(name: str, size: int) -> Callable[[], tuple[np.ndarray[Any, Any], ...]]:
        def load() -> tuple[np.ndarray[Any, Any], ...]:
            loads.append(name)
            return (np.zeros(size, np.int8),)

        return load

    cache = PostingCache(3 * (100 + OVERHEAD + 4))
    for name in ("a", "b", "c", "a", "d", "a", "b"):
        cache.get(name, loader(name, 100))
    assert loads == ["a", "b", "c", "d", "b"]
    cache.get("too large", loader("too large", 10_000))
    cache.get("too large", loader("too large", 10_000))
    assert loads[5:] == ["too large", "too large"]


def test_the_cache_does_not_grow_with_what_is_not_there_and_counts_what_was_asked() -> None:
    cache = PostingCache(100_000)
    for number in range(1000):
        cache.get(f"{number}" * 100, lambda: (np.empty(0, np.int32), np.empty(0, np.float32)))
    assert len(cache._kept) == 0
    for number in range(1000):
        cache.get(f"{number:04}" * 250, lambda: (np.zeros(1, np.int32),))
    assert 0 < len(cache._kept) < 100_000 / 4000


def test_what_was_asked_of_a_segment_that_is_gone_is_forgotten(engine: WhooshEngine) -> None:
    grown(engine)
    snapshot = engine.snapshot()
    for word in LEMMAS:
        snapshot.search(Plan(units=(AnyOf((word,)),)))
    before = {key[0] for key in engine._cache._kept}
    with engine.writer() as writer:
        writer.commit("compact", compact=True)
    later = engine.snapshot(snapshot)
    names = {segment.name for segment in later.segments}
    assert before - names
    for word in LEMMAS:
        later.search(Plan(units=(AnyOf((word,)),)))
    assert {key[0] for key in engine._cache._kept} == names


def test_answers_do_not_depend_on_the_cache(engine: WhooshEngine, folder: Path) -> None:
    grown(engine)
    small = WhooshEngine(folder)
    small._cache = PostingCache(4000)
    snapshots = opened(engine), small.snapshot()
    chance = Chance(random.Random(2))
    for _ in range(100):
        plan = chance.plan()
        assert snapshots[0].search(plan) == snapshots[1].search(plan)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda toc: toc.unlink(),
        lambda toc: toc.write_bytes(b""),
        lambda toc: toc.write_bytes(toc.read_bytes()[:40]),
        lambda toc: toc.write_bytes("не оглавление".encode() * 50),
        lambda toc: toc.write_bytes(toc.read_bytes().replace(b"whoosh.fields", b"whoosh.fiends")),
        lambda toc: toc.write_bytes(pickle.dumps({"чужое": 1})),
        lambda toc: toc.rename(toc.with_name("_searchsvc_99.toc")),
    ],
    ids=["missing", "empty", "cut", "text", "of unknown classes", "a foreign pickle", "of another number"],
)
def test_a_spoilt_table_of_contents_is_named(
    engine: WhooshEngine, folder: Path, spoil: Callable[[Path], Any]
) -> None:
    write(engine, [entry("a", "весть")])
    former = opened(engine)
    (toc,) = folder.glob("*.toc")
    spoil(toc)
    for use in (engine.snapshot, engine.writer):
        with pytest.raises(IndexDamagedError, match="searchsvc rebuild") as caught:
            use()
        assert caught.value.folder == folder
        assert caught.value.__cause__ is not None
    assert former.search(term("весть")).total == 1


def test_a_missing_segment_is_named(engine: WhooshEngine, folder: Path) -> None:
    write(engine, [entry("a", "весть")])
    for path in folder.glob("*.seg"):
        path.unlink()
    with pytest.raises(IndexDamagedError, match="FileNotFoundError"):
        engine.snapshot()
