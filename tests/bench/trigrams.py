"""Makes ``searchsvc/data/trigrams.npy``: which letters follow which in Russian and in English words.

    PYTHONPATH=.:tests python -m bench.trigrams

Russian words are the forms of navec's news vocabulary (see ``bench.usual``), English ones those of
``searchsvc/data/english.txt`` and of the same vocabulary. Each counts once, however usual: what a word nobody
knows looks like is told by all words, not by the usual ones. The chance of a letter after two others is mixed
with that after one and that of the letter at all (Witten and Bell).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.usual import counts
from searchsvc.correction.trigrams import STEP
from searchsvc.correction.vocabulary import english
from searchsvc.language.letters import ENGLISH, RUSSIAN

DATA = Path(__file__).parents[2] / "searchsvc" / "data"
SIZE = len(RUSSIAN) + 1


def surprises(words: Iterable[str], alphabet: str) -> npt.NDArray[np.uint8]:
    """Return, in steps of nats, how surprising a letter is after two others; 0 is the edge of a word."""
    seen = np.zeros((SIZE, SIZE, SIZE))
    for word in words:
        codes = [0, 0, *(alphabet.index(letter) + 1 for letter in word), 0]
        for place in range(2, len(codes)):
            seen[tuple(codes[place - 2 : place + 1])] += 1
    letters = len(alphabet) + 1
    chance = np.full(SIZE, 1 / letters)
    for given in (seen.sum((0, 1)), seen.sum(0), seen):
        followed = given.sum(-1, keepdims=True)
        kinds = (given > 0).sum(-1, keepdims=True)
        chance = (given + kinds * chance) / np.maximum(followed + kinds, 1) + (followed == 0) * chance
    return np.minimum(np.round(-np.log(chance) / STEP), 255).astype(np.uint8)


def main() -> None:
    forms = counts()
    russian = {form for form in forms if re.fullmatch("[а-я]{3,}", form)}
    latin = {form for form in forms if re.fullmatch("[a-z]{3,}", form)} | english()
    tables = [
        surprises(russian, RUSSIAN),
        surprises((word for word in latin if re.fullmatch("[a-z]{3,}", word)), ENGLISH),
    ]
    np.save(DATA / "trigrams.npy", np.array(tables), allow_pickle=False)
    print(f"{len(russian)} Russian words, {len(latin)} in Latin letters")


if __name__ == "__main__":
    main()
