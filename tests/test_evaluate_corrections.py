"""``searchsvc evaluate corrections``: its figures, what they are taken over, what it says of bad files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from indexer.evaluate_corrections import evaluate_corrections
from searchsvc.errors import EvaluationError
from web.cli import run

WORDS = "word\tcount\nобразование\t900\nёлка\t50\nшкола\t700\nВ\t999\nприказ\t90\nолимпиада\t300\n"


@pytest.fixture
def words(tmp_path: Path) -> Path:
    return written(tmp_path / "words.tsv", WORDS)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_pairs_are_compared_without_case_and_yo(tmp_path: Path, words: Path) -> None:
    pairs = written(
        tmp_path / "pairs.tsv", "wrong\tright\nоброзование\tОбразование\nелкаа\tЁлка\nприкас\tшкола\n"
    )
    figures = evaluate_corrections(pairs, words=words)
    assert (figures["n"], figures["top1"], figures["top5"], figures["changed"]) == (3, 0.6667, 0.6667, None)
    assert figures["by_kind"] == {}
    assert 0 < figures["p50_ms"] <= figures["p95_ms"]


def test_what_is_typed_keeps_its_case_and_what_is_right_is_to_stay(tmp_path: Path, words: Path) -> None:
    text = (
        "kind\ttyped\twanted\nfull\tIrjkf\tШкола\nfull\tirjkf\tШкола\nkeep\tКиквете\tКиквете\n"
        "keep\tоброзование\tоброзование\nmulti\tприказ d irjkt\tприказ в школе\ntwo\tgood\tёж\n"
    )
    figures = evaluate_corrections(written(tmp_path / "layout.tsv", text), words=words)
    kinds = figures["by_kind"]
    assert (figures["n"], figures["top1"], figures["changed"]) == (6, 0.5, 0.5)
    assert {kind: (row["n"], row["top1"], row["changed"]) for kind, row in kinds.items()} == {
        "full": (2, 0.5, None),
        "keep": (2, None, 0.5),
        "multi": (1, 1.0, None),
        "two": (1, 0.0, None),
    }


def test_without_words_the_archive_has_what_is_wanted(tmp_path: Path) -> None:
    pairs = written(tmp_path / "pairs.tsv", "wrong\tright\nзвизда\tзвезда\n")
    assert evaluate_corrections(pairs)["top1"] == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "файл пуст"),
        ("wrong\tright\n", "ни одной строки"),
        ("one\ttwo\nа\tб\n", "нужны столбцы"),
        ("sort\twrong\tright\nа\tб\tв\n", "нужны столбцы"),
        ("wrong\tright\nодно\n", "строка 2"),
        ("kind\twrong\tright\nа\tб\n", "строка 2"),
    ],
)
def test_a_file_of_another_layout_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        evaluate_corrections(written(tmp_path / "pairs.tsv", text))


def test_files_that_cannot_be_read_are_named(tmp_path: Path, words: Path) -> None:
    with pytest.raises(EvaluationError, match=r"нет\.tsv"):
        evaluate_corrections(tmp_path / "нет.tsv")
    pairs = written(tmp_path / "pairs.tsv", "wrong\tright\nа\tб\n")
    words.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(EvaluationError, match="не UTF-8"):
        evaluate_corrections(pairs, words=words)
    for text in ("word\tcount\nшкола\n", "word\tcount\nшкола\tмного\n"):
        with pytest.raises(EvaluationError, match="строка 2: нужны слово и число"):
            evaluate_corrections(pairs, words=written(words, text))


def test_the_command_prints_a_table_or_json(
    tmp_path: Path, words: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = written(tmp_path / "pairs.tsv", "kind\twrong\tright\nx\tоброзование\tобразование\n")
    assert run(["evaluate", "corrections", str(pairs), "--words", str(words), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["by_kind"]["x"]["top1"] == 1.0
    assert run(["evaluate", "corrections", str(pairs)]) == 0
    shown = capsys.readouterr().out
    assert "среди пяти" in shown
    assert "—" in shown  # no row in which nothing is wrong
