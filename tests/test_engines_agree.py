"""Every engine gives the same answers: to judged queries, to random searches, through the whole search."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from beds.commands import Run
from beds.index import Bed, told
from contract.chance import Chance
from hypothesis import given
from hypothesis import strategies as st

from corpus.article import Article, Paragraph
from indexer.agreement import ALIKE, CLOSE, ENOUGH, Ranking, compare_engines, completed, derived, explain
from indexer.evaluate import indexed
from indexer.progress import silent
from searchsvc.analysis import Analyzer
from searchsvc.answering import RERANKED
from searchsvc.engine import Candidate, Engine, Matches, Plan
from searchsvc.engines import ENGINES, open_engine
from searchsvc.errors import EvaluationError, FingerprintError
from searchsvc.evaluation import JudgedQuery, rank_biased_overlap
from searchsvc.generations import Pointer
from searchsvc.live import LiveIndex
from searchsvc.results import FACETS, MAX_DEPTH, SearchRequest
from searchsvc.search import SearchService

pytest_plugins = ["beds.school"]


# The first twenty of two hundred queries


def test_the_first_twenty_of_200_judged_queries_agree() -> None:
    figures = compare_engines()
    assert figures["queries"] >= ENOUGH
    assert figures["judged"] == 66
    for level in ("search", "engine"):
        assert figures[level] >= 0.95, figures["unlike"]
    assert [row for row in figures["unlike"] if row["rbo"] >= ALIKE or "находят разное" in row["why"]] == []


def test_overlap_is_that_computed_by_hand() -> None:
    assert rank_biased_overlap("ab", "ba") == pytest.approx(0.1 / 0.9 * 0.9**2 + 0.9**2)
    # Agreement 1, 1/2, 1/3, 1/3 and then as at the end.
    steps = 0.9 + 0.9**2 / 2 + 0.9**3 / 3 + 0.9**4 / 4
    assert rank_biased_overlap("abcd", "aefg") == pytest.approx(0.1 / 0.9 * steps + 0.9**4 / 4)
    assert rank_biased_overlap("abc", "abc") == pytest.approx(1)
    assert rank_biased_overlap("abc", "def") == 0
    assert rank_biased_overlap("a", "ab") == pytest.approx(1)  # nothing says that it would not go on so
    assert (rank_biased_overlap("", ""), rank_biased_overlap("", "a")) == (1, 0)
    assert rank_biased_overlap("ab", "ba", p=0.5) == pytest.approx(0.5)


@given(st.permutations("абвгдежз"), st.permutations("абвгдежз"), st.integers(0, 8), st.integers(0, 8))
def test_overlap_is_a_share_and_knows_no_sides(
    one: Sequence[str], two: Sequence[str], first: int, second: int
) -> None:
    found = rank_biased_overlap(one[:first], two[:second])
    assert 0 <= found <= 1 + 1e-9
    assert found == pytest.approx(rank_biased_overlap(two[:second], one[:first]))


def test_what_parts_two_lists_is_said() -> None:
    one = Ranking(["a", "b", "c"], [3.0, 2.0, 1.0], 3)
    assert explain(one, Ranking(["a", "b", "c"], [3.0, 2.0, 1.0], 4)) == "находят разное: 3 и 4"
    assert explain(one, Ranking(["a", "b", "c"], [9.0, 2.0, 1.0], 3)) == "ничего"
    assert explain(one, Ranking(["b", "a", "c"], [2.0, 2.0, 1.0], 3)) == "равные оценки"
    near = explain(one, Ranking(["b", "a", "c"], [3.0, 3.0 * (1 - CLOSE / 2), 1.0], 3))
    assert near == "близкие оценки: переставлены статьи с разницей до 2,5%"
    far = explain(one, Ranking(["b", "a", "c"], [9.0, 1.0, 0.5], 3))
    assert far == "разные оценки: переставлены статьи с разницей до 33,3%"
    lost = explain(one, Ranking(["a", "c", *(f"{n}" for n in range(300)), "b"], [1.0] * 303, 3))
    assert lost.startswith("предварительный отбор")


def article(number: int, title: str) -> Article:
    body = (Paragraph("Сегодня в школе открыли музей. Пришли все."),)
    return Article(f"a{number}", "s", f"https://s.ru/{number}", title, body=body)


def test_queries_are_made_of_articles_by_rule(analyzer: Analyzer) -> None:
    articles = [article(number, "О наградах лучших учителей Заречья") for number in range(5)]
    made = list(derived(articles, analyzer))
    assert [(one.kind, one.text) for one in made[:4]] == [
        ("headline", "О наградах лучших учителей Заречья"),
        ("inflected", "награда учитель заречье"),
        ("phrase", '"учителей Заречья"'),
        ("sentence", "Сегодня в школе открыли музей."),
    ]
    assert made == list(derived(articles, analyzer))
    assert len({one.id for one in made}) == len(made) == 20
    assert list(derived([article(1, "")], analyzer)) == [
        made[3].__class__("sentence-a1", made[3].text, "sentence")
    ]


def test_a_set_is_completed_only_as_far_as_needed(analyzer: Analyzer) -> None:
    articles = [article(number, f"Новость {number} о школе {number} и дворе") for number in range(100)]
    judged = tuple(JudgedQuery(f"q{number}", f"запрос {number}", "") for number in range(250))
    assert completed(judged, articles, analyzer) == judged
    few = completed(judged[:50], articles, analyzer)
    assert (few[:50], len(few)) == (judged[:50], ENOUGH)
    assert len(completed(judged[:1], articles[:1], analyzer)) == 5  # there is no more to make them of


@pytest.fixture
def small_set(tmp_path: Path) -> Path:
    """A judged set of four articles."""
    folder = tmp_path / "набор"
    folder.mkdir()
    rows = [
        {
            "_id": f"d{number}",
            "title": title,
            "text": text,
            "published": f"202{number}-05-09",
            "tags": ["школа"],
        }
        for number, (title, text) in enumerate(TEXTS.values(), 1)
    ]
    (folder / "corpus.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "приказы министерства"}', encoding="utf-8")
    (folder / "qrels.tsv").write_text("query\tdocument\tscore\n1\td1\t1\n", encoding="utf-8")
    return folder


def test_the_command_compares_a_set_of_ones_own(searchsvc: Run, small_set: Path) -> None:
    done = searchsvc("evaluate", "engines", str(small_set))
    assert done.code == 0, done.err
    first, search, engine, last = done.out.splitlines()
    assert first == "whoosh и tantivy: 17 запросов, из них 16 составлены из статей"
    assert search == "весь поиск: первые 20 совпадают на 1.0000 в среднем, на 1.0000 в худшем случае"
    assert engine.startswith("сам движок: первые 20 совпадают на ")
    assert last == "Ниже 0.8: ни одного"
    found = json.loads(searchsvc("evaluate", "engines", str(small_set), "--json").out)
    assert (found["judged"], found["search"], found["unlike"]) == (1, 1.0, [])
    every = searchsvc("evaluate", "engines", str(small_set), "--below", "1.1").out.splitlines()[3:]
    assert len(every) == 2 * found["queries"]
    assert "1.0000  весь поиск  приказы министерства — ничего" in every
    missing = searchsvc("evaluate", "engines", str(small_set / "нет"))
    assert (missing.code, "qrels.tsv" in missing.err) == (1, True)


def test_a_set_that_is_none_is_an_error(small_set: Path) -> None:
    (small_set / "corpus.jsonl").unlink()
    with pytest.raises(EvaluationError, match=r"corpus\.jsonl"):
        compare_engines(small_set)


# Engines beside each other


@pytest.mark.parametrize("seed", range(3))
def test_engines_agree_about_random_searches(tmp_path: Path, seed: int) -> None:
    """Match sets, counts, facets, order by date and ties exactly; scores are the model's to judge."""
    chance = Chance(random.Random(seed))
    engines = {name: open_engine(name, tmp_path / name) for name in ENGINES}
    for engine in engines.values():
        engine.create()
    known: list[str] = []
    for mark in range(3):
        deleted, written = chance.changes(known, 30)
        entries = [chance.entry(name, 1000 * mark + key) for key, name in enumerate(written)]
        known = sorted({*known, *written} - ({*deleted} - {*written}))
        for engine in engines.values():
            with engine.writer() as writer:
                for name in deleted:
                    writer.delete(name)
                for one in entries:
                    writer.replace(one)
                writer.commit(f"{mark}", compact=mark == 1)
        for plan in [chance.plan() for _ in range(25)]:
            answers = [_told(engine, plan) for engine in engines.values()]
            assert all(answer == answers[0] for answer in answers), plan


