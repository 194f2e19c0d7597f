"""Names in the nominative: readings of several words that agree in case, gender and number.

Every reading is weighed: by its probability, by what kind of word it is asked to be, by the case that
the words before it call for. The combination of the greatest weight wins; of equals the nominative.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import prod

from searchsvc.language.analysis import CASES, Analyzer, Reading
from searchsvc.language.text import fold
from searchsvc.naming.words import listed

Key = tuple[str, str]
"""A case, and a gender of the singular or "plur"."""

Options = Mapping[Key, tuple[float, Reading | str]]
"""Weight of a word in each key that it can have, and its reading or, where none is, its nominative."""

PLURAL = "plur"
GENDERS = ("masc", "femn", "neut", PLURAL)

# Weights, set by hand with the first labelled sentences in view (docs/quality.md, "Names").
NOT_CALLED_FOR = 0.1
"""Of a case that the words before do not call for: they are read by rules, and may mislead."""

LESS_CALLED_FOR = 0.3
"""Of the genitive where a person's noun calls for another case."""

NOTHING_CALLS = {"nomn": 4.0}
"""Where nothing calls for a case, a name rather stands in the nominative."""

OTHER_WORD = 0.03
"""Of a common word's reading in a person's name («Мороз», «Приступа»)."""

GUESSED = 0.01
"""Of a surname's declension by its ending alone."""

RARE_NAME = 0.1
"""Of a foreign name that is not declined («Анне»), where it is a form of another as well."""

RARE_WOMAN = 0.3
"""Of «Романа» as a woman's name, where it is also a form of a man's."""

AS_ADJECTIVE = 1.05
"""Of a surname's reading that is also an adjective's: «Яровой» is rather of «Яровая» than of «Ярова»."""

ONE_PLURAL, PLURAL_PART = 0.5, 0.01
"""Of the plural: «братьев Забегаловых», but one person in several words."""

USUAL_WOMEN = listed(
    "александра валентина евгения валерия юлия антонина марина ярослава мирослава владислава станислава",
    "карина клавдия эмилия виталия августина",
)
"""Women's names that are also a form of a man's and as usual as his; all others of that kind are rare."""

_PREPOSITIONS = {
    "gent": listed("от до из у без для после около против среди вместо ради кроме из-за из-под возле со с"),
    "datv": listed("к ко благодаря согласно по вопреки навстречу"),
    "accs": listed("про через в во на за под"),
    "ablt": listed("с со над перед между за под"),
    "loct": listed("в во на о об обо при по"),
}
_CALLED_BY = {
    word: frozenset(case for case, words in _PREPOSITIONS.items() if word in words)
    for words in _PREPOSITIONS.values()
    for word in words
}
_OTHER_CASES = {"gen1": "gent", "gen2": "gent", "acc2": "accs", "loc1": "loct", "loc2": "loct"}

# Endings of surnames that no dictionary knows: gender, cases, ending, what stands for it in the nominative.
_SURNAMES = (
    ("masc", "gent accs", "ого", "ый"), ("masc", "gent accs", "его", "ий"),
    ("masc", "datv", "ому", "ый"), ("masc", "datv", "ему", "ий"),
    ("masc", "ablt", "ым", "ый"), ("masc", "ablt", "им", "ий"),
    ("masc", "gent accs", "а", ""), ("masc", "datv", "у", ""),
    ("masc", "ablt", "ом", ""), ("masc", "loct", "е", ""),
    ("masc", "gent accs", "я", "ь"), ("masc", "datv", "ю", "ь"), ("masc", "ablt", "ем", "ь"),
    ("masc", "gent", "ы", "а"), ("masc", "ablt", "ой", "а"), ("masc", "datv loct", "е", "а"),
    ("femn", "gent datv ablt loct", "ской", "ская"), ("femn", "gent datv ablt loct", "цкой", "цкая"),
    ("femn", "accs", "ую", "ая"), ("femn", "ablt", "ой", "а"), ("femn", "accs", "у", "а"),
    ("femn", "datv loct", "е", "а"), ("femn", "gent", "ы", "а"), ("femn", "gent", "и", "а"),
    ("femn", "ablt", "ей", "я"), ("femn", "accs", "ю", "я"),
)  # fmt: skip
_UNCHANGED = {
    "femn": re.compile("(?:[бвгджзйклмнпрстфхцчшщь]|[оеиуюэ])$"),
    "masc": re.compile("(?:[оеиуюэ]|[ыи]х)$"),
}
_HIS = re.compile("(?<=[оеё]в)()$|(?<=[ыи]н)()$|(?:ый|ий|ой)()$")
_HERS = ("", "а", "а", "ая")
_HUSHING = re.compile("[гкхжчшщ]ый$")
_AFTER_VOWEL = re.compile("(?<=[аеиоуыэюя])ь$")
_HYPHEN = re.compile("[-\u2010\u2011]")
_NOTHING = (0.0, "")


