"""People: where their names begin and end, and which names of an article are of one person."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from searchsvc.language.analysis import Analyzer, Reading
from searchsvc.language.text import fold
from searchsvc.naming import declension
from searchsvc.naming.declension import cased
from searchsvc.naming.institutions import is_common
from searchsvc.naming.words import Found, Word, before

_AND = (frozenset(","), frozenset(("и",)))
"""What stands between first names of one family, before the last of them «и»."""


class People:
    """Finds people where a model sees them, by patronymics and by initials."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer

    def find(self, words: Sequence[Word], spans: Sequence[Found]) -> list[Found]:
        """Return people; *spans* are what the model takes for them, perhaps by parts."""
        taken = [False] * len(words)
        cuts: set[int] = set()
        for span in spans:
            first, last = self._trimmed(words, span.first, span.last)
            taken[first:last] = [True] * (last - first)
            cuts.add(first)
        for first, last in (*self._with_patronymics(words, taken), *_with_initials(words)):
            taken[first:last] = [True] * (last - first)
            cuts -= set(range(first + 1, last))
            cuts |= {first, last}
        runs = _runs(taken, cuts)
        found = [one for first, last in runs for one in self._family(words, first, last, taken)]
        for first, last in runs:
            end = self._agreeing(words, first, last)
            alone = end < last and end - first == 1
            if not alone and not self._is_nobody(words, first, end):
                found.append(self.person(words, first, end))
        return found

    def person(self, words: Sequence[Word], first: int, last: int) -> Found:
        """Return a person's name with its nominative."""
        called = declension.called_for(before(words, first), self._analyzer)
        names = [word for word in words[first:last] if len(word.text) > 1 and self._readings(word)]  # «II»
        forms = declension.person([word.text for word in names], called, self._analyzer)
        made = {word.start: form for word, form in zip(names, forms, strict=True)}
        text = ""
        for at in range(first, last):
            gap = " " if at > first and words[at].start > words[at - 1].stop else ""
            text += gap + made.get(words[at].start, words[at].text)
        return Found("person", first, last, text)

    def merged(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return each person of an article once, *names* being in the nominative.

        A surname alone is nobody: it is not told whose. Initials and a name with patronymic go to the one
        person of the article whom they fit; where that is none or several they stay what they are.
        """
        found = [one for one in map(self._parsed, names) if one is not None]
        whole: dict[str, _Person] = {}
        for one in found:
            if one.given and one.surname and (one.patronymic or fold(one.value) not in whole):
                whole[fold(one.value)] = one
        kept: dict[str, str] = {}
        for one in found:
            fitting = [] if one.given and one.surname else [two for two in whole.values() if one.may_be(two)]
            value = fitting[0].value if len(fitting) == 1 else one.value
            kept.setdefault(fold(value), value)
        return tuple(kept.values())

    def _parsed(self, name: str) -> _Person | None:
        words = name.replace(".", ". ").split()
        initials = "".join(word[0] for word in words if word.endswith("."))
        words = [word for word in words if not word.endswith(".")]
        if initials:
            return _Person("", "", words[0], initials) if len(words) == 1 else None
        middle = next((at for at, word in enumerate(words) if at and self._has(word, "Patr")), 0)
        if middle:
            surname = " ".join(words[: middle - 1] + words[middle + 1 :])
            return _Person(words[middle - 1], words[middle], surname)
        if len(words) < 2:
            return None
        if len(words) == 2 and self._has(words[1], "Name") and not self._has(words[0], "Name"):
            words = words[::-1]  # «Соколова Анна»
        return _Person(words[0], "", " ".join(words[1:]))

    def _trimmed(self, words: Sequence[Word], first: int, last: int) -> tuple[int, int]:
        """Leave out what is no name at the beginning («Сестру …», «Педагог-психолог …») and at the end."""
        while first < last and (
            not words[first].capital
            or re.search("-[а-яё]", words[first].text)
            or (words[first].begins and last - first > 1 and is_common(words[first], self._analyzer))
        ):
            first += 1
        while last > first and not words[last - 1].capital and words[last - 1].text != ".":
            last -= 1
        return first, last

    def _agreeing(self, words: Sequence[Word], first: int, last: int) -> int:
        """Return where a name ends, without a surname in the genitive at its end that does not agree with
        the words before it: «роман Тургенева», «Анна Каренина Толстого»."""
        name, end = words[first : last - 1], words[last - 1]
        surnames = [one for one in self._readings(end) if "Surn" in one.tags]
        if not name or not any((one.case, one.number) == ("gent", "sing") for one in surnames):
            return last
        common: set[declension.Key] | None = None
        for at, word in enumerate([*name, end]):
            keys = self._keys(word, *(("Surn", "Patr") if at else ("Name",)))
            if not keys or not self._analyzer.is_known(word.text):
                return last
            common = keys if common is None else common & keys
        return last if common else last - 1

    def _family(self, words: Sequence[Word], first: int, last: int, taken: Sequence[bool]) -> list[Found]:
        """Return the people of «Иван и Мария Петровы», none where there are not several."""
        if last - first != 2 or not self._is_given(words[first]):
            return []
        surnames = [one for one in self._readings(words[last - 1]) if "Surn" in one.tags]
        plural = [one for one in surnames if one.number == "plur"]
        if not plural or self._keys(words[first], "Name") & self._keys(words[last - 1], "Surn"):
            return []
        given = [first]
        while (
            given[0] > 1
            and not (given[0] > 2 and taken[given[0] - 3])
            and words[given[0] - 1].text in _AND[len(given) == 1]
            and self._is_given(words[given[0] - 2])
        ):
            given.insert(0, given[0] - 2)
        if len(given) < 2:
            return []
        called = declension.called_for(before(words, given[0]), self._analyzer)
        found = []
        for at in given:
            (name,) = declension.person([words[at].text], called, self._analyzer)
            own = [one for one in self._analyzer.readings(name) if "Name" in one.tags]
            woman = bool(own) and own[0].gender == "femn"
            surname = cased(declension.of_one(plural[0].lemma, woman=woman), words[last - 1].text)
            found.append(Found("person", at, last if at == first else at + 1, f"{name} {surname}"))
        return found

    def _keys(self, word: Word, *tags: str) -> set[declension.Key]:
        """Return the cases and genders of a word's readings with one of *tags*."""
        readings = [one for one in self._readings(word) if not one.tags.isdisjoint(tags)]
        return set(declension.options(readings, lambda _: 1.0))

    def _is_given(self, word: Word) -> bool:
        return word.capital and not word.opens and self._has(word.text, "Name")

    def _with_patronymics(self, words: Sequence[Word], taken: Sequence[bool]) -> Iterable[tuple[int, int]]:
        """Yield where a first name stands before a patronymic, and perhaps a surname around them."""
        for at in range(1, len(words)):
            if not (words[at].capital and self._has(words[at].text, "Patr")):
                continue
            if not (words[at - 1].capital and self._has(words[at - 1].text, "Name")):
                continue
            first, last = at - 1, at + 1
            if last < len(words) and _is_surname(words[last]) and not words[last].opens:
                last += taken[last] or self._has(words[last].text, "Surn")
            if last == at + 1 and first and taken[first - 1] and _is_surname(words[first - 1]):
                first -= 1
            yield first, last

    def _is_nobody(self, words: Sequence[Word], first: int, last: int) -> bool:
        """Whether there is a first name and no more, or at the beginning of a sentence no surname."""
        if last - first > 1 or self._has(words[first].text, "Surn"):
            return False
        return words[first].initial or words[first].begins or self._has(words[first].text, "Name")

    def _readings(self, word: Word) -> tuple[Reading, ...]:
        return self._analyzer.readings(word.text)

    def _has(self, word: str, tag: str) -> bool:
        return word[0].isalpha() and any(tag in one.tags for one in self._analyzer.readings(word))


@dataclass(frozen=True, slots=True)
class _Person:
    """A person as an article names them once."""

    given: str
    patronymic: str
    surname: str
    initials: str = ""

    @property
    def value(self) -> str:
        """The name that facets show: no patronymic where there is a surname."""
        if not self.surname:
            return f"{self.given} {self.patronymic}"
        first = self.given or " ".join(f"{letter}." for letter in self.initials)
        return f"{first} {self.surname}"

    def may_be(self, other: _Person) -> bool:
        """Whether *other*, named more fully, may be the same person."""
        if self.surname and not declension.alike(self.surname, other.surname):
            return False
        if self.initials:
            known = other.given[:1] + other.patronymic[:1]
            return all(one == two for one, two in zip(self.initials, known, strict=False))
        return fold(self.given + self.patronymic) == fold(other.given + other.patronymic)


def _with_initials(words: Sequence[Word]) -> Iterable[tuple[int, int]]:
    """Yield where a surname stands with one or two initials before or after it."""
    at = 0
    while at < len(words) - 1:
        if not (words[at].initial and words[at + 1].text == "."):
            at += 1
            continue
        last = at + 2
        if last + 1 < len(words) and words[last].initial and words[last + 1].text == ".":
            last += 2
        after = last < len(words) and _is_surname(words[last]) and _gap(words, last) <= 1
        ahead = at > 0 and _is_surname(words[at - 1]) and _gap(words, at) == 1
        if ahead and words[at - 1].telling and last - at == 4:  # «Шпынёв Л. Б. и …», «Шпынёв Л. Б. Вечером …»
            yield at - 1, last
        elif after:
            last += 1
            yield at, last
        elif ahead:
            yield at - 1, last
        at = last


def _gap(words: Sequence[Word], at: int) -> int:
    return words[at].start - words[at - 1].stop


def _is_surname(word: Word) -> bool:
    return word.capital and len(word.text) > 2 and not word.text.isupper()


def _runs(taken: Sequence[bool], cuts: Collection[int]) -> list[tuple[int, int]]:
    """Return runs of taken words, a new one beginning at each cut."""
    found: list[tuple[int, int]] = []
    for at, one in enumerate(taken):
        if one and found and found[-1][1] == at and at not in cuts:
            found[-1] = found[-1][0], at + 1
        elif one:
            found.append((at, at + 1))
    return found
