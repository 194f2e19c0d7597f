"""The bench runs at 200 articles, all systems do the same work, and its tables say what they should."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from bench import draw, generate, rebuild, repair
from bench.__main__ import main
from bench.chart import LETTER, Line, chart
from bench.jobs import build, memory
from bench.prepared import FILTERED, asked, chunks, prepare
from bench.systems import ENGINES, SYSTEMS

from searchsvc.generation import generation
from searchsvc.language.analysis import Analyzer
from searchsvc.store.lexicon import Entry, Words

SIZE = 200


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``--keep`` leaves it, with 200 articles analysed."""
    folder = tmp_path_factory.mktemp("bench")
    prepare(folder / "prepared", SIZE)
    return folder


def test_a_large_archive_begins_with_a_small_one_and_its_words_go_on_growing() -> None:
    small, large = list(generate.articles(30)), list(generate.articles(120))
    assert large[:30] == small
    assert list(generate.articles(1, first=29)) == [small[-1]]

    def forms(made: list[Any]) -> int:
        return len({word for article in made for block in article.body for word in block.text.split()})

    known = len(generate.WordModel().words)
    invented = {w for a in large for b in a.body for w in b.text.split()} - set(generate.WordModel().words)
    assert forms(large) > 1.5 * forms(small)
    assert len(invented) > 0.02 * known


def test_queries_are_distinct_and_of_every_type() -> None:
    found = asked(Analyzer(), number=20)
    assert {*generate.queries(), FILTERED} == set(found)
    for kind, some in found.items():
        assert len({text for text, _ in some}) == 20, kind
        assert all(plan.units for _, plan in some), kind


def test_prepared_articles_are_made_once_and_a_part_of_them_can_be_read(kept: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (kept / "prepared").glob("*.chunk")}
    rates = prepare(kept / "prepared", SIZE)
    assert {path: path.stat().st_mtime_ns for path in (kept / "prepared").glob("*.chunk")} == before
    assert min(rates["articles"], rates["words"], rates["forms"]) > 0
    assert [article.entry.key for chunk in chunks(kept / "prepared", 130) for article in chunk] == [
        *range(1, 131)
    ]


def test_all_systems_find_the_same(kept: Path, tmp_path: Path, analyzer: Analyzer) -> None:
    searches = asked(analyzer, number=6)
    totals: dict[str, dict[str, list[int]]] = {}
    for name, system in SYSTEMS.items():
        figures = build(name, str(tmp_path / name), str(kept / "prepared"), SIZE)
        assert figures["articles_per_second"] > 0
        assert figures["index_mb"] > 0.1, name
        reader = system(tmp_path / name)
        reader.open()
        totals[name] = {
            kind: [reader.ask(plan) for _, plan in some]
            for kind, some in searches.items()
            if kind not in system.cannot
        }
    ours = totals["whoosh"]
    assert any(ours["frequent words"])
    assert ours == totals["tantivy"] == totals["raw"]
    assert totals["naive"] == totals["fts5"]  # one lemma a word: nearly all
    for kind, some in totals["fts5"].items():
        assert 0.9 * sum(ours[kind]) <= sum(some) <= sum(ours[kind]), kind
    assert set(totals["bm25s"]) == {"any word", "frequent words, any"}
    assert totals["bm25s"]["any word"] == [None] * 6


