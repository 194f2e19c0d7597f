"""It stays Whoosh's index: written by us and read by plain Whoosh, written by it and read by us."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract.bed import plans, term, write
from contract.chance import LEMMAS, Chance
from whoosh import index as plain
from whoosh import query, scoring
from whoosh.codec.whoosh3 import W3Codec, W3PostingsWriter, W3Segment
from whoosh.formats import Characters

from searchsvc.engine import FORMS, NAMES, TEXT, TITLE, AnyOf, Entry, Plan, Sequence
from searchsvc.engines.whoosh import WhooshEngine
from searchsvc.engines.whoosh.segments import INDEX_NAME
from searchsvc.engines.whoosh.write import NO_DAY, NO_STAMP, WeightedPositions
from searchsvc.errors import IndexDamagedError

INDEXED = (TEXT, TITLE, FORMS, "id", "source", "category", "tag", "year", *NAMES)
SCORED = (TEXT, TITLE)


class OtherCodec(W3Codec):  # type: ignore[misc]
    """Writes what W3 writes, but is not it."""


class InliningCodec(W3Codec):  # type: ignore[misc]
    """Puts lists of one posting into the term index; Whoosh's own switch for it fails."""

    def new_segment(self, storage: Any, indexname: str) -> W3Segment:
        return W3Segment(W3Codec(), indexname)

    def postings_writer(self, dbfile: Any, byteids: bool = False) -> Any:
        return InliningWriter(dbfile, blocklimit=128, byteids=byteids)


class InliningWriter(W3PostingsWriter):  # type: ignore[misc]
    def finish_postings(self) -> Any:
        if self.written() or len(self) > 1:
            return super().finish_postings()
        info: Any = self._terminfo  # type: ignore[has-type]
        self._terminfo = None
        info.add_block(self)
        info.set_inlined(self._ids, self._weights, self._values)
        return info


class WithCharacters(WeightedPositions):
    """Positions in another format."""

    def __init__(self) -> None:
        super().__init__()
        self.format = Characters()

    def index(self, value: Any, **_: Any) -> Iterator[tuple[bytes, int, float, bytes]]:
        for text, (weight, positions) in value.items():
            places = [(at, at, at + 1) for at in positions]
            yield text.encode(), len(positions), weight, self.format.encode(places)


def plain_write(
    folder: Path,
    entries: Iterable[Entry],
    deleted: Iterable[str] = (),
    *,
    optimize: bool = False,
    **options: Any,
) -> None:
    """Commit with Whoosh's own writer."""
    writer = plain.open_dir(str(folder), indexname=INDEX_NAME).writer(**options)
    entries = list(entries)
    for article_id in (*deleted, *(one.article_id for one in entries)):
        writer.delete_by_term("id", article_id)
    for one in entries:
        writer.add_document(
            id=one.article_id,
            source=(one.source,),
            category=one.categories,
            tag=one.tags,
            year=(str(one.year),) if one.year is not None else (),
            key=one.key,
            day=NO_DAY if one.day is None else one.day,
            stamp=NO_STAMP if one.stamp is None else one.stamp,
            length=one.length,
            **{TEXT: one.text, TITLE: one.title, FORMS: one.forms, **one.names()},
        )
    writer.commit(optimize=optimize, merge=False)


def batches() -> Iterator[tuple[list[Entry], list[str]]]:
    """Yield what is written and what is deleted in each of four commits."""
    chance = Chance(random.Random(31))
    for first, count in ((0, 400), (380, 100), (470, 40), (7, 3)):
        entries = [chance.entry(f"{number:03}", number) for number in range(first, first + count)]
        yield entries, [f"{number:03}" for number in range(first % 50, first, 13)]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return folders of the same history written by us and by plain Whoosh."""
    folders = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("plain")
    for folder in folders:
        WhooshEngine(folder).create()
    for entries, deleted in batches():
        write(WhooshEngine(folders[0]), entries, "mark", deleted=deleted)
        plain_write(folders[1], entries, deleted)
    return folders


@pytest.fixture(params=["segments", "merged"])
def pair(both: tuple[Path, Path], tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """Return copies of ``both``, as they are or merged, each by its own writer."""
    ours, theirs = (Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in both)
    if request.param == "merged":
        write(WhooshEngine(ours), [], "merged", compact=True)
        plain_write(theirs, [], optimize=True)
    return ours, theirs


def described(reader: Any) -> dict[Any, Any]:
    """Return everything plain Whoosh says of an index's segments, by the oldest of their articles."""
    told: dict[Any, Any] = {}
    for leaf, _ in reader.leaf_readers():
        ids = leaf.column_reader("id")
        numbers = range(leaf.doc_count_all())
        columns = {name: list(leaf.column_reader(name)) for name in ("id", "key", "day", "stamp", "length")}
        told[ids[0], ids[len(numbers) - 1]] = {
            "columns": columns,
            "counts": (
                leaf.doc_count(),
                leaf.doc_count_all(),
                sorted(set(numbers) - set(leaf.all_doc_ids())),
            ),
            "lengths": {name: [leaf.doc_field_length(one, name) for one in numbers] for name in SCORED},
            "totals": {
                name: (leaf.field_length(name), leaf.min_field_length(name), leaf.max_field_length(name))
                for name in SCORED
            },
            "terms": {name: list(leaf.lexicon(name)) for name in INDEXED},
            "infos": {
                (name, text): info(leaf, name, text) for name in INDEXED for text in leaf.lexicon(name)
            },
            "postings": {
                (name, text): postings(leaf, name, text) for name in INDEXED for text in leaf.lexicon(name)
            },
        }
    return told


