"""What repair adds to a search: ``correct=auto`` beside ``correct=off``, in alternation, in one process.

PYTHONPATH=.:tests python -m bench.repair FOLDER [--number 400]

FOLDER is a data folder, as ``python -m bench.rebuild SIZE --folder FOLDER`` leaves it. Queries are words of
one title each, so that an article has them, and those words spoilt in many ways. Each is asked once with
``off`` before, so that what both do is warm; what repair does is done for the first time. Milliseconds are of
the processor, of the thread that asks.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from time import thread_time
from typing import Any

import numpy as np

from bench.machine import taken
from searchsvc.answer import answering
from searchsvc.bootstrap import open_service
from searchsvc.correction.keyboard import TO_LATIN
from searchsvc.language.analysis import Analyzer
from searchsvc.language.letters import RUSSIAN
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.results import FACETS, Correct, ResultPage, SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from searchsvc.store.lexicon import Words

CLEAN = "with hits"
"""The queries as they are."""

LONG = "ten words misspelt"
NOBODY = "words nobody knows"
ALSO = frozenset({LONG, NOBODY})
"""Kinds that are not counted with the others: a pasted text, and what cannot be put right."""

REPEATED = 5
"""How often a query with hits is asked each way: nothing is repaired, and the least time has least noise."""

_SHORTEST = 5
_LATIN = "a b v g d e zh z i y k l m n o p r s t u f kh ts ch sh shch ' y ' e yu ya"  # of ``RUSSIAN``
_IN_LATIN = str.maketrans(dict(zip(RUSSIAN, _LATIN.split(" "), strict=True)))


def words_of_titles(titles: Words, chance: random.Random) -> Iterator[list[str]]:
    """Yield the words of a title drawn by chance that tell something, again and again."""
    while True:
        words = titles.form(chance.randrange(len(titles))).split()
        found = [
            word
            for word in words
            if len(word) >= _SHORTEST and set(word) <= set(RUSSIAN) and word not in STOP_WORDS
        ]
        if len(found) > 1:
            yield found


def misspelt(word: str, chance: random.Random) -> str:
    """Return *word* with a letter lost, doubled, put in, exchanged for another or for the next one."""
    place = chance.randrange(1, len(word) - 1)
    head, letter, tail = word[:place], word[place], word[place + 1 :]
    ways = (
        head + tail,
        head + 2 * letter + tail,
        head + chance.choice(RUSSIAN) + letter + tail,
        head + chance.choice(RUSSIAN) + tail,
        head + tail[0] + letter + tail[1:],
    )
    return chance.choice([way for way in ways if way != word])


def unknown(chance: random.Random) -> str:
    """Return letters that are no word and near none."""
    return "".join(chance.choice("бвгджзклмнпрстфхцчшщ") + chance.choice("аеиоуыэюя") for _ in range(5))


def queries(titles: Words, number: int, *, seed: int = 3) -> dict[str, list[str]]:
    """Return *number* distinct queries of each kind."""
    chance = random.Random(seed)
    drawn = words_of_titles(titles, chance)

    def some() -> list[str]:
        words = next(drawn)
        return words[: chance.randint(1, min(3, len(words)))]

    def one_of(words: list[str], spoilt: Callable[[str], str]) -> str:
        at = chance.randrange(len(words))
        return " ".join((*words[:at], spoilt(words[at]), *words[at + 1 :]))

    def typo() -> str:
        return one_of(some(), lambda word: misspelt(word, chance))

    def glued() -> str:
        words = next(drawn)[:3]
        return " ".join((words[0] + words[1], *words[2:]))

    def many() -> str:
        return " ".join(misspelt(word, chance) for _ in range(5) for word in next(drawn)[:2])

    kinds: Mapping[str, Callable[[], str]] = {
        CLEAN: lambda: " ".join(some()),
        "a typo": typo,
        "a typo in each word": lambda: " ".join(misspelt(word, chance) for word in some()),
        "two typos in a word": lambda: one_of(some(), lambda word: misspelt(misspelt(word, chance), chance)),
        "the other layout": lambda: " ".join(some()).translate(TO_LATIN),
        "the other layout, the end of a word": lambda: one_of(
            some(), lambda word: word[: len(word) // 2] + word[len(word) // 2 :].translate(TO_LATIN)
        ),
        "transliteration": lambda: " ".join(some()).translate(_IN_LATIN),
        "two words as one": glued,
        "two words as one and a typo": lambda: misspelt(glued().split(" ")[0], chance),
        "one word as two": lambda: one_of(some(), lambda word: f"{word[:3]} {word[3:]}"),
        NOBODY: lambda: one_of(some(), lambda _: unknown(chance)),
        LONG: many,
    }
    return {kind: _distinct(make, number) for kind, make in kinds.items()}


def _distinct(make: Callable[[], str], number: int) -> list[str]:
    found: dict[str, None] = {}
    for _ in range(20 * number):
        found[make()] = None
        if len(found) == number:
            break
    return list(found)


class Asking:
    """Asks one service, and tells what that took and what of it was the repair of the query alone."""

    def __init__(self, service: SearchService) -> None:
        self._service = service
        self._repair = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Time the repair within the block."""
        work = answering.repair_query
        answering.repair_query = partial(self._timed, work)
        try:
            yield
        finally:
            answering.repair_query = work

    def _timed(self, work: Callable[..., Any], *arguments: Any) -> Any:
        start = thread_time()
        try:
            return work(*arguments)
        finally:
            self._repair += thread_time() - start

    def ask(self, text: str, correct: Correct) -> tuple[ResultPage, float, float]:
        """Return the page, the milliseconds of all, and those of the repair."""
        self._repair = 0.0
        start = thread_time()
        page = self._service.search(SearchRequest(text, facets=FACETS, correct=correct))
        return page, (thread_time() - start) * 1e3, self._repair * 1e3


