"""The words of titles, tags and typed queries as they are compared with one another."""

from __future__ import annotations

import re
from functools import lru_cache

from searchsvc.text import fold, plain, strip_marks

_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"[^\W_]+(?:[-‐‑'’./][^\W_]+)*")
_SPACE = re.compile(r"\s+")


@lru_cache(maxsize=200_000)
def folded(token: str) -> str:
    """Return the folded words of one token, which marks may part."""
    return " ".join(map(fold, _WORD.findall(token)))


def key_of(text: str) -> str:
    """Return what titles and phrases are compared by: folded words, one space between two."""
    return " ".join(filter(None, map(folded, _TOKEN.findall(strip_marks(text)))))


def runs_of(text: str) -> list[list[str]]:
    """Return the words of a title or tag in runs: other marks than spaces part them."""
    runs: list[list[str]] = []
    end = -1
    text = strip_marks(text)
    for match in _TOKEN.finditer(text):
        if end >= 0 and _SPACE.fullmatch(text, end, match.start()):
            runs[-1].append(match.group())
        else:
            runs.append([match.group()])
        end = match.end()
    return runs


def plain_text(text: str) -> str:
    """Return *text* with every word as a keyboard has it."""
    return " ".join(map(plain, text.split()))
