"""The Tantivy engine in a whole generation, and what is its own beside the contract."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from beds.index import ARTICLES, Bed, files_with
from contract.bed import keys, term, write
from contract.cases import entry
from contract.chance import LEMMAS, Chance
from contract.model import Model

from searchsvc.engine import NAMES, AnyOf, Entry, Plan
from searchsvc.engines.tantivy import TantivyEngine, TantivySnapshot
from searchsvc.engines.tantivy.evaluate import BLOCK, SCORE_BITS
from searchsvc.errors import IndexDamagedError
from searchsvc.generation.live import LiveIndex
from searchsvc.language.analysis import Analyzer
from searchsvc.results import FACETS, SearchRequest
from searchsvc.search import SearchService

RARE = "Щелкопёрова"


@pytest.fixture
def engine(tmp_path: Path) -> TantivyEngine:
    made = TantivyEngine(tmp_path / "engine")
    made.create()
    return made


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Iterator[Bed]:
    """An archive of thirty articles with a Tantivy index."""
    made = Bed.open(tmp_path, analyzer, engine="tantivy")
    made.put(range(ARTICLES))
    made.rebuild()
    yield made
    made.archive.close()


# Its files


def test_a_byte_that_changed_in_any_file_of_a_segment_is_noticed(
    engine: TantivyEngine, tmp_path: Path
) -> None:
    write(engine, [entry(f"{number}", {"школа": (1.0, (0,))}, key=number) for number in range(30)])
    files = [path for path in (tmp_path / "engine").iterdir() if path.suffix in {".fast", ".idx", ".store"}]
    assert len(files) >= 3
    for path in files:
        whole = bytearray(path.read_bytes())
        spoilt = bytearray(whole)
        spoilt[len(whole) // 3] ^= 1
        path.write_bytes(spoilt)
        with pytest.raises(IndexDamagedError, match=f"контрольная сумма файла {path.name} не сходится"):
            TantivyEngine(tmp_path / "engine").snapshot()
        path.write_bytes(whole)
    assert TantivyEngine(tmp_path / "engine").snapshot().documents == 30


# In a generation


def test_a_rebuild_and_a_sync_keep_the_index_in_step(bed: Bed) -> None:
    bed.assert_in_step()
    with closing(bed.generations.current()) as generation:
        assert generation.manifest.engine == "tantivy"
    bed.put([1, 40], RARE)
    bed.remove(2)
    bed.sync()
    bed.assert_in_step()
    assert bed.found(RARE) == ["a001", "a040"]
    bed.rebuild()
    bed.assert_in_step()


def test_a_roll_back_replays_what_happened_since(bed: Bed) -> None:
    bed.rebuild()
    bed.put([50], RARE)
    bed.sync()
    bed.remove(3)
    bed.rollback()
    bed.assert_in_step()
    assert bed.found(RARE) == ["a050"]


def test_a_purged_article_leaves_no_word_behind(bed: Bed) -> None:
    bed.put([1], RARE)
    bed.sync()
    bed.purge("a001")
    assert files_with(bed.folder, RARE) == []
    bed.assert_in_step()
    bed.put([60], RARE)
    bed.sync()
    bed.assert_in_step()


def test_the_site_finds_the_same_with_either_engine(bed: Bed, tmp_path: Path) -> None:
    other = Bed.open(tmp_path / "whoosh", bed.analyzer)
    other.put(range(ARTICLES))
    other.rebuild()
    asked = [
        SearchRequest(text, facets=FACETS) for text in ("школа экзамен", '"запись 7"', "олимпиада -урок")
    ]
    answers = []
    for one in (bed, other):
        with closing(LiveIndex(one.generations)) as live:
            service = SearchService(live, one.analyzer)
            pages = [service.search(request) for request in asked]
            answers.append([([hit.id for hit in page.hits], page.total, page.facets) for page in pages])
    other.archive.close()
    assert answers[0] == answers[1]


# Its own


def long_entries(number: int) -> list[Entry]:
    """Return articles of all lengths that share words, so that many match."""
    chance = random.Random(4)
    made = []
    for key in range(1, number + 1):
        words = chance.choices(LEMMAS, weights=range(1, len(LEMMAS) + 1), k=chance.randint(9, 90))
        weights = {
            word: words.count(word) + chance.choice((0.5, 2.0, 3.5)) for word in chance.sample(words, 3)
        }
        made.append(entry(f"{key:05}", " ".join(words), key=key, weights=weights))
    return made


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[TantivySnapshot, list[Entry]]:
    """More articles than a page is deep, in three commits."""
    made = TantivyEngine(tmp_path_factory.mktemp("many") / "engine")
    made.create()
    entries = long_entries(1_300)
    for mark in range(3):
        write(made, entries[mark::3], str(mark))
    return made.snapshot(), entries


WORDS = [("школа",), ("а",), ("а", "егэ"), ("школа", "вуз"), ("школа", "вуз", "егэ"), ("а", "б", "в")]


@pytest.mark.parametrize("words", WORDS)
def test_the_first_are_the_same_however_deep_a_search_asks(
    many: tuple[TantivySnapshot, list[Entry]], words: tuple[str, ...]
) -> None:
    snapshot, entries = many
    units = tuple(AnyOf((word,)) for word in words)
    whole = snapshot.search(Plan(units=units, depth=len(entries))).full
    matching = {one.key for one in entries if set(words) <= one.text.keys()}
    assert len(whole) == len(matching)
    assert {row.key for row in whole} == matching
    assert len({row.score for row in whole[:BLOCK]}) < BLOCK  # some are ties
    assert list(whole[:BLOCK]) == sorted(whole[:BLOCK], key=lambda row: (-row.score, row.key))
    for depth in (1, 20, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK):
        assert snapshot.search(Plan(units=units, depth=depth)).full == whole[:depth]


@pytest.mark.parametrize("words", WORDS)
def test_the_best_by_the_contract_are_among_the_candidates(
    many: tuple[TantivySnapshot, list[Entry]], words: tuple[str, ...]
) -> None:
    snapshot, entries = many
    plan = Plan(units=tuple(AnyOf((word,)) for word in words), depth=BLOCK)
    keys = [row.key for row in snapshot.search(plan).full]
    exact = [one.key for one in Model(entries).search(plan).full[:20]]
    assert set(exact) <= set(keys)


def test_near_matches_tell_their_units_beyond_what_one_score_holds(engine: TantivyEngine) -> None:
    words = [f"с{number}" for number in range(SCORE_BITS * 2 + 3)]
    rows = [entry(f"{key}", " ".join(words[key::7]), key=key) for key in range(7)]
    write(engine, rows)
    found = write(engine, [entry("3", words[0], key=9)], "2").search(
        Plan(units=tuple(AnyOf((word,)) for word in words))
    )
    wanted = {key: sum(1 << bit for bit in range(key, len(words), 7)) for key in range(7) if key != 3}
    assert {row.key: row.units for row in found.near} == wanted | {9: 1}


def test_counts_are_of_living_articles(engine: TantivyEngine) -> None:
    rows = [entry(f"{key}", "весть школа" if key % 2 else "весть", key=key) for key in range(1, 7)]
    both = Plan(units=(AnyOf(("весть",)), AnyOf(("школа",))), words=(AnyOf(("весть", "школа")),))
    found = write(engine, rows).search(both)
    assert (found.unit_counts, found.word_counts) == ((6, 3), (6,))
    found = write(engine, [], "2", deleted=["1", "2"]).search(both)
    assert (found.unit_counts, found.word_counts) == ((4, 2), (4,))


def test_compacting_leaves_one_segment_of_articles_whatever_its_size(
    engine: TantivyEngine, tmp_path: Path
) -> None:
    bare = [
        Entry(f"{key:05}", key, {}, {}, frozenset(), "", (), (), None, None, None, 0) for key in range(11_000)
    ]
    write(engine, bare)
    write(engine, [entry("a", "утрата", key=20_000), entry("b", "весть", key=20_001)], "2")
    snapshot = write(engine, [], "3", deleted=["a", *(one.article_id for one in bare[::2])], compact=True)
    meta = json.loads((tmp_path / "engine" / "meta.json").read_bytes())
    assert [segment for segment in meta["segments"] if segment["deletes"]] == []
    assert max(segment["max_doc"] for segment in meta["segments"]) < 5_520
    assert files_with(tmp_path / "engine", "утрата") == []
    assert (snapshot.documents, snapshot.search(term("весть")).total) == (5_501, 1)


@pytest.mark.parametrize("most", [1000, 3])
def test_names_of_many_matches_are_counted_as_those_of_few(
    engine: TantivyEngine, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Far fewer than it takes are many here; at most *most* values are counted for themselves."""
    monkeypatch.setattr("searchsvc.engines.tantivy.named.FEW", 3)
    monkeypatch.setattr("searchsvc.engines.tantivy.named.MOST_COUNTED", most)
    chance, model = Chance(random.Random(11)), Model()
    for batch in range(3):  # as many segments
        rows = [chance.entry(f"{key}", key) for key in range(100 * batch, 100 * batch + 100)]
        snapshot = write(engine, rows, str(batch))
        for one in rows:
            model.replace(one)
    searches = [replace(chance.plan(), facets=NAMES) for _ in range(60)]
    searches += [Plan(facets=NAMES, facet_limit=limit) for limit in range(20)]
    searches += [term("школа", facets=NAMES, facet_limit=limit) for limit in range(20)]
    for plan in searches:
        assert snapshot.search(plan).facets == model.search(plan).facets, plan


