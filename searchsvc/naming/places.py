"""Places: districts, streets, what follows «село» or «река», and what a model takes for a place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from searchsvc.language.analysis import CASES, Analyzer, Reading
from searchsvc.naming import declension
from searchsvc.naming.declension import Options, cased, options
from searchsvc.naming.institutions import Institutions, is_common, is_stranger
from searchsvc.naming.words import Found, Word, adjacent, agree, before, lemmas_in, listed, text_of

AREAS = listed(
    "район область край округ республика мыс озеро остров полуостров хребет перевал море океан залив пролив",
    "равнина пустыня заповедник федерация",
)
STREETS = listed("улица проспект площадь переулок бульвар набережная шоссе микрорайон проезд")
SETTLEMENTS = listed(
    "город село посёлок поселок деревня станица хутор аул река городок кишлак улус разъезд станция"
)
SHORT_SETTLEMENTS = listed("г с пос дер р")
SHORT_STREETS = listed("ул пр")

OF_THE_GENERIC = 1.5
"""Weight of the gender that the generic word has: «в посёлке Новоозёрном» is not «Новоозёрное»."""


PLURAL_PLACE = 0.05
"""Weight of a genitive plural by its ending alone: enough after «из», not where nothing calls for it."""


class Places:
    """Finds places by rule, and judges what a model takes for them."""

    def __init__(self, analyzer: Analyzer, institutions: Institutions) -> None:
        self._analyzer = analyzer
        self._institutions = institutions

    def find(self, words: Sequence[Word]) -> list[Found]:
        """Return districts, streets and settlements that a generic word stands beside."""
        found: list[Found | None] = []
        for at, word in enumerate(words):
            if not word.text[0].isalpha():
                continue
            nouns = [one for one in self._readings(word) if "NOUN" in one.tags]
            dot = at + 1 < len(words) and words[at + 1].text == "."
            if lemmas_in(nouns, AREAS):
                found.append(self._area(words, at, nouns))
            elif self._is_street(nouns) or (dot and word.text in SHORT_STREETS):
                found.append(self._street(words, at, nouns, at + 1 + dot))
            elif lemmas_in(nouns, SETTLEMENTS):
                found.append(self._settlement(words, at + 1, nouns))
            elif dot and word.text in SHORT_SETTLEMENTS:
                found.append(self._settlement(words, at + 2, ()))
        return [one for one in found if one is not None]

    def judged(self, words: Sequence[Word], first: int, last: int) -> Found | None:
        """Return the place that the model sees there, None where it is none: a common word alone, which
        may be a village, but is not told to be one."""
        whole = last
        while last > first and not words[last - 1].capital:
            last -= 1
        while first < last and not words[first].capital:
            first += 1
        if last - first > 1 and words[first].begins and is_stranger(words[first], self._analyzer):
            first += 1
        if first >= last:
            return None
        word = words[first]
        cut = last < whole and word.begins and self._analyzer.is_known(word.text)  # «Белых пятен»
        if last - first == 1 and (cut or is_common(word, self._analyzer)):
            return None
        return Found("place", first, last, self.nominative(words, first, last))

    def is_place(self, word: Word) -> bool:
        """Whether a word that the model takes for a person is rather a place, by its readings."""
        readings = self._readings(word)
        if not readings or "Geox" not in readings[0].tags:
            return False
        return not any({"Surn", "Name"} & one.tags for one in readings)

    def typed(self, words: Sequence[Word]) -> str:
        """Return a place that somebody typed in the nominative, generic words without a capital."""
        small = [
            replace(word, text=word.text.lower())
            if lemmas_in(self._readings(word), AREAS) or self._is_street(self._readings(word))
            else word
            for word in words
        ]
        return self.nominative(small, 0, len(small))

    def nominative(
        self,
        words: Sequence[Word],
        first: int,
        last: int,
        called: Mapping[str, float] | None = None,
        genders: Mapping[str, float] | None = None,
    ) -> str:
        """Put a place into the nominative: words that agree, else those at its beginning."""
        if called is None:
            called = declension.called_for(before(words, first), self._analyzer)
        weighed = [self._options(word) for word in words[first:last]]
        found = declension.agreed(weighed, called, genders)
        if found is None:
            return self._institutions.leading(words, first, last)
        forms = zip(found, words[first:last], strict=True)
        return " ".join(cased(new, old.text) for new, old in forms)

    def _options(self, word: Word) -> Options:
        """Return how a word of a place may be read; «из Озерцов» is of «Озерцы», if no noun is known."""
        found = options(self._readings(word), _fit)
        lower = word.text.lower()
        if len(lower) > 4 and lower.endswith(("ов", "ев")):
            plural = lower[:-2] + ("ы" if lower.endswith("ов") else "и")
            found.setdefault(("gent", declension.PLURAL), (PLURAL_PLACE, plural))
        return found

    def _readings(self, word: Word) -> tuple[Reading, ...]:
        return self._analyzer.readings(word.text)

    @staticmethod
    def _is_street(readings: Iterable[Reading]) -> bool:
        """Whether a word may be of one street: «Набережные Челны» are none."""
        return lemmas_in((one for one in readings if one.number != "plur"), STREETS)

    def _area(self, words: Sequence[Word], at: int, kinds: Sequence[Reading]) -> Found | None:
        first = at
        while first > 0 and at - first < 3 and self._describes(words, first - 1, kinds):
            first -= 1
        return Found("place", first, at + 1, self.nominative(words, first, at + 1)) if first < at else None

    def _describes(self, words: Sequence[Word], at: int, kinds: Sequence[Reading]) -> bool:
        if not words[at].capital or not adjacent(words, at):
            return False
        return any(
            "ADJF" in one.tags
            and not {"Anum", "Apro"} & one.tags
            and (words[at].telling or "Qual" not in one.tags)
            and any(agree(one, kind) for kind in kinds)
            for one in self._readings(words[at])
        )

    def _street(self, words: Sequence[Word], at: int, nouns: Sequence[Reading], begin: int) -> Found | None:
        last = begin
        while last < len(words) and words[last].capital and last - begin < 3 and not words[last].opens:
            last += 1
        if last == begin:
            return None
        generic = cased(nouns[0].nominative, words[at].text) if nouns and begin == at + 1 else words[at].text
        rest = text_of(words, at + 1, last)
        return Found("place", at, last, f"{generic}{'' if rest[0] == '.' else ' '}{rest}")

    def _settlement(self, words: Sequence[Word], first: int, kinds: Sequence[Reading]) -> Found | None:
        last = first
        while last < len(words) and last - first < 2 and words[last].capital and not words[last].initial:
            last += 1
            if any("NOUN" in one.tags for one in self._readings(words[last - 1])[:1]):
                break
        if last == first or words[first].opens:
            return None
        genders = {one.gender: OF_THE_GENERIC for one in kinds}
        cases = {one.case for one in kinds} | {"nomn"}
        called = {case: 1.0 if case in cases else declension.NOT_CALLED_FOR for case in CASES}
        return Found("place", first, last, self.nominative(words, first, last, called, genders))


def _fit(reading: Reading) -> float:
    if not {"NOUN", "ADJF"} & reading.tags:
        return 0.0
    if {"Infr", "Name", "Surn", "Abbr"} & reading.tags:
        return 0.05
    return 3.0 if "Geox" in reading.tags else 0.5 if "anim" in reading.tags else 1.0
