"""Institutions: what kind of institution it is, and the number, quotes or words that make it a name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from searchsvc.analysis import Analyzer, Reading
from searchsvc.naming import declension
from searchsvc.naming.declension import Options, cased, options
from searchsvc.naming.values import KINDS, LEGAL, canonical
from searchsvc.naming.words import (
    CLOSING,
    OPENING,
    Found,
    Word,
    adjacent,
    agree,
    before,
    is_number_sign,
    lemmas_in,
    listed,
    text_of,
)

AUTHORITIES = listed(
    "министерство департамент комитет управление правительство администрация дума прокуратура агентство",
    "служба собрание палата инспекция отдел совет",
)
OF_SOMETHING = {"министерство": 1, "департамент": 1, "институт": 1, "академия": 1, "агентство": 1, "центр": 3}
"""Kinds of which what they are of is a name, by its fewest words: «институт развития образования», «центр
оценки качества образования», but not «центр города»."""

TERRITORIES = listed("область край район республика округ федерация город")
NOT_INSTITUTIONS = listed(
    "ЕГЭ ОГЭ ГВЭ ГИА ВПР ФГОС ОВЗ СМИ ДТП УМК КИМ ГТО НОК ВКР ЗОЖ ТВ ИТ ЖКХ ФИО НИР ПДД ВОВ ППЭ РФ СССР США",
    "РСФСР ИКТ ЕГРЮЛ ВСОШ ОРВИ ЦТ ПК ЭВМ ФЗ ВОШ ООП АООП КТП ФОП ФРП НЛО ДНК ЧС МО",
)
"""Abbreviations of exams, programmes and things, that models of news take for organisations."""

NAMED_AFTER = frozenset(("имени", "им"))
MOST_WORDS = 12
"""Words in quotes; what is longer is no name."""

MOST_NAMED_AFTER = 10
"""Words and signs after «имени»."""

MOST_MODIFIERS = 4
MOST_GENITIVES = 6
LONGEST_ABBREVIATION = 8
PLURAL_INSTITUTION = 0.3
"""Weight of the plural: «в гимназии № 5» is one."""

_SHORT_MINISTRY = re.compile("Мин(?:обр)?([а-яё]{4,})$")
_OF_A_PLACE = re.compile("[сц]к(?:ий|ая|ое|ого|ой|ому|им|ом|ую)$")
_NOMINAL = frozenset(("NOUN", "ADJF", "PRTF"))
_NAMES = frozenset(("Name", "Surn", "Patr", "Geox", "Orgn", "Trad", "Abbr"))


class Institutions:
    """Finds institutions by rule, and judges what a model takes for organisations."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer

    def find(self, words: Sequence[Word], marked: Collection[int]) -> list[Found]:
        """Return institutions; *marked* are words that the model takes for organisations."""
        found: list[Found] = []
        place = 0
        while place < len(words):
            one = self._at(words, place, marked)
            if one is not None and (not found or one.first >= found[-1].last):
                found.append(one)
                place = one.last
            else:
                place += 1
        return found

    def judged(self, words: Sequence[Word], first: int, last: int) -> Found | None:
        """Return the organisation that the model sees there, None where it is none.

        Capitals tell: of an abbreviation, within a sentence, or at its beginning those of a word that is
        in no dictionary. Alone in quotes it is rather a project or a book.
        """
        while first < last and not words[first].capital:
            first += 1
        if first == last or self._quoted_alone(words, first):
            return None
        word = words[first]
        if last - first == 1 and word.text.isupper():
            known = word.text in NOT_INSTITUTIONS or LEGAL.fullmatch(word.text)
            fits = not known and 2 <= len(word.text) <= LONGEST_ABBREVIATION
            return Found("organisation", first, last, word.text) if fits else None
        if not any(one.telling and len(one.text) > 1 for one in words[first:last]):
            lone = last - first == 1 and not self._analyzer.is_known(word.text)
            if not lone and not any("Orgn" in one.tags for one in self._readings(word)):
                return None
        if last - first > 1 and word.begins and is_stranger(word, self._analyzer):
            first += 1
            while first < last and not words[first].capital:
                first += 1
        if first == last:
            return None
        if words[last - 1].text not in CLOSING:
            last = self._territory(words, last)
        return Found("organisation", first, last, self.leading(words, first, last))

    def typed(self, words: Sequence[Word]) -> str:
        """Return a name that somebody typed in the nominative, with a capital at the beginning."""
        words = [replace(word, begins=False) for word in self._as_written(words)]
        whole = [one for one in self.find(words, range(len(words))) if one.last - one.first == len(words)]
        normal = whole[0].normal if whole else self.leading(words, 0, len(words))
        return canonical(normal)

    def _as_written(self, words: Sequence[Word]) -> list[Word]:
        """Give words that were typed without regard to case that which names have: legal forms in
        capitals, of a name in capitals the words that a dictionary has in small letters."""
        shouted = not any(word.text.islower() for word in words) and len(words) > 1
        written: list[Word] = []
        legal = True
        for word in words:
            legal = legal and bool(LEGAL.fullmatch(word.text.upper()))
            small = shouted and len(word.text) > 1 and self._analyzer.is_known(word.text)
            text = word.text.upper() if legal else word.text.lower() if small else word.text
            written.append(replace(word, text=text))
        return written

    def leading(self, words: Sequence[Word], first: int, last: int) -> str:
        """Put the adjectives and the noun at the beginning of a name into the nominative."""
        if self._is_genitive_within(words[first].text):
            return text_of(words, first, last)
        end = first
        while end < last:
            end += 1
            kinds = [one.tags for one in self._readings(words[end - 1])[:1]]
            if any("NOUN" in tags and "ADJF" not in tags for tags in kinds):
                break
        weighed = [
            options(self._readings(word), lambda one: float(bool({"NOUN", "ADJF"} & one.tags)))
            for word in words[first:end]
        ]
        return self._declined(words, first, end, last, weighed)

    def _is_genitive_within(self, word: str) -> bool:
        """Whether a ministry's short name is not declined: «Минпросвещения», but «Минфина»."""
        match = _SHORT_MINISTRY.match(word)
        of = match.group(1) if match else ""
        return self._analyzer.is_known(of) and any(one.case == "gent" for one in self._analyzer.readings(of))

    def _readings(self, word: Word) -> tuple[Reading, ...]:
        return self._analyzer.readings(word.text)

    def _at(self, words: Sequence[Word], head: int, marked: Collection[int]) -> Found | None:
        word = words[head]
        if not word.text[0].isalpha():
            return None
        if LEGAL.fullmatch(word.text):
            return self._legal(words, head)
        kinds = [one for one in self._readings(word) if one.lemma in KINDS and "NOUN" in one.tags]
        if not kinds or (kinds[0].number == "plur" and word.text.islower() and head not in marked):
            return None
        first = self._modifiers(words, head, kinds)
        of = self._genitives(words, head + 1)
        last = self._designation(words, of)
        end = self._territory(words, last) if kinds[0].lemma in AUTHORITIES else last
        named = end > of or self._is_name(words, first, head, of, kinds[0].lemma, marked)
        if not named:
            return None
        weighed: list[Options] = [
            options(self._readings(word), lambda one: float("ADJF" in one.tags)) for word in words[first:head]
        ]
        weighed.append(options(kinds, lambda one: PLURAL_INSTITUTION if one.number == "plur" else 1.0))
        return Found("organisation", first, end, self._declined(words, first, head + 1, end, weighed))

    def _is_name(
        self, words: Sequence[Word], first: int, head: int, of: int, kind: str, marked: Collection[int]
    ) -> bool:
        """Whether a kind of institution is a name without number or quotes."""
        if of - head > OF_SOMETHING.get(kind, MOST_WORDS):
            return True
        if any(word.telling or self._of_a_place(word) for word in words[first:head]):
            return True
        return head in marked and of > head + 1 and words[first].telling

    def _legal(self, words: Sequence[Word], head: int) -> Found | None:
        """«МБОУ СОШ № 12», «ООО «Ромашка»»: the whole stands in the nominative."""
        place = head + 1
        while place < len(words) and LEGAL.fullmatch(words[place].text):
            place += 1
        inner = self._at(words, place, ()) if place < len(words) else None
        if inner is not None and inner.first == place:
            return replace(inner, first=head, normal=f"{text_of(words, head, place)} {inner.normal}")
        last = self._designation(words, place)
        return Found("organisation", head, last, text_of(words, head, last)) if last > place else None

    def _modifiers(self, words: Sequence[Word], head: int, kinds: Sequence[Reading]) -> int:
        """Return where the adjectives before an institution's kind begin that are part of its name:
        «детский», «педагогический», not «новый», «наш», «первый»."""
        first = head
        while first > 0 and head - first < MOST_MODIFIERS and adjacent(words, first - 1):
            word = words[first - 1]
            if self._ends_a_person(words, first - 1):
                break
            fitting = [
                one.tags
                for one in self._readings(word)
                if "ADJF" in one.tags and any(agree(one, kind) for kind in kinds)
            ]
            if not fitting or all({"Apro", "Anum", "Poss"} & tags for tags in fitting):
                break
            if all({"Qual", "Supr", "Cmp2"} & tags for tags in fitting) and not word.telling:
                break
            first -= 1
        return first

    def _ends_a_person(self, words: Sequence[Word], at: int) -> bool:
        """Whether a surname stands there after a first name: «Ирины Яровой дом»."""
        if at == 0 or not (words[at - 1].capital and words[at].capital and adjacent(words, at - 1)):
            return False
        name = any("Name" in one.tags for one in self._readings(words[at - 1]))
        return name and any("Surn" in one.tags for one in self._readings(words[at]))

    def _genitives(self, words: Sequence[Word], place: int) -> int:
        """Return where the words in the genitive end that begin at *place*, with «и» between them."""
        noun = at = place
        while at < len(words) and at - place < MOST_GENITIVES and adjacent(words, at - 1):
            word = words[at]
            if word.text == "и" and noun == at > place:
                at += 1
                continue
            if not word.text.islower() or word.text in NAMED_AFTER:
                break
            readings = self._readings(word)
            if not readings or "Anum" in readings[0].tags or not _NOMINAL & readings[0].tags:
                break
            genitives = [one.tags for one in readings if one.case == "gent" and {"NOUN", "ADJF"} & one.tags]
            if not genitives:
                break
            at += 1
            if any("NOUN" in tags for tags in genitives):
                noun = at
        return noun

    def _designation(self, words: Sequence[Word], place: int) -> int:
        """Return where a number, a name in quotes or «имени …» ends that begins at *place*."""
        at = place
        while at < len(words):
            end = _number(words, at) or _quoted(words, at) or self._named_after(words, at)
            if not end:
                break
            at = end
        return at

    def _named_after(self, words: Sequence[Word], at: int) -> int:
        """Return where «имени …» ends. Of full stops only that after «им» or an initial is within, the
        latter not before a common word: «имени Ю. А. Гагарина», «имени Гагарина Ю. А. Директор …»."""
        if words[at].text not in NAMED_AFTER:
            return 0
        named, surname = 0, False
        for end in range(at + 1, min(at + 1 + MOST_NAMED_AFTER, len(words))):
            word, ahead = words[end], words[end - 1]
            if word.text == ".":
                if not (ahead.text == "им" or ahead.initial):
                    break
                named = end + 1 if named == end and surname else named
                continue
            after = ahead.text == "." and surname and not word.initial
            if not word.capital or word.opens or (after and is_common(word, self._analyzer)):
                break
            named = end + 1
            surname |= not word.initial
        return named

    def _territory(self, words: Sequence[Word], place: int) -> int:
        """Return where the territory of an authority ends that begins at *place*."""
        at = place
        while at < len(words) and words[at].capital and adjacent(words, at - 1) and at - place < 3:
            readings = [one for one in self._readings(words[at]) if one.case == "gent"]
            if any("Geox" in one.tags for one in readings):
                return at + 1
            if not any("ADJF" in one.tags for one in readings):
                break
            at += 1
            if at < len(words) and lemmas_in(self._readings(words[at]), TERRITORIES):
                return at + 1
        generic = at == place and at + 1 < len(words) and adjacent(words, at - 1)
        if generic and lemmas_in(self._readings(words[at]), TERRITORIES) and words[at + 1].capital:
            return at + 2
        return place

    def _of_a_place(self, word: Word) -> bool:
        """Whether an adjective may be made of a place: «Горноталицкий», known to no dictionary."""
        known = word.begins and self._analyzer.is_known(word.text)
        return word.capital and not known and bool(_OF_A_PLACE.search(word.text))

    def _declined(
        self, words: Sequence[Word], first: int, end: int, last: int, weighed: Sequence[Options]
    ) -> str:
        """Put words up to *end* into the nominative and leave those up to *last* as they are."""
        called = declension.called_for(before(words, first), self._analyzer)
        found = declension.agreed(weighed, called)
        if found is None:
            return text_of(words, first, last)
        made = [cased(new, old.text) for new, old in zip(found, words[first:end], strict=True)]
        rest = text_of(words, end, last)
        return " ".join([*made, rest] if rest else made)

    @staticmethod
    def _quoted_alone(words: Sequence[Word], first: int) -> bool:
        return first > 0 and words[first - 1].text in OPENING and not words[first].text.isupper()


def is_common(word: Word, analyzer: Analyzer) -> bool:
    """Tell whether the dictionary has a word, and as no name."""
    known = analyzer.is_known(word.text)
    return known and all(_NAMES.isdisjoint(one.tags) for one in analyzer.readings(word.text))


def is_stranger(word: Word, analyzer: Analyzer) -> bool:
    """Tell whether a word at the beginning of a sentence has no part in the name after it: a common noun
    («Дружба Горноталицка»), but no adjective."""
    adjective = any("ADJF" in one.tags for one in analyzer.readings(word.text))
    return not adjective and is_common(word, analyzer)


def _number(words: Sequence[Word], at: int) -> int:
    return at + 2 if is_number_sign(words, at) else 0


def _quoted(words: Sequence[Word], at: int) -> int:
    inside = words[at + 1 : at + MOST_WORDS]
    if words[at].text not in OPENING or not inside or not (inside[0].capital or inside[0].text[0].isdigit()):
        return 0
    depth = 1
    for end, word in enumerate(inside, at + 1):
        if word.text == "«":
            depth += 1
        elif word.text in CLOSING:
            depth -= 1
            if not depth:
                return end + 1
    return 0
