"""People, organisations and places that an article names, with their forms merged into the nominative.

Slovnet's model of Russian news says where names are; the rules of ``naming`` add what it was not
trained for (schools by number, names in quotes, patronymics, districts) and take away what it takes
for names at the beginning of a sentence. The model is the extra ``searchsvc[names]``: its files come
with the package natasha, of which no code is run (it wants pymorphy2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from corpus.article import PART_GAP, Article
from searchsvc.analysis import Analyzer
from searchsvc.errors import NamesMissingError
from searchsvc.naming import require_model
from searchsvc.naming.institutions import Institutions
from searchsvc.naming.people import People
from searchsvc.naming.places import Places
from searchsvc.naming.values import merged_organisations
from searchsvc.naming.words import Found, Kind, Word, words_of
from searchsvc.text import fold

NAMES_VERSION = "3"
"""What a generation's manifest says of how names were found; another one calls for a rebuild."""

MAX_TEXT = 20_000
"""Characters of an article that names are looked for in; what is longer is lists and reports."""

MOST_NAMES = 200
"""Names of a kind kept of an article: winners of an olympiad may be a thousand."""

_NER = Path("data", "model", "slovnet_ner_news_v1.tar")
_NAVEC = Path("data", "emb", "navec_news_v1_1B_250K_300d_100q.tar")
KINDS: tuple[Kind, ...] = ("person", "organisation", "place")

_KINDS: dict[str, Kind] = {"PER": "person", "ORG": "organisation", "LOC": "place"}
_BREAKS = frozenset("()[]/:;")
_SAME_PLACES = {"рф": "Россия", "российская федерация": "Россия"}


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a text; ``normal`` is it in the nominative, its words in their order."""

    kind: Kind
    start: int
    stop: int
    normal: str


@dataclass(frozen=True, slots=True)
class Named:
    """Whom and what an article names, each once, as facets show it."""

    people: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


NOBODY = Named()


class NameRules:
    """What can be said of names without the model."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._institutions = Institutions(analyzer)
        self._places = Places(analyzer, self._institutions)
        self._people = People(analyzer)

    def typed(self, kind: Kind, text: str) -> str:
        """Return a name that somebody typed, in any case and without capitals, as facets show it."""
        if kind == "organisation":
            words = words_of(text)
            return self._institutions.typed(words) if words else text
        words = words_of(_with_capitals(text))
        if not words:
            return text
        if kind == "place":
            normal = self._places.typed(words)
            return _SAME_PLACES.get(fold(normal), normal)
        normal = self._people.person(words, 0, len(words)).normal
        return next(iter(self._people.merged([normal])), normal)

    def found(self, words: Sequence[Word], spans: Sequence[Found]) -> list[Found]:
        """Return the names among *words*, *spans* being what the model takes for such."""
        institutions, places, people = self._institutions, self._places, self._people
        marked = {at for one in spans if one.kind == "organisation" for at in range(one.first, one.last)}
        taken = _Taken()
        taken.add(institutions.find(words, marked))
        taken.add(places.find(words))
        seen = [one for one in spans if one.kind == "person" and taken.is_free(one)]
        misread = [one for one in seen if one.last - one.first == 1 and places.is_place(words[one.first])]
        taken.add(people.find(words, [one for one in seen if one not in misread]))
        for one in spans:
            if taken.is_free(one) and (one.kind == "place" or one in misread):
                taken.add([places.judged(words, one.first, one.last)])
            elif taken.is_free(one) and one.kind == "organisation":
                taken.add([institutions.judged(words, one.first, one.last)])
        return sorted(taken.found, key=lambda one: one.first)

    def merged(self, mentions: Iterable[Mention]) -> Named:
        """Return the names of one article, the forms and short forms of each as one."""
        normal: dict[Kind, list[str]] = {"person": [], "organisation": [], "place": []}
        for mention in mentions:
            normal[mention.kind].append(mention.normal)
        return Named(
            people=self._people.merged(normal["person"])[:MOST_NAMES],
            organisations=_distinct(merged_organisations(normal["organisation"])),
            places=_distinct(_SAME_PLACES.get(fold(one), one) for one in normal["place"]),
        )


class NameFinder:
    """Finds names. The model is loaded on first use; one thread at a time.

    Raises:
        NamesMissingError: the extra is not installed.
    """

    def __init__(self, analyzer: Analyzer) -> None:
        require_model()
        self._rules = NameRules(analyzer)

    def mentions(self, text: str) -> list[Mention]:
        """Return the names in *text* in their order."""
        words = words_of(text)
        if not words:
            return []
        return [
            Mention(one.kind, words[one.first].start, words[one.last - 1].stop, one.normal)
            for one in self._rules.found(words, _spans(self._model(text).spans, words))
        ]

    def named(self, article: Article) -> Named:
        """Return whom and what *article* names in title, lead and body."""
        text = PART_GAP.join(text for name, text in article.parts() if name != "tags")
        return self._rules.merged(self.mentions(text[:MAX_TEXT]))

    @cached_property
    def _model(self) -> Any:
        from navec import Navec
        from slovnet import NER
        from threadpoolctl import ThreadpoolController

        spec = find_spec("natasha")
        folder = next(iter((spec and spec.submodule_search_locations) or ()), "")
        if not Path(folder, _NER).is_file():
            raise NamesMissingError
        model = NER.load(Path(folder, _NER)).navec(Navec.load(Path(folder, _NAVEC)))
        # Its matrices are small: several threads wait for one another and take a hundred times as long.
        return ThreadpoolController().wrap(limits=1, user_api="blas")(model)


@lru_cache(maxsize=1)
def name_finder(analyzer: Analyzer) -> NameFinder:
    """Return the finder of this process; loading the model takes half a second."""
    return NameFinder(analyzer)


class _Taken:
    """Names found so far; what overlaps an earlier one is not taken."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self._words: set[int] = set()

    def is_free(self, one: Found) -> bool:
        return self._words.isdisjoint(range(one.first, one.last))

    def add(self, some: Iterable[Found | None]) -> None:
        for one in some:
            if one is not None and self.is_free(one):
                self.found.append(one)
                self._words.update(range(one.first, one.last))


def _spans(spans: Iterable[Any], words: Sequence[Word]) -> list[Found]:
    """Return the model's spans of characters as spans of words, cut at brackets and paragraphs."""
    found: list[Found] = []
    for span in spans:
        former = -1
        for at, word in enumerate(words):
            if word.start >= span.stop or word.stop <= span.start or word.text in _BREAKS:
                continue
            if former == at - 1 and former >= 0 and not word.opens:
                found[-1] = replace(found[-1], last=at + 1)
            else:
                found.append(Found(_KINDS[span.type], at, at + 1))
            former = at
    return found


def _with_capitals(text: str) -> str:
    """Return *text* with each word as a name has it."""
    return re.sub(r"[^\W\d_]+", lambda word: word.group().capitalize(), text)


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for value in values:
        kept.setdefault(fold(value), value)
    return tuple(kept.values())[:MOST_NAMES]
