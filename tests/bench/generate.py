"""Articles by the thousand from a word model of the sample, the same for the same seed."""

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

SAMPLE = Path(__file__).parents[2] / "corpus" / "sample" / "articles.jsonl"

_WORD = re.compile(r"[А-Яа-яЁё-]{1,40}|\d{1,4}")
_FIRST_DAY = datetime(2015, 1, 1, 9, tzinfo=UTC)
_DAYS = 10 * 365
_FOLLOWING = 0.5  # how often a word is followed by one that followed it in the sample


class WordModel:
    """Words of the sample with their frequencies and what follows them."""

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
        """Return *length* words: half follow their neighbour as in the sample, half come by frequency."""
        words: list[str] = []
        while len(words) < length:
            after = self._next.get(words[-1]) if words and chance.random() < _FOLLOWING else None
            words.append(
                chance.choice(after) if after else chance.choices(self.words, cum_weights=self._weights)[0]
            )
        return " ".join(words).capitalize() + "."


def articles(number: int, *, seed: int = 1) -> Iterator[Article]:
    """Yield *number* articles of 60 to 320 words over ten years and three sources."""
    model = WordModel()
    chance = random.Random(seed)
    for index in range(number):
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
    """Return queries by type, words drawn from the same model."""
    model = WordModel()
    chance = random.Random(seed)
    content = [word for word in model.words if len(word) > 4]
    frequent, middling = content[:60], content[60:1500]

    def pick(pool: list[str], words: int) -> list[str]:
        return [" ".join(chance.sample(pool, words)) for _ in range(number)]

    phrases = []
    while len(phrases) < number:
        words = model.sentence(chance, 12).lower().rstrip(".").split()
        place = chance.randrange(10)
        phrases.append(f'"{words[place]} {words[place + 1]}"')
    return {
        "one word": pick(middling, 1),
        "three words": pick(middling, 3),
        "frequent words": pick(frequent, 2),
        "phrase": phrases,
    }
