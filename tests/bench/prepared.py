"""Generated articles analysed once and kept on disk, so that every system indexes the same lemmas.

A folder holds numbered files of ``CHUNK`` articles each; a million begins with the same files as ten
thousand. What the analysis cost is kept beside them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import pickle
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import fields, replace
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from bench import generate
from searchsvc.engine import Entry, Plan
from searchsvc.language.analysis import Analyzer
from searchsvc.query import syntax as query
from searchsvc.query.planning import plan
from searchsvc.results import FACETS
from searchsvc.store.document import Document, make_document

CHUNK = 100

FILTERED = "filter and facets"
"""The type of search that asks for frequent words within some years and counts all facets."""

SINCE, UNTIL = date(2018, 1, 1), date(2021, 12, 31)
"""Four of the ten years the articles come from."""

DEPTH = 200
"""Keys asked for, in order: so many the site's paging and second stage ask for."""

_TEXTS = ("title", "lead", "body", "tags")


class Prepared(NamedTuple):
    """An article as engines behind our contract take it, and its first lemmas by part, between spaces,
    for systems that take one word a place: title, lead, body, tags."""

    entry: Entry
    texts: tuple[str, str, str, str]


def prepare(folder: Path, size: int, *, processes: int = 1) -> dict[str, Any]:
    """Analyse *size* articles into *folder* unless they are there; return what that cost, and what made them.

    ``articles`` and ``words`` a second of one process, lemmas cached as they come; ``forms`` a second of
    forms never seen before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept, made_with = folder / "analysis.json", _made_with()
    known: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    if known.get("made_with") != made_with:
        for path in folder.glob("*.chunk"):
            path.unlink()
        known = {"made_with": made_with, "articles": 0, "words": 0, "seconds": 0.0, "forms": _cold()}
    missing = [number for number in range(-(-size // CHUNK)) if not _chunk(folder, number).exists()]
    with ExitStack() as held:
        if processes > 1 and len(missing) > 1:
            pool = held.enter_context(ProcessPoolExecutor(processes, mp_context=get_context("spawn")))
            done = pool.map(partial(_analyse, folder), missing)
        else:
            done = map(partial(_analyse, folder), missing)
        for number, words, seconds in done:
            known["articles"] += CHUNK
            known["words"] += words
            known["seconds"] += seconds
            if number % 1000 == 0:
                kept.write_text(json.dumps(known))
    kept.write_text(json.dumps(known))
    return {
        "made_with": made_with,
        "articles": known["articles"] / known["seconds"],
        "words": known["words"] / known["seconds"],
        "forms": known["forms"],
    }


def chunks(folder: Path, size: int) -> Iterator[list[Prepared]]:
    """Yield the first *size* articles that ``prepare`` left in *folder*, ``CHUNK`` at a time."""
    for first in range(0, size, CHUNK):
        found = pickle.loads(zlib.decompress(_chunk(folder, first // CHUNK).read_bytes()))
        yield found[: size - first]


def asked(analyzer: Analyzer, *, number: int = 60, seed: int = 2) -> dict[str, list[tuple[str, Plan]]]:
    """Return searches by type: as typed, and as an engine is asked.

    Near matches are not asked for, since no other system has them: all do the same work.
    """
    found = {
        kind: [(text, _plan(text, analyzer)) for text in texts]
        for kind, texts in generate.queries(seed=seed, number=number).items()
    }
    days = (SINCE.toordinal(), UNTIL.toordinal())
    found[FILTERED] = [
        (text, replace(made, days=days, facets=FACETS)) for text, made in found["frequent words"]
    ]
    return found


def _plan(text: str, analyzer: Analyzer) -> Plan:
    planned = plan(query.parse(text), analyzer)
    return Plan(
        units=tuple(unit.clause for unit in planned.units),
        words=planned.word_clauses,
        depth=DEPTH,
        near_below=0,
    )


_ANALYZER: list[Analyzer] = []  # one a process of the pool


def _analyse(folder: Path, number: int) -> tuple[int, int, float]:
    if not _ANALYZER:
        _ANALYZER.append(Analyzer())
        _ANALYZER[0].lemmas("слово")  # loads the dictionary
    made = list(generate.articles(CHUNK, first=number * CHUNK))
    started = perf_counter()
    documents = [make_document(article, 1, _ANALYZER[0]) for article in made]
    rows = [
        Prepared(document.entry(number * CHUNK + place), _texts(document))
        for place, document in enumerate(documents, 1)
    ]
    seconds = perf_counter() - started
    path = _chunk(folder, number)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(zlib.compress(pickle.dumps(rows, 5), 1))
    unfinished.replace(path)
    return number, sum(document.length for document in documents), seconds


def _texts(document: Document) -> tuple[str, str, str, str]:
    words: dict[int, list[str]] = {part: [] for part in range(len(_TEXTS))}
    for token, part in zip(document.tokens, document.parts, strict=True):
        if not token.whole:
            words[min(part, len(_TEXTS) - 1)].append(token.lemmas[0])
    title, lead, body, tags = (" ".join(words[part]) for part in range(len(_TEXTS)))
    return title, lead, body, tags


def _cold(number: int = 5_000) -> float:
    """Return forms a second through an analyzer that has seen none of them."""
    texts = (
        [article.title, article.lead, *(block.text for block in article.body)]  # type: ignore[union-attr]
        for article in generate.articles(2 * CHUNK)
    )
    forms = dict.fromkeys(itertools.chain.from_iterable(" ".join(parts).split() for parts in texts))
    analyzer = Analyzer()
    analyzer.lemmas("слово")
    some = list(forms)[:number]
    started = perf_counter()
    for form in some:
        analyzer.lemmas(form)
    return len(some) / (perf_counter() - started)


def _chunk(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.chunk"


def _made_with() -> str:
    """Name what generator and analysis make of some articles: files made otherwise are of no use."""
    made = list(generate.articles(3))
    analyzer = Analyzer()
    shown: list[object] = [CHUNK, analyzer.fingerprint, made]
    for article in made:
        document = make_document(article, 1, analyzer)
        entry = document.entry(1)
        values = ((one.name, getattr(entry, one.name)) for one in fields(entry))
        shown += [(name, sorted(value) if isinstance(value, frozenset) else value) for name, value in values]
        shown.append(_texts(document))
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
