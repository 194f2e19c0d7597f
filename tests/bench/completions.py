"""How often the wished completion of a second or third word is among the first five.

PYTHONPATH=.:tests python -m bench.completions DATA [--show]      the beginnings of tests/completions
PYTHONPATH=.:tests python -m bench.completions --news SET         of another archive's headlines and bodies

DATA is a data folder with the sample. SET is a folder in BEIR layout whose queries are the headlines of its
texts: three quarters of them, drawn once, are indexed with their headlines; of the fourth quarter come the
headlines, cut at the first further word, and the pairs of words that at least three of its texts have, cut
after one to three letters. Only what the index answers is asked for.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from corpus.archive import Archive
from corpus.article import Article, Paragraph, Source
from indexer.pipeline import rebuild
from searchsvc.analysis import Analyzer
from searchsvc.bootstrap import open_service
from searchsvc.evaluation import read_rows
from searchsvc.generations import Generations
from searchsvc.grammar import STRANGE, goes_with
from searchsvc.results import SearchRequest
from searchsvc.search import SearchService
from searchsvc.settings import Settings
from searchsvc.stopwords import STOP_WORDS
from searchsvc.text import fold
from searchsvc.wording import key_of

BEGINNINGS = Path(__file__).parent.parent / "completions" / "beginnings.txt"
LIMIT = 8
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_RUN = re.compile(r"[^.!?,;:«»()\n\"—–]+")
_SITE = Source("news.example", "https://news.example/", "import")


class Wish(NamedTuple):
    """What was typed, and the query that is meant."""

    typed: str
    meant: str


class Figures(NamedTuple):
    """How many wishes there were; the share found first and among the first five; mean reciprocal rank."""

    wishes: int
    first: float
    five: float
    mrr: float


def wishes(path: Path = BEGINNINGS) -> list[Wish]:
    """Return the written beginnings."""
    lines = path.read_text(encoding="utf-8").splitlines()
    cut = [line.partition("|") for line in lines if line and not line.startswith("#")]
    return [Wish(typed, typed + rest) for typed, _, rest in cut]


def rank(service: SearchService, analyzer: Analyzer, wish: Wish) -> int:
    """Return the place of the first completion that is right, 0 for none.

    It is right if it goes to what is meant and no other way, as far as it goes: by lemmas it begins with what
    is meant, or is the beginning of it, the word that was cut included.
    """
    meant, least = _lemmas(wish.meant, analyzer), len(key_of(wish.typed).split())
    for place, one in enumerate(service.suggest(wish.typed, LIMIT), 1):
        offered = _lemmas(one.text, analyzer)
        if len(offered) >= least and all(a == b for a, b in zip(offered, meant, strict=False)):
            return place
    return 0


def _lemmas(text: str, analyzer: Analyzer) -> list[str]:
    return [analyzer.lemmas(word)[0] for word in key_of(text).split()]


def answered(service: SearchService, some: Iterable[Wish]) -> list[Wish]:
    """Return the wishes that an article answers as they are meant."""
    return [one for one in some if service.search(SearchRequest(one.meant, correct="off")).total]


def figures(ranks: Sequence[int]) -> Figures:
    """Sum up the places of right completions."""
    number = len(ranks)
    return Figures(
        number,
        sum(place == 1 for place in ranks) / number,
        sum(0 < place <= 5 for place in ranks) / number,
        sum(1 / place for place in ranks if place) / number,
    )


# --- another archive ------------------------------------------------------------------------------


def _split(folder: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return headlines and texts of three quarters of a set, and of the fourth."""
    right = [line.split("\t") for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]]
    texts_of = {query: text for query, text, _ in right}
    headlines = {texts_of[row["_id"]]: row["text"] for row in read_rows(folder / "queries.jsonl")}
    corpus = read_rows(folder / "corpus.jsonl")
    rows = sorted((str(row["_id"]), headlines[row["_id"]], str(row["text"])) for row in corpus)
    random.Random(7).shuffle(rows)
    kept = [row[1:] for number, row in enumerate(rows) if number % 4]
    return kept, [row[1:] for row in rows[::4]]


