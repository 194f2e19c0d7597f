"""Random articles, histories and searches, from a small vocabulary so that they meet often."""

from __future__ import annotations

import random
from collections.abc import Sequence as Several
from typing import Literal

from searchsvc.engine import FORMS, NAMES, TEXT, TITLE, AnyOf, Clause, Either, Entry, Plan, Sequence

LEMMAS = ("а", "б", "в", "г", "д", "е", "ж", "з", "школа", "вуз", "егэ")
SOURCES = ("ug.ru", "mel.fm", "")
CATEGORIES = ("ЕГЭ", "вузы", "школа и семья", "")
TAGS = ("выпускники", "д'аламбер", "🎓")
PEOPLE = tuple(f"Имя {letter}" for letter in "абвгдежзиклмнопр")
PLACES = ("Ёлки", "Елки", "Мга", "")
DAY = 86_400
EPOCH = 719_163  # ordinal of 1970-01-01
FIELD_CHOICES = (TEXT, TEXT, TEXT, TITLE)
ORDERS: tuple[Literal["relevance", "-date", "date"], ...] = ("relevance", "-date", "date")


class Chance:
    """Draws from *source*."""

    def __init__(self, source: random.Random) -> None:
        self._random = source

    def entry(self, article_id: str, key: int) -> Entry:
        """Return an article of up to 14 positions, some of them with several lemmas or none."""
        draw = self._random
        seats = self._seats(draw.randint(0, 14))
        dated = draw.random() < 0.8
        day = EPOCH + draw.randint(-400, 400)
        stamp = (day - EPOCH) * DAY + draw.choice((0, 0, 0, 3600))
        return Entry(
            article_id=article_id,
            key=key,
            # halves are exact in four bytes, so that engine and model see the same ties
            text={term: (draw.randint(1, 6) / 2, at) for term, at in seats.items()},
            title=self._seats(draw.randint(0, 4)),
            forms=frozenset(draw.sample(LEMMAS, draw.randint(0, 4))),
            source=draw.choice(SOURCES),
            categories=tuple(draw.choices(CATEGORIES, k=draw.randint(0, 3))),
            tags=tuple(draw.choices(TAGS, k=draw.randint(0, 2))),
            day=day if dated else None,
            year=1970 + (day - EPOCH) // 365 if dated else None,
            stamp=stamp if dated else None,
            length=draw.choice((0, 5, 5, 5, 80, 3000)),
            people=tuple(draw.choices(PEOPLE, k=draw.choice((0, 0, 1, 2, 5)))),
            organisations=draw.choice(((), ("МГУ",))),
            places=tuple(draw.choices(PLACES, k=draw.randint(0, 2))),
        )

    def _seats(self, size: int) -> dict[str, tuple[int, ...]]:
        draw = self._random
        seats: dict[str, list[int]] = {}
        position = 0
        for _ in range(size):
            for term in set(draw.choices(LEMMAS, k=draw.choice((1, 1, 1, 2)))):
                seats.setdefault(term, []).append(position)
            position += draw.choice((1, 1, 1, 1, 2, 100))
        return {term: tuple(at) for term, at in sorted(seats.items())}

    def changes(self, known: Several[str], size: int) -> tuple[list[str], list[str]]:
        """Return ids to delete and ids to write, old and new; an id may stand in both."""
        draw = self._random
        deleted = [article_id for article_id in known if draw.random() < 0.15]
        fresh = [f"n{draw.randint(0, 10**6):06}" for _ in range(size)]
        replaced = [article_id for article_id in known if draw.random() < 0.2]
        return deleted, sorted(set(fresh + replaced))

    def plan(self) -> Plan:
        """Return a search that may use everything at once."""
        draw = self._random
        some = draw.random
        first = EPOCH + draw.randint(-400, 400)
        return Plan(
            units=tuple(self.clause() for _ in range(draw.choice((0, 1, 1, 2, 2, 3)))),
            words=tuple(self.clause() for _ in range(draw.choice((0, 0, 2)))),
            excluded=tuple(self.clause() for _ in range(draw.choice((0, 0, 0, 1, 2)))),
            filters=self._filters(),
            days=(first, first + draw.choice((0, 30, 400))) if some() < 0.25 else None,
            order=draw.choice(ORDERS),
            depth=draw.choice((1000, 1000, 7, 1)),
            facets=tuple(name for name in ("source", "category", "year", *NAMES) if some() < 0.5),
            facet_limit=draw.choice((10, 10, 3, 1, 0, 100)),
            near_below=draw.choice((10, 10, 1, 0)),
            near_limit=draw.choice((200, 200, 3)),
        )

    def clause(self, depth: int = 0) -> Clause:
        """Return a clause; one in four is nested."""
        draw = self._random
        kind = draw.choice(("any", "any", "forms", "sequence", "either" if depth < 2 else "any"))
        if kind == "either":
            return Either(tuple(self.clause(depth + 1) for _ in range(draw.randint(1, 3))))
        if kind == "sequence":
            offset, steps = draw.choice((0, 0, 3)), []
            for _ in range(draw.randint(1, 3)):
                steps.append((offset, self._terms()))
                offset += draw.choice((1, 1, 2))
            return Sequence(tuple(steps), draw.choice(FIELD_CHOICES))
        return AnyOf(self._terms(), FORMS if kind == "forms" else draw.choice(FIELD_CHOICES))

    def _terms(self) -> tuple[str, ...]:
        return tuple(self._random.sample((*LEMMAS, "неведомый"), self._random.choice((1, 1, 1, 2, 3))))

    def _filters(self) -> dict[str, tuple[str, ...]]:
        draw = self._random
        choices = {"source": SOURCES, "category": CATEGORIES, "tag": TAGS, "year": ("1969", "1970", "1971")}
        choices |= {"person": PEOPLE, "place": PLACES}
        return {
            name: tuple(draw.sample(values, draw.choice((1, 1, 2))))
            for name, values in choices.items()
            if draw.random() < 0.2
        }
