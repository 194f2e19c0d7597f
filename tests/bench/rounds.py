"""An archive whose every state can be told from any part of an answer, and what checks answers by it.

A batch of articles is changed together, round after round: title, lead, each paragraph, section, tag and
year of all of them carry the round. A version token names the change of the archive that it has come to,
so it says which round everything in the answer must be of.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

from bench.generate import WordModel, articles
from corpus.archive import Archive
from corpus.article import Article, Source
from corpus.jsonl import import_rows
from searchsvc.language.text import clean

WORD = "синхрофазотрон"
"""All articles of the batch have it, no generated one does."""

WANDERING = "дирижабль"
"""A third of the batch has it, in each round another one."""

BATCH = 120
"""Articles changed together; a sync takes up to 500 changes in one commit."""

EXAMPLES = 5

_FIRST = 70_000  # generated words have four digits at most
_MARK = re.compile(r"(?<![\w.-])7\d{4}(?![\w.-])")
_SOURCE = "rounds.example"
_API = "/api/v1/search?correct=off&"
_QUERIES = 40


def mark(number: int) -> str:
    """Return the word of a round."""
    return str(_FIRST + number)


def section(number: int) -> str:
    """Return the category of a round."""
    return f"Раздел {mark(number)}"


def wandering(number: int, batch: int) -> int:
    """Return how many of the batch have ``WANDERING`` in a round."""
    return sum((index + number) % 3 == 0 for index in range(batch))


@dataclass(frozen=True)
class Rounds:
    """The changes: *size* articles that stay, *batch* that change; what any version must look like."""

    size: int
    batch: int = BATCH

    @cached_property
    def _batch(self) -> tuple[Article, ...]:
        return tuple(articles(self.batch, seed=3))

    @cached_property
    def _common(self) -> tuple[str, ...]:
        return tuple(word for word in WordModel().words if len(word) > 4)[:_QUERIES]

    def fill(self, archive: Archive) -> None:
        """Put everything into an empty *archive*, the batch as it is in round 0."""
        for number in range(1, 4):
            archive.add_source(
                Source(f"source-{number}.example", f"https://source-{number}.example/", "import")
            )
        with archive.batch():
            for article in articles(self.size):
                archive.put(article)
        report = import_rows(archive, BytesIO(self.rows(0)), on_error="stop", clean=clean)
        assert not report.failed
        assert archive.last_sequence() == self.sequence(0)

    def rows(self, number: int) -> bytes:
        """Return the batch in a round as JSON Lines."""
        word = mark(number)
        lines = []
        for index, base in enumerate(self._batch):
            moved = f" {WANDERING.capitalize()}." if (index + number) % 3 == 0 else ""
            lines.append(
                {
                    "id": f"r{index:04}",
                    "url": f"https://{_SOURCE}/{index}/",
                    "source": f"https://{_SOURCE}/",
                    "title": f"{WORD.capitalize()} {word}: {base.title}",
                    "lead": f"{WORD.capitalize()} {word}. {base.lead}",
                    "body": "\n\n".join(
                        f"{WORD.capitalize()} {word} и прочее.{moved} {block.text}"  # type: ignore[union-attr]
                        for block in base.body
                    ),
                    "published": f"{self.year(number)}-03-{1 + index % 28:02}T10:00:00+03:00",
                    "categories": [section(number)],
                    "tags": [f"метка {word}"],
                }
            )
        return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)

    def sequence(self, number: int) -> int:
        """Return the last change of the archive in a round."""
        return self.size + self.batch * (number + 1)

    def number(self, version: str) -> int | None:
        """Return the round that a version token speaks of; None for a state between two."""
        sequence = int(version.split(".")[1].partition("e")[0])
        number, rest = divmod(sequence - self.size, self.batch)
        return None if rest or number < 1 else number - 1

    @staticmethod
    def year(number: int) -> int:
        """Return the year of publication of the batch in a round."""
        return 1990 + number % 20

    def requests(self, chance: random.Random, newest: Callable[[], int]) -> Iterator[tuple[str, str]]:
        """Yield (kind, path with query) for ever; *newest* tells the last round begun."""
        kinds = list(_KINDS)
        while True:
            kind = chance.choice(kinds)
            near = max(0, newest() - chance.randint(0, 2))
            values = {
                "number": near,
                "article": f"r{chance.randrange(self.batch):04}",
                "page": chance.randint(1, 3),
                "words": " ".join(chance.sample(self._common, 2)),
            }
            yield kind, _KINDS[kind](values)


def _api(**values: object) -> str:
    return _API + urlencode(values)


_KINDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "all": lambda v: _api(q=WORD, page=v["page"]),
    "newest": lambda v: _api(q=WORD, sort="-date", per_page=20),
    "phrase": lambda v: _api(q=f'"{WORD} {mark(v["number"])}"'),
    "wandering": lambda v: _api(q=f"{WANDERING} {WORD}"),
    "round": lambda v: _api(q=mark(v["number"])),
    "section": lambda v: _api(q=WORD, category=section(v["number"])),
    "year": lambda v: _api(
        q=WORD, **{"from": f"{Rounds.year(v['number'])}-01-01", "to": f"{Rounds.year(v['number'])}-12-31"}
    ),
    "words": lambda v: _api(q=v["words"]),
    "source": lambda v: _api(q="", source=_SOURCE, sort="-date"),
    "article": lambda v: f"/api/v1/articles/{v['article']}",
    "similar": lambda v: f"/api/v1/articles/{v['article']}/similar",
    "article page": lambda v: f"/articles/{v['article']}",
    "result page": lambda v: "/search?" + urlencode({"q": WORD, "page": v["page"]}),
    "nothing found page": lambda v: "/search?" + urlencode({"q": f"{WORD} абракадабровый -{WORD}"}),
    "first page": lambda v: "/",
}


@dataclass
class Checker:
    """Looks at every answer for signs of two versions. Thread-safe."""

    rounds: Rounds
    mixed: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)
    _bodies: dict[tuple[str, str], str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, kind: str, path: str, tag: str, body: bytes) -> int | None:
        """Check an answer of status 200 with its ETag; return the round it is of, None if it shows none."""
        if path.startswith("/api/"):
            answer = json.loads(body)
            version = answer["version"]
            number = self.rounds.number(version)
            answer.pop("took_ms", None)
            body = json.dumps(answer, sort_keys=True).encode()
            problems = list(self._problems(kind, path, answer, number))
        else:
            version = ""
            found = sorted(set(_MARK.findall(body.decode())))
            number = int(found[0]) - _FIRST if found else None
            problems = [f"rounds {found} on one page"] if len(found) > 1 else []
        digest = hashlib.blake2b(body, digest_size=16).hexdigest()
        with self._lock:
            if self._bodies.setdefault((path, tag), digest) != digest:
                problems.append(f"two answers with one ETag {tag}")
            if version:
                self.versions.add(version)
            for problem in problems:
                self.mixed[kind] += 1
                if len(self.examples) < EXAMPLES:
                    self.examples.append(f"{kind}: {problem} ({version} {path})")
        return number

    def _problems(self, kind: str, path: str, answer: Mapping[str, Any], number: int | None) -> Iterator[str]:
        if number is None:
            yield "a version between two rounds"
            return
        shown = answer if kind == "article" else answer["results"]
        found = set(_MARK.findall(json.dumps(shown, ensure_ascii=False)))
        if found - {mark(number)}:
            yield f"rounds {sorted(found)} in the articles, by version {mark(number)}"
        if kind in {"article", "similar"}:
            return
        if answer["facets"] and kind != "words":
            # A filter's own facet and its own value are shown whatever they match.
            buckets = json.dumps(
                [v for n in answer["facets"].values() for v in n if v["count"]], ensure_ascii=False
            )
            if set(_MARK.findall(buckets)) - {mark(number)}:
                yield f"facets of another round than {mark(number)}: {buckets}"
        yield from self._totals(kind, path, number, answer)
        for hit in answer["results"]:
            if hit["source"] == _SOURCE:
                yield from _parts_of(hit, number, snippet=kind not in {"source", "words"})

    def _totals(self, kind: str, path: str, number: int, answer: Mapping[str, Any]) -> Iterator[str]:
        if kind == "words":
            return
        total = self.rounds.batch
        if kind == "wandering":
            total = wandering(number, total)
        elif (kind in {"phrase", "round", "section"} and mark(number) not in path) or (
            kind == "year" and f"from={Rounds.year(number)}" not in path
        ):
            total = 0  # it asks for another round
        if answer["total"] != total:
            yield f"total {answer['total']}, of round {mark(number)} there are {total}"
        years = {b["value"]: b["count"] for b in answer["facets"].get("year", ()) if b["count"]}
        if total and years != {str(Rounds.year(number)): total}:
            yield f"years {years} in round {mark(number)}"


def _parts_of(hit: Mapping[str, Any], number: int, *, snippet: bool) -> Iterable[str]:
    """Say which parts of a result are not of the round."""
    parts = {
        "title": hit["title"],
        "categories": hit["categories"],
        "tags": hit["tags"],
        "published": hit["published"],
    } | ({"snippet": hit["snippet"]} if snippet else {})
    for name, value in parts.items():
        wanted = str(Rounds.year(number)) if name == "published" else mark(number)
        text = "".join(piece["text"] for piece in value) if name in {"title", "snippet"} else str(value)
        if wanted not in text:
            yield f"{name} of {hit['id']} is not of round {mark(number)}: {text}"