def test_a_run_measures_one_system_alone_whole_and_through_http(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "bench.json"
    options = ["--only", "tantivy", "--queries", "2", "--processes", "1", "--no-neighbours"]
    main(["100", *options, "--keep", str(kept), "--results", str(results)])
    shown = capsys.readouterr().out
    (run,) = json.loads(results.read_text())["runs"]
    own, whole = run["systems"]["tantivy"], run["whole"]["tantivy"]
    for key in ("articles_per_second", "index_mb", "build_mb", "reader_mb", "opening_ms"):
        assert own[key] > 0, key
    assert own["searches"][FILTERED]["warm"][0] > 0
    assert whole["whole_per_second"] > 0
    assert whole["http"]["all types"][0] > whole["http"]["constant"][0] > 0
    assert whole["server_mb"] > 20
    assert "Not measured: naive Whoosh (left out by --only or --skip)" in shown
    assert "(without neighbours)" in shown
    assert (kept / "100" / "data-tantivy" / "index" / "current.json").exists()


def test_what_fails_is_told_and_the_rest_goes_on(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, place = tmp_path / "bench.json", kept / "60"
    place.mkdir()
    made_with = prepare(kept / "prepared", 60)["made_with"]
    for name in ("raw", "fts5"):  # kept by a run before, one of them damaged since
        build(name, str(place / name), str(kept / "prepared"), 60)
        figures = {"articles_per_second": 1.0, "floor_mb": 1.0, "made_with": made_with}
        (place / f"{name}.json").write_text(json.dumps(figures))
    (place / "raw" / "meta.json").unlink()
    options = ["--only", "raw", "fts5", "--no-whole", "--reuse", "--queries", "2"]
    main(["60", *options, "--keep", str(kept), "--results", str(results)])
    shown = capsys.readouterr().out
    (run,) = json.loads(results.read_text())["runs"]
    assert set(run["systems"]) == {"fts5"}
    assert run["systems"]["fts5"]["articles_per_second"] == 1.0
    assert run["left_out"]["raw"].startswith("failed: ")
    assert "Not measured: raw tantivy-py (failed: " in shown
    assert "Figures of building are those of an earlier run" in shown


def test_a_rebuild_is_told_by_its_parts_and_what_repair_adds_by_kinds_of_queries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = generation.find_groups
    rebuild.main([str(SIZE), "--folder", str(tmp_path)])
    assert generation.find_groups is before
    shown = capsys.readouterr().out
    parts = [cells for cells in map(_cells, shown.splitlines()) if len(cells) == 4]
    shares = {part: float(share.rstrip("%")) for part, _, share, _ in parts if share.endswith("%")}
    assert set(shares) == {part for part, _, _ in rebuild.PARTS} | {rebuild.ENGINE}
    assert sum(shares.values()) == pytest.approx(100, abs=1)
    assert shares["analysis"] > shares[rebuild.NEIGHBOURS] > 0
    repair.main([str(tmp_path), "--number", "6"])
    shown = capsys.readouterr().out
    rows = {cells[0]: cells for cells in map(_cells, shown.splitlines()) if len(cells) == 7}
    assert int(rows[repair.CLEAN][1]) > 0
    assert rows[repair.CLEAN][6] == "0.00 / 0.00"
    assert int(rows["the other layout"][1]) > 0
    assert rows["the other layout"][2] == "100%"
    assert float(rows["the other layout"][6].split(" / ")[1]) > 0


def _cells(line: str) -> list[str]:
    return line.strip("| ").split(" | ")


def test_queries_are_spoilt_in_every_way_and_the_same_for_the_same_seed() -> None:
    titles = Words.build([Entry(f"{word} проверка школа", "", 1) for word in ("выпускник", "каникулы")])
    found = repair.queries(titles, 8)
    assert found == repair.queries(titles, 8)
    clean = {"выпускник", "каникулы", "проверка", "школа"}
    for kind, texts in found.items():
        words = [set(text.split()) for text in texts]
        assert all(some <= clean for some in words) is (kind == repair.CLEAN), kind
        assert not any(some <= clean for some in words) or kind == repair.CLEAN, kind
    assert {"dsgecrybr ghjdthrf", "dsgecrybr ghjdthrf irjkf"} & set(found["the other layout"])
    assert {"vypusknik proverka", "vypusknik proverka shkola"} & set(found["transliteration"])


def _run(size: int, **systems: tuple[float, float]) -> dict[str, Any]:
    return {
        "size": size,
        "taken": {
            "date": "2026-11-25", "commit": "abc", "cpus": 2, "model": "CPU", "memory_gb": 8, "load": 0.5,
            "versions": {"Python": "3.11"},
        },
        "analysis": {"articles": 100.0, "words": 20000.0, "forms": 9000.0},
        "left_out": {name: "left out by --only or --skip" for name in SYSTEMS if name not in systems},
        "systems": {
            name: {
                "articles_per_second": rate,
                "floor_mb": 30.0,
                "searches": {kind: {"first": [ms, 2 * ms], "warm": [ms, 2 * ms]} for kind in draw.DRAWN
                             if kind not in SYSTEMS[name].cannot},
                "found": {} if name == "bm25s" else {FILTERED: 50 if name == "naive" else 100},
            }
            for name, (rate, ms) in systems.items()
        },
    }  # fmt: skip


def test_runs_are_merged_and_ratios_say_how_many_times_better_ours_is() -> None:
    runs = [
        _run(1000, whoosh=(100.0, 2.0), naive=(50.0, 20.0)),
        _run(1000, tantivy=(200.0, 1.0), bm25s=(50.0, 4.0)),
        _run(100, whoosh=(100.0, 1.0)),
    ]
    lines = list(draw.tables(runs))
    assert [line for line in lines if line.startswith("###")] == ["### 100 articles", "### 1,000 articles"]
    large = lines[lines.index("### 1,000 articles") :]
    assert "| engine alone | ours on Whoosh | ours on Tantivy | naive Whoosh | bm25s |" in large
    assert "| articles/s | 100 | 200 | 50.0 (2.00 · 4.00) | 50.0 (2.00 · 4.00) |" in large
    assert (
        "| filter and facets, warm, ms | 2.00 / 4.00 | 1.00 / 2.00 | 20.0 / 40.0 (10.0 · 20.0) | — |" in large
    )
    assert "| matches, of those ours on Whoosh | 100.0% | 100.0% | 50.0% | — |" in large
    assert "- Not measured: SQLite FTS5 (left out by --only or --skip)" in large
    assert not [line for line in large if line.startswith("- Not measured: ours")]


def test_tables_and_picture_are_written_between_the_marks(tmp_path: Path) -> None:
    page, runs = tmp_path / "performance.md", [_run(1000, whoosh=(1.0, 1.0)), _run(100, whoosh=(1.0, 1.0))]
    (tmp_path / "one.json").write_text(json.dumps({"runs": runs}))
    page.write_text(f"before\n{draw.BEGIN}old{draw.END}\nafter\n")
    for _ in range(2):
        draw.main([str(tmp_path / "one.json"), "--write", str(tmp_path)])
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert text.count("### 1,000 articles") == 1
    assert "old" not in text
    assert f"]({draw.PICTURE})" in text
    ElementTree.parse(tmp_path / draw.PICTURE)
    page.write_text("no marks")
    with pytest.raises(ValueError, match="marks"):
        draw.write(tmp_path, runs)


def test_the_page_of_the_docs_has_the_marks() -> None:
    text = (Path(draw.__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")
    assert text.index(draw.BEGIN) < text.index(draw.END)


def test_a_picture_has_every_line_with_its_name_and_no_name_on_another() -> None:
    lines = [Line(f"<{number}>", number, [(100.0, 1.0), (1000.0, 5.0)]) for number in range(6)]
    drawn = ElementTree.fromstring(
        chart("growth & more", {"left": lines, "right": [Line("one", 0, [(100.0, 3.0)])]})
    )
    space = "{http://www.w3.org/2000/svg}"
    assert len(drawn.findall(f".//{space}polyline")) == 7
    heights = sorted(
        float(text.get("y", 0)) for text in drawn.iter(f"{space}text") if (text.text or "").startswith("<")
    )
    assert len(heights) == 6
    assert all(after - before >= LETTER for before, after in pairwise(heights))
    assert "prefers-color-scheme: dark" in ElementTree.tostring(drawn, encoding="unicode")


def test_memory_of_a_process_is_told() -> None:
    assert memory("VmHWM") >= memory("VmRSS") > memory("RssAnon") > 1
    with pytest.raises(LookupError):
        memory("VmNothing")


def test_ours_come_first() -> None:
    assert tuple(SYSTEMS)[:2] == ENGINES
