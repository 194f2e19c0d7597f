"""Words of the archive that are kin to those of a query: what else to try where nothing has all its words.

Kin begin with the same letters (as ``document.family_hash`` has it), share more than two thirds of the
shorter one, and differ in endings and suffixes alone: «школьник» is kin of «школа», not «перевозка» of
«перевод», «настать» of «наставник», «интернет» of «интернат». A word may begin longer ones («робот»,
«робототехника»), not the other way round: of «землетрясение» «земля» is no help. Names of people have no
kin. The most alike come first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, zip_longest

from searchsvc.language.analysis import Analyzer
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.synonyms import Synonyms
from searchsvc.language.text import fold
from searchsvc.results import WordCount
from searchsvc.store.document import KIN_LETTERS
from searchsvc.store.lexicon import Entry, Lexicon

SHOWN = 5
"""Words that are offered of a query."""

MOST_OF_A_WORD = 3
MOST_WORDS = 3
"""Kin of a word, and words of a query whose kin are looked for."""

MOST_READ = 24
"""Forms that are read for the kin of a word: the most frequent of those with the most letters in common.
Half of them are forms of the word itself."""

_PREFIXES = (
    *("пере", "пред", "противо", "при", "про", "пре", "под", "над", "раз", "рас", "воз", "вос"),
    *("без", "бес", "обо", "ото", "изо", "сверх", "меж", "вы", "за", "на", "по", "об", "от", "до"),
)
_ROOT = 3  # letters that kin have in common behind a prefix: «проект» and «проезд» have fewer

_ENDING = re.compile("(?:ться|тись|(?<!с)ть|ти|ый|ий|ой|ия|ие|ье|[аеийоуыьэюя])$")
_SUFFIXES = re.compile(
    "(?:ад|аль|ани?|ант|ар|ат|атор|ац|аци|ационн|ва|ев|ева|ец|ени|енн?|ер|ерск|еск|еств|ив|ива|из|иза|изаци|изм|ийн"
    "|ик|ин|ион|ионн|ирова|ист|иц|ическ|йск|к|л|лив|лищ|льн|н|ни|ник|нн|нич|ниц|ов|ова|овн|ок|ор|ость?|от|ск|ств"
    "|тель?|тор|ун|ур|ц|чан|чат|ческ|честв|чик|чив|чн|щик|ыва|яр|[аеиь])*"
)
"""What words are made with from others, in the rough: a test for kinship, no grammar."""

_SHARED = 2  # last letters that kin share may belong to suffixes: «твор-ческий», «твор-чество»
_BEGINS_LONGER = re.compile("[ое].{4,}")
_OF_PEOPLE = frozenset({"Name", "Surn", "Patr"})

_TRUSTED = 2  # articles that a word has to have which is in no dictionary: the others are misspelt


def related_words(
    words: Sequence[str],
    lexicon: Lexicon,
    analyzer: Analyzer,
    *,
    frequency: Callable[[tuple[str, ...]], int],
    synonyms: Synonyms | None = None,
) -> tuple[WordCount, ...]:
    """Return kin and short synonyms of *words*, each with its number of articles.

    The words are taken in turn, the best of each first. *frequency* says how many articles have any of some
    lemmas; a search for the word may find more, by its synonyms.
    """
    taken = {lemma for word in words for lemma in analyzer.lemmas(word)}
    rows = [
        _kin(analyzer.lemmas(word)[0], taken, lexicon, analyzer)
        for word in words[:MOST_WORDS]
        if fold(word) not in STOP_WORDS
    ]
    offered = [
        *_synonyms(words, analyzer, synonyms),
        *(word for turn in zip_longest(*rows) for word in turn if word),
    ]
    found: list[WordCount] = []
    for word in offered:
        lemmas = analyzer.lemmas(word)
        if not taken.isdisjoint(lemmas):
            continue
        if count := frequency(lemmas):
            taken.update(lemmas)
            found.append(WordCount(word, word, count))
        if len(found) == SHOWN:
            break
    return tuple(found)


def _synonyms(words: Sequence[str], analyzer: Analyzer, synonyms: Synonyms | None) -> Iterator[str]:
    """Yield the synonyms in force that are a single word: «ЕГЭ» of «единый государственный экзамен»."""
    tokens = [token for word in words for token in analyzer.tokens(word) if not token.whole]
    for other in synonyms.alternatives(tokens) if synonyms else ():
        if len(other.steps) == 1:
            yield other.text


def _kin(lemma: str, taken: set[str], lexicon: Lexicon, analyzer: Analyzer) -> list[str]:
    """Return the kin of *lemma*, the most alike first, as a dictionary has them."""
    found: dict[str, Entry] = {}
    seen: set[str] = set()
    if not lemma.isalpha() or _is_of_people(lemma, analyzer):
        return []
    for common in range(len(lemma), KIN_LETTERS - 1, -1):
        fresh = (one for one in lexicon.frequent(lemma[:common], MOST_READ) if one.form not in seen)
        for entry in islice(fresh, MOST_READ - len(seen)):
            seen.add(entry.form)
            other = analyzer.lemmas(entry.form)[0]
            if (
                other not in found
                and other not in taken
                and other not in STOP_WORDS
                and _are_kin(lemma, other)
                and not _is_of_people(other, analyzer)
                and (entry.documents >= _TRUSTED or analyzer.is_known(entry.spelling))
            ):
                found[other] = entry
        if len(found) >= MOST_OF_A_WORD or len(seen) >= MOST_READ:
            break
    return [_shown(*pair, lexicon, analyzer) for pair in islice(found.items(), MOST_OF_A_WORD)]


def _are_kin(one: str, other: str) -> bool:
    shorter = min(len(one), len(other))
    common = _common(one, other)
    if common < KIN_LETTERS or not other.isalpha() or common * 3 <= shorter * 2:
        return False
    prefix = next((len(prefix) for prefix in _PREFIXES if one.startswith(prefix)), 0)
    return (common == shorter or common >= prefix + _ROOT) and _differ_in_suffixes(one, other)


def _common(one: str, other: str) -> int:
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)


def _differ_in_suffixes(one: str, other: str) -> bool:
    """Say whether suffixes alone make *one* and *other* different, or *other* goes on with another word."""
    stems = _ENDING.sub("", one), _ENDING.sub("", other)
    common = _common(*stems)
    for root in range(common, max(common - _SHARED, _ROOT), -1):
        if all(_SUFFIXES.fullmatch(stem, root) for stem in stems):
            return True
    return common == len(stems[0]) and _BEGINS_LONGER.fullmatch(stems[1], common) is not None


def _is_of_people(lemma: str, analyzer: Analyzer) -> bool:
    readings = analyzer.readings(lemma)
    return bool(readings) and not _OF_PEOPLE.isdisjoint(readings[0].tags)


def _shown(lemma: str, entry: Entry, lexicon: Lexicon, analyzer: Analyzer) -> str:
    """Return *lemma* as the dictionary has it, with its ё; what it does not have as the archive spells it."""
    itself = lexicon.entry(lemma)
    written = itself.spelling if itself else entry.spelling
    word = analyzer.headword([written], lemma, name=None)
    return word.text[:1].upper() + word.text[1:] if word.proper else word.text