def _told(engine: Engine, plan: Plan) -> dict[str, Any]:
    found: Matches = engine.snapshot().search(plan)
    by_date = plan.order != "relevance" or not plan.units
    whole = found.total <= plan.depth
    return {
        "total": (found.total, found.near_total, found.documents),
        "counts": (tuple(found.unit_counts), tuple(found.word_counts)),
        "facets": {name: dict(counts) for name, counts in found.facets.items()},
        "full": _rows(found.full) if by_date else sorted(_rows(found.full)) if whole else len(found.full),
        "near": sorted(_rows(found.near)) if found.near_total < plan.near_limit else len(found.near),
    }


def _rows(found: Sequence[Candidate]) -> list[tuple[int, int]]:
    return [(row.key, row.units) for row in found]


# Through the whole search, on every engine

TEXTS = {
    "order": ("Новый порядок", "Школы работают по приказу министерства. Мама мыла стекло."),
    "turned": ("Министерство издало приказ", "Стекло мыла мама, а министерством приказы отменены."),
    "became": ("Выпускники стали учителями", "Они пришли в школу и встали у доски."),
    "steel": ("Музей сталевара", "Сталь варили здесь; учителями музей доволен. Школа рядом."),
}

FOUND = [
    ('"приказ министерства"', ["order"]),
    ('"приказами министерств"', ["order"]),
    ('"министерство приказ"', ["turned"]),
    ('"мыть стекло"', ["order"]),
    ('"мыло стекло"', ["order"]),
    ('"стекло мыть"', ["turned"]),
    ('"стекло мыло"', ["turned"]),
    ('"стать учителем"', ["became"]),
    ('"сталь учителем"', []),
    ('"мама мыть стекло"', ["order"]),
    ('заголовок:"издать приказ"', ["turned"]),
    ('школа -"стать учителем"', ["order", "steel"]),
]