def options(
    readings: Sequence[Reading], fit: Callable[[Reading], float]
) -> dict[Key, tuple[float, Reading | str]]:
    """Return the weight of a word in each key, of several readings the weightiest; *fit* tells how much a
    reading weighs beside its probability."""
    found: dict[Key, tuple[float, Reading | str]] = {}
    for reading in readings:
        weight = fit(reading) * reading.score
        if weight <= 0 or not reading.case:
            continue
        case = _OTHER_CASES.get(reading.case, reading.case)
        if reading.number == PLURAL:
            genders: tuple[str, ...] = (PLURAL,)
        else:
            genders = (reading.gender,) if reading.gender else ("masc", "femn")
        for gender in genders:
            if found.get((case, gender), _NOTHING)[0] < weight:
                found[case, gender] = weight, reading
    return found


def agreed(
    words: Sequence[Options], called: Mapping[str, float], genders: Mapping[str, float] | None = None
) -> tuple[str, ...] | None:
    """Return *words* in the nominative, read in the weightiest key that all of them have; None where they
    have none in common."""
    best: float = 0.0
    found: Key | None = None
    for case in CASES:
        for gender in GENDERS:
            key = case, gender
            if not words or not all(key in word for word in words):
                continue
            weight = prod(word[key][0] for word in words) * called.get(case, 1.0)
            weight *= (genders or {}).get(gender, 1.0)
            if weight > best * 1.0001:
                best, found = weight, key
    if found is None:
        return None
    chosen = (word[found][1] for word in words)
    return tuple(one if isinstance(one, str) else one.nominative for one in chosen)


def called_for(before: Sequence[str], analyzer: Analyzer) -> Mapping[str, float]:
    """Return how much weight the words *before* a name leave each case.

    A preposition says which. After a noun a name is in the genitive or, after a person's («секретарь
    комиссии Соколова»), in the case of that.
    """
    if not before:
        return NOTHING_CALLS
    by_preposition = _CALLED_BY.get(before[-1].lower())
    if by_preposition is None:
        return _after_noun(before, analyzer)
    return {case: 1.0 if case in by_preposition else NOT_CALLED_FOR for case in CASES}


def _after_noun(before: Sequence[str], analyzer: Analyzer) -> Mapping[str, float]:
    people: set[str] = set()
    noun = False
    for word in reversed(before):
        readings = [one for one in analyzer.readings(word) if one.case]
        nouns = [one for one in readings if "NOUN" in one.tags and one.number != PLURAL]
        describing = noun and any({"ADJF", "PRTF"} & one.tags and one.case == "gent" for one in readings)
        if not nouns and not describing:
            break
        if nouns:
            noun = True
            if word.islower() or word is before[0]:  # «Секретарь», but no name
                people.update(one.case for one in nouns if "anim" in one.tags)
            if people or not any(one.case == "gent" for one in nouns):
                break
    if not noun:
        return NOTHING_CALLS
    called = {case: 1.0 if case in people else NOT_CALLED_FOR for case in CASES}
    return {**called, "gent": max(called["gent"], LESS_CALLED_FOR if people else 1.0)}


