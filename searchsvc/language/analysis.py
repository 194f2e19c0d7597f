"""The one analyzer: text to tokens, for documents, queries, snippets and suggestions.

A token is a word as it stands in the text with every lemma that is plausible for it. A
hyphenated or dotted compound («учебно-методический», «273-ФЗ», «02.08.2022») gives its
parts at consecutive positions and the whole as a further token at the first of them.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pymorphy3
from pymorphy3.units import DictionaryAnalyzer
from pymorphy3.units.by_analogy import KnownPrefixAnalyzer

from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.text import fold, plain, strip_marks

ANALYSIS_VERSION = 1

LEMMA_THRESHOLD = 0.03
"""Parses scored below this are not indexed (measured: docs/quality.md, "Lemma threshold")."""

MAX_WORD = 100
"""Longer runs of letters are no words; only their beginning is analysed."""

CACHE_FORMS = 400_000
"""Forms kept with their lemmas; a Russian news archive of a million texts has about as many."""

SHORTEST_BASE = 4
"""Letters that a word has at least behind a prefix."""

_LETTER = r"[^\W\d_]"
# Marks and invisible characters belong to the word they stand in.
_MARK = "[\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufeff]"
# «статья 28 273-ФЗ» has two numbers, not one of five digits.
_GROUPED_NUMBER = "(?<!\\d)\\d{1,3}(?:[ \u00a0\u202f\u2009]\\d{3})+(?![-\u2010\u2011\\d])"
# No shorter run can make a match of what follows, so nothing is ever given back: with a plain "+" a
# query of thirty digits would be tried in 2**30 ways.
_ATOM = rf"(?:{_GROUPED_NUMBER}|(?:{_LETTER}|\d){_MARK}*+)++"
_HYPHEN = "[-\u2010\u2011]"
_TOKEN = re.compile(
    rf"""
      (?P<address>
          (?:https?://|www\.)[^\s<>«»"]+
        | (?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+
        | (?<![\w.-])(?:[a-z0-9-]+\.)+(?:ru|com|org|net|info|edu|su|io|me)(?!\w)(?:/[^\s<>«»"]*)?
      )
    | (?P<signed>[CСF][+]{{2}}|[CСF]\#)
    | (?P<compound>{_ATOM}(?:(?:{_HYPHEN}|(?<=\d)[.,/](?=\d)|(?<={_LETTER})['’](?={_LETTER})){_ATOM})+)
    | (?P<atom>{_ATOM})
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PART = re.compile(_ATOM)
# «27-й», «2022-го», «10-ти» are numbers; «10-А» and «273-ФЗ» are not.
_ORDINAL = re.compile(rf"^(\d+){_HYPHEN}(?:[йяеюхмиь]|[оыие][йея]|[оае]го|[оеы]м[уи]?|ых|го|му|ую|ми|ти|ю)$")
_TRAILING = ".,;:!?)]}'\"’…"
_SPACED_NUMBER = re.compile("(?<=\\d)[ \u00a0\u202f\u2009](?=\\d)")
_CYRILLIC_WORD = re.compile("^[а-яё]+$")
# An abbreviation in capitals, with the ending speech gives it: «ФГОСы», «ИРОвский» is not one.
_ABBREVIATION = re.compile("^([А-ЯЁ]{2,7})(?:а|у|ом|е|ы|ов|ам|ами|ах|и|ей)?$")

_PROPER = frozenset({"Name", "Surn", "Patr", "Geox", "Orgn", "Trad"})

_PROBE = (
    "Образова́ние детей с ОВЗ: приказ № 1493, 273-ФЗ, учебно-методический совет. "
    "Учащиеся стали читать ещё больше — 1\u00a0250 книг; EГЭ-2024, C++, почта iro@site.ru, ФГОСы."
)


def folded_form(form: str) -> str:
    """Return the form of a token as it is compared, spaces inside a number left out."""
    return fold(_SPACED_NUMBER.sub("", form[:MAX_WORD]))


def spelt_form(form: str) -> str:
    """Return the form of a token as it is shown again: plain, with its capitals and ё."""
    return plain(_SPACED_NUMBER.sub("", form[:MAX_WORD]))


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text.

    ``start`` and ``stop`` are offsets in the text given; ``form`` is what stands there;
    ``folded`` is the form as it is compared; ``lemmas`` are folded, best first. ``whole``
    marks the extra token of a compound, which shares the position of its first part.
    """

    position: int
    start: int
    stop: int
    form: str
    folded: str
    lemmas: tuple[str, ...]
    whole: bool = False

    @property
    def stop_word(self) -> bool:
        """Whether the word carries no meaning of its own."""
        return self.folded in STOP_WORDS


@dataclass(frozen=True, slots=True)
class Headword:
    """A word as a dictionary has it; ``part`` is the part of speech by OpenCorpora, ``proper`` a name."""

    text: str
    part: str
    proper: bool


CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")
"""Grammatical cases as a reading names them, the nominative first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a word form: grammemes of OpenCorpora («NOUN», «Surn», «femn», …).

    ``case``, ``gender`` and ``number`` are "" where the form has none.
    """

    lemma: str
    score: float
    case: str
    gender: str
    number: str
    tags: frozenset[str]
    _parse: pymorphy3.analyzer.Parse = field(repr=False, compare=False)

    @property
    def proper(self) -> bool:
        """Whether it is a name: of a person, a place, an organisation, a make."""
        return not _PROPER.isdisjoint(self.tags)

    @property
    def nominative(self) -> str:
        """The word in the nominative of the same number and gender."""
        found = self._parse if self.case == "nomn" else self._parse.inflect({"nomn"})
        return str((found or self._parse).word)


class Analyzer:
    """Turns text into tokens. Thread-safe; the dictionary loads on first use."""

    def __init__(self, *, threshold: float = LEMMA_THRESHOLD, cache_forms: int = CACHE_FORMS) -> None:
        self._threshold = threshold
        self._cache_forms = cache_forms
        self._cache: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._readings: dict[str, tuple[Reading, ...]] = {}

    @cached_property
    def _morph(self) -> pymorphy3.MorphAnalyzer:
        return pymorphy3.MorphAnalyzer(lang="ru")

    @cached_property
    def fingerprint(self) -> str:
        """Version of the analysis and a hash of what it does to a probe text."""
        seen = repr([(t.position, t.start, t.stop, t.lemmas) for t in self.tokens(_PROBE)])
        return f"{ANALYSIS_VERSION}-{hashlib.sha256(seen.encode()).hexdigest()[:12]}"

    def tokens(self, text: str) -> Iterator[Token]:
        """Yield the tokens of *text* in order of position, a compound's whole before its parts."""
        position = 0
        for match in _TOKEN.finditer(text):
            start, stop = match.span()
            form = match.group()
            if match.lastgroup == "atom":
                yield self._token(position, start, form)
                position += 1
            elif match.lastgroup == "compound":
                yield from self._compound(position, start, form)
                position += 1 if _ORDINAL.match(form) else len(_PART.findall(form))
            elif match.lastgroup == "address":
                form = form.rstrip(_TRAILING)
                yield from self._address(position, start, form)
                position += max(1, len(_PART.findall(form)))
            else:
                folded = folded_form(form)
                yield Token(position, start, stop, form, folded, (folded.replace("с", "c"),))
                position += 1

    def lemmas(self, form: str) -> tuple[str, ...]:
        """Return the plausible lemmas of one word, best first, folded; never empty."""
        return self._look_up(form)[1]

    def is_known(self, form: str) -> bool:
        """Whether the dictionary has this very form (a guess by its ending does not count)."""
        return bool(self._morph.word_is_known(strip_marks(form).lower()))

    def known_among(self, words: Iterable[str]) -> list[str]:
        """Return those of many plain words in lower case that the dictionary has."""
        has = self._morph.word_is_known
        return [word for word in words if has(word)]

    def is_prefixed(self, form: str) -> bool:
        """Whether it is a word of the dictionary behind a prefix that makes words: «антиплагиат»."""
        word = strip_marks(form).lower()
        if not _CYRILLIC_WORD.match(word):
            return False
        base, *built = self._morph.parse(word)[0].methods_stack
        return (
            len(built) == 1
            and isinstance(built[0][0], KnownPrefixAnalyzer)
            and isinstance(base[0], DictionaryAnalyzer)
            and len(base[1]) >= SHORTEST_BASE
        )

    def forms(self, form: str) -> list[str]:
        """Return the other forms of a Russian word in its likeliest reading, folded."""
        lower = strip_marks(form).lower()
        if not _CYRILLIC_WORD.match(lower.replace("-", "")):
            return []  # pymorphy fails over letters that have no name in its Unicode
        lexeme = self._morph.parse(lower)[0].lexeme
        found = [one.word.replace("ё", "е") for one in lexeme]
        return list(dict.fromkeys(one for one in found if one != fold(form)))

    def headword(self, forms: Sequence[str], lemma: str, *, name: bool | None) -> Headword:
        """Return the dictionary form of *forms* read as *lemma*, with its ё; a name in its own gender.

        *name* says whether it is one, None leaves that to the dictionary. A word that the dictionary does not
        have stays as its first form is written.
        """
        lower = [plain(form).lower() for form in forms]
        parses = [parse for parse in self._morph.parse(lower[0]) if fold(parse.normal_form) == lemma]
        if name is not None:
            parses.sort(key=lambda parse: _PROPER.isdisjoint(parse.tag.grammemes) == name)
        if not parses:
            return Headword(forms[0], "NOUN", proper=False)
        tag = parses[0].tag
        proper = not _PROPER.isdisjoint(tag.grammemes)
        if not self._morph.word_is_known(lower[0]):
            return Headword(forms[0], tag.POS or "NOUN", proper)
        return Headword(
            self._name(lower, lemma) if proper else parses[0].normal_form, tag.POS or "", proper=proper
        )

    def _name(self, forms: Sequence[str], lemma: str) -> str:
        """Return a name in the nominative of the gender that most of its *forms* can have."""
        fitting: Counter[str] = Counter()
        for form in forms:
            parses = (parse for parse in self._morph.parse(form) if fold(parse.normal_form) == lemma)
            named = (
                parse.inflect({"nomn", "sing"})
                for parse in parses
                if not _PROPER.isdisjoint(parse.tag.grammemes)
            )
            fitting.update({parse.word: None for parse in named if parse}.keys())
        return max(fitting, key=lambda word: (fitting[word], word in forms), default=lemma)

    def readings(self, form: str) -> tuple[Reading, ...]:
        """Return every reading of one Russian word, most probable first; guesses where the dictionary has
        none. A word of other letters has no reading."""
        form = form[:MAX_WORD]
        found = self._readings.get(form)
        if found is None:
            if len(self._readings) >= self._cache_forms:
                self._readings.clear()
            lower = strip_marks(form).lower()
            parses = self._morph.parse(lower) if _CYRILLIC_WORD.match(lower.replace("-", "")) else ()
            found = self._readings[form] = tuple(map(_reading, parses))
        return found

    def _token(self, position: int, start: int, form: str) -> Token:
        folded, lemmas = self._look_up(form)
        return Token(position, start, start + len(form), form, folded, lemmas)

    def _compound(self, position: int, start: int, form: str) -> Iterator[Token]:
        ordinal = _ORDINAL.match(form)
        if ordinal:  # «27-й», «2022-го»: the number is the word
            yield Token(position, start, start + len(form), form, folded_form(form), (ordinal.group(1),))
            return
        folded, lemmas = self._look_up(form)
        yield Token(position, start, start + len(form), form, folded, lemmas, whole=True)
        for offset, part in enumerate(_PART.finditer(form)):
            yield self._token(position + offset, start + part.start(), part.group())

    def _address(self, position: int, start: int, form: str) -> Iterator[Token]:
        folded = folded_form(form)
        yield Token(position, start, start + len(form), form, folded, (folded.rstrip("/"),), whole=True)
        for offset, part in enumerate(_PART.finditer(form)):
            yield self._token(position + offset, start + part.start(), part.group())

    def _look_up(self, form: str) -> tuple[str, tuple[str, ...]]:
        form = form[:MAX_WORD]
        found = self._cache.get(form)
        if found is None:
            if len(self._cache) >= self._cache_forms:
                self._cache.clear()
            found = self._cache[form] = self._analyse(form)
        return found

    def _analyse(self, form: str) -> tuple[str, tuple[str, ...]]:
        bare = plain(_SPACED_NUMBER.sub("", form))
        folded = folded_form(form)
        lower = bare.lower()
        if not _CYRILLIC_WORD.match(lower.replace("-", "")):
            return folded, (folded,)
        known = self._morph.word_is_known(lower)
        abbreviation = None if known else _ABBREVIATION.match(bare)
        if abbreviation:
            return folded, tuple(dict.fromkeys((folded, fold(abbreviation.group(1)))))
        lemmas = [
            fold(parse.normal_form) for parse in self._morph.parse(lower) if parse.score >= self._threshold
        ]
        if not known:  # a guess by the ending: the form itself must meet its equals too
            lemmas.append(folded)
        return folded, tuple(dict.fromkeys(lemmas)) or (folded,)


def _reading(parse: pymorphy3.analyzer.Parse) -> Reading:
    tag = parse.tag
    return Reading(  # plain strings: pymorphy's own refuse to be compared with what is no grammeme
        lemma=parse.normal_form,
        score=parse.score,
        case=str(tag.case or ""),
        gender=str(tag.gender or ""),
        number=str(tag.number or ""),
        tags=frozenset(tag.grammemes),
        _parse=parse,
    )