@pytest.fixture(scope="module", params=ENGINES)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SearchService]:
    """A search over ``TEXTS``, whose documents are named by tags, a year apart."""
    rows = [
        {"_id": name, "title": title, "text": text, "published": f"{2020 + year}-05-09", "tags": [name]}
        for year, (name, (title, text)) in enumerate(TEXTS.items())
    ]
    corpus = tmp_path_factory.mktemp("texts") / "corpus.jsonl"
    corpus.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    with indexed(corpus, request.param, silent) as (made, _):
        yield made


@pytest.mark.parametrize(("text", "wanted"), FOUND, ids=[text for text, _ in FOUND])
def test_phrases_match_in_any_form_and_meet_homonyms(
    service: SearchService, text: str, wanted: list[str]
) -> None:
    page = service.search(SearchRequest(text, correct="off"))
    assert page.total == len(wanted)
    assert sorted(hit.tags[0] for hit in page.hits if not hit.missing) == wanted


def test_a_facet_leaves_out_its_own_filter(service: SearchService) -> None:
    request = SearchRequest("школа", filters={"year": ("2020", "2022")}, facets=FACETS)
    page = service.search(request)
    shown = {facet.field: {one.value: one.count for one in facet.buckets} for facet in page.facets}
    assert page.total == 2
    assert shown["year"] == {"2023": 1, "2022": 1, "2020": 1}
    assert list(shown["source"].values()) == [2]


# Rows, beside each other

WORDS = (
    *("музей", "выставка", "повар", "столовая", "робот", "кружок", "хор", "концерт"),
    *("лыжи", "поход", "театр", "сцена", "урок", "доска"),
)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[SearchService]]:
    """The search over 120 articles, a half of them reprints, on each engine."""
    chance, rows = random.Random(11), []
    for number in range(60):
        text = " ".join(chance.sample(WORDS, 6) + [f"слово{chr(1072 + number % 32)}{n}" for n in range(20)])
        for copy in range(chance.choice((1, 1, 2, 4))):
            rows.append({"_id": f"{number}-{copy}", "title": f"Новость {copy}", "text": f"{text} {number}"})
    corpus = tmp_path_factory.mktemp("rows") / "corpus.jsonl"
    corpus.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with ExitStack() as held:
        yield [held.enter_context(indexed(corpus, engine, silent))[0] for engine in ENGINES]


