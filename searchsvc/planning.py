"""Query tree to plan: what the engine is asked, and what ranking and snippets look for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from searchsvc import engine, query
from searchsvc.analysis import Analyzer, Token
from searchsvc.document import family_hash, term_hash
from searchsvc.engine import FORMS, MAX_UNITS, TEXT, TITLE, AnyOf, Either, Sequence, title_form

MAX_EXPANSIONS = 16
"""Cross product of a phrase's lemmas that an engine must be able to expand (decision 10)."""


@dataclass(frozen=True, slots=True)
class Word:
    """A single word of a query as ranking and snippets see it.

    ``lemmas``, ``families`` and ``form`` are hashes as in records. ``exact`` words are highlighted in their
    very form only; ``weak`` ones (stop words beside others) are not highlighted.
    """

    text: str
    lemmas: frozenset[int]
    families: frozenset[int]
    form: int
    exact: bool = False
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """What a full match must have: a word or phrase as typed, and the engine's clause for it."""

    text: str
    clause: engine.Clause


@dataclass(frozen=True, slots=True)
class Planned:
    """A query in an engine's terms; ``words`` runs parallel to ``word_clauses``."""

    units: tuple[Unit, ...]
    excluded: tuple[engine.Clause, ...]
    excluded_values: tuple[query.Filter, ...]
    filters: Mapping[str, tuple[str, ...]]
    days: tuple[int | None, int | None] | None
    words: tuple[Word, ...]
    word_clauses: tuple[engine.Clause, ...]


def plan(tree: query.Query, analyzer: Analyzer) -> Planned:
    """Analyse *tree*. Stop words become units only where there is nothing else.

    What goes beyond ``MAX_UNITS`` words is left out: programs type that much, people do not.
    """
    compiler = _Compiler(analyzer)
    strong: list[Unit] = []
    weak: list[Unit] = []
    excluded: list[engine.Clause] = []
    for clause in tree.positive():
        for unit, stop in compiler.units(clause):
            (weak if stop else strong).append(unit)
    words = compiler.words()
    for item in tree.clauses:
        if isinstance(item, query.Exclusion) and not isinstance(item.clause, query.Filter):
            excluded.extend(unit.clause for unit, _ in compiler.units(item.clause, seen=False))
    dates = [item for item in tree.clauses if isinstance(item, query.DateFilter)]
    return Planned(
        units=tuple({unit.clause: unit for unit in strong or weak}.values())[:MAX_UNITS],
        excluded=tuple(excluded),
        excluded_values=tuple(
            item.clause
            for item in tree.clauses
            if isinstance(item, query.Exclusion) and isinstance(item.clause, query.Filter)
        ),
        filters=tree.filters(),
        days=_days(dates),
        words=tuple(word for word, _ in words),
        word_clauses=tuple(clause for _, clause in words),
    )


def _days(dates: list[query.DateFilter]) -> tuple[int | None, int | None] | None:
    """Return the days that all date filters allow."""
    if not dates:
        return None
    starts = [item.since.toordinal() for item in dates if item.since]
    ends = [item.until.toordinal() for item in dates if item.until]
    return max(starts, default=None), min(ends, default=None)


class _Compiler:
    """Makes clauses and remembers the words met on the way."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._seen: list[tuple[Token, bool]] = []

    def units(
        self, clause: query.Word | query.Phrase | query.Alternatives, *, seen: bool = True
    ) -> list[tuple[Unit, bool]]:
        """Return the units of *clause*, each with whether it is a stop word."""
        if isinstance(clause, query.Alternatives):
            options = [self._whole(option, seen) for option in clause.options]
            found = tuple(option for option in options if option is not None)
            text = " ИЛИ ".join(option.text for option in clause.options)
            return [(Unit(text, Either(found) if len(found) > 1 else found[0]), False)] if found else []
        tokens = self._tokens(clause, seen)
        if not tokens:
            return []
        if isinstance(clause, query.Phrase):
            return [(Unit(f"«{clause.text}»", _sequence(tokens, clause.title)), False)]
        return [
            (
                Unit(clause.text if len(groups) == 1 else group[0].form, _word(group, clause)),
                _is_stop(group, clause),
            )
            for groups in [_groups(tokens)]
            for group in groups
        ]

    def _whole(self, option: query.Word | query.Phrase, seen: bool) -> engine.Clause | None:
        tokens = self._tokens(option, seen)
        if not tokens:
            return None
        if isinstance(option, query.Word) and len(_groups(tokens)) == 1:
            return _word(tokens, option)
        return _sequence(tokens, option.title)

    def _tokens(self, clause: query.Word | query.Phrase, seen: bool) -> list[Token]:
        tokens = list(self._analyzer.tokens(clause.text))
        if seen:
            exact = isinstance(clause, query.Word) and clause.exact
            self._seen.extend((token, exact) for token in tokens)
        return tokens

    def words(self) -> list[tuple[Word, engine.Clause]]:
        """Return the distinct words met, wholes of compounds left out where their parts stand.

        Stop words are weak beside others, but not where they are asked for in their very form.
        """
        others = any(not token.stop_word for token, _ in self._seen)
        found: dict[tuple[str, ...], tuple[Word, engine.Clause]] = {}
        for token, exact in self._seen:
            if token.whole:
                continue
            hashes = frozenset(term_hash(lemma) for lemma in token.lemmas)
            families = frozenset(family_hash(lemma) for lemma in token.lemmas)
            weak = others and token.stop_word and not exact
            word = Word(token.form, hashes, families, term_hash(token.folded), exact, weak)
            found.setdefault(token.lemmas, (word, AnyOf(token.lemmas)))
        return list(found.values())[:MAX_UNITS]


def _groups(tokens: list[Token]) -> list[list[Token]]:
    """Split tokens into words: a compound's whole with its parts is one."""
    groups: list[list[Token]] = []
    covered = -1
    for token in tokens:
        if token.whole:
            groups.append([token])
            covered = token.stop
        elif token.stop <= covered:
            groups[-1].append(token)
        else:
            groups.append([token])
    return groups


def _is_stop(group: list[Token], clause: query.Word) -> bool:
    return group[0].stop_word and not clause.exact


def _word(group: list[Token], clause: query.Word) -> engine.Clause:
    first = group[0]
    if clause.exact:
        return AnyOf((title_form(first.folded) if clause.title else first.folded,), FORMS)
    field = TITLE if clause.title else TEXT
    if not first.whole:
        return AnyOf(first.lemmas, field)
    if len(group) == 1:
        return AnyOf(first.lemmas, field)
    return Either((AnyOf(first.lemmas, field), _sequence(group, clause.title)))


def _sequence(tokens: list[Token], title: bool) -> engine.Clause:
    parts = [token for token in tokens if not token.whole] or tokens
    field = TITLE if title else TEXT
    if len(parts) == 1:
        return AnyOf(parts[0].lemmas, field)
    lemmas = [list(token.lemmas) for token in parts]
    while prod(map(len, lemmas)) > MAX_EXPANSIONS:
        max(lemmas, key=len).pop()  # the least plausible reading of the most ambiguous word
    base = parts[0].position
    steps = tuple((token.position - base, tuple(terms)) for token, terms in zip(parts, lemmas, strict=True))
    return Sequence(steps, field)
