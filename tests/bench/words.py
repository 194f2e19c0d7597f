"""What stands for an archive's words in ``searchsvc evaluate corrections``: usual words with frequencies.

    pip install wordfreq
    PYTHONPATH=.:tests python -m bench.words WORDS.tsv [SET.tsv ...] [--number 120000] [--flat]

Of wordfreq's Russian list the most usual words that the dictionary has, and the right Russian words of the
sets that are not among them, each once: what is asked for has to be there. English words are not added: the
archive need not have them. A row in which nothing is wrong adds nothing.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from searchsvc.analysis import Analyzer
from searchsvc.text import fold

LISTED = 400_000
"""Words of the list looked at, of which some 317,000 are in the dictionary."""
TIMES = 2e7
"""Words of text that a frequency is turned into a count by."""
_RUSSIAN = re.compile("[а-яё-]+")


def words(number: int) -> dict[str, int]:
    """Return the *number* most usual words with their counts."""
    import wordfreq

    analyzer = Analyzer()
    found: dict[str, int] = {}
    for word in wordfreq.top_n_list("ru", LISTED):
        if not _RUSSIAN.fullmatch(word) or not analyzer.is_known(word):
            continue
        plain = fold(word)
        if plain not in found and len(found) == number:
            continue
        count = max(1, round(wordfreq.word_frequency(word, "ru") * TIMES))
        found[plain] = found.get(plain, 0) + count
    return found


def right_words(path: Path) -> Iterator[str]:
    """Yield the Russian words that are wanted in a set of corrections, where something else was typed."""
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        *_, typed, wanted = line.split("\t")
        if typed != wanted:
            yield from (word for word in map(fold, wanted.split()) if _RUSSIAN.fullmatch(word))


def main(arguments: list[str] | None = None) -> None:
    """Write the words and say how many there are."""
    parser = argparse.ArgumentParser(
        prog="bench.words", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="WORDS.tsv")
    parser.add_argument("sets", type=Path, nargs="*", metavar="SET.tsv")
    parser.add_argument("--number", type=int, default=120_000)
    parser.add_argument("--flat", action="store_true", help="each word once")
    given = parser.parse_args(arguments)
    found = words(given.number)
    wanted = {word for path in given.sets for word in right_words(path)} - found.keys()
    found |= dict.fromkeys(sorted(wanted), 1)
    rows = "".join(f"{word}\t{1 if given.flat else count}\n" for word, count in found.items())
    given.out.write_text(f"word\tcount\n{rows}", encoding="utf-8")
    print(f"{len(found):,} words, {len(wanted)} of them of the sets")


if __name__ == "__main__":
    main()