def cased(word: str, like: str) -> str:
    """Return *word* with capitals where *like* has them, by its parts."""
    if like.isupper() and len(like) > 1:
        return word.upper()
    parts, models = _HYPHEN.split(word), _HYPHEN.split(like)
    if len(parts) != len(models):
        return word[:1].upper() + word[1:] if like[:1].isupper() else word
    return "-".join(
        part[:1].upper() + part[1:] if model[:1].isupper() else part
        for part, model in zip(parts, models, strict=True)
    )


def person(words: Sequence[str], called: Mapping[str, float], analyzer: Analyzer) -> tuple[str, ...]:
    """Return a person's name in the nominative; as it stands where its words do not agree."""
    parts = [_HYPHEN.split(word) for word in words]
    weighed = [_person_options(part, analyzer) for some in parts for part in some]
    plural = ONE_PLURAL if len(weighed) == 1 else PLURAL_PART
    found = agreed(weighed, called, {"neut": 0.0, PLURAL: plural})
    if found is None:
        return tuple(words)
    left = iter(found)
    return tuple(
        cased("-".join(next(left) for _ in some), word) for some, word in zip(parts, words, strict=True)
    )


def _person_options(word: str, analyzer: Analyzer) -> Options:
    readings = analyzer.readings(word)
    names = [one for one in readings if "Name" in one.tags]
    declined = any("Fixd" not in one.tags for one in names)
    adjectives = {one.nominative for one in readings if "ADJF" in one.tags and "Poss" not in one.tags}
    of_a_man = any(one.gender == "masc" for one in names)

    def fit(reading: Reading) -> float:
        tags = reading.tags
        if tags.isdisjoint({"Name", "Patr", "Surn"}):
            usable = {"NOUN", "ADJF"} & tags and "Abbr" not in tags and reading.number != PLURAL
            return OTHER_WORD if usable else 0.0
        if {"Name", "Fixd"} <= tags and declined:
            return RARE_NAME
        if "Surn" in tags and reading.nominative in adjectives:
            return AS_ADJECTIVE
        woman = "Name" in tags and (reading.gender, reading.case, reading.number) == ("femn", "nomn", "sing")
        return RARE_WOMAN if woman and of_a_man and reading.lemma not in USUAL_WOMEN else 1.0

    found = options(readings, fit)
    if not any("Patr" in one.tags for one in readings):
        for key, guessed in _guesses(word.lower()).items():
            found.setdefault(key, guessed)
    return found


def _guesses(word: str) -> dict[Key, tuple[float, Reading | str]]:
    """Return how a surname that no dictionary knows may be declined."""
    found: dict[Key, tuple[float, Reading | str]] = {}
    for gender, cases, ending, instead in _SURNAMES:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            made = _AFTER_VOWEL.sub("й", word[: -len(ending)] + instead)
            made = made[:-2] + "ий" if _HUSHING.search(made) else made
            for case in cases.split():
                found.setdefault((case, gender), (GUESSED, made))
    for gender in ("masc", "femn"):
        for case in CASES if _UNCHANGED[gender].search(word) else ("nomn",):
            found.setdefault((case, gender), (GUESSED / 2, word))
    return found


def of_one(surname: str, *, woman: bool) -> str:
    """Return a man's surname in the nominative as the *woman* of the family has it."""
    return _HIS.sub(lambda end: _HERS[end.lastindex or 0], surname) if woman else surname


def alike(one: str, two: str) -> bool:
    """Tell whether two surnames are one but for gender: «Петров» may be «Петрова» read as his."""
    return _stem(one) == _stem(two)


def _stem(surname: str) -> str:
    return re.sub("(?<=[вн])а$|(?<=[сц]к)(?:ая|ий|ой)$|ый$", "", fold(surname))
