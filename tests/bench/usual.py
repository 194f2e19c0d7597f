"""Makes ``searchsvc/data/usual-*.npy``: how often words stand in Russian news in general.

    PYTHONPATH=.:tests python -m bench.usual

The counts are those of navec's news vocabulary (MIT, Natasha project; inside natasha 1.6, extra ``names``):
250,000 words of Lenta.ru, RIA, Fontanka and two crawls of news sites, with how often each stands in 1.2
billion words. A form counts for each lemma it may be, as in an index. Made anew when the analysis of words
changes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np
from navec import Navec

from searchsvc.analysis import Analyzer
from searchsvc.document import term_hash
from searchsvc.text import fold
from searchsvc.usual import STEP, WORD

VOCABULARY = "data/emb/navec_news_v1_1B_250K_300d_100q.tar"
RUSSIAN_WORD = re.compile("[а-я]+(-[а-я]+)*")
DATA = Path(__file__).parents[2] / "searchsvc" / "data"


def counts() -> Mapping[str, int]:
    """Return how often each folded form stands in the news."""
    vocabulary = Navec.load(str(files("natasha") / VOCABULARY)).vocab
    found: Counter[str] = Counter()
    for word, count in zip(vocabulary.words, vocabulary.counts, strict=True):
        if count and not word.startswith("<"):
            found[fold(word)] += count
    return found


def write(path: Path, found: Mapping[str, int]) -> None:
    rows = np.zeros(len(found), WORD)
    rows["word"] = [term_hash(word) for word in found]
    rows["level"] = np.round(np.log(list(found.values())) / STEP)
    rows = rows[np.lexsort((-rows["level"].astype(int), rows["word"]))]
    rows = rows[np.unique(rows["word"], return_index=True)[1]]  # of two words with one hash the more usual
    np.save(path, rows, allow_pickle=False)
    print(f"{path.name}: {len(rows)} words, {path.stat().st_size} bytes")


def main() -> None:
    forms, analyzer = counts(), Analyzer()
    lemmas: Counter[str] = Counter()
    for form, count in forms.items():
        for token in analyzer.tokens(form):
            for lemma in token.lemmas:
                lemmas[lemma] += count
    print(f"words in all: {sum(forms.values())}")
    write(DATA / "usual-lemmas.npy", lemmas)
    write(
        DATA / "usual-forms.npy",
        {form: count for form, count in forms.items() if RUSSIAN_WORD.fullmatch(form)},
    )


if __name__ == "__main__":
    main()