def test_names_as_frequent_in_the_matches_as_in_the_index_have_their_ties_settled(
    engine: TantivyEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searchsvc.engines.tantivy.named.FEW", 3)
    letters = "вбгадежзик"
    write(engine, [entry("other", "вуз", names={"people": ("а",)})])
    for number in range(4):  # as many segments, in which equals stand in no order
        rows = [entry(f"{letter}{number}", "школа", names={"people": (letter,)}) for letter in letters]
        snapshot = write(engine, rows)
    for limit in range(1, 11):
        found = snapshot.search(term("школа", facets=("person",), facet_limit=limit)).facets["person"]
        assert found == dict.fromkeys(sorted(letters)[:limit], 4)


def test_a_weight_may_be_any_number(engine: TantivyEngine) -> None:
    weights = {1: 0.1, 2: 1.0, 3: 1.3, 4: 3.75, 5: 5_000.5}
    rows = [entry(f"{key}", {"весть": (weight, (0,))}, key=key, length=5) for key, weight in weights.items()]
    assert keys(write(engine, rows).search(term("весть"))) == [5, 4, 3, 1, 2]  # in whole steps
    for wrong in (0.0, -1.0):
        with pytest.raises(ValueError, match="weight"), engine.writer() as writer:
            writer.add(entry("x", {"весть": (wrong, (0,))}))


def test_an_engine_that_is_not_installed_names_the_command(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['tantivy'] = None\n"
        "from pathlib import Path\n"
        "from searchsvc.engines import open_engine\n"
        "open_engine('tantivy', Path(sys.argv[1]))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "EngineMissingError" in run.stderr
    assert "pip install 'tantivy>=0.27,<0.28'" in run.stderr