def _index(folder: Path, news: Iterable[tuple[str, str]], analyzer: Analyzer) -> None:
    with Archive.open(folder / "archive.db") as archive:
        archive.add_source(_SITE)
        with archive.batch():
            for number, (headline, text) in enumerate(news):
                body = tuple(Paragraph(line) for line in text.split("\n") if line.strip())
                url = f"{_SITE.url}{number}"
                archive.put(Article(id=f"n{number}", source=_SITE.id, url=url, title=headline, body=body))
        rebuild(archive, Generations(folder / "index"), analyzer, engine="whoosh")


def _tells(word: str) -> bool:
    return len(word) > 2 and fold(word) not in STOP_WORDS


def _headlines(news: Iterable[tuple[str, str]], chance: random.Random) -> Iterator[Wish]:
    for headline, _ in news:
        words = _WORD.findall(headline)
        telling = [place for place, word in enumerate(words) if _tells(word)][:2]
        if len(telling) == 2:
            yield _cut(words[telling[0] : telling[1] + 1], chance)


def _bodies(news: Iterable[tuple[str, str]], chance: random.Random) -> Iterator[Wish]:
    texts: Counter[tuple[str, str]] = Counter()
    for _, text in news:
        runs = [_WORD.findall(run.lower()) for run in _RUN.findall(text)]
        pairs = {pair for run in runs for pair in pairwise(run)}
        texts.update(pair for pair in pairs if all(map(_tells, pair)))
    for pair in sorted(pair for pair, number in texts.items() if number >= 3):
        yield _cut(pair, chance)


def _cut(words: Sequence[str], chance: random.Random) -> Wish:
    *before, last = words
    letters = chance.randint(1, min(3, len(last) - 1))
    return Wish(" ".join((*before, last[:letters])), " ".join(words))


def _measure(service: SearchService, analyzer: Analyzer, name: str, some: list[Wish], *, show: bool) -> None:
    kept = answered(service, some)
    ranks = [rank(service, analyzer, wish) for wish in kept]
    for place, wish in zip(ranks, kept, strict=True):
        if show and place != 1:
            offered = "; ".join(one.text for one in service.suggest(wish.typed, LIMIT))
            print(f"{place or '-'}  {wish.typed} → {wish.meant}: {offered}")
    found = figures(ranks)
    shares = " | ".join(f"{share:.3f}" for share in found[1:])
    print(f"| {name} | {found.wishes} of {len(some)} | {shares} |")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row of figures for each kind of beginning."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--news", action="store_true", help="FOLDER is a set of news")
    parser.add_argument("--show", action="store_true", help="what is not in the first place")
    given = parser.parse_args(arguments)
    analyzer, chance = Analyzer(), random.Random(3)
    print("| beginnings | wishes | first | success@5 | MRR |\n|---|---|---|---|---|")
    if not given.news:
        service, live = open_service(Settings(data_dir=given.folder, query_log=False), analyzer)
        _measure(service, analyzer, "the sample", wishes(), show=given.show)
        live.close()
        return
    indexed, held = _split(given.folder)
    with tempfile.TemporaryDirectory() as folder:
        _index(Path(folder), indexed, analyzer)
        service, live = open_service(Settings(data_dir=Path(folder), query_log=False), analyzer)
        found = {"headlines": list(_headlines(held, chance)), "pairs of bodies": list(_bodies(held, chance))}
        for name, some in found.items():
            names = [one for one in some if goes_with("", one.meant.split()[-1], analyzer) > STRANGE]
            _measure(service, analyzer, f"{name}, at a noun or adjective", names, show=given.show)
            rest = [one for one in some if one not in names]
            _measure(service, analyzer, f"{name}, at a verb or adverb", rest, show=given.show)
        live.close()


if __name__ == "__main__":
    main()
