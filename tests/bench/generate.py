"""Articles by the thousand from a word model of the sample, the same for the same seed.

Words come by their frequency in the sample, half of them after the word they follow there. The sample has
some seven thousand forms; a real archive's vocabulary goes on growing (Heaps' law), and dictionary and
short posting lists with it. So a part of the words are invented ones of a Zipf tail, each in some of
its forms: about 400 thousand forms in 100 thousand articles, four times as many in a million.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path

from corpus.article import Article, Paragraph
from searchsvc.language.stopwords import STOP_WORDS

SAMPLE = Path(__file__).parents[2] / "corpus" / "sample" / "articles.jsonl"

_WORD = re.compile(r"[А-Яа-яЁё-]{1,40}|\d{1,4}")
_FIRST_DAY = datetime(2015, 1, 1, 9, tzinfo=UTC)
_DAYS = 10 * 365
_FOLLOWING = 0.5  # how often a word is followed by one that followed it in the sample

_INVENTED = 0.07  # share of invented words
_RANK = 7000.0  # the tail begins where the sample's vocabulary ends
_SLOPE = 0.7  # the tail's Zipf exponent less one: the number of words seen grows by the power 1 / 1.7
_INVENTED_WORDS = 20_000_000
_SYLLABLES = (
    "ба", "во", "гри", "да", "жур", "зел", "кра", "ло", "мин", "но", "пле", "ро", "сту", "тар", "фи", "хол",
)  # fmt: skip
_ENDINGS = (
    ("ение", "ения", "ению", "ений"),
    ("ость", "ости", "остей"),
    ("ский", "ского", "ская", "ские"),
    ("ор", "ора", "оров"),
    ("ация", "ации", "аций"),
    ("ировать", "ировал", "ируют"),
)


class WordModel:
    """Words of the sample with their frequencies and what follows them; a tail of invented words."""

    def __init__(self, path: Path = SAMPLE) -> None:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        self.categories = sorted({name for row in rows for name in row["categories"]})
        self.tags = sorted({name for row in rows for name in row["tags"]})
        counts: Counter[str] = Counter()
        self._next: dict[str, list[str]] = {}
        for row in rows:
            for block in row["body"]:
                words = _WORD.findall(str(block.get("text", "")).lower())
                counts.update(words)
                for left, right in pairwise(words):
                    self._next.setdefault(left, []).append(right)
        self.words = [word for word, _ in counts.most_common()]
        self._weights = list(accumulate(counts[word] for word in self.words))

    def sentence(self, chance: random.Random, length: int) -> str:
        """Return *length* words."""
        words: list[str] = []
        drawn = chance.choices(self.words, cum_weights=self._weights, k=length)
        for word in drawn:
            choice = chance.random()
            after = self._next.get(words[-1]) if words and choice < _FOLLOWING else None
            if choice > 1 - _INVENTED:
                words.append(_invented(chance))
            else:
                words.append(chance.choice(after) if after else word)
        return " ".join(words).capitalize() + "."


def _invented(chance: random.Random) -> str:
    """Return a form of an invented word, the frequent ones more often."""
    rank = int(_RANK * ((1 - chance.random()) ** (-1 / _SLOPE) - 1)) % _INVENTED_WORDS
    endings = _ENDINGS[rank % len(_ENDINGS)]
    stem = ""
    left = rank + len(_SYLLABLES)  # two syllables at least
    while left:
        left, number = divmod(left, len(_SYLLABLES))
        stem += _SYLLABLES[number]
    return stem + chance.choice(endings)


def articles(number: int, *, seed: int = 1, first: int = 0) -> Iterator[Article]:
    """Yield *number* articles of 60 to 320 words over ten years and three sources, from the *first* on.

    An article depends on its number and the seed only, so that a large archive begins with a small one.
    """
    model = WordModel()
    for index in range(first, first + number):
        chance = random.Random(seed * 1_000_000_007 + index)
        body = tuple(
            Paragraph(
                " ".join(model.sentence(chance, chance.randint(7, 18)) for _ in range(chance.randint(2, 5)))
            )
            for _ in range(chance.randint(3, 6))
        )
        yield Article(
            id=f"g{index:07}",
            source=f"source-{chance.randint(1, 3)}.example",
            url=f"https://bench.example/{index}",
            title=model.sentence(chance, chance.randint(4, 9)).rstrip("."),
            lead=model.sentence(chance, 14),
            body=body,
            published=_FIRST_DAY + timedelta(days=chance.randrange(_DAYS), seconds=chance.randrange(86_400)),
            categories=(chance.choice(model.categories),),
            tags=tuple(chance.sample(model.tags, 2)),
        )


def queries(*, seed: int = 2, number: int = 60) -> dict[str, list[str]]:
    """Return *number* distinct queries of each type as visitors type them, words of the same model."""
    model = WordModel()
    chance = random.Random(seed)
    content = [word for word in model.words if len(word) > 4 and "-" not in word and word not in STOP_WORDS]
    frequent, middling = content[:60], content[60:1500]

    def pick(pool: list[str], words: int, between: str = " ") -> list[str]:
        found: dict[str, None] = {}
        while len(found) < number:
            found[between.join(chance.sample(pool, words))] = None
        return list(found)

    def phrases() -> list[str]:
        found: dict[str, None] = {}
        while len(found) < number:
            words = model.sentence(chance, 12).lower().rstrip(".").split()
            place = chance.randrange(10)
            if STOP_WORDS.isdisjoint(words[place : place + 2]):
                found[f'"{words[place]} {words[place + 1]}"'] = None
        return list(found)

    return {
        "any word": pick(middling, 3, " ИЛИ "),
        "frequent words, any": pick(frequent, 2, " ИЛИ "),
        "all words": pick(middling, 2),
        "frequent words": pick(frequent, 2),
        "phrase": phrases(),
    }
