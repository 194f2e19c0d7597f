"""Completion through HTTP: the real server asked for beginnings that nobody asked for before.

PYTHONPATH=.:tests python -m bench.suggest FOLDER [--number 200]

FOLDER is a data folder, as ``python -m bench.rebuild SIZE --folder FOLDER`` leaves it.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

from bench.http import percentiles
from bench.site import serving
from searchsvc.correction.keyboard import TO_LATIN
from searchsvc.generation.generations import Generations
from searchsvc.language.letters import RUSSIAN
from searchsvc.store.lexicon import Words

WARMING = 20


def beginnings(words: Words, chance: random.Random, number: int) -> dict[str, list[str]]:
    """Return *number* distinct beginnings of each kind, of words drawn as often as articles have them."""
    counts = words.documents.astype(float)
    drawn = iter(_drawn(words, chance, counts.tolist()))

    def distinct(made: Iterator[str]) -> list[str]:
        found: dict[str, None] = {}
        for _ in range(50 * number):
            found[next(made)] = None
            if len(found) == number:
                break
        return list(found)

    def cut(least: int, most: int) -> Iterator[str]:
        for word in drawn:
            if len(word) > least:
                yield word[: chance.randint(least, min(most, len(word) - 1))]

    def changed() -> Iterator[str]:
        for word in cut(6, 9):
            place = chance.randrange(1, len(word) - 1)
            yield word[:place] + chance.choice(RUSSIAN) + word[place + 1 :]

    def behind(last: Iterator[str], words_before: int = 1) -> Iterator[str]:
        for one in last:
            before = [word for word in (next(drawn) for _ in range(4 * words_before)) if len(word) > 3]
            yield " ".join((*before[:words_before], one))

    return {
        "1 letter": distinct(cut(1, 1)),
        "2 letters": distinct(cut(2, 2)),
        "3 to 7 letters": distinct(cut(3, 7)),
        "the other layout": distinct(one.translate(TO_LATIN) for one in cut(3, 7)),
        "a letter wrong": distinct(changed()),
        "second word, 1 or 2 letters": distinct(behind(cut(1, 2))),
        "second word, 3 to 7 letters": distinct(behind(cut(3, 7))),
        "third word": distinct(behind(cut(3, 7), 2)),
    }


def _drawn(words: Words, chance: random.Random, counts: Sequence[float]) -> Iterator[str]:
    while True:
        for number in chance.choices(range(len(words)), counts, k=1000):
            form = words.form(number)
            if set(form) <= set(RUSSIAN):
                yield form


def cpu(pid: int) -> float:
    """Return the milliseconds that the process has been on a processor."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """Print p50 and p95 of each kind of beginning, of all, and of the same asked again: as the caller waits,
    and what the server was busy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--number", type=int, default=200, help="beginnings of each kind")
    given = parser.parse_args(arguments)
    store = Generations(given.folder / "index").current().store
    lexicon, phrases = store.lexicon(), store.phrases()
    print(f"{len(lexicon):,} words, {len(phrases.phrases):,} phrases, {len(phrases.titles):,} titles\n")
    chance = random.Random(5)
    kinds = beginnings(lexicon.parts[0], chance, given.number)
    mixed = [(kind, text) for kind, texts in kinds.items() for text in texts]
    chance.shuffle(mixed)
    times: dict[str, list[float]] = {kind: [] for kind in (*kinds, "all", "the same again")}
    spent: dict[str, list[float]] = {kind: [] for kind in times}
    with serving(given.folder, given.folder / "serve.log") as site:
        for number in range(WARMING):
            site.get(f"/api/v1/suggest?{urlencode({'q': f'слово {number}'})}")
        for kind, text in mixed:
            address = f"/api/v1/suggest?{urlencode({'q': text})}"
            for column in ((kind, "all"), ("the same again",)):
                before = cpu(site.pid)
                took = site.get(address).took
                used = cpu(site.pid) - before
                for name in column:
                    times[name].append(took)
                    spent[name].append(used)
    print("| typed so far | number | p50 ms | p95 ms | CPU p50 ms | CPU p95 ms |\n|---|---|---|---|---|---|")
    for kind, some in times.items():
        figures = (*percentiles(some), *percentiles(spent[kind]))
        print(f"| {kind} | {len(some)} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")


if __name__ == "__main__":
    main()
