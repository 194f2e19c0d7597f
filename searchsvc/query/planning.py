"""Query tree to plan: what the engine is asked, and what ranking and snippets look for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod

from searchsvc import engine
from searchsvc.engine import FORMS, MAX_UNITS, TEXT, TITLE, AnyOf, Either, Sequence, title_form
from searchsvc.language.analysis import Analyzer, Token
from searchsvc.language.synonyms import Steps, Synonyms
from searchsvc.query import syntax as query
from searchsvc.store.document import family_hash, term_hash

MAX_EXPANSIONS = 16
"""Cross product of a phrase's lemmas that every engine must be able to expand."""

MAX_ALTERNATIVES = 8
"""Synonyms of a word that are searched for; nothing in the packaged list has as many."""

IN_TITLE = "заголовок:"
"""What asks for a word in the title, as units write it."""

_HYPHENATED = re.compile(r"\w+(?:[-\u2010\u2011]\w+)+")  # no address, no date

Run = tuple[frozenset[int], ...]
"""Words side by side as records know them: the hashes of each one's lemmas."""


@dataclass(frozen=True, slots=True)
class Word:
    """A single word of a query as ranking and snippets see it.

    ``lemmas``, ``families`` and ``form`` are hashes as in records. ``exact`` words are highlighted in their
    very form only; ``weak`` ones (stop words beside others) are not highlighted. A ``name`` has a capital
    letter, and that not because the query begins with it. ``also`` may stand in the word's place: its
    synonyms, of which ``also_families`` are the families.
    """

    text: str
    lemmas: frozenset[int]
    families: frozenset[int]
    form: int
    exact: bool = False
    weak: bool = False
    name: bool = False
    also: tuple[Run, ...] = ()
    also_families: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Unit:
    """What a full match must have: a word or phrase as typed, and the engine's clause for it.

    ``query`` asks for it alone: in the title, in this form, where that was asked. ``parts`` are the words of
    a hyphenated one, which near matches may have where nothing has the whole.
    """

    text: str
    query: str
    clause: engine.Clause
    parts: tuple[Unit, ...] = ()


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

    @property
    def parts(self) -> tuple[Unit, ...]:
        """The parts of all units, in order; candidates tell of them by the bits after those of units."""
        return tuple(part for unit in self.units for part in unit.parts)

    @property
    def text(self) -> str:
        """The words that are looked for, as they were typed, without marks and operators."""
        return " ".join(word.text for word in self.words)


def plan(tree: query.Query, analyzer: Analyzer, synonyms: Synonyms | None = None) -> Planned:
    """Analyse *tree*. Stop words become units only where there is nothing else.

    A word that is, or is part of, a left or right side of *synonyms* matches the other side, too.

    What goes beyond ``MAX_UNITS`` words is left out: programs type that much, people do not.
    """
    compiler = _Compiler(analyzer, _alternatives(tree, analyzer, synonyms) if synonyms else {})
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


_Place = tuple[int, int]
"""Where a token stands in a query: the beginning of its clause, and its own within the clause."""


def _alternatives(
    tree: query.Query, analyzer: Analyzer, synonyms: Synonyms
) -> dict[_Place, tuple[Steps, ...]]:
    """Return what else may stand for the words of *tree*; quotes, operators and fields part words."""
    found: dict[_Place, tuple[Steps, ...]] = {}
    run: list[tuple[_Place, int, Token]] = []  # with the number of the group, which is replaced as a whole
    groups = 0
    for clause in _apart(tree.clauses):
        if isinstance(clause, query.Word) and not clause.exact and not clause.title:
            for group in _groups(list(analyzer.tokens(clause.text))):
                groups += 1
                run += [((clause.span[0], token.start), groups, token) for token in group if not token.whole]
            continue
        numbers = [number for _, number, _ in run]
        for other in synonyms.alternatives([token for _, _, token in run]):
            inside = numbers[other.first : other.last + 1]
            if inside[0] in numbers[: other.first] or inside[-1] in numbers[other.last + 1 :]:
                continue  # a part of a compound
            for place, _, _ in run[other.first : other.last + 1]:
                known = found.get(place, ())
                if other.steps not in known and len(known) < MAX_ALTERNATIVES:
                    found[place] = (*known, other.steps)
        run.clear()
    return found


def _apart(clauses: Iterable[query.Clause]) -> Iterator[query.Clause | None]:
    """Yield *clauses* and None at the end of each run; an option of an alternative is a run of its own."""
    for clause in clauses:
        if isinstance(clause, query.Alternatives):
            yield None
            for option in clause.options:
                yield from (option, None)
        else:
            yield clause
    yield None


