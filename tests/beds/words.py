"""A vocabulary made of words given, as a search makes one of the archive's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from searchsvc.correction.vocabulary import ArchiveVocabulary
from searchsvc.language.analysis import Analyzer
from searchsvc.language.text import fold
from searchsvc.store.lexicon import Entry, Lexicon

ANALYZER = Analyzer()


def vocabulary_of(
    words: Iterable[str] | Mapping[str, int],
    *,
    hits: Callable[[str], int] = lambda _: 0,
    listed: Iterable[str] = (),
    fewest: int = 1,
) -> ArchiveVocabulary:
    """Return the vocabulary of an archive that has *words*, each in one article or as given; *listed* are
    the abbreviations of its list, *fewest* is as in ``ArchiveVocabulary``."""
    short = frozenset(map(fold, listed))
    counts = words if isinstance(words, Mapping) else dict.fromkeys(words, 1)
    lemmas: Counter[str] = Counter()
    entries: dict[str, Entry] = {}
    for word, documents in counts.items():
        for token in ANALYZER.tokens(word):
            entries[token.folded] = Entry(token.folded, token.form, documents)
            lemmas.update(dict.fromkeys(token.lemmas, documents))
        entries[fold(word)] = Entry(fold(word), word, documents)
    return ArchiveVocabulary(
        Lexicon.of(entries.values()),
        ANALYZER,
        lambda terms: sum(lemmas[term] for term in terms),
        hits,
        listed=lambda word: fold(word) in short,
        fewest=fewest,
    )