Row = tuple[float, float, float, bool]
"""Of one query: milliseconds with ``off``, with ``auto``, of the repair alone; whether it was put right."""


def asked(asking: Asking, texts: Sequence[str], *, hits: bool) -> list[Row]:
    """Ask each of *texts* that has hits, or has none, both ways."""
    found: list[Row] = []
    for text in texts:
        page, _, _ = asking.ask(text, "off")
        if bool(page.total) is not hits:
            continue
        times: dict[Correct, list[tuple[float, float]]] = {"off": [], "auto": []}
        order: tuple[Correct, Correct] = ("off", "auto") if len(found) % 2 else ("auto", "off")
        for _ in range(REPEATED if hits else 1):
            for correct in order:
                page, whole, repair = asking.ask(text, correct)
                times[correct].append((whole, repair))
                if correct == "auto":
                    better = bool(page.total)
        (off, _), (auto, repair) = (min(times[correct]) for correct in ("off", "auto"))
        found.append((off, auto, repair, better))
    return found


def table(kinds: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """Yield a row a kind: p50 / p95 with ``off``, with ``auto``, of what that adds, of the repair."""
    yield "| query | number | put right | off | auto | auto less off | repair alone |"
    yield f"|{'---|' * 7}"
    for kind, rows in kinds.items():
        if not rows:
            continue
        off, auto, repair, better = (np.array(column) for column in zip(*rows, strict=True))
        cells = " | ".join(
            " / ".join(f"{value:.2f}" for value in np.percentile(column, (50, 95)))
            for column in (off, auto, auto - off, repair)
        )
        yield f"| {kind} | {len(rows)} | {better.mean():.0%} | {cells} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--number", type=int, default=400, help="queries of each kind")
    given = parser.parse_args(arguments)
    service, live = open_service(Settings(data_dir=given.folder), Analyzer())
    with closing(live):
        view = live.view()
        store = view.generation.store
        texts = queries(store.phrases().titles.parts[0], given.number)
        print(
            f"{view.snapshot.documents:,} articles, {view.generation.manifest.engine}, "
            f"{len(store.lexicon()):,} words, commit {taken()['commit']}; "
            "ms of CPU, p50 / p95\n"
        )
        asking = Asking(service)
        with asking.watched():
            for text in texts[CLEAN][:20]:  # dictionaries and the files' first pages
                asking.ask(misspelt(text, random.Random(1)), "auto")
            rows = {kind: asked(asking, some, hits=kind == CLEAN) for kind, some in texts.items()}
    without = [row for kind, some in rows.items() if kind not in ALSO | {CLEAN} for row in some]
    print("\n".join(table({"all without hits but the last two": without, **rows})))


if __name__ == "__main__":
    main()
