"""The figures of docs/quality.md, table by table, from what is given; what is not given is left out.

    PYTHONPATH=.:tests python -m bench.quality [--known-item SET] [--similar SET] [--treebank LEMMAS.tsv]
        [--corrections SET.tsv ... --words WORDS.tsv]

Without anything the sample alone is measured. With known items the development sets are made
(``bench.sets``) and asked by words alone, without repair. ``--words``: ``bench.words``. What parts of the
second stage give, thresholds of lemmas, engines, reprints and names have commands of their own
(docs/quality.md).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from indexer.evaluate import evaluate_search, judged_set
from indexer.evaluate_corrections import evaluate_corrections
from indexer.evaluate_similar import evaluate_similar
from searchsvc.evaluation import Figures

from .parts import measure
from .sets import build

SEARCH = ("ndcg@10", "mrr@10", "recall@100", "success@10", "dead_ends")
SIMILAR = ("mrr", "mrr_first", "best_f1", "auc")
CORRECTIONS = ("top1", "top5", "changed")
KNOWN_ITEM = ("queries.jsonl", "queries-words.jsonl", "queries-noisy.jsonl")
PARTS_ASKED = ("title", "inner", "damaged", "made-sentences", "made-paragraphs", "sentence")
PAIRS = ("halves", "alternate", "topics")


def sample() -> Iterator[str]:
    """Yield the sample's judged queries by kind."""
    with judged_set(None) as folder:
        figures = evaluate_search(folder)
    yield from _kinds("kind", "queries", SEARCH, figures)


def known_item(folder: Path, clean: Path) -> Iterator[str]:
    """Yield searches for known items beside plain rankings, then queries with a fault by its kind."""
    rows = []
    for name in KNOWN_ITEM:
        figures = evaluate_search(folder, queries=folder / name, compare=True)
        plain: Mapping[str, Figures] = figures["compare"]
        rows.append([name, str(figures["queries"]), *_shares(figures, SEARCH), *map(_beside, plain.values())])
    yield from _table(["queries", "n", *SEARCH, *plain], rows)
    yield ""
    off = evaluate_search(folder, queries=folder / KNOWN_ITEM[-1], correct="off")
    without = evaluate_search(folder, queries=clean)
    every = [figures, off, without, *plain.values()]
    kinds = {"all": every} | {kind: [one["by_kind"][kind] for one in every] for kind in figures["by_kind"]}
    faults = [
        [kind, str(some[0]["queries"]), *(_share(one["ndcg@10"]) for one in some)]
        for kind, some in kinds.items()
    ]
    yield from _table(["fault", "n", "ours", "repair off", "without the fault", *plain], faults)


def development(news: Path, made: Path) -> Iterator[str]:
    """Yield the development sets, the whole second stage beside the engine alone."""
    sets = [
        (news, None),
        (news, news / "queries-words.jsonl"),
        *((made / name, None) for name in PARTS_ASKED),
    ]
    yield measure([one for one in sets if one[0].exists()], [], [])
    own = [(made / name, None) for name in ("own-sentences", "own-paragraphs")]
    if own[0][0].exists():
        yield ""
        yield measure(own, [], [], kinds=True)


def similar(folders: Iterable[Path]) -> Iterator[str]:
    """Yield judged pairs of texts; beside plain cosines where there are few."""
    rows = []
    for folder in folders:
        figures = evaluate_similar(folder, compare=folder.name not in PAIRS)
        variants = {**figures.get("compare", {}), "ours": figures}
        rows += [[folder.name, name, *_shares(one, SIMILAR)] for name, one in variants.items()]
    yield from _table(["set", "by", *SIMILAR], rows)


def corrections(paths: Sequence[Path], words: Path | None) -> Iterator[str]:
    """Yield what repair makes of mistyped words, by set and kind."""
    for path in paths:
        yield from _kinds(path.stem, "n", CORRECTIONS, evaluate_corrections(path, words=words))
        yield ""


def _kinds(title: str, number: str, keys: Sequence[str], figures: Figures) -> Iterator[str]:
    groups = {"all": figures, **figures["by_kind"]}
    rows = [[kind, str(one[number]), *_shares(one, keys)] for kind, one in groups.items()]
    yield from _table([title, number, *keys], rows)


def _beside(plain: Figures) -> str:
    gained = plain["to_ours"]
    return f"{_share(plain['ndcg@10'])} (p {gained['p']}; {gained['better']} / {gained['worse']})"


def _shares(figures: Figures, keys: Iterable[str]) -> list[str]:
    return [_share(figures[key]) for key in keys]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}".removeprefix("0")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def main(arguments: list[str] | None = None) -> None:
    """Measure and print one table after the other."""
    parser = argparse.ArgumentParser(
        prog="bench.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for option in ("--known-item", "--similar", "--treebank", "--words"):
        parser.add_argument(option, type=Path)
    parser.add_argument("--corrections", type=Path, nargs="+", default=[])
    given = parser.parse_args(arguments)
    news: Path | None = given.known_item
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as place:
        made = Path(place)
        build(made, news, given.similar, given.treebank)
        pairs = [*([given.similar] if given.similar else []), *(made / name for name in PAIRS)]
        tables = {"The sample": sample()}
        if news:
            tables |= {
                "Known items": known_item(news, made / "clean.jsonl"),
                "Development sets": development(news, made),
            }
        tables |= {
            "Similar articles": similar(pairs),
            "Corrections": corrections([*given.corrections, made / "questions.tsv"], given.words),
        }
        for title, lines in tables.items():
            print(f"\n## {title}\n", flush=True)
            for line in lines:
                print(line, flush=True)


if __name__ == "__main__":
    main()