class _Compiler:
    """Makes clauses and remembers the words met on the way."""

    def __init__(self, analyzer: Analyzer, also: Mapping[_Place, tuple[Steps, ...]]) -> None:
        self._analyzer = analyzer
        self._also = also
        self._seen: list[tuple[Token, bool, tuple[Steps, ...]]] = []

    def units(
        self, clause: query.Word | query.Phrase | query.Alternatives, *, seen: bool = True
    ) -> list[tuple[Unit, bool]]:
        """Return the units of *clause*, each with whether it is a stop word."""
        if isinstance(clause, query.Alternatives):
            options = [self._whole(option, seen) for option in clause.options]
            found = tuple(option for option in options if option is not None)
            text = " ИЛИ ".join(option.text for option in clause.options)
            asked = " ИЛИ ".join(_asked(option, option.text) for option in clause.options)
            whole = Either(found) if len(found) > 1 else found[0] if found else None
            return [(Unit(text, asked, whole), False)] if whole else []
        tokens = self._tokens(clause, seen)
        if not tokens:
            return []
        if isinstance(clause, query.Phrase):
            sequence = _sequence(tokens, clause.title)
            return [(Unit(f"«{clause.text}»", _asked(clause, clause.text), sequence), False)]
        return [
            (
                Unit(
                    text,
                    _asked(clause, text),
                    _either(_word(group, clause), self._others(clause, group) if seen else ()),
                    _parts(group, clause),
                ),
                _is_stop(group, clause),
            )
            for groups in [_groups(tokens)]
            for group in groups
            for text in [clause.text if len(groups) == 1 else group[0].form]
        ]

    def _whole(self, option: query.Word | query.Phrase, seen: bool) -> engine.Clause | None:
        tokens = self._tokens(option, seen)
        if not tokens:
            return None
        others = self._others(option, tokens)
        if isinstance(option, query.Word) and len(_groups(tokens)) == 1:
            return _either(_word(tokens, option), others)
        return _either(_sequence(tokens, option.title), others)

    def _tokens(self, clause: query.Word | query.Phrase, seen: bool) -> list[Token]:
        tokens = list(self._analyzer.tokens(clause.text))
        if seen:
            exact = isinstance(clause, query.Word) and clause.exact
            self._seen.extend((token, exact, self._others(clause, [token])) for token in tokens)
        return tokens

    def _others(self, clause: query.Word | query.Phrase, group: list[Token]) -> tuple[Steps, ...]:
        found = (self._also.get((clause.span[0], token.start), ()) for token in group if not token.whole)
        return tuple(dict.fromkeys(steps for mine in found for steps in mine))

    def words(self) -> list[tuple[Word, engine.Clause]]:
        """Return the distinct words met, wholes of compounds left out where their parts stand.

        Stop words are weak beside others, but not where they are asked for in their very form.
        """
        others = any(not token.stop_word for token, _, _ in self._seen)
        first = next((token for token, _, _ in self._seen if not token.whole), None)
        found: dict[tuple[str, ...], tuple[Word, engine.Clause]] = {}
        for token, exact, also in self._seen:
            if token.whole:
                continue
            word = Word(
                token.form,
                _hashes(token.lemmas),
                frozenset(family_hash(lemma) for lemma in token.lemmas),
                term_hash(token.folded),
                exact,
                weak=others and token.stop_word and not exact,
                name=token.form[:1].isupper() and token is not first,
                also=tuple(tuple(_hashes(lemmas) for lemmas in steps) for steps in also),
                also_families=frozenset(
                    family_hash(lemma) for steps in also for lemmas in steps for lemma in lemmas
                ),
            )
            found.setdefault(token.lemmas, (word, _either(AnyOf(token.lemmas), also)))
        return list(found.values())[:MAX_UNITS]


def _asked(clause: query.Word | query.Phrase, text: str) -> str:
    """Return the query that asks for *text* as *clause* does."""
    if isinstance(clause, query.Phrase):
        text = f"«{text}»"
    elif clause.exact:
        text = f"!{text}"
    return f"{IN_TITLE}{text}" if clause.title else text


def _hashes(lemmas: tuple[str, ...]) -> frozenset[int]:
    return frozenset(term_hash(lemma) for lemma in lemmas)


def _either(clause: engine.Clause, also: tuple[Steps, ...]) -> engine.Clause:
    options = clause.options if isinstance(clause, Either) else (clause,)
    return Either((*options, *map(_side_by_side, also))) if also else clause


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
    written = [_sequence(group, clause.title)]
    if _is_document_number(group):  # «273-ФЗ» is written «ФЗ-273» and «ФЗ № 273», too
        written.append(_sequence(group, clause.title, backwards=True))
    return Either((AnyOf(first.lemmas, field), *written))


def _parts(group: list[Token], clause: query.Word) -> tuple[Unit, ...]:
    """Return the words of a hyphenated word; numbers, letters and stop words alone tell nothing."""
    if clause.exact or clause.title or not _HYPHENATED.fullmatch(group[0].form):
        return ()
    telling = (token for token in group[1:] if len(token.form) > 1 and not token.stop_word)
    words = ((token.form, token.lemmas) for token in telling if not token.form.isdigit())
    return tuple(Unit(form, form, AnyOf(lemmas)) for form, lemmas in words)


def _is_document_number(group: list[Token]) -> bool:
    """Say whether a compound is a number and letters («273-ФЗ», «ФЗ-273»), in either order."""
    parts = [token.folded for token in group if not token.whole]
    return len(parts) == 2 and parts[0].isdigit() != parts[1].isdigit() and all(map(str.isalnum, parts))


def _sequence(tokens: list[Token], title: bool, *, backwards: bool = False) -> engine.Clause:
    parts = [token for token in tokens if not token.whole] or tokens
    field = TITLE if title else TEXT
    if len(parts) == 1:
        return AnyOf(parts[0].lemmas, field)
    offsets = [token.position - parts[0].position for token in parts]
    lemmas = _bounded([token.lemmas for token in parts])
    return Sequence(tuple(zip(offsets, lemmas[::-1] if backwards else lemmas, strict=True)), field)


def _side_by_side(steps: Steps) -> engine.Clause:
    if len(steps) == 1:
        return AnyOf(steps[0])
    return Sequence(tuple(enumerate(_bounded(steps))))


def _bounded(steps: Iterable[tuple[str, ...]]) -> Steps:
    """Drop the least plausible readings of the most ambiguous words until few combinations are left."""
    lemmas = [list(terms) for terms in steps]
    while prod(map(len, lemmas)) > MAX_EXPANSIONS:
        max(lemmas, key=len).pop()
    return tuple(map(tuple, lemmas))