def info(leaf: Any, name: str, text: bytes) -> tuple[float, ...]:
    said = leaf.term_info(name, text)
    return (
        said.weight(),
        said.doc_frequency(),
        said.min_length(),
        said.max_length(),
        said.max_weight(),
        said.min_id(),
        said.max_id(),
    )


def postings(leaf: Any, name: str, text: bytes) -> list[tuple[int, float, tuple[int, ...]]]:
    matcher = leaf.postings(name, text)
    found = []
    while matcher.is_active():
        places = tuple(matcher.value_as("positions")) if name in SCORED else ()
        found.append((matcher.id(), matcher.weight(), places))
        matcher.next()
    return found


def opened(folder: Path) -> Any:
    return plain.open_dir(str(folder), indexname=INDEX_NAME)


def test_plain_whoosh_finds_in_our_segments_what_it_would_have_written(pair: tuple[Path, Path]) -> None:
    with opened(pair[0]).reader() as ours, opened(pair[1]).reader() as theirs:
        assert len(ours.leaf_readers()) == len(theirs.leaf_readers())
        assert described(ours) == described(theirs)


def test_plain_whoosh_gives_the_same_answers_and_scores_from_either(pair: tuple[Path, Path]) -> None:
    def answers(folder: Path) -> list[list[tuple[str, Any]]]:
        given = []
        with opened(folder).searcher(weighting=scoring.BM25F()) as searcher:
            ids = searcher.reader().column_reader("id")
            for one, two in zip(LEMMAS, LEMMAS[1:] + LEMMAS[:1], strict=True):
                terms = [query.Term(TEXT, one), query.Term(TITLE, two)]
                for asked in (*terms, query.And(terms), query.Or(terms), query.Phrase(TEXT, [one, two])):
                    found = searcher.search(asked, limit=20, optimize=False)
                    given.append([(ids[hit.docnum], pytest.approx(hit.score)) for hit in found])
        return given

    assert answers(pair[0]) == answers(pair[1])


def test_we_answer_alike_from_what_plain_whoosh_has_written(pair: tuple[Path, Path]) -> None:
    ours, theirs = (WhooshEngine(folder).snapshot() for folder in pair)
    assert ours.documents == theirs.documents
    for plan in plans(32, 60):
        assert ours.search(plan) == theirs.search(plan)


def test_we_find_the_articles_that_plain_whoosh_finds(pair: tuple[Path, Path]) -> None:
    snapshot = WhooshEngine(pair[0]).snapshot()
    with opened(pair[0]).searcher() as searcher:
        keys = searcher.reader().column_reader("key")
        for one, two in zip(LEMMAS, LEMMAS[1:] + LEMMAS[:1], strict=True):
            first, second = query.Term(TEXT, one), query.Term(TEXT, two)
            asked: list[tuple[query.Query, Plan]] = [
                (first, Plan(units=(AnyOf((one,)),))),
                (query.And([first, second]), Plan(units=(AnyOf((one,)), AnyOf((two,))))),
                (query.Or([first, second]), Plan(units=(AnyOf((one, two)),))),
                (query.Phrase(TEXT, [one, two]), Plan(units=(Sequence(((0, (one,)), (1, (two,)))),))),
            ]
            for theirs, ours in asked:
                wanted = {keys[number] for number in searcher.docs_for_query(theirs)}
                assert {row.key for row in snapshot.search(ours).full} == wanted


