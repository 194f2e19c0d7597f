"""Why two articles are near, in words: «наставничество, ФГОС».

A list of neighbours keeps the terms that give most to a score, as hashes. They stand in the article's own
record, and what they are called is read from its own text: so a reader of an older state gets the words
of that state, and a neighbour that is gone leaves none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from searchsvc.language.analysis import Analyzer, Headword
from searchsvc.language.stopwords import STOP_WORDS
from searchsvc.language.text import fold
from searchsvc.store.document import PARTS, Record, family_hash, term_hash

MOST = 4
FEWEST = 2
"""Words shown: nouns, which say best what an article is about. Adjectives only make up for missing ones,
verbs are no topics."""

_KIN = 4  # letters that short kin have in common: «школа», «школьник»
_FORMS = 10  # occurrences of a word that are looked at
_TITLE = PARTS.index("title")
_HYPHENS = "-\u2010\u2011"
_PART = 4  # letters of a part of a compound that is a word of its own
_SURE = 0.7  # share of its readings by which «Юлия» is Юлия and no form of Юлий; «Собянина» has .25
_OBLIQUE = "ауеы"  # endings that a name no dictionary has may have lost its nominative by
_NOUN = "NOUN"
_ADJECTIVE = "ADJF"

# «Среда» is what surrounds us, too.
_CALENDAR = """
январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь
понедельник вторник четверг пятница суббота воскресенье
"""
_GENERAL = """
больший большой важный весь главный готовый данный другой единственный иной известный каждый крупный
лучший любой маленький малый меньший многий некоторый необходимый никакой новый нужный нынешний общий
огромный определенный основной основное остальной особый отдельный очередной подобный полный последний
похожий правый прежний прошлый разный различный самый следующий собственный современный старый текущий
типичный худший хороший плохой целый ближайший бывший возможный высокий низкий должный настоящий открытый
закрытый первый второй третий четвертый пятый шестой седьмой восьмой девятый десятый
"""
_SCRAPS = (
    "тыс млн млрд трлн руб коп шт экз гг стр экс вице thumb left right center https http www html org com"
)
_NO_TOPICS = STOP_WORDS.union(" ".join((_CALENDAR, _GENERAL, _SCRAPS)).split())
"""Lemmas that say nothing of a topic, by our own list: months and weekdays, adjectives of general meaning and
ordinals, abbreviations of numerals, remnants of markup."""


def reasons(
    shared: Sequence[Sequence[int]],
    record: Record,
    text: str,
    *,
    analyzer: Analyzer,
    documents: Callable[[str], int],
) -> tuple[tuple[str, ...], ...]:
    """Return, for each neighbour's *shared* terms, the readable ones as words of the document with this
    *record* and *text*.

    *documents* says how many articles have a folded form: of two readings the archive's is the likelier.
    """
    words = _Words(record, text, analyzer, documents)
    known = {term: words.word(term) for term in {term for terms in shared for term in terms}}
    return tuple(_chosen([word for term in terms if (word := known[term])]) for terms in shared)


def _chosen(found: Sequence[Headword]) -> tuple[str, ...]:
    chosen: list[str] = []
    for part, most in ((_NOUN, MOST), (_ADJECTIVE, FEWEST)):
        for word in found:
            if word.part == part and len(chosen) < most and not any(_kin(word.text, one) for one in chosen):
                chosen.append(word.text)
    return tuple(chosen)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of one document."""

    record: Record
    text: str
    analyzer: Analyzer
    documents: Callable[[str], int]

    def word(self, term: int) -> Headword | None:
        """Return the word for *term*; None where it is no word, or only an unlikely reading of one."""
        rows = self.record[(self.record["lemma"] == np.uint32(term)) & (self.record["size"] > 0)][:_FORMS]
        rows = rows[[not self._is_half(row) for row in rows]] if len(rows) else rows
        forms = [self._form(row) for row in rows]
        readings = self.analyzer.lemmas(forms[0]) if forms and forms[0] else ()
        lemma = next((one for one in readings if term_hash(one) == term), "")
        if len(lemma) < 2 or lemma in _NO_TOPICS or not any(map(str.isalpha, lemma)):
            return None
        if lemma.isascii() and all(map(str.islower, forms)) and not (rows["part"] == _TITLE).any():
            return None  # of an address or of code
        if len(readings) > 1 and not self._likely(lemma, readings, forms[0]):
            return None
        telling = [form for form, row in zip(forms, rows, strict=True) if self._capital_tells(form, row)]
        return self._shown(lemma, forms, telling)

    def _likely(self, lemma: str, readings: Sequence[str], form: str) -> bool:
        if self.analyzer.is_known(form):
            return max(readings, key=self._likelihood) == lemma
        return readings[0] == lemma and self.documents(lemma) > 0  # a guess that the archive confirms

    def _likelihood(self, lemma: str) -> tuple[int, int]:
        return int(np.count_nonzero(self.record["lemma"] == term_hash(lemma))), self.documents(lemma)

    def _form(self, row: np.void) -> str:
        start = int(row["start"])
        return self.text[start : start + int(row["size"])]

    def _is_half(self, row: np.void) -> bool:
        """Whether it is but a scrap of a compound here: «Нью» of «Нью-Йорк», «экс» of «экс-директор».
        «Министр» of «премьер-министр» is a word, «ФГОС» of «ФГОС-2021» is one too."""
        start = int(row["start"])
        form = self._form(row)
        before, after = self.text[max(0, start - 2) : start], self.text[start + len(form) :][:2]
        half = (before[1:] in _HYPHENS and before[:1].isalpha()) or (
            after[:1] in _HYPHENS and after[1:].isalpha()
        )
        return half and not (len(form) >= _PART and form.islower() and self.analyzer.is_known(form))

    def _capital_tells(self, form: str, row: np.void) -> bool:
        """Whether a capital here is the word's own: not a sentence's, nor that of a title in capitals."""
        if int(row["part"]) == _TITLE and self.text.partition("\n")[0].isupper():
            return False
        if len(form) > 1 and form[:2].isupper():
            return True
        same = self.record["sentence"] == row["sentence"]
        return bool((same & (self.record["start"] < row["start"])).any())

    def _shown(self, lemma: str, forms: Sequence[str], telling: Sequence[str]) -> Headword | None:
        """Return the word for a *lemma* written like that: abbreviations and names in capitals."""
        forms = sorted(set(forms), key=lambda form: (fold(form) != lemma, len(form), form))
        written = forms[0]
        stem = written[: len(lemma)]  # an abbreviation without the ending it may have
        if telling and stem.isupper() and all(form.startswith(stem) for form in forms):
            return Headword(stem if fold(stem) == lemma else written, _NOUN, proper=True)
        if len(lemma) < 3:
            return None
        capital = all(form[:1].isupper() for form in forms)
        word = self.analyzer.headword(forms, lemma, name=capital if telling or not capital else None)
        if word.proper and not capital:
            return None  # «вели» is no Veli
        if word.part == _NOUN and (
            word.proper or (capital and telling and not self.analyzer.is_known(written))
        ):
            return self._name(word, lemma, forms)
        if word.text == written:  # a word that no dictionary has, or just its form
            text = lemma if fold(written) != lemma and self.documents(lemma) else _lowered(written)
            return replace(word, text=_capitalised(text) if word.proper or (telling and capital) else text)
        return replace(word, text=_capitalised(word.text)) if word.proper else word

    def _name(self, word: Headword, lemma: str, forms: Sequence[str]) -> Headword | None:
        name, written = self._nominative(forms, lemma), forms[0]
        stem = fold(name)
        text: str | None = name or None
        if name and not self.analyzer.is_known(written):  # the reading is a guess
            if stem != lemma and lemma.startswith(stem):
                text = name if self.documents(stem) else None
            else:
                text = lemma if fold(written) != lemma and self.documents(lemma) else _lowered(written)
        return replace(word, text=_capitalised(text)) if text else None

    def _nominative(self, forms: Sequence[str], lemma: str) -> str:
        """Return the nominative of a name with these *forms*, "" where it could be several.

        It is the one of which most forms can be. Of several such («Собянина» is of Собянин and of Собянина)
        one counts that is written here and much the likelier.
        """
        explained: Counter[str] = Counter()
        weights: dict[str, float] = {}  # of forms: how likely each is a nominative itself
        for form in forms:
            found: dict[str, float] = {}
            for reading in self.analyzer.readings(form):
                if reading.proper and reading.number == "sing":
                    found[reading.nominative] = found.get(reading.nominative, 0.0) + reading.score
            explained.update(found.keys())
            weights[form.lower()] = found.get(form.lower(), 0.0) / (sum(found.values()) or 1)
        best = [name for name, number in explained.items() if number == max(explained.values())]
        if len(best) > 1:
            best = [name for name in best if weights.get(name, 0.0) >= _SURE]
            return best[0] if best else ""
        if not best:  # a name that no dictionary has: its stem may be the nominative
            stem = lemma[:-1] if lemma[-1] in _OBLIQUE else ""
            return "" if len(stem) > 1 and self.documents(stem) else lemma
        return best[0]


def _lowered(word: str) -> str:
    return word.lower() if word[1:].islower() else word


def _capitalised(word: str) -> str:
    return "-".join(part[:1].upper() + part[1:] for part in word.split("-"))


def _kin(one: str, other: str) -> bool:
    """Whether two words are so near that one of them says it: «школа», «школьный»; «ФЗ», «273-ФЗ»."""
    left, right = fold(one), fold(other)
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))
    return (
        bool({*left.split("-")} & {*right.split("-")})
        or family_hash(left) == family_hash(right)
        or common >= max(_KIN, min(len(left), len(right)) - 1)
    )
