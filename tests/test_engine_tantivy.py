"""The Tantivy engine in a whole generation, and what is its own beside the contract."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from beds.index import ARTICLES, Bed, files_with
from contract.bed import keys, term, write
from contract.cases import entry
from contract.chance import LEMMAS

from searchsvc.analysis import Analyzer
from searchsvc.engine import AnyOf, Entry, Plan
from searchsvc.engines.tantivy import TantivyEngine
from searchsvc.engines.tantivy.evaluate import CANDIDATES
from searchsvc.live import LiveIndex
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


def test_where_more_match_than_are_scored_anew_the_first_are_the_same(engine: TantivyEngine) -> None:
    snapshot = write(engine, long_entries(4 * CANDIDATES))
    for words in (("а",), ("а", "егэ"), ("школа", "вуз"), ("школа", "вуз", "егэ")):
        units = tuple(AnyOf((word,)) for word in words)
        some = snapshot.search(Plan(units=units, depth=200))
        whole = snapshot.search(Plan(units=units, depth=some.total))
        assert whole.total > CANDIDATES
        assert some.full == whole.full[:200]


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


def test_a_weight_may_be_any_number(engine: TantivyEngine) -> None:
    weights = {1: 0.1, 2: 0.7, 3: 1.0, 4: 1.3, 5: 3.75, 6: 5_000.5}
    rows = [entry(f"{key}", {"весть": (weight, (0,))}, key=key, length=5) for key, weight in weights.items()]
    assert keys(write(engine, rows).search(term("весть"))) == [6, 5, 4, 3, 2, 1]
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
    assert "pip install tantivy" in run.stderr