def test_both_writers_may_take_turns(tmp_path: Path) -> None:
    ours, mixed = tmp_path / "ours", tmp_path / "mixed"
    for folder in (ours, mixed):
        WhooshEngine(folder).create()
    for number, (entries, deleted) in enumerate(batches()):
        write(WhooshEngine(ours), entries, "mark", deleted=deleted)
        if number % 2:
            write(WhooshEngine(mixed), entries, "mark", deleted=deleted)
        else:
            plain_write(mixed, entries, deleted)
    for compact in (False, True):
        write(WhooshEngine(mixed), [], "compact", compact=compact)
        snapshots = [WhooshEngine(folder).snapshot() for folder in (ours, mixed)]
        for plan in plans(33, 40):
            assert snapshots[0].search(plan) == snapshots[1].search(plan)


@pytest.mark.parametrize("codec", [OtherCodec(), InliningCodec()], ids=["another codec", "inlined postings"])
def test_a_form_that_is_not_known_is_left_to_whoosh(
    both: tuple[Path, Path], tmp_path: Path, codec: Any
) -> None:
    other = tmp_path / "other"
    WhooshEngine(other).create()
    for entries, deleted in batches():
        plain_write(other, entries, deleted, codec=codec)
    with opened(other).reader() as reader:
        (leaf, _), *_ = reader.leaf_readers()
        infos = [leaf.term_info("id", text) for text in leaf.lexicon("id")]
        assert all(said.is_inlined() for said in infos) == isinstance(codec, InliningCodec)
    known = WhooshEngine(both[0]).snapshot()
    for compact in (False, True):
        if compact:
            write(WhooshEngine(other), [], compact=True)
        snapshot = WhooshEngine(other).snapshot()
        for plan in plans(34, 40):
            assert snapshot.search(plan) == known.search(plan)
        assert snapshot.search(term("неведомый")).total == 0


def test_another_format_of_positions_is_left_to_whoosh(both: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other"
    WhooshEngine(other).create()
    writer = opened(other).writer()
    writer.remove_field(TEXT)
    writer.add_field(TEXT, WithCharacters())
    writer.commit()
    for entries, deleted in batches():
        plain_write(other, entries, deleted)
    known, snapshot = (WhooshEngine(folder).snapshot() for folder in (both[0], other))
    for plan in plans(35, 40):
        assert snapshot.search(plan) == known.search(plan)


def test_a_segment_of_separate_files_is_read_too(both: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other"
    WhooshEngine(other).create()
    for entries, deleted in batches():
        plain_write(other, [], deleted)
        plain_write(other, [_undated(one) for one in entries], compound=False)
    assert list(other.glob("*.pst"))
    snapshot = WhooshEngine(other).snapshot()
    known = WhooshEngine(both[0]).snapshot()
    for lemma in LEMMAS:
        assert snapshot.search(term(lemma)).total == known.search(term(lemma)).total
    assert snapshot.search(Plan(days=(1, 10**6))).total == 0


def _undated(one: Entry) -> Entry:
    """An index of these has empty columns."""
    return Entry(**{name: getattr(one, name) for name in Entry.__slots__} | {"day": None, "stamp": None})


class Running:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


class TrappedWriter(W3PostingsWriter):  # type: ignore[misc]
    """Hides in the place of weights what runs where it is unpickled."""

    path = ""

    def _mini_weights(self) -> Any:
        return Running(self.path)


class TrappedCodec(InliningCodec):
    def postings_writer(self, dbfile: Any, byteids: bool = False) -> Any:
        return TrappedWriter(dbfile, blocklimit=128)


def test_a_block_that_would_run_something_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrappedWriter, "path", str(tmp_path / "trapped"))
    folder = tmp_path / "index"
    WhooshEngine(folder).create()
    entries, _ = next(batches())
    plain_write(folder, entries, codec=TrappedCodec())
    with pytest.raises(IndexDamagedError, match="mkdir in a posting list"):
        WhooshEngine(folder).snapshot()
    assert not (tmp_path / "trapped").exists()


def test_columns_are_as_they_were_written(both: tuple[Path, Path]) -> None:
    snapshot = WhooshEngine(both[0]).snapshot()
    facts = snapshot.segments[0].facts
    written = next(batches())[0]
    assert facts.ids.tolist() == [one.article_id.encode() for one in written]
    assert facts.keys.tolist() == [one.key for one in written]
    assert facts.days.tolist() == [one.day or NO_DAY for one in written]
    assert facts.stamps.tolist() == [NO_STAMP if one.stamp is None else one.stamp for one in written]
    assert facts.lengths.tolist() == [one.length for one in written]
    assert facts.keys.dtype == np.int32
