"""Runs for sets of mistyped words and queries, through the product's own repair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from indexer.progress import Progress, silent
from searchsvc.correction.repair import proposals, repair_query
from searchsvc.correction.vocabulary import ArchiveVocabulary
from searchsvc.errors import EvaluationError
from searchsvc.evaluation import Figures
from searchsvc.language.analysis import Analyzer
from searchsvc.language.text import fold
from searchsvc.store.lexicon import Entry, Lexicon

PROPOSALS = 5
"""Corrections looked at of each row."""

_PAIRS = (("typed", "wanted"), ("wrong", "right"))


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str
    typed: str
    wanted: str


@dataclass(frozen=True, slots=True)
class _Result:
    """Where the wanted one stands among the proposals, from 0, None if it does not; what ``auto`` made of a
    row in which nothing is wrong; milliseconds."""

    row: _Row
    place: int | None
    changed: bool
    took_ms: float


def evaluate_corrections(path: Path, *, words: Path | None = None, progress: Progress = silent) -> Figures:
    """Repair the rows of a set against a vocabulary, and say how often the right thing came out.

    *words* stands for the archive's vocabulary; without it, it is made of the words that are wanted.

    Raises:
        EvaluationError: a file cannot be read or is not of the layout.
    """
    rows, same = _read(path)
    entries = _read_words(words) if words else Counter(part for row in rows for part in row.wanted.split())
    make = _vocabulary(entries)
    proposals(rows[0].typed, make(), PROPOSALS)  # dictionaries load on the first word
    results = []
    for number, row in enumerate(rows, 1):
        results.append(_result(row, make(), same))
        progress("Исправления", number, len(rows))
    kinds = sorted({row.kind for row in rows} - {""})
    return {
        **_figures(results),
        "by_kind": {kind: _figures([one for one in results if one.row.kind == kind]) for kind in kinds},
    }


def _result(row: _Row, vocabulary: ArchiveVocabulary, same: Callable[[str], str]) -> _Result:
    started = perf_counter()
    if row.typed == row.wanted:
        repair = repair_query(row.typed, vocabulary)
        took = (perf_counter() - started) * 1000
        return _Result(row, None, repair is not None and repair.sure, took)
    found = proposals(row.typed, vocabulary, PROPOSALS)
    took = (perf_counter() - started) * 1000
    wanted = same(row.wanted)
    place = next((place for place, text in enumerate(found) if same(text) == wanted), None)
    return _Result(row, place, False, took)


def _figures(results: Sequence[_Result]) -> Figures:
    places = [one.place for one in results if one.row.typed != one.row.wanted]
    kept = [one.changed for one in results if one.row.typed == one.row.wanted]
    times = [one.took_ms for one in results]
    return {
        "n": len(results),
        "top1": _share([place == 0 for place in places]),
        "top5": _share([place is not None for place in places]),
        "changed": _share(kept),
        "p50_ms": round(float(np.percentile(times, 50)), 2),
        "p95_ms": round(float(np.percentile(times, 95)), 2),
    }


def _share(found: Sequence[bool]) -> float | None:
    """Return the share of true ones, None where there is nothing to have a share in."""
    return round(sum(found) / len(found), 4) if found else None


def _vocabulary(words: Counter[str]) -> Callable[[], ArchiveVocabulary]:
    """Return what makes a vocabulary for a query, as a search does, of words with counts."""
    analyzer = Analyzer()
    forms: Counter[str] = Counter()
    spellings: dict[str, str] = {}
    lemmas: Counter[str] = Counter()
    for word, count in words.items():
        for token in analyzer.tokens(word):
            forms[token.folded] += count
            spellings.setdefault(token.folded, token.form)
            lemmas.update(dict.fromkeys(token.lemmas, count))
    lexicon = Lexicon.of(Entry(form, spellings[form], min(count, 2**32 - 1)) for form, count in forms.items())
    return lambda: ArchiveVocabulary(
        lexicon, analyzer, lambda terms: sum(lemmas[term] for term in terms), lambda _: 0
    )


def _read(path: Path) -> tuple[list[_Row], Callable[[str], str]]:
    """Return the rows, and what makes texts comparable."""
    header, *lines = _lines(path)
    names = tuple(header)
    if names[-2:] not in _PAIRS or names[:-2] not in ((), ("kind",)):
        raise EvaluationError(
            f"{path}: в первой строке нужны столбцы typed и wanted или wrong и right, перед ними можно kind."
        )
    rows = []
    for number, line in enumerate(lines, 2):
        if len(line) != len(names):
            raise EvaluationError(f"{path}, строка {number}: нужно столбцов: {len(names)}, через табуляцию.")
        rows.append(_Row(line[0] if len(names) > 2 else "", *line[-2:]))
    if not rows:
        raise EvaluationError(f"{path}: ни одной строки под заголовком.")
    return rows, fold if names[-2:] == ("wrong", "right") else _without_yo


def _without_yo(text: str) -> str:
    return text.replace("ё", "е").replace("Ё", "Е")


def _read_words(path: Path) -> Counter[str]:
    words: Counter[str] = Counter()
    for number, line in enumerate(_lines(path)[1:], 2):
        try:
            word, count = line
            words[word] += max(0, int(float(count)))
        except (ValueError, OverflowError) as error:
            raise EvaluationError(f"{path}, строка {number}: нужны слово и число через табуляцию.") from error
    return words


def _lines(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EvaluationError(f"Не читается {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path}: не UTF-8 ({error}).") from error
    found = list(_split(text))
    if not found:
        raise EvaluationError(f"{path}: файл пуст.")
    return found


def _split(text: str) -> Iterator[list[str]]:
    for line in text.split("\n"):
        row = line.rstrip("\r")
        if row:
            yield row.split("\t")
