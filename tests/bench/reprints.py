"""Made reprints among many articles: how many are found, by what, and what finding them costs.

    PYTHONPATH=.:tests python -m bench.reprints CORPUS.jsonl [--articles 10000]

Of each second text of a corpus (BEIR's layout) reprints are made in several ways; generated articles
fill up to the number asked for. Times are of this process (CPU).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
from rensa import RMinHash

from corpus.article import Article, Paragraph
from searchsvc.analysis import Analyzer
from searchsvc.document import Document, make_document
from searchsvc.engine import Candidate
from searchsvc.folding import Rows
from searchsvc.reprints import SHARED, Text, find_groups, sketch
from searchsvc.results import MAX_DEPTH
from searchsvc.similar import rebuild_neighbours
from searchsvc.store import Store
from searchsvc.store_writer import StoreWriter

from .generate import articles

PAIRS = Path(__file__).parents[1] / "reprints" / "pairs.jsonl"
NEAREST = 60
COSINES = (0.3, 0.5)
NEWCOMERS = 50
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Case:
    """An article; ``of`` is the place of its original in the list of all."""

    kind: str
    of: int
    document: Document


def sentences(text: str) -> list[str]:
    return [one for one in _SENTENCE.split(" ".join(text.split())) if one]


def without(chance: random.Random, whole: Sequence[str], share: float) -> list[str]:
    """Return sentences up to *share* of whose letters are cut."""
    left, kept = share * sum(map(len, whole)), dict(enumerate(whole))
    for number in chance.sample(range(len(whole)), len(whole)):
        if len(whole[number]) <= left:
            left -= len(kept.pop(number))
    return list(kept.values())


def misspelt(chance: random.Random, text: str) -> str:
    """Return *text* with е for ё and two letters of each twentieth word in the wrong order."""
    words = text.replace("ё", "е").split(" ")
    for number, word in enumerate(words):
        if len(word) > 4 and chance.random() < 0.05:
            at = chance.randrange(1, len(word) - 2)
            words[number] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def made_of(chance: random.Random, whole: Sequence[str], other: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield reprints of a text, each with its kind; the last two kinds are none."""
    half = len(whole) // 2
    yield "first two sentences replaced", " ".join([*other[:2], *whole[2:]])
    yield "30 % cut", " ".join(without(chance, whole, 0.3))
    yield "misspelt", misspelt(chance, " ".join(whole))
    more = without(chance, other * 9, 1 - 0.3 * len(" ".join(whole)) / len(" ".join(other * 9)))
    yield "30 % added", " ".join([*whole[:half], *more, *whole[half:]])
    yield (
        "20 % cut, other beginning and end",
        " ".join([other[0], *without(chance, whole[1:], 0.2), other[-1]]),
    )
    yield "half of it quoted in a longer text", " ".join([*other, *whole[:half], *other[::-1], *other])
    yield "its first third", " ".join(whole[: len(whole) // 3])


def cases(corpus: Path, number: int) -> list[Case]:
    """Return originals, reprints made of them and generated articles, analysed."""
    chance, analyzer = random.Random(5), Analyzer()
    texts = [sentences(json.loads(line)["text"]) for line in corpus.read_text(encoding="utf-8").splitlines()]
    texts = [text for text in texts if len(text) >= 8]
    rows = [("original", place, " ".join(text)) for place, text in enumerate(texts)]
    for place in range(0, len(texts), 2):
        other = texts[(place + 1 + chance.randrange(len(texts) - 1)) % len(texts)]
        rows += [(kind, place, text) for kind, text in made_of(chance, texts[place], other)]
    found = [Case(kind, of, analysed(analyzer, number, text)) for number, (kind, of, text) in enumerate(rows)]
    for one in articles(max(0, number - len(rows))):
        found.append(Case("generated", -1, make_document(one, 1, analyzer)))
    return found


def analysed(analyzer: Analyzer, number: int, text: str) -> Document:
    day = datetime(2024, 1, 1 + number % 28, tzinfo=UTC)
    body = (Paragraph(text),)
    return make_document(
        Article(f"m{number:06}", "s", f"https://s/{number}", f"Запись {number}", body=body, published=day),
        1,
        analyzer,
    )


def measured(found: Sequence[Case], folder: Path) -> None:
    """Print what finds how many of the made reprints, and the time of each step."""
    store = Store.create(folder / "store.db")
    with store.writing() as writer:
        for case in found:
            writer.add(case.document, 1)
    begin = process_time()
    for case in found:
        sketch(case.document.record)
    print(f"sketches: {(process_time() - begin) / len(found) * 1e6:.0f} µs an article")
    with store.writing() as writer:
        begin = process_time()
        find_groups(writer, 1)
        print(f"groups of all: {process_time() - begin:.2f} s")
        begin = process_time()
        rebuild_neighbours(writer)
        print(f"neighbours of all: {process_time() - begin:.2f} s")
        _recalls(found, writer)
    _newcomers(found, store)
    _folding(found, store)


def _recalls(found: Sequence[Case], writer: StoreWriter) -> None:
    groups = writer.reprints.groups()
    heads = (
        "made",
        "by the rule",
        "of these in its group",
        "sketches share enough",
        *(f"cosine {least}" for least in COSINES),
    )
    print(" | ".join(("kind", *heads)))
    texts = {
        place: Text.of(case.document.record, 0, case.document.text)
        for place, case in enumerate(found)
        if case.of >= 0
    }
    sketches = {place: sketch(found[place].document.record)[0] for place in texts}
    for kind in dict.fromkeys(case.kind for case in found):
        mine = [place for place, case in enumerate(found) if case.kind == kind and case.of >= 0]
        if kind == "original" or not mine:
            continue
        same = [place for place in mine if texts[place].same_as(texts[found[place].of])]
        counts = [
            sum(groups[place + 1] == groups[found[place].of + 1] for place in same),
            sum((sketches[place] == sketches[found[place].of]).sum() >= SHARED for place in same),
            *(sum(_cosine(writer, place, found[place].of) >= least for place in same) for least in COSINES),
        ]
        print(" | ".join(map(str, (kind, len(mine), len(same), *counts))))


def _cosine(writer: StoreWriter, place: int, original: int) -> float:
    """Return the cosine with its original if that is among the nearest of an article, else 0."""
    slot = writer.signatures.slots(np.array([place + 1]))[0]
    others = np.arange(1, writer.last_key() + 1)
    cosines = writer.signatures.shares(slot, others)[1].sum(axis=1)
    cosines[place] = 0.0  # itself
    own = cosines[original]
    return float(own) if (cosines > own).sum() <= NEAREST else 0.0


def _newcomers(found: Sequence[Case], store: Store) -> None:
    times = []
    with store.writing() as writer:
        for case in found[:NEWCOMERS]:
            key = writer.add(case.document, 2)
            begin = process_time()
            find_groups(writer, key)
            times.append(process_time() - begin)
    print(f"one newcomer: {median(times) * 1e3:.1f} ms")


def _folding(found: Sequence[Case], store: Store) -> None:
    chance = random.Random(1)
    made = [place + 1 for place, case in enumerate(found) if case.of >= 0]
    for name, keys in (
        ("generated articles", list(range(len(made) + 1, len(found)))),
        ("originals and reprints", made),
    ):
        drawn = chance.sample(keys, min(MAX_DEPTH, len(keys)))
        candidates = [Candidate(key, 1.0, 1) for key in drawn]
        times = []
        for _ in range(500):
            begin = process_time()
            rows = Rows(candidates, len(candidates), store)
            rows.part(0, 10)
            times.append((process_time() - begin) * 1e3)
        p50, p95 = np.percentile(times, [50, 95])
        print(f"folding {len(drawn)} {name}: {len(rows)} rows, {p50:.2f} / {p95:.2f} ms")


def judged() -> None:
    """Print precision and recall on the hand-made pairs: of the rule, of a share alone, of MinHash alone."""
    analyzer, pairs = Analyzer(), []
    for line in PAIRS.read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        texts = []
        for side in (pair["left"], pair["right"]):
            made = Article("1", "s", "u", side["title"], "", tuple(map(Paragraph, side["body"])))
            day = datetime.fromisoformat(side["published"]).toordinal()
            document = make_document(made, 1, analyzer)
            texts.append(Text.of(document.record, day, document.text))
        pairs.append((pair["reprint"], *texts))
    _figure("the rule", [(true, left.same_as(right)) for true, left, right in pairs])
    shares = [len(np.intersect1d(a.shingles, b.shingles)) for _, a, b in pairs]
    _figure(
        "0.6 of the shorter",
        [
            (true, share >= 0.6 * min(len(a.shingles), len(b.shingles)))
            for (true, a, b), share in zip(pairs, shares, strict=True)
        ],
    )
    for least in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        _figure(f"MinHash from {least}", [(true, _resemblance(a, b) >= least) for true, a, b in pairs])


def _resemblance(left: Text, right: Text) -> float:
    values = [
        np.array(
            RMinHash.digest_matrix_from_flat_token_hashes(
                one.shingles, np.array([0, len(one.shingles)], np.uint64), 128, 1
            ).to_rows()
        )
        for one in (left, right)
    ]
    return float((values[0] == values[1]).mean())


def _figure(name: str, said: Sequence[tuple[bool, bool]]) -> None:
    right = sum(true and found for true, found in said)
    precision = right / max(1, sum(found for _, found in said))
    recall = right / sum(true for true, _ in said)
    wrong = sum(true != found for true, found in said)
    print(f"{name}: precision {precision:.2f}, recall {recall:.2f}, wrong {wrong} of {len(said)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--articles", type=int, default=10_000)
    asked = parser.parse_args()
    judged()
    with tempfile.TemporaryDirectory(prefix="searchsvc-reprints-") as folder:
        measured(cases(asked.corpus, asked.articles), Path(folder))


if __name__ == "__main__":
    main()