def _queries() -> list[str]:
    chance = random.Random(12)
    return [" ".join(chance.sample(WORDS, chance.choice((1, 2, 3, 5)))) for _ in range(40)]


def test_engines_agree_about_the_number_of_rows_and_what_is_in_them(services: list[SearchService]) -> None:
    folded = near = 0
    for text in _queries():
        request = SearchRequest(text, per_page=MAX_DEPTH, correct="off")
        pages = [service.search(request) for service in services]
        first, *others = [
            (
                page.total,
                page.near_total,
                page.rows,
                sorted((hit.title, hit.reprint_count) for hit in page.hits),
            )
            for page in pages
        ]
        assert all(other == first for other in others), text
        assert pages[0].near_total < RERANKED
        folded += pages[0].rows < pages[0].total + pages[0].near_total
        near += bool(pages[0].near_total)
    assert min(folded, near) > 10


def test_where_near_matches_fill_up_to_their_limit_rows_may_differ_and_each_engine_keeps_its_own(
    services: list[SearchService], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which near matches are the best hangs on scores of an engine's own, and so does how many are copies."""
    limit = 12
    monkeypatch.setattr("searchsvc.answering.RERANKED", limit)
    for text in _queries():
        request = SearchRequest(text, per_page=MAX_DEPTH, correct="off")
        pages = [service.search(request) for service in services]
        assert len({(page.total, page.near_total) for page in pages}) == 1, text
        if pages[0].near_total < limit:
            assert len({page.rows for page in pages}) == 1, text
        for service, page in zip(services, pages, strict=True):
            shown = [
                hit.id
                for number in range(1, page.rows // 5 + 2)
                for hit in service.search(replace(request, page=number, per_page=5)).hits
            ]
            assert shown == [hit.id for hit in page.hits]
            assert len(shown) == page.rows


# Generations, on every engine


@pytest.fixture(params=ENGINES)
def bed(request: pytest.FixtureRequest, tmp_path: Path, analyzer: Analyzer) -> Iterator[Bed]:
    made = Bed.open(tmp_path, analyzer, engine=request.param)
    made.put(range(8))
    made.rebuild()
    yield made
    made.archive.close()


def test_publishing_and_rolling_back_change_whole_states_for_readers(bed: Bed) -> None:
    with closing(LiveIndex(bed.generations)) as live:
        service = SearchService(live, bed.analyzer)
        assert told(live.view()) == "g000001.8.0"
        bed.put([8], "Щелкопёрова")
        held = live.view()
        bed.rebuild()
        assert service.search(SearchRequest("Щелкопёрова")).total == 1
        assert (told(live.view()), held.snapshot.documents) == ("g000002.9.0", 8)
        bed.remove(3)
        bed.rollback()
        assert bed.generations.pointer() == Pointer("g000001", "g000002")
        assert service.search(SearchRequest("Щелкопёрова")).total == 1  # brought in step before it came back
        assert live.view().snapshot.documents == 8
    bed.assert_in_step()


def test_an_index_of_a_foreign_fingerprint_answers_and_takes_no_changes(bed: Bed) -> None:
    manifest = bed.index / "g000001" / "manifest.json"
    values = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(values | {"analysis": "0-прежний"}), encoding="utf-8")
    bed.put([9])
    with closing(LiveIndex(bed.generations)) as live:
        service = SearchService(live, bed.analyzer)
        with pytest.raises(FingerprintError, match="searchsvc rebuild"):
            bed.sync()
        readiness = service.readiness()
        assert (readiness.ready, readiness.degraded) == (True, True)
        assert service.search(SearchRequest("лид записи")).total == 8
        bed.rebuild()
        assert service.search(SearchRequest("лид записи")).total == 9
        assert service.readiness().degraded is False
